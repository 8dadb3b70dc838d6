// Attribute actions on OTLP's encoded form: literal inserts, updates, upserts and deletes without decoding.
//
// A batch that only passes through a gateway to get one more attribute is not worth decoding: what is not touched is copied
// as it is, and lengths are put right on the way out. Measured on x64 (bench/otel_attributes.ts, spans with ten attributes):
// one upsert takes 0.5 µs per span, decoding, changing and encoding again 3 to 6.
import type { ClientContext, WireChunks } from '#pdata'
import type { AnyValue } from '#pdata/otlp'
import { KeyValueList } from '#pdata/otlp'
import type { AttributeAction, AttributeActions } from './actions.ts'
import { contextValue } from './actions.ts'

const Edit = { insert: 0, update: 1, upsert: 2, remove: 3 } as const
type Edit = (typeof Edit)[keyof typeof Edit]

/** More than these are not done on the wire: which were seen is kept in the bits of a number. */
const editsMax = 30

/** One message type of the tree that leads to attributes. */
interface Level {
  /** By field number: the message there that leads on to attributes. */
  readonly children: readonly (Level | undefined)[]
  /** The field that holds attributes to edit; 0: none here. */
  readonly attributes: number
  /** A field that must be there once edited, since attributes may have to be put in it: a missing resource. 0: none. */
  readonly required: number
}

function level(children: Readonly<Record<number, Level>>, attributes = 0, required = 0): Level {
  const byField: (Level | undefined)[] = Array.from({ length: 16 }, () => undefined)
  for (const [field, child] of Object.entries(children)) byField[Number(field)] = child
  return { children: byField, attributes, required }
}

/** opentelemetry.proto.*.v1: Span.attributes = 9, LogRecord.attributes = 6, and each kind of data point its own. */
const items = {
  traces: level({ 1: level({ 2: level({ 2: level({}, 9) }) }) }),
  logs: level({ 1: level({ 2: level({ 2: level({}, 6) }) }) }),
  metrics: level({
    1: level({
      2: level({
        2: level({
          5: level({ 1: level({}, 7) }),
          7: level({ 1: level({}, 7) }),
          9: level({ 1: level({}, 9) }),
          10: level({ 1: level({}, 1) }),
          11: level({ 1: level({}, 7) }),
        }),
      }),
    }),
  }),
} as const

/** Resource.attributes = 1, and the resource is field 1 of every ResourceSpans, ResourceLogs, ResourceMetrics. */
const resources = level({ 1: level({ 1: level({}, 1) }, 0, 1) })

/**
 * Literal edits of one key each, ready for the wire. `compile` gives undefined for actions that need what a span or record
 * says (hash, extract, convert, from_attribute, patterns), or that meet at one key: those are for `AttributeActions.apply`.
 */
export class WireEdits {
  readonly kinds: readonly Edit[]
  readonly keys: readonly Uint8Array[]
  /** Encoded KeyValues, without a tag and a length; empty for `remove`. */
  readonly values: readonly Uint8Array[]
  /** The bytes that all of them add at most to one message. */
  readonly growth: number
  /** Is there an edit that puts an attribute where there was none? */
  readonly adds: boolean

  private constructor(kinds: readonly Edit[], keys: readonly Uint8Array[], values: readonly Uint8Array[]) {
    this.kinds = kinds
    this.keys = keys
    this.values = values
    this.growth = values.reduce((sum, value) => sum + value.length + 6, 0)
    this.adds = kinds.some((kind) => kind === Edit.insert || kind === Edit.upsert)
  }

  /** Can `actions` be done on the wire? Asked once, when a processor is made. */
  static canEdit({ actions }: AttributeActions): boolean {
    if (actions.length === 0 || actions.length > editsMax) return false
    if (new Set(actions.map((action) => action.key)).size !== actions.length) return false
    return actions.every((action) => {
      if (action.kind === 'delete') return action.regexp === null
      const isSetting = action.kind === 'insert' || action.kind === 'update' || action.kind === 'upsert'
      return isSetting && action.fromAttribute === ''
    })
  }

