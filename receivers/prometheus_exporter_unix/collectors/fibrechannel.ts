// Fibre Channel hosts: /sys/class/fc_host (drivers/scsi/scsi_transport_fc.c of the kernel).
import { isMissing, NoDataError } from '../collector.ts'
import type { CollectorDefinition } from '../collector.ts'
import { counter, gauge } from '../families.ts'
import type { HostFiles } from '../files.ts'

/** Label and file. */
const texts = [
  ['speed', 'speed'],
  ['port_state', 'port_state'],
  ['port_type', 'port_type'],
  ['port_id', 'port_id'],
  ['port_name', 'port_name'],
  ['fabric_name', 'fabric_name'],
  ['symbolic_name', 'symbolic_name'],
  ['supported_classes', 'supported_classes'],
  ['supported_speeds', 'supported_speeds'],
  ['dev_loss_tmo', 'dev_loss_tmo'],
] as const
const info = gauge('node_fibrechannel_info', 'Non-numeric data from /sys/class/fc_host/<host>, value is always 1.', [
  'fc_host',
  ...texts.map(([label]) => label),
])
/** Shown without their `0x`. */
const hexadecimal: ReadonlySet<string> = new Set(['port_id', 'port_name', 'fabric_name'])

const total = (name: string, help: string) => counter(`node_fibrechannel_${name}_total`, help, ['fc_host'])
const counters = [
  ['dumped_frames', total('dumped_frames', 'Number of dumped frames')],
  ['error_frames', total('error_frames', 'Number of errors in frames')],
  ['invalid_crc_count', total('invalid_crc', 'Invalid Cyclic Redundancy Check count')],
  ['rx_frames', total('rx_frames', 'Number of frames received')],
  ['rx_words', total('rx_words', 'Number of words received by host port')],
  ['tx_frames', total('tx_frames', 'Number of frames transmitted by host port')],
  ['tx_words', total('tx_words', 'Number of words transmitted by host port')],
  ['seconds_since_last_reset', total('seconds_since_last_reset', 'Number of seconds since last host port reset')],
  ['invalid_tx_word_count', total('invalid_tx_words', 'Number of invalid words transmitted by host port')],
  ['link_failure_count', total('link_failure', 'Number of times the host port link has failed')],
  ['loss_of_sync_count', total('loss_of_sync', 'Number of failures on either bit or transmission word boundaries')],
  ['loss_of_signal_count', total('loss_of_signal', 'Number of times signal has been lost')],
  ['nos_count', total('nos', 'Number Not_Operational Primitive Sequence received by host port')],
  ['fcp_packet_aborts', total('fcp_packet_aborts', 'Number of aborted packets')],
] as const
/** All bits set: the firmware does not count it. */
const notCounted = 0xffff_ffff_ffff_ffffn

export const collector: CollectorDefinition = {
  name: 'fibrechannel',
  enabledByDefault: true,
  create: () => ({
    name: 'fibrechannel',
    collect(sink, files) {
      const base = files.sys('class/fc_host')
      for (const host of listHosts(files, base)) {
        const values = texts.map(([, file]) => {
          const text = files.tryTrimmed(`${base}/${host}/${file}`) ?? ''
          return hexadecimal.has(file) && text.length > 2 ? text.slice(2) : text
        })
        sink.sample(info, 1, host, ...values)
        for (const [file, family] of counters) {
          const text = files.tryTrimmed(`${base}/${host}/statistics/${file}`)
          if (text === undefined || !/^(0x[0-9a-fA-F]+|\d+)$/.test(text)) continue
          const value = BigInt(text)
          if (value !== notCounted) sink.sample(family, Number(value), host)
        }
      }
    },
  }),
}

function listHosts(files: HostFiles, base: string): string[] {
  try {
    return files.list(base)
  } catch (error) {
    if (isMissing(error)) throw new NoDataError()
    throw error
  }
}
