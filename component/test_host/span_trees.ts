// Traces in few words, for the tests of components.
import type { AnyValue, ResourceSpans, Scope, Span, SpanEvent, TracesTree } from '#pdata/otlp'
import { attributesOf } from './metric_trees.ts'

export interface SpanInput {
  readonly name?: string
  readonly kind?: number
  readonly status?: number
  /** In hex. */
  readonly traceId?: string
  readonly spanId?: string
  readonly parentId?: string
  readonly traceState?: string
  /** Milliseconds since the epoch, and how long it took. */
  readonly startMs?: number
  readonly durationMs?: number
  readonly attributes?: Readonly<Record<string, AnyValue>>
  readonly events?: readonly { readonly name?: string; readonly attributes?: Readonly<Record<string, AnyValue>> }[]
}

export function spanOf(input: SpanInput = {}): Span {
  const { startMs = 1_700_000_000_000, durationMs = 0 } = input
  const startTimeUnixNano = BigInt(Math.round(startMs * 1e6))
  return {
    traceId: Buffer.from(input.traceId ?? '', 'hex'),
    spanId: Buffer.from(input.spanId ?? '', 'hex'),
    traceState: input.traceState ?? '',
    parentSpanId: Buffer.from(input.parentId ?? '', 'hex'),
    flags: 0,
    name: input.name ?? 'span',
    kind: input.kind ?? 0,
    startTimeUnixNano,
    endTimeUnixNano: startTimeUnixNano + BigInt(Math.round(durationMs * 1e6)),
    attributes: attributesOf(input.attributes),
    droppedAttributesCount: 0,
    events: (input.events ?? []).map((event) => eventOf(event.name ?? 'event', event.attributes ?? {})),
    droppedEventsCount: 0,
    links: [],
    droppedLinksCount: 0,
    status: { message: '', code: input.status ?? 0, unknown: null },
    unknown: null,
  }
}

function eventOf(name: string, attributes: Readonly<Record<string, AnyValue>>): SpanEvent {
  return { timeUnixNano: 0n, name, attributes: attributesOf(attributes), droppedAttributesCount: 0, unknown: null }
}

/** One resource with one scope. */
export function resourceSpans(
  resource: Readonly<Record<string, AnyValue>>,
  spans: readonly SpanInput[],
  scope: Partial<Scope> = {},
): ResourceSpans {
  return {
    resource: { attributes: attributesOf(resource), droppedAttributesCount: 0, entityRefs: [], unknown: null },
    scopeSpans: [
      {
        scope: { name: '', version: '', attributes: [], droppedAttributesCount: 0, unknown: null, ...scope },
        spans: spans.map(spanOf),
        schemaUrl: '',
        unknown: null,
      },
    ],
    schemaUrl: '',
    unknown: null,
  }
}

export function tracesTreeOf(...resources: ResourceSpans[]): TracesTree {
  return { resourceSpans: resources }
}