  /** For batches of one client: what `from_context` leads to is as literal as a value. */
  static compile({ actions }: AttributeActions, context: ClientContext | null): WireEdits {
    const kinds: Edit[] = []
    const keys: Uint8Array[] = []
    const values: Uint8Array[] = []
    for (const action of actions) {
      const value = literalOf(action, context)
      if (value === undefined && action.kind !== 'delete') continue
      kinds.push(action.kind === 'delete' ? Edit.remove : Edit[action.kind as 'insert' | 'update' | 'upsert'])
      keys.push(Buffer.from(action.key))
      values.push(value === undefined ? new Uint8Array() : encodedKeyValue(action.key, value))
    }
    return new WireEdits(kinds, keys, values)
  }
}

/** The edits of one processor: compiled once, or for each batch where they take something from its client. */
export class LiteralEdits {
  readonly #actions: AttributeActions
  readonly #fixed: WireEdits | null
  readonly #isPossible: boolean

  constructor(actions: AttributeActions) {
    this.#actions = actions
    this.#isPossible = WireEdits.canEdit(actions)
    const isFixed = this.#isPossible && actions.actions.every((action) => action.fromContext === '')
    this.#fixed = isFixed ? WireEdits.compile(actions, null) : null
  }

  /** Null: the actions cannot be done on the wire. */
  for(context: ClientContext | null): WireEdits | null {
    if (this.#fixed !== null || !this.#isPossible) return this.#fixed
    return WireEdits.compile(this.#actions, context)
  }
}

function literalOf(action: AttributeAction, context: ClientContext | null): AnyValue | undefined {
  if (action.kind === 'delete') return undefined
  if (action.hasValue) return action.value
  return contextValue(context, action.fromContext) ?? action.defaultValue
}

/** The same telemetry with the attributes of all spans, log records or data points edited. `wire` stays as it is. */
export function editAttributes(signal: 'traces' | 'logs' | 'metrics', wire: WireChunks, edits: WireEdits): WireChunks {
  return edited(wire, edits, items[signal])
}

/** The same telemetry of any signal with the attributes of all resources edited. */
export function editResources(wire: WireChunks, edits: WireEdits): WireChunks {
  return edited(wire, edits, resources)
}

function edited(wire: WireChunks, edits: WireEdits, root: Level): WireChunks {
  if (edits.kinds.length === 0) return wire
  return wire.map((chunk) => new Editor(chunk, edits).run(root))
}

// ------------------------------------------------------------------------------------------------------- encoding

function encodedKeyValue(key: string, value: AnyValue): Uint8Array {
  return Buffer.concat([field(1, Buffer.from(key)), field(2, encodedValue(value))])
}

/** opentelemetry.proto.common.v1.AnyValue */
function encodedValue(value: AnyValue): Uint8Array {
  if (value === null) return new Uint8Array()
  switch (typeof value) {
    case 'string':
      return field(1, Buffer.from(value))
    case 'boolean':
      return Uint8Array.of(0x10, value ? 1 : 0)
    case 'bigint':
      return Buffer.concat([Uint8Array.of(0x18), bigVarint(BigInt.asUintN(64, value))])
    case 'number': {
      const bytes = Buffer.alloc(9, 0x21)
      bytes.writeDoubleLE(value, 1)
      return bytes
    }
    default:
  }
  if (value instanceof Uint8Array) return field(7, value)
  if (value instanceof KeyValueList) {
    return field(6, Buffer.concat(value.entries.map((entry) => field(1, encodedKeyValue(entry.key, entry.value)))))
  }
  return field(5, Buffer.concat(value.map((item) => field(1, encodedValue(item)))))
}

function field(number: number, bytes: Uint8Array): Uint8Array {
  return Buffer.concat([Uint8Array.of((number << 3) | 2), bigVarint(BigInt(bytes.length)), bytes])
}

function bigVarint(value: bigint): Uint8Array {
  const out: number[] = []
  let rest = value
  while (rest > 0x7fn) {
    out.push(Number(rest & 0x7fn) | 0x80)
    rest >>= 7n
  }
  out.push(Number(rest))
  return Uint8Array.from(out)
}

// -------------------------------------------------------------------------------------------------------- editing

/** Shorter runs are copied byte by byte: making a view of them takes longer (40 ns). */
const loopCopyMax = 48

function varintSize(value: number): number {
  let size = 1
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 128)) size++
  return size
}

