// D-Bus messages as bytes: marshalling and unmarshalling by the D-Bus Specification ("Type System", "Message Protocol").

/**
 * A value of D-Bus. By type code: `y n q i u d h` number, `x t` bigint, `b` boolean, `s o g` string, `ay` Uint8Array, other
 * arrays and structs JavaScript arrays, dictionaries Map, `v` DbusVariant.
 */
export type DbusValue =
  | number
  | bigint
  | boolean
  | string
  | Uint8Array
  | DbusVariant
  | readonly DbusValue[]
  | ReadonlyMap<DbusValue, DbusValue>

/** A value that carries its own type. */
export class DbusVariant {
  readonly signature: string
  readonly value: DbusValue
  constructor(signature: string, value: DbusValue) {
    this.signature = signature
    this.value = value
  }
}

export const DbusMessageType = { methodCall: 1, methodReturn: 2, error: 3, signal: 4 } as const
export type DbusMessageType = (typeof DbusMessageType)[keyof typeof DbusMessageType]

export interface DbusMessage {
  readonly type: DbusMessageType
  /** Never 0. */
  readonly serial: number
  readonly path?: string
  readonly interface?: string
  readonly member?: string
  readonly errorName?: string
  /** Of the call that this message answers. */
  readonly replySerial?: number
  readonly destination?: string
  readonly sender?: string
  /** Of the body; '' when there is none. */
  readonly signature: string
  readonly body: readonly DbusValue[]
}

/** Bytes that are no message, or a value that does not fit its signature. */
export class DbusFormatError extends Error {
  override readonly name = 'DbusFormatError'
}

/** "Maximum length of an array is 2 to the 26th power". */
const arrayBytesMax = 1 << 26
/** 32 levels of arrays, 32 of structs, and variants within them: 64 in all. */
const depthMax = 64
const signatureLengthMax = 255

/** One complete type: its code and, for containers, what is inside. A dictionary is an array of `{`. */
interface TypeNode {
  readonly code: string
  readonly inside: readonly TypeNode[]
}

const basicCodes = 'ybnqiuxtdsogh'
/** Signatures repeat; a peer that sends many different ones only makes the cache start anew. */
const signaturesKeptMax = 256
const signaturesKept = new Map<string, readonly TypeNode[]>()

/** The complete types of `signature`. Throws `DbusFormatError`. */
function parseSignature(signature: string): readonly TypeNode[] {
  const kept = signaturesKept.get(signature)
  if (kept !== undefined) return kept
  if (signature.length > signatureLengthMax) {
    throw new DbusFormatError(
      `Cannot read signature: more than ${signatureLengthMax} bytes: current value is ${signature.length}`,
    )
  }
  const nodes: TypeNode[] = []
  let at = 0
  while (at < signature.length) {
    const [node, end] = parseType(signature, at, 0)
    nodes.push(node)
    at = end
  }
  if (signaturesKept.size >= signaturesKeptMax) signaturesKept.clear()
  signaturesKept.set(signature, nodes)
  return nodes
}

function parseType(signature: string, at: number, depth: number): [TypeNode, number] {
  const code = signature[at]
  const wrong = (): never => {
    throw new DbusFormatError(
      `Cannot read signature: no complete type at ${at}: current value is ${JSON.stringify(signature)}`,
    )
  }
  if (code === undefined || depth > depthMax) return wrong()
  if (code === 'v' || basicCodes.includes(code)) return [{ code, inside: [] }, at + 1]
  if (code === 'a') {
    if (signature[at + 1] === '{') {
      const [key, keyEnd] = parseType(signature, at + 2, depth + 2)
      const [value, end] = parseType(signature, keyEnd, depth + 2)
      if (!basicCodes.includes(key.code) || signature[end] !== '}') return wrong()
      return [{ code, inside: [{ code: '{', inside: [key, value] }] }, end + 1]
    }
    const [element, end] = parseType(signature, at + 1, depth + 1)
    return [{ code, inside: [element] }, end]
  }
  if (code !== '(') return wrong()
  const inside: TypeNode[] = []
  let end = at + 1
  while (signature[end] !== ')') {
    const [node, next] = parseType(signature, end, depth + 1)
    inside.push(node)
    end = next
  }
  return inside.length === 0 ? wrong() : [{ code, inside }, end + 1]
}

