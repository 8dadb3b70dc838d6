// What conditions ask of a record that is still bytes: where each value stands, read when it is asked for.
import { Buffer } from 'node:buffer'
import type { AnyValue } from '#pdata/otlp'
import { isTextAt, TreeReader, WireCursor } from '#pdata/otlp'

/** The levels of a batch: a ResourceX with its resource, a ScopeX with its scope, a span or log record or metric. */
export const Level = { resource: 0, scope: 1, item: 2 } as const
export type Level = (typeof Level)[keyof typeof Level]

/** Where a level's values are: field numbers of opentelemetry-proto, as tags. */
export interface LevelLayout {
  /** The message with the attributes, inside of the group's; 0: the message itself. */
  readonly inside: number
  /** Tag of the attributes. */
  readonly attributes: number
}

interface Slot {
  readonly level: Level
  /** For an attribute. */
  readonly key: Uint8Array | null
  /** For a field: its tag, and the tag inside of that where it is a message (a span's status). */
  readonly tag: number
  readonly innerTag: number
  /** A field of the group's message, not of the one inside (`schema_url`). */
  readonly isOuter: boolean
}

const absent = -1
const noBytes = new Uint8Array(0)

/** Slots of one set of conditions, filled for one record after the other. */
export class WireFacts {
  readonly #layouts: readonly LevelLayout[]
  readonly #slots: Slot[] = []
  /** By level. */
  readonly #ofLevel: number[][] = [[], [], []]
  #reader = new TreeReader(noBytes)
  /** Where a slot's value begins and ends; -1: it is not there. */
  #starts = new Int32Array(0)
  #ends = new Int32Array(0)
  readonly #outer = new WireCursor()
  readonly #inner = new WireCursor()
  readonly #deep = new WireCursor()

  constructor(layouts: readonly LevelLayout[]) {
    this.#layouts = layouts
  }

  /** Does a condition ask for something of this level? */
  asks(level: Level): boolean {
    return (this.#ofLevel[level] as number[]).length > 0
  }

  attribute(level: Level, key: string): number {
    return this.#add({ level, key: Buffer.from(key), tag: 0, innerTag: 0, isOuter: false })
  }

  field(level: Level, tag: number, innerTag = 0, isOuter = false): number {
    return this.#add({ level, key: null, tag, innerTag, isOuter })
  }

  #add(slot: Slot): number {
    const same = this.#slots.findIndex(
      (each) =>
        each.level === slot.level &&
        each.tag === slot.tag &&
        each.innerTag === slot.innerTag &&
        each.isOuter === slot.isOuter &&
        (each.key === null ? slot.key === null : slot.key !== null && Buffer.compare(each.key, slot.key) === 0),
    )
    if (same >= 0) return same
    ;(this.#ofLevel[slot.level] as number[]).push(this.#slots.length)
    this.#starts = new Int32Array(this.#slots.length + 1).fill(absent)
    this.#ends = new Int32Array(this.#slots.length + 1)
    return this.#slots.push(slot) - 1
  }

  /** From here on, offsets are those of this chunk. */
  chunk(bytes: Uint8Array): void {
    this.#reader = new TreeReader(bytes)
  }

  /** Find a level's values in the message that `message` stands on. */
  load(level: Level, message: WireCursor): void {
    const slots = this.#ofLevel[level] as number[]
    for (const slot of slots) this.#starts[slot] = absent
    if (slots.length === 0) return
    const { inside, attributes } = this.#layouts[level] as LevelLayout
    const outer = this.#outer
    outer.enter(message)
    if (inside === 0) return this.#scan(slots, outer, attributes, false)
    while (outer.next()) {
      if (outer.tag === inside) {
        this.#inner.enter(outer)
        this.#scan(slots, this.#inner, attributes, false)
      } else this.#fields(slots, outer, true)
    }
  }

  #scan(slots: readonly number[], fields: WireCursor, attributes: number, isOuter: boolean): void {
    let missing = slots.length
    while (missing > 0 && fields.next()) {
      if (fields.tag === attributes) {
        if (this.#attribute(slots, fields)) missing--
      } else missing -= this.#fields(slots, fields, isOuter)
    }
  }

