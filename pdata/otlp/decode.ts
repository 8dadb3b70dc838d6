// Trees of traces and logs out of validated protobuf.
import { noBytes, TreeReader } from './reader.ts'
import type {
  EntityRef,
  LogRecord,
  Resource,
  ResourceLogs,
  ResourceSpans,
  Scope,
  ScopeLogs,
  ScopeSpans,
  Span,
  SpanEvent,
  SpanLink,
  SpanStatus,
} from './tree.ts'

/** Append the ResourceSpans of a validated chunk. Ids, bytes and unknown fields are views of the chunk. */
export function decodeTraces(chunk: Uint8Array, into: ResourceSpans[]): void {
  const reader = new TreeReader(chunk)
  while (reader.at < chunk.length) {
    const start = reader.at
    const tag = reader.varint32()
    if (tag === 0x0a) into.push(readResourceSpans(reader, reader.part()))
    else reader.unknown(null, tag, start)
  }
}

/** Append the ResourceLogs of a validated chunk; see `decodeTraces`. */
export function decodeLogs(chunk: Uint8Array, into: ResourceLogs[]): void {
  const reader = new TreeReader(chunk)
  while (reader.at < chunk.length) {
    const start = reader.at
    const tag = reader.varint32()
    if (tag === 0x0a) into.push(readResourceLogs(reader, reader.part()))
    else reader.unknown(null, tag, start)
  }
}

export function emptyResource(): Resource {
  return { attributes: [], droppedAttributesCount: 0, entityRefs: [], unknown: null }
}

export function emptyScope(): Scope {
  return { name: '', version: '', attributes: [], droppedAttributesCount: 0, unknown: null }
}

/** Reads into `resource`: a field that comes twice is merged. */
export function readResource(reader: TreeReader, end: number, resource: Resource): void {
  while (reader.at < end) {
    const start = reader.at
    const tag = reader.varint32()
    if (tag === 0x0a) reader.attribute(resource.attributes)
    else if (tag === 0x10) resource.droppedAttributesCount = reader.varint32()
    else if (tag === 0x1a) resource.entityRefs.push(readEntityRef(reader, reader.part()))
    else resource.unknown = reader.unknown(resource.unknown, tag, start)
  }
}

function readEntityRef(reader: TreeReader, end: number): EntityRef {
  const entity: EntityRef = { schemaUrl: '', type: '', idKeys: [], descriptionKeys: [], unknown: null }
  while (reader.at < end) {
    const start = reader.at
    const tag = reader.varint32()
    if (tag === 0x0a) entity.schemaUrl = reader.text()
    else if (tag === 0x12) entity.type = reader.text()
    else if (tag === 0x1a) entity.idKeys.push(reader.text())
    else if (tag === 0x22) entity.descriptionKeys.push(reader.text())
    else entity.unknown = reader.unknown(entity.unknown, tag, start)
  }
  return entity
}

/** Reads into `scope`: a field that comes twice is merged. */
export function readScope(reader: TreeReader, end: number, scope: Scope): void {
  while (reader.at < end) {
    const start = reader.at
    const tag = reader.varint32()
    if (tag === 0x0a) scope.name = reader.text()
    else if (tag === 0x12) scope.version = reader.text()
    else if (tag === 0x1a) reader.attribute(scope.attributes)
    else if (tag === 0x20) scope.droppedAttributesCount = reader.varint32()
    else scope.unknown = reader.unknown(scope.unknown, tag, start)
  }
}

function readResourceSpans(reader: TreeReader, end: number): ResourceSpans {
  const group: ResourceSpans = { resource: emptyResource(), scopeSpans: [], schemaUrl: '', unknown: null }
  while (reader.at < end) {
    const start = reader.at
    const tag = reader.varint32()
    if (tag === 0x0a) readResource(reader, reader.part(), group.resource)
    else if (tag === 0x12) group.scopeSpans.push(readScopeSpans(reader, reader.part()))
    else if (tag === 0x1a) group.schemaUrl = reader.text()
    else group.unknown = reader.unknown(group.unknown, tag, start)
  }
  return group
}

function readScopeSpans(reader: TreeReader, end: number): ScopeSpans {
  const group: ScopeSpans = { scope: emptyScope(), spans: [], schemaUrl: '', unknown: null }
  while (reader.at < end) {
    const start = reader.at
    const tag = reader.varint32()
    if (tag === 0x0a) readScope(reader, reader.part(), group.scope)
    else if (tag === 0x12) group.spans.push(readSpan(reader, reader.part()))
    else if (tag === 0x1a) group.schemaUrl = reader.text()
    else group.unknown = reader.unknown(group.unknown, tag, start)
  }
  return group
}

function emptySpan(): Span {
  return {
    traceId: noBytes,
    spanId: noBytes,
    traceState: '',
    parentSpanId: noBytes,
    flags: 0,
    name: '',
    kind: 0,
    startTimeUnixNano: 0n,
    endTimeUnixNano: 0n,
    attributes: [],
    droppedAttributesCount: 0,
    events: [],
    droppedEventsCount: 0,
    links: [],
    droppedLinksCount: 0,
    status: { message: '', code: 0, unknown: null },
    unknown: null,
  }
}