function alignmentOf(code: string): number {
  switch (code) {
    case 'y':
    case 'g':
    case 'v':
      return 1
    case 'n':
    case 'q':
      return 2
    case 'x':
    case 't':
    case 'd':
    case '(':
    case '{':
      return 8
    default:
      return 4
  }
}

/** Bytes being written, little endian. */
class Writer {
  buffer = Buffer.alloc(256)
  length = 0

  align(n: number): void {
    const padding = -this.length & (n - 1)
    this.room(padding)
    this.buffer.fill(0, this.length, this.length + padding)
    this.length += padding
  }

  room(n: number): void {
    if (this.length + n <= this.buffer.length) return
    const bigger = Buffer.alloc(Math.max(this.buffer.length * 2, this.length + n))
    this.buffer.copy(bigger, 0, 0, this.length)
    this.buffer = bigger
  }

  byte(value: number): void {
    this.room(1)
    this.buffer[this.length++] = value
  }

  uint32(value: number): void {
    this.align(4)
    this.room(4)
    this.length = this.buffer.writeUInt32LE(value, this.length)
  }

  text(value: string, lengthBytes: 1 | 4): void {
    const size = Buffer.byteLength(value)
    if (lengthBytes === 4) this.uint32(size)
    else this.byte(size)
    this.room(size + 1)
    this.buffer.write(value, this.length)
    this.length += size
    this.buffer[this.length++] = 0
  }

  value(node: TypeNode, value: DbusValue): void {
    switch (node.code) {
      case 'a':
        return this.array(node.inside[0] as TypeNode, value)
      case '(':
        if (!Array.isArray(value) || value.length !== node.inside.length) return mismatch(node, value)
        this.align(8)
        for (let i = 0; i < node.inside.length; i++) this.value(node.inside[i] as TypeNode, value[i] as DbusValue)
        return
      case 'v': {
        if (!(value instanceof DbusVariant)) return mismatch(node, value)
        const inside = parseSignature(value.signature)
        if (inside.length !== 1) return mismatch(node, value)
        this.text(value.signature, 1)
        return this.value(inside[0] as TypeNode, value.value)
      }
      case 's':
      case 'o':
        return typeof value === 'string' ? this.text(value, 4) : mismatch(node, value)
      case 'g':
        return typeof value === 'string' ? this.text(value, 1) : mismatch(node, value)
      case 'b':
        return typeof value === 'boolean' ? this.uint32(value ? 1 : 0) : mismatch(node, value)
      case 'x':
      case 't':
        return typeof value === 'bigint' ? this.bigint(node.code, value) : mismatch(node, value)
      default:
        return typeof value === 'number' ? this.number(node.code, value) : mismatch(node, value)
    }
  }

  bigint(code: string, value: bigint): void {
    this.align(8)
    this.room(8)
    this.length =
      code === 'x' ? this.buffer.writeBigInt64LE(value, this.length) : this.buffer.writeBigUInt64LE(value, this.length)
  }

  number(code: string, value: number): void {
    const size = code === 'y' ? 1 : alignmentOf(code)
    this.align(size)
    this.room(size)
    const { buffer, length } = this
    if (code === 'y') this.length = buffer.writeUInt8(value, length)
    else if (code === 'n') this.length = buffer.writeInt16LE(value, length)
    else if (code === 'q') this.length = buffer.writeUInt16LE(value, length)
    else if (code === 'i') this.length = buffer.writeInt32LE(value, length)
    else if (code === 'd') this.length = buffer.writeDoubleLE(value, length)
    else this.length = buffer.writeUInt32LE(value, length)
  }

  array(element: TypeNode, value: DbusValue): void {
    this.align(4)
    const lengthAt = this.length
    this.uint32(0)
    // The padding before the first element is there in an empty array too, and is not counted in the length.
    this.align(alignmentOf(element.code))
    const begin = this.length
    if (value instanceof Uint8Array && element.code === 'y') {
      this.room(value.length)
      this.buffer.set(value, this.length)
      this.length += value.length
    } else if (value instanceof Map && element.code === '{') {
      for (const [key, inside] of value as ReadonlyMap<DbusValue, DbusValue>) {
        this.align(8)
        this.value(element.inside[0] as TypeNode, key)
        this.value(element.inside[1] as TypeNode, inside)
      }
    } else if (Array.isArray(value) && element.code !== '{') {
      for (const inside of value as readonly DbusValue[]) this.value(element, inside)
    } else mismatch(element, value)
    this.buffer.writeUInt32LE(this.length - begin, lengthAt)
  }
}

