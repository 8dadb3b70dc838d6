// Loki's streams of OTLP logs: labels as attributes hint at them, and the rest in the line.
import { floatText } from '#lib/go_float_text'
import { eachPair, logfmtLine } from '#lib/logfmt'
import { type Labels, labelsFrom, labelsText, LogStream } from '#pdata'
import {
  type AnyValue,
  anyValueText,
  type Attributes,
  attributeValue,
  KeyValueList,
  type LogRecord,
  type LogsTree,
  type Resource,
  type Scope,
} from '#pdata/otlp'

/** Attributes that say what becomes of the others; they are not sent. */
const hints = {
  attributes: 'loki.attribute.labels',
  resource: 'loki.resource.labels',
  tenant: 'loki.tenant',
  format: 'loki.format',
} as const
const hintNames: ReadonlySet<string> = new Set(Object.values(hints))

export interface StreamsResult {
  readonly streams: LogStream[]
  /** Records left out, by reason. */
  readonly dropped: ReadonlyMap<string, number>
}

class Gathering {
  readonly labels: Labels
  readonly timestamps: bigint[] = []
  readonly lines: string[] = []
  constructor(labels: Labels) {
    this.labels = labels
  }
}

/**
 * A stream for each label set, in the order of the records. Labels: `exporter="OTLP"`, `job` and `instance` of the
 * service, `level` of the severity, and the attributes that the hints name. The line is JSON, logfmt or the body alone, as
 * `loki.format` says; what became a label is not in it. `loki.tenant` is left out of the line and changes nothing. A record without a time gets the time it was observed, or `nowNs`.
 */
export function streamsFromOtlp(tree: LogsTree, nowNs: bigint): StreamsResult {
  const streams = new Map<string, Gathering>()
  const dropped = new Map<string, number>()
  for (const { resource, scopeLogs } of tree.resourceLogs) {
    for (const { scope, logRecords } of scopeLogs) {
      for (const record of logRecords) {
        const made = convertRecord(record, resource, scope)
        if ('problem' in made) {
          dropped.set(made.problem, (dropped.get(made.problem) ?? 0) + 1)
          continue
        }
        const key = labelsText(made.labels)
        let stream = streams.get(key)
        if (stream === undefined) streams.set(key, (stream = new Gathering(made.labels)))
        stream.lines.push(made.line)
        stream.timestamps.push(record.timeUnixNano || record.observedTimeUnixNano || nowNs)
      }
    }
  }
  const made = [...streams.values()].map(
    ({ labels, timestamps, lines }) => new LogStream(labels, BigInt64Array.from(timestamps), lines, null),
  )
  return { streams: made, dropped }
}

type Converted = { readonly labels: Labels; readonly line: string } | { readonly problem: string }

function convertRecord(record: LogRecord, resource: Resource, scope: Scope): Converted {
  const attributes = withLevel(record)
  const hint = attributeValue(resource.attributes, hints.format) ?? attributeValue(attributes, hints.format)
  const format = hint === undefined ? 'json' : anyValueText(hint)
  const promoted = promotedLabels(attributes, resource.attributes)
  const isLeft = ({ key }: { key: string }): boolean => !hintNames.has(key) && !promoted.has(key)
  const rest: Parts = {
    record,
    scope,
    attributes: attributes.filter(isLeft),
    resource: resource.attributes.filter(isLeft),
  }
  const pairs: [string, string][] = []
  for (const [key, value] of promoted) {
    const name = labelName(key)
    if (name === undefined) return { problem: 'no label name for an attribute' }
    pairs.push([name, value])
  }
  const labels = labelsFrom(pairs)
  switch (format) {
    case 'json': {
      const line = jsonLine(rest)
      return line === undefined ? { problem: 'no JSON for a value' } : { labels, line }
    }
    case 'logfmt':
      return { labels, line: logfmtLine(logfmtPairs(rest)) }
    case 'raw':
      return { labels, line: anyValueText(record.body) }
    default:
      return { problem: 'unknown loki.format' }
  }
}

/** What protobuf calls the severities: TRACE, TRACE2, … FATAL4. */
const severities = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL']

