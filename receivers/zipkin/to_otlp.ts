// Zipkin's spans of version 2 as OTLP, by the rules of OpenTelemetry's specification ("Zipkin" exporter) read backwards.
import type { AnyValue, Attributes, Resource, ResourceSpans, Span, SpanEvent, SpanLink, TracesTree } from '#pdata/otlp'
import { emptyResource, emptyScope, setAttribute } from '#pdata/otlp'
import { ZipkinError } from './error.ts'
import type { ZipkinEndpoint, ZipkinSpan } from './span.ts'

const noStart = 'otel.zipkin.absentField.startTime'
const nameSource = 'otlp.service.name.source'
const scopeNames = ['otel.library.name', 'otel.scope.name']
const scopeVersions = ['otel.library.version', 'otel.scope.version']

/** Tags that say something of the resource: semantic conventions, and what OpenCensus wrote. */
const resourceTags: ReadonlySet<string> = new Set(
  `cloud.provider cloud.account.id cloud.region cloud.availability_zone cloud.platform cloud.resource_id
  aws.ecs.container.arn aws.ecs.cluster.arn aws.ecs.launchtype aws.ecs.task.arn aws.ecs.task.family aws.ecs.task.revision
  aws.eks.cluster.arn aws.log.group.names aws.log.group.arns aws.log.stream.names aws.log.stream.arns
  container.name container.id container.runtime container.image.name container.image.tag deployment.environment
  device.id device.model.identifier device.model.name device.manufacturer
  faas.name faas.id faas.version faas.instance faas.max_memory
  host.id host.name host.type host.arch host.image.name host.image.id host.image.version
  k8s.cluster.name k8s.node.name k8s.node.uid k8s.namespace.name k8s.pod.uid k8s.pod.name k8s.container.name
  k8s.container.restart_count k8s.replicaset.uid k8s.replicaset.name k8s.deployment.uid k8s.deployment.name
  k8s.statefulset.uid k8s.statefulset.name k8s.daemonset.uid k8s.daemonset.name k8s.job.uid k8s.job.name
  k8s.cronjob.uid k8s.cronjob.name os.type os.description os.name os.version
  process.pid process.executable.name process.executable.path process.command process.command_line process.command_args
  process.owner process.runtime.name process.runtime.version process.runtime.description
  service.name service.namespace service.instance.id service.version
  telemetry.sdk.name telemetry.sdk.language telemetry.sdk.version telemetry.auto.version
  webengine.name webengine.version webengine.description
  opencensus.starttime opencensus.exporterversion opencensus.resourcetype`.split(/\s+/),
)
const otherThanSpan: ReadonlySet<string> = new Set([...resourceTags, nameSource, ...scopeNames, ...scopeVersions])

const kinds: Readonly<Record<string, number>> = { SERVER: 2, CLIENT: 3, PRODUCER: 4, CONSUMER: 5 }
/** As the specification has them, and as exporters wrote them before. */
const statusCodes: Readonly<Record<string, number>> = {
  OK: 1,
  STATUS_CODE_OK: 1,
  Ok: 1,
  ERROR: 2,
  STATUS_CODE_ERROR: 2,
  Error: 2,
}
const linksMax = 128
const numberCharsMax = 400

/** One resource for each service, in it one scope for each library; both in the order of their names. */
export function zipkinTraces(spans: readonly ZipkinSpan[], parseTags: boolean): TracesTree {
  const services = new Map<string, Map<string, ZipkinSpan[]>>()
  for (const span of spans) {
    const libraries = valueIn(services, span.local?.serviceName ?? '', () => new Map<string, ZipkinSpan[]>())
    const library = span.tags.get('otel.scope.name') ?? span.tags.get('otel.library.name') ?? ''
    valueIn(libraries, library, () => []).push(span)
  }
  const resourceSpans: ResourceSpans[] = []
  for (const [service, libraries] of [...services].sort(byName)) {
    const first = [...libraries].sort(byName)[0]?.[1][0]
    const scopeSpans = [...libraries].sort(byName).map(([library, ofLibrary]) => ({
      scope: { ...emptyScope(), name: library, version: versionOf(library, ofLibrary[0]) },
      spans: ofLibrary.map((span) => spanOf(span, parseTags)),
      schemaUrl: '',
      unknown: null,
    }))
    resourceSpans.push({ resource: resourceOf(service, first), scopeSpans, schemaUrl: '', unknown: null })
  }
  return { resourceSpans }
}

function valueIn<V>(map: Map<string, V>, key: string, make: () => V): V {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  return made
}

function byName(a: readonly [string, unknown], b: readonly [string, unknown]): number {
  return a[0] < b[0] ? -1 : 1
}

function versionOf(library: string, span: ZipkinSpan | undefined): string {
  if (library === '') return ''
  return span?.tags.get('otel.scope.version') ?? span?.tags.get('otel.library.version') ?? ''
}

function resourceOf(service: string, span: ZipkinSpan | undefined): Resource {
  const resource = emptyResource()
  const { attributes } = resource
  const tags = span?.tags ?? new Map<string, string>()
  if (service !== '') setAttribute(attributes, tags.get(nameSource) || 'service.name', service)
  for (const [name, value] of tags) if (resourceTags.has(name)) setAttribute(attributes, name, value)
  return resource
}

