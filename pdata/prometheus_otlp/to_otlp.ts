// OTLP metrics of Prometheus's series (OpenTelemetry specification, compatibility/prometheus_and_openmetrics).
import { type Labels, noteOf, type SeriesBatch, setNote, type SlotExemplar, SlotFlag } from '#pdata'
import {
  type Attributes,
  cloneAttributes,
  type Exemplar,
  type Metric,
  type MetricData,
  type MetricsTree,
  noRecordedValue,
  type ResourceMetrics,
  type ScopeMetrics,
  Temporality,
} from '#pdata/otlp'
import { explicitFromNative, exponentialFromNative, isCustomBuckets } from './native_histograms.ts'
import {
  type FamilyPlan,
  type GroupPlan,
  LayoutPlan,
  planLayout,
  type ResourcePlan,
  type ScopePlan,
  type SeriesToOtlpOptions,
} from './series_plan.ts'

export type { SeriesToOtlpOptions } from './series_plan.ts'

export interface OtlpResult {
  readonly tree: MetricsTree
  /** Samples that no point was made of, by reason. */
  readonly dropped: ReadonlyMap<string, number>
}

const optionsDefault: SeriesToOtlpOptions = {
  scopeName: '',
  scopeVersion: '',
  scheme: 'http',
  legacyAttributes: false,
  trimSuffixes: false,
}

const noBytes = new Uint8Array(0)
const million = 1_000_000n

type PointsOf<K extends MetricData['kind']> = Extract<MetricData, { kind: K; points: unknown }>['points']

/** The points of one family while they are made; a kind that has none is left out. */
interface Gathered {
  readonly number: PointsOf<'gauge'>
  readonly explicit: PointsOf<'histogram'>
  readonly exponential: PointsOf<'exponential_histogram'>
  readonly summary: PointsOf<'summary'>
}

/**
 * Converts batch after batch. What a layout's series become is worked out once and kept as the layout's note. The trees
 * given are the caller's.
 */
export class SeriesToOtlp {
  readonly #token: object = {}
  readonly #options: SeriesToOtlpOptions

  constructor(options: Partial<SeriesToOtlpOptions> = {}) {
    this.#options = { ...optionsDefault, ...options }
  }

  convert(batch: SeriesBatch): OtlpResult {
    const known = noteOf(batch.layout, this.#token)
    const plan = known instanceof LayoutPlan ? known : planLayout(batch.layout, this.#options)
    if (plan !== known) setNote(batch.layout, this.#token, plan)
    return new Conversion(batch).run(plan)
  }
}

/** One batch on its way. */
class Conversion {
  readonly #batch: SeriesBatch
  readonly #commonNs: bigint
  readonly #exemplars: ReadonlyMap<number, readonly SlotExemplar[]>
  readonly #dropped = new Map<string, number>()

  constructor(batch: SeriesBatch) {
    this.#batch = batch
    this.#commonNs = BigInt(Math.trunc(batch.timestampMs)) * million
    this.#exemplars = batch.exemplars === null ? noExemplars : Map.groupBy(batch.exemplars, ({ slot }) => slot)
  }

  run(plan: LayoutPlan): OtlpResult {
    const resourceMetrics: ResourceMetrics[] = []
    for (const resource of plan.resources.values()) {
      const made = this.#resource(resource)
      if (made.scopeMetrics.length > 0) resourceMetrics.push(made)
    }
    for (const slot of plan.invalid) if (this.#flag(slot) !== SlotFlag.absent) this.#drop('no name or bound')
    return { tree: { resourceMetrics }, dropped: this.#dropped }
  }

  #drop(reason: string, samples = 1): void {
    if (samples > 0) this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + samples)
  }

  #resource({ attributes, scopes }: ResourcePlan): ResourceMetrics {
    const scopeMetrics: ScopeMetrics[] = []
    for (const scope of scopes.values()) {
      const made = this.#scope(scope)
      if (made.metrics.length > 0) scopeMetrics.push(made)
    }
    const resource = {
      attributes: cloneAttributes(attributes),
      droppedAttributesCount: 0,
      entityRefs: [],
      unknown: null,
    }
    return { resource, scopeMetrics, schemaUrl: '', unknown: null }
  }

  #scope({ name, version, schemaUrl, attributes, families }: ScopePlan): ScopeMetrics {
    const metrics: Metric[] = []
    for (const family of families.values()) this.#family(family, metrics)
    const scope = {
      name,
      version,
      attributes: cloneAttributes(attributes),
      droppedAttributesCount: 0,
      unknown: null,
    }
    return { scope, metrics, schemaUrl, unknown: null }
  }

  #family(family: FamilyPlan, metrics: Metric[]): void {
    const points: Gathered = { number: [], explicit: [], exponential: [], summary: [] }
    for (const group of family.groups) this.#group(family, group, points)
    const { number, explicit, exponential, summary } = points
    const temporality = Temporality.cumulative
    const { isMonotonic } = family
    if (number.length > 0) {
      const data: MetricData =
        family.kind === 'sum'
          ? { kind: 'sum', points: number, temporality, isMonotonic, unknown: null }
          : { kind: 'gauge', points: number, unknown: null }
      metrics.push(metricOf(family, data))
    }
    if (explicit.length > 0) {
      metrics.push(metricOf(family, { kind: 'histogram', points: explicit, temporality, unknown: null }))
    }
    if (exponential.length > 0) {
      const data: MetricData = { kind: 'exponential_histogram', points: exponential, temporality, unknown: null }
      metrics.push(metricOf(family, data))
    }
    if (summary.length > 0) metrics.push(metricOf(family, { kind: 'summary', points: summary, unknown: null }))
  }