function mismatch(node: TypeNode, value: DbusValue): never {
  throw new DbusFormatError(`Cannot write value: not of type ${node.code}: current value is a ${typeof value}`)
}

/** Bytes being read, in the byte order that the message says. */
class Reader {
  readonly #bytes: Buffer
  readonly #little: boolean
  #at: number
  #depth = 0

  constructor(bytes: Buffer, little: boolean, at: number) {
    this.#bytes = bytes
    this.#little = little
    this.#at = at
  }

  get at(): number {
    return this.#at
  }

  align(n: number): void {
    this.#take(-this.#at & (n - 1))
  }

  #take(n: number): number {
    const at = this.#at
    if (n > this.#bytes.length - at) {
      throw new DbusFormatError(
        `Cannot read message: ${n} bytes at ${at} are not there: current value is ${this.#bytes.length} bytes`,
      )
    }
    this.#at = at + n
    return at
  }

  uint32(): number {
    this.align(4)
    const at = this.#take(4)
    return this.#little ? this.#bytes.readUInt32LE(at) : this.#bytes.readUInt32BE(at)
  }

  #text(size: number): string {
    const at = this.#take(size + 1)
    return this.#bytes.toString('utf8', at, at + size)
  }

  value(node: TypeNode): DbusValue {
    switch (node.code) {
      case 'y':
        return this.#bytes[this.#take(1)] as number
      case 'b':
        return this.uint32() !== 0
      case 's':
      case 'o':
        return this.#text(this.uint32())
      case 'g':
        return this.#text(this.#bytes[this.#take(1)] as number)
      case 'v':
      case 'a':
      case '(': {
        if (++this.#depth > depthMax)
          throw new DbusFormatError(`Cannot read message: nested more than ${depthMax} deep`)
        const value = this.#container(node)
        this.#depth--
        return value
      }
      case 'u':
      case 'h':
        return this.uint32()
      default:
        return this.#number(node.code)
    }
  }

  #number(code: string): number | bigint {
    const size = alignmentOf(code)
    this.align(size)
    const at = this.#take(size)
    const bytes = this.#bytes
    const little = this.#little
    if (code === 'n') return little ? bytes.readInt16LE(at) : bytes.readInt16BE(at)
    if (code === 'q') return little ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at)
    if (code === 'i') return little ? bytes.readInt32LE(at) : bytes.readInt32BE(at)
    if (code === 'x') return little ? bytes.readBigInt64LE(at) : bytes.readBigInt64BE(at)
    if (code === 't') return little ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at)
    return little ? bytes.readDoubleLE(at) : bytes.readDoubleBE(at)
  }

  #container(node: TypeNode): DbusValue {
    if (node.code === 'v') {
      const signature = this.#text(this.#bytes[this.#take(1)] as number)
      const types = parseSignature(signature)
      if (types.length !== 1)
        throw new DbusFormatError(`Cannot read variant: not one type: current value is ${JSON.stringify(signature)}`)
      return new DbusVariant(signature, this.value(types[0] as TypeNode))
    }
    if (node.code === '(') {
      this.align(8)
      return node.inside.map((inside) => this.value(inside))
    }
    return this.#array(node.inside[0] as TypeNode)
  }

  #array(element: TypeNode): DbusValue {
    const size = this.uint32()
    if (size > arrayBytesMax)
      throw new DbusFormatError(`Cannot read array: more than ${arrayBytesMax} bytes: current value is ${size}`)
    this.align(alignmentOf(element.code))
    if (element.code === 'y') {
      const at = this.#take(size)
      return new Uint8Array(this.#bytes.subarray(at, at + size))
    }
    const end = this.#at + size
    if (end > this.#bytes.length) throw new DbusFormatError(`Cannot read array: ${size} bytes are not there`)
    if (element.code === '{') {
      const map = new Map<DbusValue, DbusValue>()
      while (this.#at < end) {
        this.align(8)
        const key = this.value(element.inside[0] as TypeNode)
        map.set(key, this.value(element.inside[1] as TypeNode))
      }
      return this.#ended(end, map)
    }
    const values: DbusValue[] = []
    while (this.#at < end) values.push(this.value(element))
    return this.#ended(end, values)
  }

  #ended<T>(end: number, value: T): T {
    if (this.#at !== end) throw new DbusFormatError('Cannot read array: its last element goes past its end')
    return value
  }
}

const headerFields = parseSignature('a(yv)')[0] as TypeNode
/** Flags: neither `NO_REPLY_EXPECTED` nor `ALLOW_INTERACTIVE_AUTHORIZATION`; `NO_AUTO_START`, as reading must start nothing. */
const noAutoStart = 2
const protocolVersion = 1

/** `message` as bytes, little endian. Throws `DbusFormatError` when the body does not fit the signature. */
export function encodeDbusMessage(message: DbusMessage): Buffer {
  const body = new Writer()
  const types = parseSignature(message.signature)
  if (types.length !== message.body.length) {
    throw new DbusFormatError(
      `Cannot write message: ${types.length} values by its signature: current value is ${message.body.length} values`,
    )
  }
  for (let i = 0; i < types.length; i++) body.value(types[i] as TypeNode, message.body[i] as DbusValue)
  const fields: DbusValue[] = []
  const field = (code: number, signature: string, value: DbusValue | undefined): void => {
    if (value !== undefined) fields.push([code, new DbusVariant(signature, value)])
  }
  field(1, 'o', message.path)
  field(2, 's', message.interface)
  field(3, 's', message.member)
  field(4, 's', message.errorName)
  field(5, 'u', message.replySerial)
  field(6, 's', message.destination)
  field(7, 's', message.sender)
  field(8, 'g', message.signature === '' ? undefined : message.signature)
  const out = new Writer()
  out.byte(0x6c) // 'l'
  out.byte(message.type)
  out.byte(message.type === DbusMessageType.methodCall ? noAutoStart : 0)
  out.byte(protocolVersion)
  out.uint32(body.length)
  out.uint32(message.serial)
  out.value(headerFields, fields)
  out.align(8)
  out.room(body.length)
  body.buffer.copy(out.buffer, out.length, 0, body.length)
  return out.buffer.subarray(0, out.length + body.length)
}

/** What must have come in before `dbusMessageLength` can tell. */
export const dbusFixedHeaderBytes = 16

/** The length of the message that `bytes` (at least `dbusFixedHeaderBytes`) begin. Throws `DbusFormatError`. */
export function dbusMessageLength(bytes: Buffer): number {
  const order = bytes[0]
  if (order !== 0x6c && order !== 0x42) {
    throw new DbusFormatError(`Cannot read message: byte order neither l nor B: current value is ${order}`)
  }
  const read = (at: number): number => (order === 0x6c ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at))
  const fieldsLength = read(12)
  if (fieldsLength > arrayBytesMax)
    throw new DbusFormatError(`Cannot read message: header fields of ${fieldsLength} bytes`)
  return dbusFixedHeaderBytes + fieldsLength + (-fieldsLength & 7) + read(4)
}

