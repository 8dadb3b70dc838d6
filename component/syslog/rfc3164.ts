// Parses messages of RFC 3164 (BSD syslog), and of Cisco's variants of it.
import { SyslogMessage } from './message.ts'
import {
  Byte,
  dayMs,
  daysOfMonth,
  digits,
  fractionEnd,
  fractionMicroseconds,
  isDigit,
  scanPriority,
  scanTimeOfDay,
} from './scan.ts'

/** What Cisco's IOS writes between the priority and the time, and into the time. */
export interface CiscoComponents {
  readonly messageCounter: boolean
  readonly sequenceNumber: boolean
  readonly hostname: boolean
  readonly secondFractions: boolean
}

/** The year of a time that has none. `nowMs` is the receiver's. */
export type YearRule = (month: number, day: number, secondOfDay: number, nowMs: number) => number

/** This year, but December's is last year's in January, and the other way round: Alloy's `default_to_current_year`. */
export const yearNear: YearRule = (month, _day, _second, nowMs) => {
  const now = new Date(nowMs)
  const year = now.getUTCFullYear()
  const thisMonth = now.getUTCMonth() + 1
  if (month === 12 && thisMonth === 1) return year - 1
  return month === 1 && thisMonth === 12 ? year + 1 : year
}

const aheadMsMax = 7 * 86_400_000

/** This year, or last year's where that would be more than seven days ahead: the rule of the collector's time parser. */
export const yearNotAhead: YearRule = (month, day, secondOfDay, nowMs) => {
  const year = new Date(nowMs).getUTCFullYear()
  return dayMs(year, month, day) + secondOfDay * 1000 > nowMs + aheadMsMax ? year - 1 : year
}

export interface Rfc3164Options {
  /** Take messages without `<priority>`; they have none then. */
  readonly priorityOptional?: boolean
  readonly cisco?: CiscoComponents
  /** Take `Feb 05` for `Feb  5`. */
  readonly lenientDay?: boolean
  /** Absent: the year is not known, and `timestampNs` stays null. */
  readonly year?: YearRule
  /** What the senders' clocks are ahead of UTC when they show `wallMs`; absent: nothing. */
  readonly offsetMs?: (wallMs: number) => number
}

const hostnameMax = 255
const tagMax = 48
const months = 'JanFebMarAprMayJunJulAugSepOctNovDec'

/**
 * Parses one message at a time: a priority, `Mmm dd hh:mm:ss`, perhaps a host name, perhaps `tag[pid]:`, and the text. Of
 * what only looks like a tag (`app[1] text`, `fe80::1 text`) the text keeps every byte. One newline at the end is left out.
 */
export class Rfc3164Parser {
  readonly #options: Rfc3164Options
  #bytes: Buffer = Buffer.alloc(0)
  #start = 0
  #at = 0
  #end = 0
  #message = new SyslogMessage()

  constructor(options: Rfc3164Options = {}) {
    this.#options = options
  }

  /** Bytes from `start` to `end`. Never throws: see `fault`. */
  parse(bytes: Buffer, start: number, end: number, nowMs: number): SyslogMessage {
    this.#bytes = bytes
    this.#start = start
    this.#at = start
    this.#end = end > start && bytes[end - 1] === Byte.newline ? end - 1 : end
    this.#message = new SyslogMessage()
    if (this.#priority()) {
      const cisco = this.#message.priority < 0 ? undefined : this.#options.cisco
      if (cisco !== undefined) this.#cisco(cisco)
      if (this.#timestamp(cisco, nowMs)) this.#body()
    }
    return this.#message
  }

  #fault(wanted: string): false {
    this.#message.fault = `expected ${wanted} at column ${this.#at - this.#start}`
    return false
  }

