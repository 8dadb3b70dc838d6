// What conditions ask of a record that is still bytes: where each value stands, read when it is asked for.
import { Buffer } from 'node:buffer'
import type { AnyValue, Attributes, WireBuilder } from '#pdata/otlp'
import {
  attributeValue,
  deleteAttribute,
  isTextAt,
  KeyValueList,
  setAttribute,
  TreeReader,
  WireCursor,
} from '#pdata/otlp'

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

/** How a slot's value is written where it was set anew. */
export type SlotType = 'attribute' | 'text' | 'int32' | 'uint32' | 'fixed64' | 'blob' | 'value'

interface Slot {
  readonly level: Level
  readonly type: SlotType
  /** For an attribute. */
  readonly key: Uint8Array | null
  readonly keyText: string
  /** For a field: its tag, and the tag inside of that where it is a message (a span's status). */
  readonly tag: number
  readonly innerTag: number
  /** A field of the group's message, not of the one inside (`schema_url`). */
  readonly isOuter: boolean
}

/** What is asked for of one level, laid out for looking it up quickly. */
class Wanted {
  readonly slots: number[] = []
  readonly fieldSlots: number[] = []
  /** By tag: is there a field slot? Tags of fields beyond 31 are not asked for. */
  readonly tags = new Uint8Array(256)
  readonly attributeSlots: number[] = []
  /** In the order of `attributeSlots`. */
  readonly keys: Uint8Array[] = []
  /** By length, up to 255: is there a key of it? */
  readonly keyLengths = new Uint8Array(256)
  /** Is each attribute of interest, not the first of a key alone? */
  hasRemovals = false

  add(index: number, { key, tag }: Slot): void {
    this.slots.push(index)
    if (key === null) {
      this.fieldSlots.push(index)
      this.tags[tag] = 1
    } else {
      this.attributeSlots.push(index)
      this.keys.push(key)
      this.keyLengths[Math.min(key.length, 255)] = 1
    }
  }
}

const absent = -1
/** In place of a value: the attribute was removed. */
const removed: AnyValue = []
const noBytes = new Uint8Array(0)

/** Slots of one set of conditions, filled for one record after the other. */
export class WireFacts {
  readonly #layouts: readonly LevelLayout[]
  readonly #slots: Slot[] = []
  /** By level. */
  readonly #wanted: readonly Wanted[] = [new Wanted(), new Wanted(), new Wanted()]
  #reader = new TreeReader(noBytes)
  /** Where a slot's value begins and ends; -1: it is not there. */
  #starts = new Int32Array(0)
  #ends = new Int32Array(0)
  /** Where the field begins and ends that it was found in. */
  #fieldStarts = new Int32Array(0)
  #fieldEnds = new Int32Array(0)
  /** Were there others with the key of the attribute that was found? */
  #doubled = new Uint8Array(0)
  /** What statements set, by slot, and whole attributes that they asked for, by level. */
  readonly #set: (AnyValue | undefined)[] = []
  readonly #lists: (Attributes | null)[] = [null, null, null]
  /** Slots that were set: attributes that were not there, in that order, attributes that were, and fields. */
  readonly #added: number[] = []
  readonly #replaced: number[] = []
  readonly #fieldsSet: number[] = []
  readonly #cuts: number[] = []
  /** Where each level's message begins and ends. */
  readonly #messageStarts = new Int32Array(3)
  readonly #messageEnds = new Int32Array(3)
  readonly #nested = new WireCursor()
  /** The tag of a message with fields of its own that was written where it stood. */
  #innerWritten = 0
  /** Was something set since the last `load`? */
  isChanged = false
  readonly #outer = new WireCursor()
  readonly #inner = new WireCursor()
  readonly #deep = new WireCursor()

  constructor(layouts: readonly LevelLayout[]) {
    this.#layouts = layouts
  }

