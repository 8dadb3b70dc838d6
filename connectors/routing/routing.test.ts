// Batches are taken apart along the routes, and nothing is lost or sent twice.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Batch, Capsule, ConsumeError, type Signal, type Value } from '#component'
import {
  decoded,
  gaugeMetric,
  numberPoint,
  OtelSink,
  problemsOf,
  resourceLogs,
  resourceMetrics,
  resourceSpans,
  sumMetric,
  TestHost,
  tracesTreeOf,
  type Written,
} from '#component/test_host'
import { type ClientContext, Logs, Metrics, Traces } from '#pdata'
import { logsTree, metricsTree, tracesTree, tracesWire } from '#pdata/otlp'
import { routingConnector } from './component.ts'

/** Pipelines with a sink behind each, as the YAML compiler hands them on. */
class Pipelines {
  readonly sinks = new Map<string, OtelSink>()

  named(id: string): Value {
    const sink = this.sinks.get(id) ?? new OtelSink()
    this.sinks.set(id, sink)
    const signal = id.split('/')[0] as Signal
    const consumers = sink.output[signal].map((consumer) => new Capsule('otelcol.Consumer', consumer))
    return new Map<string, Value>([
      ['id', id],
      ['signal', signal],
      ['consumers', consumers],
    ])
  }

  /** The names of what each got, in order. */
  get got(): Record<string, string> {
    return Object.fromEntries(
      [...this.sinks].map(([id, { traces, metrics, logs }]) => [
        id,
        [...traces.map(namesOf), ...metrics.map(namesOf), ...logs.map(namesOf)].join(' '),
      ]),
    )
  }
}

function namesOf(batch: Batch): string {
  if (batch instanceof Traces) {
    return tracesTree(batch)
      .resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans.map(({ name }) => name)))
      .join('')
  }
  if (batch instanceof Logs) {
    return logsTree(batch)
      .resourceLogs.flatMap(({ scopeLogs }) =>
        scopeLogs.flatMap(({ logRecords }) => logRecords.map(({ body }) => body)),
      )
      .join('')
  }
  return metricsTree(batch)
    .resourceMetrics.flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics))
    .map(({ name, data }) => `${name}${data.kind === 'empty' ? 0 : data.points.length}`)
    .join('')
}

interface RouteInput {
  readonly context?: string
  readonly condition?: string
  readonly statement?: string
  readonly action?: string
  readonly to: readonly string[]
}

function settingsFor(pipelines: Pipelines, table: readonly RouteInput[], more: Written = {}): Written {
  return {
    ...more,
    table: table.map(({ to, ...route }): Written => ({ ...route, pipelines: to.map((id) => pipelines.named(id)) })),
  }
}

async function routed(table: readonly RouteInput[], defaults: readonly string[], batch: Batch, more: Written = {}) {
  const pipelines = new Pipelines()
  const host = new TestHost()
  const written = settingsFor(pipelines, table, {
    default_pipelines: defaults.map((id) => pipelines.named(id)),
    ...more,
  })
  const connector = await routingConnector.create(
    host,
    decoded(routingConnector.settings, written),
    new OtelSink().output,
  )
  const { counters } = host
  const send = async (): Promise<void> => {
    counters.in += batch.count
    try {
      if (batch instanceof Traces) await connector.traces?.consume(batch)
      else if (batch instanceof Metrics) await connector.metrics?.consume(batch)
      else await connector.logs?.consume(batch)
    } catch (error) {
      counters.refused += batch.count
      throw error
    } finally {
      assert.equal(counters.in, counters.out + counters.dropped + counters.refused + counters.waiting)
    }
  }
  return { send, pipelines, counters, host, connector }
}

