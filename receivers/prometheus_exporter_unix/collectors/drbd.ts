// Replicated block devices of DRBD 8: /proc/drbd.
import { MetricFamily } from '#component'
import type { MetricSink } from '#component'
import type { CollectorDefinition } from '../collector.ts'
import { isMissing, NoDataError } from '../collector.ts'
import { gauge } from '../families.ts'

interface NumberField {
  readonly family: MetricFamily
  readonly factor: number
}

const numberField = (name: string, help: string, type: 'counter' | 'gauge', factor: number): NumberField => ({
  family: new MetricFamily(`node_drbd_${name}`, type, help, ['device']),
  factor,
})

/** DRBD counts kibibytes, but for what it received, where node_exporter takes them for bytes. */
const numbers: Readonly<Record<string, NumberField>> = {
  ns: numberField('network_sent_bytes_total', 'Total number of bytes sent via the network.', 'counter', 1024),
  nr: numberField('network_received_bytes_total', 'Total number of bytes received via the network.', 'counter', 1),
  dw: numberField('disk_written_bytes_total', 'Net data written on local hard disk; in bytes.', 'counter', 1024),
  dr: numberField('disk_read_bytes_total', 'Net data read from local hard disk; in bytes.', 'counter', 1024),
  al: numberField(
    'activitylog_writes_total',
    'Number of updates of the activity log area of the meta data.',
    'counter',
    1,
  ),
  bm: numberField('bitmap_writes_total', 'Number of updates of the bitmap area of the meta data.', 'counter', 1),
  lo: numberField('local_pending', 'Number of open requests to the local I/O sub-system.', 'gauge', 1),
  pe: numberField(
    'remote_pending',
    'Number of requests sent to the peer, but that have not yet been answered by the latter.',
    'gauge',
    1,
  ),
  ua: numberField(
    'remote_unacknowledged',
    'Number of requests received by the peer via the network connection, but that have not yet been answered.',
    'gauge',
    1,
  ),
  ap: numberField(
    'application_pending',
    'Number of block I/O requests forwarded to DRBD, but not yet answered by DRBD.',
    'gauge',
    1,
  ),
  ep: numberField('epochs', 'Number of Epochs currently on the fly.', 'gauge', 1),
  oos: numberField('out_of_sync_bytes', 'Amount of data known to be out of sync; in bytes.', 'gauge', 1024),
}

/** `ro:Primary/Secondary`: this node's state and its peer's. */
const pairs: Readonly<Record<string, { readonly family: MetricFamily; readonly good: string }>> = {
  ro: {
    family: gauge('node_drbd_node_role_is_primary', 'Whether the role of the node is in the primary state.', [
      'device',
      'node',
    ]),
    good: 'Primary',
  },
  ds: {
    family: gauge('node_drbd_disk_state_is_up_to_date', 'Whether the disk of the node is up to date.', [
      'device',
      'node',
    ]),
    good: 'UpToDate',
  },
}
const connectedFamily = gauge('node_drbd_connected', 'Whether DRBD is connected to the peer.', ['device'])

export const collector: CollectorDefinition = {
  name: 'drbd',
  enabledByDefault: false,
  create: () => ({
    name: 'drbd',
    collect(sink, files) {
      let text: string
      try {
        text = files.read(files.proc('drbd'))
      } catch (error) {
        throw isMissing(error) ? new NoDataError('there is no /proc/drbd') : error
      }
      let device = 'unknown'
      for (const word of text.split(/\s+/)) {
        const [key = '', value, surplus] = word.split(':')
        if (value === undefined || surplus !== undefined) continue
        if (value === '' && /^\d+$/.test(key)) device = `drbd${Number(key)}`
        else addField(sink, device, key, value)
      }
    },
  }),
}

function addField(sink: MetricSink, device: string, key: string, value: string): void {
  const number = Object.hasOwn(numbers, key) ? numbers[key] : undefined
  if (number) {
    if (!/^\d+$/.test(value))
      throw new Error(`Cannot read ${key} of ${device}: not a number: current value is ${value}`)
    sink.sample(number.family, Number(value) * number.factor, device)
    return
  }
  const pair = Object.hasOwn(pairs, key) ? pairs[key] : undefined
  if (pair) {
    const [local, remote] = value.split('/')
    sink.sample(pair.family, local === pair.good ? 1 : 0, device, 'local')
    sink.sample(pair.family, remote === pair.good ? 1 : 0, device, 'remote')
  } else if (key === 'cs') sink.sample(connectedFamily, value === 'Connected' ? 1 : 0, device)
}
