// Spans that wait for the decision on their trace: as they came, in the bytes of the requests that brought them.
import { Traces } from '#pdata'
import type { TracesTree } from '#pdata/otlp'
import { tracesTree, tracesWire, WireBuilder, WireCursor } from '#pdata/otlp'

/** Tags of opentelemetry.proto.trace.v1: TracesData, ResourceSpans, ScopeSpans, Span. */
export const tags = {
  resourceSpans: 0x0a,
  resource: 0x0a,
  scopeSpans: 0x12,
  span: 0x12,
  traceId: 0x0a,
  parentSpanId: 0x22,
} as const

/** Begin and end of whole fields, in turn: a message without those that repeat, which are kept elsewhere. */
export type Ranges = readonly number[]

/** Memory that spans stand in. It is held as long as one of the parts in it is. */
export class Source {
  readonly bytes: Uint8Array
  /** Bytes that holding it takes. */
  readonly cost: number
  /** Parts that are held. */
  parts = 0
  constructor(bytes: Uint8Array, cost: number) {
    this.bytes = bytes
    this.cost = cost
  }
}

/** What came in one chunk: where its spans are. In arrays that all its parts share: each of their own would take more than the spans. */
export class Layout {
  readonly source: Source
  /** The ScopeSpans of the chunk but for their spans. */
  scopes: readonly Ranges[]
  /** For each span its place in `scopes`, and begin and end of its field; those of a part in a row. */
  places: number[]
  /** Parts that are held. */
  parts = 0
  constructor(source: Source, scopes: readonly Ranges[], places: number[]) {
    this.source = source
    this.scopes = scopes
    this.places = places
  }
}

/** The spans of one trace in one ResourceSpans. */
export class Part {
  /** The trace id, a byte per code unit. */
  key: string
  layout: Layout
  /** The ResourceSpans but for its scopes; shared with the other traces in it. */
  group: Ranges
  /** Where its places begin. */
  from = 0
  spans = 0
  /** Size as a ResourceSpans message of its own. */
  bytes = 0
  hasRoot = false
  isHeld = false
  next: Part | null = null

  constructor(key: string, layout: Layout, group: Ranges) {
    this.key = key
    this.layout = layout
    this.group = group
  }

  /** Where its places end. */
  get to(): number {
    return this.from + 3 * this.spans
  }
}

/** What policies look at: a trace as far as it came, or what one request brought of it. */
export class TraceView {
  /** The trace id, a byte per code unit. */
  readonly key: string
  /** Of the whole trace, also where only some of them are in the parts. */
  spans = 0
  first: Part | null = null
  last: Part | null = null
  /** Its spans as objects, once somebody asked: see `treeOf`. */
  tree: TracesTree | null = null

  constructor(key: string) {
    this.key = key
  }

  append(part: Part): void {
    this.tree = null
    if (this.last === null) this.first = part
    else this.last.next = part
    this.last = part
  }

  /** Bytes as an ExportTraceServiceRequest. */
  get requestBytes(): number {
    let bytes = 0
    for (let part = this.first; part !== null; part = part.next) bytes += fieldBytes(part.bytes)
    return bytes
  }
}

/** A trace that is not decided yet. */
export class PendingTrace extends TraceView {
  readonly arrivedMs: number
  /** The number of the round that decides on it. */
  round = 0
  /** Of its parts as ResourceSpans messages. */
  bytes = 0
  /** Decided, or given up. */
  isGone = false
  /** What came of it was looked at as it came. */
  readonly isEarly: boolean

  constructor(key: string, arrivedMs: number, isEarly: boolean) {
    super(key)
    this.arrivedMs = arrivedMs
    this.isEarly = isEarly
  }
}

class Round {
  readonly traces: PendingTrace[] = []
  /** Those before it are gone. */
  head = 0
}

/** Traces by when they are decided on: in one round per second, those that came so many rounds before. */
export class Rounds {
  readonly #wait: number
  /** The round that comes next. */
  #next = 0
  /** From the next round on; the last one is where new traces go. */
  readonly #rounds: Round[]

  /** A trace waits for `wait` rounds, and decisions are made in the one after them. */
  constructor(wait: number) {
    this.#wait = wait
    this.#rounds = Array.from({ length: wait + 1 }, () => new Round())
  }

  add(trace: PendingTrace): void {
    trace.round = this.#next + this.#wait
    this.#at(trace.round).traces.push(trace)
  }

  /** Decide on it after `rounds` rounds, unless that is later than it is anyway. */
  moveUp(trace: PendingTrace, rounds: number): void {
    const round = this.#next + rounds
    if (round >= trace.round) return
    trace.round = round
    this.#at(round).traces.push(trace)
  }

