// Parses messages of RFC 5424.
import { isUtf8 } from 'node:buffer'
import { SyslogMessage } from './message.ts'
import {
  Byte,
  dayMs,
  daysOfMonth,
  digits,
  fractionEnd,
  fractionMicroseconds,
  isDigit,
  printableEnd,
  scanPriority,
  scanTimeOfDay,
} from './scan.ts'

export interface Rfc5424Options {
  /** Take messages without `<priority>`; they have none then. */
  readonly priorityOptional?: boolean
}

const hostnameMax = 255
const appNameMax = 48
const procIdMax = 128
const msgIdMax = 32
const sdNameMax = 32

/**
 * Parses one message at a time, strictly by RFC 5424, 6: what the collector's and Alloy's parser takes this takes, and
 * nothing else. The text of a message may be any bytes; a byte order mark stays its first character.
 */
export class Rfc5424Parser {
  readonly #priorityOptional: boolean
  #bytes: Buffer = Buffer.alloc(0)
  #start = 0
  #at = 0
  #end = 0
  #message = new SyslogMessage()

  constructor(options: Rfc5424Options = {}) {
    this.#priorityOptional = options.priorityOptional ?? false
  }

  /** Bytes from `start` to `end`. Never throws: see `fault`. */
  parse(bytes: Buffer, start = 0, end: number = bytes.length): SyslogMessage {
    this.#bytes = bytes
    this.#start = start
    this.#at = start
    this.#end = end
    this.#message = new SyslogMessage()
    if (this.#header() && this.#structuredData()) this.#text()
    return this.#message
  }

  #fault(wanted: string): false {
    this.#message.fault = `expected ${wanted} at column ${this.#at - this.#start}`
    return false
  }

