// `loki.source.syslog`: takes syslog messages over TCP and UDP.
import {
  attr,
  block,
  blocks,
  bool,
  capsule,
  type ComponentDefinition,
  defineSettings,
  duration,
  int,
  list,
  logsReceiver,
  map,
  oneOf,
  type Report,
  type SettingsOf,
  type SettingsOfFields,
  string,
} from '#component'
import { clientTlsSettings } from '#component/http_client'
import { hostAndPort } from '#component/listener'
import type { RelabelRules } from '#component/relabel'
import { LokiSourceSyslog } from './receiver.ts'

const raw = defineSettings({
  use_null_terminator_delimiter: attr(bool, 'Messages end with a zero byte instead of a newline.', { default: false }),
})

const cisco = defineSettings(
  {
    enable_all: attr(bool, 'All of them.', { default: false }),
    message_counter: attr(bool, 'A counter of messages before the time.', { default: false }),
    sequence_number: attr(bool, 'A sequence number before the time.', { default: false }),
    hostname: attr(bool, 'A host name before the time.', { default: false }),
    second_fractions: attr(bool, 'Fractions of seconds in the time.', { default: false }),
  },
  {
    check: (s, report) => {
      if (s.enable_all || s.message_counter || s.sequence_number || s.hostname || s.second_fractions) return
      report('at least one option in rfc3164_cisco_components has to be enabled')
    },
  },
)

const listenerFields = {
  address: attr(string, 'Address to listen on, `host:port`.', { required: true }),
  protocol: attr(string, 'tcp or udp.', { default: 'tcp' }),
  syslog_format: attr(oneOf('rfc5424', 'rfc3164', 'raw'), 'rfc5424, rfc3164, or raw: lines without a format.', {
    default: 'rfc5424',
  }),
  labels: attr(map(string), 'Labels that every line gets.', { default: {} }),
  idle_timeout: attr(duration, 'A TCP connection is closed after so long without a byte.', { default: '2m' }),
  continuation_timeout: attr(
    duration,
    'A message that ends with a line waits so long for lines that go on with it (TCP). Not in Alloy.',
    { default: '500ms' },
  ),
  max_message_length: attr(int, 'Bytes of the longest message with its length in front, and of a datagram.', {
    default: 8192,
  }),
  label_structured_data: attr(bool, 'Make labels `__syslog_message_sd_<id>_<name>` of structured data.', {
    default: false,
  }),
  use_incoming_timestamp: attr(bool, "Keep the messages' times; else it is the time of receipt.", { default: false }),
  use_rfc5424_message: attr(bool, 'The line is the whole message instead of its text.', { default: false }),
  rfc3164_default_to_current_year: attr(
    bool,
    'Messages of RFC 3164 have a time without a year: it is the current one. Without this such times are not used.',
    { default: false },
  ),
  rfc5424_allow_empty_msg: attr(bool, 'Hand on messages without a text.', { default: false }),
  udp_queue_size: attr(int, 'Datagrams of the longest size that may wait, besides one mebibyte of them.', {
    default: 10,
  }),
  udp_host_cache_size: attr(int, 'Addresses whose host names are kept.', { default: 128 }),
  tls_config: block(clientTlsSettings, 'Listen with TLS; with an authority, clients must have certificates of it.'),
  raw_format_options: block(raw, 'Options of the format raw.'),
  rfc3164_cisco_components: block(cisco, "Parts that Cisco's devices write around the time."),
}
export type ListenerSettings = SettingsOfFields<typeof listenerFields>
const listener = defineSettings(listenerFields, { check: checkListener })

function checkListener(s: ListenerSettings, report: Report): void {
  if (!hostAndPort(s.address)) {
    const message = `Cannot listen: the address is written host:port: current value is ${JSON.stringify(s.address)}`
    report(message, ['address'])
  }
  if (s.protocol !== 'tcp' && s.protocol !== 'udp') {
    report(`syslog listener protocol should be either 'tcp' or 'udp', got ${s.protocol}`, ['protocol'])
  }
  if (s.continuation_timeout < 0) report('continuation_timeout must not be negative', ['continuation_timeout'])
  checkFormat(s, report)
  const { tls_config: tls } = s
  if (!tls) return
  const certificate = tls.cert_pem !== '' || tls.cert_file !== ''
  const key = (tls.key_pem?.reveal() ?? '') !== '' || tls.key_file !== ''
  if ((certificate || key || tls.ca_pem !== '' || tls.ca_file !== '') && !(certificate && key)) {
    report('certificate and key must be configured', ['tls_config'])
  }
}

function checkFormat(s: ListenerSettings, report: Report): void {
  const format = s.syslog_format
  const without = (name: keyof typeof listenerFields, formats: readonly string[]): void => {
    if (s[name] !== true || formats.includes(format)) return
    report(`"${name}" has no effect when syslog format is set to "${format}"`, [name])
  }
  if (s.rfc3164_cisco_components && format !== 'rfc3164') {
    const message = 'rfc3164_cisco_components has no effect when syslog format is not "rfc3164"'
    report(message, ['rfc3164_cisco_components'])
  }
  if (s.raw_format_options && format !== 'raw') {
    report('raw_format_options has no effect when syslog format is not "raw"', ['raw_format_options'])
  }
  without('rfc5424_allow_empty_msg', ['rfc5424'])
  without('use_rfc5424_message', ['rfc5424', 'rfc3164'])
  without('rfc3164_default_to_current_year', ['rfc5424', 'rfc3164'])
  without('use_incoming_timestamp', ['rfc5424', 'rfc3164'])
}

const settings = defineSettings({
  forward_to: attr(list(logsReceiver), 'Where lines go.', { required: true }),
  relabel_rules: attr(capsule<RelabelRules>('RelabelRules'), "Rules for the lines' labels, `__syslog_*` included."),
  listener: blocks(listener, 'Where to listen, and for what.', { required: true }),
})
export type LokiSourceSyslogSettings = SettingsOf<typeof settings>

export const lokiSourceSyslog: ComponentDefinition<LokiSourceSyslogSettings> = {
  name: 'loki.source.syslog',
  stability: 'generally-available',
  doc: 'Takes syslog messages over TCP and UDP, in the formats of RFC 5424 and RFC 3164.',
  settings,
  create: (host, decoded) => new LokiSourceSyslog(host, decoded),
}
