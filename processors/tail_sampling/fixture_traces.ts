// Traces for the tests of the tail sampler.
import type { OtelOutput, TracesPort } from '#component'
import { Traces } from '#pdata'
import type { AnyValue, Span } from '#pdata/otlp'
import { emptyResource, emptyScope, tracesTree, tracesWire } from '#pdata/otlp'

const noBytes = new Uint8Array()

/** What is said of a span; the rest is empty. */
export interface SpanText {
  readonly name?: string
  readonly attributes?: Readonly<Record<string, AnyValue>>
  readonly traceState?: string
  readonly flags?: number
  readonly status?: number
  /** Names. */
  readonly events?: readonly string[]
  /** Nanoseconds. */
  readonly times?: readonly [start: bigint, end: bigint]
  /** Has a parent; false: it is the root. */
  readonly isChild?: boolean
}

/** An id that begins with the number. */
export function traceId(number: number): Uint8Array {
  const id = Buffer.alloc(16, 7)
  id.writeUInt32BE(number, 0)
  return id
}

export function spanOf(id: Uint8Array, text: SpanText = {}): Span {
  const { name = 'span', attributes = {}, times = [0n, 0n], isChild = true } = text
  return {
    traceId: id,
    spanId: Buffer.alloc(8, 1),
    traceState: text.traceState ?? '',
    parentSpanId: isChild ? Buffer.alloc(8, 2) : noBytes,
    flags: text.flags ?? 0,
    name,
    kind: 1,
    startTimeUnixNano: times[0],
    endTimeUnixNano: times[1],
    attributes: Object.entries(attributes).map(([key, value]) => ({ key, value })),
    droppedAttributesCount: 0,
    events: (text.events ?? []).map((event) => ({
      timeUnixNano: 0n,
      name: event,
      attributes: [],
      droppedAttributesCount: 0,
      unknown: null,
    })),
    droppedEventsCount: 0,
    links: [],
    droppedLinksCount: 0,
    status: { message: '', code: text.status ?? 0, unknown: null },
    unknown: null,
  }
}

/** As a receiver gives it: one request's bytes, with one resource. */
export function wireOf(spans: readonly Span[], resource: Readonly<Record<string, AnyValue>> = {}): Traces {
  const attributes = Object.entries(resource).map(([key, value]) => ({ key, value }))
  const group = {
    resource: { ...emptyResource(), attributes },
    scopeSpans: [{ scope: emptyScope(), spans: [...spans], schemaUrl: '', unknown: null }],
    schemaUrl: '',
    unknown: null,
  }
  return Traces.fromWire(tracesWire(Traces.fromTree({ resourceSpans: [group] })), spans.length)
}

/** Spans that came out, by name and in order. */
export function namesOf(batches: readonly Traces[]): string[] {
  return batches.flatMap((batch) =>
    tracesTree(batch).resourceSpans.flatMap(({ scopeSpans }) =>
      scopeSpans.flatMap(({ spans }) => spans.map(({ name }) => name)),
    ),
  )
}

export class Sink implements TracesPort {
  readonly nodeId = 'sink'
  readonly signal = 'traces'
  readonly batches: Traces[] = []
  /** What comes now fails with it. */
  refusal: Error | undefined
  /** What comes now is taken once this is. */
  hold: Promise<void> | undefined

  consume(batch: Traces): void | Promise<void> {
    if (this.refusal !== undefined) throw this.refusal
    if (this.hold === undefined) {
      this.batches.push(batch)
      return undefined
    }
    return this.hold.then(() => void this.batches.push(batch))
  }

  get names(): string[] {
    return namesOf(this.batches)
  }

  get output(): OtelOutput {
    return { traces: [{ nodeId: this.nodeId, traces: this }], logs: [], metrics: [] }
  }
}
