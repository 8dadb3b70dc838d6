// otelcol.exporter.otlp, in YAML the exporter otlp_grpc: sends telemetry over gRPC.
import {
  attr,
  block,
  type Component,
  type ComponentDefinition,
  defineSettings,
  duration,
  type Host,
  type SettingsOf,
  string,
  type YamlDefinition,
} from '#component'
import { debugMetricsField } from '#component/debug_metrics'
import {
  alloyGrpcClient,
  alloyGrpcClientFields,
  checkGrpcEndpoint,
  type OtelGrpcClientSettings,
  yamlGrpcClient,
  yamlGrpcClientFields,
} from '#component/otel_client'
import {
  alloyExporterFields,
  GrpcTransport,
  OtelExporter,
  type OtelExporterSettings,
  otelExporterSettings,
  yamlExporterFields,
} from '#component/otel_exporter'

const timeout = attr(duration, 'How long one attempt may take; 0: no limit.', { default: '5s' })

const client = defineSettings(
  { endpoint: attr(string, 'Where to send: host:port.', { required: true }), ...alloyGrpcClientFields },
  { check: (s, report) => checkGrpcEndpoint(s.endpoint, report, ['endpoint']) },
)

const alloySettings = defineSettings({
  timeout,
  client: block(client, 'The backend.', { required: true }),
  ...alloyExporterFields,
  ...debugMetricsField,
})
type AlloySettings = SettingsOf<typeof alloySettings>

const yamlSettings = defineSettings(
  {
    timeout,
    endpoint: attr(string, 'Where to send: host:port.', { default: '' }),
    ...yamlGrpcClientFields,
    ...yamlExporterFields,
  },
  {
    check: (s, report) => {
      if (s.endpoint === '') report('requires a non-empty "endpoint"', ['endpoint'])
      else checkGrpcEndpoint(s.endpoint, report, ['endpoint'])
      if (s.timeout < 0) report("'timeout' must be non-negative", ['timeout'])
    },
  },
)
type YamlSettings = SettingsOf<typeof yamlSettings>

export const otelcolExporterOtlp: ComponentDefinition<AlloySettings> = {
  name: 'otelcol.exporter.otlp',
  stability: 'generally-available',
  doc: 'Sends telemetry to an OTLP backend over gRPC.',
  consumes: ['metrics', 'logs', 'traces'],
  input: 'otelcol',
  stateless: true,
  settings: alloySettings,
  create: (host, settings) => create(host, settings, fromAlloy),
}

export const otlpGrpcExporter: YamlDefinition<YamlSettings> = {
  kind: 'exporter',
  types: ['otlp_grpc', 'otlp'],
  stability: 'generally-available',
  doc: 'Sends telemetry to an OTLP backend over gRPC.',
  signals: ['metrics', 'logs', 'traces'],
  stateless: true,
  settings: yamlSettings,
  create: (host, settings) => create(host, settings, fromYaml),
}

/** What the exporter is made from, whichever face wrote it. */
interface OtlpGrpcSettings {
  readonly client: OtelGrpcClientSettings
  readonly timeoutMs: number
  readonly exporter: OtelExporterSettings
}

const fromAlloy = (s: AlloySettings): OtlpGrpcSettings => ({
  client: alloyGrpcClient(s.client),
  timeoutMs: s.timeout,
  exporter: otelExporterSettings(s),
})

const fromYaml = (s: YamlSettings): OtlpGrpcSettings => ({
  client: yamlGrpcClient(s),
  timeoutMs: s.timeout,
  exporter: otelExporterSettings(s),
})

function create<S extends object>(host: Host, settings: S, plain: (settings: S) => OtlpGrpcSettings): Component<S> {
  const transport = (s: OtlpGrpcSettings): GrpcTransport => new GrpcTransport(s.client, s.timeoutMs, host)
  const first = plain(settings)
  const exporter = new OtelExporter({
    host,
    settings: first.exporter,
    transport: transport(first),
    type: 'otlp_grpc',
    where: first.client.endpoint,
  })
  return {
    traces: exporter.traces,
    metrics: exporter.metrics,
    logs: exporter.logs,
    start: () => exporter.start(),
    update: (next) => {
      const s = plain(next)
      return exporter.update(s.exporter, transport(s), s.client.endpoint)
    },
    stop: (deadlineMs) => exporter.stop(deadlineMs),
    debug: () => exporter.debug(),
  }
}
