// The probabilistic sampler's decisions, and what it notes of them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { OtelOutput, TracesPort } from '#component'
import { ConsumeError } from '#component'
import { decoded, problemsOf, TestHost } from '#component/test_host'
import { Logs, Traces } from '#pdata'
import type { AnyValue, Attributes, LogRecord, Span } from '#pdata/otlp'
import {
  attributeValue,
  emptyResource,
  emptyScope,
  logsTree,
  readTracesRequest,
  tracesTree,
  tracesWire,
} from '#pdata/otlp'
import { otelcolProcessorProbabilisticSampler, probabilisticSamplerProcessor } from './component.ts'
import type { SamplerSettings } from './decision.ts'
import { Sampler } from './decision.ts'
import { parseThreshold, Randomness, thresholdOf } from './probability.ts'
import { ProbabilisticSampler } from './probabilistic_sampler.ts'
import { TraceState } from './trace_state.ts'

const noBytes = new Uint8Array()
const defaults: SamplerSettings = {
  mode: '',
  percentage: 0,
  hashSeed: 0,
  failClosed: true,
  precision: 4,
  attributeSource: 'traceID',
  fromAttribute: '',
  samplingPriority: '',
}
/** Its last seven bytes are half of the range: sampled at 50 percent, not at 49. */
const halfId = Uint8Array.from([...Array.from({ length: 9 }, () => 0xfe), 0x80, 0, 0, 0, 0, 0, 0])

/** Its hash is near the end of the range. */
const hashedId = Buffer.from('9e3779b97f4a7c15f39cc0605cedc835', 'hex')

function spanOf(traceId: Uint8Array, traceState = '', attributes: Attributes = []): Span {
  return {
    traceId,
    spanId: noBytes,
    traceState,
    parentSpanId: noBytes,
    flags: 0,
    name: '',
    kind: 0,
    startTimeUnixNano: 0n,
    endTimeUnixNano: 0n,
    attributes,
    droppedAttributesCount: 0,
    events: [],
    droppedEventsCount: 0,
    links: [],
    droppedLinksCount: 0,
    status: { message: '', code: 0, unknown: null },
    unknown: null,
  }
}

function recordOf(traceId: Uint8Array, attributes: Attributes = []): LogRecord {
  return {
    timeUnixNano: 0n,
    observedTimeUnixNano: 0n,
    severityNumber: 0,
    severityText: '',
    body: null,
    attributes,
    droppedAttributesCount: 0,
    flags: 0,
    traceId,
    spanId: noBytes,
    eventName: '',
    unknown: null,
  }
}

function sampler(settings: Partial<SamplerSettings>, signal: 'traces' | 'logs', host = new TestHost()): Sampler {
  return new Sampler({ ...defaults, ...settings }, signal, host.instruments)
}