const spans = (context: ClientContext | null = null): Traces =>
  Traces.fromTree(
    tracesTreeOf(
      resourceSpans({ env: 'prod' }, [
        { name: 'a', kind: 2 },
        { name: 'b', kind: 3 },
      ]),
      resourceSpans({ env: 'dev' }, [{ name: 'c', kind: 2 }]),
      resourceSpans({}, [{ name: 'd', kind: 3 }]),
    ),
    context,
  )
const tenant: ClientContext = { metadata: new Map([['x-tenant', ['other', 'acme']]]), auth: null, peer: '' }

interface Case {
  readonly name: string
  readonly table: readonly RouteInput[]
  readonly defaults?: readonly string[]
  readonly batch?: Batch
  readonly want: Readonly<Record<string, string>>
  readonly dropped?: number
}

const cases: readonly Case[] = [
  {
    name: 'resources go where their attributes say, the rest to the default',
    table: [{ condition: 'attributes["env"] == "prod"', to: ['traces/prod'] }],
    defaults: ['traces/rest'],
    want: { 'traces/prod': 'ab', 'traces/rest': 'cd' },
  },
  {
    name: 'what no route takes is dropped where there is no default',
    table: [{ context: 'resource', condition: 'resource.attributes["env"] == "dev"', to: ['traces/dev'] }],
    want: { 'traces/dev': 'c' },
    dropped: 3,
  },
  {
    name: 'the first route that matches takes it',
    table: [
      { condition: 'attributes["env"] != nil', to: ['traces/one'] },
      { condition: 'attributes["env"] == "dev"', to: ['traces/two'] },
    ],
    defaults: ['traces/rest'],
    want: { 'traces/one': 'abc', 'traces/two': '', 'traces/rest': 'd' },
  },
  {
    name: 'a copy leaves it to the routes behind',
    table: [
      { condition: 'attributes["env"] != nil', action: 'copy', to: ['traces/one'] },
      { condition: 'attributes["env"] == "dev"', to: ['traces/two'] },
    ],
    defaults: ['traces/rest'],
    want: { 'traces/one': 'abc', 'traces/two': 'c', 'traces/rest': 'abd' },
  },
  {
    name: 'spans of one resource go different ways',
    table: [{ context: 'span', condition: 'kind == SPAN_KIND_SERVER', to: ['traces/server'] }],
    defaults: ['traces/rest'],
    want: { 'traces/server': 'ac', 'traces/rest': 'bd' },
  },
  {
    name: 'a function that only spans have',
    table: [{ context: 'span', condition: 'IsRootSpan() and name != "b"', to: ['traces/some'] }],
    defaults: ['traces/rest'],
    want: { 'traces/some': 'acd', 'traces/rest': 'b' },
  },
  {
    name: 'the context is told from the paths',
    table: [{ condition: 'span.name == "b" or resource.attributes["env"] == "dev"', to: ['traces/some'] }],
    defaults: ['traces/rest'],
    want: { 'traces/some': 'bc', 'traces/rest': 'ad' },
  },
  {
    name: 'statements route where their condition holds',
    table: [
      { statement: 'route() where attributes["env"] == "prod"', to: ['traces/prod'] },
      { statement: 'route()', to: ['traces/all'] },
    ],
    want: { 'traces/prod': 'ab', 'traces/all': 'cd' },
  },
  {
    name: 'several pipelines get the same',
    table: [{ condition: 'true', to: ['traces/one', 'traces/two'] }],
    want: { 'traces/one': 'abcd', 'traces/two': 'abcd' },
  },
  {
    name: 'what the client sent along decides over the whole batch',
    table: [
      { context: 'request', condition: 'request["X-Tenant"] == "none"', to: ['traces/none'] },
      { context: 'request', condition: 'request["X-Tenant"] == "acme"', to: ['traces/acme'] },
    ],
    defaults: ['traces/rest'],
    batch: spans(tenant),
    want: { 'traces/none': '', 'traces/acme': 'abcd', 'traces/rest': '' },
  },
  {
    name: 'a client without metadata matches nothing',
    table: [{ context: 'request', condition: 'request["X-Tenant"] != "acme"', to: ['traces/acme'] }],
    defaults: ['traces/rest'],
    want: { 'traces/acme': '', 'traces/rest': 'abcd' },
  },
  {
    name: 'log records',
    table: [{ context: 'log', condition: 'severity_number < SEVERITY_NUMBER_ERROR', to: ['logs/low'] }],
    defaults: ['logs/rest'],
    batch: Logs.fromTree({
      resourceLogs: [
        resourceLogs({}, [
          { body: 'a', severity: 9 },
          { body: 'b', severity: 17 },
          { body: 'c', severity: 5 },
        ]),
      ],
    }),
    want: { 'logs/low': 'ac', 'logs/rest': 'b' },
  },
  {
    name: 'metrics',
    table: [{ context: 'metric', condition: 'name == "g"', to: ['metrics/g'] }],
    defaults: ['metrics/rest'],
    batch: Metrics.fromTree({
      resourceMetrics: [
        resourceMetrics([gaugeMetric('g', [numberPoint(1, 1n)]), sumMetric('s', [numberPoint(1, 1n)])]),
      ],
    }),
    want: { 'metrics/g': 'g1', 'metrics/rest': 's1' },
  },
  {
    name: 'data points of one metric go different ways',
    table: [{ context: 'datapoint', condition: 'attributes["env"] == "prod"', to: ['metrics/prod'] }],
    defaults: ['metrics/rest'],
    batch: Metrics.fromTree({
      resourceMetrics: [
        resourceMetrics([
          gaugeMetric('g', [
            numberPoint(1, 1n, { attributes: { env: 'prod' } }),
            numberPoint(1, 2n),
            numberPoint(2, 2n),
          ]),
          sumMetric('s', [numberPoint(1, 1n)]),
        ]),
      ],
    }),
    want: { 'metrics/prod': 'g1', 'metrics/rest': 'g2s1' },
  },
]
for (const { name, table, defaults = [], batch = spans(), want, dropped = 0 } of cases) {
  test(name, async () => {
    const { send, pipelines, counters, connector } = await routed(table, defaults, batch)
    await send()
    const got = pipelines.got
    assert.deepEqual(Object.fromEntries(Object.keys(want).map((id) => [id, got[id]])), want)
    assert.equal(counters.dropped, dropped)
    assert.equal(counters.droppedByReason.get('no route') ?? 0, dropped)
    await connector.stop(1000)
  })
}

