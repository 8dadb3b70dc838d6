// InfiniBand ports: /sys/class/infiniband (Documentation/ABI/stable/sysfs-class-infiniband of the kernel).
import type { MetricSink } from '#component'
import { isMissing, NoDataError } from '../collector.ts'
import type { CollectorDefinition } from '../collector.ts'
import { counter, gauge } from '../families.ts'
import type { HostFiles } from '../files.ts'
import { numberOf } from '../lines.ts'

const info = gauge('node_infiniband_info', 'Non-numeric data from /sys/class/infiniband/<device>, value is always 1.', [
  'device',
  'board_id',
  'firmware_version',
  'hca_type',
])
const port = ['device', 'port']
const stateId = gauge(
  'node_infiniband_state_id',
  'State of the InfiniBand port (0: no change, 1: down, 2: init, 3: armed, 4: active, 5: act defer)',
  port,
)
const physicalStateId = gauge(
  'node_infiniband_physical_state_id',
  'Physical state of the InfiniBand port (0: no change, 1: sleep, 2: polling, 3: disable, 4: shift, 5: link up, 6: link error recover, 7: phytest)',
  port,
)
const rate = gauge('node_infiniband_rate_bytes_per_second', 'Maximum signal transfer rate', port)

const total = (name: string, help: string) => counter(`node_infiniband_${name}_total`, help, port)
/**
 * Directory and file below the port's, family, factor: data is counted per lane, of which ports have four. `counters_ext` is
 * what kernels before 4.5 have.
 */
const counters = [
  [
    'counters_ext/port_multicast_rcv_packets',
    total('legacy_multicast_packets_received', 'Number of multicast packets received'),
    1,
  ],
  [
    'counters_ext/port_multicast_xmit_packets',
    total('legacy_multicast_packets_transmitted', 'Number of multicast packets transmitted'),
    1,
  ],
  [
    'counters_ext/port_rcv_data_64',
    total('legacy_data_received_bytes', 'Number of data octets received on all links'),
    4,
  ],
  [
    'counters_ext/port_rcv_packets_64',
    total('legacy_packets_received', 'Number of data packets received on all links'),
    1,
  ],
  [
    'counters_ext/port_unicast_rcv_packets',
    total('legacy_unicast_packets_received', 'Number of unicast packets received'),
    1,
  ],
  [
    'counters_ext/port_unicast_xmit_packets',
    total('legacy_unicast_packets_transmitted', 'Number of unicast packets transmitted'),
    1,
  ],
  [
    'counters_ext/port_xmit_data_64',
    total('legacy_data_transmitted_bytes', 'Number of data octets transmitted on all links'),
    4,
  ],
  [
    'counters_ext/port_xmit_packets_64',
    total('legacy_packets_transmitted', 'Number of data packets received on all links'),
    1,
  ],
  [
    'counters/excessive_buffer_overrun_errors',
    total(
      'excessive_buffer_overrun_errors',
      'Number of times that OverrunErrors consecutive flow control update periods occurred, each having at least one overrun error.',
    ),
    1,
  ],
  [
    'counters/link_downed',
    total('link_downed', 'Number of times the link failed to recover from an error state and went down'),
    1,
  ],
  [
    'counters/link_error_recovery',
    total('link_error_recovery', 'Number of times the link successfully recovered from an error state'),
    1,
  ],
  [
    'counters/local_link_integrity_errors',
    total(
      'local_link_integrity_errors',
      'Number of times that the count of local physical errors exceeded the threshold specified by LocalPhyErrors.',
    ),
    1,
  ],
  [
    'counters/multicast_rcv_packets',
    total('multicast_packets_received', 'Number of multicast packets received (including errors)'),
    1,
  ],
  [
    'counters/multicast_xmit_packets',
    total('multicast_packets_transmitted', 'Number of multicast packets transmitted (including errors)'),
    1,
  ],
  [
    'counters/port_rcv_constraint_errors',
    total(
      'port_constraint_errors_received',
      'Number of packets received on the switch physical port that are discarded',
    ),
    1,
  ],
  [
    'counters/port_xmit_constraint_errors',
    total('port_constraint_errors_transmitted', 'Number of packets not transmitted from the switch physical port'),
    1,
  ],
  ['counters/port_rcv_data', total('port_data_received_bytes', 'Number of data octets received on all links'), 4],
  [
    'counters/port_xmit_data',
    total('port_data_transmitted_bytes', 'Number of data octets transmitted on all links'),
    4,
  ],
  [
    'counters/port_rcv_discards',
    total(
      'port_discards_received',
      'Number of inbound packets discarded by the port because the port is down or congested',
    ),
    1,
  ],
  [
    'counters/port_xmit_discards',
    total(
      'port_discards_transmitted',
      'Number of outbound packets discarded by the port because the port is down or congested',
    ),
    1,
  ],
  [
    'counters/port_rcv_errors',
    total('port_errors_received', 'Number of packets containing an error that were received on this port'),
    1,
  ],
  [
    'counters/port_rcv_packets',
    total('port_packets_received', 'Number of packets received on all VLs by this port (including errors)'),
    1,
  ],
  [
    'counters/port_xmit_packets',
    total('port_packets_transmitted', 'Number of packets transmitted on all VLs from this port (including errors)'),
    1,
  ],
  [
    'counters/port_xmit_wait',
    total(
      'port_transmit_wait',
      'Number of ticks during which the port had data to transmit but no data was sent during the entire tick',
    ),
    1,
  ],
  [
    'counters/unicast_rcv_packets',
    total('unicast_packets_received', 'Number of unicast packets received (including errors)'),
    1,
  ],
  [
    'counters/unicast_xmit_packets',
    total('unicast_packets_transmitted', 'Number of unicast packets transmitted (including errors)'),
    1,
  ],
  [
    'counters/port_rcv_remote_physical_errors',
    total(
      'port_receive_remote_physical_errors',
      'Number of packets marked with the EBP (End of Bad Packet) delimiter received on the port.',
    ),
    1,
  ],
  [
    'counters/port_rcv_switch_relay_errors',
    total('port_receive_switch_relay_errors', 'Number of packets that could not be forwarded by the switch.'),
    1,
  ],
  [
    'counters/symbol_error',
    total('symbol_error', 'Number of minor link errors detected on one or more physical lanes.'),
    1,
  ],
  [
    'counters/VL15_dropped',
    total('vl15_dropped', 'Number of incoming VL15 packets dropped due to resource limitations.'),
    1,
  ],
] as const

