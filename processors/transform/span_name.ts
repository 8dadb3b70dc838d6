// Span names as the semantic conventions have them, from a span's attributes.
import type { FunctionDefinition } from '#component/ottl'
import { defineEditor, OttlError, optional, stringLiteral } from '#component/ottl'
import type { Span } from '#pdata/otlp'
import { anyValueText, attributeValue, setAttribute } from '#pdata/otlp'

/** The first of the attributes that is there, as text; undefined: none. */
function textOf(span: Span, ...keys: readonly string[]): string | undefined {
  for (const key of keys) {
    const value = attributeValue(span.attributes, key)
    if (value !== undefined) return anyValueText(value)
  }
  return undefined
}

function isSet(span: Span, key: string): boolean {
  return attributeValue(span.attributes, key) === true
}

/** https://opentelemetry.io/docs/specs/semconv/http/http-spans/ */
function httpName(span: Span, target: string): string | undefined {
  const method = textOf(span, 'http.request.method', 'http.method')
  if (method === undefined) return undefined
  const route = textOf(span, target)
  return route === undefined ? method : `${method} ${route}`
}

/** https://opentelemetry.io/docs/specs/semconv/rpc/rpc-spans/ */
function rpcName(span: Span): string | undefined {
  const system = textOf(span, 'rpc.system.name', 'rpc.system')
  if (system === undefined) return undefined
  const method = textOf(span, 'rpc.method', 'rpc.grpc.method')
  const service = textOf(span, 'rpc.service', 'rpc.grpc.service')
  if (service !== undefined) return `${service}/${method ?? '*'}`
  return method ?? system
}

function serverText(span: Span): string {
  const address = textOf(span, 'server.address')
  if (address === undefined) return ''
  const port = textOf(span, 'server.port')
  return port === undefined ? address : `${address}:${port}`
}

/** https://opentelemetry.io/docs/specs/semconv/database/database-spans/ */
function databaseName(span: Span): string | undefined {
  const system = textOf(span, 'db.system.name', 'db.system')
  if (system === undefined) return undefined
  const summary = textOf(span, 'db.query.summary')
  if (summary !== undefined) return summary
  const operation = textOf(span, 'db.operation.name', 'db.operation') ?? ''
  const parts = [operation, databaseTarget(span)].filter((part) => part !== '')
  return parts.length === 0 ? system : parts.join(' ')
}

function databaseTarget(span: Span): string {
  const namespace = textOf(span, 'db.namespace', 'db.name') ?? ''
  const inside = textOf(span, 'db.collection.name', 'db.stored_procedure.name')
  if (inside !== undefined) return namespace === '' ? inside : `${namespace}.${inside}`
  return namespace === '' ? serverText(span) : namespace
}

/** https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/ */
function messagingName(span: Span): string | undefined {
  const system = textOf(span, 'messaging.system')
  if (system === undefined) return undefined
  const operation = textOf(span, 'messaging.operation.name', 'messaging.operation') ?? ''
  const parts = [operation, messagingDestination(span)].filter((part) => part !== '')
  return parts.length === 0 ? system : parts.join(' ')
}

function messagingDestination(span: Span): string {
  if (isSet(span, 'messaging.destination.temporary')) return '(temporary)'
  if (isSet(span, 'messaging.destination.anonymous')) return '(anonymous)'
  const named = textOf(span, 'messaging.destination.template', 'messaging.destination.name', 'messaging.destination')
  return named ?? serverText(span)
}

/** Span.SpanKind of opentelemetry.proto.trace.v1. */
const Kind = { server: 2, client: 3, producer: 4, consumer: 5 } as const

function conventionalName(span: Span): string {
  switch (span.kind) {
    case Kind.server:
      return httpName(span, 'http.route') ?? rpcName(span) ?? messagingName(span) ?? span.name
    case Kind.client:
      return httpName(span, 'url.template') ?? rpcName(span) ?? databaseName(span) ?? messagingName(span) ?? span.name
    case Kind.producer:
    case Kind.consumer:
      return messagingName(span) ?? span.name
    default:
      return span.name
  }
}

/** Minor versions of the conventions, 1.x, whose attributes this knows. */
const minorMin = 37
const minorMax = 43

const setSemconvSpanName = defineEditor({
  name: 'set_semconv_span_name',
  readsContext: true,
  parameters: { semconv_version: stringLiteral, original_span_name_attribute: optional(stringLiteral) },
  create({ semconv_version: version, original_span_name_attribute: original }) {
    const parts = /^v?1\.(\d+)(?:\.\d+)?$/.exec(version)
    const minor = Number(parts?.[1])
    if (!(minor >= minorMin && minor <= minorMax)) {
      throw new OttlError(
        `unsupported semconv version "${version}": must be between 1.${minorMin}.0 and 1.${minorMax}.0`,
      )
    }
    if (original === '') throw new OttlError('the attribute for the original name cannot be an empty string')
    return (context) => {
      const span = context.span as Span
      const before = span.name
      span.name = conventionalName(span)
      if (original !== undefined && span.name !== before) setAttribute(span.attributes, original, before)
      return null
    }
  },
})

export const spanFunctions: readonly FunctionDefinition[] = [setSemconvSpanName]
