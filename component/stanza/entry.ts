// A log entry on its way through operators, and batches of them as OTLP.
import { ExprTime, type ExprValue, type ExprVariables } from '#component/expr'
import {
  type LogRecord,
  type LogsTree,
  type KeyValue,
  KeyValueList,
  type AnyValue,
  type ResourceLogs,
  type ScopeLogs,
} from '#pdata/otlp'
import { Logs } from '#pdata'

/** What entries hold: as JSON, with integers as `bigint`, and bytes. Maps are plain objects whose own keys count. */
export type EntryMap = { [key: string]: ExprValue }

export class Entry {
  body: ExprValue
  attributes: EntryMap
  resource: EntryMap
  /** Nanoseconds since the epoch; 0n: none. */
  timestampNs: bigint
  observedNs: bigint
  /** OTLP's severity number; 0: none. */
  severity: number
  severityText: string
  traceId: Uint8Array
  spanId: Uint8Array
  flags: number
  scopeName: string

  constructor(body: ExprValue, attributes: EntryMap, resource: EntryMap, observedNs: bigint) {
    this.body = body
    this.attributes = attributes
    this.resource = resource
    this.timestampNs = 0n
    this.observedNs = observedNs
    this.severity = 0
    this.severityText = ''
    this.traceId = noBytes
    this.spanId = noBytes
    this.flags = 0
    this.scopeName = ''
  }

  clone(): Entry {
    const copy = new Entry(
      cloneValue(this.body),
      cloneValue(this.attributes) as EntryMap,
      cloneValue(this.resource) as EntryMap,
      this.observedNs,
    )
    copy.timestampNs = this.timestampNs
    copy.severity = this.severity
    copy.severityText = this.severityText
    copy.traceId = this.traceId
    copy.spanId = this.spanId
    copy.flags = this.flags
    copy.scopeName = this.scopeName
    return copy
  }
}

const noBytes = new Uint8Array(0)

/** What expressions of operators can name. */
export const entryVariables: ExprVariables<Entry> = {
  $: (entry) => entry.body,
  body: (entry) => entry.body,
  attributes: (entry) => entry.attributes,
  resource: (entry) => entry.resource,
  timestamp: (entry) => new ExprTime(entry.timestampNs),
  severity_text: (entry) => entry.severityText,
  severity_number: (entry) => BigInt(entry.severity),
}

export function isEntryMap(value: ExprValue | undefined): value is EntryMap {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Uint8Array) &&
    !(value instanceof ExprTime)
  )
}

export function cloneValue(value: ExprValue): ExprValue {
  if (Array.isArray(value)) return value.map(cloneValue)
  if (!isEntryMap(value)) return value
  const copy: EntryMap = {}
  for (const key of Object.keys(value)) put(copy, key, cloneValue(value[key] as ExprValue))
  return copy
}

/** Set an own property, whatever its name. */
export function put(map: EntryMap, key: string, value: ExprValue): void {
  if (key !== '__proto__') map[key] = value
  else Object.defineProperty(map, key, { value, enumerable: true, configurable: true, writable: true })
}

// ----------------------------------------------------------------------------------------------------------- OTLP

/** Names of severities by number, where a parser found none. */
export const severityNames: readonly string[] = [
  '',
  ...['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'].flatMap((name) => [name, `${name}2`, `${name}3`, `${name}4`]),
]

/** A batch of entries: one resource for each that differs, in it one scope for each name. */
export function logsOf(entries: readonly Entry[]): Logs {
  const tree: LogsTree = { resourceLogs: [] }
  const scopes = new Map<string, ScopeLogs>()
  const resources = new Map<string, ResourceLogs>()
  let lastKey = ''
  let last: ScopeLogs | undefined
  for (const entry of entries) {
    const resource = resourceKey(entry.resource)
    const key = `${resource}\0${entry.scopeName}`
    if (last === undefined || key !== lastKey) {
      last = scopes.get(key)
      if (last === undefined) {
        last = addScope(tree, resources, resource, entry)
        scopes.set(key, last)
      }
      lastKey = key
    }
    last.logRecords.push(recordOf(entry))
  }
  return Logs.fromTree(tree)
}

function resourceKey(resource: EntryMap): string {
  // oxlint-disable-next-line guard-for-in -- any key says that it is not empty
  for (const _ in resource) {
    const keys = Object.keys(resource).sort()
    return JSON.stringify(
      keys.map((key) => [key, resource[key]]),
      (_key, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value),
    )
  }
  return ''
}

/** Another scope of the same resource goes beside it. */
function addScope(tree: LogsTree, resources: Map<string, ResourceLogs>, key: string, entry: Entry): ScopeLogs {
  const scopeLogs: ScopeLogs = {
    scope: { name: entry.scopeName, version: '', attributes: [], droppedAttributesCount: 0, unknown: null },
    logRecords: [],
    schemaUrl: '',
    unknown: null,
  }
  const known = resources.get(key)
  if (known !== undefined) {
    known.scopeLogs.push(scopeLogs)
    return scopeLogs
  }
  const resource = { attributes: keyValues(entry.resource), droppedAttributesCount: 0, entityRefs: [], unknown: null }
  const made = { resource, scopeLogs: [scopeLogs], schemaUrl: '', unknown: null }
  resources.set(key, made)
  tree.resourceLogs.push(made)
  return scopeLogs
}

function recordOf(entry: Entry): LogRecord {
  return {
    timeUnixNano: entry.timestampNs,
    observedTimeUnixNano: entry.observedNs,
    severityNumber: entry.severity,
    severityText: entry.severityText === '' ? (severityNames[entry.severity] ?? '') : entry.severityText,
    body: anyValue(entry.body),
    attributes: keyValues(entry.attributes),
    droppedAttributesCount: 0,
    flags: entry.flags,
    traceId: entry.traceId,
    spanId: entry.spanId,
    eventName: '',
    unknown: null,
  }
}

function keyValues(map: EntryMap): KeyValue[] {
  const out: KeyValue[] = []
  for (const key of Object.keys(map)) out.push({ key, value: anyValue(map[key] as ExprValue) })
  return out
}

function anyValue(value: ExprValue): AnyValue {
  if (value === null) return null
  if (typeof value !== 'object' || value instanceof Uint8Array) return value
  if (Array.isArray(value)) return value.map(anyValue)
  return value instanceof ExprTime ? value.ns : new KeyValueList(keyValues(value))
}
