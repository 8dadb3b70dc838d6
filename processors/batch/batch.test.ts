// The batch processor: sizes, times, contexts, refusals, and that it loses and doubles nothing.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { OtelConsumer, OtelOutput, TracesPort } from '#component'
import { ConsumeError } from '#component'
import { decoded, problemsOf, TestHost } from '#component/test_host'
import { ManualClock } from '#lib/clock'
import type { ClientContext } from '#pdata'
import { Logs, Traces } from '#pdata'
import { emptyResource, emptyScope, tracesTree, tracesWire } from '#pdata/otlp'
import type { BatchSettings } from './batch.ts'
import { BatchProcessor } from './batch.ts'
import { batchProcessor, otelcolProcessorBatch } from './component.ts'

const noBytes = new Uint8Array()

/** Spans named `first`, `first + 1`, … */
function spans(first: number, count: number, context: ClientContext | null = null): Traces {
  const all = Array.from({ length: count }, (_, i) => ({
    traceId: noBytes,
    spanId: noBytes,
    traceState: '',
    parentSpanId: noBytes,
    flags: 0,
    name: String(first + i),
    kind: 0,
    startTimeUnixNano: 0n,
    endTimeUnixNano: 0n,
    attributes: [],
    droppedAttributesCount: 0,
    events: [],
    droppedEventsCount: 0,
    links: [],
    droppedLinksCount: 0,
    status: { message: '', code: 0, unknown: null },
    unknown: null,
  }))
  const scopeSpans = [{ scope: emptyScope(), spans: all, schemaUrl: '', unknown: null }]
  const tree = { resourceSpans: [{ resource: emptyResource(), scopeSpans, schemaUrl: '', unknown: null }] }
  const made = Traces.fromTree(tree)
  return Traces.fromWire(tracesWire(made), count, context)
}

function namesOf(batch: Traces): number[] {
  return tracesTree(batch).resourceSpans.flatMap(({ scopeSpans }) =>
    scopeSpans.flatMap((scope) => scope.spans.map(({ name }) => Number(name))),
  )
}

type Answer = 'take' | 'take later' | 'refuse' | 'refuse later' | 'fail' | 'fail later'

/** Takes batches as it is told; `take` when there is nothing more to tell. */
class Sink implements TracesPort {
  readonly nodeId = 'sink'
  readonly signal = 'traces'
  readonly batches: Traces[] = []
  /** Names of the spans that came with each batch that failed for good. */
  readonly failed: number[][] = []
  answers: Answer[] = []

  consume(batch: Traces): void | Promise<void> {
    const answer = this.answers.shift() ?? 'take'
    if (answer.endsWith('later'))
      return new Promise((resolve) => setImmediate(resolve)).then(() => this.#answer(answer, batch))
    return this.#answer(answer, batch)
  }

  #answer(answer: Answer, batch: Traces): void {
    if (answer.startsWith('take')) {
      this.batches.push(batch)
      return
    }
    if (answer.startsWith('refuse')) throw new ConsumeError('not now', { retryable: true })
    this.failed.push(namesOf(batch))
    throw new ConsumeError('never', { retryable: false })
  }

  get names(): number[] {
    return this.batches.flatMap(namesOf)
  }
  get sizes(): number[] {
    return this.batches.map((batch) => batch.count)
  }
}

const defaults: BatchSettings = {
  timeoutMs: 200,
  sendBatchSize: 10,
  sendBatchMaxSize: 0,
  metadataKeys: [],
  metadataCardinalityLimit: 0,
}

function outputOf(...sinks: readonly Sink[]): OtelOutput {
  const traces: OtelConsumer[] = sinks.map((sink) => ({ nodeId: sink.nodeId, traces: sink }))
  return { traces, logs: [], metrics: [] }
}

function setUp(
  settings: Partial<BatchSettings>,
  ...sinks: readonly Sink[]
): { clock: ManualClock; host: TestHost; processor: BatchProcessor } {
  const clock = new ManualClock()
  const host = new TestHost({ clock })
  return { clock, host, processor: new BatchProcessor(host, { ...defaults, ...settings }, outputOf(...sinks)) }
}

