// The log records of a batch of spans.
import type { AnyValue, Attributes, LogRecord, LogsTree, Resource, ScopeSpans, Span, TracesTree } from '#pdata/otlp'
import { anyValueText, attributeValue, cloneAttributes, emptyResource, emptyScope, setAttribute } from '#pdata/otlp'
import { logfmtLine } from '#lib/logfmt'
import type { SpanLogsSettings } from './component.ts'

/** Records in the order of the spans: what a process says before its first span of a trace, a span before its events. */
export function logsOfSpans(tree: TracesTree, settings: SpanLogsSettings): LogsTree {
  const resourceLogs = []
  for (const { resource, scopeSpans } of tree.resourceSpans) {
    const scopeLogs = []
    for (const group of scopeSpans) {
      const logRecords = recordsOf(group, resource, settings)
      if (logRecords.length > 0) scopeLogs.push({ scope: emptyScope(), logRecords, schemaUrl: '', unknown: null })
    }
    if (scopeLogs.length > 0) {
      resourceLogs.push({ resource: emptyResource(), scopeLogs, schemaUrl: '', unknown: null })
    }
  }
  return { resourceLogs }
}

function recordsOf({ spans }: ScopeSpans, resource: Resource, settings: SpanLogsSettings): LogRecord[] {
  const { overrides } = settings
  const records: LogRecord[] = []
  let lastTraceId: string | undefined
  for (const span of spans) {
    const traceId = Buffer.from(span.traceId).toString('hex')
    const isRoot = settings.roots && span.parentSpanId.length === 0
    if (settings.processes && traceId !== lastTraceId) {
      const pairs: Attributes = []
      putProcess(pairs, resource, settings)
      setAttribute(pairs, overrides.trace_id_key, traceId)
      records.push(recordOf('process', pairs, settings))
      lastTraceId = traceId
    }
    if (!settings.spans && !isRoot && !settings.events) continue
    const pairs: Attributes = []
    putSpan(pairs, span, settings)
    putProcess(pairs, resource, settings)
    setAttribute(pairs, overrides.trace_id_key, traceId)
    if (settings.spans) records.push(recordOf('span', pairs, settings))
    if (isRoot) records.push(recordOf('root', pairs, settings))
    if (!settings.events) continue
    for (const { attributes } of span.events) {
      const own = cloneAttributes(pairs)
      putChosen(own, attributes, settings.event_attributes)
      records.push(recordOf('event', own, settings))
    }
  }
  return records
}

const statusTexts = ['Unset', 'Ok', 'Error']

function putSpan(pairs: Attributes, span: Span, { overrides, span_attributes: chosen }: SpanLogsSettings): void {
  setAttribute(pairs, overrides.span_name_key, span.name)
  setAttribute(pairs, overrides.duration_key, `${BigInt.asIntN(64, span.endTimeUnixNano - span.startTimeUnixNano)}ns`)
  const { code } = span.status
  if (code !== 0) setAttribute(pairs, overrides.status_key, statusTexts[code] ?? '')
  putChosen(pairs, span.attributes, chosen)
}

function putProcess(pairs: Attributes, resource: Resource, settings: SpanLogsSettings): void {
  const service = attributeValue(resource.attributes, 'service.name')
  setAttribute(pairs, settings.overrides.service_key, typeof service === 'string' ? service : '')
  putChosen(pairs, resource.attributes, settings.process_attributes)
}

function putChosen(pairs: Attributes, from: Attributes, names: readonly string[]): void {
  for (const name of names) {
    const value = attributeValue(from, name)
    if (value !== undefined) setAttribute(pairs, name, value)
  }
}

function recordOf(kind: string, pairs: Attributes, { overrides, labels }: SpanLogsSettings): LogRecord {
  const attributes: Attributes = [{ key: overrides.logs_instance_tag, value: kind }]
  for (const { key, value } of pairs) if (labels.includes(key)) setAttribute(attributes, key, value)
  return {
    timeUnixNano: 0n,
    observedTimeUnixNano: 0n,
    severityNumber: 0,
    severityText: '',
    body: logfmtLine(pairs.map(({ key, value }) => [key, logfmtText(value)])),
    attributes: cloneAttributes(attributes),
    droppedAttributesCount: 0,
    flags: 0,
    traceId: new Uint8Array(0),
    spanId: new Uint8Array(0),
    eventName: '',
    unknown: null,
  }
}

/** As go-logfmt writes values: bytes as they are, and no lists and maps. */
function logfmtText(value: AnyValue): string | null {
  if (value === null) return null
  if (value instanceof Uint8Array) return Buffer.from(value).toString()
  return typeof value === 'object' ? 'unsupported value type' : anyValueText(value)
}