  /** Is the field one that is asked for? Gives how many slots it filled. */
  #fields(slots: readonly number[], field: WireCursor, isOuter: boolean): number {
    let filled = 0
    for (let i = 0; i < slots.length; i++) {
      const index = slots[i] as number
      const slot = this.#slots[index] as Slot
      if (slot.tag !== field.tag || slot.key !== null || slot.isOuter !== isOuter) continue
      if (slot.innerTag === 0) {
        this.#starts[index] = field.start
        this.#ends[index] = field.end
        filled++
      } else {
        const deep = this.#deep
        deep.enter(field)
        if (!deep.seek(slot.innerTag)) continue
        this.#starts[index] = deep.start
        this.#ends[index] = deep.end
        filled++
      }
    }
    return filled
  }

  /** A KeyValue: fills the slot of its key where that is asked for and was not found yet. */
  #attribute(slots: readonly number[], field: WireCursor): boolean {
    const { bytes, start, end } = field
    let keyAt = start + 2
    let keyEnd = keyAt + (bytes[start + 1] as number)
    let valueAt = keyEnd
    let valueEnd = keyEnd
    if (
      start < end &&
      bytes[start] === 0x0a &&
      (bytes[start + 1] as number) < 0x80 &&
      (bytes[keyEnd] === 0x12 || keyEnd === end)
    ) {
      // As every known sender writes it: the key, then the value.
      const length = keyEnd === end ? 0 : (bytes[keyEnd + 1] as number)
      if (keyEnd < end && length < 0x80) {
        valueAt = keyEnd + 2
        valueEnd = valueAt + length
      } else if (keyEnd < end) {
        this.#deep.reset(bytes, keyEnd, end)
        this.#deep.next()
        valueAt = this.#deep.start
        valueEnd = this.#deep.end
      }
    } else {
      const deep = this.#deep
      keyAt = keyEnd = valueAt = valueEnd = start
      deep.enter(field)
      while (deep.next()) {
        if (deep.tag === 0x0a) {
          keyAt = deep.start
          keyEnd = deep.end
        } else if (deep.tag === 0x12) {
          valueAt = deep.start
          valueEnd = deep.end
        }
      }
    }
    return this.#fill(slots, bytes, keyAt, keyEnd - keyAt, valueAt, valueEnd)
  }

  #fill(
    slots: readonly number[],
    bytes: Uint8Array,
    keyAt: number,
    keyLength: number,
    at: number,
    end: number,
  ): boolean {
    for (let i = 0; i < slots.length; i++) {
      const index = slots[i] as number
      const { key } = this.#slots[index] as Slot
      if (key === null || key.length !== keyLength || this.#starts[index] !== absent) continue
      // From the end: keys have their beginnings in common (`http.request.`).
      let k = keyLength - 1
      while (k >= 0 && bytes[keyAt + k] === key[k]) k--
      if (k >= 0) continue
      this.#starts[index] = at
      this.#ends[index] = end
      return true
    }
    return false
  }

  // --------------------------------------------------------------------------------------------------------- reading

  /** A string field; '' where it is absent. */
  text(slot: number): string {
    const start = this.#starts[slot] as number
    if (start < 0) return ''
    return Buffer.from(
      this.#reader.bytes.buffer,
      this.#reader.bytes.byteOffset + start,
      (this.#ends[slot] as number) - start,
    ).toString()
  }

  /** Is the string field this ASCII text? */
  isText(slot: number, text: string): boolean {
    const start = this.#starts[slot] as number
    return start < 0 ? text === '' : isTextAt(text, this.#reader.bytes, start, this.#ends[slot] as number)
  }

  /** A varint field of 32 bits. */
  int32(slot: number): number {
    const start = this.#starts[slot] as number
    if (start < 0) return 0
    this.#reader.at = start
    return this.#reader.int32()
  }

  /** See `int32`, without a sign. */
  uint32(slot: number): number {
    const start = this.#starts[slot] as number
    if (start < 0) return 0
    this.#reader.at = start
    return this.#reader.varint32()
  }

  fixed64(slot: number): bigint {
    const start = this.#starts[slot] as number
    if (start < 0) return 0n
    this.#reader.at = start
    return this.#reader.fixed64()
  }

  /** A bytes field; empty where it is absent. */
  blob(slot: number): Uint8Array {
    const start = this.#starts[slot] as number
    return start < 0 ? noBytes : this.#reader.bytes.subarray(start, this.#ends[slot])
  }

  /** An AnyValue; null where it is absent. */
  value(slot: number): AnyValue {
    const start = this.#starts[slot] as number
    if (start < 0) return null
    this.#reader.at = start
    return this.#reader.anyValueTo(this.#ends[slot] as number, null)
  }

  isNilValue(slot: number): boolean {
    const start = this.#starts[slot] as number
    const end = this.#ends[slot] as number
    if (start < 0 || start === end) return true
    // Each of AnyValue's fields but the index into profiles' strings is a value; what else there may be is looked at.
    const tag = this.#reader.bytes[start] as number
    return tag === 0x0a || tag === 0x10 || tag === 0x18 ? false : this.value(slot) === null
  }

  /** Is the AnyValue a string, and this ASCII text? */
  isTextValue(slot: number, text: string): boolean {
    const start = this.#starts[slot] as number
    if (start < 0) return false
    const { bytes } = this.#reader
    const end = this.#ends[slot] as number
    if (bytes[start] === 0x0a && (bytes[start + 1] as number) === end - start - 2 && end - start - 2 < 0x80) {
      return isTextAt(text, bytes, start + 2, end)
    }
    return this.value(slot) === text
  }
}
