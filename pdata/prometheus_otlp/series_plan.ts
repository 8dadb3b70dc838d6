// What the series of a layout become in OTLP: worked out once for each layout.
import { type Labels, labelValue, type Metadata, MetricType, type Series, type SeriesLayout } from '#pdata'
import type { AnyValue, Attributes } from '#pdata/otlp'
import { parseGoFloat } from '#pdata/exposition'
import { unitFromName } from './names.ts'

export interface SeriesToOtlpOptions {
  /** The scope of series that name none. */
  readonly scopeName: string
  readonly scopeVersion: string
  /** The scheme under which the targets were scraped. */
  readonly scheme: string
  /** Also give net.host.name, net.host.port and http.scheme, as older semantic conventions name them. */
  readonly legacyAttributes: boolean
  /** Take `_total` and units off names again. */
  readonly trimSuffixes: boolean
}

/** Data points of one label set of a family. */
export class GroupPlan {
  readonly attributes: Attributes
  /** The slot of a sample alone: a number or a native histogram; -1: none. */
  value = -1
  sum = -1
  count = -1
  created = -1
  /** Bounds or quantiles with their slots, sorted. */
  readonly parts: { readonly bound: number; readonly slot: number }[] = []
  constructor(attributes: Attributes) {
    this.attributes = attributes
  }
}

export type FamilyKind = 'gauge' | 'sum' | 'histogram' | 'summary'

export class FamilyPlan {
  readonly name: string
  readonly description: string
  readonly unit: string
  /** Prometheus's type, kept in the metric's metadata. */
  readonly type: MetricType
  readonly kind: FamilyKind
  readonly isMonotonic: boolean
  readonly groups: GroupPlan[] = []
  readonly byLabels = new Map<string, GroupPlan>()
  constructor(name: string, unit: string, shape: Shape) {
    this.name = name
    this.description = shape.help
    this.unit = unit
    this.type = shape.type
    this.kind = shape.kind
    this.isMonotonic = shape.isMonotonic
  }
}

export class ScopePlan {
  readonly name: string
  readonly version: string
  readonly schemaUrl: string
  attributes: Attributes = []
  readonly families = new Map<string, FamilyPlan>()
  constructor(name: string, version: string, schemaUrl: string) {
    this.name = name
    this.version = version
    this.schemaUrl = schemaUrl
  }
}

export class ResourcePlan {
  readonly attributes: Attributes
  readonly scopes = new Map<string, ScopePlan>()
  constructor(attributes: Attributes) {
    this.attributes = attributes
  }
}

export class LayoutPlan {
  readonly resources = new Map<string, ResourcePlan>()
  /** Slots that became attributes: `target_info` and `otel_scope_info`. */
  readonly info: number[] = []
  /** Slots that no OTLP point can hold: a bucket without a bound, a series without a name. */
  readonly invalid: number[] = []
}

/** What a series is by its name and metadata. */
interface Shape {
  readonly family: string
  readonly kind: FamilyKind
  readonly isMonotonic: boolean
  readonly type: MetricType
  readonly help: string
  readonly unit: string
  readonly role: 'value' | 'sum' | 'count' | 'bucket' | 'quantile' | 'created'
}

/** What is known of the series that scrapes make themselves, when nobody says. */
const scrapeHelp: Readonly<Record<string, readonly [help: string, unit: string]>> = {
  up: ['The scraping was successful', ''],
  scrape_duration_seconds: ['Duration of the scrape', 'seconds'],
  scrape_samples_scraped: ['The number of samples the target exposed', ''],
  scrape_series_added: ['The approximate number of new series in this scrape', ''],
  scrape_samples_post_metric_relabeling: ['The number of samples remaining after metric relabeling was applied', ''],
}

function shapeOf(name: string, labels: Labels, metadata: Metadata | null): Shape {
  const own = Object.hasOwn(scrapeHelp, name) ? scrapeHelp[name] : undefined
  if (own !== undefined) return single(name, 'gauge', MetricType.gauge, own[0], own[1])
  if (metadata === null) return single(name, 'gauge', MetricType.unknown, '', '')
  const { family, type, help, unit } = metadata
  switch (type) {
    case MetricType.counter: {
      const created = name.endsWith('_created') && name !== family && name !== `${family}_total`
      const base = family.endsWith('_total') ? family.slice(0, -6) : family
      if (created && name === `${base}_created`) {
        return { ...single(`${base}_total`, 'sum', type, help, unit), role: 'created' }
      }
      return single(name, 'sum', type, help, unit)
    }
    case MetricType.histogram:
    case MetricType.summary:
      return complexShape(name, labels, metadata)
    case MetricType.info:
    case MetricType.stateset:
      return { ...single(name, 'sum', type, help, unit), isMonotonic: false }
    case MetricType.gauge:
    case MetricType.unknown:
    case MetricType.gaugehistogram:
      return single(name, 'gauge', type, help, unit)
  }
}

