// Protobuf out of trees of traces and logs: fields by number, those that are not known behind them.
import type {
  LogRecord,
  LogsTree,
  Resource,
  ResourceLogs,
  ResourceSpans,
  Scope,
  ScopeLogs,
  ScopeSpans,
  Span,
  SpanEvent,
  SpanLink,
  TracesTree,
} from './tree.ts'
import type { TreeWriter } from './writer.ts'
import { encoded } from './writer.ts'

export function encodeTraces(tree: TracesTree): Uint8Array {
  return encoded((writer) => {
    for (const group of tree.resourceSpans) writeResourceSpans(writer, group)
  })
}

export function encodeLogs(tree: LogsTree): Uint8Array {
  return encoded((writer) => {
    for (const group of tree.resourceLogs) writeResourceLogs(writer, group)
  })
}

/** Writes a Resource as field 1, nothing where it is empty. */
export function writeResource(writer: TreeWriter, resource: Resource): void {
  const { attributes, droppedAttributesCount, entityRefs, unknown } = resource
  if (attributes.length === 0 && droppedAttributesCount === 0 && entityRefs.length === 0 && unknown === null) return
  const start = writer.open(0x0a)
  writer.attributes(0x0a, attributes)
  writer.uint32(0x10, droppedAttributesCount)
  for (const entity of entityRefs) {
    const entityStart = writer.open(0x1a)
    writer.text(0x0a, entity.schemaUrl)
    writer.text(0x12, entity.type)
    for (const key of entity.idKeys) writer.element(0x1a, key)
    for (const key of entity.descriptionKeys) writer.element(0x22, key)
    writer.raw(entity.unknown)
    writer.close(entityStart)
  }
  writer.raw(unknown)
  writer.close(start)
}

/** Writes an InstrumentationScope as field 1, nothing where it is empty. */
export function writeScope(writer: TreeWriter, scope: Scope): void {
  const { name, version, attributes, droppedAttributesCount, unknown } = scope
  const isEmpty = name === '' && version === '' && attributes.length === 0 && droppedAttributesCount === 0
  if (isEmpty && unknown === null) return
  const start = writer.open(0x0a)
  writer.text(0x0a, name)
  writer.text(0x12, version)
  writer.attributes(0x1a, attributes)
  writer.uint32(0x20, droppedAttributesCount)
  writer.raw(unknown)
  writer.close(start)
}

function writeResourceSpans(writer: TreeWriter, group: ResourceSpans): void {
  const start = writer.open(0x0a)
  writeResource(writer, group.resource)
  for (const scopeSpans of group.scopeSpans) writeScopeSpans(writer, scopeSpans)
  writer.text(0x1a, group.schemaUrl)
  writer.raw(group.unknown)
  writer.close(start)
}

function writeScopeSpans(writer: TreeWriter, group: ScopeSpans): void {
  const start = writer.open(0x12)
  writeScope(writer, group.scope)
  for (const span of group.spans) writeSpan(writer, span)
  writer.text(0x1a, group.schemaUrl)
  writer.raw(group.unknown)
  writer.close(start)
}

function writeSpan(writer: TreeWriter, span: Span): void {
  const start = writer.open(0x12)
  writer.blob(0x0a, span.traceId)
  writer.blob(0x12, span.spanId)
  writer.text(0x1a, span.traceState)
  writer.blob(0x22, span.parentSpanId)
  writer.text(0x2a, span.name)
  writer.int32(0x30, span.kind)
  writer.fixed64(0x39, span.startTimeUnixNano)
  writer.fixed64(0x41, span.endTimeUnixNano)
  writer.attributes(0x4a, span.attributes)
  writer.uint32(0x50, span.droppedAttributesCount)
  for (const event of span.events) writeEvent(writer, event)
  writer.uint32(0x60, span.droppedEventsCount)
  for (const link of span.links) writeLink(writer, link)
  writer.uint32(0x70, span.droppedLinksCount)
  const { message, code, unknown } = span.status
  // Written though it may be empty, as the collector's own encoder writes it.
  const statusStart = writer.open(0x7a)
  writer.text(0x12, message)
  writer.int32(0x18, code)
  writer.raw(unknown)
  writer.close(statusStart)
  if (span.flags !== 0) {
    // Field 16 has a tag of two bytes.
    writer.byte(0x85)
    writer.fixed32(0x01, span.flags)
  }
  writer.raw(span.unknown)
  writer.close(start)
}

function writeEvent(writer: TreeWriter, event: SpanEvent): void {
  const start = writer.open(0x5a)
  writer.fixed64(0x09, event.timeUnixNano)
  writer.text(0x12, event.name)
  writer.attributes(0x1a, event.attributes)
  writer.uint32(0x20, event.droppedAttributesCount)
  writer.raw(event.unknown)
  writer.close(start)
}

function writeLink(writer: TreeWriter, link: SpanLink): void {
  const start = writer.open(0x6a)
  writer.blob(0x0a, link.traceId)
  writer.blob(0x12, link.spanId)
  writer.text(0x1a, link.traceState)
  writer.attributes(0x22, link.attributes)
  writer.uint32(0x28, link.droppedAttributesCount)
  writer.fixed32(0x35, link.flags)
  writer.raw(link.unknown)
  writer.close(start)
}

function writeResourceLogs(writer: TreeWriter, group: ResourceLogs): void {
  const start = writer.open(0x0a)
  writeResource(writer, group.resource)
  for (const scopeLogs of group.scopeLogs) writeScopeLogs(writer, scopeLogs)
  writer.text(0x1a, group.schemaUrl)
  writer.raw(group.unknown)
  writer.close(start)
}

function writeScopeLogs(writer: TreeWriter, group: ScopeLogs): void {
  const start = writer.open(0x12)
  writeScope(writer, group.scope)
  for (const record of group.logRecords) writeLogRecord(writer, record)
  writer.text(0x1a, group.schemaUrl)
  writer.raw(group.unknown)
  writer.close(start)
}

function writeLogRecord(writer: TreeWriter, record: LogRecord): void {
  const start = writer.open(0x12)
  writer.fixed64(0x09, record.timeUnixNano)
  writer.int32(0x10, record.severityNumber)
  writer.text(0x1a, record.severityText)
  if (record.body !== null) writer.anyValue(0x2a, record.body)
  writer.attributes(0x32, record.attributes)
  writer.uint32(0x38, record.droppedAttributesCount)
  writer.fixed32(0x45, record.flags)
  writer.blob(0x4a, record.traceId)
  writer.blob(0x52, record.spanId)
  writer.fixed64(0x59, record.observedTimeUnixNano)
  writer.text(0x62, record.eventName)
  writer.raw(record.unknown)
  writer.close(start)
}
