// Reads the body of a Logplex drain: messages with their lengths in front (devcenter.heroku.com, "Log Drains").

export interface DrainMessage {
  readonly timestampNs: bigint
  readonly host: string
  readonly app: string
  readonly process: string
  readonly id: string
  readonly text: string
}

/** A body that cannot be read on. */
export class DrainError extends Error {
  override readonly name = 'DrainError'
}

export interface DrainSink {
  message(message: DrainMessage): void
  /** A message with its length that is none. */
  fault(why: string): void
}

/** Logplex cuts lines at 10 kB. */
const frameBytesMax = 10_240
const space = 32

/** Throws `DrainError` where the lengths are wrong: nothing behind can be read. */
export function readDrain(body: Buffer, sink: DrainSink): void {
  let at = 0
  while (at < body.length) {
    const gap = body.indexOf(space, at)
    const length = gap > at && gap - at <= 6 ? body.toString('latin1', at, gap) : ''
    if (!/^\d+$/.test(length)) throw new DrainError(`a message does not begin with its length, at byte ${at}`)
    const end = gap + 1 + Number(length)
    if (Number(length) > frameBytesMax)
      throw new DrainError(`a message is longer than the ${frameBytesMax} bytes allowed`)
    if (end > body.length) throw new DrainError('the last message is shorter than its length')
    readMessage(body.toString('utf8', gap + 1, end), sink)
    at = end
  }
}

/** As RFC 5424 has it, without structured data, and with `-` as a name like any other. */
const message = /^<(\d+)>\d (\S+) (\S*) (\S*) (\S*) (\S*) (.*)$/s
const timestamp = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/

function readMessage(frame: string, sink: DrainSink): void {
  const found = message.exec(frame)
  if (found === null) {
    sink.fault('a message lacks a field')
    return
  }
  const [, , time, host, app, process, id, text] = found as unknown as string[]
  const parts = timestamp.exec(time as string)
  const ms = parts === null ? NaN : Date.parse(`${parts[1]}${parts[3]}`)
  if (parts === null || Number.isNaN(ms)) {
    sink.fault('the time of a message is none')
    return
  }
  const timestampNs = BigInt(ms) * 1_000_000n + BigInt((parts[2] ?? '').padEnd(9, '0'))
  sink.message({ timestampNs, host: host as string, app: app as string, process: process as string, id: id as string, text: text as string }) // prettier-ignore
}
