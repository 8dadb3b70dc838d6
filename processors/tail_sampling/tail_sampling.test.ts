// The tail sampler: when it decides, what wins, what comes late, what it holds, and that it loses nothing uncounted.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Component } from '#component'
import { ConsumeError } from '#component'
import type { Written } from '#component/test_host'
import { decoded, problemsOf, TestHost } from '#component/test_host'
import { ManualClock } from '#lib/clock'
import { Traces } from '#pdata'
import type { Span } from '#pdata/otlp'
import { emptyResource, emptyScope, tracesTree, tracesWire } from '#pdata/otlp'
import { otelcolProcessorTailSampling, tailSamplingProcessor } from './component.ts'
import type { SpanText } from './fixture_traces.ts'
import { Sink, spanOf, traceId, wireOf } from './fixture_traces.ts'

const always = { name: 'all', type: 'always_sample' } as const
const errors = { name: 'errors', type: 'status_code', status_code: { status_codes: ['ERROR'] } } as const
const health = {
  name: 'health',
  type: 'drop',
  drop: {
    drop_sub_policy: [{ name: 'h', type: 'string_attribute', string_attribute: { key: 'path', values: ['/h'] } }],
  },
} as const
const notStaging = {
  name: 'not staging',
  type: 'string_attribute',
  string_attribute: { key: 'env', values: ['staging'], invert_match: true },
} as const

class Setup {
  readonly clock: ManualClock
  readonly host: TestHost
  readonly sink: Sink
  readonly sampler: Component

  private constructor(clock: ManualClock, host: TestHost, sink: Sink, sampler: Component) {
    this.clock = clock
    this.host = host
    this.sink = sink
    this.sampler = sampler
  }

  static async of(written: Written): Promise<Setup> {
    const clock = new ManualClock()
    const host = new TestHost({ clock })
    const sink = new Sink()
    const settings = decoded(tailSamplingProcessor.settings, { decision_wait: '2s', policies: [always], ...written })
    const sampler = await tailSamplingProcessor.create(host, settings, sink.output)
    await sampler.start?.()
    return new Setup(clock, host, sink, sampler)
  }

  /** One request, with spans of these traces. */
  send(...spans: readonly (readonly [trace: number, text?: SpanText])[]): void | Promise<void> {
    return this.give(wireOf(spans.map(([trace, text]) => spanOf(traceId(trace), text))))
  }

  give(batch: Traces): void | Promise<void> {
    this.host.counters.in += batch.count
    return this.sampler.traces?.consume(batch)
  }

  /** What it says that it holds. */
  get held(): { readonly bytes_pending: number; readonly traces_pending: number } {
    const held = this.sampler.debug?.()
    assert.ok(typeof held === 'object' && held !== null && 'bytes_pending' in held && 'traces_pending' in held)
    return { bytes_pending: Number(held.bytes_pending), traces_pending: Number(held.traces_pending) }
  }

  get dropped(): Record<string, number> {
    return Object.fromEntries(this.host.counters.droppedByReason)
  }

  count(name: string): number | undefined {
    return this.host.counts.get(`otelcol_processor_tail_sampling_${name}`)?.value
  }

  /** Nothing is lost: also where something is on its way, which the service would count as waiting. */
  checkSum(onItsWay = 0): void {
    const { counters } = this.host
    assert.equal(counters.in, counters.out + counters.dropped + counters.refused + counters.waiting + onItsWay)
  }
}

test('a trace goes out whole once it has waited, whatever came between', async () => {
  const { send, clock, sink, host } = bound(await Setup.of({}))
  await send([1, { name: 'a' }], [2, { name: 'x' }], [1, { name: 'b' }])
  await clock.advance(1500)
  await send([1, { name: 'c' }])
  assert.deepEqual([sink.names, host.counters.waiting], [[], 4])
  await clock.advance(1500)
  assert.deepEqual(sink.names, ['a', 'b', 'c', 'x'])
  assert.deepEqual([host.counters.in, host.counters.out, host.counters.waiting], [4, 4, 0])
})

