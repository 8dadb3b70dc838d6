// Finds exceptions among the events of spans.
import { type Component, type Consumer, type Host, type OtelOutput, outputPorts } from '#component'
import { madeMetric, madeResource, MetricsEmitter, nanosOf, overflowMark } from '#component/aggregation'
import { handOn } from '#component/bridge'
import { Logs, type Traces } from '#pdata'
import type {
  AnyValue,
  Attributes,
  Exemplar,
  LogRecord,
  LogsTree,
  MetricsTree,
  ResourceSpans,
  Span,
  SpanEvent,
} from '#pdata/otlp'
import {
  anyValueText,
  attributeValue,
  cloneAttributes,
  emptyResource,
  setAttribute,
  Temporality,
  tracesTree,
} from '#pdata/otlp'

export interface ExceptionsSettings {
  readonly dimensions: readonly { readonly name: string; readonly default: string | undefined }[]
  /** Of one data point between two batches of metrics. 0: none. */
  readonly exemplarsMax: number
  /** More go into one that is marked. 0: no bound. */
  readonly seriesMax: number
}

interface Counted {
  readonly attributes: Attributes
  count: number
  exemplars: Exemplar[]
}

function newCounted(attributes: Attributes): Counted {
  return { attributes, count: 0, exemplars: [] }
}

const noId = new Uint8Array(0)

/** Zeros alone are none. */
function isId(bytes: Uint8Array): boolean {
  return bytes.some((byte) => byte !== 0)
}

