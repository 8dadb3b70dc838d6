// Metrics with values given by expressions.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConsumeError } from '#component'
import {
  decoded,
  gaugeMetric,
  metricsTreeOf,
  numberPoint,
  OtelSink,
  pointLines,
  problemsOf,
  resourceLogs,
  resourceSpans,
  TestHost,
  tracesTreeOf,
  type Written,
} from '#component/test_host'
import { Logs, Metrics, Traces } from '#pdata'
import { otelcolConnectorSignaltometrics, signalToMetricsConnector } from './component.ts'

async function made(written: Written, batch: Traces | Metrics | Logs) {
  const host = new TestHost()
  const sink = new OtelSink()
  const settings = decoded(signalToMetricsConnector.settings, written)
  const connector = await signalToMetricsConnector.create(host, settings, sink.output)
  host.counters.in += batch.count
  const send = async (): Promise<void> => {
    if (batch instanceof Traces) await connector.traces?.consume(batch)
    else if (batch instanceof Metrics) await connector.metrics?.consume(batch)
    else await connector.logs?.consume(batch)
  }
  const lines = (): string[] =>
    pointLines(sink.metrics[0]).map((line) => line.replace(/,?signal_to_metrics\.[a-z.]*=[^,\]]*/g, ''))
  return { send, sink, host, lines }
}

const traces = (): Traces =>
  Traces.fromTree(
    tracesTreeOf(
      resourceSpans({ host: 'h', pid: 7n }, [
        { name: 'a', durationMs: 4, attributes: { n: 2n, by: 'x' } },
        { name: 'b', durationMs: 30, attributes: { n: 1.5, by: 'y' }, traceState: 'ot=th:8' },
        { name: 'a', durationMs: 3, attributes: { n: 5n } },
      ]),
    ),
  )

