// Makes the metrics of each batch, and hands them on.
import { type Component, type Consumer, type Host, type OtelOutput, outputPorts } from '#component'
import { nanosOf } from '#component/aggregation'
import { handOn } from '#component/bridge'
import { floatToInt, OttlError, TransformContext, typeName, walkLogs, walkMetrics, walkTraces } from '#component/ottl'
import { type Logs, Metrics, type Traces } from '#pdata'
import { parseGoFloat } from '#pdata/exposition'
import type { AnyValue, Attributes } from '#pdata/otlp'
import { anyValueText, attributeValue, logsTree, metricsTree, setAttribute, tracesTree } from '#pdata/otlp'
import { BatchMetrics } from './aggregate.ts'
import type { CompiledRule, MetricDefinition, RecordKind, RecordMetrics } from './definition.ts'

/**
 * A connector that makes metrics of the records of every batch. A record counts as out when the metrics were taken, those
 * count as in and out themselves; where they are refused, the batch is.
 */
export function recordMetrics(
  host: Host,
  definitions: readonly MetricDefinition[],
  common: RecordMetrics,
  output: OtelOutput,
): Component {
  return new RecordMetricsConnector(host, definitions, common, output)
}

class RecordMetricsConnector implements Component {
  readonly traces = { consume: (batch: Traces): void | Promise<void> => this.#traces(batch) }
  readonly metrics = { consume: (batch: Metrics): void | Promise<void> => this.#metrics(batch) }
  readonly logs = { consume: (batch: Logs): void | Promise<void> => this.#logs(batch) }
  readonly #host: Host
  readonly #common: RecordMetrics
  readonly #next: Consumer<Metrics>
  readonly #byRecord: ReadonlyMap<RecordKind, readonly MetricDefinition[]>
  readonly #at = new TransformContext()

  constructor(host: Host, definitions: readonly MetricDefinition[], common: RecordMetrics, output: OtelOutput) {
    this.#host = host
    this.#common = common
    this.#next = host.outlet(outputPorts(output).metrics)
    const byRecord = new Map<RecordKind, MetricDefinition[]>()
    for (const definition of definitions) {
      const { record } = definition.settings
      byRecord.set(record, [...(byRecord.get(record) ?? []), definition])
    }
    this.#byRecord = byRecord
  }

  #traces(batch: Traces): void | Promise<void> {
    const made = new BatchMetrics()
    const tree = tracesTree(batch)
    this.#at.client = batch.context
    this.#each('span', made, (visit) => walkTraces(tree, 'span', this.#at, visit))
    this.#each('spanevent', made, (visit) => walkTraces(tree, 'spanevent', this.#at, visit))
    return this.#handOn(batch, made)
  }

  #metrics(batch: Metrics): void | Promise<void> {
    const made = new BatchMetrics()
    const tree = metricsTree(batch)
    this.#at.client = batch.context
    this.#each('metric', made, (visit) => walkMetrics(tree, 'metric', this.#at, visit))
    this.#each('datapoint', made, (visit) => walkMetrics(tree, 'datapoint', this.#at, visit))
    return this.#handOn(batch, made)
  }

  #logs(batch: Logs): void | Promise<void> {
    const made = new BatchMetrics()
    const tree = logsTree(batch)
    this.#at.client = batch.context
    this.#each('log', made, (visit) => walkLogs(tree, 'log', this.#at, visit))
    return this.#handOn(batch, made)
  }

  stop(): void {}

  #handOn(batch: Traces | Metrics | Logs, made: BatchMetrics): void | Promise<void> {
    const tree = made.toTree(this.#common.scopeName, nanosOf(this.#host.clock.now()))
    return handOn(this.#host.counters, this.#next, batch.count, new Map(), Metrics.fromTree(tree, batch.context))
  }

  #each(record: RecordKind, made: BatchMetrics, walk: (visit: (at: TransformContext) => void) => void): void {
    const definitions = this.#byRecord.get(record)
    if (definitions === undefined) return
    walk((at) => {
      for (const definition of definitions) this.#record(definition, at, made)
    })
  }

