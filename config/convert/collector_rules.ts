// How single components of the collector differ from their namesakes in Alloy's language.
import type { Settings } from '#component'
import { entryRange, type YamlEntry, type YamlMap } from '../yaml/tree.ts'
import { absentReadings } from './collector_absent.ts'
import { type AlloyBlock, attribute, block, listLiteral, type Statement, stringLiteral } from './document.ts'
import { hasValue, mapOf, withEntry, without } from './http.ts'
import type { Rule, Rules, SourceSchema, Writer } from './writer.ts'

/** How the settings of a component are read. */
export interface Reading extends Pick<SourceSchema, 'keep' | 'always' | 'said'> {
  readonly rules?: Rules
  /** The source's map, as it is read. */
  prepare?(map: YamlMap): YamlMap
  /** Components that it needs. */
  before?(label: string, map: YamlMap): AlloyBlock[]
  /** Statements beside those of the settings. */
  extra?(label: string, map: YamlMap): Statement[]
}

/** `schema`: in Alloy's language; `source`: in the collector's. */
export function readingOf(
  type: string,
  writer: Writer,
  schema: Settings<object>,
  source: Settings<object> | undefined,
): Reading {
  const absent = Object.hasOwn(absentReadings, type) ? absentReadings[type]?.({ writer, schema }) : undefined
  const reading = Object.hasOwn(readings, type) ? readings[type] : undefined
  return absent ?? reading?.({ writer, schema, source: source ?? schema }) ?? {}
}

interface Context {
  readonly writer: Writer
  readonly schema: Settings<object>
  readonly source: Settings<object>
}

/** Settings that the collector has zero for "not said". */
const httpServerDefaults = ['max_request_body_size', 'compression_algorithms']

const readings: Readonly<Record<string, (context: Context) => Reading>> = {
  'connector/count': ({ writer, schema }) => ({ prepare: countDefaults, rules: countRules(writer, schema) }),
  'connector/span_metrics': ({ writer }) => ({
    prepare: withHistogram,
    rules: { aggregation_temporality: (entry) => temporality(writer, entry) },
  }),
  'exporter/debug': ({ writer }) => verbosity(writer),
  'exporter/file': () => ({ keep: ['flush_interval'] }),
  'exporter/load_balancing': () => ({
    keep: ['routing_key'],
    rules: { '*retry_on_failure': 'retry', '*sending_queue': 'queue' },
  }),
  'extension/basicauth': ({ writer }) => ({ rules: { client_auth: (entry) => credentials(writer, entry) } }),
  'extension/bearertokenauth': ({ writer }) => bearer(writer),
  'extension/file_storage': () => ({
    // Alloy has no defaults for what stands in a block that is there.
    always: [
      'rebound_needed_threshold_mib',
      'rebound_trigger_threshold_mib',
      'max_transaction_size',
      'check_interval',
    ].map((name) => `compaction.${name}`),
  }),
  // A token is renewed at its end in Alloy; the collector's five minutes before are left out, as in Alloy's own conversion.
  'extension/oauth2client': () => ({ keep: ['expiry_buffer'] }),
  'processor/interval': () => ({
    rules: { pass_through: 'passthrough' },
    always: ['passthrough.gauge', 'passthrough.summary'],
  }),
  'processor/memory_limiter': ({ writer }) => ({
    keep: ['check_interval', 'limit_percentage', 'spike_limit_percentage'],
    prepare: withSpikeLimit,
    rules: {
      limit_mib: (entry) => mebibytes(writer, 'limit', entry),
      spike_limit_mib: (entry) => mebibytes(writer, 'spike_limit', entry),
    },
  }),
  'processor/redaction': () => ({ always: ['url_sanitizer.sanitize_span_name', 'db_sanitizer.sanitize_span_name'] }),
  'processor/attributes': ({ writer }) => ({
    rules: { '*log_severity_number': (entry) => logSeverity(writer, entry) },
  }),
  'processor/span': ({ writer }) => ({ rules: { '*log_severity_number': (entry) => logSeverity(writer, entry) } }),
  'processor/transform': ({ writer, schema }) => ({
    rules: Object.fromEntries(
      ['trace', 'metric', 'log'].map((signal): [string, Rule] => [
        `${signal}_statements`,
        (entry) => statementsOf(writer, schema, signal, entry),
      ]),
    ),
  }),
  'receiver/otlp': ({ writer, schema, source }) => ({
    keep: httpServerDefaults,
    rules: { protocols: (entry) => protocols(writer, schema, source, entry) },
  }),
  'receiver/file_log': () => ({
    keep: ['max_batches'],
    said: ['ordering_criteria.sort_by.ascending', 'ordering_criteria.sort_by.location'],
  }),
  'receiver/zipkin': () => ({ keep: httpServerDefaults }),
}

