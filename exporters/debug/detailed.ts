// Verbosity detailed: every field on a line of its own, in upstream's layout.
import {
  type Attributes,
  type Exemplar,
  type ExponentialHistogramPoint,
  type HistogramPoint,
  type LogsTree,
  type Metric,
  type MetricsTree,
  type NumberPoint,
  type Resource,
  type Scope,
  type Span,
  type SummaryPoint,
  type TracesTree,
} from '#pdata/otlp'
import { fixed, hex, metricTypes, severity, spanKinds, statusCodes, temporalities, time, typed } from './words.ts'

const indent = '     ->'

export function detailedTraces(tree: TracesTree): string {
  const text = new Text()
  tree.resourceSpans.forEach((r, i) => {
    text.resource('ResourceSpans', i, r.resource, r.schemaUrl)
    r.scopeSpans.forEach((s, j) => {
      text.scope('ScopeSpans', j, s.scope, s.schemaUrl)
      s.spans.forEach((span, k) => writeSpan(text, span, k))
    })
  })
  return text.out
}

function writeSpan(text: Text, span: Span, k: number): void {
  text.line(`Span #${k}`)
  text.field('Trace ID', hex(span.traceId))
  text.field('Parent ID', hex(span.parentSpanId))
  text.field('ID', hex(span.spanId))
  text.field('Name', span.name)
  text.field('Kind', spanKinds[span.kind] ?? '')
  if (span.traceState !== '') text.field('TraceState', span.traceState)
  text.field('Start time', time(span.startTimeUnixNano))
  text.field('End time', time(span.endTimeUnixNano))
  text.field('Status code', statusCodes[span.status.code] ?? '')
  text.field('Status message', span.status.message)
  text.field('DroppedAttributesCount', span.droppedAttributesCount)
  text.field('DroppedEventsCount', span.droppedEventsCount)
  text.field('DroppedLinksCount', span.droppedLinksCount)
  text.attributes('Attributes', span.attributes)
  if (span.events.length > 0) text.line('Events:')
  span.events.forEach((event, i) => {
    text.line(`SpanEvent #${i}`)
    text.line(`${indent} Name: ${event.name}`)
    text.line(`${indent} Timestamp: ${time(event.timeUnixNano)}`)
    text.line(`${indent} DroppedAttributesCount: ${event.droppedAttributesCount}`)
    text.attributes(`${indent} Attributes:`, event.attributes, '     ')
  })
  if (span.links.length > 0) text.line('Links:')
  span.links.forEach((link, i) => {
    text.line(`SpanLink #${i}`)
    text.line(`${indent} Trace ID: ${hex(link.traceId)}`)
    text.line(`${indent} ID: ${hex(link.spanId)}`)
    text.line(`${indent} TraceState: ${link.traceState}`)
    text.line(`${indent} DroppedAttributesCount: ${link.droppedAttributesCount}`)
    text.attributes(`${indent} Attributes:`, link.attributes, '     ')
  })
}

export function detailedLogs(tree: LogsTree): string {
  const text = new Text()
  tree.resourceLogs.forEach((r, i) => {
    text.resource('ResourceLog', i, r.resource, r.schemaUrl)
    r.scopeLogs.forEach((s, j) => {
      text.scope('ScopeLogs', j, s.scope, s.schemaUrl)
      s.logRecords.forEach((record, k) => {
        text.line(`LogRecord #${k}`)
        text.line(`ObservedTimestamp: ${time(record.observedTimeUnixNano)}`)
        text.line(`Timestamp: ${time(record.timeUnixNano)}`)
        text.line(`SeverityText: ${record.severityText}`)
        text.line(`SeverityNumber: ${severity(record.severityNumber)}`)
        if (record.eventName !== '') text.line(`EventName: ${record.eventName}`)
        text.line(`Body: ${typed(record.body)}`)
        text.attributes('Attributes', record.attributes)
        text.line(`Trace ID: ${hex(record.traceId)}`)
        text.line(`Span ID: ${hex(record.spanId)}`)
        text.line(`Flags: ${record.flags}`)
      })
    })
  })
  return text.out
}

export function detailedMetrics(tree: MetricsTree): string {
  const text = new Text()
  tree.resourceMetrics.forEach((r, i) => {
    text.resource('ResourceMetrics', i, r.resource, r.schemaUrl)
    r.scopeMetrics.forEach((s, j) => {
      text.scope('ScopeMetrics', j, s.scope, s.schemaUrl)
      s.metrics.forEach((metric, k) => {
        text.line(`Metric #${k}`)
        writeMetric(text, metric)
      })
    })
  })
  return text.out
}

function writeMetric(text: Text, { name, description, unit, metadata, data }: Metric): void {
  text.line('Descriptor:')
  text.line(`${indent} Name: ${name}`)
  text.line(`${indent} Description: ${description}`)
  text.line(`${indent} Unit: ${unit}`)
  text.line(`${indent} DataType: ${metricTypes[data.kind]}`)
  text.attributes(`${indent} Metadata`, metadata, '     ')
  if (data.kind === 'sum') text.line(`${indent} IsMonotonic: ${data.isMonotonic}`)
  if ('temporality' in data) text.line(`${indent} AggregationTemporality: ${temporalities[data.temporality] ?? ''}`)
  switch (data.kind) {
    case 'empty':
      return
    case 'gauge':
    case 'sum':
      data.points.forEach((p, i) => writeNumber(text, p, i))
      return
    case 'histogram':
      data.points.forEach((p, i) => writeHistogram(text, p, i))
      return
    case 'exponential_histogram':
      data.points.forEach((p, i) => writeExponential(text, p, i))
      return
    case 'summary':
      data.points.forEach((p, i) => writeSummary(text, p, i))
      return
  }
}