const cases: readonly {
  name: string
  settings: Partial<BatchSettings>
  came: readonly number[]
  /** Sizes of the batches that went at once, and of those that went when the time was up. */
  want: readonly number[]
  late: readonly number[]
}[] = [
  { name: 'fewer than a batch wait for the timeout', settings: {}, came: [3, 4], want: [], late: [7] },
  { name: 'a full batch goes at once, whole', settings: {}, came: [6, 7, 2], want: [13], late: [2] },
  { name: 'without a maximum nothing is split', settings: {}, came: [35], want: [35], late: [] },
  {
    name: 'a batch above the maximum is split',
    settings: { sendBatchMaxSize: 10 },
    came: [35],
    want: [10, 10, 10],
    late: [5],
  },
  {
    name: 'what fits below the maximum stays whole',
    settings: { sendBatchMaxSize: 12 },
    came: [9, 8],
    want: [9],
    late: [8],
  },
  {
    name: 'a small one is filled up with a part of the next',
    settings: { sendBatchMaxSize: 12 },
    came: [2, 12],
    want: [12],
    late: [2],
  },
  {
    name: 'without a timeout everything goes at once',
    settings: { timeoutMs: 0 },
    came: [1, 2],
    want: [1, 2],
    late: [],
  },
  {
    name: 'without a size everything goes at once',
    settings: { sendBatchSize: 0 },
    came: [1, 2],
    want: [1, 2],
    late: [],
  },
  {
    name: 'without a timeout batches are still split',
    settings: { timeoutMs: 0, sendBatchMaxSize: 4, sendBatchSize: 2 },
    came: [9],
    want: [4, 4, 1],
    late: [],
  },
]

for (const { name, settings, came, want, late } of cases) {
  test(`batches: ${name}`, async () => {
    const sink = new Sink()
    const { clock, host, processor } = setUp(settings, sink)
    let first = 0
    for (const count of came) {
      await processor.traces.consume(spans(first, count))
      first += count
    }
    await clock.advance(0)
    assert.deepEqual(sink.sizes, want)
    assert.equal(
      host.counters.waiting,
      late.reduce((sum, size) => sum + size, 0),
    )
    await clock.advance(200)
    assert.deepEqual(sink.sizes, [...want, ...late])
    assert.deepEqual(
      sink.names,
      Array.from({ length: first }, (_, i) => i),
      'nothing lost, in order',
    )
    assert.equal(host.counters.waiting, 0)
    assert.equal(clock.pending, 0, 'an idle processor has no timer')
    await processor.stop(1000)
  })
}

const answers = fc.constantFrom<Answer>('take', 'take', 'take later', 'refuse', 'refuse later', 'fail', 'fail later')
const steps = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ consume: fc.integer({ min: 1, max: 30 }) }) },
    { weight: 1, arbitrary: fc.record({ advance: fc.integer({ min: 0, max: 400 }) }) },
  ),
  { maxLength: 25 },
)

test('every span that was taken is handed on once, in order, or is counted as dropped or refused', async () => {
  const settings = fc.record({
    timeoutMs: fc.constantFrom(0, 50, 200),
    sendBatchSize: fc.constantFrom(0, 1, 7, 20),
    sendBatchMaxSize: fc.constantFrom(0, 20, 25),
  })
  const property = fc.asyncProperty(
    settings,
    steps,
    fc.array(answers, { maxLength: 30 }),
    fc.integer({ min: 0, max: 5000 }),
    async (given, todo, told, deadlineMs) => {
      const sink = new Sink()
      sink.answers = [...told]
      const { clock, host, processor } = setUp(given, sink)
      let taken = 0
      for (const step of todo) {
        if ('advance' in step) await clock.advance(step.advance)
        else {
          await processor.traces.consume(spans(taken, step.consume))
          taken += step.consume
        }
      }
      const stopping = processor.stop(deadlineMs)
      await clock.advance(deadlineMs + 200)
      await stopping
      await processor.stop(deadlineMs)
      const names = sink.names
      assert.deepEqual(
        names,
        [...new Set(names)].toSorted((a, b) => a - b),
        'once and in order',
      )
      const { counters } = host
      assert.equal(counters.out, names.length)
      assert.equal(taken, names.length + counters.dropped + counters.waiting)
      assert.equal(counters.waiting, 0)
      assert.ok(counters.dropped >= sink.failed.flat().length)
      assert.equal(clock.pending, 0, 'no timer is left')
      if (given.sendBatchMaxSize > 0) assert.ok(sink.sizes.every((size) => size <= given.sendBatchMaxSize))
      assert.throws(() => processor.traces.consume(spans(0, 1)), { name: 'ConsumeError', retryable: true })
    },
  )
  await fc.assert(property, { numRuns: 80 })
})