const priority = (value: AnyValue): Attributes => [{ key: 'sampling.priority', value }]
/** null: not sampled. Results are those that the specification's arithmetic gives; upstream documents the same. */
const spanCases: readonly {
  settings: Partial<SamplerSettings>
  state?: string
  attributes?: Attributes
  proportional: string | null
  equalizing: string | null
}[] = [
  { settings: { percentage: 100 }, proportional: 'ot=th:0', equalizing: 'ot=th:0' },
  { settings: { percentage: 150 }, proportional: 'ot=th:0', equalizing: 'ot=th:0' },
  { settings: { percentage: 50 }, proportional: 'ot=th:8', equalizing: 'ot=th:8' },
  { settings: { percentage: 49 }, proportional: null, equalizing: null },
  { settings: { percentage: 0 }, proportional: null, equalizing: null },
  {
    settings: { percentage: 1, precision: 14 },
    state: 'ot=rv:FD70A3D70A3D71',
    proportional: 'ot=rv:FD70A3D70A3D71;th:fd70a3d70a3d71',
    equalizing: 'ot=rv:FD70A3D70A3D71;th:fd70a3d70a3d71',
  },
  { settings: { percentage: 1, precision: 14 }, state: 'ot=rv:FD70A3D70A3D70', proportional: null, equalizing: null },
  {
    settings: { percentage: 1, precision: 4 },
    state: 'ot=rv:FD70A3D70A3D71',
    proportional: 'ot=rv:FD70A3D70A3D71;th:fd70a',
    equalizing: 'ot=rv:FD70A3D70A3D71;th:fd70a',
  },
  {
    settings: { percentage: 40, precision: 3 },
    state: 'ot=rv:a0000000000000',
    proportional: 'ot=rv:a0000000000000;th:99a',
    equalizing: 'ot=rv:a0000000000000;th:99a',
  },
  {
    settings: { percentage: 50 },
    state: 'ot=rv:c0000000000000;th:8',
    proportional: 'ot=rv:c0000000000000;th:c',
    equalizing: 'ot=rv:c0000000000000;th:8',
  },
  { settings: { percentage: 50 }, state: 'ot=th:8', proportional: null, equalizing: 'ot=th:8' },
  // What arrives sampled at a quarter stays at a quarter where a half is asked for.
  {
    settings: { percentage: 50 },
    state: 'ot=rv:d0000000000000;th:c',
    proportional: null,
    equalizing: 'ot=rv:d0000000000000;th:c',
  },
  { settings: { percentage: 100 }, state: 'ot=rv:40000000000000;th:8', proportional: null, equalizing: null },
  {
    settings: { percentage: 100, failClosed: false },
    state: 'ot=rv:40000000000000;th:8',
    proportional: 'ot=rv:40000000000000;th:0',
    equalizing: 'ot=rv:40000000000000;th:0',
  },
  { settings: { percentage: 100 }, state: 'not a state', proportional: null, equalizing: null },
  {
    settings: { percentage: 100, failClosed: false },
    state: 'not a state',
    proportional: 'not a state',
    equalizing: 'not a state',
  },
  {
    settings: { percentage: 100 },
    state: 'a=1, ot=x:y;rv:ffffffffffffff , b=2',
    proportional: 'ot=rv:ffffffffffffff;th:0;x:y,a=1,b=2',
    equalizing: 'ot=rv:ffffffffffffff;th:0;x:y,a=1,b=2',
  },
  { settings: { percentage: 1 }, attributes: priority(2n), proportional: 'ot=th:0', equalizing: 'ot=th:0' },
  { settings: { percentage: 1 }, attributes: priority(' 2'), proportional: null, equalizing: null },
  { settings: { percentage: 1 }, attributes: priority('2.5'), proportional: 'ot=th:0', equalizing: 'ot=th:0' },
  { settings: { percentage: 100 }, attributes: priority(0n), proportional: null, equalizing: null },
  { settings: { percentage: 100 }, attributes: priority(0), proportional: null, equalizing: null },
  { settings: { percentage: 100 }, attributes: priority(-1n), proportional: 'ot=th:0', equalizing: 'ot=th:0' },
]

test('spans are sampled by their trace ids and tracestates', () => {
  for (const { settings, state, attributes, ...want } of spanCases) {
    for (const mode of ['proportional', 'equalizing'] as const) {
      const span = spanOf(halfId, state, attributes)
      const isKept = sampler({ ...settings, mode }, 'traces').keepsSpan(span)
      assert.equal(isKept ? span.traceState : null, want[mode], `${mode} ${settings.percentage} ${state}`)
    }
  }
})

test('a span without a trace id has nothing to decide by', () => {
  assert.equal(sampler({ percentage: 100 }, 'traces').keepsSpan(spanOf(new Uint8Array(16))), false)
  assert.equal(sampler({ percentage: 1, failClosed: false }, 'traces').keepsSpan(spanOf(noBytes)), true)
})

test('thresholds have the digits asked for, and more near the ends of the range', () => {
  const cases: readonly (readonly [probability: number, digits: number, want: string])[] = [
    [1, 4, '0'],
    [0.5, 4, '8'],
    [1 / 3, 14, 'aaaaaaaaaaaaac'],
    [1 / 3, 2, 'ab'],
    [1 / 3, 5, 'aaaab'],
    [0.6, 4, '6666'],
    [0.01, 3, 'fd71'],
    [0.01, 4, 'fd70a'],
    [2 / 3, 3, '555'],
    [2 ** -56, 4, 'ffffffffffffff'],
    [1 - 2 ** -8, 1, '01'],
  ]
  for (const [probability, digits, want] of cases) {
    assert.equal(thresholdOf(probability, digits)?.text, want, `${probability} with ${digits}`)
  }
  assert.equal(thresholdOf(0, 4), undefined)
  assert.equal(thresholdOf(1.5, 4), undefined)
})