/** Name and password of a client stand in the component's own block. */
function credentials(writer: Writer, entry: YamlEntry): Statement[] {
  return [...(writer.map(entry)?.entries.values() ?? [])].flatMap(({ key, keyRange, value }) => {
    const expression = writer.expression('string', value)
    if (key === 'username' || key === 'password') return expression === undefined ? [] : [attribute(key, expression)]
    writer.lacks(keyRange, `"${key}"`)
    return []
  })
}

/** Written whatever it is, with a capital, as in Alloy's own conversion. */
function verbosity(writer: Writer): Reading {
  const written = (text: string): Statement[] => [
    attribute('verbosity', writer.text(text.charAt(0).toUpperCase() + text.slice(1).toLowerCase())),
  ]
  return {
    rules: { verbosity: ({ value }) => (value.kind === 'scalar' ? written(value.text) : []) },
    extra: (_, map) => (hasValue(map.entries.get('verbosity')) ? [] : written('Basic')),
  }
}

/** The severities by their numbers. */
const severities = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'].flatMap((name) =>
  ['', '2', '3', '4'].map((step) => `${name}${step}`),
)

function logSeverity(writer: Writer, entry: YamlEntry): Statement[] {
  const map = writer.map(entry)
  const body = [...(map?.entries.values() ?? [])].flatMap(({ key, keyRange, value }): Statement[] => {
    if (key === 'match_undefined') {
      const expression = writer.expression('bool', value)
      return expression === undefined ? [] : [attribute(key, expression)]
    }
    if (key === 'min' && value.kind === 'scalar') {
      const name = typeof value.value === 'bigint' ? severities[Number(value.value) - 1] : value.text
      return name === undefined ? [] : [attribute(key, stringLiteral(name))]
    }
    writer.lacks(keyRange, `"${key}"`)
    return []
  })
  return [block('log_severity', undefined, ...body)]
}

/** The sections of `protocols` stand in the component's block itself. */
function protocols(
  writer: Writer,
  schema: Settings<object>,
  source: Settings<object>,
  entry: YamlEntry,
): readonly Statement[] {
  const map = writer.map(entry)
  const field = source.fields['protocols']
  if (!map || field?.kind !== 'block') return []
  const fields = Object.fromEntries(
    Object.entries(schema.fields).filter(([key]) => Object.hasOwn(field.schema.fields, key)),
  )
  return writer.body({ ...schema, fields }, map, {}, { schema: field.schema, keep: httpServerDefaults })
}

function mebibytes(writer: Writer, name: string, { value }: YamlEntry): Statement[] {
  const count = writer.expression('uint', value)
  return count === undefined || count === '0' ? [] : [attribute(name, stringLiteral(`${count}MiB`))]
}

/** A spike of zero stands for a fifth of the limit, and has to be said. */
function withSpikeLimit(map: YamlMap): YamlMap {
  const limit = map.entries.get('limit_percentage')?.value
  if (limit?.kind !== 'scalar' || typeof limit.value !== 'bigint' || map.entries.has('spike_limit_percentage'))
    return map
  const spike = Math.max(Math.round(Number(limit.value) / 5), 1)
  const value = { kind: 'scalar', value: BigInt(spike), text: String(spike), range: map.range } as const
  return withEntry(map, 'spike_limit_percentage', value)
}

