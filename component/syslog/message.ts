// One syslog message as it was parsed, and the words for its priority.

/** Keywords of facilities 0 to 23 (RFC 5427, 3), as syslog.conf has them. */
export const facilityKeywords: readonly string[] = (
  'kern user mail daemon auth syslog lpr news uucp cron authpriv ftp ntp security console cron2 ' +
  'local0 local1 local2 local3 local4 local5 local6 local7'
).split(' ')

/** Severities 0 to 7 in full: what Alloy puts into labels. */
export const severityLevels: readonly string[] =
  'emergency alert critical error warning notice informational debug'.split(' ')

/** Severities 0 to 7 as syslog.conf has them: what the collector's syslog parser gives. */
export const severityKeywords: readonly string[] = 'emerg alert crit err warning notice info debug'.split(' ')

export type StructuredData = ReadonlyMap<string, ReadonlyMap<string, string>>

/** What a parser found. A message with a `fault` holds what stood before the fault. */
export class SyslogMessage {
  /** Why this is no such message, with the column; '': nothing is wrong with it. */
  fault = ''
  /** 0 to 191; -1: none. `facility * 8 + severity`. */
  priority = -1
  /** RFC 5424's; 0: none. */
  version = 0
  /** Nanoseconds since the epoch; null: none, or one whose year nobody knows. */
  timestampNs: bigint | null = null
  /** What the timestamp's clock was ahead of UTC. */
  offsetMinutes = 0
  hostname: string | null = null
  appName: string | null = null
  procId: string | null = null
  msgId: string | null = null
  structuredData: StructuredData | null = null
  /** Null: none, or an empty one. */
  message: string | null = null
  /** Cisco's counter of messages sent to this receiver; -1: none. */
  messageCounter = -1
  /** Cisco's number of the message in the device's log; -1: none. */
  sequence = -1

  /** 0 to 31; -1: none. */
  get facility(): number {
    return this.priority < 0 ? -1 : this.priority >> 3
  }

  /** 0 to 7; -1: none. */
  get severity(): number {
    return this.priority < 0 ? -1 : this.priority & 7
  }
}

/**
 * The message as RFC 5424 writes it, structured data sorted by name, times with up to six digits: what `message` was cut
 * out of, but for the order.
 */
export function rfc5424Text(m: SyslogMessage): string {
  const header = `<${m.priority}>${m.version} ${timeText(m)} ${m.hostname ?? '-'} ${m.appName ?? '-'} ${m.procId ?? '-'}`
  const message = m.message === null ? '' : ` ${m.message}`
  return `${header} ${m.msgId ?? '-'} ${structuredDataText(m.structuredData)}${message}`
}

function structuredDataText(data: StructuredData | null): string {
  if (data === null) return '-'
  let text = ''
  for (const [id, parameters] of [...data].sort(byName)) {
    text += `[${id}`
    for (const [name, value] of [...parameters].sort(byName)) text += ` ${name}="${value.replace(/["\\\]]/g, '\\$&')}"`
    text += ']'
  }
  return text
}

function byName(a: readonly [string, unknown], b: readonly [string, unknown]): number {
  return a[0] < b[0] ? -1 : 1
}

function timeText({ timestampNs, offsetMinutes }: SyslogMessage): string {
  if (timestampNs === null) return '-'
  const microseconds = timestampNs / 1000n
  const wallMs = Number(timestampNs / 1_000_000n) + offsetMinutes * 60_000
  const fraction = String(((microseconds % 1_000_000n) + 1_000_000n) % 1_000_000n).padStart(6, '0')
  const digits = fraction.replace(/0+$/, '')
  const seconds = new Date(Math.floor(wallMs / 1000) * 1000).toISOString().slice(0, 19)
  return `${seconds}${digits === '' ? '' : `.${digits}`}${offsetText(offsetMinutes)}`
}

function offsetText(minutes: number): string {
  if (minutes === 0) return 'Z'
  const size = Math.abs(minutes)
  const two = (n: number): string => String(n).padStart(2, '0')
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`
}
