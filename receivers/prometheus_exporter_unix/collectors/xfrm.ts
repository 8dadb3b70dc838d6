// Errors of IPsec: /proc/net/xfrm_stat (kernel: networking/xfrm_proc).
import type { MetricFamily } from '#component'
import type { CollectorDefinition } from '../collector.ts'
import { counter } from '../families.ts'

/** By the file's fields, without the `Xfrm` in front. */
const helps: Readonly<Record<string, string>> = {
  InError: 'All errors not matched by other',
  InBufferError: 'No buffer is left',
  InHdrError: 'Header error',
  InNoStates: 'No state is found i.e. Either inbound SPI, address, or IPsec protocol at SA is wrong',
  InStateProtoError: 'Transformation protocol specific error e.g. SA key is wrong',
  InStateModeError: 'Transformation mode specific error',
  InStateSeqError: 'Sequence error i.e. Sequence number is out of window',
  InStateExpired: 'State is expired',
  InStateMismatch: 'State has mismatch option e.g. UDP encapsulation type is mismatch',
  InStateInvalid: 'State is invalid',
  InTmplMismatch: 'No matching template for states e.g. Inbound SAs are correct but SP rule is wrong',
  InNoPols: 'No policy is found for states e.g. Inbound SAs are correct but no SP is found',
  InPolBlock: 'Policy discards',
  InPolError: 'Policy error',
  OutError: 'All errors which is not matched others',
  OutBundleGenError: 'Bundle generation error',
  OutBundleCheckError: 'Bundle check error',
  OutNoStates: 'No state is found',
  OutStateProtoError: 'Transformation protocol specific error',
  OutStateModeError: 'Transformation mode specific error',
  OutStateSeqError: 'Sequence error i.e. Sequence number overflow',
  OutStateExpired: 'State is expired',
  OutPolBlock: 'Policy discards',
  OutPolDead: 'Policy is dead',
  OutPolError: 'Policy error',
  FwdHdrError: 'Forward routing of a packet is not allowed',
  OutStateInvalid: 'State is invalid, perhaps expired',
  AcquireError: 'State hasn’t been fully acquired before use',
}

/** `InNoPols` is `node_xfrm_in_no_pols_packets_total`. */
const families: readonly (readonly [string, MetricFamily])[] = Object.entries(helps).map(([field, help]) => {
  const words = field.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toLowerCase()
  return [`Xfrm${field}`, counter(`node_xfrm_${words}_packets_total`, help)]
})

export const collector: CollectorDefinition = {
  name: 'xfrm',
  enabledByDefault: false,
  create: () => ({
    name: 'xfrm',
    collect(sink, files) {
      const values = new Map<string, number>()
      for (const line of files.read(files.proc('net/xfrm_stat')).split('\n')) {
        const [field, value] = line.trim().split(/\s+/)
        if (field && value !== undefined) values.set(field, Number(value))
      }
      // A field that this kernel lacks counts as 0, as in node_exporter.
      for (const [field, family] of families) sink.sample(family, values.get(field) ?? 0)
    },
  }),
}
