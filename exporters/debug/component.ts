// otelcol.exporter.debug, in YAML the exporter debug: shows telemetry to people.
import {
  attr,
  block,
  bool,
  type ComponentDefinition,
  customType,
  defineSettings,
  int,
  list,
  type Report,
  type SettingsOf,
  string,
  ValueError,
  type YamlDefinition,
} from '#component'
import { debugMetricsField } from '#component/debug_metrics'
import { yamlQueue } from '#component/otel_exporter'
import { Debug, type DebugSettings, type Verbosity } from './debug.ts'

const verbosity = customType<Verbosity>({
  name: 'string',
  zero: 'basic',
  decode(value) {
    const text = string.decode(value)
    const word = text.toLowerCase()
    if (word === 'basic' || word === 'normal' || word === 'detailed') return word
    throw new ValueError(`verbosity ${JSON.stringify(text)} is not supported: basic, normal and detailed are`)
  },
  accepts: string.accepts,
  json: { enum: ['basic', 'normal', 'detailed'] },
})

const shared = {
  verbosity: attr(verbosity, 'How much is shown: basic (counts), normal (a line for each item) or detailed.', {
    default: 'basic',
  }),
  sampling_initial: attr(int, 'Of equal messages in one second, so many are shown.', { default: 2 }),
  sampling_thereafter: attr(int, 'Then every so-manieth; 0: none.', { default: 1 }),
  use_internal_logger: attr(bool, "Write to the program's own log.", { default: true }),
}

interface Written {
  readonly verbosity: Verbosity
  readonly sampling_initial: number
  readonly sampling_thereafter: number
  readonly use_internal_logger: boolean
  readonly output_paths: readonly string[]
}

const alloySettings = defineSettings({
  ...shared,
  output_paths: attr(list(string), 'Where else to write: stdout, stderr or files.', { default: ['stdout'] }),
  ...debugMetricsField,
})

const yamlSettings = defineSettings(
  {
    ...shared,
    output_paths: attr(list(string), 'Where else to write: stdout, stderr or files.'),
    sending_queue: block(yamlQueue, 'Accepted; what comes is shown at once.'),
  },
  {
    check: (s: { use_internal_logger: boolean; output_paths: readonly string[] | undefined }, report: Report) => {
      if (s.output_paths === undefined) return
      if (s.use_internal_logger) report('output_paths requires use_internal_logger to be false', ['output_paths'])
      if (s.output_paths.length === 0) report('output_paths cannot be empty when explicitly set', ['output_paths'])
    },
  },
)

export const otelcolExporterDebug: ComponentDefinition<SettingsOf<typeof alloySettings>> = {
  name: 'otelcol.exporter.debug',
  stability: 'experimental',
  doc: 'Shows telemetry in the log or on the standard output.',
  consumes: ['metrics', 'logs', 'traces'],
  input: 'otelcol',
  stateless: true,
  settings: alloySettings,
  create: (host, settings) => new Debug(host, plain(settings)),
}

export const debugExporter: YamlDefinition<SettingsOf<typeof yamlSettings>> = {
  kind: 'exporter',
  types: ['debug'],
  stability: 'experimental',
  doc: 'Shows telemetry in the log or on the standard output.',
  signals: ['metrics', 'logs', 'traces'],
  stateless: true,
  settings: yamlSettings,
  create: (host, settings) =>
    new Debug(host, plain({ ...settings, output_paths: settings.output_paths ?? ['stdout'] })),
}

function plain(s: Written): DebugSettings {
  return {
    verbosity: s.verbosity,
    samplingInitial: s.sampling_initial,
    samplingThereafter: s.sampling_thereafter,
    useInternalLogger: s.use_internal_logger,
    outputPaths: s.output_paths,
  }
}