test('parts share nothing that their consumers may change', async () => {
  const { send, pipelines } = await routed(
    [{ context: 'span', condition: 'name == "a"', to: ['traces/a'] }],
    ['traces/rest'],
    spans(),
  )
  await send()
  const [a, rest] = ['traces/a', 'traces/rest'].map((id) => pipelines.sinks.get(id)?.traces[0])
  assert.ok(a && rest)
  const attributes = tracesTree(a).resourceSpans[0]?.resource.attributes
  assert.ok(attributes)
  attributes[0] = { key: 'env', value: 'changed' }
  assert.equal(tracesTree(rest).resourceSpans[0]?.resource.attributes[0]?.value, 'prod')
})

test('a part that is refused refuses the whole batch', async () => {
  const { send, pipelines, counters } = await routed(
    [{ condition: 'attributes["env"] == "prod"', action: 'copy', to: ['traces/prod'] }],
    ['traces/rest'],
    spans(),
  )
  const sink = pipelines.sinks.get('traces/rest') as OtelSink
  sink.refusal = new ConsumeError('no', { retryable: true })
  await assert.rejects(send, /no/)
  // The copy was delivered: it counts as one that came in here.
  assert.deepEqual([counters.in, counters.out, counters.refused], [6, 2, 4])
})

test('every part is sent though one is refused, and one that is refused for good decides', async () => {
  const later = new ConsumeError('later', { retryable: true, retryAfterMs: 5 })
  const never = new ConsumeError('never', { retryable: false })
  const refusals: { refusals: readonly ConsumeError[]; want: ConsumeError }[] = [
    { refusals: [later], want: later },
    { refusals: [later, never], want: never },
    { refusals: [new ConsumeError('soon', { retryable: true }), later], want: later },
  ]
  for (const { refusals: given, want } of refusals) {
    const table = ['prod', 'dev'].map((env) => ({ condition: `attributes["env"] == "${env}"`, to: [`traces/${env}`] }))
    const { send, pipelines, counters } = await routed(table, ['traces/rest'], spans())
    for (const [i, refusal] of given.entries()) {
      const sink = pipelines.sinks.get(['traces/prod', 'traces/dev'][i] ?? '') as OtelSink
      sink.refusal = refusal
    }
    await assert.rejects(send, (error) => error === want)
    assert.equal(pipelines.got['traces/rest'], 'd')
    assert.equal(counters.refused, 4)
  }
})