function readSpan(reader: TreeReader, end: number): Span {
  const span = emptySpan()
  while (reader.at < end) {
    const start = reader.at
    const tag = reader.varint32()
    switch (tag) {
      case 0x0a:
        span.traceId = reader.blob()
        break
      case 0x12:
        span.spanId = reader.blob()
        break
      case 0x1a:
        span.traceState = reader.text()
        break
      case 0x22:
        span.parentSpanId = reader.blob()
        break
      case 0x2a:
        span.name = reader.text()
        break
      case 0x30:
        span.kind = reader.int32()
        break
      case 0x39:
        span.startTimeUnixNano = reader.fixed64()
        break
      case 0x41:
        span.endTimeUnixNano = reader.fixed64()
        break
      case 0x4a:
        reader.attribute(span.attributes)
        break
      case 0x50:
        span.droppedAttributesCount = reader.varint32()
        break
      case 0x5a:
        span.events.push(readEvent(reader, reader.part()))
        break
      case 0x60:
        span.droppedEventsCount = reader.varint32()
        break
      case 0x6a:
        span.links.push(readLink(reader, reader.part()))
        break
      case 0x70:
        span.droppedLinksCount = reader.varint32()
        break
      case 0x7a:
        readStatus(reader, reader.part(), span.status)
        break
      case 0x85:
        span.flags = reader.fixed32()
        break
      default:
        span.unknown = reader.unknown(span.unknown, tag, start)
    }
  }
  return span
}

function readStatus(reader: TreeReader, end: number, status: SpanStatus): void {
  while (reader.at < end) {
    const start = reader.at
    const tag = reader.varint32()
    if (tag === 0x12) status.message = reader.text()
    else if (tag === 0x18) status.code = reader.int32()
    else status.unknown = reader.unknown(status.unknown, tag, start)
  }
}

function readEvent(reader: TreeReader, end: number): SpanEvent {
  const event: SpanEvent = { timeUnixNano: 0n, name: '', attributes: [], droppedAttributesCount: 0, unknown: null }
  while (reader.at < end) {
    const start = reader.at
    const tag = reader.varint32()
    if (tag === 0x09) event.timeUnixNano = reader.fixed64()
    else if (tag === 0x12) event.name = reader.text()
    else if (tag === 0x1a) reader.attribute(event.attributes)
    else if (tag === 0x20) event.droppedAttributesCount = reader.varint32()
    else event.unknown = reader.unknown(event.unknown, tag, start)
  }
  return event
}

function readLink(reader: TreeReader, end: number): SpanLink {
  const link: SpanLink = {
    traceId: noBytes,
    spanId: noBytes,
    traceState: '',
    attributes: [],
    droppedAttributesCount: 0,
    flags: 0,
    unknown: null,
  }
  while (reader.at < end) {
    const start = reader.at
    const tag = reader.varint32()
    if (tag === 0x0a) link.traceId = reader.blob()
    else if (tag === 0x12) link.spanId = reader.blob()
    else if (tag === 0x1a) link.traceState = reader.text()
    else if (tag === 0x22) reader.attribute(link.attributes)
    else if (tag === 0x28) link.droppedAttributesCount = reader.varint32()
    else if (tag === 0x35) link.flags = reader.fixed32()
    else link.unknown = reader.unknown(link.unknown, tag, start)
  }
  return link
}

function readResourceLogs(reader: TreeReader, end: number): ResourceLogs {
  const group: ResourceLogs = { resource: emptyResource(), scopeLogs: [], schemaUrl: '', unknown: null }
  while (reader.at < end) {
    const start = reader.at
    const tag = reader.varint32()
    if (tag === 0x0a) readResource(reader, reader.part(), group.resource)
    else if (tag === 0x12) group.scopeLogs.push(readScopeLogs(reader, reader.part()))
    else if (tag === 0x1a) group.schemaUrl = reader.text()
    else group.unknown = reader.unknown(group.unknown, tag, start)
  }
  return group
}

function readScopeLogs(reader: TreeReader, end: number): ScopeLogs {
  const group: ScopeLogs = { scope: emptyScope(), logRecords: [], schemaUrl: '', unknown: null }
  while (reader.at < end) {
    const start = reader.at
    const tag = reader.varint32()
    if (tag === 0x0a) readScope(reader, reader.part(), group.scope)
    else if (tag === 0x12) group.logRecords.push(readLogRecord(reader, reader.part()))
    else if (tag === 0x1a) group.schemaUrl = reader.text()
    else group.unknown = reader.unknown(group.unknown, tag, start)
  }
  return group
}

function emptyLogRecord(): LogRecord {
  return {
    timeUnixNano: 0n,
    observedTimeUnixNano: 0n,
    severityNumber: 0,
    severityText: '',
    body: null,
    attributes: [],
    droppedAttributesCount: 0,
    flags: 0,
    traceId: noBytes,
    spanId: noBytes,
    eventName: '',
    unknown: null,
  }
}

function readLogRecord(reader: TreeReader, end: number): LogRecord {
  const record = emptyLogRecord()
  while (reader.at < end) {
    const start = reader.at
    const tag = reader.varint32()
    switch (tag) {
      case 0x09:
        record.timeUnixNano = reader.fixed64()
        break
      case 0x10:
        record.severityNumber = reader.int32()
        break
      case 0x1a:
        record.severityText = reader.text()
        break
      case 0x2a:
        record.body = reader.anyValue(record.body)
        break
      case 0x32:
        reader.attribute(record.attributes)
        break
      case 0x38:
        record.droppedAttributesCount = reader.varint32()
        break
      case 0x45:
        record.flags = reader.fixed32()
        break
      case 0x4a:
        record.traceId = reader.blob()
        break
      case 0x52:
        record.spanId = reader.blob()
        break
      case 0x59:
        record.observedTimeUnixNano = reader.fixed64()
        break
      case 0x62:
        record.eventName = reader.text()
        break
      default:
        record.unknown = reader.unknown(record.unknown, tag, start)
    }
  }
  return record
}
