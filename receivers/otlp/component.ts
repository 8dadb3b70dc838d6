// `otelcol.receiver.otlp` and `receiver/otlp`: receive OTLP over gRPC and HTTP.
import {
  attr,
  block,
  type ComponentDefinition,
  defineSettings,
  otelOutput,
  type Report,
  type SettingsOf,
  SettingsError,
  string,
  type YamlDefinition,
} from '#component'
import { debugMetricsField } from '#component/debug_metrics'
import {
  alloyGrpcServer,
  alloyHttpServerFields,
  checkAlloyHttpServer,
  checkYamlHttpServer,
  otelGrpcSettings,
  otelHttpSettings,
  yamlGrpcServer,
  yamlHttpServerFields,
} from '#component/otel_server'
import { OtlpReceiver, type OtlpReceiverSettings } from './receiver.ts'

const pathFields = {
  traces_url_path: attr(string, 'The path that takes traces.', { default: '/v1/traces' }),
  logs_url_path: attr(string, 'The path that takes logs.', { default: '/v1/logs' }),
  metrics_url_path: attr(string, 'The path that takes metrics.', { default: '/v1/metrics' }),
}
const pathNames = ['traces_url_path', 'logs_url_path', 'metrics_url_path'] as const
type Paths = Readonly<Record<(typeof pathNames)[number], string>>

function checkPaths(s: Paths, report: Report): void {
  for (const name of pathNames) if (s[name] === '') report(`${name} cannot be empty`, [name])
}

/** A path begins with a slash; a URL's is taken out of it. */
function pathOf(text: string): string {
  const path = /^[a-z]+:\/\//i.test(text) && URL.canParse(text) ? new URL(text).pathname : text
  return path.startsWith('/') ? path : `/${path}`
}

const noPaths: Paths = { traces_url_path: '', logs_url_path: '', metrics_url_path: '' }

function engineSettings(
  name: string,
  grpc: Parameters<typeof otelGrpcSettings>[0] | undefined,
  http: (Parameters<typeof otelHttpSettings>[0] & Paths) | undefined,
): OtlpReceiverSettings {
  const paths = http ?? noPaths
  try {
    return {
      name,
      grpc: grpc && otelGrpcSettings(grpc),
      http: http && otelHttpSettings(http),
      paths: {
        traces: pathOf(paths.traces_url_path),
        logs: pathOf(paths.logs_url_path),
        metrics: pathOf(paths.metrics_url_path),
      },
    }
  } catch (error) {
    throw new SettingsError((error as Error).message)
  }
}

// ---------------------------------------------------------------------------------------------------------- Alloy

const alloyGrpc = alloyGrpcServer({ endpoint: '0.0.0.0:4317' })
const alloyHttp = defineSettings(
  {
    ...alloyHttpServerFields({
      endpoint: '0.0.0.0:4318',
      readHeaderTimeout: '1m',
      writeTimeout: '30s',
      idleTimeout: '1m',
    }),
    ...pathFields,
  },
  {
    check: (s, report) => {
      checkAlloyHttpServer(s, report)
      checkPaths(s, report)
    },
  },
)
const alloySettings = defineSettings({
  grpc: block(alloyGrpc, 'Receive over gRPC.'),
  http: block(alloyHttp, 'Receive over HTTP.'),
  ...debugMetricsField,
  output: block(otelOutput, 'Where it goes.', { required: true }),
})
type AlloySettings = SettingsOf<typeof alloySettings>

export const otelcolReceiverOtlp: ComponentDefinition<AlloySettings> = {
  name: 'otelcol.receiver.otlp',
  stability: 'generally-available',
  doc: 'Receives traces, logs and metrics over OTLP, by gRPC and HTTP.',
  stateless: true,
  settings: alloySettings,
  create: (host, s) => new OtlpReceiver(host, engineSettings(`otlp/${host.id}`, s.grpc, s.http), s.output),
}

// ----------------------------------------------------------------------------------------------------------- YAML

const yamlGrpc = yamlGrpcServer({ endpoint: 'localhost:4317' })
const yamlHttp = defineSettings(
  {
    ...yamlHttpServerFields({
      endpoint: 'localhost:4318',
      readHeaderTimeout: '0s',
      writeTimeout: '0s',
      idleTimeout: '0s',
    }),
    ...pathFields,
  },
  { check: checkYamlHttpServer },
)
const protocols = defineSettings({
  grpc: block(yamlGrpc, 'Receive over gRPC.'),
  http: block(yamlHttp, 'Receive over HTTP.'),
})
const yamlSettings = defineSettings(
  { protocols: block(protocols, 'What to receive over: one at least.', { whenAbsent: 'defaults' }) },
  {
    check: (s, report) => {
      if (s.protocols.grpc || s.protocols.http) return
      report('must specify at least one protocol when using the OTLP receiver', ['protocols'])
    },
  },
)
type YamlSettings = SettingsOf<typeof yamlSettings>

export const otlpReceiver: YamlDefinition<YamlSettings> = {
  kind: 'receiver',
  types: ['otlp'],
  stability: 'generally-available',
  doc: 'Receives traces, logs and metrics over OTLP, by gRPC and HTTP.',
  signals: ['traces', 'metrics', 'logs'],
  stateless: true,
  settings: yamlSettings,
  create: (host, { protocols: { grpc, http } }, output) =>
    new OtlpReceiver(host, engineSettings(host.id.replace(/^receiver\//, ''), grpc, http), output),
}
