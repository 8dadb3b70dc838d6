// Makes lines with labels of syslog messages.
import { GatheredLines, LabelSets, sourceLabels } from '#component/log_source'
import type { RelabelRules } from '#component/relabel'
import {
  type CiscoComponents,
  facilityKeywords,
  parseRaw,
  Rfc3164Parser,
  rfc5424Text,
  Rfc5424Parser,
  severityLevels,
  type StructuredData,
  type SyslogMessage,
  yearNear,
} from '#component/syslog'
import type { Labels } from '#pdata'
import type { ListenerSettings } from './component.ts'

/** Who sent a message: what the labels `__syslog_connection_*` say. */
export interface Sender {
  readonly address: string
  readonly name: string
}

export interface LineCounts {
  /** Messages without a text. */
  empty: number
  /** Bytes that are no message. */
  faults: number
  /** Messages that rules dropped. */
  relabelled: number
}

export class SyslogLines {
  readonly gathered = new GatheredLines()
  readonly counts: LineCounts = { empty: 0, faults: 0, relabelled: 0 }
  /** Why the last bytes that were no message are none. */
  lastFault = ''
  readonly #settings: ListenerSettings
  readonly #rules: RelabelRules | undefined
  readonly #parse: (bytes: Buffer, start: number, end: number, nowMs: number) => SyslogMessage
  readonly #sets = new LabelSets()
  /** The labels of every line, where no rule can make others. */
  readonly #own: Labels | null

  constructor(settings: ListenerSettings, rules: RelabelRules | undefined) {
    this.#settings = settings
    this.#rules = rules
    this.#parse = parserOf(settings)
    this.#own = rules === undefined ? sourceLabels(settings.labels, undefined) : null
  }

  /** One message. */
  add(bytes: Buffer, start: number, end: number, sender: Sender, nowMs: number): void {
    const m = this.#parse(bytes, start, end, nowMs)
    if (m.fault !== '') {
      this.fault(m.fault)
      return
    }
    const { syslog_format: format, rfc5424_allow_empty_msg: emptyAllowed } = this.#settings
    if (m.message === null) {
      this.counts.empty++
      if (!emptyAllowed || format !== 'rfc5424') return
    }
    const labels = this.#own ?? this.#labels(m, sender)
    if (labels === null) {
      this.counts.relabelled++
      return
    }
    const { use_incoming_timestamp: incoming, use_rfc5424_message: whole } = this.#settings
    const line = whole && format === 'rfc5424' ? rfc5424Text(m) : (m.message ?? '')
    this.gathered.add(labels, line, incoming ? m.timestampNs : null)
  }

  fault(why: string): void {
    this.counts.faults++
    this.lastFault = why
  }

  #labels(m: SyslogMessage, sender: Sender): Labels | null {
    // Numbers that are others in every message are not worth keeping.
    if (m.messageCounter >= 0 || m.sequence >= 0) return sourceLabels(this.#pairs(m, sender), this.#rules)
    const data = this.#settings.label_structured_data ? m.structuredData : null
    const key = `${sender.address}\0${sender.name}\0${m.priority}\0${m.hostname}\0${m.appName}\0${m.procId}\0${m.msgId}\0${
      data === null ? '' : dataKey(data)
    }`
    const known = this.#sets.get(key)
    if (known !== undefined) return known
    return this.#sets.set(key, sourceLabels(this.#pairs(m, sender), this.#rules))
  }

  #pairs(m: SyslogMessage, { address, name }: Sender): [string, string][] {
    const pairs: [string, string][] = [...this.#settings.labels]
    const add = (label: string, value: string | null | undefined): void => {
      if (value !== null && value !== undefined) pairs.push([label, value])
    }
    add('__syslog_connection_ip_address', address)
    add('__syslog_connection_hostname', name)
    add('__syslog_message_severity', severityLevels[m.severity])
    add('__syslog_message_facility', facilityKeywords[m.facility])
    add('__syslog_message_hostname', m.hostname)
    add('__syslog_message_app_name', m.appName)
    add('__syslog_message_proc_id', m.procId)
    add('__syslog_message_msg_id', m.msgId)
    if (m.messageCounter >= 0) add('__syslog_message_msg_counter', String(m.messageCounter))
    if (m.sequence >= 0) add('__syslog_message_sequence', String(m.sequence))
    if (this.#settings.label_structured_data && m.structuredData !== null) {
      for (const [id, parameters] of m.structuredData) {
        const prefix = `__syslog_message_sd_${id.replaceAll('@', '_')}_`
        for (const [parameter, value] of parameters) add(prefix + parameter, value)
      }
    }
    return pairs
  }
}

function dataKey(data: StructuredData): string {
  let key = ''
  for (const [id, parameters] of data) {
    key += `\0${id}`
    for (const [name, value] of parameters) key += `\x01${name}\x01${value}`
  }
  return key
}

function parserOf(s: ListenerSettings): (bytes: Buffer, start: number, end: number, nowMs: number) => SyslogMessage {
  if (s.syslog_format === 'raw') return parseRaw
  if (s.syslog_format === 'rfc5424') {
    const parser = new Rfc5424Parser()
    return (bytes, start, end) => parser.parse(bytes, start, end)
  }
  const cisco = s.rfc3164_cisco_components
  const parser = new Rfc3164Parser({
    ...(cisco ? { cisco: ciscoComponents(cisco) } : {}),
    ...(s.rfc3164_default_to_current_year ? { year: yearNear } : {}),
  })
  return (bytes, start, end, nowMs) => parser.parse(bytes, start, end, nowMs)
}

function ciscoComponents(s: NonNullable<ListenerSettings['rfc3164_cisco_components']>): CiscoComponents {
  return {
    messageCounter: s.enable_all || s.message_counter,
    sequenceNumber: s.enable_all || s.sequence_number,
    hostname: s.enable_all || s.hostname,
    secondFractions: s.enable_all || s.second_fractions,
  }
}