function temporality(writer: Writer, { value }: YamlEntry): Statement[] {
  const text = value.kind === 'scalar' ? value.text.replace('AGGREGATION_TEMPORALITY_', '') : ''
  return text === '' || text === 'CUMULATIVE' ? [] : [attribute('aggregation_temporality', writer.text(text))]
}

/** Which kind of histogram it is has to be said. */
function withHistogram(map: YamlMap): YamlMap {
  const given = map.entries.get('histogram')?.value
  const histogram = given?.kind === 'map' ? given : mapOf({}, map.range)
  if (histogram.entries.has('explicit') || histogram.entries.has('exponential')) return map
  return withEntry(map, 'histogram', withEntry(histogram, 'explicit', mapOf({}, map.range)))
}

/** Groups are blocks of their own, bare statements stand together. */
function statementsOf(writer: Writer, schema: Settings<object>, signal: string, entry: YamlEntry): Statement[] {
  const { value, key } = entry
  const field = schema.fields[key]
  if (value.kind !== 'list' || field?.kind !== 'blocks') return []
  const bare = value.items.filter((item) => item.kind === 'scalar')
  const groups = value.items.filter((item) => item.kind === 'map')
  const out: Statement[] = groups.map((group) => block(key, undefined, ...writer.body(field.schema, group)))
  if (bare.length === 0) return out
  if (groups.length > 0) {
    const message = 'statements without a context run behind the groups, not between them'
    writer.report('warning', entryRange(entry), message)
  }
  const list = listLiteral(bare.map((one) => writer.expression('string', one) ?? '""'))
  return [...out, block('statements', undefined, attribute(signal, list))]
}

/** What is counted where the collector's configuration says nothing of a kind. */
const counted = {
  spans: ['trace.span.count', 'spans'],
  spanevents: ['trace.span.event.count', 'span events'],
  metrics: ['metric.count', 'metrics'],
  datapoints: ['metric.datapoint.count', 'data points'],
  logs: ['log.record.count', 'log records'],
} as const

function countDefaults(map: YamlMap): YamlMap {
  return Object.entries(counted).reduce((all, [kind, [name, what]]) => {
    if (map.entries.has(kind)) return all
    const description = `The number of ${what} observed.`
    return withEntry(all, kind, mapOf({ [name]: mapOf({ description }, map.range) }, map.range))
  }, map)
}

/** What is counted of a kind, by name. */
function countRules(writer: Writer, schema: Settings<object>): Rules {
  const rule =
    (kind: string): Rule =>
    (entry) => {
      const field = schema.fields[kind]
      const all = writer.map(entry)
      if (!all || field?.kind !== 'blocks') return []
      const sorted = [...all.entries.values()].sort((a, b) => (a.key < b.key ? -1 : 1))
      return sorted.map((one) => {
        const inside = writer.map(one)
        const name = attribute('name', stringLiteral(one.key))
        return block(kind, undefined, name, ...(inside ? writer.body(field.schema, inside) : []))
      })
    }
  return Object.fromEntries(Object.keys(counted).map((kind) => [kind, rule(kind)]))
}

/** A token that stands in a file is read by a component of its own. */
function bearer(writer: Writer): Reading {
  return {
    rules: { filename: null },
    prepare: (map) => (hasValue(map.entries.get('filename')) ? without(map, ['token', 'bearer_token']) : map),
    before(label, map) {
      const file = map.entries.get('filename')
      const expression = file && writer.expression('string', file.value)
      if (expression === undefined) return []
      return [block('local.file', label, attribute('filename', expression), attribute('is_secret', 'true'))]
    },
    extra: (label, map) =>
      hasValue(map.entries.get('filename')) ? [attribute('token', `local.file.${label}.content`)] : [],
  }
}
