import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type MetricLevel, shownAtLevel } from './metric_levels.ts'

const cases: readonly { name: string; from: MetricLevel | undefined }[] = [
  { name: 'otelcol_receiver_accepted_spans_total', from: 'basic' },
  { name: 'otelcol_exporter_queue_size', from: 'basic' },
  { name: 'otelcol_process_uptime_seconds_total', from: 'basic' },
  { name: 'otelcol_processor_batch_timeout_trigger_send_total', from: 'normal' },
  { name: 'otelcol_processor_batch_batch_send_size', from: 'normal' },
  { name: 'otelcol_processor_batch_batch_send_size_bytes', from: 'detailed' },
  { name: 'otelcol_exporter_queue_batch_send_size', from: 'detailed' },
  { name: 'http_server_duration_milliseconds', from: 'detailed' },
  { name: 'rpc_client_duration_milliseconds', from: 'detailed' },
  { name: 'alloy_build_info', from: undefined },
  { name: 'process_cpu_seconds_total', from: undefined },
]
const levels: readonly MetricLevel[] = ['none', 'basic', 'normal', 'detailed']

for (const { name, from } of cases) {
  test(`${name} is shown ${from === undefined ? 'at no level' : `from ${from} on`}`, () => {
    const shown = levels.filter((level) => shownAtLevel(level, name))
    assert.deepEqual(shown, from === undefined ? [] : levels.slice(levels.indexOf(from)))
  })
}