function spanOf(span: ZipkinSpan, parseTags: boolean): Span {
  const tags = new Map(span.tags)
  const take = (name: string): string | undefined => {
    const value = tags.get(name)
    tags.delete(name)
    return value
  }
  const traceState = take('w3c.tracestate') ?? ''
  const kind = kinds[span.kind] ?? (take('span.kind') === 'internal' ? 1 : 0)
  const status = statusOf(tags, take)
  const links = linksOf(take)
  const attributes: Attributes = []
  for (const [name, value] of tags) {
    if (!otherThanSpan.has(name)) attributes.push({ key: name, value: parseTags ? parsed(value) : value })
  }
  addEndpoint(attributes, span.local, 'net.host')
  if (span.remote !== undefined && span.remote.serviceName !== '') {
    setAttribute(attributes, 'peer.service', span.remote.serviceName)
  }
  addEndpoint(attributes, span.remote, 'net.peer')
  if (span.timestampUs === 0n) setAttribute(attributes, noStart, true)
  return {
    traceId: span.traceId,
    spanId: span.id,
    traceState,
    parentSpanId: span.parentId,
    flags: 0,
    name: span.name,
    kind,
    startTimeUnixNano: nanoseconds(span.timestampUs),
    endTimeUnixNano: nanoseconds(span.timestampUs + span.durationUs),
    attributes,
    droppedAttributesCount: 0,
    events: span.annotations.map(eventOf),
    droppedEventsCount: 0,
    links,
    droppedLinksCount: 0,
    status: { ...status, unknown: null },
    unknown: null,
  }
}

function nanoseconds(us: bigint): bigint {
  return BigInt.asUintN(64, us * 1000n)
}

function addEndpoint(attributes: Attributes, endpoint: ZipkinEndpoint | undefined, prefix: string): void {
  if (endpoint === undefined) return
  if (endpoint.address !== '') setAttribute(attributes, `${prefix}.ip`, endpoint.address)
  if (endpoint.port > 0) setAttribute(attributes, `${prefix}.port`, BigInt(endpoint.port))
}

function statusOf(
  tags: ReadonlyMap<string, string>,
  take: (name: string) => string | undefined,
): { code: number; message: string } {
  const status = { code: 0, message: '' }
  const code = take('otel.status_code')
  if (code !== undefined) {
    status.code = statusCodes[code] ?? 0
    status.message = take('otel.status_description') ?? ''
  }
  if (tags.has('error')) {
    status.code = 2
    if (tags.get('error') === 'true') take('error')
  }
  return status
}

/** Tags `otlp.link.0`, `otlp.link.1`, …: trace id, span id, state, attributes as JSON, attributes left out. */
function linksOf(take: (name: string) => string | undefined): SpanLink[] {
  const links: SpanLink[] = []
  for (let i = 0; i < linksMax; i++) {
    const text = take(`otlp.link.${i}`)
    if (text === undefined) return links
    const parts = text.split('|')
    if (parts.length < 5) continue
    const [traceId, spanId, traceState] = parts as [string, string, string]
    if (!/^[0-9a-f]{32}$/i.test(traceId) || !/^[0-9a-f]{16}$/i.test(spanId)) throw new ZipkinError('a link has no ids')
    const found = attributesIn(parts.slice(3))
    if (found === undefined) throw new ZipkinError('the attributes of a link are no JSON')
    const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'))
    links.push({ traceId: bytes(traceId), spanId: bytes(spanId), traceState, ...found, flags: 0, unknown: null })
  }
  return links
}

/** An annotation is its name, or name, attributes as JSON, and how many were left out, with bars between. */
function eventOf({ timestampUs, value }: { timestampUs: bigint; value: string }): SpanEvent {
  const [name, ...rest] = value.split('|')
  const found = rest.length < 2 ? undefined : attributesIn(rest)
  const time = { timeUnixNano: nanoseconds(timestampUs), unknown: null }
  if (found) return { ...time, name: name as string, ...found }
  // Bars in a text of somebody else's: nothing of it is to be lost.
  return { ...time, name: rest.length < 2 ? (name as string) : value, attributes: [], droppedAttributesCount: 0 }
}

/** JSON, with whatever bars are in it, and a number; undefined: it is none. */
function attributesIn(
  parts: readonly string[],
): { attributes: Attributes; droppedAttributesCount: number } | undefined {
  const count = parts[parts.length - 1] as string
  if (!/^\d{1,9}$/.test(count)) return undefined
  let json: unknown
  try {
    json = JSON.parse(parts.slice(0, -1).join('|'))
  } catch {
    return undefined
  }
  if (json === null || typeof json !== 'object' || Array.isArray(json)) return undefined
  const attributes: Attributes = []
  for (const [key, value] of Object.entries(json)) {
    if (typeof value === 'string' || typeof value === 'boolean') attributes.push({ key, value })
    else if (typeof value === 'number') attributes.push({ key, value: Number.isInteger(value) ? BigInt(value) : value })
  }
  return { attributes, droppedAttributesCount: Number(count) }
}

/** A tag's text as what it looks like: an integer, a fraction, a truth value, or the text. */
export function parsed(text: string): AnyValue {
  // Longer ones are no such number, and making one of them would take long.
  if (text.length > numberCharsMax) return text
  if (/^-?\d+$/.test(text)) return BigInt.asIntN(64, BigInt(text)) === BigInt(text) ? BigInt(text) : text
  if (/^-?\d+\.\d+$/.test(text)) return Number(text)
  return text === 'true' ? true : text === 'false' ? false : text
}