function single(family: string, kind: FamilyKind, type: MetricType, help: string, unit: string): Shape {
  return { family, kind, isMonotonic: kind === 'sum', type, help, unit, role: 'value' }
}

function complexShape(name: string, labels: Labels, { family, type, help, unit }: Metadata): Shape {
  const kind = type === MetricType.histogram ? 'histogram' : 'summary'
  const shape = { ...single(family, kind, type, help, unit), isMonotonic: false }
  if (name === `${family}_sum`) return { ...shape, role: 'sum' }
  if (name === `${family}_count`) return { ...shape, role: 'count' }
  if (name === `${family}_created`) return { ...shape, role: 'created' }
  if (kind === 'histogram' && name === `${family}_bucket`) return { ...shape, role: 'bucket' }
  if (kind === 'summary' && name === family && labelValue(labels, 'quantile') !== '') {
    return { ...shape, role: 'quantile' }
  }
  // A native histogram, or something whose name does not go with its family: it stands for itself.
  return name === family ? shape : single(name, 'gauge', MetricType.unknown, help, unit)
}

const notAttributes: ReadonlySet<string> = new Set([
  '__name__',
  'job',
  'instance',
  '__scheme__',
  '__metrics_path__',
  'otel_scope_name',
  'otel_scope_version',
  'otel_scope_schema_url',
])

export function planLayout(layout: SeriesLayout, options: SeriesToOtlpOptions): LayoutPlan {
  const plan = new LayoutPlan()
  // Samples of one series at several times have points of their own.
  const times = new Map<Series, number>()
  layout.series.forEach((series, slot) => {
    const { labels } = series
    const nth = times.get(series) ?? 0
    times.set(series, nth + 1)
    const name = labelValue(labels, '__name__')
    if (name === '') plan.invalid.push(slot)
    else if (name === 'target_info' || name === 'otel_scope_info') plan.info.push(slot)
    else place(plan, slot, name, series, nth, options)
  })
  for (const slot of plan.info) describe(plan, layout.series[slot]?.labels ?? [], options)
  for (const { scopes } of plan.resources.values()) {
    for (const { families } of scopes.values()) {
      for (const { groups } of families.values()) {
        for (const { parts } of groups) parts.sort((a, b) => a.bound - b.bound)
      }
    }
  }
  return plan
}

function place(
  plan: LayoutPlan,
  slot: number,
  name: string,
  { labels, metadata }: Series,
  nth: number,
  options: SeriesToOtlpOptions,
): void {
  const shape = shapeOf(name, labels, metadata)
  const bound = shape.role === 'bucket' ? 'le' : shape.role === 'quantile' ? 'quantile' : ''
  const at = bound === '' ? 0 : (parseGoFloat(labelValue(labels, bound)) ?? NaN)
  if (Number.isNaN(at)) {
    plan.invalid.push(slot)
    return
  }
  const scope = scopeOf(resourceOf(plan, labels, options), labels, options)
  const group = groupOf(familyOf(scope, shape, options), labels, bound, nth)
  switch (shape.role) {
    case 'value':
      group.value = slot
      break
    case 'sum':
      group.sum = slot
      break
    case 'count':
      group.count = slot
      break
    case 'created':
      group.created = slot
      break
    case 'bucket':
    case 'quantile':
      group.parts.push({ bound: at, slot })
      break
  }
}

function resourceKey(labels: Labels): string {
  const job = labelValue(labels, 'job')
  return `${job.length} ${job}${labelValue(labels, 'instance')}`
}

function resourceOf(plan: LayoutPlan, labels: Labels, options: SeriesToOtlpOptions): ResourcePlan {
  const key = resourceKey(labels)
  let resource = plan.resources.get(key)
  if (resource === undefined) {
    resource = new ResourcePlan(resourceAttributes(labelValue(labels, 'job'), labelValue(labels, 'instance'), options))
    plan.resources.set(key, resource)
  }
  return resource
}