  /** Does a condition ask for something of this level? */
  asks(level: Level): boolean {
    return (this.#wanted[level] as Wanted).slots.length > 0
  }

  /** `isToRemove`: it is given to `remove`. */
  attribute(level: Level, key: string, isToRemove = false): number {
    if (isToRemove) (this.#wanted[level] as Wanted).hasRemovals = true
    const slot = { level, type: 'attribute', key: Buffer.from(key), keyText: key } as const
    return this.#add({ ...slot, tag: 0, innerTag: 0, isOuter: false })
  }

  field(level: Level, type: SlotType, tag: number, innerTag = 0, isOuter = false): number {
    return this.#add({ level, type, key: null, keyText: '', tag, innerTag, isOuter })
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
    ;(this.#wanted[slot.level] as Wanted).add(this.#slots.length, slot)
    this.#starts = new Int32Array(this.#slots.length + 1).fill(absent)
    this.#ends = new Int32Array(this.#slots.length + 1)
    this.#fieldStarts = new Int32Array(this.#slots.length + 1)
    this.#fieldEnds = new Int32Array(this.#slots.length + 1)
    this.#doubled = new Uint8Array(this.#slots.length + 1)
    this.#set.push(undefined)
    return this.#slots.push(slot) - 1
  }

  /** From here on, offsets are those of this chunk. */
  chunk(bytes: Uint8Array): void {
    this.#reader = new TreeReader(bytes)
  }

  /** Find a level's values in the message that `message` stands on. */
  load(level: Level, message: WireCursor): void {
    const wanted = this.#wanted[level] as Wanted
    const { slots } = wanted
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i] as number
      this.#starts[slot] = absent
      this.#fieldStarts[slot] = absent
      this.#doubled[slot] = 0
      this.#set[slot] = undefined
    }
    this.#lists[level] = null
    if (this.isChanged) this.#forget()
    this.#messageStarts[level] = message.start
    this.#messageEnds[level] = message.end
    if (slots.length === 0) return
    const { inside, attributes } = this.#layouts[level] as LevelLayout
    const outer = this.#outer
    outer.enter(message)
    if (inside === 0) return this.#scan(wanted, outer, attributes)
    while (outer.next()) {
      if (outer.tag === inside) {
        this.#inner.enter(outer)
        this.#scan(wanted, this.#inner, attributes)
      } else if (outer.tag < 256 && wanted.tags[outer.tag] === 1) this.#fields(wanted, outer, true)
    }
  }

  #scan(wanted: Wanted, fields: WireCursor, attributes: number): void {
    const { tags } = wanted
    const hasAttributes = wanted.attributeSlots.length > 0
    let missing = wanted.hasRemovals ? Infinity : wanted.slots.length
    while (missing > 0 && fields.next()) {
      const { tag } = fields
      if (tag === attributes) {
        if (hasAttributes && this.#attribute(wanted, fields)) missing--
      } else if (tag < 256 && tags[tag] === 1) missing -= this.#fields(wanted, fields, false)
    }
  }

  /** Is the field one that is asked for? Gives how many slots it filled. */
  #fields({ fieldSlots }: Wanted, field: WireCursor, isOuter: boolean): number {
    let filled = 0
    for (let i = 0; i < fieldSlots.length; i++) {
      const index = fieldSlots[i] as number
      const slot = this.#slots[index] as Slot
      if (slot.tag !== field.tag || slot.isOuter !== isOuter) continue
      filled++
      this.#fieldStarts[index] = field.fieldStart
      this.#fieldEnds[index] = field.end
      const deep = this.#deep
      if (slot.innerTag !== 0) {
        deep.enter(field)
        if (!deep.seek(slot.innerTag)) continue
      }
      this.#starts[index] = slot.innerTag === 0 ? field.start : deep.start
      this.#ends[index] = slot.innerTag === 0 ? field.end : deep.end
    }
    return filled
  }

