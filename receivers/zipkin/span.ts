// Zipkin's spans (zipkin.io/zipkin-api), read from JSON and protobuf of version 2.
import { isIPv4, isIPv6 } from 'node:net'
import { ZipkinError } from './error.ts'
import { readFields } from './protobuf.ts'

export interface ZipkinEndpoint {
  readonly serviceName: string
  /** IPv6 where there are both; '': none. */
  readonly address: string
  readonly port: number
}

export interface ZipkinSpan {
  /** 16 bytes. */
  readonly traceId: Uint8Array
  /** 8 bytes. */
  readonly id: Uint8Array
  /** 8 bytes, or none. */
  readonly parentId: Uint8Array
  readonly name: string
  /** CLIENT, SERVER, PRODUCER, CONSUMER, or none. */
  readonly kind: string
  /** Microseconds since the epoch; 0n: none. */
  readonly timestampUs: bigint
  readonly durationUs: bigint
  readonly local: ZipkinEndpoint | undefined
  readonly remote: ZipkinEndpoint | undefined
  readonly annotations: readonly { readonly timestampUs: bigint; readonly value: string }[]
  readonly tags: ReadonlyMap<string, string>
}

type Json = Readonly<Record<string, unknown>>

/** Throws `ZipkinError`. */
export function listOf(text: string): Json[] {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    throw new ZipkinError(`the body is no JSON: ${(error as Error).message}`)
  }
  if (!Array.isArray(parsed)) throw new ZipkinError('the body is no list of spans')
  return parsed.filter((span: unknown) => span !== null).map((span: unknown) => objectOf(span, 'a span'))
}

export function objectOf(value: unknown, what: string): Json {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw new ZipkinError(`${what} is no object`)
  return value as Json
}

export function textOf(value: unknown, what: string): string {
  if (value === undefined || value === null) return ''
  if (typeof value !== 'string') throw new ZipkinError(`${what} is no text`)
  return value
}

/** Whole microseconds; what has a fraction is cut, what is negative or nothing is 0. */
export function microsecondsOf(value: unknown, what: string): bigint {
  if (value === undefined || value === null) return 0n
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new ZipkinError(`${what} is no number`)
  return value > 0 ? BigInt(Math.trunc(Math.min(value, Number.MAX_SAFE_INTEGER))) : 0n
}

/** An id of up to `bytes` bytes in hexadecimal digits. Throws where it is none, or only zeros. */
export function idOf(value: unknown, bytes: number, what: string): Uint8Array {
  const text = textOf(value, what)
  if (!/^[0-9a-fA-F]+$/.test(text) || text.length > 2 * bytes || /^0+$/.test(text)) {
    throw new ZipkinError(`${what} is no id of up to ${bytes} bytes: current value is ${JSON.stringify(text)}`)
  }
  return Uint8Array.from(Buffer.from(text.padStart(2 * bytes, '0'), 'hex'))
}

export function spansFromJson(text: string): ZipkinSpan[] {
  return listOf(text).map((span) => {
    const id = idOf(span['id'], 8, 'the id of a span')
    return {
      traceId: idOf(span['traceId'], 16, 'the trace id of a span'),
      id,
      parentId: parentOf(textOf(span['parentId'], 'the parent of a span'), id),
      name: textOf(span['name'], 'the name of a span'),
      kind: textOf(span['kind'], 'the kind of a span'),
      timestampUs: microsecondsOf(span['timestamp'], 'the time of a span'),
      durationUs: microsecondsOf(span['duration'], 'the duration of a span'),
      local: endpointFromJson(span['localEndpoint']),
      remote: endpointFromJson(span['remoteEndpoint']),
      annotations: annotationsFromJson(span['annotations']),
      tags: tagsFromJson(span['tags']),
    }
  })
}

/** A span that is its own parent has none. */
function parentOf(text: string, id: Uint8Array): Uint8Array {
  if (text === '' || /^0+$/.test(text)) return new Uint8Array(0)
  const parent = idOf(text, 8, 'the parent of a span')
  return Buffer.compare(parent, id) === 0 ? new Uint8Array(0) : parent
}

function endpointFromJson(value: unknown): ZipkinEndpoint | undefined {
  if (value === undefined || value === null) return undefined
  const endpoint = objectOf(value, 'an endpoint')
  const v4 = textOf(endpoint['ipv4'], 'an address')
  const v6 = textOf(endpoint['ipv6'], 'an address')
  const { port } = endpoint as { port?: unknown }
  return {
    serviceName: textOf(endpoint['serviceName'], 'the name of a service'),
    address: isIPv6(v6) ? shortIpv6(v6) : isIPv4(v4) ? v4 : '',
    port: typeof port === 'number' && port > 0 && port < 65_536 ? Math.trunc(port) : 0,
  }
}