/** The one message that `bytes` are. Throws `DbusFormatError`. */
export function decodeDbusMessage(bytes: Buffer): DbusMessage {
  if (bytes.length < dbusFixedHeaderBytes || dbusMessageLength(bytes) !== bytes.length) {
    throw new DbusFormatError(`Cannot read message: its length is wrong: current value is ${bytes.length} bytes`)
  }
  const little = bytes[0] === 0x6c
  const type = bytes[1] as DbusMessageType
  const serial = little ? bytes.readUInt32LE(8) : bytes.readUInt32BE(8)
  const reader = new Reader(bytes, little, 12)
  const fields = new Map<number, DbusValue>()
  for (const entry of reader.value(headerFields) as readonly (readonly [number, DbusVariant])[]) {
    fields.set(entry[0], entry[1].value)
  }
  reader.align(8)
  const signature = textField(fields, 8) ?? ''
  const body = parseSignature(signature).map((node) => reader.value(node))
  const replySerial = fields.get(5)
  return {
    type,
    serial,
    ...present('path', textField(fields, 1)),
    ...present('interface', textField(fields, 2)),
    ...present('member', textField(fields, 3)),
    ...present('errorName', textField(fields, 4)),
    ...present('replySerial', typeof replySerial === 'number' ? replySerial : undefined),
    ...present('destination', textField(fields, 6)),
    ...present('sender', textField(fields, 7)),
    signature,
    body,
  }
}

function textField(fields: ReadonlyMap<number, DbusValue>, code: number): string | undefined {
  const value = fields.get(code)
  return typeof value === 'string' ? value : undefined
}

function present<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: V })
}
