// The schema of `service.telemetry`: what the process says of itself, and where.
import {
  anyValue,
  attr,
  block,
  blocks,
  bool,
  customType,
  defineSettings,
  duration,
  int,
  kindOf,
  list,
  map,
  oneOf,
  type SettingsOf,
  string,
  ValueError,
} from '#component'

/** A word in any letter case. */
const word = <const W extends string>(words: Readonly<Record<string, W>>) =>
  customType<W>({
    name: 'string',
    zero: Object.values(words)[0] as W,
    decode(value) {
      if (typeof value !== 'string') throw new ValueError(`should be string, got ${kindOf(value)}`)
      const found = Object.hasOwn(words, value.toLowerCase()) ? words[value.toLowerCase()] : undefined
      if (found !== undefined) return found
      throw new ValueError(`should be one of ${Object.keys(words).join(', ')}, got ${JSON.stringify(value)}`)
    },
    json: { enum: Object.keys(words) },
  })

/** Zap's levels; those above error are written as errors here, so they let errors through. */
const logLevel = word({
  info: 'info',
  debug: 'debug',
  warn: 'warn',
  error: 'error',
  dpanic: 'error',
  panic: 'error',
  fatal: 'error',
})

const sampling = defineSettings({
  enabled: attr(bool, 'Write only a part of lines that repeat.', { default: true }),
  tick: attr(duration, 'How long lines count as repeated.', { default: '10s' }),
  initial: attr(int, 'Lines of a tick that are written.', { default: 10 }),
  thereafter: attr(int, 'Of the others every so many-th is written.', { default: 100 }),
})

const logs = defineSettings({
  level: attr(logLevel, 'The least severe lines to write.', { default: 'info' }),
  development: attr(bool, 'No effect.', { default: false }),
  encoding: attr(oneOf('console', 'json'), 'How lines are written.', { default: 'console' }),
  disable_caller: attr(bool, 'No effect: lines never name source files.', { default: false }),
  disable_stacktrace: attr(bool, 'No effect: lines never carry stacks.', { default: false }),
  sampling: block(sampling, 'Leave out lines that repeat.', { whenAbsent: 'defaults' }),
  output_paths: attr(list(string), 'Where lines go: stderr, stdout or files.', { default: ['stderr'] }),
  error_output_paths: attr(list(string), 'No effect.', { default: ['stderr'] }),
  initial_fields: attr(map(anyValue), 'Fields that every line carries.', { default: {} }),
  disable_zap_resource: attr(bool, 'Lines do not carry the resource.', { default: false }),
  processors: attr(list(anyValue), 'Where lines go over OTLP: not supported.', { default: [] }),
})

const prometheus = defineSettings({
  host: attr(string, 'Address to listen on.', { default: 'localhost' }),
  port: attr(int, 'Port to listen on.', { default: 8888 }),
  without_scope_info: attr(bool, 'Series do not name their scope.', { default: true }),
  without_type_suffix: attr(bool, 'Counters do not end with _total.', { default: true }),
  without_units: attr(bool, 'Names do not end with units.', { default: true }),
  with_resource_constant_labels: attr(anyValue, 'Attributes of the resource that every series carries.'),
})

const otlp = defineSettings({
  protocol: attr(oneOf('http/protobuf', 'http/json', 'grpc'), 'How requests are sent.', { required: true }),
  endpoint: attr(string, 'Where to.', { required: true }),
  insecure: attr(bool, 'Without TLS.', { default: false }),
  headers: attr(anyValue, 'Headers to send: a list of name and value, or a map.'),
  headers_list: attr(string, 'Headers to send, as name=value with commas.', { default: '' }),
  compression: attr(oneOf('none', 'gzip'), 'Compression of requests.', { default: 'none' }),
  timeout: attr(int, 'Milliseconds that a request may take.', { default: 10_000 }),
  certificate: attr(string, 'File with the authority of the server.', { default: '' }),
  client_certificate: attr(string, 'File with a certificate to show.', { default: '' }),
  client_key: attr(string, 'File with its key.', { default: '' }),
  temporality_preference: attr(oneOf('cumulative', 'delta', 'lowmemory'), 'Only cumulative has an effect.', {
    default: 'cumulative',
  }),
  default_histogram_aggregation: attr(string, 'No effect.', { default: '' }),
})

const reader = defineSettings(
  {
    pull: block(
      defineSettings({
        exporter: block(
          defineSettings({ prometheus: block(prometheus, 'A server that Prometheus scrapes.', { required: true }) }),
          'How.',
          { required: true },
        ),
        producers: attr(anyValue, 'No effect.'),
        cardinality_limits: attr(anyValue, 'No effect.'),
      }),
      'Metrics are asked for.',
    ),
    periodic: block(
      defineSettings({
        interval: attr(int, 'Milliseconds between two exports.', { default: 60_000 }),
        timeout: attr(int, 'Milliseconds that an export may take.', { default: 30_000 }),
        exporter: block(
          defineSettings({
            otlp: block(otlp, 'Sent over OTLP.'),
            console: block(defineSettings({}), 'Written to standard output.'),
          }),
          'How.',
          { required: true },
        ),
        producers: attr(anyValue, 'No effect.'),
        cardinality_limits: attr(anyValue, 'No effect.'),
      }),
      'Metrics are sent.',
    ),
  },
  {
    check(settings, report) {
      const kinds = [settings.pull, settings.periodic].filter((kind) => kind !== undefined)
      if (kinds.length !== 1) report('a reader is one of pull and periodic')
      const exporter = settings.periodic?.exporter
      if (exporter && [exporter.otlp, exporter.console].filter((one) => one !== undefined).length !== 1) {
        report('a periodic exporter is one of otlp and console', ['periodic', 'exporter'])
      }
    },
  },
)

const metrics = defineSettings(
  {
    level: attr(word({ none: 'none', basic: 'basic', normal: 'normal', detailed: 'detailed' }), 'How much to tell.', {
      default: 'normal',
    }),
    readers: blocks(reader, 'Where metrics go. Absent: a server on localhost:8888.'),
    views: attr(list(anyValue), 'Changes to metrics: not supported.', { default: [] }),
  },
  {
    check(settings, report) {
      if (settings.views.length > 0 && settings.level !== 'detailed') {
        report('views can only be set when the level is detailed', ['views'])
      }
    },
  },
)

const traces = defineSettings({
  level: attr(string, 'How much to tell.', { default: '' }),
  propagators: attr(list(string), 'How contexts are carried.', { default: [] }),
  processors: attr(list(anyValue), 'Where spans go: not supported.', { default: [] }),
  limits: attr(anyValue, 'No effect.'),
  sampler: attr(anyValue, 'No effect.'),
})

export const telemetrySettings = defineSettings({
  logs: block(logs, 'Log lines of the process.', { whenAbsent: 'defaults' }),
  metrics: block(metrics, 'Metrics of the process.', { whenAbsent: 'defaults' }),
  traces: block(traces, 'Spans of the process.', { whenAbsent: 'defaults' }),
  resource: attr(map(anyValue), 'Attributes of the process; null: without it. Or { attributes: [{ name, value }] }.', {
    default: {},
  }),
})

/** What `plan.process.get('telemetry')` holds where the configuration is the collector's YAML. */
export type TelemetrySettings = SettingsOf<typeof telemetrySettings>
