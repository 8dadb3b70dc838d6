// otelcol.processor.redaction and the collector's redaction: keeps what is not to be seen out of telemetry.
import type {
  BlockField,
  Component,
  ComponentDefinition,
  Host,
  OtelOutput,
  Report,
  Secret,
  Settings,
  SettingsOf,
  YamlDefinition,
} from '#component'
import {
  attr,
  block,
  bool,
  defineSettings,
  list,
  otelOutput,
  outputPorts,
  secret,
  SettingsError,
  string,
} from '#component'
import { debugMetricsField } from '#component/debug_metrics'
import { RegexpError } from '#lib/regexp'
import { Logs, Metrics, Traces } from '#pdata'
import { ownLogsTree, ownMetricsTree, ownTracesTree } from '#pdata/otlp'
import { type Database, databases, DatabaseSanitizer } from './database.ts'
import { type HashFunction, hashFunctions, Redaction } from './redact.ts'

/** Shorter keys are refused, as upstream (bytes). */
const hmacKeyBytesMin = { 'hmac-sha256': 32, 'hmac-sha512': 64 } as const

const statements = defineSettings({
  enabled: attr(bool, 'Take values out of statements.', { default: false }),
  attributes: attr(list(string), 'Attributes that hold statements.', { default: [] }),
})
type StatementSettings = SettingsOf<typeof statements>

function statementBlock(database: string): BlockField<StatementSettings> {
  return block(statements, `Statements for ${database}.`, { whenAbsent: 'defaults' })
}

const dbSanitizer = defineSettings({
  sql: statementBlock('SQL databases'),
  redis: statementBlock('Redis'),
  valkey: statementBlock('Valkey'),
  memcached: statementBlock('Memcached'),
  mongo: statementBlock('MongoDB'),
  opensearch: statementBlock('OpenSearch'),
  es: statementBlock('Elasticsearch'),
  sanitize_span_name: attr(bool, 'Span names, too.', { default: true }),
})

const urlSanitizer = defineSettings({
  enabled: attr(bool, 'Replace what is no word in URL paths by `*`.', { default: false }),
  attributes: attr(list(string), 'Attributes that hold URLs or paths.', { default: [] }),
  sanitize_span_name: attr(bool, 'Span names, too.', { default: true }),
})

const fields = {
  allow_all_keys: attr(bool, 'Keep all attributes; values may be blocked all the same.', { default: false }),
  allowed_keys: attr(list(string), 'Attributes to keep; others are removed.', { default: [] }),
  ignored_keys: attr(list(string), 'Attributes to leave as they are.', { default: [] }),
  ignored_key_patterns: attr(list(string), 'Expressions for attributes to leave as they are.', { default: [] }),
  blocked_key_patterns: attr(list(string), 'Expressions for attributes whose values are masked whole.', {
    default: [],
  }),
  blocked_values: attr(list(string), 'Expressions for parts of values to mask.', { default: [] }),
  allowed_values: attr(list(string), 'Expressions for values to leave as they are.', { default: [] }),
  redact_all_types: attr(bool, 'Look at values that are no strings, too.', { default: false }),
  hash_function: attr(
    string,
    'Put a hash in place of what is masked: `sha1`, `sha3`, `md5`, `hmac-sha256` or `hmac-sha512`.',
    { default: '' },
  ),
  hmac_key: attr(secret, 'The key of the HMAC hashes.'),
  summary: attr(string, 'Say in attributes what was done: `debug` (keys and counts) or `info` (counts).', {
    default: '',
  }),
  url_sanitizer: block(urlSanitizer, 'Takes ids out of URLs.', { whenAbsent: 'defaults' }),
  db_sanitizer: block(dbSanitizer, 'Takes values out of database statements.', { whenAbsent: 'defaults' }),
}

interface RedactionSettings {
  readonly allow_all_keys: boolean
  readonly allowed_keys: readonly string[]
  readonly ignored_keys: readonly string[]
  readonly ignored_key_patterns: readonly string[]
  readonly blocked_key_patterns: readonly string[]
  readonly blocked_values: readonly string[]
  readonly allowed_values: readonly string[]
  readonly redact_all_types: boolean
  readonly hash_function: string
  readonly hmac_key: Secret | undefined
  readonly summary: string
  readonly url_sanitizer: SettingsOf<typeof urlSanitizer>
  readonly db_sanitizer: SettingsOf<typeof dbSanitizer>
}

