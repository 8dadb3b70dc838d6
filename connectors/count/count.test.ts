// Records are counted by kind, condition and attributes.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConsumeError, type Value } from '#component'
import {
  decoded,
  gaugeMetric,
  numberPoint,
  OtelSink,
  pointLines,
  problemsOf,
  resourceLogs,
  resourceMetrics,
  resourceSpans,
  sumMetric,
  TestHost,
  tracesTreeOf,
  type Written,
} from '#component/test_host'
import { ManualClock } from '#lib/clock'
import { Logs, Metrics, Traces } from '#pdata'
import { countConnector, otelcolConnectorCount } from './component.ts'

/** A map as the YAML compiler hands it on. */
function mapOf(entries: Readonly<Record<string, Value>>): Value {
  return new Map(Object.entries(entries))
}

const traces = (): Traces =>
  Traces.fromTree(
    tracesTreeOf(
      resourceSpans({ host: 'h' }, [
        { name: 'a', startMs: 1000, durationMs: 500, attributes: { env: 'prod' }, events: [{ name: 'x' }, {}] },
        { name: 'b', startMs: 2000, durationMs: 10, attributes: { env: 'dev' } },
      ]),
      resourceSpans({ host: 'h' }, [{ name: 'a', startMs: 3000, attributes: { env: 'prod' } }]),
    ),
  )
const metrics = (): Metrics =>
  Metrics.fromTree({
    resourceMetrics: [
      resourceMetrics(
        [
          gaugeMetric('g', [numberPoint(1, 1n, { attributes: { env: 'prod' } }), numberPoint(2, 2n)]),
          sumMetric('s', [numberPoint(1, 1n)]),
        ],
        { host: 'h' },
      ),
    ],
  })
const logs = (): Logs =>
  Logs.fromTree({ resourceLogs: [resourceLogs({ host: 'h' }, [{ severity: 17 }, { severity: 9 }, { severity: 21 }])] })

async function counted(written: Written, batch: Traces | Metrics | Logs) {
  const host = new TestHost({ clock: new ManualClock() })
  const sink = new OtelSink()
  const settings = decoded(countConnector.settings, written)
  const connector = await countConnector.create(host, settings, sink.output)
  const { counters } = host
  counters.in += batch.count
  const send = async (): Promise<void> => {
    if (batch instanceof Traces) await connector.traces?.consume(batch)
    else if (batch instanceof Metrics) await connector.metrics?.consume(batch)
    else await connector.logs?.consume(batch)
  }
  return { send, sink, counters, lines: () => pointLines(sink.metrics[0]) }
}

const cases: readonly { name: string; written: Written; batch: Traces | Metrics | Logs; want: readonly string[] }[] = [
  {
    name: 'spans and events are counted where nothing is written',
    written: {},
    batch: traces(),
    want: ['[host=h] trace.span.count{} 3', '[host=h] trace.span.event.count{} 2'],
  },
  {
    name: 'metrics and their points',
    written: {},
    batch: metrics(),
    want: ['[host=h] metric.count{} 2', '[host=h] metric.datapoint.count{} 3'],
  },
  { name: 'log records', written: {}, batch: logs(), want: ['[host=h] log.record.count{} 3'] },
  {
    name: 'one of the conditions has to hold, paths may leave the context out',
    written: {
      logs: mapOf({
        errors: mapOf({ conditions: ['severity_number >= SEVERITY_NUMBER_ERROR', 'log.severity_number == 9'] }),
        fatal: mapOf({ conditions: ['severity_number >= SEVERITY_NUMBER_FATAL'], description: 'd' }),
      }),
    },
    batch: logs(),
    want: ['[host=h] errors{} 3', '[host=h] fatal{} 1'],
  },
  {
    name: 'attributes are of the record or its resource; records without one are not counted, but for its default',
    written: {
      spans: mapOf({
        by_env: mapOf({ attributes: [mapOf({ key: 'env' }), mapOf({ key: 'host' })] }),
        by_other: mapOf({ attributes: [mapOf({ key: 'other', default_value: 5n })] }),
        never: mapOf({ attributes: [mapOf({ key: 'other' })] }),
      }),
      spanevents: mapOf({}),
    },
    batch: traces(),
    want: ['[host=h] by_env{env=dev,host=h} 1', '[host=h] by_env{env=prod,host=h} 2', '[host=h] by_other{other=5} 3'],
  },
  {
    name: 'points by attribute',
    written: { metrics: mapOf({}), datapoints: mapOf({ n: mapOf({ attributes: [mapOf({ key: 'env' })] }) }) },
    batch: metrics(),
    want: ['[host=h] n{env=prod} 1'],
  },
]
for (const { name, written, batch, want } of cases) {
  test(name, async () => {
    const { send, lines, counters } = await counted(written, batch)
    await send()
    assert.deepEqual(lines(), want)
    assert.equal(counters.in, counters.out)
  })
}

test('counts are deltas over the time of what they count', async () => {
  const { send, sink } = await counted({ spanevents: mapOf({}) }, traces())
  await send()
  const [group] = sink.metrics[0]?.tree?.resourceMetrics ?? []
  assert.equal(
    group?.scopeMetrics[0]?.scope.name,
    'github.com/open-telemetry/opentelemetry-collector-contrib/connector/countconnector',
  )
  const data = group?.scopeMetrics[0]?.metrics[0]?.data
  assert.ok(data?.kind === 'sum' && data.isMonotonic && data.temporality === 1)
  const [point] = data.points
  assert.deepEqual([point?.startTimeUnixNano, point?.timeUnixNano], [1_000_000_000n, 3_000_000_000n])
})

test('a batch with nothing to count sends nothing, an error of a condition refuses it', async () => {
  const silent = await counted({ logs: mapOf({ n: mapOf({ conditions: ['severity_number == 99'] }) }) }, logs())
  await silent.send()
  assert.equal(silent.sink.metrics.length, 0)
  const failing = await counted(
    { logs: mapOf({ n: mapOf({ conditions: ['severity_number > body["a"]["b"]'] }) }) },
    logs(),
  )
  await assert.rejects(failing.send, (error) => error instanceof ConsumeError && !error.retryable)
})

test('refuses what cannot work', () => {
  const yaml = (written: Written): string[] => problemsOf(countConnector.settings, written)
  assert.match(yaml({ spans: mapOf({ n: mapOf({ conditions: ['nam == "a"'] }) }) })[0] ?? '', /nam/)
  assert.deepEqual(yaml({ metrics: mapOf({ n: mapOf({ attributes: [mapOf({ key: 'a' })] }) }) }), [
    'metrics have no attributes to count by',
  ])
  assert.deepEqual(yaml({ spans: mapOf({ n: mapOf({ condition: [] }) }) }), ['unrecognized key "condition"'])
  assert.deepEqual(yaml({ spans: mapOf({ n: mapOf({ attributes: [mapOf({})] }) }) }), ['missing required key "key"'])
  assert.deepEqual(
    problemsOf(otelcolConnectorCount.settings, { output: {}, logs: [{ name: 'x', conditions: [] }] }),
    [],
  )
})
