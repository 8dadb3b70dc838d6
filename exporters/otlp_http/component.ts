// otelcol.exporter.otlphttp, in YAML the exporter otlp_http: sends telemetry over HTTP.
import {
  attr,
  block,
  type Component,
  type ComponentDefinition,
  defineSettings,
  type Host,
  oneOf,
  type Report,
  type SettingsOf,
  string,
  type YamlDefinition,
} from '#component'
import { debugMetricsField } from '#component/debug_metrics'
import {
  alloyHttpClientFields,
  checkOtelHttpClient,
  otelHttpClient,
  yamlHttpClientFields,
} from '#component/otel_client'
import {
  alloyExporterFields,
  OtelExporter,
  type OtelExporterSettings,
  otelExporterSettings,
  yamlExporterFields,
} from '#component/otel_exporter'
import { HttpTransport, type HttpTransportSettings, type OtlpEncoding } from './transport.ts'

const shared = {
  encoding: attr(oneOf('proto', 'json'), 'How telemetry is encoded.', { default: 'proto' }),
  traces_endpoint: attr(string, "The URL for traces; default: the endpoint's `/v1/traces`.", { default: '' }),
  metrics_endpoint: attr(string, "The URL for metrics; default: the endpoint's `/v1/metrics`.", { default: '' }),
  logs_endpoint: attr(string, "The URL for logs; default: the endpoint's `/v1/logs`.", { default: '' }),
}

const client = defineSettings(
  { endpoint: attr(string, 'Where to send: a URL.', { required: true }), ...alloyHttpClientFields },
  { check: checkOtelHttpClient },
)

const alloySettings = defineSettings(
  {
    ...shared,
    client: block(client, 'The backend.', { required: true }),
    ...alloyExporterFields,
    ...debugMetricsField,
  },
  { check: (s, report) => checkEndpoints({ ...s, endpoint: s.client.endpoint }, report, ['client', 'endpoint']) },
)
type AlloySettings = SettingsOf<typeof alloySettings>

const yamlSettings = defineSettings(
  {
    ...shared,
    endpoint: attr(string, 'Where to send: a URL.', { default: '' }),
    profiles_endpoint: attr(string, 'Accepted; profiles are not sent.', { default: '' }),
    ...yamlHttpClientFields,
    ...yamlExporterFields,
  },
  {
    check: (s, report) => {
      checkEndpoints(s, report, ['endpoint'])
      checkOtelHttpClient(s, report)
    },
  },
)
type YamlSettings = SettingsOf<typeof yamlSettings>

interface Endpoints {
  readonly endpoint: string
  readonly traces_endpoint: string
  readonly metrics_endpoint: string
  readonly logs_endpoint: string
}

function checkEndpoints(s: Endpoints, report: Report, path: readonly string[]): void {
  if (s.endpoint === '' && s.traces_endpoint === '' && s.metrics_endpoint === '' && s.logs_endpoint === '') {
    report('at least one endpoint must be specified', path)
  }
  const all = [
    [s.endpoint, path],
    [s.traces_endpoint, ['traces_endpoint']],
    [s.metrics_endpoint, ['metrics_endpoint']],
    [s.logs_endpoint, ['logs_endpoint']],
  ] as const
  for (const [url, at] of all) {
    if (url === '' || /^https?:$/.test(URL.parse(url)?.protocol ?? '')) continue
    report(
      `Cannot use the endpoint: it must be an http:// or https:// URL: current value is ${JSON.stringify(url)}`,
      at,
    )
  }
}

export const otelcolExporterOtlphttp: ComponentDefinition<AlloySettings> = {
  name: 'otelcol.exporter.otlphttp',
  stability: 'generally-available',
  doc: 'Sends telemetry to an OTLP backend over HTTP.',
  consumes: ['metrics', 'logs', 'traces'],
  input: 'otelcol',
  stateless: true,
  settings: alloySettings,
  create: (host, settings) => create(host, settings, fromAlloy),
}

export const otlpHttpExporter: YamlDefinition<YamlSettings> = {
  kind: 'exporter',
  types: ['otlp_http', 'otlphttp'],
  stability: 'generally-available',
  doc: 'Sends telemetry to an OTLP backend over HTTP.',
  signals: ['metrics', 'logs', 'traces'],
  stateless: true,
  settings: yamlSettings,
  create: (host, settings) => create(host, settings, fromYaml),
}

/** What the exporter is made from, whichever face wrote it. */
interface OtlpHttpSettings {
  readonly transport: HttpTransportSettings
  readonly exporter: OtelExporterSettings
  /** The backend, for messages. */
  readonly where: string
}

function plainSettings(
  s: Endpoints & { readonly encoding: OtlpEncoding } & Parameters<typeof otelExporterSettings>[0],
  clientSettings: Parameters<typeof otelHttpClient>[0],
): OtlpHttpSettings {
  const base = s.endpoint.replace(/\/$/, '')
  const url = (own: string, path: string): string => own || (base && base + path)
  const urls = {
    traces: url(s.traces_endpoint, '/v1/traces'),
    metrics: url(s.metrics_endpoint, '/v1/metrics'),
    logs: url(s.logs_endpoint, '/v1/logs'),
  }
  return {
    transport: { client: otelHttpClient(clientSettings), encoding: s.encoding, urls },
    exporter: otelExporterSettings(s),
    where: shown(s.endpoint || urls.traces || urls.metrics || urls.logs),
  }
}

/** Without credentials and query. */
function shown(url: string): string {
  const parsed = URL.parse(url)
  return parsed ? `${parsed.protocol}//${parsed.host}${parsed.pathname.replace(/\/$/, '')}` : '(not a URL)'
}

const fromAlloy = (s: AlloySettings): OtlpHttpSettings => plainSettings({ ...s, endpoint: s.client.endpoint }, s.client)
const fromYaml = (s: YamlSettings): OtlpHttpSettings => plainSettings(s, s)

function create<S extends object>(host: Host, settings: S, plain: (settings: S) => OtlpHttpSettings): Component<S> {
  const first = plain(settings)
  const exporter = new OtelExporter({
    host,
    settings: first.exporter,
    transport: new HttpTransport(first.transport, host),
    type: 'otlp_http',
    where: first.where,
  })
  return {
    traces: exporter.traces,
    metrics: exporter.metrics,
    logs: exporter.logs,
    start: () => exporter.start(),
    update: (next) => {
      const s = plain(next)
      return exporter.update(s.exporter, new HttpTransport(s.transport, host), s.where)
    },
    stop: (deadlineMs) => exporter.stop(deadlineMs),
    debug: () => exporter.debug(),
  }
}