  #priority(): boolean {
    if (this.#options.priorityOptional && this.#bytes[this.#at] !== Byte.less) return true
    const found = scanPriority(this.#bytes, this.#at, this.#end)
    if (found < 0) return this.#fault('a priority from <0> to <191>')
    this.#message.priority = found >> 3
    this.#at += found & 7
    this.#spaces()
    return true
  }

  #spaces(): void {
    while (this.#at < this.#end && this.#bytes[this.#at] === Byte.space) this.#at++
  }

  /** `237: 000104: router1: *`, as far as these are looked for and there. */
  #cisco({ messageCounter, sequenceNumber, hostname }: CiscoComponents): void {
    const m = this.#message
    if (messageCounter) m.messageCounter = this.#number(0)
    if (sequenceNumber) m.sequence = this.#number(1)
    if (hostname) {
      const end = this.#hostnameEnd(this.#at)
      if (end > this.#at && end < this.#end && this.#bytes[end] === Byte.colon) {
        m.hostname = this.#word(this.#at, end)
        this.#at = end + 1
        this.#spaces()
      }
    }
    const counts = messageCounter || sequenceNumber || hostname
    if (counts && this.#at < this.#end && this.#bytes[this.#at] === Byte.star) this.#at++
  }

  /** Digits with a colon behind; -1: not here. */
  #number(digitsMin: number): number {
    let i = this.#at
    let value = 0
    while (i < this.#end && isDigit(this.#bytes[i])) value = value * 10 + (this.#bytes[i++] as number) - Byte.zero
    if (i - this.#at < digitsMin || i >= this.#end || this.#bytes[i] !== Byte.colon) return -1
    this.#at = i + 1
    this.#spaces()
    return value
  }

  #timestamp(cisco: CiscoComponents | undefined, nowMs: number): boolean {
    const bytes = this.#bytes
    const at = this.#at
    const month = at + 3 <= this.#end ? months.indexOf(bytes.toString('latin1', at, at + 3)) : -1
    const day = this.#day(at + 4)
    const second = scanTimeOfDay(bytes, at + 7, this.#end)
    const isMarked = bytes[at + 3] === Byte.space && bytes[at + 6] === Byte.space
    if (month < 0 || month % 3 !== 0 || day < 1 || second < 0 || !isMarked) {
      return this.#fault('a time as in "Jan  2 15:04:05"')
    }
    if (day > daysOfMonth(0, month / 3 + 1)) return this.#fault('a day that the month has')
    const dot = at + 15
    const behind = cisco?.secondFractions ? fractionEnd(bytes, dot, this.#end) : dot
    this.#setTime(month / 3 + 1, day, second, fractionMicroseconds(bytes, dot, behind > dot ? behind : dot), nowMs)
    this.#at = behind
    const colon = cisco !== undefined && (cisco.messageCounter || cisco.sequenceNumber || cisco.hostname)
    if (colon && this.#at < this.#end && bytes[this.#at] === Byte.colon) this.#at++
    if (this.#at >= this.#end || bytes[this.#at] !== Byte.space) return this.#fault('a space behind the time')
    this.#spaces()
    return true
  }

  /** ` 1` to `31`; -1: none. */
  #day(at: number): number {
    const first = this.#bytes[at]
    if (first === Byte.space || (first === Byte.zero && this.#options.lenientDay)) {
      return digits(this.#bytes, at + 1, 1, this.#end)
    }
    const day = digits(this.#bytes, at, 2, this.#end)
    return day < 10 || day > 31 ? -1 : day
  }

  #setTime(month: number, day: number, second: number, microseconds: number, nowMs: number): void {
    const { year, offsetMs } = this.#options
    if (year === undefined) return
    const wallMs = dayMs(year(month, day, second, nowMs), month, day) + second * 1000
    const aheadMs = offsetMs === undefined ? 0 : offsetMs(wallMs)
    this.#message.offsetMinutes = Math.round(aheadMs / 60_000)
    this.#message.timestampNs = BigInt(wallMs - aheadMs) * 1_000_000n + BigInt(microseconds * 1000)
  }

  /** Behind a host name at `at`: printable characters but the colon. `at`: there is none. */
  #hostnameEnd(at: number): number {
    let i = at
    while (i < this.#end) {
      const byte = this.#bytes[i] as number
      if (byte < 0x21 || byte > 0x7e || byte === Byte.colon) break
      i++
    }
    return i - at > hostnameMax ? at : i
  }

  /** A word of ASCII; null: the nil value, or an empty one. */
  #word(start: number, end: number): string | null {
    if (end === start || (end - start === 1 && this.#bytes[start] === Byte.dash)) return null
    return this.#bytes.toString('latin1', start, end)
  }

  #body(): void {
    if (this.#at >= this.#end) return
    const first = this.#at
    let text = this.#tag(first)
    const end = this.#hostnameEnd(first)
    if (end > first && end < this.#end && this.#bytes[end] === Byte.space) {
      // A word without a colon is the host's name, and what looks like a tag comes behind it.
      this.#message.hostname = this.#word(first, end)
      this.#at = end
      this.#spaces()
      text = this.#at < this.#end ? this.#tag(this.#at) : first
    }
    this.#message.message = this.#bytes.toString('utf8', text, this.#end)
  }

  /** Reads `tag: ` or `tag[pid]: ` at `at`; gives where the text begins, which is `at` where this is no whole tag. */
  #tag(at: number): number {
    const bytes = this.#bytes
    const limit = Math.min(this.#end, at + tagMax)
    let i = at
    while (i < limit) {
      const byte = bytes[i] as number
      if (byte < 0x21 || byte > 0x7e || byte === Byte.colon || byte === Byte.bracket) break
      i++
    }
    if (i === at || i >= this.#end) return at
    if (bytes[i] === Byte.bracket) {
      this.#message.appName = this.#word(at, i)
      const close = this.#pidEnd(i + 1)
      if (close < 0) return at
      this.#message.procId =
        close === i + 2 && bytes[i + 1] === Byte.dash ? null : bytes.toString('utf8', i + 1, close) || null
      i = close + 1
    } else if (bytes[i] === Byte.colon) this.#message.appName = this.#word(at, i)
    else return at
    const isWhole = i + 2 < this.#end && bytes[i] === Byte.colon && bytes[i + 1] === Byte.space
    return isWhole ? i + 2 : at
  }

  /** The closing bracket of a process id; -1: there is none. */
  #pidEnd(at: number): number {
    for (let i = at; i < this.#end; i++) {
      const byte = this.#bytes[i] as number
      if (byte === Byte.bracketEnd) return i
      if (byte === Byte.bracket || (byte < 0x20 && byte !== Byte.tab) || byte === 0x7f) return -1
    }
    return -1
  }
}