/** The resource of a scraped target (semantic conventions, service and server attributes). */
function resourceAttributes(job: string, instance: string, options: SeriesToOtlpOptions): Attributes {
  const { host, port } = hostAndPort(instance)
  const out: Attributes = []
  const add = (key: string, value: AnyValue): void => void out.push({ key, value })
  if (job !== '') add('service.name', job)
  if (instance === '') return out
  if (isDiscernible(host)) {
    if (options.legacyAttributes) add('net.host.name', host)
    add('server.address', host)
  }
  add('service.instance.id', instance)
  if (options.legacyAttributes) {
    add('net.host.port', port)
    add('http.scheme', options.scheme)
  }
  add('server.port', port)
  add('url.scheme', options.scheme)
  return out
}

function hostAndPort(address: string): { host: string; port: string } {
  const found = /^(?:\[([^\]]*)\]|([^:]*)):([^:]*)$/.exec(address)
  return found === null ? { host: address, port: '' } : { host: found[1] ?? found[2] ?? '', port: found[3] ?? '' }
}

/** A name or address that tells this host from others. */
function isDiscernible(host: string): boolean {
  return !/^(?:localhost|127\.\d+\.\d+\.\d+|0\.0\.0\.0|::1?)?$/.test(host)
}

function scopeOf(resource: ResourcePlan, labels: Labels, options: SeriesToOtlpOptions): ScopePlan {
  const name = labelValue(labels, 'otel_scope_name')
  const version = labelValue(labels, 'otel_scope_version')
  const schemaUrl = labelValue(labels, 'otel_scope_schema_url')
  const key = `${name.length} ${version.length} ${name}${version}${schemaUrl}`
  let scope = resource.scopes.get(key)
  if (scope === undefined) {
    const isNamed = name !== '' || version !== '' || schemaUrl !== ''
    scope = new ScopePlan(
      isNamed ? name : options.scopeName,
      isNamed ? version : options.scopeVersion,
      isNamed ? schemaUrl : '',
    )
    resource.scopes.set(key, scope)
  }
  return scope
}

function familyOf(scope: ScopePlan, shape: Shape, options: SeriesToOtlpOptions): FamilyPlan {
  const key = `${shape.kind} ${shape.type} ${shape.family}`
  let family = scope.families.get(key)
  if (family === undefined) {
    const name = options.trimSuffixes ? trimmed(shape) : shape.family
    family = new FamilyPlan(name, unitFromName(shape.unit), shape)
    scope.families.set(key, family)
  }
  return family
}

function trimmed({ family, kind, isMonotonic, unit }: Shape): string {
  let name = family
  const trim = (suffix: string): void => {
    if (name.endsWith(suffix) && name.length > suffix.length) name = name.slice(0, -suffix.length)
  }
  if (kind === 'sum' && isMonotonic) trim('_total')
  if (kind === 'gauge') trim('_ratio')
  if (unit !== '') trim(`_${unit}`)
  return name
}

function groupOf(family: FamilyPlan, labels: Labels, bound: string, nth: number): GroupPlan {
  const attributes: Attributes = []
  let key = `${nth} `
  for (let i = 0; i < labels.length; i += 2) {
    const name = labels[i] as string
    const value = labels[i + 1] as string
    if (notAttributes.has(name) || name === bound) continue
    attributes.push({ key: name, value })
    key += `${name.length} ${value.length} ${name}${value}`
  }
  let group = family.byLabels.get(key)
  if (group === undefined) {
    group = new GroupPlan(attributes)
    family.byLabels.set(key, group)
    family.groups.push(group)
  }
  return group
}

/** `target_info` tells of its resource, `otel_scope_info` of its scope. */
function describe(plan: LayoutPlan, labels: Labels, options: SeriesToOtlpOptions): void {
  const resource = plan.resources.get(resourceKey(labels))
  if (resource === undefined) return
  const isTarget = labelValue(labels, '__name__') === 'target_info'
  const attributes = isTarget ? resource.attributes : scopeOf(resource, labels, options).attributes
  for (let i = 0; i < labels.length; i += 2) {
    const key = labels[i] as string
    if (notAttributes.has(key)) continue
    const known = attributes.find((one) => one.key === key)
    if (known === undefined) attributes.push({ key, value: labels[i + 1] as string })
    else known.value = labels[i + 1] as string
  }
}