test('what goes out has its resource, scope and schema, and what nobody knows', async () => {
  const setup = await Setup.of({})
  const scope = { ...emptyScope(), name: 'lib', attributes: [{ key: 's', value: 1n }] }
  const group = (name: string, spans: Span[]) => ({
    resource: { ...emptyResource(), attributes: [{ key: 'service.name', value: name }] },
    scopeSpans: [
      { scope, spans, schemaUrl: 'scope-schema', unknown: null },
      { scope: emptyScope(), spans: spans.slice(0, 1), schemaUrl: '', unknown: null },
    ],
    schemaUrl: 'resource-schema',
    unknown: Buffer.from([0xfa, 0x06, 1, 5]),
  })
  const resourceSpans = [
    group('a', [spanOf(traceId(1), { name: 'one' }), spanOf(traceId(1), { name: 'two', attributes: { k: [true] } })]),
    group('b', [spanOf(traceId(1), { name: 'three' })]),
  ]
  const want = tracesTree(Traces.fromWire(tracesWire(Traces.fromTree({ resourceSpans })), 5))
  await setup.give(Traces.fromWire(tracesWire(Traces.fromTree({ resourceSpans })), 5))
  await setup.clock.advance(4000)
  assert.deepEqual(plain(tracesTree(setup.sink.batches[0] as Traces)), plain(want))
})

const precedence: readonly {
  name: string
  policies: readonly Written[]
  span: SpanText
  firstMatch?: boolean
  want: 'sampled' | 'not sampled' | 'dropped by a policy'
}[] = [
  { name: 'one yes is enough', policies: [errors, always], span: {}, want: 'sampled' },
  { name: 'no yes is a no', policies: [errors], span: {}, want: 'not sampled' },
  { name: 'a policy turned around says yes as others do', policies: [errors, notStaging], span: {}, want: 'sampled' },
  {
    name: 'a yes wins over the no of a policy turned around',
    policies: [always, notStaging],
    span: { attributes: { env: 'staging' } },
    want: 'sampled',
  },
  {
    name: 'the first yes ends it where it may',
    policies: [always, notStaging],
    span: { attributes: { env: 'staging' } },
    firstMatch: true,
    want: 'sampled',
  },
  {
    name: 'a drop wins over all of them, wherever it stands',
    policies: [always, errors, health],
    span: { attributes: { path: '/h' }, status: 2 },
    firstMatch: true,
    want: 'dropped by a policy',
  },
  { name: 'a drop that does not drop changes nothing', policies: [health, always], span: {}, want: 'sampled' },
]

for (const { name, policies, span, firstMatch = false, want } of precedence) {
  test(`decisions: ${name}`, async () => {
    const setup = await Setup.of({ policies, sample_on_first_match: firstMatch })
    await setup.send([1, span])
    await setup.clock.advance(3000)
    assert.equal(setup.sink.names.length, want === 'sampled' ? 1 : 0)
    assert.deepEqual(setup.dropped, want === 'sampled' ? {} : { [want]: 1 })
    setup.checkSum()
  })
}

test('a policy that cannot judge has no say, and is counted', async () => {
  const broken = {
    name: 'broken',
    type: 'ottl_condition',
    ottl_condition: { error_mode: 'propagate', span: ['resource.attributes["text"][7] == 1'] },
  }
  const setup = await Setup.of({ policies: [broken, errors] })
  await setup.give(wireOf([spanOf(traceId(1), { status: 2 }), spanOf(traceId(2))], { text: 'no list' }))
  await setup.clock.advance(3000)
  assert.deepEqual([setup.sink.names.length, setup.dropped], [1, { 'not sampled': 1 }])
  assert.equal(setup.count('sampling_policy_evaluation_error_total'), 2)
  assert.equal(setup.host.lines.filter((line) => line.includes('Cannot evaluate a sampling policy')).length, 1)
})