interface Point {
  readonly attributes: Attributes
  readonly startTimeUnixNano: bigint
  readonly timeUnixNano: bigint
}

function beginPoint(text: Text, what: string, p: Point, i: number): void {
  text.line(`${what} #${i}`)
  text.attributes('Data point attributes', p.attributes)
  text.line(`StartTimestamp: ${time(p.startTimeUnixNano)}`)
  text.line(`Timestamp: ${time(p.timeUnixNano)}`)
}

function writeNumber(text: Text, p: NumberPoint, i: number): void {
  beginPoint(text, 'NumberDataPoints', p, i)
  if (p.value !== null) text.line(`Value: ${numberText(p.value)}`)
  writeExemplars(text, p.exemplars)
}

function numberText(value: bigint | number): string {
  return typeof value === 'bigint' ? String(value) : fixed(value)
}

function writeCounts(text: Text, p: HistogramPoint | ExponentialHistogramPoint): void {
  text.line(`Count: ${p.count}`)
  if (p.sum !== null) text.line(`Sum: ${fixed(p.sum)}`)
  if (p.min !== null) text.line(`Min: ${fixed(p.min)}`)
  if (p.max !== null) text.line(`Max: ${fixed(p.max)}`)
}

function writeHistogram(text: Text, p: HistogramPoint, i: number): void {
  beginPoint(text, 'HistogramDataPoints', p, i)
  writeCounts(text, p)
  p.explicitBounds.forEach((bound, j) => text.line(`ExplicitBounds #${j}: ${fixed(bound)}`))
  p.bucketCounts.forEach((count, j) => text.line(`Buckets #${j}, Count: ${count}`))
  writeExemplars(text, p.exemplars)
}

function writeExponential(text: Text, p: ExponentialHistogramPoint, i: number): void {
  beginPoint(text, 'ExponentialHistogramDataPoints', p, i)
  writeCounts(text, p)
  const factor = Math.LN2 * 2 ** -p.scale
  const bound = (index: number): number => Math.exp(index * factor)
  const { negative, positive } = p
  for (let at = negative.bucketCounts.length - 1; at >= 0; at--) {
    const index = negative.offset + at
    text.line(`Bucket [${fixed(-bound(index + 1))}, ${fixed(-bound(index))}), Count: ${negative.bucketCounts[at]}`)
  }
  if (p.zeroCount !== 0n) text.line(`Bucket [0, 0], Count: ${p.zeroCount}`)
  positive.bucketCounts.forEach((count, at) => {
    const index = positive.offset + at
    text.line(`Bucket (${fixed(bound(index))}, ${fixed(bound(index + 1))}], Count: ${count}`)
  })
  writeExemplars(text, p.exemplars)
}

function writeSummary(text: Text, p: SummaryPoint, i: number): void {
  beginPoint(text, 'SummaryDataPoints', p, i)
  text.line(`Count: ${p.count}`)
  text.line(`Sum: ${fixed(p.sum)}`)
  p.quantiles.forEach((q, j) => {
    text.line(`QuantileValue #${j}: Quantile ${fixed(q.quantile)}, Value ${fixed(q.value)}`)
  })
}

function writeExemplars(text: Text, exemplars: readonly Exemplar[]): void {
  if (exemplars.length > 0) text.line('Exemplars:')
  exemplars.forEach((e, i) => {
    text.line(`Exemplar #${i}`)
    text.line(`${indent} Trace ID: ${hex(e.traceId)}`)
    text.line(`${indent} Span ID: ${hex(e.spanId)}`)
    text.line(`${indent} Timestamp: ${time(e.timeUnixNano)}`)
    if (e.value !== null) text.line(`${indent} Value: ${numberText(e.value)}`)
    text.attributes(`${indent} FilteredAttributes`, e.filteredAttributes, '     ')
  })
}

class Text {
  out = ''

  line(text: string): void {
    this.out += `${text}\n`
  }

  field(name: string, value: string | number): void {
    this.line(`    ${name.padEnd(15)}: ${value}`)
  }

  /** `before`: in front of each attribute, where the header is itself set in. */
  attributes(header: string, attributes: Attributes, before = ''): void {
    if (attributes.length === 0) return
    this.line(`${header}:`)
    for (const { key, value } of attributes) this.line(`${before}${indent} ${key}: ${typed(value)}`)
  }

  resource(what: string, i: number, resource: Resource, schemaUrl: string): void {
    this.line(`${what} #${i}`)
    this.line(`Resource SchemaURL: ${schemaUrl}`)
    this.attributes('Resource attributes', resource.attributes)
    if (resource.entityRefs.length === 0) return
    this.line('Resource entity refs:')
    resource.entityRefs.forEach((ref, j) => {
      this.line(`${indent} Entity ref #${j}:`)
      this.line(`     ${indent} Type: ${ref.type}`)
      if (ref.schemaUrl !== '') this.line(`     ${indent} Schema URL: ${ref.schemaUrl}`)
      this.#keys('ID keys', ref.idKeys)
      this.#keys('Description keys', ref.descriptionKeys)
    })
  }

  #keys(header: string, keys: readonly string[]): void {
    if (keys.length > 0) this.line(`     ${indent} ${header}:`)
    for (const key of keys) this.line(`          ${indent} ${key}`)
  }

  scope(what: string, i: number, scope: Scope, schemaUrl: string): void {
    this.line(`${what} #${i}`)
    this.line(`${what} SchemaURL: ${schemaUrl}`)
    this.line(`InstrumentationScope ${scope.name} ${scope.version}`)
    this.attributes('InstrumentationScope attributes', scope.attributes)
  }
}