test('thresholds and randomness compare as 56-bit numbers', () => {
  const bits = fc.bigInt({ min: 0n, max: 2n ** 56n - 1n })
  const hex = (value: bigint): string => value.toString(16).padStart(14, '0')
  fc.assert(
    fc.property(bits, bits, (threshold, random) => {
      const randomness = new Randomness()
      assert.ok(randomness.setText(hex(random)))
      assert.equal(randomness.text, hex(random))
      const parsed = parseThreshold(hex(threshold))
      assert.equal(parsed?.samples(randomness), random >= threshold)
      assert.equal(parsed?.probability, Number(2n ** 56n - threshold) / 2 ** 56)
      const id = new Uint8Array(16)
      Buffer.from(hex(random), 'hex').copy(id, 9)
      const ofId = new Randomness()
      ofId.setTraceId(id)
      assert.equal(ofId.text, hex(random))
    }),
  )
})

test('a tracestate is read and written; what is none is told', () => {
  for (const text of ['', 'a=1', 'ot=th:8', 'ot=rv:0123456789abcd;th:0', 'ot=rv:0123456789abcd;th:8;x:1,v@s=2,b=x y']) {
    assert.equal(TraceState.parse(text)?.text, text)
  }
  const wrong = [
    'x',
    'A=1',
    'a=',
    'ot=th:8g',
    'ot=rv:8',
    'ot=th:',
    'ot=th',
    'ot=th:123456789abcdef',
    `a=${'x'.repeat(300)}`,
    `ot=x:${'y'.repeat(260)}`,
    Array.from({ length: 33 }, (_, i) => `a${i}=1`).join(),
  ]
  for (const text of wrong) assert.equal(TraceState.parse(text), undefined, text)
})

/** FNV-1a in BigInts: the same sum by other means. */
function fnv(bytes: readonly number[]): bigint {
  let hash = 0x811c9dc5n
  for (const byte of bytes) hash = ((hash ^ BigInt(byte)) * 0x01000193n) & 0xffffffffn
  return hash
}

test('the hashing mode decides on 14 bits of FNV-1a over seed and id', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
      fc.integer({ min: 1, max: 2 ** 31 }),
      fc.constantFrom(1, 10, 33.3, 50, 99),
      (id, hashSeed, percentage) => {
        const seed = [0, 8, 16, 24].map((shift) => (hashSeed >>> shift) & 0xff)
        const bucket = Number(fnv([...seed, ...id]) & 0x3fffn)
        const span = spanOf(id)
        const isKept = sampler({ hashSeed, percentage }, 'traces').keepsSpan(span)
        assert.equal(isKept, bucket < Math.trunc(Math.fround(Math.fround(percentage) * Math.fround(163.84))))
        if (isKept) assert.match(span.traceState, /^ot=rv:[0-9a-f]{14};th:[0-9a-f]{1,4}$/)
      },
    ),
  )
})

test('what another sampler noted is not for the hashing mode', () => {
  for (const state of ['ot=rv:ffffffffffffff', 'ot=th:0']) {
    assert.equal(sampler({ mode: 'hash_seed', percentage: 100 }, 'traces').keepsSpan(spanOf(halfId, state)), false)
    const span = spanOf(halfId, state)
    assert.equal(sampler({ mode: 'hash_seed', percentage: 1, failClosed: false }, 'traces').keepsSpan(span), true)
  }
})