export const collector: CollectorDefinition = {
  name: 'infiniband',
  enabledByDefault: true,
  create: () => ({
    name: 'infiniband',
    collect(sink, files) {
      const base = files.sys('class/infiniband')
      for (const device of listDevices(files, base)) {
        const text = (file: string): string => files.tryTrimmed(`${base}/${device}/${file}`) ?? ''
        sink.sample(info, 1, device, text('board_id'), files.read(`${base}/${device}/fw_ver`).trim(), text('hca_type'))
        for (const number of files.list(`${base}/${device}/ports`)) {
          givePort(sink, files, `${base}/${device}/ports/${number}`, device, number)
        }
      }
    },
  }),
}

function listDevices(files: HostFiles, base: string): string[] {
  try {
    return files.list(base)
  } catch (error) {
    if (isMissing(error)) throw new NoDataError()
    throw error
  }
}

function givePort(sink: MetricSink, files: HostFiles, directory: string, device: string, number: string): void {
  // `4: ACTIVE`
  const state = (file: string): number => numberOf(files.read(`${directory}/${file}`).split(':', 1)[0]?.trim(), file)
  sink.sample(stateId, state('state'), device, number)
  sink.sample(physicalStateId, state('phys_state'), device, number)
  // `40 Gb/sec (4X QDR)`
  const gigabits = numberOf(files.read(`${directory}/rate`).trim().split(' ', 1)[0], 'rate')
  sink.sample(rate, Math.trunc(gigabits * 125_000_000), device, number)
  for (const [file, family, factor] of counters) {
    // `N/A (no PMA)` where the port has no performance management.
    const value = files.tryUint(`${directory}/${file}`)
    if (value !== undefined) sink.sample(family, value * factor, device, number)
  }
}
