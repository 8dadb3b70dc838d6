// Samples spans in their encoded form: those that are left out are never decoded, those that are kept get a tracestate.
import { WireCursor } from '#pdata/otlp'
import type { Sampler } from './decision.ts'

/** Tags of opentelemetry.proto.trace.v1: TracesData, ResourceSpans, ScopeSpans and Span. */
const tags = { resourceSpans: 0x0a, scopeSpans: 0x12, span: 0x12, traceId: 0x0a, traceState: 0x1a } as const

const priorityKey = Buffer.from('sampling.priority')

/**
 * May a span in the chunk have the attribute `sampling.priority`? It has to be decoded then. The bytes may stand elsewhere
 * too: this only says who takes the long way.
 */
export function hasPriority(chunk: Uint8Array): boolean {
  return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).includes(priorityKey)
}

/** One batch's way through the sampler, chunk by chunk. */
export class SpanSieve {
  /** Spans kept of all chunks so far. */
  kept = 0
  readonly #sampler: Sampler
  readonly #group = new WireCursor()
  readonly #scope = new WireCursor()
  readonly #span = new WireCursor()
  readonly #field = new WireCursor()
  readonly #id = new Uint8Array(16)
  readonly #noId = new Uint8Array(0)
  #source: Uint8Array = this.#noId
  #out: Buffer = Buffer.alloc(0)
  #length = 0

  constructor(sampler: Sampler) {
    this.#sampler = sampler
  }

  /** The chunk with the spans that are kept, without groups that are empty then; an empty one where nothing is left. */
  sift(chunk: Uint8Array): Uint8Array {
    this.#source = chunk
    this.#out = Buffer.allocUnsafe(chunk.length + 256)
    this.#length = 0
    const group = this.#group
    group.reset(chunk)
    while (group.next()) {
      if (group.tag === tags.resourceSpans) this.#resourceSpans(group)
      else this.#copy(group.fieldStart, group.end)
    }
    return this.kept === 0 ? this.#noId : this.#out.subarray(0, this.#length)
  }

  #resourceSpans(group: WireCursor): void {
    const before = this.kept
    const mark = this.#length
    const contentAt = this.#open(tags.resourceSpans, group.length)
    const scope = this.#scope
    scope.enter(group)
    while (scope.next()) {
      if (scope.tag === tags.scopeSpans) this.#scopeSpans(scope)
      else this.#copy(scope.fieldStart, scope.end)
    }
    if (this.kept === before) this.#length = mark
    else this.#close(contentAt, group.length)
  }

  #scopeSpans(scope: WireCursor): void {
    const before = this.kept
    const mark = this.#length
    const contentAt = this.#open(tags.scopeSpans, scope.length)
    const span = this.#span
    span.enter(scope)
    while (span.next()) {
      if (span.tag === tags.span) this.#sample(span)
      else this.#copy(span.fieldStart, span.end)
    }
    if (this.kept === before) this.#length = mark
    else this.#close(contentAt, scope.length)
  }

  #sample(span: WireCursor): void {
    const field = this.#field
    let id: Uint8Array = this.#noId
    let state = ''
    let stateStart = span.end
    let stateEnd = span.end
    field.enter(span)
    while (field.next()) {
      if (field.tag === tags.traceId) id = this.#idOf(field)
      else if (field.tag === tags.traceState) {
        stateStart = field.fieldStart
        stateEnd = field.end
        state = Buffer.from(field.value()).toString()
      }
    }
    const next = this.#sampler.decide(id, state, undefined)
    if (next === null) return
    this.kept++
    if (next === state) return this.#copy(span.fieldStart, span.end)
    const contentAt = this.#open(tags.span, span.length)
    this.#copy(span.start, stateStart)
    this.#copy(stateEnd, span.end)
    this.#putState(next)
    this.#close(contentAt, span.length)
  }

  /** Sixteen bytes go to a place of their own: a view for each would have to be made. */
  #idOf(field: WireCursor): Uint8Array {
    if (field.length !== 16) return field.value()
    for (let i = 0; i < 16; i++) this.#id[i] = field.bytes[field.start + i] as number
    return this.#id
  }

  #putState(state: string): void {
    const bytes = Buffer.byteLength(state)
    this.#reserve(bytes + 6)
    this.#out[this.#length++] = tags.traceState
    this.#length = this.#putVarint(this.#length, bytes)
    this.#length += this.#out.write(state, this.#length)
  }

  /** Begin a message that was `length` long; gives where its content begins. */
  #open(tag: number, length: number): number {
    this.#reserve(6)
    this.#out[this.#length++] = tag
    this.#length += varintSize(length)
    return this.#length
  }

  /** End it: its length may take another number of bytes now. */
  #close(contentAt: number, lengthBefore: number): void {
    const length = this.#length - contentAt
    const size = varintSize(lengthBefore)
    const shift = varintSize(length) - size
    if (shift !== 0) {
      this.#reserve(shift)
      this.#out.copyWithin(contentAt + shift, contentAt, this.#length)
      this.#length += shift
    }
    this.#putVarint(contentAt - size, length)
  }

  #putVarint(at: number, value: number): number {
    let to = at
    let rest = value
    while (rest > 0x7f) {
      this.#out[to++] = (rest & 0x7f) | 0x80
      rest = Math.floor(rest / 128)
    }
    this.#out[to++] = rest
    return to
  }

  #copy(start: number, end: number): void {
    if (start >= end) return
    this.#reserve(end - start)
    this.#out.set(this.#source.subarray(start, end), this.#length)
    this.#length += end - start
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes
    if (needed <= this.#out.length) return
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#out.length * 2))
    larger.set(this.#out.subarray(0, this.#length))
    this.#out = larger
  }
}

function varintSize(value: number): number {
  let size = 1
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 128)) size++
  return size
}