const cases: readonly { name: string; written: Written; batch: Traces | Metrics | Logs; want: readonly string[] }[] = [
  {
    name: 'a sum of ints is an int, with a double it is one',
    written: {
      spans: [
        { name: 'ones', sum: { value: '1' } },
        { name: 'all', sum: { value: 'attributes["n"]', monotonic: true } },
        {
          name: 'named',
          conditions: ['name == "b"', 'span.name == "c"'],
          sum: { value: 'span.attributes["n"] * 2.0' },
        },
      ],
    },
    batch: traces(),
    want: ['[host=h,pid=7] all{} 8.5', '[host=h,pid=7] named{} 3', '[host=h,pid=7] ones{} 3'],
  },
  {
    name: 'a count that is no number, or has no end, counts nothing',
    written: { spans: [{ name: 'h', histogram: { value: '1', count: 'span.attributes["n"]', buckets: [5] } }] },
    batch: Traces.fromTree(
      tracesTreeOf(
        resourceSpans(
          {},
          [Number.NaN, Number.POSITIVE_INFINITY, 2.5].map((n) => ({ attributes: { n } })),
        ),
      ),
    ),
    want: ['[] h{} 2/2'],
  },
  {
    name: 'attributes make points; without one that is needed a record is passed over',
    written: {
      spans: [
        { name: 'need', attributes: [{ key: 'by' }], sum: { value: '1' } },
        { name: 'maybe', attributes: [{ key: 'by', optional: true }], sum: { value: '1' } },
        { name: 'else', attributes: [{ key: 'by', default_value: 'z' }], sum: { value: '1' } },
        { name: 'keys', attributes: [{ keys_expression: '["by", "none"]' }], sum: { value: '1' } },
      ],
    },
    batch: traces(),
    want: [
      '[host=h,pid=7] else{by=x} 1',
      '[host=h,pid=7] else{by=y} 1',
      '[host=h,pid=7] else{by=z} 1',
      '[host=h,pid=7] keys{by=x} 1',
      '[host=h,pid=7] keys{by=y} 1',
      '[host=h,pid=7] keys{} 1',
      '[host=h,pid=7] maybe{by=x} 1',
      '[host=h,pid=7] maybe{by=y} 1',
      '[host=h,pid=7] maybe{} 1',
      '[host=h,pid=7] need{by=x} 1',
      '[host=h,pid=7] need{by=y} 1',
    ],
  },
  {
    name: 'resources keep what is chosen',
    written: {
      spans: [
        {
          name: 'n',
          include_resource_attributes: [{ key: 'host' }, { key: 'none' }, { key: 'zone', default_value: 'z' }],
          sum: { value: '1' },
        },
      ],
    },
    batch: traces(),
    want: ['[host=h,zone=z] n{} 3'],
  },
  {
    name: 'histograms take values so often as they count',
    written: {
      spans: [
        { name: 'h', histogram: { value: 'attributes["n"]', buckets: [10, 1] } },
        { name: 'e', exponential_histogram: { value: 'attributes["n"]', count: 'AdjustedCount()' } },
      ],
    },
    batch: traces(),
    want: ['[host=h,pid=7] e{} 4/10', '[host=h,pid=7] h{} 3/8.5'],
  },
  {
    name: 'a gauge has the last value',
    written: { datapoints: [{ name: 'last', gauge: { value: 'value_int' } }] },
    batch: Metrics.fromTree(metricsTreeOf(gaugeMetric('g', [numberPoint(1, 3n), numberPoint(2, 4n)]))),
    want: ['[] last{} 4'],
  },
  {
    name: 'a gauge of nothing is none',
    written: { spans: [{ name: 'by', gauge: { value: 'attributes["none"]' } }] },
    batch: traces(),
    want: [],
  },
  {
    name: 'log records',
    written: { logs: [{ name: 'size', conditions: ['body == "abc"'], sum: { value: 'severity_number' } }] },
    batch: Logs.fromTree({
      resourceLogs: [
        resourceLogs({}, [
          { body: 'abc', severity: 8 },
          { body: 'defgh', severity: 9 },
        ]),
      ],
    }),
    want: ['[] size{} 8'],
  },
  {
    name: 'errors are passed over where that is asked for',
    written: {
      error_mode: 'ignore',
      spans: [
        { name: 'n', sum: { value: 'attributes["by"]' } },
        { name: 'm', sum: { value: '1' } },
      ],
    },
    batch: traces(),
    want: ['[host=h,pid=7] m{} 3'],
  },
]
for (const { name, written, batch, want } of cases) {
  test(name, async () => {
    const { send, lines, host } = await made(written, batch)
    await send()
    assert.deepEqual(lines(), want)
    assert.equal(host.counters.in, host.counters.out)
  })
}

test('an error refuses the batch where nothing else is said', async () => {
  const { send } = await made({ spans: [{ name: 'n', sum: { value: 'attributes["by"]' } }] }, traces())
  await assert.rejects(send, (error) => error instanceof ConsumeError && /expected a number/.test(error.message))
})

test('resources say which instance made the metrics', async () => {
  const { send, sink } = await made({ spans: [{ name: 'n', sum: { value: '1' } }] }, traces())
  await send()
  assert.match(
    pointLines(sink.metrics[0])[0] ?? '',
    /signal_to_metrics\.service\.instance\.id=[-0-9a-f]{36},signal_to_metrics\.service\.name=solder\]/,
  )
})

test('refuses what cannot work', () => {
  const yaml = (written: Written): string[] => problemsOf(signalToMetricsConnector.settings, written)
  assert.deepEqual(yaml({}), ['no configuration provided, at least one should be specified'])
  assert.deepEqual(yaml({ spans: [{ name: 'n' }] }), ['exactly one of the metrics must be defined, 0 found'])
  assert.deepEqual(
    yaml({
      spans: [{ name: 'n', sum: { value: '1' }, attributes: [{}, { key: 'a', optional: true, default_value: 'b' }] }],
    }),
    ['an attribute needs either "key" or "keys_expression"', 'only one of default_value or optional should be set'],
  )
  assert.match(yaml({ spans: [{ name: 'n', sum: { value: 'Nothing()' } }] })[0] ?? '', /Nothing/)
  assert.match(
    problemsOf(otelcolConnectorSignaltometrics.settings, {
      output: {},
      logs: [{ name: 'n', sum: { value: 'x.y' } }],
    })[0] ?? '',
    /x/,
  )
})
