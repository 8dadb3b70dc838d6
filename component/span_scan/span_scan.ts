// Finds what connectors need of a span in its bytes, in one pass and without making objects.
import { WireCursor, wireVarint } from '#pdata/otlp'
import type { AttributeNames } from './attribute_names.ts'

/**
 * Where things stand in the chunk; -1 for what is not there. Numbers refer to `bytes`; the arrays have an entry for each
 * slot. Used again for every span.
 */
export class SpanScan {
  bytes: Uint8Array = new Uint8Array(0)
  nameStart = 0
  nameEnd = 0
  kind = 0
  statusCode = 0
  /** Of the fixed64 values. */
  startTimeAt = -1
  endTimeAt = -1
  traceIdStart = -1
  traceIdEnd = -1
  spanIdStart = -1
  spanIdEnd = -1
  parentIdStart = -1
  parentIdEnd = -1
  traceStateStart = -1
  traceStateEnd = -1
  /** Content of the AnyValues of the attributes with these names. An attribute without a value has an empty one. */
  readonly valueStart: Int32Array
  readonly valueEnd: Int32Array
  /** Keys and contents of attributes that a pattern may match: key start, key end, value start, value end, in turns. */
  others: number[] = []
  /** Start and end of events, in turns. */
  events: number[] = []
  readonly #field = new WireCursor()
  readonly #names: AttributeNames
  readonly #keepOthers: boolean
  readonly #keepEvents: boolean
  #keyStart = 0
  #keyEnd = 0
  #valueStart = 0
  #valueEnd = 0
  /** What was found at the mark. */
  readonly #markedStart: Int32Array
  readonly #markedEnd: Int32Array
  #markedOthers = 0

  constructor(names: AttributeNames, options: { keepOthers: boolean; keepEvents: boolean }) {
    this.#names = names
    this.#keepOthers = options.keepOthers
    this.#keepEvents = options.keepEvents
    this.valueStart = new Int32Array(names.count)
    this.valueEnd = new Int32Array(names.count)
    this.#markedStart = new Int32Array(names.count)
    this.#markedEnd = new Int32Array(names.count)
  }

  /** `rewind` comes back to the attributes found so far. */
  mark(): void {
    this.#markedStart.set(this.valueStart)
    this.#markedEnd.set(this.valueEnd)
    this.#markedOthers = this.others.length
  }

