// Reads the stream of a container's log: two streams in frames, or a terminal's bytes as they are.

export type LogStreamName = 'stdout' | 'stderr'

export interface DockerLogSink {
  /** One line, without its newline, with the time at which the daemon got it. */
  line(stream: LogStreamName, timestampNs: bigint, line: string): void
  /** Something could not be read and was left out. */
  fault(why: string): void
}

const newline = 10
const carriageReturn = 13
const space = 32
const headerBytes = 8
/** Docker's frames hold at most 16 KiB of a line and its time; more is no such stream. */
const frameBytesMax = 16 * 1024 * 1024
/** A longer line is cut. */
export const dockerLineBytesMax = 1024 * 1024

/** A line of which the end has not come. */
class Unfinished {
  timestampNs = -1n
  bytes: Buffer = Buffer.alloc(0)
  isCut = false
}

export class DockerLogParser {
  readonly #tty: boolean
  readonly #sink: DockerLogSink
  #rest: Buffer = Buffer.alloc(0)
  readonly #unfinished = { stdout: new Unfinished(), stderr: new Unfinished() }

  /** `tty`: the container has a terminal, and one stream without frames. */
  constructor(tty: boolean, sink: DockerLogSink) {
    this.#tty = tty
    this.#sink = sink
  }

  /** The next bytes, cut anywhere. False: this is no such stream, and nothing more can be read of it. */
  push(chunk: Buffer): boolean {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    if (this.#tty) {
      // A time may be cut, so that a line is taken once it is whole.
      const end = bytes.lastIndexOf(newline)
      if (end < 0 && bytes.length < dockerLineBytesMax) this.#rest = bytes
      else {
        const cut = end < 0 ? bytes.length : end + 1
        this.#payload('stdout', bytes.subarray(0, cut))
        this.#rest = bytes.subarray(cut)
      }
      return true
    }
    return this.#frames(bytes)
  }

  /** A header (stream, three zeros, size in big-endian) and a payload, again and again. */
  #frames(bytes: Buffer): boolean {
    let at = 0
    while (bytes.length - at >= headerBytes) {
      const kind = bytes[at] as number
      const size = bytes.readUInt32BE(at + 4)
      if (kind > 3 || size > frameBytesMax) {
        this.#sink.fault('the stream of the log has no frames')
        this.#rest = Buffer.alloc(0)
        return false
      }
      const start = at + headerBytes
      if (bytes.length - start < size) break
      const payload = bytes.subarray(start, start + size)
      if (kind === 3) this.#sink.fault(`the daemon says: ${payload.toString().trim()}`)
      else this.#payload(kind === 2 ? 'stderr' : 'stdout', payload)
      at = start + size
    }
    this.#rest = at === 0 ? bytes : bytes.subarray(at)
    return true
  }

  /** Usually one line with its time in front; a line longer than 16 KiB comes in several, each with the time. */
  #payload(stream: LogStreamName, payload: Buffer): void {
    let at = 0
    while (at < payload.length) {
      const found = payload.indexOf(newline, at)
      const end = found < 0 ? payload.length : found
      this.#piece(stream, payload, at, end)
      if (found >= 0) this.#finishLine(stream)
      at = end + 1
    }
  }

  #piece(stream: LogStreamName, payload: Buffer, at: number, end: number): void {
    const line = this.#unfinished[stream]
    const gap = payload.indexOf(space, at)
    const timed = gap > at && gap < end ? rfc3339Nanoseconds(payload.toString('latin1', at, gap)) : undefined
    const bytes = payload.subarray(timed === undefined ? at : gap + 1, end)
    if (line.timestampNs < 0n && timed !== undefined) line.timestampNs = timed
    const room = dockerLineBytesMax - line.bytes.length
    line.isCut ||= bytes.length > room
    const kept = line.isCut ? bytes.subarray(0, Math.max(room, 0)) : bytes
    line.bytes = line.bytes.length === 0 ? kept : Buffer.concat([line.bytes, kept])
  }

  #finishLine(stream: LogStreamName): void {
    const { timestampNs, bytes, isCut } = this.#unfinished[stream]
    this.#unfinished[stream] = new Unfinished()
    if (isCut) this.#sink.fault('a line is too long and was cut')
    const end = bytes.length > 0 && bytes[bytes.length - 1] === carriageReturn ? bytes.length - 1 : bytes.length
    if (timestampNs >= 0n) {
      if (end > 0) this.#sink.line(stream, timestampNs, bytes.toString('utf8', 0, end))
    } else if (end > 0) this.#sink.fault('a line has no time')
  }

  /** The stream ended: a line without a newline is one, too. */
  finish(): void {
    if (this.#tty && this.#rest.length > 0) this.#payload('stdout', this.#rest)
    this.#rest = Buffer.alloc(0)
    for (const stream of ['stdout', 'stderr'] as const) {
      if (this.#unfinished[stream].bytes.length > 0) this.#finishLine(stream)
    }
  }
}

const rfc3339 = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/

/** Nanoseconds since the epoch; undefined: no such time. */
export function rfc3339Nanoseconds(text: string): bigint | undefined {
  const found = rfc3339.exec(text)
  if (found === null) return undefined
  const ms = Date.parse(`${found[1]}${found[3]}`)
  if (Number.isNaN(ms)) return undefined
  return BigInt(ms) * 1_000_000n + BigInt((found[2] ?? '').padEnd(9, '0'))
}