test('a batch that is refused for now is held and handed on later, and what comes meanwhile follows it', async () => {
  const sink = new Sink()
  sink.answers = Array.from({ length: 20 }, () => 'refuse' as const)
  const { clock, host, processor } = setUp({}, sink)
  await processor.traces.consume(spans(0, 10))
  await clock.advance(1000)
  await processor.traces.consume(spans(10, 10))
  await clock.advance(200_000)
  assert.deepEqual(
    sink.names,
    Array.from({ length: 20 }, (_, i) => i),
  )
  assert.equal(host.counters.dropped, 0)
  await processor.stop(1000)
})

test('while the next component refuses, only so much is held: more is refused, and can come again', async () => {
  const sink = new Sink()
  sink.answers = Array.from({ length: 1000 }, () => 'refuse' as const)
  const { clock, processor, host } = setUp({}, sink)
  let taken = 0
  for (; taken < 20_000; taken += 1000) {
    const batch = spans(taken, 1000)
    try {
      await processor.traces.consume(batch)
      await clock.advance(0)
    } catch (error) {
      assert.ok(error instanceof ConsumeError && error.retryable)
      break
    }
  }
  assert.ok(taken >= 8192 && taken < 12_000, `the bound is ${taken}`)
  sink.answers = []
  await clock.advance(10_000)
  assert.deepEqual(
    sink.names,
    Array.from({ length: taken }, (_, i) => i),
  )
  await processor.traces.consume(spans(taken, 1000))
  assert.equal(host.counters.dropped, 0)
  await processor.stop(1000)
})

test('while the next component is slow, callers wait once much is held, and none of it is lost', async () => {
  const sink = new Sink()
  let release = (): void => {}
  const slow: TracesPort = {
    nodeId: 'slow',
    signal: 'traces',
    consume: (batch) =>
      new Promise((resolve) => {
        release = () => {
          release = () => {}
          resolve(sink.consume(batch))
        }
      }),
  }
  const clock = new ManualClock()
  const host = new TestHost({ clock })
  const output: OtelOutput = { traces: [{ nodeId: 'slow', traces: slow }], logs: [], metrics: [] }
  const processor = new BatchProcessor(host, { ...defaults, sendBatchSize: 5000, sendBatchMaxSize: 5000 }, output)
  assert.equal(processor.traces.consume(spans(0, 5000)), undefined, 'it goes on')
  assert.equal(processor.traces.consume(spans(5000, 5000)), undefined, 'it waits here')
  let isTaken = false
  const waiting = Promise.resolve(processor.traces.consume(spans(10_000, 5000))).then(() => (isTaken = true))
  await clock.advance(0)
  assert.equal(isTaken, false)
  release()
  await waiting
  const stopping = processor.stop(1000)
  for (let i = 0; i < 5; i++) {
    await clock.advance(0)
    release()
  }
  await stopping
  assert.equal(sink.names.length, 15_000)
  assert.equal(host.counters.out, 15_000)
})

test('one of two consumers that refuses for ever does not hold up the other', async () => {
  const [good, bad] = [new Sink(), new Sink()]
  bad.answers = Array.from({ length: 10_000 }, () => 'refuse' as const)
  const { clock, host, processor } = setUp({}, good, bad)
  for (let i = 0; i < 10; i++) {
    await processor.traces.consume(spans(i * 10, 10))
    await clock.advance(1000)
  }
  await clock.advance(10_000)
  assert.deepEqual(
    good.names,
    Array.from({ length: 100 }, (_, i) => i),
    'once each',
  )
  assert.equal(host.counters.dropped, 100)
  assert.deepEqual([...host.counters.droppedByReason.keys()], ['refused by the next component'])
  bad.answers = []
  await processor.traces.consume(spans(100, 10))
  await clock.advance(0)
  assert.equal(bad.names.length, 10, 'once it takes again, it gets everything again')
  await processor.stop(1000)
})