  #group(family: FamilyPlan, group: GroupPlan, points: Gathered): void {
    if (group.value >= 0) {
      const flag = this.#flag(group.value)
      if (flag === SlotFlag.histogram || (flag === SlotFlag.stale && family.kind === 'histogram')) {
        this.#native(group, points)
      } else if (flag !== SlotFlag.absent) this.#number(family, group, points)
    }
    if (family.kind === 'histogram') this.#explicit(group, points)
    else if (family.kind === 'summary') this.#summary(group, points)
  }

  // ------------------------------------------------------------------------------------------ samples

  #flag(slot: number): number {
    return this.#batch.flags?.[slot] ?? SlotFlag.value
  }

  /** Nothing in the slot: it was not there, or absent in this batch. */
  #isThere(slot: number): boolean {
    return slot >= 0 && this.#flag(slot) !== SlotFlag.absent
  }

  #timeNs(slot: number): bigint {
    const own = this.#batch.timestampsMs
    return own === null ? this.#commonNs : BigInt(Math.trunc(own[slot]!)) * million
  }

  #startNs(slot: number, created: number): bigint {
    if (created >= 0 && this.#flag(created) === SlotFlag.value) {
      const seconds = this.#batch.values[created]!
      if (Number.isFinite(seconds) && seconds > 0) return BigInt(Math.trunc(seconds * 1000)) * million
    }
    return BigInt(Math.trunc(this.#batch.startsMs?.[slot] ?? 0)) * million
  }

  #exemplarsOf(slot: number): Exemplar[] {
    return (this.#exemplars.get(slot) ?? []).map(exemplarOf)
  }

  #number(family: FamilyPlan, group: GroupPlan, points: Gathered): void {
    const slot = group.value
    const isStale = this.#flag(slot) === SlotFlag.stale
    points.number.push({
      attributes: cloneAttributes(group.attributes),
      startTimeUnixNano: family.kind === 'sum' ? this.#startNs(slot, group.created) : 0n,
      timeUnixNano: this.#timeNs(slot),
      value: isStale ? null : this.#batch.values[slot]!,
      exemplars: this.#exemplarsOf(slot),
      flags: isStale ? noRecordedValue : 0,
      unknown: null,
    })
  }

  #native(group: GroupPlan, points: Gathered): void {
    const slot = group.value
    const histogram = this.#batch.histograms?.[slot] ?? null
    const common = {
      attributes: cloneAttributes(group.attributes),
      startTimeUnixNano: this.#startNs(slot, group.created),
      timeUnixNano: this.#timeNs(slot),
      exemplars: this.#exemplarsOf(slot),
      min: null,
      max: null,
      unknown: null,
    }
    if (histogram === null || this.#flag(slot) === SlotFlag.stale) {
      points.exponential.push({ ...common, ...emptyExponential(), flags: noRecordedValue })
    } else if (isCustomBuckets(histogram)) {
      points.explicit.push({ ...common, ...explicitFromNative(histogram), flags: 0 })
    } else {
      const parts = exponentialFromNative(histogram)
      if (parts === undefined) this.#drop('histogram spans too many buckets')
      else points.exponential.push({ ...common, ...parts, flags: 0 })
    }
  }

  /** Samples of a histogram or summary that lacks its count are of no use. */
  #dropGroup(group: GroupPlan): void {
    let samples = this.#isThere(group.sum) ? 1 : 0
    for (const { slot } of group.parts) if (this.#isThere(slot)) samples++
    this.#drop('histogram or summary without count', samples)
  }

  #explicit(group: GroupPlan, points: Gathered): void {
    const parts = group.parts.filter(({ slot }) => this.#isThere(slot))
    const last = parts.at(-1)
    const infinite = last?.bound === Infinity ? last.slot : -1
    const slot = this.#isThere(group.count) ? group.count : infinite
    if (slot < 0) {
      this.#dropGroup(group)
      return
    }
    if (infinite >= 0) parts.pop()
    const isStale = this.#flag(slot) === SlotFlag.stale
    const { values } = this.#batch
    const total = isStale ? 0 : values[slot]!
    const bucketCounts: bigint[] = []
    let before = 0
    for (const part of parts) {
      const cumulative = isStale ? 0 : values[part.slot]!
      bucketCounts.push(whole(cumulative - before))
      before = cumulative
    }
    bucketCounts.push(whole(total - before))
    const exemplars = [...parts.map((part) => part.slot), infinite].flatMap((one) => this.#exemplarsOf(one))
    points.explicit.push({
      attributes: cloneAttributes(group.attributes),
      startTimeUnixNano: this.#startNs(slot, group.created),
      timeUnixNano: this.#timeNs(slot),
      count: whole(total),
      sum: isStale || !this.#isThere(group.sum) ? null : values[group.sum]!,
      bucketCounts,
      explicitBounds: parts.map(({ bound }) => bound),
      exemplars,
      flags: isStale ? noRecordedValue : 0,
      min: null,
      max: null,
      unknown: null,
    })
  }

  #summary(group: GroupPlan, points: Gathered): void {
    const slot = group.count
    if (!this.#isThere(slot)) {
      this.#dropGroup(group)
      return
    }
    const isStale = this.#flag(slot) === SlotFlag.stale
    const { values } = this.#batch
    points.summary.push({
      attributes: cloneAttributes(group.attributes),
      startTimeUnixNano: this.#startNs(slot, group.created),
      timeUnixNano: this.#timeNs(slot),
      count: isStale ? 0n : whole(values[slot]!),
      sum: isStale || !this.#isThere(group.sum) ? 0 : values[group.sum]!,
      quantiles: group.parts
        .filter((part) => this.#isThere(part.slot))
        .map((part) => ({ quantile: part.bound, value: isStale ? 0 : values[part.slot]!, unknown: null })),
      flags: isStale ? noRecordedValue : 0,
      unknown: null,
    })
  }
}