test('metrics tell decisions by policy, under the name of the processor', async () => {
  const setup = await Setup.of({ policies: [errors, health] })
  await setup.send([1, { status: 2 }], [2], [3, { attributes: { path: '/h' } }])
  await setup.clock.advance(3000)
  const label = 'policy="x.errors"'
  assert.deepEqual(
    [
      setup.count(`count_traces_sampled_total{${label},sampled="true",decision="sampled"}`),
      setup.count(`count_traces_sampled_total{${label},sampled="false",decision="not_sampled"}`),
      setup.count('count_traces_sampled_total{policy="x.health",sampled="false",decision="dropped"}'),
      setup.count('global_count_traces_sampled_total{sampled="true",decision="sampled"}'),
      setup.count('global_count_traces_sampled_total{sampled="false",decision="dropped"}'),
      setup.count('new_trace_id_received_total'),
      // A policy that drops leaves the others unasked.
      setup.count(`sampling_policy_execution_count_total{${label}}`),
    ],
    [1, 1, 1, 1, 1, 3, 2],
  )
})

test('spans that come late follow the decision on their trace', async () => {
  const setup = await Setup.of({ policies: [errors] })
  await setup.send([1, { status: 2, name: 'a' }], [2])
  await setup.clock.advance(3000)
  await setup.send([1, { name: 'late' }], [2])
  assert.deepEqual([setup.sink.names, setup.dropped], [['a', 'late'], { 'not sampled': 2 }])
  assert.equal(setup.host.distributions.get('otelcol_processor_tail_sampling_sampling_late_span_age')?.count, 2)
  setup.checkSum()
})

test('decisions are remembered in caches, and traces are forgotten then', async () => {
  const setup = await Setup.of({
    policies: [errors],
    decision_cache: { sampled_cache_size: 10n, non_sampled_cache_size: 10n },
  })
  await setup.send([1, { status: 2, name: 'a' }], [2])
  await setup.clock.advance(3000)
  assert.equal(setup.host.readings.get('otelcol_processor_tail_sampling_sampling_traces_on_memory')?.(), 0)
  await setup.send([1, { name: 'late' }], [2], [2])
  assert.deepEqual([setup.sink.names, setup.dropped], [['a', 'late'], { 'not sampled': 3 }])
  assert.deepEqual(
    [
      setup.count('early_releases_from_cache_decision_total{sampled="true"}'),
      setup.count('early_releases_from_cache_decision_total{sampled="false"}'),
    ],
    [1, 2],
  )
})

test('a decision comes earlier after the root span, never later', async () => {
  const setup = await Setup.of({ decision_wait: '10s', decision_wait_after_root_received: '2s' })
  await setup.send([1, { name: 'child' }])
  await setup.clock.advance(1000)
  await setup.send([1, { name: 'root', isChild: false }], [2, { name: 'other' }])
  await setup.clock.advance(2000)
  assert.deepEqual(setup.sink.names, [])
  await setup.clock.advance(1000)
  assert.deepEqual(setup.sink.names, ['child', 'root'])
  await setup.clock.advance(6000)
  await setup.send([2, { name: 'root of it', isChild: false }])
  await setup.clock.advance(2000)
  assert.deepEqual(setup.sink.names.slice(2), ['other', 'root of it'])
})

test('above num_traces the oldest one is given up, decisions before spans', async () => {
  const setup = await Setup.of({ num_traces: 2n })
  await setup.send([1, { name: 'a' }])
  await setup.clock.advance(3000)
  await setup.send([2, { name: 'b' }], [3, { name: 'c' }])
  assert.deepEqual(setup.dropped, {})
  await setup.send([4, { name: 'd' }])
  assert.deepEqual(setup.dropped, { 'more than num_traces traces': 1 })
  assert.equal(setup.count('sampling_trace_dropped_too_early_total'), 1)
  await setup.clock.advance(3000)
  assert.deepEqual(setup.sink.names, ['a', 'c', 'd'])
  setup.checkSum()
})