  /** The same traces, with another wait for those that come from now on; nobody waits longer than that. */
  resized(wait: number): Rounds {
    const rounds = new Rounds(wait)
    for (let ahead = 0; ahead <= this.#wait; ahead++) {
      const number = this.#next + ahead
      for (const trace of this.#at(number).traces) {
        if (trace.round !== number || trace.isGone) continue
        trace.round = Math.min(ahead, wait)
        rounds.#at(trace.round).traces.push(trace)
      }
    }
    return rounds
  }

  /** The traces to decide on now. */
  take(): PendingTrace[] {
    const number = this.#next++
    const { traces } = this.#at(number)
    this.#rounds[number % this.#rounds.length] = new Round()
    return traces.filter((trace) => trace.round === number && !trace.isGone)
  }

  /** The trace that would be decided on first. */
  oldest(): PendingTrace | undefined {
    for (let number = this.#next; number <= this.#next + this.#wait; number++) {
      const round = this.#at(number)
      for (; round.head < round.traces.length; round.head++) {
        const trace = round.traces[round.head] as PendingTrace
        if (trace.round === number && !trace.isGone) return trace
      }
    }
    return undefined
  }

  #at(number: number): Round {
    return this.#rounds[number % this.#rounds.length] as Round
  }
}

/** Takes batches apart by ResourceSpans and trace. */
export class Splitter {
  readonly #smallBytes: number
  readonly #findsRoots: boolean
  readonly #group = new WireCursor()
  readonly #scope = new WireCursor()
  readonly #span = new WireCursor()
  readonly #field = new WireCursor()
  /** The traces of a ResourceSpans, in the order in which they first appear. */
  readonly #byKey = new Map<string, Part>()
  /** Its spans as they come: part, scope, begin, end. */
  #found: (Part | number)[] = []
  #text: Buffer = Buffer.alloc(0)

  /** Chunks of up to `smallBytes` are moved to other memory before long, and cost nothing themselves. */
  constructor(findsRoots: boolean, smallBytes: number) {
    this.#findsRoots = findsRoots
    this.#smallBytes = smallBytes
  }

  split(batch: Traces): Part[] {
    const parts: Part[] = []
    for (const chunk of tracesWire(batch)) this.#chunk(chunk, parts)
    return parts
  }

  #chunk(chunk: Uint8Array, parts: Part[]): void {
    const isSmall = chunk.length <= this.#smallBytes
    // A view holds all of the memory that it is a view of.
    const bytes = !isSmall && chunk.length * 2 < chunk.buffer.byteLength ? chunk.slice() : chunk
    const scopes: Ranges[] = []
    const layout = new Layout(new Source(bytes, isSmall ? 0 : bytes.buffer.byteLength), scopes, [])
    this.#text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    const group = this.#group
    group.reset(bytes)
    while (group.next()) {
      if (group.tag !== tags.resourceSpans) continue
      this.#resourceSpans(group, layout, scopes)
      this.#arrange(layout, parts)
    }
    layout.scopes = scopes.slice()
    layout.places = layout.places.slice()
  }

  #resourceSpans(group: WireCursor, layout: Layout, scopes: Ranges[]): void {
    const found = this.#found
    const scope = this.#scope
    scope.enter(group)
    const header = rangesBut(tags.scopeSpans, scope)
    scope.enter(group)
    while (scope.seek(tags.scopeSpans)) {
      const span = this.#span
      span.enter(scope)
      scopes.push(rangesBut(tags.span, span))
      span.enter(scope)
      let part: Part | undefined
      while (span.seek(tags.span)) {
        const key = this.#keyOf(span)
        if (part?.key !== key) {
          part = this.#byKey.get(key)
          if (part === undefined) {
            part = new Part(key, layout, header)
            this.#byKey.set(key, part)
          }
        }
        found.push(part, scopes.length - 1, span.fieldStart, span.end)
        part.spans++
        if (this.#findsRoots && !part.hasRoot) part.hasRoot = this.#isRoot(span)
      }
    }
  }

  /** Put the places of each part in a row. */
  #arrange(layout: Layout, parts: Part[]): void {
    const { places } = layout
    const found = this.#found
    let from = places.length
    for (const part of this.#byKey.values()) {
      part.from = from
      from += 3 * part.spans
      part.spans = 0
    }
    places.length = from
    for (let i = 0; i < found.length; i += 4) {
      const part = found[i] as Part
      const at = part.to
      for (let k = 0; k < 3; k++) places[at + k] = found[i + 1 + k] as number
      part.spans++
    }
    for (const part of this.#byKey.values()) {
      part.bytes = messageBytes(part)
      parts.push(part)
    }
    this.#byKey.clear()
    found.length = 0
  }

  /** No trace id counts as one of zeros, as it does in the collector. */
  #keyOf(span: WireCursor): string {
    const field = this.#field
    field.enter(span)
    if (!field.seek(tags.traceId) || field.length === 0) return noTraceId
    return this.#text.toString('latin1', field.start, field.end)
  }

  #isRoot(span: WireCursor): boolean {
    const field = this.#field
    field.enter(span)
    if (!field.seek(tags.parentSpanId)) return true
    for (let at = field.start; at < field.end; at++) if (field.bytes[at] !== 0) return false
    return true
  }
}

