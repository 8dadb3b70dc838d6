// Cuts streams of syslog messages into frames (RFC 6587): octet counting, and messages that end with a newline.
import { Byte, isDigit } from './scan.ts'

export interface FrameOptions {
  /** The longest message with its length in front; longer ones are skipped. */
  readonly octetsMax: number
  /** The longest message up to a newline; longer ones are skipped. */
  readonly lineBytesMax: number
  /** What ends a message that has no length: a newline, or 0. */
  readonly trailer?: number
  /**
   * Messages that need not begin with a priority: each line is one, and whether it has a length in front is found out for
   * each. Else the first byte of the stream decides, and lines that do not begin with `<` go on with the message before.
   */
  readonly raw?: boolean
}

export interface FrameSink {
  /** A message, without its length or trailer. The bytes may be used during the call only. */
  frame(bytes: Buffer, start: number, end: number): void
  /** Something that is no message, and was skipped. */
  fault(why: string): void
}

/** More digits than any length that could be meant. */
const lengthDigitsMax = 10
const bufferBytesMin = 4096
const empty = Buffer.alloc(0)

type Framing = 'unknown' | 'octets' | 'lines'

/** One stream. Messages may be cut anywhere by the chunks they come in. */
export class SyslogFrames {
  readonly #options: FrameOptions
  readonly #trailer: number
  readonly #sink: FrameSink
  #framing: Framing = 'unknown'
  /** What came and was not given on yet stands from `#start` to `#end`. */
  #buffer: Buffer = empty
  /** The buffer is no chunk of the stream's, and may have room behind `#end`. */
  #isOwn = false
  #start = 0
  #end = 0
  /** Up to here there is no trailer that was not looked at. */
  #looked = 0
  /** Behind the trailer of a message that may go on in the next line; -1: there is none. */
  #held = -1
  /** Bytes of a frame that is too long, yet to be skipped. */
  #skip = 0
  #skipLine = false
  /** A message with its length was taken: one newline may stand before the next. */
  #between = false

  constructor(options: FrameOptions, sink: FrameSink) {
    this.#options = options
    this.#trailer = options.trailer ?? Byte.newline
    this.#sink = sink
  }

  /** A whole message waits for a sign that it does not go on in the next line: see `flush`. */
  get holds(): boolean {
    return this.#held >= 0 && this.#held === this.#end
  }

  /** Bytes that came and are not given on yet. */
  get pendingBytes(): number {
    return this.#end - this.#start
  }

  /** The next bytes. False: the sender lost its frames, and nothing more of this stream can be read. */
  push(chunk: Buffer): boolean {
    this.#append(chunk)
    return this.#take()
  }

  /** Nothing came for a while: give on a whole message that might have gone on in the next line. */
  flush(): void {
    if (this.holds) this.#emitHeld()
  }

