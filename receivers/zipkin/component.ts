// `otelcol.receiver.zipkin` and `receiver/zipkin`: spans of Zipkin's clients.
import {
  attr,
  block,
  bool,
  type ComponentDefinition,
  defineSettings,
  otelOutput,
  outputPorts,
  SettingsError,
  type SettingsOf,
  type YamlDefinition,
} from '#component'
import { debugMetricsField } from '#component/debug_metrics'
import {
  alloyHttpServerFields,
  checkAlloyHttpServer,
  checkYamlHttpServer,
  otelHttpSettings,
  yamlHttpServerFields,
} from '#component/otel_server'
import { ZipkinReceiver, type ZipkinSettings } from './receiver.ts'

const doc = "Receives spans of Zipkin's clients: JSON of versions 1 and 2, and protobuf. Thrift is not taken."
const parseTags = attr(bool, 'Make numbers and truth values of tags that look like them.', { default: false })

function engineSettings(
  name: string,
  s: Parameters<typeof otelHttpSettings>[0] & { readonly parse_string_tags: boolean },
): ZipkinSettings {
  try {
    return { name, http: otelHttpSettings(s), parseTags: s.parse_string_tags }
  } catch (error) {
    throw new SettingsError((error as Error).message)
  }
}

const alloySettings = defineSettings(
  {
    ...alloyHttpServerFields({
      endpoint: '0.0.0.0:9411',
      readHeaderTimeout: '1m',
      writeTimeout: '30s',
      idleTimeout: '1m',
    }),
    parse_string_tags: parseTags,
    ...debugMetricsField,
    output: block(otelOutput, 'Where it goes.', { required: true }),
  },
  { check: checkAlloyHttpServer },
)

export const otelcolReceiverZipkin: ComponentDefinition<SettingsOf<typeof alloySettings>> = {
  name: 'otelcol.receiver.zipkin',
  stability: 'generally-available',
  doc,
  settings: alloySettings,
  create: (host, s) => new ZipkinReceiver(host, engineSettings(`zipkin/${host.id}`, s), outputPorts(s.output).traces),
}

const yamlSettings = defineSettings(
  {
    ...yamlHttpServerFields({
      endpoint: 'localhost:9411',
      readHeaderTimeout: '0s',
      writeTimeout: '0s',
      idleTimeout: '0s',
    }),
    parse_string_tags: parseTags,
  },
  { check: checkYamlHttpServer },
)

export const zipkinReceiver: YamlDefinition<SettingsOf<typeof yamlSettings>> = {
  kind: 'receiver',
  types: ['zipkin'],
  stability: 'public-preview',
  doc,
  signals: ['traces'],
  settings: yamlSettings,
  create: (host, s, output) =>
    new ZipkinReceiver(host, engineSettings(host.id.replace(/^receiver\//, ''), s), outputPorts(output).traces),
}
