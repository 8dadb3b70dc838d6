// Parses syslog messages: RFC 5424, RFC 3164, and what has at most a priority.
import { attr, bool, defineSettings, int, type SettingsOf, string } from '#component'
import type { ExprValue } from '#component/expr'
import {
  facilityKeywords,
  Rfc3164Parser,
  Rfc5424Parser,
  severityKeywords,
  SyslogMessage,
  yearNotAhead,
} from '#component/syslog'
import { isZone, localZone, zoneOffsetMs } from '#lib/time_zone'
import { type Entry, type EntryMap, put } from '../entry.ts'
import { EntryError, type OperatorBase } from '../operator.ts'
import { Parser, parserFields } from './parsers.ts'
import { describe, type Problem } from './settings.ts'

/** What a syslog message is, for the operator and for receivers. */
export const syslogFields = {
  protocol: attr(string, '`rfc5424`, `rfc3164`, or `none`: text that a priority may stand before.', { default: '' }),
  location: attr(string, 'Where times of RFC 3164 are.', { default: 'UTC' }),
  enable_octet_counting: attr(bool, 'The length stands before each message (RFC 6587).', { default: false }),
  allow_skip_pri_header: attr(bool, 'Take messages without a priority.', { default: false }),
  non_transparent_framing_trailer: attr(string, 'What stands behind each message: `LF` or `NUL` (RFC 5424 only).', {
    default: '',
  }),
  max_octets: attr(int, 'The longest message where lengths stand before them; 0: 8192.', { default: 8192 }),
}
export const syslogSettings = defineSettings({ ...parserFields, ...syslogFields })
export type SyslogFields = Pick<SettingsOf<typeof syslogSettings>, keyof typeof syslogFields>

/** What cannot be together. */
export function checkSyslog(s: SyslogFields, problem: Problem): void {
  const { protocol, location, enable_octet_counting: counts, non_transparent_framing_trailer: trailer } = s
  if (protocol === '') problem('missing field protocol')
  else if (!['rfc5424', 'rfc3164', 'none'].includes(protocol)) {
    const message = `unsupported protocol version ${JSON.stringify(protocol)}: should be rfc5424, rfc3164 or none`
    problem(message, ['protocol'])
  }
  if (protocol !== 'rfc5424' && protocol !== '' && trailer !== '') {
    problem('non-transparent framing is only compatible with rfc5424', ['non_transparent_framing_trailer'])
  }
  if (counts && trailer !== '') {
    problem('only one of octet counting and non-transparent framing can be enabled', [
      'non_transparent_framing_trailer',
    ])
  }
  if (!['', 'LF', 'NUL'].includes(trailer)) {
    problem(`invalid trailer ${JSON.stringify(trailer)}: should be LF or NUL`, ['non_transparent_framing_trailer'])
  }
  if (location !== '' && location !== 'Local' && !isZone(location))
    problem(`unknown time zone ${location}`, ['location'])
}

/** By severity 0 to 7: fatal, error3, error2, error, warn, info2, info, debug. */
const severityNumbers: readonly number[] = [21, 19, 18, 17, 13, 10, 9, 5]

export class SyslogParser extends Parser {
  readonly #last: { message: SyslogMessage }

  constructor(base: OperatorBase, settings: SettingsOf<typeof syslogSettings>, problem: Problem) {
    const last = { message: none }
    const parse = messageParser(settings, () => base.context.clock.now())
    super(base, settings, problem, (value) => {
      last.message = parse(value)
      return attributesOf(last.message)
    })
    this.#last = last
    checkSyslog(settings, problem)
  }

  protected override parsed(entry: Entry): void {
    const { timestampNs, severity } = this.#last.message
    if (timestampNs !== null) entry.timestampNs = timestampNs
    if (severity < 0) return
    entry.severity = severityNumbers[severity] as number
    entry.severityText = severityKeywords[severity] as string
  }
}

const none = new Rfc5424Parser().parse(Buffer.alloc(0))

function messageParser(settings: SyslogFields, nowMs: () => number): (value: ExprValue) => SyslogMessage {
  const { enable_octet_counting: counts, location, protocol } = settings
  const priorityOptional = settings.allow_skip_pri_header && !counts
  const zone = location === 'Local' ? localZone() : location === '' ? 'UTC' : location
  const rfc5424 = new Rfc5424Parser({ priorityOptional })
  const rfc3164 = new Rfc3164Parser({
    priorityOptional,
    year: yearNotAhead,
    offsetMs: (wallMs) => (isZone(zone) ? zoneOffsetMs(zone, wallMs) : 0),
  })
  return (value) => {
    if (typeof value !== 'string') throw new EntryError(`unable to convert type '${describe(value)}' to bytes`)
    if (protocol === 'none') return rawMessage(counts ? value.replace(lengthBefore, '') : value)
    const bytes = Buffer.from(counts ? afterLength(value, settings.max_octets || octetsDefault) : value)
    const end = trailedEnd(bytes, settings.non_transparent_framing_trailer)
    const message = protocol === 'rfc3164' ? rfc3164.parse(bytes, 0, end, nowMs()) : rfc5424.parse(bytes, 0, end)
    if (message.fault !== '') throw new EntryError(`cannot parse a syslog message: ${message.fault}`)
    return message
  }
}

const lengthBefore = /^([1-9]\d{0,9}) /
const octetsDefault = 8192

function afterLength(text: string, octetsMax: number): string {
  const found = lengthBefore.exec(text)
  if (found === null) throw new EntryError('cannot parse a syslog message: it does not begin with its length')
  const octets = Number(found[1])
  if (octetsMax > 0 && octets > octetsMax) {
    throw new EntryError(`cannot parse a syslog message: it has ${octets} octets, more than max_octets (${octetsMax})`)
  }
  return text.slice(found[0].length)
}

/** All of the text, and the priority that it may begin with. */
function rawMessage(text: string): SyslogMessage {
  const message = new SyslogMessage()
  const found = /^<(\d{1,3})>/.exec(text)
  const priority = Number(found?.[1] ?? -1)
  if (priority <= 191) message.priority = priority
  message.message = text
  return message
}

function trailedEnd(bytes: Buffer, trailer: string): number {
  const last = bytes.at(-1)
  return (trailer === 'LF' && last === 10) || (trailer === 'NUL' && last === 0) ? bytes.length - 1 : bytes.length
}

function attributesOf(message: SyslogMessage): EntryMap {
  const map: EntryMap = {}
  const texts = {
    appname: message.appName,
    hostname: message.hostname,
    message: message.message,
    msg_id: message.msgId,
    proc_id: message.procId,
  }
  for (const [key, text] of Object.entries(texts)) if (text !== null) map[key] = text
  if (message.version > 0) map['version'] = BigInt(message.version)
  if (message.priority >= 0) {
    map['priority'] = BigInt(message.priority)
    map['facility'] = BigInt(message.facility)
    const facility = facilityKeywords[message.facility]
    if (facility !== undefined) map['facility_text'] = facility
  }
  if (message.structuredData !== null) {
    const data: EntryMap = {}
    for (const [id, parameters] of message.structuredData) {
      const element: EntryMap = {}
      for (const [name, value] of parameters) put(element, name, value)
      put(data, id, element)
    }
    map['structured_data'] = data
  }
  return map
}