test('with block_on_overflow senders wait for room, and nothing is given up', async () => {
  const setup = await Setup.of({ num_traces: 2n, block_on_overflow: true })
  const order: string[] = []
  await setup.send([1, { name: 'a' }], [2, { name: 'b' }], [1, { name: 'a2' }])
  const third = Promise.resolve(setup.send([3, { name: 'c' }], [1, { name: 'a3' }])).then(() => order.push('third'))
  const fourth = Promise.resolve(setup.send([4, { name: 'd' }])).then(() => order.push('fourth'))
  await setup.clock.advance(1000)
  assert.deepEqual(order, [])
  setup.checkSum()
  await setup.clock.advance(2000)
  await third
  setup.checkSum()
  // Now these two fill it, until they are decided on.
  await setup.clock.advance(2000)
  assert.deepEqual(order, ['third'])
  await setup.clock.advance(1000)
  await fourth
  await setup.clock.advance(3000)
  assert.deepEqual(setup.sink.names, ['a', 'a2', 'b', 'c', 'a3', 'd'])
  assert.deepEqual(setup.dropped, {})
  setup.checkSum()
})

test('a trace above maximum_trace_size_bytes is dropped at once, with what follows', async () => {
  const setup = await Setup.of({ maximum_trace_size_bytes: 1000n })
  await setup.send([1, { name: 'x'.repeat(400) }], [2, { name: 'small' }])
  await setup.send([1, { name: 'y'.repeat(600) }])
  assert.equal(setup.dropped['more than maximum_trace_size_bytes'], 2)
  assert.equal(setup.count('traces_dropped_too_large_total'), 1)
  await setup.send([1])
  await setup.clock.advance(3000)
  assert.deepEqual([setup.sink.names, setup.dropped['not sampled']], [['small'], 1])
  setup.checkSum()
})

test('above maximum_pending_bytes the oldest traces are given up', async () => {
  const setup = await Setup.of({ maximum_pending_bytes: 10_000n })
  for (let i = 0; i < 20; i++) await setup.send([i, { name: String(i).padEnd(1500) }])
  const { held } = setup
  assert.ok(held.bytes_pending <= 10_000 && held.traces_pending >= 3, JSON.stringify(held))
  await setup.clock.advance(3000)
  const kept = setup.sink.names.map(Number)
  assert.deepEqual(
    kept,
    Array.from({ length: kept.length }, (_, i) => 20 - kept.length + i),
  )
  assert.equal(setup.dropped['more than maximum_pending_bytes'], 20 - kept.length)
  // One request that is larger than all there may be makes nobody else go.
  await setup.send([50, { name: 'last' }])
  await setup.send([51, { name: 'z'.repeat(20_000) }])
  await setup.clock.advance(3000)
  assert.equal(setup.sink.names.at(-1), 'last')
  setup.checkSum()
})

test('a request of which little waits is not held as a whole', async () => {
  const setup = await Setup.of({ policies: [errors], decision_cache: { non_sampled_cache_size: 1000n } })
  const all = Array.from({ length: 100 }, (_, i) => [i, { name: 'n'.repeat(5000) }] as const)
  await setup.send(...all)
  await setup.clock.advance(3000)
  await setup.send(...all, [500, { name: 'kept', status: 2 }])
  const { bytes_pending: bytes } = setup.held
  // A page that small requests share, of which this is the only one.
  assert.ok(bytes < 70_000, `${bytes} bytes are held`)
  await setup.clock.advance(3000)
  assert.deepEqual(setup.sink.names, ['kept'])
})

test('span-ingest samples with the first request that allows it, and leaves out the rest when its time is up', async () => {
  const setup = await Setup.of({ policies: [errors], sampling_strategy: 'span-ingest' })
  await setup.send([1, { name: 'a' }], [2, { name: 'x' }])
  assert.deepEqual(setup.sink.names, [])
  await setup.send([1, { name: 'b', status: 2 }])
  assert.deepEqual(setup.sink.names, ['a', 'b'])
  await setup.send([1, { name: 'c' }])
  assert.deepEqual(setup.sink.names, ['a', 'b', 'c'])
  await setup.clock.advance(3000)
  assert.deepEqual(setup.dropped, { 'not sampled': 1 })
  // No cache remembers that: a span that comes late begins the trace anew.
  await setup.send([2, { name: 'y', status: 2 }])
  assert.deepEqual(setup.sink.names, ['a', 'b', 'c', 'y'])
  setup.checkSum()
})