  rewind(): void {
    this.valueStart.set(this.#markedStart)
    this.valueEnd.set(this.#markedEnd)
    this.others.length = this.#markedOthers
  }

  /** Forget what was found. */
  begin(bytes: Uint8Array): void {
    this.bytes = bytes
    this.nameStart = 0
    this.nameEnd = 0
    this.kind = 0
    this.statusCode = 0
    this.startTimeAt = -1
    this.endTimeAt = -1
    this.traceIdStart = -1
    this.spanIdStart = -1
    this.parentIdStart = -1
    this.traceStateStart = -1
    for (let i = 0; i < this.valueStart.length; i++) this.valueStart[i] = -1
    if (this.others.length > 0) this.others.length = 0
    if (this.events.length > 0) this.events.length = 0
  }

  /** opentelemetry.proto.trace.v1.Span in `bytes[start … end)` of a validated chunk. */
  span(bytes: Uint8Array, start: number, end: number): void {
    this.begin(bytes)
    let at = start
    while (at < end) {
      const tagAt = at
      let tag = bytes[at++] as number
      if (tag >= 0x80) {
        tag = wireVarint(bytes, tagAt)
        while ((bytes[at++] as number) >= 0x80);
      }
      switch (tag & 7) {
        case 0:
          if (tag === 0x30) this.kind = bytes[at] as number
          while ((bytes[at++] as number) >= 0x80);
          break
        case 1:
          if (tag === 0x39) this.startTimeAt = at
          else if (tag === 0x41) this.endTimeAt = at
          at += 8
          break
        case 2: {
          let length = bytes[at++] as number
          if (length >= 0x80) {
            length = wireVarint(bytes, at - 1)
            while ((bytes[at++] as number) >= 0x80);
          }
          this.#part(tag, at, at + length)
          at += length
          break
        }
        case 5:
          at += 4
          break
        default:
          at = groupEnd(bytes, at, end)
      }
    }
  }

  #part(tag: number, start: number, end: number): void {
    switch (tag) {
      case 0x4a:
        this.attribute(start, end)
        break
      case 0x2a:
        this.nameStart = start
        this.nameEnd = end
        break
      case 0x0a:
        this.traceIdStart = start
        this.traceIdEnd = end
        break
      case 0x12:
        this.spanIdStart = start
        this.spanIdEnd = end
        break
      case 0x22:
        this.parentIdStart = start
        this.parentIdEnd = end
        break
      case 0x1a:
        this.traceStateStart = start
        this.traceStateEnd = end
        break
      case 0x5a:
        if (this.#keepEvents) this.events.push(start, end)
        break
      case 0x7a:
        this.#status(start, end)
        break
      default:
    }
  }

  /** opentelemetry.proto.trace.v1.Status: code = 3. */
  #status(start: number, end: number): void {
    const field = this.#field
    field.reset(this.bytes, start, end)
    while (field.next()) if (field.tag === 0x18) this.statusCode = field.uint32()
  }

  /** Note the KeyValue with this content where its name is one of those looked for, and the first of its key. */
  attribute(start: number, end: number): void {
    this.#keyValue(start, end)
    this.note(this.#keyStart, this.#keyEnd, this.#valueStart, this.#valueEnd)
  }

  /** As `attribute`, where its parts are known. */
  note(keyStart: number, keyEnd: number, valueStart: number, valueEnd: number): void {
    const slot = this.#names.slotOf(this.bytes, keyStart, keyEnd)
    if (slot >= 0 && this.valueStart[slot] === -1) {
      this.valueStart[slot] = valueStart
      this.valueEnd[slot] = valueEnd
    }
    if (this.#keepOthers) this.others.push(keyStart, keyEnd, valueStart, valueEnd)
  }

  /** Find key and value of a KeyValue: key = 1, value = 2. */
  #keyValue(start: number, end: number): void {
    const { bytes } = this
    // Most are a short key and then a short value, and nothing else.
    const keyStart = start + 2
    const keyEnd = keyStart + (bytes[start + 1] as number)
    const valueStart = keyEnd + 2
    if (
      bytes[start] === 0x0a &&
      (bytes[start + 1] as number) < 0x80 &&
      valueStart <= end &&
      bytes[keyEnd] === 0x12 &&
      (bytes[keyEnd + 1] as number) < 0x80 &&
      valueStart + (bytes[keyEnd + 1] as number) === end
    ) {
      this.#keyStart = keyStart
      this.#keyEnd = keyEnd
      this.#valueStart = valueStart
      this.#valueEnd = end
      return
    }
    this.#keyStart = this.#keyEnd = this.#valueStart = this.#valueEnd = start
    const field = this.#field
    field.reset(bytes, start, end)
    while (field.next()) {
      if (field.tag === 0x0a) {
        this.#keyStart = field.start
        this.#keyEnd = field.end
      } else if (field.tag === 0x12) {
        this.#valueStart = field.start
        this.#valueEnd = field.end
      }
    }
  }
}

/** Fields that nobody knows: where the group whose tag was read ends. */
function groupEnd(bytes: Uint8Array, from: number, end: number): number {
  let at = from
  let depth = 1
  while (at < end && depth > 0) {
    const tag = wireVarint(bytes, at)
    while ((bytes[at++] as number) >= 0x80);
    const wireType = tag & 7
    if (wireType === 0) while ((bytes[at++] as number) >= 0x80);
    else if (wireType === 1) at += 8
    else if (wireType === 5) at += 4
    else if (wireType === 3) depth++
    else if (wireType === 4) depth--
    else {
      const length = wireVarint(bytes, at)
      while ((bytes[at++] as number) >= 0x80);
      at += length
    }
  }
  return at
}

/** Nanoseconds from one fixed64 to another; 0 where the end is before the start or one is missing there. */
export function durationNanos(bytes: Uint8Array, startAt: number, endAt: number): number {
  if (endAt < 0) return 0
  const startHigh = startAt < 0 ? 0 : word(bytes, startAt + 4)
  const startLow = startAt < 0 ? 0 : word(bytes, startAt)
  const nanos = (word(bytes, endAt + 4) - startHigh) * 4_294_967_296 + (word(bytes, endAt) - startLow)
  return nanos > 0 ? nanos : 0
}

/** The 32 bits at `at`, the lowest byte first, as a number from 0 on. */
export function word(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)) >>>
    0
  )
}
