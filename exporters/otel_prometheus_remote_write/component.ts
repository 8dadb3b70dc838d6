// The exporter prometheus_remote_write of the collector's YAML: sends OTLP metrics as series, with remote write.
import {
  attr,
  block,
  bool,
  defineSettings,
  duration,
  float,
  int,
  list,
  map,
  oneOf,
  type SettingsOf,
  string,
  type YamlDefinition,
} from '#component'
import { reportUnsupported, resourceConversion, seriesFields } from '#component/bridge'
import { httpUrl } from '#component/http_client'
import { headerPairs, yamlHttpClientFields } from '#component/otel_client'
import { yamlRetry } from '#component/otel_exporter'
import { Message } from '#component/remote_write'
import { RemoteWriteExporter } from './exporter.ts'

const retry = defineSettings(
  {
    enabled: attr(bool, 'Try again what failed and may succeed later.', { default: true }),
    initial_interval: attr(duration, 'How long the first wait is.', { default: '50ms' }),
    max_elapsed_time: attr(duration, 'A request that has been tried this long is dropped; 0: never.', {
      default: '5m',
    }),
    max_interval: attr(duration, 'Waits grow no longer than this.', { default: '30s' }),
    multiplier: attr(float, 'What a wait grows by.', { default: 1.5 }),
    randomization_factor: attr(float, 'How far a wait is moved by chance, as a part of it.', { default: 0.5 }),
  },
  { check: (s, report) => yamlRetry.check(s, report) },
)

const queue = defineSettings({
  enabled: attr(bool, 'Accepted: there is always a queue.', { default: true }),
  queue_size: attr(int, 'Accepted: the queue is bounded by bytes, and goes to disk when memory is short.', {
    default: 10_000,
  }),
  num_consumers: attr(int, 'Requests under way at once; series of one target stay in order.', { default: 5 }),
})

const wal = defineSettings({
  directory: attr(string, 'Accepted: the queue lies under the storage path.', { default: '' }),
  buffer_size: attr(int, 'Accepted, without effect.', { default: 300 }),
  truncate_frequency: attr(duration, 'Accepted, without effect.', { default: '1m' }),
  lag_record_frequency: attr(duration, 'Accepted, without effect.', { default: '15s' }),
})

const targetInfo = defineSettings({
  enabled: attr(bool, 'Make the series `target_info` of every resource.', { default: true }),
})

const {
  compression: _compression,
  compression_params: _parameters,
  cookies: _cookies,
  ...client
} = yamlHttpClientFields

const settings = defineSettings(
  {
    endpoint: attr(httpUrl, 'Where to send: a URL.', { required: true }),
    ...client,
    timeout: attr(duration, 'How long a request may take; 0: no limit.', { default: '5s' }),
    headers: attr(headerPairs, 'Headers of every request.', { default: {} }),
    compression: attr(string, 'Accepted: remote write is always compressed with snappy.', { default: '' }),
    retry_on_failure: block(retry, 'Tries after a failure.', { whenAbsent: 'defaults' }),
    remote_write_queue: block(queue, 'The queue in front of the backend.', { whenAbsent: 'defaults' }),
    wal: block(wal, 'What was taken lies on disk before it counts as taken.'),
    external_labels: attr(map(string), 'Labels of every series that has not got them.', { default: {} }),
    ...seriesFields,
    max_batch_size_bytes: attr(int, 'Bytes of a request before compression, at most, about.', { default: 3_000_000 }),
    max_batch_request_parallelism: attr(int, 'Accepted: see `num_consumers`.'),
    resource_to_telemetry_conversion: block(resourceConversion, 'Attributes of the resource as labels.', {
      whenAbsent: 'defaults',
    }),
    target_info: block(targetInfo, 'The series `target_info`.', { whenAbsent: 'defaults' }),
    disable_scope_info: attr(bool, 'Do not add the labels `otel_scope_*`.', { default: false }),
    send_metadata: attr(bool, 'Send type, help and unit.', { default: false }),
    protobuf_message: attr(oneOf(Message.v1, Message.v2), 'Which version of the protocol to speak.', {
      default: Message.v1,
    }),
    include_metadata_keys: attr(list(string), 'Not supported yet.', { default: [] }),
    convert_explicit_histograms_to_nhcb: attr(bool, 'Make native histograms with custom buckets of histograms.', {
      default: false,
    }),
    keep_classic_histograms: attr(bool, 'Not supported yet.', { default: false }),
  },
  {
    check: (s, report) => {
      reportUnsupported(report, {
        include_metadata_keys: s.include_metadata_keys.length > 0,
        keep_classic_histograms: s.keep_classic_histograms,
      })
      if (s.remote_write_queue.num_consumers < 1) {
        report('num_consumers must be at least 1', ['remote_write_queue', 'num_consumers'])
      }
      if (s.max_batch_size_bytes < 1) report('max_batch_size_bytes must be positive', ['max_batch_size_bytes'])
    },
  },
)
export type RemoteWriteExporterSettings = SettingsOf<typeof settings>

export const prometheusRemoteWriteExporter: YamlDefinition<RemoteWriteExporterSettings> = {
  kind: 'exporter',
  types: ['prometheus_remote_write', 'prometheusremotewrite'],
  stability: 'generally-available',
  doc: 'Sends metrics to Prometheus-compatible stores with the remote write protocol.',
  signals: ['metrics'],
  settings,
  create: (host, decoded) => new RemoteWriteExporter(host, decoded),
}