/** The severity as the attribute `level`, where there is none, with the hint to make it a label. */
function withLevel({ severityNumber, attributes }: LogRecord): Attributes {
  if (severityNumber < 1 || severityNumber > 24) return attributes
  const hint = attributeValue(attributes, hints.attributes)
  let out = [...attributes]
  if (hint === undefined || typeof hint === 'string' || Array.isArray(hint)) {
    const names = hint === undefined ? [] : namesOf(hint)
    out = attributes.filter(({ key }) => key !== hints.attributes)
    out.push({ key: hints.attributes, value: [...names, 'level'].join(',') })
  }
  if (attributeValue(attributes, 'level') === undefined) {
    const nth = (severityNumber - 1) % 4
    const level = `${severities[Math.floor((severityNumber - 1) / 4)]}${nth === 0 ? '' : nth + 1}`
    out.push({ key: 'level', value: level })
  }
  return out
}

/** The names in a hint: a list, or text with commas between. */
function namesOf(hint: AnyValue): string[] {
  if (Array.isArray(hint)) return hint.map((name) => anyValueText(name).trim())
  return anyValueText(hint)
    .split(',')
    .map((name) => name.trim())
}

function promotedLabels(attributes: Attributes, resource: Attributes): Map<string, string> {
  const labels = new Map([['exporter', 'OTLP']])
  const name = attributeValue(resource, 'service.name')
  const namespace = attributeValue(resource, 'service.namespace')
  const instance = attributeValue(resource, 'service.instance.id')
  if (name !== undefined) {
    const job = anyValueText(name)
    labels.set('job', namespace === undefined ? job : `${anyValueText(namespace)}/${job}`)
  }
  if (instance !== undefined) labels.set('instance', anyValueText(instance))
  const promote = (from: Attributes, hint: AnyValue | undefined): void => {
    for (const wanted of hint === undefined ? [] : namesOf(hint)) {
      const value = nested(from, wanted)
      if (value !== undefined) labels.set(wanted, anyValueText(value))
    }
  }
  promote(resource, attributeValue(resource, hints.resource))
  promote(resource, attributeValue(attributes, hints.resource))
  promote(attributes, attributeValue(attributes, hints.attributes))
  return labels
}

/** `a.b.c`: the attribute of this name, else `c` in the list `a.b`, else `b.c` in the list `a`. Each list is read once. */
function nested(attributes: Attributes, name: string): AnyValue | undefined {
  const direct = attributeValue(attributes, name)
  if (direct !== undefined || !name.includes('.')) return direct
  const lists = attributes.filter(
    ({ key, value }) => value instanceof KeyValueList && name[key.length] === '.' && name.startsWith(key),
  )
  for (const { key, value } of lists.toSorted((a, b) => b.key.length - a.key.length)) {
    const found = nested((value as KeyValueList).entries, name.slice(key.length + 1))
    if (found !== undefined) return found
  }
  return undefined
}

/**
 * An attribute's name as Loki's translator writes it: what no label name may have becomes one underscore, several in a row
 * become one (but for those around `__name__`), `key_` stands before a digit. undefined: nothing but underscores is left.
 */
function labelName(key: string): string | undefined {
  const isReserved = key.length >= 4 && key.startsWith('__') && key.endsWith('__')
  const inner = (isReserved ? key.slice(2, -2) : key).replace(/[^a-zA-Z0-9]+/g, '_')
  const name = isReserved ? `__${inner}__` : inner
  if (/^_*$/.test(name)) return undefined
  return /^\d/.test(name) ? `key_${name}` : name
}

// -------------------------------------------------------------------------------------------------- lines

/** A record with what did not become a label. */
interface Parts {
  readonly record: LogRecord
  readonly scope: Scope
  readonly attributes: Attributes
  readonly resource: Attributes
}

const isSet = (id: Uint8Array): boolean => id.some((byte) => byte !== 0)
const hex = (id: Uint8Array): string => Buffer.from(id.buffer, id.byteOffset, id.length).toString('hex')

/** Go's encoding/json escapes what HTML or JavaScript would read in another way. */
const htmlEscapes: Readonly<Record<string, string>> = {
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
}

/** A value as JSON, as Go writes it; undefined where it has none (NaN). */
function json(value: AnyValue): string | undefined {
  const text = anyValueText([value])
  if (text === '') return undefined
  return text.slice(1, -1).replace(/[<>&\u2028\u2029]/g, (found) => htmlEscapes[found] as string)
}