  #space(): boolean {
    if (this.#at < this.#end && this.#bytes[this.#at] === Byte.space) {
      this.#at++
      return true
    }
    return this.#fault('a space')
  }

  #header(): boolean {
    const m = this.#message
    if (!this.#priority() || !this.#version() || !this.#space() || !this.#timestamp() || !this.#space()) return false
    const hostname = this.#word(hostnameMax, 'a host name')
    if (hostname === undefined || !this.#space()) return false
    m.hostname = hostname
    const appName = this.#word(appNameMax, 'an app name')
    if (appName === undefined || !this.#space()) return false
    m.appName = appName
    const procId = this.#word(procIdMax, 'a process id')
    if (procId === undefined || !this.#space()) return false
    m.procId = procId
    const msgId = this.#word(msgIdMax, 'a message id')
    if (msgId === undefined || !this.#space()) return false
    m.msgId = msgId
    return true
  }

  #priority(): boolean {
    if (this.#priorityOptional && this.#bytes[this.#at] !== Byte.less) return true
    const found = scanPriority(this.#bytes, this.#at, this.#end)
    if (found < 0) return this.#fault('a priority from <0> to <191>')
    this.#message.priority = found >> 3
    this.#at += found & 7
    return true
  }

  #version(): boolean {
    let i = this.#at
    let value = 0
    while (i < this.#end && i < this.#at + 3 && isDigit(this.#bytes[i])) {
      value = value * 10 + (this.#bytes[i++] as number) - Byte.zero
    }
    if (i === this.#at || this.#bytes[this.#at] === Byte.zero) return this.#fault('a version from 1 to 999')
    this.#message.version = value
    this.#at = i
    return true
  }

  /** A word of printable characters; null: the nil value `-`; undefined: none, or too long. */
  #word(lengthMax: number, what: string): string | null | undefined {
    const end = printableEnd(this.#bytes, this.#at, this.#end)
    const length = end - this.#at
    if (length === 0 || length > lengthMax) {
      this.#fault(`${what} of 1 to ${lengthMax} printable characters`)
      return undefined
    }
    const start = this.#at
    this.#at = end
    return length === 1 && this.#bytes[start] === Byte.dash ? null : this.#bytes.toString('latin1', start, end)
  }

  /** RFC 3339 with at most six digits of a second, or the nil value. */
  #timestamp(): boolean {
    const bytes = this.#bytes
    const at = this.#at
    if (at < this.#end && bytes[at] === Byte.dash) {
      this.#at++
      return true
    }
    const year = digits(bytes, at, 4, this.#end)
    const month = digits(bytes, at + 5, 2, this.#end)
    const day = digits(bytes, at + 8, 2, this.#end)
    const seconds = scanTimeOfDay(bytes, at + 11, this.#end)
    const isDate = year >= 0 && month > 0 && month <= 12 && day > 0 && day <= daysOfMonth(year, month)
    const isMarked = bytes[at + 4] === Byte.dash && bytes[at + 7] === Byte.dash && bytes[at + 10] === 0x54
    if (!isDate || !isMarked || seconds < 0) return this.#fault('a timestamp as RFC 3339 has it')
    const dot = at + 19
    const behind = fractionEnd(bytes, dot, this.#end)
    const offset = this.#offset(behind)
    if (offset === undefined) return this.#fault('a timestamp as RFC 3339 has it')
    const ms = dayMs(year, month, day) + (seconds - offset * 60) * 1000
    const microseconds = fractionMicroseconds(bytes, dot, behind)
    this.#message.timestampNs = BigInt(ms) * 1_000_000n + BigInt(microseconds * 1000)
    this.#message.offsetMinutes = offset
    return true
  }

  /** Minutes ahead of UTC of `Z` or `+hh:mm` at `at`, where reading then goes on. */
  #offset(at: number): number | undefined {
    const sign = at < this.#end ? this.#bytes[at] : undefined
    if (sign === 0x5a) {
      this.#at = at + 1
      return 0
    }
    const hours = digits(this.#bytes, at + 1, 2, this.#end)
    const minutes = digits(this.#bytes, at + 4, 2, this.#end)
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59 || this.#bytes[at + 3] !== Byte.colon) return undefined
    if (sign !== 0x2b && sign !== Byte.dash) return undefined
    this.#at = at + 6
    return sign === Byte.dash ? -(hours * 60 + minutes) : hours * 60 + minutes
  }

  #structuredData(): boolean {
    if (this.#at < this.#end && this.#bytes[this.#at] === Byte.dash) {
      this.#at++
      return true
    }
    const data = new Map<string, Map<string, string>>()
    while (this.#at < this.#end && this.#bytes[this.#at] === Byte.bracket) if (!this.#element(data)) return false
    if (data.size === 0) return this.#fault('structured data')
    this.#message.structuredData = data
    return true
  }

  #element(data: Map<string, Map<string, string>>): boolean {
    this.#at++
    const id = this.#sdName()
    if (id === undefined) return false
    if (data.has(id)) return this.#fault(`structured data without a second element ${JSON.stringify(id)}`)
    const parameters = new Map<string, string>()
    data.set(id, parameters)
    while (this.#at < this.#end && this.#bytes[this.#at] === Byte.space) {
      this.#at++
      if (!this.#parameter(parameters)) return false
    }
    if (this.#at >= this.#end || this.#bytes[this.#at] !== Byte.bracketEnd) return this.#fault('a closing bracket')
    this.#at++
    return true
  }

  #sdName(): string | undefined {
    const start = this.#at
    let i = start
    while (i < this.#end) {
      const byte = this.#bytes[i] as number
      if (byte < 0x21 || byte > 0x7e || byte === Byte.equals || byte === Byte.bracketEnd || byte === Byte.quote) break
      i++
    }
    if (i === start || i - start > sdNameMax) {
      this.#fault(`a name of 1 to ${sdNameMax} characters in structured data`)
      return undefined
    }
    this.#at = i
    return this.#bytes.toString('latin1', start, i)
  }

  #parameter(parameters: Map<string, string>): boolean {
    const name = this.#sdName()
    if (name === undefined) return false
    if (
      this.#at + 1 >= this.#end ||
      this.#bytes[this.#at] !== Byte.equals ||
      this.#bytes[this.#at + 1] !== Byte.quote
    ) {
      return this.#fault('=" in structured data')
    }
    const start = this.#at + 2
    let isEscaped = false
    let i = start
    for (; i < this.#end && this.#bytes[i] !== Byte.quote; i++) {
      const byte = this.#bytes[i] as number
      if (byte === Byte.bracketEnd) break
      if (byte !== Byte.backslash) continue
      isEscaped = true
      const next = i + 1 < this.#end ? this.#bytes[i + 1] : undefined
      if (next !== Byte.quote && next !== Byte.backslash && next !== Byte.bracketEnd) {
        this.#at = i
        return this.#fault('only \\", \\\\ and \\] to be escaped in structured data')
      }
      i++
    }
    this.#at = i
    if (i >= this.#end || this.#bytes[i] !== Byte.quote) return this.#fault('a closing quote in structured data')
    const text = this.#bytes.toString('utf8', start, i)
    if (text.includes('\ufffd') && !isUtf8(this.#bytes.subarray(start, i))) {
      return this.#fault('UTF-8 in structured data')
    }
    parameters.set(name, isEscaped ? text.replace(/\\(.)/gs, '$1') : text)
    this.#at = i + 1
    return true
  }

  #text(): void {
    if (this.#at === this.#end || !this.#space()) return
    if (this.#at < this.#end) this.#message.message = this.#bytes.toString('utf8', this.#at, this.#end)
  }
}
