// The settings of receivers that take log entries over TCP and UDP.
import {
  attr,
  block,
  bool,
  byteSize,
  defineSettings,
  duration,
  int,
  type Report,
  type Settings,
  type SettingsOf,
  string,
  type Type,
} from '#component'
import { hostAndPort } from '#component/listener'
import { alloyTls, yamlTls } from '#component/otel_server'
import { encodingProblem, multilineSettings, size, whitespaceFields } from '#component/stanza'

type Tls = SettingsOf<typeof alloyTls>

const sharedFields = {
  listen_address: attr(string, 'Where to listen: `host:port`.', { default: '' }),
  add_attributes: attr(bool, 'Add `net.transport`, `net.peer.*` and `net.host.*`.', { default: false }),
  one_log_per_packet: attr(bool, 'All that a connection or a datagram holds is one entry.', { default: false }),
  encoding: attr(string, 'The encoding, by its IANA name; `nop`: UTF-8, all that comes is one entry.', {
    default: 'utf-8',
  }),
  multiline: block(multilineSettings, 'Entries that are not lines.'),
  ...whitespaceFields,
}

const tcpFields = <T extends Tls>(tls: Settings<T>, bytes: Type<number>) => ({
  ...sharedFields,
  max_log_size: attr(bytes, 'The longest entry, in bytes.', { default: '1MiB' }),
  force_flush_period: attr(
    duration,
    'What is no whole entry yet is one when nothing came for so long; 0: at the end.',
    {
      default: '500ms',
    },
  ),
  tls: block(tls, 'Serve over TLS.'),
  max_connections: attr(int, 'Connections at once; more are closed. 0: no limit.', { default: 0 }),
  connection_idle_timeout: attr(duration, 'A connection is closed after so long without a byte; 0: never.', {
    default: '0s',
  }),
})
export const alloyTcpFields = tcpFields(alloyTls, byteSize)
export const yamlTcpFields = tcpFields(yamlTls, size)
const tcpSettings = defineSettings(alloyTcpFields)
export type TcpInputSettings = SettingsOf<typeof tcpSettings>

const async = defineSettings({
  readers: attr(int, 'Has no effect: one reader takes all there is.', { default: 1 }),
  processors: attr(int, 'Has no effect: entries are worked on in their order.', { default: 1 }),
  max_queue_length: attr(int, 'Datagrams of 64 KiB that may wait.', { default: 100 }),
})
export const udpFields = { ...sharedFields, async: block(async, 'How much waits while the next component is busy.') }
const udpSettings = defineSettings(udpFields)
export type UdpInputSettings = SettingsOf<typeof udpSettings>

/** The smallest `max_log_size` that there is upstream. */
const bytesMin = 64 * 1024

export function checkTcpInput(s: TcpInputSettings, report: Report): void {
  checkUdpInput({ ...s, async: undefined }, report)
  if (s.max_log_size < bytesMin) {
    report(`invalid value for parameter 'max_log_size', must be equal to or greater than ${bytesMin} bytes`, [
      'max_log_size',
    ])
  }
  if (s.force_flush_period < 0) report('force_flush_period must not be negative', ['force_flush_period'])
  if (s.max_connections < 0) report('max_connections must not be negative', ['max_connections'])
}

export function checkUdpInput(s: UdpInputSettings, report: Report): void {
  if (s.listen_address === '') report("missing required parameter 'listen_address'", ['listen_address'])
  else if (hostAndPort(s.listen_address) === undefined) {
    report(`failed to resolve listen_address: should be host:port, got ${JSON.stringify(s.listen_address)}`, [
      'listen_address',
    ])
  }
  const encoding = encodingProblem(s.encoding, s.multiline)
  if (encoding !== undefined) report(encoding, ['encoding'])
}
