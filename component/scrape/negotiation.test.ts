import assert from 'node:assert/strict'
import { test } from 'node:test'
import { acceptHeader, formatOf } from './negotiation.ts'

test('formats are asked for in their order, with weights', () => {
  const accept = acceptHeader(['PrometheusProto', 'OpenMetricsText1.0.0', 'PrometheusText0.0.4'], 'underscores')
  assert.equal(
    accept,
    'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,' +
      'application/openmetrics-text;version=1.0.0;escaping=underscores;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.3',
  )
})

const formats = [
  ['text/plain; version=0.0.4', '', 'text'],
  ['Application/OpenMetrics-Text; version=1.0.0', '', 'openmetrics'],
  ['application/vnd.google.protobuf; proto=x', '', 'protobuf'],
  [undefined, 'PrometheusText0.0.4', 'text'],
  ['text/html', 'OpenMetricsText1.0.0', 'openmetrics'],
  ['', 'PrometheusProto', 'protobuf'],
] as const

for (const [type, fallback, want] of formats) {
  test(`a body of type ${type} with the fallback ${JSON.stringify(fallback)} is ${want}`, () => {
    assert.equal(formatOf(type, fallback), want)
  })
}

test('without a fallback an unknown type is refused', () => {
  assert.throws(() => formatOf(undefined, ''), /blank Content-Type/)
  assert.throws(() => formatOf('text/html', ''), /unsupported Content-Type "text\/html"/)
})