const noExemplars: ReadonlyMap<number, readonly SlotExemplar[]> = new Map()

function metricOf(family: FamilyPlan, data: MetricData): Metric {
  return {
    name: family.name,
    description: family.description,
    unit: family.unit,
    metadata: [{ key: 'prometheus.type', value: family.type }],
    data,
    unknown: null,
  }
}

function emptyExponential() {
  const buckets = () => ({ offset: 0, bucketCounts: [], unknown: null })
  return {
    count: 0n,
    sum: null,
    scale: 0,
    zeroCount: 0n,
    zeroThreshold: 0,
    positive: buckets(),
    negative: buckets(),
  }
}

const whole = (count: number): bigint => (count > 0 && Number.isFinite(count) ? BigInt(Math.trunc(count)) : 0n)

/** `trace_id` and `span_id` of the right length are the exemplar's own, other labels its attributes. */
function exemplarOf({ labels, value, timestampMs }: SlotExemplar): Exemplar {
  return {
    filteredAttributes: filtered(labels),
    timeUnixNano: BigInt(Math.trunc(timestampMs)) * million,
    value,
    spanId: idOf(labels, 'span_id', 8),
    traceId: idOf(labels, 'trace_id', 16),
    unknown: null,
  }
}

function filtered(labels: Labels): Attributes {
  const out: Attributes = []
  for (let i = 0; i < labels.length; i += 2) {
    const key = labels[i] as string
    const isId = idOf(labels, key, key === 'trace_id' ? 16 : key === 'span_id' ? 8 : 0).length > 0
    if (!isId) out.push({ key, value: labels[i + 1] as string })
  }
  return out
}

function idOf(labels: Labels, name: string, bytes: number): Uint8Array {
  if (bytes === 0) return noBytes
  for (let i = 0; i < labels.length; i += 2) {
    const text = labels[i + 1] as string
    if (labels[i] === name && text.length === bytes * 2 && /^[0-9a-fA-F]+$/.test(text)) {
      return new Uint8Array(Buffer.from(text, 'hex'))
    }
  }
  return noBytes
}