const noTraceId = '\0'.repeat(16)

/** The fields of a message without those of one tag; the cursor is used up. */
function rangesBut(tag: number, fields: WireCursor): Ranges {
  const ranges: number[] = []
  while (fields.next()) {
    if (fields.tag === tag) continue
    if (ranges.at(-1) === fields.fieldStart) ranges[ranges.length - 1] = fields.end
    else ranges.push(fields.fieldStart, fields.end)
  }
  // A copy has no room to grow: it is kept for long.
  return ranges.slice()
}

function rangesBytes(ranges: Ranges): number {
  let bytes = 0
  for (let i = 0; i < ranges.length; i += 2) bytes += (ranges[i + 1] as number) - (ranges[i] as number)
  return bytes
}

/** Of a length-delimited field with a tag of one byte. */
function fieldBytes(length: number): number {
  let bytes = 2 + length
  for (let rest = length; rest > 0x7f; rest = Math.floor(rest / 128)) bytes++
  return bytes
}

function messageBytes({ layout: { scopes, places }, group, from, to }: Part): number {
  let bytes = rangesBytes(group)
  for (let i = from; i < to;) {
    const scope = places[i] as number
    let scopeBytes = rangesBytes(scopes[scope] as Ranges)
    for (; i < to && places[i] === scope; i += 3) scopeBytes += (places[i + 2] as number) - (places[i + 1] as number)
    bytes += fieldBytes(scopeBytes)
  }
  return bytes
}

/** What each costs beside the bytes: measured with `bench/tail_sampling.ts`, rounded up. */
const layoutCost = 240
const partCost = 128
const spanCost = 24
export const traceCost = 256
/** Small requests share pages: memory of their own would take more than they do. */
const pageBytes = 64 * 1024
const pageShare = 16

/** How much memory the parts take that wait. */
export class Holdings {
  bytes = 0
  /** Requests of up to so many bytes are moved to pages. */
  readonly smallBytes: number
  readonly #pageBytes: number
  #page = new Source(new Uint8Array(0), 0)
  #pageAt = 0