function check({ hash_function: name, hmac_key: key }: RedactionSettings, report: Report): void {
  const hash = name.toLowerCase()
  if (hash !== '' && !(hashFunctions as readonly string[]).includes(hash)) {
    report(`unknown HashFunction ${hash}, allowed functions are ${hashFunctions.join(', ')}`, ['hash_function'])
  }
  if (hash !== 'hmac-sha256' && hash !== 'hmac-sha512') return
  const bytes = Buffer.byteLength(key?.reveal() ?? '')
  const bytesMin = hmacKeyBytesMin[hash]
  if (bytes === 0) report(`hmac_key must not be empty when hash_function is "${hash}"`, ['hash_function'])
  else if (bytes < bytesMin) {
    report(`hmac_key must be at least ${bytesMin} bytes long for "${hash}", got ${bytes} bytes`, ['hmac_key'])
  }
}

const alloySettings: Settings<RedactionSettings & { readonly output: OtelOutput }> = defineSettings(
  { ...fields, output: block(otelOutput, 'Where it goes.', { required: true }), ...debugMetricsField },
  { check },
)
const yamlSettings: Settings<RedactionSettings> = defineSettings(fields, { check })

export const otelcolProcessorRedaction: ComponentDefinition<SettingsOf<typeof alloySettings>> = {
  name: 'otelcol.processor.redaction',
  stability: 'experimental',
  doc: 'Removes attributes and masks values that are not to be seen.',
  consumes: ['metrics', 'logs', 'traces'],
  input: 'otelcol',
  stateless: true,
  settings: alloySettings,
  create: (host, settings) => new RedactionProcessor(host, settings, settings.output),
}

export const redactionProcessor: YamlDefinition<RedactionSettings> = {
  kind: 'processor',
  types: ['redaction'],
  stability: 'experimental',
  doc: 'Removes attributes and masks values that are not to be seen.',
  signals: ['metrics', 'logs', 'traces'],
  stateless: true,
  settings: yamlSettings,
  create: (host, settings, output) => new RedactionProcessor(host, settings, output),
}

/** The engine for these settings. `isLogs`: log records need not say which database a statement is for. */
function redactionFor(settings: RedactionSettings, isLogs: boolean): Redaction {
  const { url_sanitizer: url, db_sanitizer: db } = settings
  const enabled = databases.filter((database: Database) => db[database].enabled)
  const options = enabled.map((database) => ({ database, attributes: new Set(db[database].attributes) }))
  try {
    return new Redaction({
      allowAllKeys: settings.allow_all_keys,
      allowedKeys: settings.allowed_keys,
      ignoredKeys: settings.ignored_keys,
      ignoredKeyPatterns: settings.ignored_key_patterns,
      blockedKeyPatterns: settings.blocked_key_patterns,
      blockedValues: settings.blocked_values,
      allowedValues: settings.allowed_values,
      redactAllTypes: settings.redact_all_types,
      hashFunction: settings.hash_function.toLowerCase() as HashFunction,
      hmacKey: settings.hmac_key?.reveal() ?? '',
      summary: settings.summary,
      url: url.enabled ? { attributes: new Set(url.attributes), spanNames: url.sanitize_span_name } : null,
      database:
        enabled.length === 0
          ? null
          : { sanitizer: new DatabaseSanitizer(options, isLogs), spanNames: db.sanitize_span_name },
    })
  } catch (error) {
    if (error instanceof RegexpError) throw new SettingsError(error.message)
    throw error
  }
}

class RedactionProcessor implements Component {
  readonly metrics: Component['metrics'] & object
  readonly logs: Component['logs'] & object
  readonly traces: Component['traces'] & object

  constructor(host: Host, settings: RedactionSettings, output: OtelOutput) {
    const ports = outputPorts(output)
    const nextMetrics = host.outlet(ports.metrics)
    const nextLogs = host.outlet(ports.logs)
    const nextTraces = host.outlet(ports.traces)
    const redaction = redactionFor(settings, false)
    const logRedaction = redactionFor(settings, true)
    this.metrics = {
      consume(batch) {
        const tree = ownMetricsTree(batch)
        redaction.metrics(tree)
        return nextMetrics.consume(Metrics.fromTree(tree, batch.context))
      },
    }
    this.logs = {
      consume(batch) {
        const tree = ownLogsTree(batch)
        logRedaction.logs(tree)
        return nextLogs.consume(Logs.fromTree(tree, batch.context))
      },
    }
    this.traces = {
      consume(batch) {
        const tree = ownTracesTree(batch)
        redaction.traces(tree)
        return nextTraces.consume(Traces.fromTree(tree, batch.context))
      },
    }
  }

  stop(): void {}
}