test('span-ingest samples nothing that a policy may still drop', async () => {
  const setup = await Setup.of({ policies: [always, health], sampling_strategy: 'span-ingest' })
  await setup.send([1], [2])
  await setup.send([1, { attributes: { path: '/h' } }])
  assert.deepEqual([setup.sink.names, setup.dropped], [[], { 'dropped by a policy': 2 }])
  await setup.clock.advance(3000)
  assert.deepEqual([setup.sink.names, setup.dropped['not sampled']], [[], 1])
})

test('new settings take over in place: what waits is decided on by the new policies, at the new time', async () => {
  const setup = await Setup.of({ policies: [errors], decision_wait: '30s', num_traces: 10n })
  await setup.send([1, { name: 'a' }])
  await setup.clock.advance(5000)
  await setup.send([2, { name: 'b' }])
  const written = { policies: [always], decision_wait: '2s', num_traces: 10n }
  await setup.sampler.update?.(decoded(tailSamplingProcessor.settings, written))
  await setup.send([1, { name: 'a2' }], [3, { name: 'c' }])
  await setup.clock.advance(3000)
  assert.deepEqual(setup.sink.names.toSorted(), ['a', 'a2', 'b', 'c'])
  assert.equal(setup.count('count_traces_sampled_total{policy="x.all",sampled="true",decision="sampled"}'), 3)
  setup.checkSum()
})

test('a trace that began before early decisions is decided on as a whole', async () => {
  const setup = await Setup.of({ policies: [always] })
  await setup.send([1, { name: 'a' }])
  const written = { policies: [always], decision_wait: '2s', sampling_strategy: 'span-ingest' }
  await setup.sampler.update?.(decoded(tailSamplingProcessor.settings, written))
  await setup.send([2, { name: 'b' }])
  assert.deepEqual(setup.sink.names, ['b'])
  await setup.clock.advance(3000)
  assert.deepEqual(setup.sink.names, ['b', 'a'])
})

test('a stop decides on what there is', async () => {
  const setup = await Setup.of({ policies: [errors], decision_wait: '30s' })
  await setup.send([1, { status: 2, name: 'a' }], [2])
  await setup.clock.advance(5000)
  await setup.sampler.stop(1000)
  assert.deepEqual([setup.sink.names, setup.dropped], [['a'], { 'not sampled': 1 }])
  assert.throws(() => setup.send([3]), { name: 'ConsumeError', retryable: true })
  await setup.sampler.stop(1000)
  assert.equal(setup.clock.pending, 0)
})

test('a stop drops what waits where it is told to', async () => {
  const setup = await Setup.of({ drop_pending_traces_on_shutdown: true })
  await setup.send([1], [2])
  await setup.sampler.stop(1000)
  assert.deepEqual([setup.sink.names, setup.dropped], [[], { 'stopped before a decision': 2 }])
  setup.checkSum()
})

test('a stop without a start does no harm', async () => {
  const settings = decoded(tailSamplingProcessor.settings, { policies: [always] })
  const sampler = await tailSamplingProcessor.create(new TestHost(), settings, new Sink().output)
  await sampler.stop(1000)
})

test('while the next component refuses, sampled traces wait, and so do senders', async () => {
  const setup = await Setup.of({})
  await setup.send([1, { name: 'a' }])
  setup.sink.refusal = new ConsumeError('not now', { retryable: true })
  await setup.clock.advance(10_000)
  let isTaken = false
  const sent = Promise.resolve(setup.send([2, { name: 'b' }])).then(() => (isTaken = true))
  await setup.clock.advance(10_000)
  assert.deepEqual([setup.sink.names, isTaken, setup.dropped], [[], false, {}])
  setup.checkSum(1)
  setup.sink.refusal = undefined
  await setup.clock.advance(10_000)
  await sent
  assert.deepEqual(setup.sink.names, ['a', 'b'])
  setup.checkSum()
})

