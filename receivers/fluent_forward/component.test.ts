import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import { EventTime, FluentClient } from '@fluent-org/logger'
import { decode, encode } from '@msgpack/msgpack'
import { ConsumeError, type LogsPort, type OtelOutput } from '#component'
import { decoded, problemsOf, TestHost, type Written } from '#component/test_host'
import { anyValueText, type AnyValue, KeyValueList, logsTree } from '#pdata/otlp'
import { fluentForwardReceiver } from './component.ts'
import type { FluentForward } from './receiver.ts'

const shown = (value: AnyValue): string =>
  typeof value === 'bigint' ? `${value}n` : value instanceof KeyValueList ? anyValueText(value) : String(value)

class Fluent {
  readonly host = new TestHost()
  /** Time, body and attributes of each record. */
  readonly records: string[] = []
  failure: Error | undefined
  receiver: FluentForward | undefined
  #tell: () => void = () => {}

  async start(t: TestContext, endpoint = '127.0.0.1:0', written: Written = {}): Promise<this> {
    const port: LogsPort = {
      nodeId: 'sink',
      signal: 'logs',
      consume: (batch) => {
        if (this.failure) throw this.failure
        for (const { scopeLogs } of logsTree(batch).resourceLogs) {
          for (const { logRecords } of scopeLogs) {
            for (const { timeUnixNano, body, attributes } of logRecords) {
              const rest = attributes.map(({ key, value }) => `${key}=${shown(value)}`)
              this.records.push([timeUnixNano, shown(body), ...rest].join(' '))
            }
          }
        }
        this.#tell()
      },
    }
    const output: OtelOutput = { metrics: [], traces: [], logs: [{ nodeId: 'sink', logs: port }] }
    const settings = decoded(fluentForwardReceiver.settings, { endpoint, ...written })
    this.receiver = (await fluentForwardReceiver.create(this.host, settings, output)) as unknown as FluentForward
    await this.receiver.start()
    t.after(() => this.receiver?.stop(1000))
    return this
  }

  get port(): number {
    return this.receiver?.ports.tcp ?? 0
  }

  async expect(...want: string[]): Promise<void> {
    while (this.records.length < want.length) await new Promise<void>((resolve) => (this.#tell = resolve))
    assert.deepEqual(this.records, want)
  }

  count(name: string): number | undefined {
    return this.host.counts.get(`otelcol_fluent_${name}_total`)?.value
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

const time = new EventTime(1_700_000_000, 5)
for (const eventMode of ['Message', 'Forward', 'PackedForward', 'CompressedPackedForward'] as const) {
  test(`Fluentd's client for Node sends in the mode ${eventMode}, and gets its acknowledgement`, async (t) => {
    const f = await new Fluent().start(t)
    const client = new FluentClient('app', {
      socket: { host: '127.0.0.1', port: f.port },
      eventMode,
      ack: { ackTimeout: 60_000 },
    })
    t.after(() => client.disconnect())
    await Promise.all([
      client.emit('web', { message: 'hello', n: 7, x: 1.5, deep: { a: [true, null] } }, time),
      client.emit('web', { log: 'again' }, time),
    ])
    const head = '1700000000000000005'
    await f.expect(
      `${head} hello fluent.tag=app.web n=7n x=1.5 deep={"a":[true,null]}`,
      `${head} again fluent.tag=app.web`,
    )
    assert.equal(f.count('records_generated'), 2)
    assert.equal(f.count('parse_failures'), 0)
    assert.equal(f.host.counters.in, f.host.counters.out)
  })
}

test('A chunk is acknowledged only once it is taken; refused for good, its connection ends', async (t) => {
  const f = await new Fluent().start(t)
  f.failure = new ConsumeError('Cannot take logs: full', { retryable: true, retryAfterMs: 1 })
  const socket = connect(f.port, '127.0.0.1')
  const chunk = (id: string): Uint8Array => encode(['t', [[1, { log: id }]], { chunk: id }])
  let answer = Buffer.alloc(0)
  socket.on('data', (bytes) => (answer = Buffer.concat([answer, Buffer.from(bytes)])))
  socket.write(chunk('c1'))
  await f.until(() => f.host.counters.waiting === 1)
  assert.equal(answer.length, 0)
  f.failure = undefined
  await f.until(() => answer.length > 0)
  assert.deepEqual(decode(answer), { ack: 'c1' })
  f.failure = new ConsumeError('Cannot take logs: bad', { retryable: false })
  socket.write(chunk('c2'))
  await new Promise((resolve) => socket.on('close', resolve))
  assert.deepEqual(f.records, ['1000000000 c1 fluent.tag=t'])
  assert.equal(f.host.counters.dropped, 1)
})

test('Connections and messages beyond what is set are closed', async (t) => {
  const f = await new Fluent().start(t, '127.0.0.1:0', { max_connections: 1n, max_message_size: 100n })
  const first = connect(f.port, '127.0.0.1')
  await f.until(() => f.count('opened_connections') === 1)
  const second = connect(f.port, '127.0.0.1')
  second.on('error', () => {})
  await new Promise((resolve) => second.on('close', resolve))
  first.write(encode(['t', 1, { message: 'short' }]))
  await f.expect('1000000000 short fluent.tag=t')
  first.write(encode(['t', 1, { message: 'x'.repeat(200) }]))
  await new Promise((resolve) => first.on('close', resolve))
  assert.equal(f.count('parse_failures'), 1)
})

test('What is no message ends the connection, is counted, and takes nothing with it', async (t) => {
  const f = await new Fluent().start(t)
  const good = encode(['t', 1, { message: 'good' }])
  const bad: (Uint8Array | Buffer)[] = [
    Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    Buffer.from([0xc1]),
    encode({}),
    encode(['t', 1]),
    encode([1, 1, {}]),
    encode(['t', 'nonsense']),
    encode(['t', gzipSync('nonsense'), { compressed: 'gzip' }]),
    encode(['t', Buffer.from('nonsense'), { compressed: 'gzip' }]),
    encode(['t', 1.5, {}]),
    encode(['t', [[1, 2, 3]]]),
  ]
  for (const [i, bytes] of bad.entries()) {
    const socket = connect(f.port, '127.0.0.1').on('error', () => {})
    socket.write(Buffer.concat([good, Buffer.from(bytes)]))
    await new Promise((resolve) => socket.on('close', resolve).resume())
    assert.equal(f.count('parse_failures'), i + 1)
  }
  assert.deepEqual(new Set(f.records), new Set(['1000000000 good fluent.tag=t']))
  assert.equal(f.records.length, bad.length)
})

test('A Unix socket is listened on, and a heartbeat is answered', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'fluent-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const f = await new Fluent().start(t, `unix://${directory}/fluent.sock`)
  connect(`${directory}/fluent.sock`).end(encode(['t', 1, { message: 'hi' }]))
  await f.expect('1000000000 hi fluent.tag=t')
  const tcp = await new Fluent().start(t)
  const socket = createSocket('udp4')
  t.after(() => socket.close())
  const answered = new Promise<Buffer>((resolve) => socket.once('message', resolve))
  socket.send(Buffer.from([0]), tcp.receiver?.ports.udp ?? 0, '127.0.0.1')
  assert.deepEqual([...(await answered)], [0])
})

test('Settings that cannot work are told', () => {
  assert.match(problemsOf(fluentForwardReceiver.settings, { endpoint: 'x' })[0] as string, /host:port, or unix:/)
})