const noted: Attributes = [
  { key: 'sampling.randomness', value: 'ffffffffffffff' },
  { key: 'sampling.threshold', value: '8' },
]
const recordCases: readonly {
  name: string
  settings: Partial<SamplerSettings>
  traceId?: Uint8Array
  attributes?: Attributes
  /** The threshold noted; null: not sampled. */
  want: string | null
}[] = [
  { name: 'by trace id', settings: { percentage: 50 }, want: '8' },
  { name: 'by trace id, left out', settings: { percentage: 49, mode: 'proportional' }, want: null },
  { name: 'without an id', settings: { percentage: 100 }, traceId: noBytes, want: null },
  { name: 'without an id, fails open', settings: { percentage: 1, failClosed: false }, traceId: noBytes, want: '0' },
  {
    name: 'by attribute where there is no id',
    settings: { percentage: 100, fromAttribute: 'id' },
    traceId: noBytes,
    attributes: [{ key: 'id', value: 7n }],
    want: '0',
  },
  {
    name: 'by attribute that is missing',
    settings: { percentage: 100, fromAttribute: 'id' },
    traceId: noBytes,
    want: null,
  },
  {
    name: 'by attribute where there is no id, in a mode that hashes nothing',
    settings: { percentage: 100, mode: 'proportional', fromAttribute: 'id' },
    traceId: noBytes,
    attributes: [{ key: 'id', value: 7n }],
    want: null,
  },
  {
    name: 'by attribute that is empty',
    settings: { percentage: 100, fromAttribute: 'id' },
    traceId: noBytes,
    attributes: [{ key: 'id', value: '' }],
    want: null,
  },
  { name: 'by hash where no mode is set', settings: { percentage: 40 }, traceId: hashedId, want: '999c' },
  {
    name: 'sampled before, proportionally',
    settings: { percentage: 50, mode: 'proportional' },
    attributes: noted,
    want: 'c',
  },
  {
    name: 'sampled before, equalizing',
    settings: { percentage: 50, mode: 'equalizing' },
    attributes: noted,
    want: '8',
  },
  {
    name: 'unreadable',
    settings: { percentage: 100 },
    attributes: [{ key: 'sampling.threshold', value: 'x' }],
    want: null,
  },
  {
    name: 'by record, hashed',
    settings: { percentage: 100, attributeSource: 'record', fromAttribute: 'id' },
    attributes: [{ key: 'id', value: 'x' }],
    want: '0',
  },
  {
    name: 'by record, missing',
    settings: { percentage: 100, attributeSource: 'record', fromAttribute: 'id' },
    want: null,
  },
  {
    name: 'priority always',
    settings: { percentage: 0, samplingPriority: 'p' },
    attributes: [{ key: 'p', value: 100n }],
    want: '0',
  },
  {
    name: 'priority 0 asks for nothing',
    settings: { percentage: 100, samplingPriority: 'p' },
    attributes: [{ key: 'p', value: 0n }],
    want: '0',
  },
  {
    name: 'priority beyond 100 asks for nothing',
    settings: { percentage: 0, samplingPriority: 'p' },
    attributes: [{ key: 'p', value: 101n }],
    want: null,
  },
  {
    name: 'priority of its own',
    settings: { percentage: 0, samplingPriority: 'p' },
    attributes: [{ key: 'p', value: 50 }],
    want: '8',
  },
  {
    name: 'priority that is no number',
    settings: { percentage: 100, samplingPriority: 'p' },
    attributes: [{ key: 'p', value: '0' }],
    want: '0',
  },
  { name: 'no priority', settings: { percentage: 100, samplingPriority: 'p' }, want: '0' },
]

for (const { name, settings, traceId, attributes, want } of recordCases) {
  test(`log records are sampled: ${name}`, () => {
    const record = recordOf(traceId ?? halfId, structuredClone(attributes ?? []))
    const isKept = sampler(settings, 'logs').keepsRecord(record)
    assert.equal(isKept ? attributeValue(record.attributes, 'sampling.threshold') : null, want)
  })
}

function tracesOf(spans: Span[]): Traces {
  const other = () => ({ scope: emptyScope(), spans: [spanOf(new Uint8Array(16))], schemaUrl: '', unknown: null })
  const scope = { scope: emptyScope(), spans, schemaUrl: '', unknown: null }
  return Traces.fromTree({
    resourceSpans: [
      { resource: emptyResource(), scopeSpans: [other(), scope], schemaUrl: '', unknown: null },
      { resource: emptyResource(), scopeSpans: [other()], schemaUrl: '', unknown: null },
    ],
  })
}

test('what is left out counts as dropped, once the rest was taken', async () => {
  const host = new TestHost()
  const batches: Traces[] = []
  let isRefusing = true
  const port: TracesPort = {
    nodeId: 'sink',
    signal: 'traces',
    consume(batch) {
      if (isRefusing) throw new ConsumeError('not now', { retryable: true })
      batches.push(batch)
    },
  }
  const output: OtelOutput = { traces: [{ nodeId: 'sink', traces: port }], logs: [], metrics: [] }
  const processor = new ProbabilisticSampler(host, { ...defaults, mode: 'proportional', percentage: 50 }, output)
  const quarterId = Uint8Array.from(halfId).fill(0x40, 9)
  const make = (): Traces => tracesOf([spanOf(halfId), spanOf(quarterId)])
  await assert.rejects(async () => processor.traces.consume(make()), { name: 'ConsumeError' })
  assert.equal(host.counters.dropped, 0, 'the batch was refused as a whole')
  isRefusing = false
  await processor.traces.consume(make())
  assert.equal(host.counters.dropped, 3)
  assert.equal(host.counters.out, 1)
  assert.equal(host.counters.waiting, 0)
  const [batch] = batches
  assert.ok(batch)
  assert.equal(batch.count, 1)
  assert.deepEqual(
    tracesTree(batch).resourceSpans.map(({ scopeSpans }) => scopeSpans.length),
    [1],
    'empty groups go too',
  )
  const count = (policy: string, sampled: boolean): number | undefined =>
    host.counts.get(
      `otelcol_processor_probabilistic_sampler_count_traces_sampled_total{policy="${policy}",sampled="${sampled}"}`,
    )?.value
  assert.deepEqual(
    [count('trace_id_w3c', true), count('trace_id_w3c', false), count('missing_randomness', false)],
    [2, 2, 4],
  )

  const logs = Logs.fromTree({
    resourceLogs: [
      {
        resource: emptyResource(),
        scopeLogs: [{ scope: emptyScope(), logRecords: [recordOf(quarterId)], schemaUrl: '', unknown: null }],
        schemaUrl: '',
        unknown: null,
      },
    ],
  })
  assert.equal(logsTree(logs).resourceLogs.length, 1)
  await processor.logs.consume(logs)
  assert.equal(host.counters.dropped, 4, 'a batch of which nothing is left goes nowhere')
})

