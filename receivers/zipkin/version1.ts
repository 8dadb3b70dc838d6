// Zipkin's spans of version 1, from JSON, as OTLP: what a span is stands in its annotations there.
import type { Attributes, ResourceSpans, Span, SpanEvent, TracesTree } from '#pdata/otlp'
import { emptyResource, emptyScope, setAttribute } from '#pdata/otlp'
import { ZipkinError } from './error.ts'
import { idOf, listOf, microsecondsOf, objectOf, textOf } from './span.ts'
import { parsed } from './to_otlp.ts'

const unknownService = 'unknown-service'

interface Endpoint {
  readonly serviceName: string
  readonly ipv4: string
  readonly ipv6: string
  readonly port: number
}

/** Values of annotations that say what kind of span it is: client, server, producer, consumer. */
const kinds: Readonly<Record<string, number>> = { cs: 3, cr: 3, ss: 2, sr: 2, ms: 4, mr: 5 }

/** One resource for each endpoint. Throws `ZipkinError`. `nowMs`: the time of spans that have none. */
export function version1Traces(text: string, parseTags: boolean, nowMs: number): TracesTree {
  const byEndpoint = new Map<string, ResourceSpans>()
  for (const json of listOf(text)) {
    const { span, endpoint } = spanOf(json, parseTags, nowMs)
    const key = JSON.stringify(endpoint)
    let group = byEndpoint.get(key)
    if (group === undefined) {
      group = groupOf(endpoint)
      byEndpoint.set(key, group)
    }
    group.scopeSpans[0]?.spans.push(span)
  }
  return { resourceSpans: [...byEndpoint.values()] }
}

function groupOf({ serviceName, ipv4, ipv6, port }: Endpoint): ResourceSpans {
  const resource = emptyResource()
  resource.attributes.push({ key: 'service.name', value: serviceName })
  if (ipv4 !== '') resource.attributes.push({ key: 'ipv4', value: ipv4 })
  if (ipv6 !== '') resource.attributes.push({ key: 'ipv6', value: ipv6 })
  if (port !== 0) resource.attributes.push({ key: 'port', value: String(port) })
  const scopeSpans = [{ scope: emptyScope(), spans: [], schemaUrl: '', unknown: null }]
  return { resource, scopeSpans, schemaUrl: '', unknown: null }
}

function partsOf(value: unknown, what: string): Readonly<Record<string, unknown>>[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw new ZipkinError(`the ${what}s of a span are no list`)
  return value.filter((one: unknown) => one !== null).map((one: unknown) => objectOf(one, `a ${what}`))
}

function endpointOf(value: unknown): Endpoint | undefined {
  if (value === undefined || value === null) return undefined
  const endpoint = objectOf(value, 'an endpoint')
  const { port } = endpoint as { port?: unknown }
  return {
    serviceName: textOf(endpoint['serviceName'], 'the name of a service'),
    ipv4: textOf(endpoint['ipv4'], 'an address'),
    ipv6: textOf(endpoint['ipv6'], 'an address'),
    port: typeof port === 'number' ? Math.trunc(port) : 0,
  }
}

function nanoseconds(us: bigint): bigint {
  return BigInt.asUintN(64, us * 1000n)
}

interface FromAnnotations {
  kind: number
  endpoint: Endpoint | undefined
  /** Of the earliest and the latest; -1n: there is none. */
  firstUs: bigint
  lastUs: bigint
  readonly events: SpanEvent[]
}

function annotationsOf(value: unknown): FromAnnotations {
  const found: FromAnnotations = { kind: 0, endpoint: undefined, firstUs: -1n, lastUs: -1n, events: [] }
  for (const annotation of partsOf(value, 'annotation')) {
    const name = textOf(annotation['value'], 'the value of an annotation')
    if (name === '') continue
    const timeUs = microsecondsOf(annotation['timestamp'], 'the time of an annotation')
    const kind = Object.hasOwn(kinds, name) ? (kinds[name] as number) : 0
    const endpoint = endpointOf(annotation['endpoint'])
    if (kind !== 0 && found.endpoint === undefined && endpoint !== undefined && endpoint.serviceName !== '') {
      found.endpoint = endpoint
    }
    if (found.kind === 0) found.kind = kind
    if (found.firstUs < 0n || timeUs < found.firstUs) found.firstUs = timeUs
    if (timeUs > found.lastUs) found.lastUs = timeUs
    if (kind !== 0) continue
    const timeUnixNano = nanoseconds(timeUs)
    found.events.push({ timeUnixNano, name, attributes: [], droppedAttributesCount: 0, unknown: null })
  }
  return found
}

