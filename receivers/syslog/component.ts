// otelcol.receiver.syslog and the collector's `syslog`: syslog messages over TCP and UDP.
import {
  attr,
  block,
  type ComponentDefinition,
  defineSettings,
  list,
  oneOf,
  otelOutput,
  outputPorts,
  type Report,
  type SettingsOf,
  string,
  type Value,
  type YamlDefinition,
} from '#component'
import { debugMetricsField } from '#component/debug_metrics'
import {
  checkOperators,
  checkStanza,
  checkSyslog,
  type OperatorSettings,
  retrySettings,
  stanzaFields,
  type StanzaSettings,
  type SyslogFields,
  syslogFields,
} from '#component/stanza'
import {
  alloyTcpFields,
  checkTcpInput,
  checkUdpInput,
  SocketReceiver,
  type TcpInputSettings,
  udpFields,
  type UdpInputSettings,
  yamlTcpFields,
} from '#component/stanza_input'

const doc = 'Receives syslog messages over TCP, TLS and UDP, and parses them.'
const unused = 'Accepted, without effect.'
const onError = attr(string, 'What becomes of a message that is none: `send`, `send_quiet`, `drop` or `drop_quiet`.', {
  default: 'send',
})
const udp = block(defineSettings(udpFields, { check: checkUdpInput }), 'Listen for datagrams.')

const alloySettings = defineSettings(
  {
    ...syslogFields,
    // As words, so that a wrong one is told beside what is wrong elsewhere in the block.
    protocol: attr(oneOf('rfc5424', 'rfc3164'), '`rfc5424` or `rfc3164`.', { default: 'rfc5424' }),
    non_transparent_framing_trailer: attr(oneOf('', 'LF', 'NUL'), syslogFields.non_transparent_framing_trailer.doc, {
      default: '',
    }),
    on_error: onError,
    tcp: block(defineSettings(alloyTcpFields, { check: checkTcpInput }), 'Listen for connections.'),
    udp,
    operators: stanzaFields.operators,
    retry_on_failure: block(retrySettings, 'What to do when the next component cannot take messages.', {
      whenAbsent: 'defaults',
    }),
    output: block(otelOutput, 'Where messages go.', { required: true }),
    ...debugMetricsField,
  },
  {
    check(s, report) {
      checkMessages(s, report)
      checkOperators(s.operators, (message, path = []) => report(message, ['operators', ...path]))
    },
  },
)

const yamlSettings = defineSettings(
  {
    ...syslogFields,
    on_error: onError,
    tcp: block(defineSettings(yamlTcpFields, { check: checkTcpInput }), 'Listen for connections.'),
    udp,
    ...stanzaFields,
    id: attr(string, unused, { default: '' }),
    type: attr(string, unused, { default: '' }),
    output: attr(list(string), unused, { default: [] }),
  },
  {
    check(s, report) {
      checkMessages(s, report)
      checkStanza(s, report)
    },
  },
)

interface Given extends SyslogFields {
  readonly on_error: string
  readonly tcp: TcpInputSettings | undefined
  readonly udp: UdpInputSettings | undefined
}

function checkMessages(s: Given, report: Report): void {
  checkSyslog(s, (message, path = []) => report(message, path))
  if (s.tcp === undefined && s.udp === undefined) report("at least one of 'tcp' and 'udp' must be set")
  if (!['send', 'send_quiet', 'drop', 'drop_quiet'].includes(s.on_error)) {
    report(`invalid on_error ${JSON.stringify(s.on_error)}: should be send, send_quiet, drop or drop_quiet`, [
      'on_error',
    ])
  }
}

/** The operator that parses messages, before all others. */
function parser(s: Given): OperatorSettings {
  return new Map<string, Value>([
    ['type', 'syslog_parser'],
    ['id', 'syslog_input_parser'],
    ['on_error', s.on_error],
    ['protocol', s.protocol],
    ['location', s.location],
    ['enable_octet_counting', s.enable_octet_counting],
    ['allow_skip_pri_header', s.allow_skip_pri_header],
    ['max_octets', BigInt(s.max_octets)],
    ['non_transparent_framing_trailer', s.non_transparent_framing_trailer],
  ])
}

function receiverSettings(
  s: Given,
  rest: Pick<StanzaSettings, 'attributes' | 'resource' | 'operators' | 'retry_on_failure'>,
) {
  return {
    ...rest,
    tcp: s.tcp,
    udp: s.udp,
    operators: [parser(s), ...rest.operators],
    framing: {
      hasLengths: s.enable_octet_counting,
      trailer: s.non_transparent_framing_trailer === 'NUL' ? 0 : undefined,
    },
  }
}

export const otelcolReceiverSyslog: ComponentDefinition<SettingsOf<typeof alloySettings>> = {
  name: 'otelcol.receiver.syslog',
  stability: 'public-preview',
  doc,
  settings: alloySettings,
  create: (host, s) => {
    const { operators, retry_on_failure } = s
    const rest = { attributes: new Map(), resource: new Map(), operators, retry_on_failure }
    return new SocketReceiver(host, receiverSettings(s, rest), outputPorts(s.output).logs)
  },
}

export const syslogReceiver: YamlDefinition<SettingsOf<typeof yamlSettings>> = {
  kind: 'receiver',
  types: ['syslog'],
  stability: 'public-preview',
  doc,
  signals: ['logs'],
  settings: yamlSettings,
  create: (host, s, output) => new SocketReceiver(host, receiverSettings(s, s), outputPorts(output).logs),
}
