// OTLP on the wire, without decoding: counting items, walking fields.

/**
 * Walks the fields of one message of a validated chunk, without making objects: keep one cursor per level and `enter` the
 * parts with it. In chunks that `#pdata/otlp` gives, a message has each singular field at most once and a oneof at most one
 * value; fields may come in any order, and fields that nobody knows may be among them.
 *
 *   const group = new WireCursor(), scope = new WireCursor(), span = new WireCursor()
 *   group.reset(chunk)
 *   while (group.next()) if (group.tag === 0x0a) {          // each ResourceSpans
 *     scope.enter(group)
 *     while (scope.next()) if (scope.tag === 0x12) …         // each ScopeSpans
 *   }
 */
export class WireCursor {
  bytes: Uint8Array = noBytes
  /** field << 3 | wire type of the field that the cursor stands on. */
  tag = 0
  /** Where the field begins, with its tag. */
  fieldStart = 0
  /** Where the value begins: behind the tag, and behind the length where there is one. */
  start = 0
  /** Where the field ends, and the next begins. */
  end = 0
  #messageEnd = 0

  /** Stand before the first field of the message in `bytes[start … end)`; a whole chunk by default. */
  reset(bytes: Uint8Array, start = 0, end = bytes.length): void {
    this.bytes = bytes
    this.end = start
    this.#messageEnd = end
  }

  /** Stand before the first field of the message that `outer` stands on. */
  enter(outer: WireCursor): void {
    this.reset(outer.bytes, outer.start, outer.end)
  }

  /** Go to the next field; false when there is none. */
  next(): boolean {
    const bytes = this.bytes
    let at = this.end
    if (at >= this.#messageEnd) return false
    this.fieldStart = at
    let tag = bytes[at++]!
    if (tag >= 0x80) {
      tag = wireVarint(bytes, at - 1)
      at = wireVarintEnd(bytes, at)
    }
    this.tag = tag
    if ((tag & 7) === 2) {
      let length = bytes[at++]!
      if (length >= 0x80) {
        length = wireVarint(bytes, at - 1)
        at = wireVarintEnd(bytes, at)
      }
      this.start = at
      this.end = at + length
      return true
    }
    this.start = at
    this.end = fieldEnd(bytes, tag, at)
    return true
  }

  /** Go to the first field with this tag, from the beginning of what was not walked yet. */
  seek(tag: number): boolean {
    while (this.next()) if (this.tag === tag) return true
    return false
  }

  /** Bytes of the value. */
  get length(): number {
    return this.end - this.start
  }

  /** A view of the value. */
  value(): Uint8Array {
    return this.bytes.subarray(this.start, this.end)
  }

  /** Is the value this UTF-8 (or these bytes)? */
  equals(expected: Uint8Array): boolean {
    const { bytes, start } = this
    const length = expected.length
    if (this.end - start !== length) return false
    for (let i = 0; i < length; i++) if (bytes[start + i] !== expected[i]) return false
    return true
  }

  /** The low 32 bits of a varint value. */
  uint32(): number {
    return wireVarint(this.bytes, this.start)
  }
}

const noBytes = new Uint8Array(0)

/** The low 32 bits of the varint at `at`. */
export function wireVarint(bytes: Uint8Array, at: number): number {
  let value = 0
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = bytes[at++]!
    value |= (byte & 0x7f) << shift
    if (byte < 0x80) break
  }
  return value >>> 0
}

/** The offset behind the varint whose last byte is at `at` or later. */
function wireVarintEnd(bytes: Uint8Array, at: number): number {
  while (bytes[at++]! >= 0x80);
  return at
}

/** Where the value of a field that is not length-delimited ends. */
function fieldEnd(bytes: Uint8Array, tag: number, at: number): number {
  let groups = 0
  for (;;) {
    switch (tag & 7) {
      case 0:
        at = wireVarintEnd(bytes, at)
        break
      case 1:
        at += 8
        break
      case 2: {
        const length = wireVarint(bytes, at)
        at = wireVarintEnd(bytes, at) + length
        break
      }
      case 3:
        groups++
        break
      case 4:
        groups--
        break
      default:
        at += 4
    }
    if (groups <= 0 || at >= bytes.length) return at
    tag = wireVarint(bytes, at)
    at = wireVarintEnd(bytes, at)
  }
}

/**
 * The levels from a request down to its items, as tags: resources, scopes, (metrics, their data,) items. At a level that
 * has several tags each of them leads down.
 */
export type WireLevels = readonly (readonly number[])[]

export const itemLevels: WireLevels = [[0x0a], [0x12], [0x12]]
export const pointLevels: WireLevels = [[0x0a], [0x12], [0x12], [0x2a, 0x3a, 0x4a, 0x52, 0x5a], [0x0a]]

/** Count the spans, log records (`itemLevels`) or data points (`pointLevels`) in a part of a validated chunk. */
export function countWire(bytes: Uint8Array, levels: WireLevels, level = 0, start = 0, end = bytes.length): number {
  const tags = levels[level]!
  const isLast = level === levels.length - 1
  const first = tags[0]!
  const hasOne = tags.length === 1
  let count = 0
  for (let at = start; at < end;) {
    const tag = bytes[at++]!
    if ((tag & 7) !== 2 || tag >= 0x80) {
      if (tag >= 0x80) {
        const wide = wireVarint(bytes, at - 1)
        at = wireVarintEnd(bytes, at)
        at = fieldEnd(bytes, wide, at)
      } else at = fieldEnd(bytes, tag, at)
      continue
    }
    let length = bytes[at++]!
    if (length >= 0x80) {
      length = wireVarint(bytes, at - 1)
      at = wireVarintEnd(bytes, at)
    }
    if (hasOne ? tag === first : tags.includes(tag)) {
      if (isLast) count++
      else count += countWire(bytes, levels, level + 1, at, at + length)
    }
    at += length
  }
  return count
}