function spanOf(
  json: Readonly<Record<string, unknown>>,
  parseTags: boolean,
  nowMs: number,
): { span: Span; endpoint: Endpoint } {
  const annotations = annotationsOf(json['annotations'])
  const attributes: Attributes = []
  const status = new Status()
  const fallback = addTags(attributes, status, json['binaryAnnotations'], parseTags)
  const timestampUs = microsecondsOf(json['timestamp'], 'the time of a span')
  const durationUs = microsecondsOf(json['duration'], 'the duration of a span')
  let [startUs, endUs] = [annotations.firstUs, annotations.lastUs]
  if (timestampUs > 0n) [startUs, endUs] = [timestampUs, timestampUs + durationUs]
  else if (startUs <= 0n) {
    startUs = BigInt(Math.trunc(nowMs * 1000))
    endUs = startUs
    setAttribute(attributes, 'otel.zipkin.absentField.startTime', true)
  }
  const parent = textOf(json['parentId'], 'the parent of a span')
  const span: Span = {
    traceId: idOf(json['traceId'], 16, 'the trace id of a span'),
    spanId: idOf(json['id'], 8, 'the id of a span'),
    traceState: '',
    parentSpanId: parent === '' ? new Uint8Array(0) : idOf(parent, 8, 'the parent of a span'),
    flags: 0,
    name: textOf(json['name'], 'the name of a span'),
    kind: annotations.kind,
    startTimeUnixNano: nanoseconds(startUs),
    endTimeUnixNano: nanoseconds(endUs),
    attributes,
    droppedAttributesCount: 0,
    events: annotations.events,
    droppedEventsCount: 0,
    links: [],
    droppedLinksCount: 0,
    status: { ...status.result(), unknown: null },
    unknown: null,
  }
  const endpoint = annotations.endpoint ?? { serviceName: fallback || unknownService, ipv4: '', ipv6: '', port: 0 }
  return { span, endpoint }
}

/** The tags of a span; gives the service that one of them names. */
function addTags(attributes: Attributes, status: Status, value: unknown, parseTags: boolean): string {
  let service = ''
  let component = ''
  for (const tag of partsOf(value, 'binary annotation')) {
    const name = endpointOf(tag['endpoint'])?.serviceName ?? ''
    if (name !== '') service = name
    const text = textOf(tag['value'], 'the value of a binary annotation')
    let key = textOf(tag['key'], 'the key of a binary annotation')
    if (key === 'lc') {
      key = 'component'
      component = text
    }
    if (!status.take(key, text)) attributes.push({ key, value: parseTags ? parsed(text) : text })
  }
  return service || component
}

/** The status of a span, put together of the tags that several libraries wrote for it. */
class Status {
  #census = -1
  #censusMessage = ''
  #code = -1
  #message = ''
  #http = -1
  #httpMessage = ''
  #isError = false

  /** True: the tag says nothing else. */
  take(key: string, text: string): boolean {
    const code = /^-?\d{1,10}$/.test(text) ? Number(text) : undefined
    switch (key) {
      case 'census.status_code':
        if (code !== undefined) this.#census = code === 0 ? 1 : 2
        return true
      case 'census.status_description':
      case 'opencensus.status_description':
        this.#censusMessage = text
        return true
      case 'otel.status_code':
        if (code !== undefined) this.#code = code
        return true
      case 'otel.status_description':
        this.#message = text
        return true
      case 'error':
        this.#isError = true
        return true
      case 'http.status_code':
      case 'http.response.status_code':
        if (code !== undefined) this.#http = code >= 100 && code < 400 ? 0 : 2
        return false
      case 'http.status_message':
        this.#httpMessage = text
        return false
      default:
        return false
    }
  }

  result(): { code: number; message: string } {
    if (this.#census >= 0) return { code: this.#census, message: this.#censusMessage }
    if (this.#code >= 0) return { code: this.#code, message: this.#message }
    if (this.#isError) return { code: 2, message: this.#censusMessage || this.#message }
    if (this.#http >= 0) return { code: this.#http, message: this.#httpMessage }
    return { code: 0, message: '' }
  }
}