  /** The stream ended: what is left is a message, as far as it goes. The next bytes are another stream's. */
  finish(): void {
    if (this.#framing === 'octets' && !this.#options.raw) {
      if (this.#end > this.#start || this.#skip > 0) this.#sink.fault('the stream ends inside a message')
    } else if (!this.#skipLine && this.#skip === 0) {
      // What is left goes on with a message that is held, unless it is one of its own.
      if (this.#held >= 0 && (this.#held === this.#end || this.#buffer[this.#held] === Byte.less)) this.#emitHeld()
      this.#held = -1
      if (this.#end > this.#start) this.#emitLine(this.#start, this.#end)
    }
    this.#reset()
  }

  /** The same object may cut another stream. */
  #reset(): void {
    this.#framing = 'unknown'
    this.#buffer = empty
    this.#isOwn = false
    this.#start = 0
    this.#end = 0
    this.#looked = 0
    this.#held = -1
    this.#skip = 0
    this.#skipLine = false
    this.#between = false
  }

  #append(chunk: Buffer): void {
    const left = this.#end - this.#start
    if (left === 0) {
      this.#buffer = chunk
      this.#isOwn = false
      this.#start = 0
      this.#end = chunk.length
      this.#looked = 0
      return
    }
    if (this.#isOwn && this.#end + chunk.length <= this.#buffer.length) {
      chunk.copy(this.#buffer, this.#end)
      this.#end += chunk.length
      return
    }
    const needed = left + chunk.length
    // Room for as much again: a long message that comes byte by byte is not copied for each of them.
    const into = Buffer.allocUnsafe(Math.max(bufferBytesMin, 2 * needed))
    this.#isOwn = true
    this.#buffer.copy(into, 0, this.#start, this.#end)
    chunk.copy(into, left)
    this.#looked -= this.#start
    if (this.#held >= 0) this.#held -= this.#start
    this.#buffer = into
    this.#start = 0
    this.#end = needed
  }

  #take(): boolean {
    for (;;) {
      if (this.#skip > 0) {
        const bytes = Math.min(this.#skip, this.#end - this.#start)
        this.#skip -= bytes
        this.#moveTo(this.#start + bytes)
      }
      if (this.#start >= this.#end) return true
      if (this.#framing === 'unknown') this.#framing = isDigit(this.#buffer[this.#start]) ? 'octets' : 'lines'
      const step = this.#framing === 'octets' ? this.#octets() : this.#line()
      if (step === 'wait') return true
      if (step === 'lost') return false
      if (this.#options.raw) this.#framing = 'unknown'
    }
  }

  #moveTo(at: number): void {
    this.#start = at
    if (this.#looked < at) this.#looked = at
  }

  /** `LENGTH SP MESSAGE`; one newline between messages is passed over. */
  #octets(): 'again' | 'wait' | 'lost' {
    const bytes = this.#buffer
    if (this.#between && bytes[this.#start] === Byte.newline) this.#moveTo(this.#start + 1)
    this.#between = false
    if (this.#start === this.#end) return 'wait'
    let i = this.#start
    let length = 0
    while (i < this.#end && i - this.#start <= lengthDigitsMax && isDigit(bytes[i])) {
      length = length * 10 + (bytes[i++] as number) - Byte.zero
    }
    const tooMany = i - this.#start > lengthDigitsMax
    if (i === this.#end && !tooMany) return 'wait'
    // What stands behind the end is nobody's.
    if (tooMany || bytes[i] !== Byte.space || length === 0 || i === this.#start) {
      if (this.#options.raw) return this.#line()
      this.#sink.fault('a message does not begin with its length')
      return 'lost'
    }
    if (length > this.#options.octetsMax) {
      this.#sink.fault(`a message of ${length} bytes is longer than the ${this.#options.octetsMax} allowed`)
      this.#skip = length
      this.#moveTo(i + 1)
      return 'again'
    }
    const start = i + 1
    if (start + length > this.#end) return 'wait'
    this.#emitOctets(start, start + length)
    return 'again'
  }

  #emitOctets(start: number, end: number): void {
    if (!this.#options.raw && this.#buffer[start] !== Byte.less) {
      this.#sink.fault('a message does not begin with a priority')
    } else this.#sink.frame(this.#buffer, start, end)
    this.#moveTo(end)
    this.#between = !this.#options.raw
  }

  #line(): 'again' | 'wait' {
    const { lineBytesMax } = this.#options
    const at = this.#trailerFrom(this.#looked)
    if (this.#skipLine) {
      this.#skipLine = at < 0
      this.#looked = this.#start
      this.#moveTo(at < 0 ? this.#end : at + 1)
      return 'again'
    }
    // The line that is looked at begins behind what is held.
    const lineStart = this.#held >= 0 ? this.#held : this.#start
    if (this.#held >= 0 && lineStart < this.#end && this.#buffer[lineStart] === Byte.less) {
      this.#emitHeld()
      return 'again'
    }
    if ((at < 0 ? this.#end : at) - this.#start > lineBytesMax) return this.#tooLong(at)
    if (at < 0) {
      this.#looked = this.#end
      return 'wait'
    }
    this.#looked = at + 1
    if (this.#options.raw) {
      this.#emitLine(this.#start, at)
      this.#moveTo(at + 1)
    } else if (this.#held < 0 && this.#buffer[this.#start] !== Byte.less) {
      this.#emitLine(this.#start, at)
      this.#moveTo(at + 1)
    } else this.#held = at + 1
    return 'again'
  }

  /** What stands in an own buffer behind the end is not looked through. */
  #trailerFrom(from: number): number {
    const bytes = this.#isOwn ? this.#buffer.subarray(0, this.#end) : this.#buffer
    return bytes.indexOf(this.#trailer, from)
  }

  #tooLong(at: number): 'again' | 'wait' {
    if (this.#held >= 0) {
      this.#emitHeld()
      return 'again'
    }
    this.#sink.fault(`a message is longer than the ${this.#options.lineBytesMax} bytes allowed`)
    this.#skipLine = at < 0
    this.#looked = this.#start
    this.#moveTo(at < 0 ? this.#end : at + 1)
    return 'again'
  }

  #emitHeld(): void {
    const behind = this.#held
    this.#held = -1
    this.#sink.frame(this.#buffer, this.#start, behind - 1)
    this.#moveTo(behind)
  }

  #emitLine(start: number, end: number): void {
    let from = start
    let to = end
    if (this.#options.raw) {
      while (from < to && isSpace(this.#buffer[from] as number)) from++
      while (to > from && isSpace(this.#buffer[to - 1] as number)) to--
    }
    if (from === to) return
    if (!this.#options.raw && this.#buffer[from] !== Byte.less) {
      if (!isBlank(this.#buffer, from, to)) this.#sink.fault('a line does not begin with a priority')
    } else this.#sink.frame(this.#buffer, from, to)
  }
}

function isSpace(byte: number): boolean {
  return byte === Byte.space || (byte >= Byte.tab && byte <= Byte.return)
}

function isBlank(bytes: Buffer, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (!isSpace(bytes[i] as number)) return false
  return true
}