  constructor(bytesMax: number) {
    this.#pageBytes = Math.min(pageBytes, Math.floor(bytesMax / pageShare))
    this.smallBytes = Math.floor(this.#pageBytes / pageShare)
  }

  hold(part: Part): void {
    const { layout } = part
    const { source } = layout
    part.isHeld = true
    this.bytes += partCost + spanCost * part.spans
    if (layout.parts++ === 0) this.bytes += layoutCost
    if (source.parts++ === 0) this.bytes += source.cost
  }

  release(part: Part): void {
    const { layout } = part
    const { source } = layout
    part.isHeld = false
    this.bytes -= partCost + spanCost * part.spans
    if (--layout.parts === 0) this.bytes -= layoutCost
    if (--source.parts === 0) this.bytes -= source.cost
  }

  /** What holding the part would add. */
  costOf(part: Part): number {
    const { parts, source } = part.layout
    const memory = source.parts > 0 ? 0 : source.cost > 0 ? source.cost : source.bytes.length
    return partCost + spanCost * part.spans + memory + (parts > 0 ? 0 : layoutCost)
  }

  /**
   * `parts` are all that came in a chunk, just now. What is held of it moves to other memory where the chunk is small, or
   * where it is the smaller part of it: so what is held is what is counted.
   */
  compact(parts: readonly Part[]): void {
    const held = parts.filter(({ isHeld }) => isHeld)
    const [first] = held
    if (first === undefined) return
    const { source } = first.layout
    const bytes = neededBytes(held)
    if (source.cost > 0 && bytes * 2 > source.cost) return
    const isSmall = bytes <= this.smallBytes
    if (isSmall && bytes > this.#page.bytes.length - this.#pageAt) {
      this.#page = new Source(new Uint8Array(this.#pageBytes), this.#pageBytes)
      this.#pageAt = 0
    }
    const to = isSmall ? this.#page : new Source(new Uint8Array(bytes), bytes)
    const mover = new Mover(to, isSmall ? this.#pageAt : 0)
    for (const part of held) {
      this.release(part)
      mover.move(part)
      this.hold(part)
    }
    mover.end()
    if (isSmall) this.#pageAt = mover.at
  }
}

/** Moves what parts need into other memory. */
class Mover {
  readonly #to: Layout
  readonly #scopes: Ranges[] = []
  readonly #moved = new Map<Ranges, Ranges>()
  at: number

  constructor(to: Source, at: number) {
    this.#to = new Layout(to, this.#scopes, [])
    this.at = at
  }

  move(part: Part): void {
    const { layout: from, from: start, to: end } = part
    const { places } = this.#to
    const { bytes } = from.source
    part.group = this.#shared(bytes, part.group)
    part.from = places.length
    for (let i = start; i < end; i += 3) {
      const scope = this.#shared(bytes, from.scopes[from.places[i] as number] as Ranges)
      if (this.#scopes.at(-1) !== scope) this.#scopes.push(scope)
      const at = this.#copy(bytes, from.places[i + 1] as number, from.places[i + 2] as number)
      places.push(this.#scopes.length - 1, at, this.at)
    }
    part.layout = this.#to
  }

  /** Arrays that are kept have no room to grow. */
  end(): void {
    this.#to.scopes = this.#scopes.slice()
    this.#to.places = this.#to.places.slice()
  }

  #shared(bytes: Uint8Array, ranges: Ranges): Ranges {
    const known = this.#moved.get(ranges)
    if (known !== undefined) return known
    const to = ranges.slice()
    for (let i = 0; i < ranges.length; i += 2) {
      to[i] = this.#copy(bytes, ranges[i] as number, ranges[i + 1] as number)
      to[i + 1] = this.at
    }
    this.#moved.set(ranges, to)
    return to
  }

  #copy(bytes: Uint8Array, start: number, end: number): number {
    const at = this.at
    this.#to.source.bytes.set(bytes.subarray(start, end), at)
    this.at += end - start
    return at
  }
}

/** Bytes that the parts need, those that are shared once. */
function neededBytes(parts: readonly Part[]): number {
  const shared = new Set<Ranges>()
  let bytes = 0
  for (const { layout, group, from, to } of parts) {
    shared.add(group)
    for (let i = from; i < to; i += 3) {
      shared.add(layout.scopes[layout.places[i] as number] as Ranges)
      bytes += (layout.places[i + 2] as number) - (layout.places[i + 1] as number)
    }
  }
  for (const ranges of shared) bytes += rangesBytes(ranges)
  return bytes
}

/** Parts on their way out, gathered into one batch. */
export class Outgoing {
  readonly #builder = new WireBuilder()
  spans = 0

  get bytes(): number {
    return this.#builder.length
  }

  add(part: Part): void {
    const builder = this.#builder
    const { source, scopes, places } = part.layout
    builder.open(tags.resourceSpans)
    copyRanges(builder, source.bytes, part.group)
    let scope = -1
    for (let i = part.from; i < part.to; i += 3) {
      if (places[i] !== scope) {
        if (scope >= 0) builder.close()
        scope = places[i] as number
        builder.open(tags.scopeSpans)
        copyRanges(builder, source.bytes, scopes[scope] as Ranges)
      }
      builder.copyRange(source.bytes, places[i + 1] as number, places[i + 2] as number)
    }
    if (scope >= 0) builder.close()
    builder.close()
    this.spans += part.spans
  }

  /** What was gathered, without the context of the clients who sent it; begins anew. */
  take(): Traces {
    const batch = Traces.fromWire([this.#builder.take()], this.spans)
    this.spans = 0
    return batch
  }
}

/** The spans of a trace as objects. For reading: policies share it. */
export function treeOf(trace: TraceView): TracesTree {
  if (trace.tree !== null) return trace.tree
  const out = new Outgoing()
  for (let part = trace.first; part !== null; part = part.next) out.add(part)
  return (trace.tree = tracesTree(out.take()))
}

function copyRanges(builder: WireBuilder, bytes: Uint8Array, ranges: Ranges): void {
  for (let i = 0; i < ranges.length; i += 2) builder.copyRange(bytes, ranges[i] as number, ranges[i + 1] as number)
}