  /** A KeyValue: fills the slot of its key where that is asked for and was not found yet. */
  #attribute(wanted: Wanted, field: WireCursor): boolean {
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
    const index = this.#fill(wanted, bytes, keyAt, keyEnd - keyAt, valueAt, valueEnd)
    if (index < 0) return false
    this.#fieldStarts[index] = field.fieldStart
    this.#fieldEnds[index] = end
    return true
  }

  /** The slot of the key, where it is asked for and was not found yet; else -1. */
  #fill(wanted: Wanted, bytes: Uint8Array, keyAt: number, keyLength: number, at: number, end: number): number {
    if (wanted.keyLengths[keyLength < 255 ? keyLength : 255] !== 1) return -1
    const { keys, attributeSlots } = wanted
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] as Uint8Array
      if (key.length !== keyLength) continue
      // From the end: keys have their beginnings in common (`http.request.`).
      let k = keyLength - 1
      while (k >= 0 && bytes[keyAt + k] === key[k]) k--
      if (k >= 0) continue
      const index = attributeSlots[i] as number
      if (this.#starts[index] !== absent) {
        this.#doubled[index] = 1
        return -1
      }
      this.#starts[index] = at
      this.#ends[index] = end
      return index
    }
    return -1
  }

  // --------------------------------------------------------------------------------------------------------- reading

  /** A string field; '' where it is absent. */
  text(slot: number): string {
    const given = this.#set[slot]
    if (given !== undefined) return given as string
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
    const given = this.#set[slot]
    if (given !== undefined) return given === text
    const start = this.#starts[slot] as number
    return start < 0 ? text === '' : isTextAt(text, this.#reader.bytes, start, this.#ends[slot] as number)
  }

  /** A varint field of 32 bits. */
  int32(slot: number): number {
    const given = this.#set[slot]
    if (given !== undefined) return Number(given)
    const start = this.#starts[slot] as number
    if (start < 0) return 0
    this.#reader.at = start
    return this.#reader.int32()
  }

  /** See `int32`, without a sign. */
  uint32(slot: number): number {
    const given = this.#set[slot]
    if (given !== undefined) return Number(given)
    const start = this.#starts[slot] as number
    if (start < 0) return 0
    this.#reader.at = start
    return this.#reader.varint32()
  }

  fixed64(slot: number): bigint {
    const given = this.#set[slot]
    if (given !== undefined) return given as bigint
    const start = this.#starts[slot] as number
    if (start < 0) return 0n
    this.#reader.at = start
    return this.#reader.fixed64()
  }

  /** A bytes field; empty where it is absent. */
  blob(slot: number): Uint8Array {
    const given = this.#set[slot]
    if (given !== undefined) return given as Uint8Array
    const start = this.#starts[slot] as number
    return start < 0 ? noBytes : this.#reader.bytes.subarray(start, this.#ends[slot])
  }

  /** An AnyValue; null where it is absent. */
  value(slot: number): AnyValue {
    const given = this.#given(slot)
    if (given !== undefined) return given
    const start = this.#starts[slot] as number
    if (start < 0) return null
    this.#reader.at = start
    return this.#reader.anyValueTo(this.#ends[slot] as number, null)
  }

  /** See `value`; a map may be changed in place, and is written as it is then. */
  ownValue(slot: number): AnyValue {
    const value = this.value(slot)
    if (value instanceof KeyValueList) this.put(slot, value)
    return value
  }

  isNilValue(slot: number): boolean {
    const given = this.#given(slot)
    if (given !== undefined) return given === null
    const start = this.#starts[slot] as number
    const end = this.#ends[slot] as number
    if (start < 0 || start === end) return true
    // Each of AnyValue's fields but the index into profiles' strings is a value; what else there may be is looked at.
    const tag = this.#reader.bytes[start] as number
    return tag === 0x0a || tag === 0x10 || tag === 0x18 ? false : this.value(slot) === null
  }

  /** Is the AnyValue a string, and this ASCII text? */
  isTextValue(slot: number, text: string): boolean {
    const given = this.#given(slot)
    if (given !== undefined) return given === text
    const start = this.#starts[slot] as number
    if (start < 0) return false
    const { bytes } = this.#reader
    const end = this.#ends[slot] as number
    if (bytes[start] === 0x0a && (bytes[start + 1] as number) === end - start - 2 && end - start - 2 < 0x80) {
      return isTextAt(text, bytes, start + 2, end)
    }
    return this.value(slot) === text
  }

  /** What a statement made of an AnyValue; undefined: nothing. */
  #given(slot: number): AnyValue | undefined {
    const { level, type, keyText } = this.#slots[slot] as Slot
    const list = this.#lists[level] as Attributes | null
    if (list !== null && type === 'attribute') return attributeValue(list, keyText) ?? null
    const given = this.#set[slot]
    return given === removed ? null : given
  }

  // --------------------------------------------------------------------------------------------------------- setting

  /** Put a value in place of what stands there. */
  put(slot: number, value: AnyValue): void {
    const { level, type, keyText } = this.#slots[slot] as Slot
    const list = this.#lists[level] as Attributes | null
    this.isChanged = true
    if (type === 'attribute' && (list !== null || this.#set[slot] === removed)) {
      setAttribute(this.list(level), keyText, value)
      return
    }
    if (this.#set[slot] === undefined) {
      if (type !== 'attribute') this.#fieldsSet.push(slot)
      else if (this.#starts[slot] === absent) this.#added.push(slot)
      else this.#replaced.push(slot)
    }
    this.#set[slot] = value
  }

  /** Take an attribute away, and all others with its key. */
  remove(slot: number): void {
    const { level, keyText } = this.#slots[slot] as Slot
    const isAdded = this.#starts[slot] === absent && this.#set[slot] !== undefined
    if (this.#lists[level] !== null || isAdded || this.#doubled[slot] === 1) {
      deleteAttribute(this.list(level), keyText)
    } else if (this.#starts[slot] !== absent && this.#set[slot] !== removed) this.put(slot, removed)
  }

  /** Is every text among the attributes at most so many bytes? May say no where it is so. */
  areTextsWithin(level: Level, bytesMax: number): boolean {
    if (this.#lists[level] !== null) return false
    for (let i = 0; i < this.#added.length; i++) if (!this.#isWithin(this.#added[i] as number, bytesMax)) return false
    for (let i = 0; i < this.#replaced.length; i++) {
      if (!this.#isWithin(this.#replaced[i] as number, bytesMax)) return false
    }
    const { inside, attributes } = this.#layouts[level] as LevelLayout
    const fields = this.#outer
    fields.reset(this.#reader.bytes, this.#messageStarts[level], this.#messageEnds[level])
    if (inside !== 0) {
      if (!fields.seek(inside)) return true
      fields.enter(fields)
    }
    // The key and the tags take at least four bytes of an attribute with a text.
    while (fields.next()) {
      if (
        fields.tag === attributes &&
        fields.end - fields.start > bytesMax + 4 &&
        this.#holdsLonger(fields, bytesMax)
      ) {
        return false
      }
    }
    return true
  }

  #isWithin(slot: number, bytesMax: number): boolean {
    const value = this.#set[slot]
    return typeof value !== 'string' || value.length * 3 <= bytesMax || Buffer.byteLength(value) <= bytesMax
  }

  /** Is the value of the KeyValue longer than so many bytes, be it a text or not? */
  #holdsLonger(field: WireCursor, bytesMax: number): boolean {
    const deep = this.#deep
    deep.enter(field)
    return deep.seek(0x12) && deep.end - deep.start - 2 > bytesMax
  }

  #forget(): void {
    this.#added.length = 0
    this.#replaced.length = 0
    this.#fieldsSet.length = 0
    this.isChanged = false
  }

  /** All attributes of a level, which the caller may change. */
  list(level: Level): Attributes {
    this.isChanged = true
    return (this.#lists[level] ??= this.#decoded(level))
  }

  putList(level: Level, attributes: Attributes): void {
    this.isChanged = true
    this.#lists[level] = attributes
  }

  #decoded(level: Level): Attributes {
    const out: Attributes = []
    const { inside, attributes } = this.#layouts[level] as LevelLayout
    const { bytes } = this.#reader
    const fields = this.#outer
    fields.reset(bytes, this.#messageStarts[level], this.#messageEnds[level])
    if (inside === 0 || fields.seek(inside)) {
      if (inside !== 0) fields.enter(fields)
      while (fields.next()) {
        if (fields.tag !== attributes) continue
        this.#reader.at = fields.fieldStart + 1
        this.#reader.attribute(out)
      }
    }
    for (const slot of this.#replaced) {
      const { keyText } = this.#slots[slot] as Slot
      if (this.#set[slot] === removed) deleteAttribute(out, keyText)
      else setAttribute(out, keyText, this.#set[slot] ?? null)
    }
    for (const slot of this.#added) out.push({ key: this.#slots[slot]?.keyText ?? '', value: this.#set[slot] ?? null })
    return out
  }

  // --------------------------------------------------------------------------------------------------------- writing

  /** The content of a level's message with what was set; `message` stands on the field that holds it. */
  rewrite(level: Level, message: WireCursor, builder: WireBuilder): void {
    const { inside } = this.#layouts[level] as LevelLayout
    if (inside === 0 && this.#lists[level] === null) return this.#splice(level, message, builder)
    const fields = this.#inner
    fields.enter(message)
    if (inside === 0) return this.#rewriteFields(level, fields, builder, false)
    let isThere = false
    while (fields.next()) {
      if (fields.tag === inside) {
        isThere = true
        this.#rewriteInside(level, fields, builder)
      } else if (!this.#isReplaced(fields, true)) builder.copy(fields)
    }
    this.#writeFields(level, builder, true)
    if (isThere) return
    fields.reset(noBytes)
    builder.open(inside)
    this.#rewriteFields(level, fields, builder, false)
    builder.close()
  }

  /** As it is but for the fields that were set: their places are known, nothing has to be walked again. */
  #splice(level: Level, message: WireCursor, builder: WireBuilder): void {
    const { bytes } = message
    const cuts = this.#cuts
    cuts.length = 0
    for (let i = 0; i < this.#replaced.length; i++) this.#cut(this.#replaced[i] as number)
    for (let i = 0; i < this.#fieldsSet.length; i++) this.#cut(this.#fieldsSet[i] as number)
    let at = message.start
    for (let i = 0; i < cuts.length; i++) {
      const index = cuts[i] as number
      const { type, keyText, innerTag } = this.#slots[index] as Slot
      const start = this.#fieldStarts[index] as number
      if (start < at) continue // another field of the same message inside
      builder.copyRange(bytes, at, start)
      at = this.#fieldEnds[index] as number
      if (type === 'attribute') {
        const value = this.#set[index] ?? null
        if (value !== removed) builder.attribute((this.#layouts[level] as LevelLayout).attributes, keyText, value)
      } else if (innerTag !== 0) {
        this.#inner.reset(bytes, start, at)
        this.#inner.next()
        this.#rewriteInner(this.#inner, builder)
      }
    }
    builder.copyRange(bytes, at, message.end)
    this.#writeFields(level, builder, false)
  }

  /** Keep the cuts in the order of their places. */
  #cut(index: number): void {
    if (this.#fieldStarts[index] === absent) return
    const cuts = this.#cuts
    const start = this.#fieldStarts[index] as number
    let i = cuts.length
    while (i > 0 && (this.#fieldStarts[cuts[i - 1] as number] as number) > start) {
      cuts[i] = cuts[i - 1] as number
      i--
    }
    cuts[i] = index
  }

  #rewriteInside(level: Level, field: WireCursor, builder: WireBuilder): void {
    const inner = this.#nested
    inner.enter(field)
    builder.open((this.#layouts[level] as LevelLayout).inside)
    this.#rewriteFields(level, inner, builder, false)
    builder.close()
  }

  #rewriteFields(level: Level, fields: WireCursor, builder: WireBuilder, isOuter: boolean): void {
    const { attributes } = this.#layouts[level] as LevelLayout
    const list = this.#lists[level] as Attributes | null
    while (fields.next()) {
      if (fields.tag === attributes && list !== null) continue
      if (fields.tag === attributes) this.#rewriteAttribute(fields, builder)
      else if (!this.#isReplaced(fields, isOuter)) builder.copy(fields)
      else if (this.#hasInner(fields.tag)) this.#rewriteInner(fields, builder)
    }
    if (list !== null) for (const { key, value } of list) builder.attribute(attributes, key, value)
    this.#writeFields(level, builder, isOuter)
  }

  /** The attribute that the cursor stands on, or what it was set to. */
  #rewriteAttribute(field: WireCursor, builder: WireBuilder): void {
    const replaced = this.#replaced
    for (let i = 0; i < replaced.length; i++) {
      const index = replaced[i] as number
      // The value that was found stands in this field: the first with its key.
      const start = this.#starts[index] as number
      if (start < field.start || start > field.end) continue
      const value = this.#set[index] ?? null
      if (value !== removed) builder.attribute(field.tag, (this.#slots[index] as Slot).keyText, value)
      return
    }
    builder.copy(field)
  }

  #isReplaced({ tag }: WireCursor, isOuter: boolean): boolean {
    const set = this.#fieldsSet
    for (let i = 0; i < set.length; i++) {
      const slot = this.#slots[set[i] as number] as Slot
      if (slot.tag === tag && slot.isOuter === isOuter) return true
    }
    return false
  }

  #hasInner(tag: number): boolean {
    const set = this.#fieldsSet
    for (let i = 0; i < set.length; i++) {
      const slot = this.#slots[set[i] as number] as Slot
      if (slot.tag === tag && slot.innerTag !== 0) return true
    }
    return false
  }

  /** A message whose fields are set one by one: a span's status. Written where it stands, with what is set anew behind. */
  #rewriteInner(field: WireCursor, builder: WireBuilder): void {
    const inner = this.#deep
    inner.enter(field)
    builder.open(field.tag)
    while (inner.next()) {
      if (!this.#isInnerSet(field.tag, inner.tag)) builder.copy(inner)
    }
    this.#writeInner(field.tag, builder)
    builder.close()
    this.#innerWritten = field.tag
  }

  #isInnerSet(tag: number, innerTag: number): boolean {
    const set = this.#fieldsSet
    for (let i = 0; i < set.length; i++) {
      const slot = this.#slots[set[i] as number] as Slot
      if (slot.tag === tag && slot.innerTag === innerTag) return true
    }
    return false
  }

  #writeInner(tag: number, builder: WireBuilder): void {
    for (const index of this.#fieldsSet) {
      const slot = this.#slots[index] as Slot
      if (slot.tag === tag && slot.innerTag !== 0) write(builder, slot.innerTag, slot.type, this.#set[index] ?? null)
    }
  }

  /** What was set and has not been written where it stood. */
  #writeFields(level: Level, builder: WireBuilder, isOuter: boolean): void {
    const { attributes } = this.#layouts[level] as LevelLayout
    let innerMissing = 0
    for (const index of this.#fieldsSet) {
      const slot = this.#slots[index] as Slot
      if (slot.isOuter !== isOuter) continue
      if (slot.innerTag === 0) write(builder, slot.tag, slot.type, this.#set[index] ?? null)
      else if (slot.tag !== this.#innerWritten) innerMissing = slot.tag
    }
    if (innerMissing !== 0) {
      builder.open(innerMissing)
      this.#writeInner(innerMissing, builder)
      builder.close()
    }
    this.#innerWritten = 0
    if (isOuter || this.#lists[level] !== null) return
    for (const index of this.#added) {
      builder.attribute(attributes, this.#slots[index]?.keyText ?? '', this.#set[index] ?? null)
    }
  }
}

/** A field; one that has its default value is left out, as proto3 does. */
function write(builder: WireBuilder, tag: number, type: SlotType, value: AnyValue): void {
  const { writer } = builder
  switch (type) {
    case 'text':
      writer.text(tag, value as string)
      break
    case 'int32':
      writer.int32(tag, Number(value))
      break
    case 'uint32':
      writer.uint32(tag, Number(value))
      break
    case 'fixed64':
      writer.fixed64(tag, value as bigint)
      break
    case 'blob':
      writer.blob(tag, value as Uint8Array)
      break
    default:
      if (value !== null) writer.anyValue(tag, value)
  }
}