/** As Go writes it. */
function shortIpv6(address: string): string {
  return URL.parse(`http://[${address}]/`)?.hostname.slice(1, -1) ?? address
}

function annotationsFromJson(value: unknown): { timestampUs: bigint; value: string }[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw new ZipkinError('the annotations of a span are no list')
  return value.map((one: unknown) => {
    const annotation = objectOf(one, 'an annotation')
    return {
      timestampUs: microsecondsOf(annotation['timestamp'], 'the time of an annotation'),
      value: textOf(annotation['value'], 'the value of an annotation'),
    }
  })
}

function tagsFromJson(value: unknown): Map<string, string> {
  const tags = new Map<string, string>()
  if (value === undefined || value === null) return tags
  for (const [name, content] of Object.entries(objectOf(value, 'the tags of a span'))) {
    tags.set(name, textOf(content, `the tag ${JSON.stringify(name)}`))
  }
  return tags
}

const kinds = ['', 'CLIENT', 'SERVER', 'PRODUCER', 'CONSUMER']

/** `ListOfSpans` of zipkin.proto. Throws `ZipkinError`. */
export function spansFromProtobuf(bytes: Uint8Array): ZipkinSpan[] {
  const spans: ZipkinSpan[] = []
  for (const { number, bytes: span } of readFields(bytes)) if (number === 1 && span) spans.push(spanFromProtobuf(span))
  return spans
}

function spanFromProtobuf(bytes: Uint8Array): ZipkinSpan {
  let traceId: Uint8Array = noBytes
  let id: Uint8Array = noBytes
  let parentId: Uint8Array = noBytes
  let [name, kind] = ['', '']
  let [timestampUs, durationUs] = [0n, 0n]
  let [local, remote]: (ZipkinEndpoint | undefined)[] = []
  const annotations: { timestampUs: bigint; value: string }[] = []
  const tags = new Map<string, string>()
  for (const field of readFields(bytes)) {
    const { number, value } = field
    const part = field.bytes ?? noBytes
    if (number === 1) traceId = part
    else if (number === 2) parentId = part
    else if (number === 3) id = part
    else if (number === 4) kind = kinds[Number(value)] ?? ''
    else if (number === 5) name = utf8(part)
    else if (number === 6) timestampUs = value
    else if (number === 7) durationUs = value
    else if (number === 8) local = endpointFromProtobuf(part)
    else if (number === 9) remote = endpointFromProtobuf(part)
    else if (number === 10) annotations.push(annotationFromProtobuf(part))
    else if (number === 11) addTag(tags, part)
  }
  const hex = (one: Uint8Array): string => Buffer.from(one).toString('hex')
  const own = idOf(hex(id), 8, 'the id of a span')
  return {
    traceId: idOf(hex(traceId), 16, 'the trace id of a span'),
    id: own,
    parentId: parentOf(hex(parentId), own),
    name,
    kind,
    timestampUs,
    durationUs,
    local,
    remote,
    annotations,
    tags,
  }
}

const noBytes = new Uint8Array(0)

function utf8(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')
}

function endpointFromProtobuf(bytes: Uint8Array): ZipkinEndpoint {
  let [serviceName, v4, v6] = ['', '', '']
  let port = 0
  for (const field of readFields(bytes)) {
    const part = field.bytes ?? noBytes
    if (field.number === 1) serviceName = utf8(part)
    else if (field.number === 2 && part.length === 4) v4 = part.join('.')
    else if (field.number === 3 && part.length === 16) {
      v6 = shortIpv6(
        Buffer.from(part)
          .toString('hex')
          .replace(/(.{4})(?!$)/g, '$1:'),
      )
    } else if (field.number === 4) port = Number(field.value & 0xffffn)
  }
  return { serviceName, address: v6 || v4, port }
}

function annotationFromProtobuf(bytes: Uint8Array): { timestampUs: bigint; value: string } {
  const annotation = { timestampUs: 0n, value: '' }
  for (const field of readFields(bytes)) {
    if (field.number === 1) annotation.timestampUs = field.value
    else if (field.number === 2) annotation.value = utf8(field.bytes ?? noBytes)
  }
  return annotation
}

function addTag(tags: Map<string, string>, bytes: Uint8Array): void {
  let [name, content] = ['', '']
  for (const field of readFields(bytes)) {
    if (field.number === 1) name = utf8(field.bytes ?? noBytes)
    else if (field.number === 2) content = utf8(field.bytes ?? noBytes)
  }
  tags.set(name, content)
}