  #record(definition: MetricDefinition, at: TransformContext, made: BatchMetrics): void {
    const own = attributesAt(definition.settings.record, at)
    const { looksAbove, resourceExtras, isDatedByRecords, shownAs } = this.#common
    const resource = at.resource?.resource.attributes ?? []
    const sources = looksAbove ? [own, at.scope?.scope.attributes ?? [], resource] : [own]
    let text = definition.settings.name
    try {
      const attributes = chosen(definition.attributes, sources, at, shownAs)
      if (attributes === undefined) return
      if (definition.conditions !== undefined && !definition.conditions.matches(at)) return
      const { measure } = definition.settings
      if ('value' in measure) text = measure.value
      const value = valueOf(definition, own, at)
      if (value === undefined) return
      if ('count' in measure && measure.count !== '') text = measure.count
      const times = countOf(definition, at)
      if (times <= 0) return
      const rules = definition.resourceAttributes
      const kept = rules === undefined ? [...resource] : (chosen(rules, [resource], at) ?? [])
      for (const { key, value: extra } of resourceExtras) setAttribute(kept, key, extra)
      const point = made.point(definition, kept, attributes)
      if (point.histogram !== null) point.histogram.observe(Number(value), times)
      else if (measure.kind === 'gauge') point.value = value
      else point.add(value)
      if (isDatedByRecords) for (const time of timesAt(definition.settings.record, at)) point.date(time)
    } catch (error) {
      if (!(error instanceof OttlError)) throw error
      definition.recorder.failed(text, error, at)
    }
  }
}

function attributesAt(record: RecordKind, at: TransformContext): Attributes {
  switch (record) {
    case 'span':
      return at.span?.attributes ?? []
    case 'spanevent':
      return at.event?.attributes ?? []
    case 'datapoint':
      return at.point?.attributes ?? []
    case 'log':
      return at.log?.attributes ?? []
    case 'metric':
      return []
  }
}

function timesAt(record: RecordKind, at: TransformContext): readonly bigint[] {
  switch (record) {
    case 'span':
      return at.span === null ? [] : [at.span.startTimeUnixNano, at.span.endTimeUnixNano]
    case 'spanevent':
      return at.event === null ? [] : [at.event.timeUnixNano]
    case 'datapoint':
      return at.point === null ? [] : [at.point.timeUnixNano]
    case 'log':
      return at.log === null ? [] : [at.log.timeUnixNano]
    case 'metric':
      return []
  }
}

/** The attributes that rules choose, of the first source that has each; undefined: one that has to be there is missing. */
function chosen(
  rules: readonly CompiledRule[],
  sources: readonly Attributes[],
  at: TransformContext,
  shownAs?: (value: AnyValue) => AnyValue | undefined,
): Attributes | undefined {
  const out: Attributes = []
  for (const { key, keys, fallback, isOptional } of rules) {
    if (keys !== null) {
      for (const each of keysOf(keys(at))) {
        const value = find(sources, each)
        if (value !== undefined) setAttribute(out, each, value)
      }
      continue
    }
    const found = find(sources, key)
    const value = found === undefined ? fallback : shownAs === undefined ? found : shownAs(found)
    if (value !== undefined) setAttribute(out, key, value)
    else if (!isOptional) return undefined
  }
  return out
}

function find(sources: readonly Attributes[], key: string): AnyValue | undefined {
  for (const source of sources) {
    const value = attributeValue(source, key)
    if (value !== undefined) return value
  }
  return undefined
}

function keysOf(value: unknown): readonly string[] {
  if (value === null) return []
  if (typeof value === 'string') return [value]
  if (Array.isArray(value))
    return value.map((each) => (typeof each === 'string' ? each : anyValueText(each as AnyValue)))
  throw new OttlError('expected a list of keys')
}

/** Undefined: the record has nothing to add. */
function valueOf(definition: MetricDefinition, own: Attributes, at: TransformContext): bigint | number | undefined {
  const { measure } = definition.settings
  if (measure.kind === 'count') return 1n
  if (measure.kind === 'attribute') return numberIn(attributeValue(own, measure.key))
  const value = definition.value?.(at) ?? null
  // An expression that finds nothing has no value to show; to a sum or histogram it is an error, as in the collector.
  if (value === null && measure.kind === 'gauge') return undefined
  if (typeof value === 'bigint' || typeof value === 'number') return value
  throw new OttlError(`expected a number, got ${typeName(value)}`)
}

function numberIn(value: AnyValue | undefined): number {
  if (typeof value === 'bigint' || typeof value === 'number') return Number(value)
  // Go's literals may have underscores between digits.
  return typeof value === 'string' ? (parseGoFloat(value.replace(/(?<=\d)_(?=\d)/g, '')) ?? 0) : 0
}

function countOf({ count }: MetricDefinition, at: TransformContext): number {
  if (count === null) return 1
  const value = count(at)
  if (typeof value === 'bigint') return Number(value)
  // As Go's int64(x): what is no count of anything (NaN, infinities) becomes a negative one.
  if (typeof value === 'number') return Number(floatToInt(value))
  throw new OttlError(`expected a number, got ${typeName(value)}`)
}