test('what the next component fails for good is counted', async () => {
  const setup = await Setup.of({})
  await setup.send([1], [1], [2])
  setup.sink.refusal = new ConsumeError('never', { retryable: false })
  await setup.clock.advance(3000)
  assert.deepEqual(setup.dropped, { 'failed in the next component': 3 })
  assert.ok(setup.host.lines.includes('warn: Cannot hand on sampled traces: their spans are dropped'))
  setup.checkSum()
})

test('a stop does not wait for ever for a next component that refuses', async () => {
  const setup = await Setup.of({})
  await setup.send([1], [2])
  setup.sink.refusal = new ConsumeError('not now', { retryable: true })
  const stopped = setup.sampler.stop(5000)
  await setup.clock.advance(6000)
  await stopped
  assert.deepEqual(setup.dropped, { 'failed in the next component': 2 })
  setup.checkSum()
})

test('every span goes out once or is counted, whatever comes when', async () => {
  const step = fc.record({
    spans: fc.array(fc.tuple(fc.nat(12), fc.boolean(), fc.boolean()), { maxLength: 12 }),
    advanceMs: fc.nat(1500),
  })
  const settings = fc.record({
    num_traces: fc.integer({ min: 1, max: 8 }).map(BigInt),
    maximum_pending_bytes: fc.integer({ min: 3000, max: 20_000 }).map(BigInt),
    maximum_trace_size_bytes: fc.constantFrom(0n, 400n),
    decision_wait_after_root_received: fc.constantFrom('0s', '1s'),
    decision_cache: fc.constantFrom({ sampled_cache_size: 0n }, { sampled_cache_size: 3n, non_sampled_cache_size: 3n }),
    sampling_strategy: fc.constantFrom('trace-complete', 'span-ingest'),
  })
  await fc.assert(
    fc.asyncProperty(settings, fc.array(step, { maxLength: 12 }), async (written, steps) => {
      const setup = await Setup.of({ ...written, policies: [errors, health] })
      let number = 0
      for (const { spans, advanceMs } of steps) {
        await setup.send(
          ...spans.map(
            ([trace, isError, isChild]) =>
              [trace, { name: String(number++), status: isError ? 2 : 0, isChild }] as const,
          ),
        )
        setup.checkSum()
        await setup.clock.advance(advanceMs)
        setup.checkSum()
      }
      await setup.sampler.stop(1000)
      const { names } = setup.sink
      assert.equal(new Set(names).size, names.length)
      assert.equal(names.length + setup.host.counters.dropped, number)
      assert.equal(setup.host.counters.waiting, 0)
      assert.equal(setup.held.bytes_pending, 0)
    }),
    { numRuns: 60 },
  )
})