test('spans are sampled on the wire as on trees', async () => {
  const span = fc.record({
    id: fc.oneof(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.constantFrom(noBytes, new Uint8Array(16))),
    state: fc.constantFrom(
      '',
      '',
      'a=1',
      'ot=th:8',
      'ot=rv:c0000000000000;th:4',
      'not a state',
      `v=${'x'.repeat(120)}`,
    ),
    isForced: fc.constantFrom(false, false, false, false, true),
  })
  const settings = fc.record({
    mode: fc.constantFrom('proportional', 'equalizing', 'hash_seed'),
    percentage: fc.constantFrom(0, 10, 50, 100),
    failClosed: fc.boolean(),
  })
  const run = async (given: SamplerSettings, batch: Traces): Promise<{ tree: unknown; dropped: number }> => {
    const batches: Traces[] = []
    const port: TracesPort = { nodeId: 'x', signal: 'traces', consume: (each) => void batches.push(each) }
    const host = new TestHost()
    const processor = new ProbabilisticSampler(host, given, {
      traces: [{ nodeId: 'x', traces: port }],
      logs: [],
      metrics: [],
    })
    await processor.traces.consume(batch)
    const [kept] = batches
    const { out, dropped } = host.counters
    assert.equal(out + dropped, batch.count)
    if (kept === undefined) return { tree: null, dropped }
    const read = readTracesRequest(Buffer.concat(tracesWire(kept)))
    assert.equal(read.count, kept.count)
    return { tree: tracesTree(read), dropped }
  }
  const property = fc.asyncProperty(fc.array(span, { maxLength: 6 }), settings, async (spans, changes) => {
    const make = (): Traces =>
      tracesOf(spans.map(({ id, state, isForced }) => spanOf(id, state, isForced ? priority(1n) : [])))
    const given: SamplerSettings = { ...defaults, ...changes }
    const onTree = await run(given, make())
    const onWire = await run(given, Traces.fromWire([...tracesWire(make()), ...tracesWire(make())], 2 * make().count))
    const once = await run(given, Traces.fromWire(tracesWire(make()), make().count))
    assert.deepEqual(once, onTree)
    assert.equal(onWire.dropped, 2 * onTree.dropped)
  })
  await fc.assert(property, { numRuns: 150 })
})

test('settings that cannot work are reported', () => {
  const schema = probabilisticSamplerProcessor.settings
  assert.deepEqual(
    problemsOf(schema, {
      mode: 'x',
      sampling_percentage: -1n,
      attribute_source: 'y',
      sampling_precision: 0n,
      hash_seed: 2n ** 32n,
    }),
    [
      'unsupported sampler mode "x"',
      'sampling rate is negative: -1%',
      'hash_seed must be below 2^32, got 4294967296',
      'invalid attribute source: y. Expected: traceID or record',
      'invalid sampling precision: 0',
    ],
  )
  assert.deepEqual(problemsOf(schema, { sampling_percentage: 1e-20, sampling_precision: 15n }), [
    'sampling rate is too small: 1e-20%',
    'sampling precision is too great, should be <= 14: 15',
  ])
  const alloy = decoded(otelcolProcessorProbabilisticSampler.settings, { mode: 'proportional', output: {} })
  assert.deepEqual([alloy.fail_closed, alloy.sampling_precision, alloy.attribute_source], [true, 4, 'traceID'])
})

test('the randomness noted in hashing mode is the one that the collector notes', () => {
  // Seen in what Alloy 1.18 sent for this trace with this seed.
  const randomness = new Randomness()
  randomness.setHash(Buffer.from('5b8efff798038103d269b633813fc60c', 'hex'), 22)
  assert.equal(randomness.text, 'ccd828a32a4cc9')
})