/** Rewrites one chunk. Chunks are validated before they get here; what is not understood all the same is an error. */
class Editor {
  readonly #source: Uint8Array
  readonly #edits: WireEdits
  #out: Uint8Array
  #length = 0
  /** Where in the source the next field or value begins. */
  #at = 0
  /** What is copied up to here, or left out. */
  #copied = 0
  #changed = false

  constructor(source: Uint8Array, edits: WireEdits) {
    this.#source = source
    this.#edits = edits
    this.#out = Buffer.allocUnsafe(source.length + (source.length >>> 2) + edits.growth + 64)
  }

  /** The chunk itself where nothing had to be changed. */
  run(root: Level): Uint8Array {
    this.#message(root, this.#source.length)
    return this.#changed ? this.#out.subarray(0, this.#length) : this.#source
  }

  /** Rewrite the message from `#at` to `end`. */
  #message(here: Level, end: number): void {
    if (here.attributes !== 0) return this.#leaf(here.attributes, end)
    const source = this.#source
    let requiredSeen = 0
    while (this.#at < end) {
      const start = this.#at
      const tag = this.#varint()
      const number = tag >>> 3
      const child = (tag & 7) === 2 && number < 16 ? here.children[number] : undefined
      if (child === undefined) {
        this.#skip(tag & 7)
        continue
      }
      if (number === here.required) requiredSeen++
      const length = this.#varint()
      this.#copyTo(start)
      this.#copied = this.#at
      const lengthAt = this.#open(source[start] as number, length)
      this.#message(child, this.#at + length)
      this.#copyTo(this.#at)
      this.#close(lengthAt, varintSize(length))
    }
    if (requiredSeen > 1) throw new Error('Cannot edit a chunk: a message has its resource twice')
    if (here.required !== 0 && requiredSeen === 0 && this.#edits.adds) this.#addRequired(here, end)
  }

