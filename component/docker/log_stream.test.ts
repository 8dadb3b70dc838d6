import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DockerLogParser, rfc3339Nanoseconds } from './log_stream.ts'

const time = '2026-01-02T03:04:05.000000001Z'

function frame(stream: number, payload: string): Buffer {
  const header = Buffer.alloc(8)
  header[0] = stream
  header.writeUInt32BE(Buffer.byteLength(payload), 4)
  return Buffer.concat([header, Buffer.from(payload)])
}

function read(tty: boolean, chunks: readonly Buffer[]): string[] {
  const out: string[] = []
  const parser = new DockerLogParser(tty, {
    line: (stream, timestampNs, line) => void out.push(`${stream} ${timestampNs % 10n} ${line}`),
    fault: (why) => void out.push(`!${why}`),
  })
  for (const chunk of chunks) {
    if (!parser.push(chunk)) {
      out.push('lost')
      return out
    }
  }
  parser.finish()
  return out
}

const later = time.replace('1Z', '2Z')
const cases: { name: string; tty?: boolean; input: Buffer; want: string[] }[] = [
  {
    name: 'both streams',
    input: Buffer.concat([frame(1, `${time} one\n`), frame(2, `${later} two\r\n`), frame(1, `${time} three`)]),
    want: ['stdout 1 one', 'stderr 2 two', 'stdout 1 three'],
  },
  {
    name: 'a line in pieces, with another between them',
    input: Buffer.concat([frame(1, `${time} a `), frame(2, `${later} x\n`), frame(1, `${later} b`), frame(1, `${later} c\n`)]), // prettier-ignore
    want: ['stderr 2 x', 'stdout 1 a bc'],
  },
  {
    name: 'empty lines',
    input: Buffer.concat([frame(1, `${time} \n`), frame(1, `${time} x\n`)]),
    want: ['stdout 1 x'],
  },
  { name: 'a line without a time', input: frame(1, 'no time here\n'), want: ['!a line has no time'] },
  { name: "the daemon's own word", input: frame(3, 'broken\n'), want: ['!the daemon says: broken'] },
  {
    name: 'what is no stream',
    input: Buffer.from('HTTP/1.1 200 OK\r\n'),
    want: ['!the stream of the log has no frames', 'lost'],
  },
  {
    name: 'a terminal',
    tty: true,
    input: Buffer.from(`${time} one\r\n${later} two\r\n${time} th`),
    want: ['stdout 1 one', 'stdout 2 two', 'stdout 1 th'],
  },
]
for (const { name, tty = false, input, want } of cases) {
  test(`The log is read: ${name}, however it is cut`, () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 30 })), (sizes) => {
        const chunks: Buffer[] = []
        let at = 0
        for (const size of sizes) {
          chunks.push(input.subarray(at, at + size))
          at += size
        }
        assert.deepEqual(read(tty, [...chunks, input.subarray(at)]), want)
      }),
    )
  })
}

test('A line that is too long is cut', () => {
  const out = read(false, [frame(1, `${time} ${'x'.repeat(2 * 1024 * 1024)}\n`), frame(1, `${time} next\n`)])
  assert.equal(out[0], '!a line is too long and was cut')
  assert.equal(out[1]?.length, 1024 * 1024 + 'stdout 1 '.length)
  assert.equal(out[2], 'stdout 1 next')
})

test('No bytes make the reader throw', () => {
  const chunk = fc
    .array(fc.constantFrom(0, 1, 2, 3, 8, 10, 32, 90), { maxLength: 40 })
    .map((bytes) => Buffer.from(bytes))
  fc.assert(fc.property(fc.boolean(), fc.array(chunk), (tty, chunks) => void read(tty, chunks)))
})

test('Times are read to the nanosecond', () => {
  assert.equal(rfc3339Nanoseconds('1970-01-01T00:00:01.5Z'), 1_500_000_000n)
  assert.equal(rfc3339Nanoseconds('1970-01-01T01:00:00.000000001+01:00'), 1n)
  assert.equal(rfc3339Nanoseconds('x'), undefined)
})