test('what a client said of itself goes no further, but for the metadata that keeps batches apart', async () => {
  const of = (tenant: string): ClientContext => ({
    metadata: new Map([
      ['x-tenant', [tenant]],
      ['authorization', ['secret']],
    ]),
    auth: new Map([['subject', 'me']]),
    peer: '127.0.0.1:1',
  })
  const plain = new Sink()
  const one = setUp({}, plain)
  await one.processor.traces.consume(spans(0, 4, of('a')))
  await one.processor.traces.consume(spans(4, 4, of('b')))
  await one.clock.advance(200)
  assert.deepEqual(
    plain.batches.map(({ count, context }) => [count, context]),
    [[8, null]],
  )

  const apart = new Sink()
  const two = setUp({ metadataKeys: ['x-tenant'], metadataCardinalityLimit: 2 }, apart)
  for (const [i, tenant] of ['a', 'b', 'a'].entries()) await two.processor.traces.consume(spans(i, 1, of(tenant)))
  assert.throws(() => two.processor.traces.consume(spans(9, 1, of('c'))), { name: 'ConsumeError', retryable: false })
  assert.equal(two.host.readings.get('otelcol_processor_batch_metadata_cardinality')?.(), 2)
  await two.clock.advance(200)
  assert.deepEqual(apart.batches.map(namesOf), [[0, 2], [1]])
  assert.deepEqual(apart.batches[0]?.context, { metadata: new Map([['x-tenant', ['a']]]), auth: null, peer: '' })
  // A combination that was not met for minutes makes room.
  await two.clock.advance(400_000)
  await two.processor.traces.consume(spans(9, 1, of('c')))
  await two.processor.stop(1000)
  await one.processor.stop(1000)
  assert.deepEqual(apart.names, [0, 2, 1, 9])
})

test('a stop flushes what waits, and counts what it cannot hand on before the deadline', async () => {
  const good = new Sink()
  const first = setUp({}, good)
  await first.processor.traces.consume(spans(0, 3))
  await first.processor.stop(1000)
  assert.deepEqual(good.names, [0, 1, 2])

  const bad = new Sink()
  bad.answers = Array.from({ length: 1000 }, () => 'refuse' as const)
  const second = setUp({}, bad)
  await second.processor.traces.consume(spans(0, 10))
  await second.processor.traces.consume(spans(10, 3))
  const stopping = second.processor.stop(1000)
  await second.clock.advance(1200)
  await stopping
  assert.deepEqual(bad.names, [])
  assert.equal(second.host.counters.dropped, 13)
  assert.equal(second.clock.pending, 0)
})

test('its metrics tell how many items went, and what sent them', async () => {
  const sink = new Sink()
  const { clock, host, processor } = setUp({}, sink)
  await processor.traces.consume(spans(0, 12))
  await processor.traces.consume(spans(12, 3))
  await clock.advance(200)
  assert.equal(host.counts.get('otelcol_processor_batch_batch_size_trigger_send_total')?.value, 1)
  assert.equal(host.counts.get('otelcol_processor_batch_timeout_trigger_send_total')?.value, 1)
  const sizes = host.distributions.get('otelcol_processor_batch_batch_send_size')
  assert.deepEqual([sizes?.count, sizes?.sum], [2, 15])
  const bytes = host.distributions.get('otelcol_processor_batch_batch_send_size_bytes')
  assert.ok((bytes?.sum ?? 0) > 0)
  await processor.stop(1000)
})

test('telemetry that is not OTLP is refused for good', () => {
  const { processor } = setUp({}, new Sink())
  assert.throws(() => processor.logs.consume(Logs.fromStreams([])), { name: 'ConsumeError', retryable: false })
})

test('the two languages have defaults of their own, and the same checks', () => {
  const alloy = decoded(otelcolProcessorBatch.settings, { output: {} })
  assert.deepEqual([alloy.send_batch_size, alloy.send_batch_max_size, alloy.timeout], [2000, 3000, 200])
  const yaml = decoded(batchProcessor.settings, {})
  assert.deepEqual([yaml.send_batch_size, yaml.send_batch_max_size, yaml.timeout], [8192, 0, 200])
  const problems = problemsOf(batchProcessor.settings, {
    send_batch_size: 10n,
    send_batch_max_size: 5n,
    metadata_keys: ['a', 'A'],
    timeout: '-1s',
  })
  assert.deepEqual(problems, [
    'send_batch_max_size must be greater or equal to send_batch_size when not 0',
    'timeout must be greater or equal to 0',
    'metadata_keys has "a" twice (keys are compared without case)',
  ])
})