test('a large round is decided in several turns, and those who send meanwhile wait', async () => {
  const setup = await Setup.of({ policies: [errors] })
  await setup.send(...Array.from({ length: 3500 }, (_, i) => [i, { status: i === 3499 ? 2 : 0 }] as const))
  await setup.clock.advance(3000)
  let turns = 0
  for (; setup.host.counters.waiting > 0; turns++) {
    setup.checkSum()
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.ok(turns >= 1, `${turns} turns`)
  assert.deepEqual([setup.sink.names.length, setup.dropped], [1, { 'not sampled': 3499 }])
})

test('a hundred thousand traces: the same decisions every time, and memory under its bound', async () => {
  const bytesMax = 8 << 20
  const run = async (): Promise<{ sampled: Set<number>; peak: number; dropped: Record<string, number> }> => {
    const setup = await Setup.of({
      decision_wait: '5s',
      num_traces: 20_000n,
      maximum_pending_bytes: BigInt(bytesMax),
      decision_cache: { sampled_cache_size: 1000n, non_sampled_cache_size: 1000n },
      policies: [errors, { name: 'tenth', type: 'probabilistic', probabilistic: { sampling_percentage: 10 } }],
    })
    let peak = 0
    // A thousand traces a second, two spans each, the second one a second later.
    for (let second = 0; second <= 100; second++) {
      for (let tenth = 0; tenth < 10; tenth++) {
        const spans: Span[] = []
        for (let i = 0; i < 100; i++) {
          const trace = (second * 10 + tenth) * 100 + i
          if (second < 100) spans.push(spanOf(traceId(trace), { name: String(trace) }))
          const before = trace - 1000
          if (before >= 0) {
            spans.push(spanOf(traceId(before), { name: String(before), status: before % 50 === 0 ? 2 : 1 }))
          }
        }
        await setup.give(wireOf(spans, { 'service.name': 'load' }))
        const { bytes_pending: bytes } = setup.held
        peak = Math.max(peak, bytes)
        await setup.clock.advance(100)
      }
    }
    await setup.sampler.stop(1000)
    setup.checkSum()
    const sampled = new Set(setup.sink.names.map(Number))
    // Whole traces: both spans of each.
    assert.equal(setup.sink.names.length, sampled.size * 2)
    return { sampled, peak, dropped: setup.dropped }
  }
  const first = await run()
  const second = await run()
  assert.deepEqual(first, second)
  assert.deepEqual(Object.keys(first.dropped), ['not sampled'])
  for (let trace = 0; trace < 100_000; trace += 50) assert.ok(first.sampled.has(trace), `trace ${trace}`)
  const share = first.sampled.size / 100_000
  assert.ok(share > 0.11 && share < 0.126, `${share} of the traces are sampled`)
  assert.ok(first.peak > bytesMax / 8 && first.peak <= bytesMax, `at most ${first.peak} bytes were held`)
})

const wrong: readonly { name: string; written: Written; want: string }[] = [
  {
    name: 'a strategy that there is not',
    written: { sampling_strategy: 'guess' },
    want: 'invalid sampling_strategy "guess", expected one of trace-complete, span-ingest',
  },
  {
    name: 'storage elsewhere',
    written: { tail_storage: 'pebble' },
    want: 'tail_storage is not supported: spans wait in memory, bounded by maximum_pending_bytes: current value is "pebble"',
  },
  { name: 'a name that comes twice', written: { policies: [always, always] }, want: 'duplicate policy name "all"' },
  {
    name: 'a policy that needs whole traces, where there are none',
    written: {
      sampling_strategy: 'span-ingest',
      policies: [{ name: 'l', type: 'latency', latency: { upper_threshold_ms: 5n } }],
    },
    want: 'sampling_strategy "span-ingest" requires all policies to be stateless, but policy "l" is stateful',
  },
  {
    name: 'a cache of less than nothing',
    written: { decision_cache: { sampled_cache_size: -1n } },
    want: 'sampled_cache_size must not be negative, got -1',
  },
]

for (const { name, written, want } of wrong) {
  test(`${name} is found when the configuration is read`, () => {
    assert.deepEqual(problemsOf(tailSamplingProcessor.settings, { policies: [always], ...written }), [want])
  })
}

test('Alloy has an object for the caches, and wants a wait', () => {
  const problems = problemsOf(otelcolProcessorTailSampling.settings, {
    policy: [always],
    decision_wait: '0s',
    decision_cache: new Map([['sampled', 5n]]),
    output: {},
  })
  assert.deepEqual(problems, ['unrecognized field name "sampled"'])
  const written = { policy: [always], decision_cache: new Map([['sampled_cache_size', 5n]]), output: {} }
  const settings = decoded(otelcolProcessorTailSampling.settings, written)
  assert.deepEqual(settings.decision_cache, { sampled_cache_size: 5, non_sampled_cache_size: 0 })
  assert.deepEqual(problemsOf(otelcolProcessorTailSampling.settings, { ...written, decision_wait: '0s' }), [
    'decision_wait must be greater than zero',
  ])
})

/** The methods of a setup as functions. */
function bound(setup: Setup): Setup & { send: Setup['send'] } {
  return Object.assign(setup, { send: setup.send.bind(setup) })
}

/** Bytes as text, and views as what they show: for comparing. */
function plain(tree: unknown): unknown {
  return JSON.parse(
    JSON.stringify(tree, (_, value: unknown) => {
      if (typeof value === 'bigint') return `${value}n`
      return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value
    }),
  )
}
