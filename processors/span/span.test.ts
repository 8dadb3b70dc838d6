// Spans renamed by their attributes, attributes out of their names, and status.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { OtelOutput, TracesPort } from '#component'
import type { Written } from '#component/test_host'
import { decoded, problemsOf, TestHost } from '#component/test_host'
import { Traces } from '#pdata'
import type { AnyValue } from '#pdata/otlp'
import { emptyResource, emptyScope, tracesTree } from '#pdata/otlp'
import { otelcolProcessorSpan, spanProcessor } from './component.ts'

const noBytes = new Uint8Array()

interface Seen {
  readonly name: string
  readonly attributes: Readonly<Record<string, AnyValue>>
  readonly status: readonly [code: number, message: string]
}

/** What becomes of a span with this name and these attributes. */
async function processed(
  written: Written,
  name: string,
  attributes: Readonly<Record<string, AnyValue>>,
): Promise<Seen> {
  const batches: Traces[] = []
  const port: TracesPort = { nodeId: 'sink', signal: 'traces', consume: (batch) => void batches.push(batch) }
  const output: OtelOutput = { traces: [{ nodeId: 'sink', traces: port }], logs: [], metrics: [] }
  const component = await spanProcessor.create(new TestHost(), decoded(spanProcessor.settings, written), output)
  const span = {
    traceId: noBytes,
    spanId: noBytes,
    traceState: '',
    parentSpanId: noBytes,
    flags: 0,
    name,
    kind: 2,
    startTimeUnixNano: 0n,
    endTimeUnixNano: 0n,
    attributes: Object.entries(attributes).map(([key, value]) => ({ key, value })),
    droppedAttributesCount: 0,
    events: [],
    droppedEventsCount: 0,
    links: [],
    droppedLinksCount: 0,
    status: { message: 'before', code: 0, unknown: null },
    unknown: null,
  }
  const scopeSpans = [{ scope: emptyScope(), spans: [span], schemaUrl: '', unknown: null }]
  const resource = { ...emptyResource(), attributes: [{ key: 'service.name', value: 'shop' }] }
  const batch = Traces.fromTree({ resourceSpans: [{ resource, scopeSpans, schemaUrl: '', unknown: null }] })
  await component.traces?.consume(batch)
  await component.stop(1000)
  const [done] = batches
  assert.ok(done)
  const result = tracesTree(done).resourceSpans[0]?.scopeSpans[0]?.spans[0]
  assert.ok(result)
  return {
    name: result.name,
    attributes: Object.fromEntries(result.attributes.map(({ key, value }) => [key, value])),
    status: [result.status.code, result.status.message],
  }
}

const from = (keys: readonly string[], separator = ''): Written => ({ name: { from_attributes: keys, separator } })
const to = (rules: readonly string[], more: Written = {}): Written => ({ name: { to_attributes: { rules, ...more } } })

const cases: readonly {
  name: string
  written: Written
  span: readonly [name: string, attributes: Readonly<Record<string, AnyValue>>]
  want: Partial<Seen>
}[] = [
  {
    name: 'values make the name',
    written: from(['a', 'b'], '::'),
    span: ['x', { a: 'GET', b: 7n }],
    want: { name: 'GET::7' },
  },
  {
    name: 'all types that have a text',
    written: from(['a', 'b', 'c'], '-'),
    span: ['x', { a: true, b: 1.5, c: '' }],
    want: { name: 'true-1.5-' },
  },
  {
    name: 'a list has none',
    written: from(['a']),
    span: ['x', { a: ['y'] }],
    want: { name: '<unknown-attribute-type>' },
  },
  {
    name: 'a key that is missing leaves the name',
    written: from(['a', 'b']),
    span: ['x', { a: 'y' }],
    want: { name: 'x' },
  },
  {
    name: 'groups of the name become attributes',
    written: to(['^/api/v1/document/(?P<documentId>.*)/update$']),
    span: ['/api/v1/document/12345678/update', {}],
    want: { name: '/api/v1/document/{documentId}/update', attributes: { documentId: '12345678' } },
  },
  {
    name: 'each rule works on what the one before left',
    written: to(['^/a/(?P<first>[0-9]+)', '(?P<second>[0-9]+)$']),
    span: ['/a/1/b/2', { first: 'old' }],
    want: { name: '/a/{first}/b/{second}', attributes: { first: '1', second: '2' } },
  },
  {
    name: 'the first match may be the last',
    written: to(['(?P<first>[0-9]+)', '(?P<second>[0-9]+)$'], { break_after_match: true }),
    span: ['/a/1/b/2', {}],
    want: { name: '/a/{first}/b/2', attributes: { first: '1' } },
  },
  {
    name: 'the name may be kept',
    written: to(['(?P<first>[0-9]+)'], { keep_original_name: true }),
    span: ['/a/1', {}],
    want: { name: '/a/1', attributes: { first: '1' } },
  },
  {
    name: 'a group that took no part is empty',
    written: to(['^/a(?P<sub>/b)?(?P<rest>.*)$']),
    span: ['/a/c', {}],
    want: { name: '/a{rest}', attributes: { sub: '', rest: '/c' } },
  },
  {
    name: 'a rule without a match changes nothing',
    written: to(['^x(?P<y>.*)']),
    span: ['/a', {}],
    want: { name: '/a', attributes: {} },
  },
  {
    name: 'an empty name has no attributes',
    written: to(['(?P<y>.*)']),
    span: ['', {}],
    want: { name: '', attributes: {} },
  },
  {
    name: 'status error',
    written: { status: { code: 'Error', description: 'd' } },
    span: ['x', {}],
    want: { status: [2, 'd'] },
  },
  { name: 'status ok', written: { status: { code: 'Ok' } }, span: ['x', {}], want: { status: [1, ''] } },
  { name: 'status unset', written: { status: { code: 'Unset' } }, span: ['x', {}], want: { status: [0, ''] } },
  {
    name: 'what is excluded stays',
    written: { ...from(['a']), exclude: { match_type: 'strict', services: ['shop'] } },
    span: ['x', { a: 'y' }],
    want: { name: 'x' },
  },
]

for (const { name, written, span, want } of cases) {
  test(`spans: ${name}`, async () => {
    const result = await processed(written, ...span)
    for (const [key, value] of Object.entries(want)) assert.deepEqual(result[key as keyof Seen], value)
  })
}

test('settings that cannot work are reported', () => {
  const wrong: readonly (readonly [Written, RegExp])[] = [
    [{}, /must be set/],
    [{ name: { from_attributes: [] } }, /must be set/],
    [{ status: { code: 'ok' } }, /invalid value of "ok"/],
    [{ status: { code: 'Ok', description: 'x' } }, /should be empty/],
    [to(['(']), /missing closing \)/],
    [to(['(x)']), /every group of a rule needs a name/],
  ]
  for (const [written, message] of wrong) {
    for (const problems of [
      problemsOf(otelcolProcessorSpan.settings, { ...written, output: {} }),
      problemsOf(spanProcessor.settings, written),
    ]) {
      assert.equal(problems.length, 1, JSON.stringify(problems))
      assert.match(problems[0] as string, message)
    }
  }
})

test('what does not fit spans is refused when the processor is made', () => {
  const settings = decoded(spanProcessor.settings, {
    ...from(['a']),
    include: { match_type: 'strict', log_bodies: ['x'] },
  })
  const output: OtelOutput = { traces: [], logs: [], metrics: [] }
  assert.throws(() => spanProcessor.create(new TestHost(), settings, output), { name: 'SettingsError' })
})