  #addRequired(here: Level, end: number): void {
    this.#copyTo(end)
    const lengthAt = this.#open((here.required << 3) | 2, 0)
    this.#append((here.children[here.required] as Level).attributes, 0)
    this.#close(lengthAt, 1)
  }

  /** Begin a message whose length is about `length`; gives where its content begins. */
  #open(tag: number, length: number): number {
    this.#reserve(this.#edits.growth + 16)
    this.#out[this.#length++] = tag
    this.#length += varintSize(length)
    return this.#length
  }

  /** End it: write the length, and make room where it takes more or fewer bytes than `size`. */
  #close(contentAt: number, size: number): void {
    const out = this.#out
    const length = this.#length - contentAt
    const needed = varintSize(length)
    if (needed !== size) {
      this.#reserve(needed)
      this.#out.copyWithin(contentAt - size + needed, contentAt, this.#length)
      this.#length += needed - size
      putVarint(this.#out, contentAt - size, length)
    } else if (size === 1) out[contentAt - 1] = length
    else putVarint(out, contentAt - size, length)
  }

  /** A message with attributes. */
  #leaf(attributes: number, end: number): void {
    const { kinds } = this.#edits
    const source = this.#source
    const attributeTag = (attributes << 3) | 2
    let seen = 0
    while (this.#at < end) {
      const start = this.#at
      const byte = source[start] as number
      let tag = byte
      if (byte < 0x80) this.#at = start + 1
      else tag = this.#varint()
      if (tag !== attributeTag) {
        this.#skip(tag & 7)
        continue
      }
      const length = this.#varint()
      const keyValueAt = this.#at
      const next = keyValueAt + length
      const i = this.#find(keyValueAt, next)
      this.#at = next
      if (i < 0) continue
      const bit = 1 << i
      const kind = kinds[i]
      if (kind === Edit.remove) {
        this.#copyTo(start)
        this.#copied = next
        this.#changed = true
      } else if (kind !== Edit.insert && (seen & bit) === 0) {
        this.#copyTo(start)
        this.#copied = next
        this.#put(attributeTag, i)
      }
      seen |= bit
    }
    this.#copyTo(end)
    if (this.#edits.adds) this.#append(attributes, seen)
  }

  /** Put the attributes that were not there. */
  #append(attributes: number, seen: number): void {
    const { kinds } = this.#edits
    for (let i = 0; i < kinds.length; i++) {
      const kind = kinds[i]
      if ((kind === Edit.insert || kind === Edit.upsert) && (seen & (1 << i)) === 0) {
        this.#put((attributes << 3) | 2, i)
      }
    }
  }

  #put(tag: number, i: number): void {
    const value = this.#edits.values[i] as Uint8Array
    this.#reserve(value.length + 6)
    this.#out[this.#length++] = tag
    this.#length = putVarint(this.#out, this.#length, value.length)
    if (value.length > loopCopyMax) this.#out.set(value, this.#length)
    else for (let k = 0; k < value.length; k++) this.#out[this.#length + k] = value[k] as number
    this.#length += value.length
    this.#changed = true
  }

  /** The index of the edit whose key the KeyValue from `start` to `end` has, or -1. */
  #find(start: number, end: number): number {
    const source = this.#source
    const { keys } = this.#edits
    let keyAt = start
    let keyLength = 0
    if (start < end && source[start] === 0x0a && (source[start + 1] as number) < 0x80) {
      keyLength = source[start + 1] as number
      keyAt = start + 2
    } else if (start < end) {
      this.#at = start
      while (this.#at < end) {
        const tag = this.#varint()
        if (tag === 0x0a) {
          keyLength = this.#varint()
          keyAt = this.#at
          this.#at += keyLength
        } else this.#skip(tag & 7)
      }
    }
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] as Uint8Array
      if (key.length !== keyLength) continue
      // From the end: keys have their beginnings in common (`http.request.`).
      let k = keyLength - 1
      while (k >= 0 && source[keyAt + k] === key[k]) k--
      if (k < 0) return i
    }
    return -1
  }

  #varint(): number {
    const source = this.#source
    let byte = source[this.#at++] as number
    if (byte < 0x80) return byte
    let value = byte & 0x7f
    for (let scale = 128; ; scale *= 128) {
      byte = source[this.#at++] as number
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
      if (byte === undefined) throw new Error('Cannot edit a chunk: it ends in the middle of a number')
    }
  }

  #skip(wireType: number): void {
    switch (wireType) {
      case 0:
        this.#varint()
        break
      case 1:
        this.#at += 8
        break
      case 2: {
        const length = this.#varint()
        this.#at += length
        break
      }
      case 3:
        this.#skipGroup()
        break
      case 5:
        this.#at += 4
        break
      default:
        throw new Error(`Cannot edit a chunk: it has a field of wire type ${wireType}`)
    }
  }

  /** Groups are only among fields that nobody knows. */
  #skipGroup(): void {
    for (;;) {
      const tag = this.#varint()
      if ((tag & 7) === 4) return
      this.#skip(tag & 7)
    }
  }

  /** Copy what is between `#copied` and `end`. */
  #copyTo(end: number): void {
    const source = this.#source
    const from = this.#copied
    const length = end - from
    this.#copied = end
    if (length <= 0) return
    this.#reserve(length)
    const out = this.#out
    const to = this.#length
    if (length > loopCopyMax) out.set(source.subarray(from, end), to)
    else for (let k = 0; k < length; k++) out[to + k] = source[from + k] as number
    this.#length = to + length
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes
    if (needed <= this.#out.length) return
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#out.length * 2))
    larger.set(this.#out.subarray(0, this.#length))
    this.#out = larger
  }
}

/** Write `value`, a length; gives where what follows it goes. */
function putVarint(out: Uint8Array, at: number, value: number): number {
  let to = at
  let rest = value
  while (rest > 0x7f) {
    out[to++] = (rest & 0x7f) | 0x80
    rest = Math.floor(rest / 128)
  }
  out[to++] = rest
  return to
}