const spanKinds = ['UNSPECIFIED', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'].map((k) => `SPAN_KIND_${k}`)
const statusCodes = ['UNSET', 'OK', 'ERROR'].map((code) => `STATUS_CODE_${code}`)

/**
 * A span counts as out once its exceptions are counted and handed on. Log records go first: where they are refused, the
 * batch is, and nothing was counted. Metrics that are refused are dropped, since the next ones say the same and more.
 */
export class ExceptionsConnector implements Component {
  readonly traces = { consume: (batch: Traces): void | Promise<void> => this.#consume(batch) }
  readonly #host: Host
  readonly #settings: ExceptionsSettings
  readonly #logs: Consumer<Logs> | null
  readonly #emitter: MetricsEmitter | null
  readonly #counted = new Map<string, Counted>()
  /** What is too much: messages of exceptions have ids in them. */
  #overflow: Counted | null = null
  readonly #startMs: number

  constructor(host: Host, settings: ExceptionsSettings, output: OtelOutput) {
    this.#host = host
    this.#settings = settings
    this.#startMs = host.clock.now()
    const { metrics, logs } = outputPorts(output)
    this.#logs = logs.length === 0 ? null : host.outlet(logs)
    this.#emitter =
      metrics.length === 0 ? null : new MetricsEmitter(host, host.outlet(metrics), 0, () => this.#collect())
  }

  async stop(): Promise<void> {
    await this.#emitter?.stop()
  }

  #consume(batch: Traces): void | Promise<void> {
    const { resourceSpans } = tracesTree(batch)
    if (this.#logs === null) {
      this.#host.counters.out += batch.count
      return this.#count(resourceSpans)
    }
    const logs = Logs.fromTree(this.#records(resourceSpans), batch.context)
    const done = handOn(this.#host.counters, this.#logs, batch.count, new Map(), logs)
    return done ? done.then(() => this.#count(resourceSpans)) : this.#count(resourceSpans)
  }

  *#exceptions({ scopeSpans }: ResourceSpans): Generator<{ span: Span; event: SpanEvent }> {
    for (const { spans } of scopeSpans) {
      for (const span of spans) {
        for (const event of span.events) if (event.name === 'exception') yield { span, event }
      }
    }
  }

  /** The service of a resource; undefined: its spans are passed over. */
  #serviceOf({ resource }: ResourceSpans): string | undefined {
    const service = attributeValue(resource.attributes, 'service.name')
    if (service === undefined) return undefined
    return typeof service === 'string' ? service : ''
  }

  #dimensionsOf(service: string, { resource }: ResourceSpans, span: Span, event: SpanEvent): Attributes {
    const attributes: Attributes = [
      { key: 'service.name', value: service },
      { key: 'span.name', value: span.name },
      { key: 'span.kind', value: spanKinds[span.kind] ?? '' },
      { key: 'status.code', value: statusCodes[span.status.code] ?? '' },
    ]
    for (const { name, default: fallback } of this.#settings.dimensions) {
      let value: AnyValue | undefined = fallback
      for (const from of [span.attributes, event.attributes, resource.attributes]) {
        const found = attributeValue(from, name)
        if (found === undefined) continue
        value = found
        break
      }
      if (value !== undefined) attributes.push({ key: name, value })
    }
    return attributes
  }

  // ------------------------------------------------------------------------------------------------------------ logs

  #records(resourceSpans: readonly ResourceSpans[]): LogsTree {
    const resourceLogs = []
    for (const group of resourceSpans) {
      const service = this.#serviceOf(group)
      if (service === undefined) continue
      for (const scopeSpans of group.scopeSpans) {
        const one = { ...group, scopeSpans: [scopeSpans] }
        const logRecords = [...this.#exceptions(one)].map(({ span, event }) =>
          this.#record(service, group, span, event),
        )
        if (logRecords.length === 0) continue
        const scope = { ...scopeSpans.scope, attributes: cloneAttributes(scopeSpans.scope.attributes) }
        const scopeLogs = [{ scope, logRecords, schemaUrl: '', unknown: null }]
        resourceLogs.push({ resource: emptyResource(), scopeLogs, schemaUrl: '', unknown: null })
      }
    }
    return { resourceLogs }
  }

  #record(service: string, group: ResourceSpans, span: Span, event: SpanEvent): LogRecord {
    const attributes = cloneAttributes(span.attributes)
    // What is no text becomes an empty one here, as in the collector; metrics have it as it is.
    for (const { key, value } of this.#dimensionsOf(service, group, span, event)) {
      setAttribute(attributes, key, typeof value === 'string' ? value : '')
    }
    const stacktrace = attributeValue(event.attributes, 'exception.stacktrace')
    setAttribute(attributes, 'exception.stacktrace', stacktrace === undefined ? '' : anyValueText(stacktrace))
    return {
      timeUnixNano: event.timeUnixNano,
      observedTimeUnixNano: 0n,
      severityNumber: 17,
      severityText: 'ERROR',
      body: null,
      attributes: cloneAttributes(attributes),
      droppedAttributesCount: 0,
      flags: 0,
      traceId: isId(span.traceId) ? span.traceId : noId,
      spanId: isId(span.spanId) ? span.spanId : noId,
      eventName: '',
      unknown: null,
    }
  }

  // --------------------------------------------------------------------------------------------------------- metrics

  #count(resourceSpans: readonly ResourceSpans[]): void {
    if (this.#emitter === null) return
    for (const group of resourceSpans) {
      const service = this.#serviceOf(group)
      if (service === undefined) continue
      for (const { span, event } of this.#exceptions(group)) {
        this.#add(this.#dimensionsOf(service, group, span, event), span)
      }
    }
    this.#emitter.flush()
  }

  #add(attributes: Attributes, span: Span): void {
    const key = JSON.stringify(attributes.map(({ key: name, value }) => [name, anyValueText(value)]))
    const { seriesMax } = this.#settings
    const isOver = seriesMax > 0 && this.#counted.size >= seriesMax
    let counted = this.#counted.get(key)
    if (counted === undefined && isOver) counted = this.#overflow ??= newCounted([overflowMark])
    else if (counted === undefined) {
      counted = newCounted(cloneAttributes(attributes))
      this.#counted.set(key, counted)
    }
    counted.count++
    if (!isId(span.traceId) || counted.exemplars.length >= this.#settings.exemplarsMax) return
    counted.exemplars.push({
      filteredAttributes: [],
      timeUnixNano: 0n,
      value: counted.count,
      spanId: span.spanId.slice(),
      traceId: span.traceId.slice(),
      unknown: null,
    })
  }

  #collect(): MetricsTree {
    if (this.#counted.size === 0) return { resourceMetrics: [] }
    const time = nanosOf(this.#host.clock.now())
    const start = nanosOf(this.#startMs)
    const all = [...this.#counted.values(), ...(this.#overflow === null ? [] : [this.#overflow])]
    const points = all.map((counted) => {
      const exemplars = counted.exemplars.map((exemplar) => ({ ...exemplar, timeUnixNano: time }))
      counted.exemplars = []
      return {
        attributes: cloneAttributes(counted.attributes),
        startTimeUnixNano: start,
        timeUnixNano: time,
        value: BigInt(counted.count),
        exemplars,
        flags: 0,
        unknown: null,
      }
    })
    const temporality = Temporality.cumulative
    const metric = madeMetric('exceptions', { kind: 'sum', points, temporality, isMonotonic: true, unknown: null })
    return { resourceMetrics: [madeResource([], 'exceptionsconnector', [metric])] }
  }

  debug(): unknown {
    return { series: this.#counted.size }
  }
}
