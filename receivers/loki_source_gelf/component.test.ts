import assert from 'node:assert/strict'
import { createSocket, type Socket } from 'node:dgram'
import { test, type TestContext } from 'node:test'
import { deflateSync, gzipSync } from 'node:zlib'
import { Capsule, defineSettings, type LogsPort, type Value } from '#component'
import { relabelRuleBlocks, RelabelRules } from '#component/relabel'
import { decoded, problemsOf, TestHost } from '#component/test_host'
import { ManualClock } from '#lib/clock'
import { labelText } from '#pdata/loki'
import { ChunkedMessages, chunksMs } from './chunks.ts'
import { lokiSourceGelf } from './component.ts'
import { readGelf } from './message.ts'
import type { LokiSourceGelf } from './receiver.ts'

class Gelf {
  readonly host = new TestHost()
  readonly lines: string[] = []
  readonly times: bigint[] = []
  /** Lines of each batch. */
  readonly batches: number[] = []
  receiver: LokiSourceGelf | undefined
  readonly #port: LogsPort
  #socket: Socket | undefined
  #tell: () => void = () => {}

  constructor() {
    this.#port = {
      nodeId: 'sink',
      signal: 'logs',
      consume: (batch) => {
        this.batches.push((batch.streams ?? []).reduce((sum, { lines }) => sum + lines.length, 0))
        for (const { labels, lines, timestampsNs } of batch.streams ?? []) {
          for (const line of lines) this.lines.push(`${labelText(labels)} ${line}`)
          this.times.push(...timestampsNs)
        }
        this.#tell()
      },
    }
  }

  settings(more: Record<string, Value> = {}) {
    const forward_to = [new Capsule('LogsReceiver', this.#port)]
    return decoded(lokiSourceGelf.settings, { forward_to, listen_address: '127.0.0.1:0', ...more })
  }

  async start(t: TestContext, more: Record<string, Value> = {}): Promise<this> {
    this.receiver = (await lokiSourceGelf.create(this.host, this.settings(more))) as LokiSourceGelf
    await this.receiver.start()
    this.#socket = createSocket('udp4')
    t.after(async () => {
      await this.receiver?.stop(1000)
      this.#socket?.close()
    })
    return this
  }

  send(...datagrams: (Buffer | string)[]): void {
    for (const datagram of datagrams) this.#socket?.send(datagram, this.receiver?.port ?? 0, '127.0.0.1')
  }

  async expect(...want: string[]): Promise<void> {
    while (this.lines.length < want.length) await this.told()
    assert.deepEqual(this.lines, want)
  }

  /** The next batch has come. */
  told(): Promise<void> {
    return new Promise((resolve) => (this.#tell = resolve))
  }
}

function chunked(message: Buffer, bytes: number, id = 1): Buffer[] {
  const count = Math.ceil(message.length / bytes)
  return Array.from({ length: count }, (_, i) => {
    const header = Buffer.from([0x1e, 0x0f, 0, 0, 0, 0, 0, 0, 0, id, i, count])
    return Buffer.concat([header, message.subarray(i * bytes, (i + 1) * bytes)])
  })
}

const text = '{"version":"1.1","host":"web","short_message":"hello","timestamp":1700000000.25,"level":3,"_user":"a"}'

for (const [name, bytes] of Object.entries({
  plain: Buffer.from(text),
  gzip: gzipSync(text),
  zlib: deflateSync(text),
  'ended by a zero byte': Buffer.from(`${text}\0`),
})) {
  test(`A message is taken, ${name}, whole and in chunks of any order`, async (t) => {
    const g = await new Gelf().start(t, { use_incoming_timestamp: true })
    g.send(bytes)
    await g.expect(`{} ${text}`)
    const [last, ...rest] = chunked(bytes, 30).reverse()
    g.send(...rest, rest[0] as Buffer, last as Buffer)
    await g.expect(`{} ${text}`, `{} ${text}`)
    // A double's nanoseconds, as Alloy has them.
    assert.deepEqual(g.times, [1_700_000_000_249_999_872n, 1_700_000_000_249_999_872n])
    assert.equal(g.host.counts.get('gelf_target_parsing_errors_total')?.value, 0)
  })
}

test('Rules make labels of what a message says; what they drop is counted', async (t) => {
  const schema = defineSettings({ rule: relabelRuleBlocks('Rules.') })
  const rule = [
    { source_labels: ['__gelf_message_host'], regex: 'no', action: 'drop' },
    { regex: '__gelf_message_(.+)', replacement: '$1', action: 'labelmap' },
  ]
  const relabel_rules = new Capsule('RelabelRules', new RelabelRules(decoded(schema, { rule }).rule))
  const g = await new Gelf().start(t, { relabel_rules })
  g.send('{"host":"no"}', '{"version":"1.1","host":"web","facility":"f","short_message":"x","level":4}')
  await g.expect(
    '{facility="f", host="web", level="warning", version="1.1"} {"version":"1.1","host":"web","short_message":"x","timestamp":0,"level":4,"facility":"f"}',
  )
  assert.deepEqual([...g.host.counters.droppedByReason], [['relabel rules', 1]])
})

test('What is no message is counted, and costs nothing else', async (t) => {
  const g = await new Gelf().start(t)
  const bomb = gzipSync(`{"host":"${'x'.repeat(9_000_000)}"}`)
  g.send(
    'no json',
    '[1]',
    '{"level":"high"}',
    Buffer.from([0x1e, 0x0f, 1]),
    Buffer.from([0x1f, 0x8b, 0, 0]),
    bomb,
    text,
  )
  await g.expect(`{} ${text}`)
  assert.equal(g.host.counts.get('gelf_target_parsing_errors_total')?.value, 6)
})

test('A long run of blanks in a message takes no time', async (t) => {
  const g = await new Gelf().start(t)
  g.send(gzipSync(`${' '.repeat(4_000_000)}x`), text)
  await g.expect(`{} ${text}`)
  assert.equal(g.host.counts.get('gelf_target_parsing_errors_total')?.value, 1)
})

test('Small datagrams that unpack to large messages are handed on one after another', async (t) => {
  const g = await new Gelf().start(t)
  const large = gzipSync(`{"host":"web","_a":"${'x'.repeat(5_000_000)}"}`)
  g.send(...Array.from({ length: 5 }, () => large))
  while (g.lines.length < 5) await g.told()
  assert.deepEqual(g.batches, [1, 1, 1, 1, 1])
})

test('Another address is bound in the place of the one that is', async (t) => {
  const g = await new Gelf().start(t)
  await g.receiver?.update(g.settings({ listen_address: 'localhost:0' }))
  g.send(text)
  await g.expect(`{} ${text}`)
})

test('Messages are written as Alloy writes them', () => {
  const cases: [input: string, line: string][] = [
    ['{}', '{"version":"","host":"","short_message":"","timestamp":0}'],
    [
      '{"_b":{"z":1,"a":[true,null]},"_a":"<&>","other":1,"full_message":"f\\nu","level":7,"timestamp":1385053862.3072}',
      '{"version":"","host":"","short_message":"","full_message":"f\\nu","timestamp":1385053862.3072,"level":7,"_a":"\\u003c\\u0026\\u003e","_b":{"a":[true,null],"z":1}}',
    ],
  ]
  for (const [input, line] of cases) assert.equal(readGelf(input).line, line)
})

test('Chunks that do not come in time, or for which there is no room, are given up', async () => {
  const clock = new ManualClock()
  const chunks = new ChunkedMessages(clock, { messagesMax: 2, bytesMax: 1000 })
  const [a1, a2] = chunked(Buffer.from('abcd'), 2, 1) as [Buffer, Buffer]
  const [b1, b2] = chunked(Buffer.from('efgh'), 2, 2) as [Buffer, Buffer]
  assert.equal(chunks.add(a1, 'x'), undefined)
  assert.equal(chunks.add(a2, 'y'), undefined, 'another sender has messages of its own')
  await clock.advance(chunksMs)
  assert.equal(chunks.add(b1, 'x'), undefined)
  assert.equal(chunks.lost, 2)
  assert.equal(chunks.add(b2, 'x')?.toString(), 'efgh')
  for (let id = 10; id < 13; id++) chunks.add(chunked(Buffer.from('abcd'), 2, id)[0] as Buffer, 'x')
  assert.equal(chunks.pending, 2)
  assert.equal(chunks.lost, 3)
  for (const bad of [
    [0x1e, 0x0f, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1],
    [0x1e, 0x0f, 0, 0, 0, 0, 0, 0, 0, 1, 0, 129, 1],
    [0x1e, 0x0f, 0, 0, 0, 0, 0, 0, 0, 1, 2, 2, 1],
  ])
    // prettier-ignore
    assert.throws(() => chunks.add(Buffer.from(bad), 'x'))
})

test('Settings that cannot work are told', () => {
  assert.match(problemsOf(lokiSourceGelf.settings, { forward_to: [], listen_address: 'x' })[0] as string, /host:port/)
})
