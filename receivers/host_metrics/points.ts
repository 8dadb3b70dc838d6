// Gathers the data points of one scrape.
import type { Attributes, Metric, NumberPoint, Resource, ResourceMetrics } from '#pdata/otlp'
import { Temporality } from '#pdata/otlp'
import type { MetricSpec } from './metric_table.ts'

/** How points that differ only in attributes that are left out become one. */
export type Aggregation = 'sum' | 'avg' | 'min' | 'max'

/** A metric as the user wants it. */
export interface MetricChoice {
  readonly spec: MetricSpec
  /** The attributes that points have, of those that the metric can have. */
  readonly attributes: readonly string[]
  readonly aggregation: Aggregation
}

/** Points that became one, until the scrape ends. */
interface Merged {
  readonly point: NumberPoint
  value: number
  count: number
}

class Gathered {
  readonly choice: MetricChoice
  readonly points: NumberPoint[] = []
  /** Null: points keep all their attributes, and are as many as were added. */
  readonly merged: Map<string, Merged> | null
  constructor(choice: MetricChoice) {
    this.choice = choice
    const keepsAll = choice.spec.attributes.every((name) => choice.attributes.includes(name))
    this.merged = keepsAll ? null : new Map()
  }
}

/** Metrics that are not chosen are dropped as they are added. */
export class PointGatherer {
  readonly #choices: ReadonlyMap<string, MetricChoice>
  #gathered = new Map<string, Gathered>()
  #startNano = 0n
  #timeNano = 0n

  constructor(choices: readonly MetricChoice[]) {
    this.#choices = new Map(choices.map((choice) => [choice.spec.name, choice]))
  }

  has(metric: string): boolean {
    return this.#choices.has(metric)
  }

  hasAny(metrics: readonly string[]): boolean {
    return metrics.some((metric) => this.#choices.has(metric))
  }

  /** Times of the points that follow, ns. Gauges get no start. */
  begin(startNano: bigint, timeNano: bigint): void {
    this.#startNano = startNano
    this.#timeNano = timeNano
  }

  /** `values`: of the metric's attributes, in the table's order. */
  add(metric: string, value: number, ...values: readonly string[]): void {
    const choice = this.#choices.get(metric)
    if (choice === undefined || !Number.isFinite(value)) return
    let gathered = this.#gathered.get(metric)
    if (gathered === undefined) {
      gathered = new Gathered(choice)
      this.#gathered.set(metric, gathered)
    }
    const { spec, attributes: wanted } = choice
    const { merged } = gathered
    if (merged !== null) {
      const key = values.filter((_, i) => wanted.includes(spec.attributes[i] as string)).join('\0')
      const known = merged.get(key)
      if (known !== undefined) {
        merge(known, value, choice.aggregation)
        return
      }
      const point = this.#point(spec, value, values, wanted)
      gathered.points.push(point)
      merged.set(key, { point, value, count: 1 })
      return
    }
    gathered.points.push(this.#point(spec, value, values, wanted))
  }

  #point(spec: MetricSpec, value: number, values: readonly string[], wanted: readonly string[]): NumberPoint {
    const attributes: Attributes = []
    for (let i = 0; i < values.length; i++) {
      const key = spec.attributes[i] as string
      if (wanted.includes(key)) attributes.push({ key, value: values[i] as string })
    }
    return {
      attributes,
      startTimeUnixNano: spec.kind === 'gauge' ? 0n : this.#startNano,
      timeUnixNano: this.#timeNano,
      value: spec.isInt ? BigInt(Math.trunc(value)) : value,
      exemplars: [],
      flags: 0,
      unknown: null,
    }
  }

  /** What was gathered, as one resource; null: nothing. Begins anew. */
  take(resource: Attributes, scope: { readonly name: string; readonly version: string }): ResourceMetrics | null {
    if (this.#gathered.size === 0) return null
    const metrics: Metric[] = []
    for (const gathered of this.#gathered.values()) {
      settle(gathered)
      metrics.push(metricOf(gathered.choice.spec, gathered.points))
    }
    this.#gathered = new Map()
    return {
      resource: resourceOf(resource),
      scopeMetrics: [
        {
          scope: { ...scope, attributes: [], droppedAttributesCount: 0, unknown: null },
          metrics,
          schemaUrl: '',
          unknown: null,
        },
      ],
      // The version of the semantic conventions that these names are from.
      schemaUrl: 'https://opentelemetry.io/schemas/1.9.0',
      unknown: null,
    }
  }
}

function merge(known: Merged, value: number, aggregation: Aggregation): void {
  known.count++
  if (aggregation === 'min') known.value = Math.min(known.value, value)
  else if (aggregation === 'max') known.value = Math.max(known.value, value)
  else known.value += value
}

/** Points that became one get their value. */
function settle({ merged, choice }: Gathered): void {
  if (merged === null) return
  for (const { point, value, count } of merged.values()) {
    const settled = choice.aggregation === 'avg' ? value / count : value
    point.value = choice.spec.isInt ? BigInt(Math.trunc(settled)) : settled
  }
}

function resourceOf(attributes: Attributes): Resource {
  return { attributes, droppedAttributesCount: 0, entityRefs: [], unknown: null }
}

function metricOf({ name, description, unit, kind }: MetricSpec, points: NumberPoint[]): Metric {
  return {
    name,
    description,
    unit,
    metadata: [],
    data:
      kind === 'gauge'
        ? { kind: 'gauge', points, unknown: null }
        : {
            kind: 'sum',
            points,
            temporality: Temporality.cumulative,
            isMonotonic: kind === 'counter',
            unknown: null,
          },
    unknown: null,
  }
}