test('batches of bytes are taken apart without being decoded where conditions read bytes', async () => {
  const tables: readonly (readonly RouteInput[])[] = [
    [{ condition: 'attributes["env"] == "prod"', to: ['traces/some'] }],
    [{ statement: 'route() where attributes["env"] == "prod"', to: ['traces/some'] }],
    [{ statement: 'route()', action: 'copy', to: ['traces/some'] }],
    [{ condition: 'span.kind == SPAN_KIND_SERVER', to: ['traces/some'] }],
    [{ condition: 'span.kind == SPAN_KIND_SERVER', action: 'copy', to: ['traces/some'] }],
  ]
  for (const table of tables) {
    const [byTree, byBytes] = [
      await routed(table, ['traces/rest'], spans()),
      await routed(table, ['traces/rest'], Traces.fromWire(tracesWire(spans()), 4)),
    ]
    await byTree.send()
    await byBytes.send()
    for (const { traces } of byBytes.pipelines.sinks.values()) for (const batch of traces) assert.ok(batch.wire)
    assert.deepEqual(byBytes.pipelines.got, byTree.pipelines.got)
  }
})

test('a condition that says something else each time loses nothing and sends nothing twice', async () => {
  const wire = tracesWire(spans())
  for (let i = 0; i < 20; i++) {
    const { send, pipelines, counters } = await routed(
      [{ context: 'span', condition: 'Substring(UUID(), 0, 1) < "8"', to: ['traces/some'] }],
      ['traces/rest'],
      Traces.fromWire(wire, 4),
    )
    await send()
    assert.equal([...Object.values(pipelines.got).join('')].toSorted().join(''), 'abcd')
    assert.equal(counters.in, 4)
  }
})

test('what is known of the client decides over the whole batch', async () => {
  const text = 'otelcol.client.metadata["x-tenant"][0] == "other"'
  for (const route of [{ condition: text }, { context: 'otelcol', condition: text.slice('otelcol.'.length) }]) {
    for (const [context, want] of [
      [tenant, ['abcd', '']],
      [null, ['', 'abcd']],
    ] as const) {
      const { send, pipelines } = await routed([{ ...route, to: ['traces/some'] }], ['traces/rest'], spans(context))
      await send()
      assert.deepEqual([pipelines.got['traces/some'], pipelines.got['traces/rest']], want)
    }
  }
})

test('a route with the same statement as one before it is left out', async () => {
  const condition = 'attributes["env"] == "prod"'
  const table: RouteInput[] = [
    { condition, action: 'copy', to: ['traces/one'] },
    { context: 'resource', statement: `route() where ${condition}`, action: 'copy', to: ['traces/two'] },
  ]
  const { send, pipelines, host } = await routed(table, [], spans())
  await send()
  assert.deepEqual([pipelines.got['traces/one'], pipelines.got['traces/two']], ['ab', ''])
  assert.ok(host.lines.includes('warn: A route is left out: one before it has the same statement'))
})

