// The exporter prometheus of the collector's YAML: shows metrics for scrapers to read.
import {
  attr,
  block,
  bool,
  defineSettings,
  duration,
  map,
  type SettingsOf,
  string,
  type YamlDefinition,
} from '#component'
import { resourceConversion, seriesFields } from '#component/bridge'
import { yamlQueue } from '#component/otel_exporter'
import { checkYamlHttpServer, yamlHttpServerFields } from '#component/otel_server'
import { PullExporter } from './exporter.ts'

const settings = defineSettings(
  {
    ...yamlHttpServerFields({ endpoint: '', readHeaderTimeout: '1m', writeTimeout: '30s', idleTimeout: '1m' }),
    endpoint: attr(string, 'The address to listen on.', { required: true }),
    ...seriesFields,
    const_labels: attr(map(string), 'Labels of every series.', { default: {} }),
    send_timestamps: attr(bool, 'Show the times of samples.', { default: false }),
    metric_expiration: attr(duration, 'How long a series is shown without a new sample.', { default: '5m' }),
    resource_to_telemetry_conversion: block(resourceConversion, 'Attributes of the resource as labels.', {
      whenAbsent: 'defaults',
    }),
    enable_open_metrics: attr(bool, 'Speak OpenMetrics with clients that ask for it.', { default: false }),
    without_scope_info: attr(bool, 'Do not add the labels `otel_scope_*`.', { default: false }),
    sending_queue: block(yamlQueue, 'Accepted, without effect: what is shown does not wait.'),
  },
  {
    check: (s, report) => {
      checkYamlHttpServer(s, report)
      if (s.metric_expiration <= 0) report('metric_expiration must be positive', ['metric_expiration'])
    },
  },
)
export type PrometheusExporterSettings = SettingsOf<typeof settings>

export const prometheusExporter: YamlDefinition<PrometheusExporterSettings> = {
  kind: 'exporter',
  types: ['prometheus'],
  stability: 'generally-available',
  doc: 'Shows metrics on a page for Prometheus to scrape.',
  signals: ['metrics'],
  settings,
  create: (host, decoded) => new PullExporter(host, decoded),
}