/** The keys and their order are Loki's translator's; what is empty is left out. */
function jsonLine({ record, scope, attributes, resource }: Parts): string | undefined {
  const fields: (readonly [string, string | undefined])[] = []
  const list = (entries: Attributes): string | undefined => json(new KeyValueList(entries))
  if (record.body !== null) fields.push(['body', json(record.body)])
  if (isSet(record.traceId)) fields.push(['traceid', `"${hex(record.traceId)}"`])
  if (isSet(record.spanId)) fields.push(['spanid', `"${hex(record.spanId)}"`])
  if (record.severityText !== '') fields.push(['severity', json(record.severityText)])
  if (record.flags !== 0) fields.push(['flags', String(record.flags)])
  if (attributes.length > 0) fields.push(['attributes', list(attributes)])
  if (resource.length > 0) fields.push(['resources', list(resource)])
  if (scope.name !== '') {
    const inner = [`"name":${json(scope.name)}`]
    if (scope.version !== '') inner.push(`"version":${json(scope.version)}`)
    if (scope.attributes.length > 0) inner.push(`"attributes":${list(scope.attributes) ?? 'null'}`)
    fields.push(['instrumentation_scope', `{${inner.join(',')}}`])
  }
  if (fields.some(([, text]) => text === undefined)) return undefined
  return `{${fields.map(([name, text]) => `"${name}":${text as string}`).join(',')}}`
}

type Pairs = [key: string, value: string][]

function logfmtPairs({ record, scope, attributes, resource }: Parts): Pairs {
  const pairs = bodyPairs(record.body)
  const set = (key: string, value: string): void => {
    const known = pairs.find(([name]) => name === key)
    if (known === undefined) pairs.push([key, value])
    else known[1] = value
  }
  if (isSet(record.traceId)) set('traceID', hex(record.traceId))
  if (isSet(record.spanId)) set('spanID', hex(record.spanId))
  if (record.severityText !== '') set('severity', record.severityText)
  if (record.flags !== 0) set('flags', String(record.flags))
  for (const { key, value } of attributes) flatten(`attribute_${key}`, value, pairs)
  for (const { key, value } of resource) flatten(`resource_${key}`, value, pairs)
  if (scope.name !== '') {
    pairs.push(['instrumentation_scope_name', scope.name])
    if (scope.version !== '') pairs.push(['instrumentation_scope_version', scope.version])
    for (const { key, value } of scope.attributes) flatten(`instrumentation_scope_attribute_${key}`, value, pairs)
  }
  return pairs
}

/** Longer lines go-logfmt does not read (the buffer of Go's line scanner). */
const logfmtBytesMax = 65_536

/** A body that is logfmt already keeps its pairs, those of its first line. */
function bodyPairs(body: AnyValue): Pairs {
  if (body === null) return []
  const pairs: Pairs = []
  if (typeof body === 'string') {
    const end = body.indexOf('\n')
    const line = end < 0 ? body : body.slice(0, end)
    const isShort = line.length < logfmtBytesMax && Buffer.byteLength(line) < logfmtBytesMax
    const isWhole = isShort && eachPair(line, (key, value) => pairs.push([key, value]))
    return isWhole ? pairs : [['msg', body]]
  }
  if (body instanceof KeyValueList) flatten('', body, pairs)
  else flatten(Array.isArray(body) ? 'body' : 'msg', body, pairs)
  return pairs
}

function flatten(key: string, value: AnyValue, pairs: Pairs): void {
  const prefix = key === '' ? '' : `${key}_`
  if (value === null) return
  if (value instanceof KeyValueList) {
    for (const { key: inner, value: one } of value.entries) flatten(`${prefix}${inner}`, one, pairs)
  } else if (Array.isArray(value)) value.forEach((one, i) => flatten(`${prefix}${i}`, one, pairs))
  else pairs.push([key, scalarText(value)])
}

/** Unlike in JSON, bytes are text here, and doubles look as Go prints them: with an exponent from 1e21 on and below 1e-4. */
function scalarText(value: string | boolean | bigint | number | Uint8Array): string {
  if (typeof value === 'number') {
    const size = Math.abs(value)
    return floatText(value, size !== 0 && (size < 1e-4 || size >= 1e21) ? 'e' : 'f', -1)
  }
  return value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : anyValueText(value)
}