test('an error of a condition refuses the batch, or counts as no match', async () => {
  const table = [{ context: 'span', condition: 'attributes["text"]["key"] == "x"', to: ['traces/some'] }]
  const batch = (): Traces =>
    Traces.fromTree(tracesTreeOf(resourceSpans({}, [{ name: 'a', attributes: { text: 'no map' } }])))
  const propagated = await routed(table, ['traces/rest'], batch(), { error_mode: 'propagate' })
  await assert.rejects(propagated.send, (error) => error instanceof ConsumeError && !error.retryable)
  const ignored = await routed(table, ['traces/rest'], batch(), { error_mode: 'silent' })
  await ignored.send()
  assert.deepEqual(ignored.pipelines.got, { 'traces/rest': 'a', 'traces/some': '' })
})

test('refuses what cannot work', () => {
  const pipelines = new Pipelines()
  const problems = (table: readonly RouteInput[]): string[] =>
    problemsOf(routingConnector.settings, settingsFor(pipelines, table))
  assert.deepEqual(problems([{ to: ['traces/a'] }]), ['invalid route: no condition or statement provided'])
  assert.deepEqual(problems([{ condition: 'true', statement: 'route()', to: ['traces/a'] }]), [
    'invalid route: both condition and statement provided',
  ])
  assert.deepEqual(problems([{ condition: 'true', to: [] }]), ['invalid route: no pipelines defined'])
  assert.deepEqual(problems([{ condition: 'true', to: ['traces/a', 'logs/a'] }]), [
    'a route has pipelines of traces and logs',
  ])
  assert.deepEqual(problems([{ context: 'request', statement: 'route()', to: ['traces/a'] }]), [
    '"request" context requires a "condition"',
  ])
  assert.match(
    problems([{ context: 'request', condition: 'request["a"] > 5', to: ['traces/a'] }])[0] ?? '',
    /must have the form/,
  )
  assert.match(
    problems([{ context: 'log', condition: 'true', to: ['traces/a'] }])[0] ?? '',
    /there is no context "log" here/,
  )
  assert.match(problems([{ context: 'span', condition: 'nam == "a"', to: ['traces/a'] }])[0] ?? '', /nam/)
})

test('says nothing more of a pipeline that the compiler could not find', () => {
  assert.deepEqual(problemsOf(routingConnector.settings, { table: [{ condition: 'nam == 1', pipelines: [null] }] }), [])
})

test('every span comes out exactly once, whatever the routes are', async () => {
  const name = fc.constantFrom('a', 'b', 'c', 'd', 'e')
  const resource = fc.tuple(fc.constantFrom('prod', 'dev', ''), fc.array(name, { maxLength: 5 }))
  const route = fc.record({
    context: fc.constantFrom('span', 'resource'),
    what: name,
    env: fc.constantFrom('prod', 'dev'),
    to: fc.constantFrom('traces/1', 'traces/2', 'traces/3'),
  })
  await fc.assert(
    fc.asyncProperty(
      fc.array(resource, { maxLength: 4 }),
      fc.array(route, { minLength: 1, maxLength: 4 }),
      async (groups, routes) => {
        const tree = tracesTreeOf(
          ...groups.map(([env, names]) =>
            resourceSpans(
              { env },
              names.map((each) => ({ name: each })),
            ),
          ),
        )
        const table = routes.map(({ context, what, env, to }) => ({
          context,
          condition: context === 'span' ? `name == "${what}"` : `attributes["env"] == "${env}"`,
          to: [to],
        }))
        const { send, pipelines } = await routed(table, ['traces/rest'], Traces.fromTree(tree))
        await send()
        const all = Object.values(pipelines.got).join('').replaceAll(' ', '')
        assert.equal(
          [...all].sort().join(''),
          groups
            .flatMap(([, names]) => names)
            .sort()
            .join(''),
        )
      },
    ),
    { numRuns: 60 },
  )
})
