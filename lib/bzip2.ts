// Decompression of bzip2, block by block (Julian Seward's format; there is no standard, the program is the reference).

export class Bzip2Error extends Error {
  override readonly name = 'Bzip2Error'
}

const blockMagic = 0x314159265359
const endMagic = 0x177245385090
const groupSize = 50
const codeLengthMax = 20
/** The longest that a block can be: 900 000 symbols of 20 bits, and its tables. */
const packedBytesMax = 2_500_000

/** Needs more bytes than there are. */
class Starved extends Error {}

class BitReader {
  bytes: Uint8Array = new Uint8Array(0)
  at = 0
  /** Bits of the byte at `at - 1` that are not read yet. */
  left = 0

  bits(n: number): number {
    let value = 0
    while (n > 0) {
      if (this.left === 0) {
        if (this.at >= this.bytes.length) throw new Starved()
        this.at++
        this.left = 8
      }
      const take = Math.min(n, this.left)
      const byte = this.bytes[this.at - 1]!
      value = value * 2 ** take + ((byte >> (this.left - take)) & ((1 << take) - 1))
      this.left -= take
      n -= take
    }
    return value
  }

  bit(): number {
    if (this.left === 0) {
      if (this.at >= this.bytes.length) throw new Starved()
      this.at++
      this.left = 8
    }
    this.left--
    return (this.bytes[this.at - 1]! >> this.left) & 1
  }
}

/** A canonical Huffman code: of each length the first code, and where its symbols begin. */
class Code {
  readonly #limit = new Int32Array(codeLengthMax + 2)
  readonly #base = new Int32Array(codeLengthMax + 2)
  readonly #symbols: Int32Array

  constructor(lengths: Uint8Array) {
    const count = new Int32Array(codeLengthMax + 2)
    for (const length of lengths) count[length]!++
    this.#symbols = new Int32Array(lengths.length)
    let code = 0
    let index = 0
    for (let length = 1; length <= codeLengthMax; length++) {
      this.#base[length] = index - code
      for (let symbol = 0; symbol < lengths.length; symbol++)
        if (lengths[symbol] === length) this.#symbols[index++] = symbol
      code += count[length]!
      this.#limit[length] = code
      code *= 2
    }
  }

  next(reader: BitReader): number {
    let code = 0
    for (let length = 1; length <= codeLengthMax; length++) {
      code = code * 2 + reader.bit()
      if (code < this.#limit[length]!) {
        const index = code + this.#base[length]!
        if (index < 0 || index >= this.#symbols.length) break
        return this.#symbols[index]!
      }
    }
    throw new Bzip2Error('Cannot decompress: a code is not known')
  }
}

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 24
  for (let i = 0; i < 8; i++) crc = crc & 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1
  return crc >>> 0
})

/**
 * What comes out of the chunks of a bzip2 file, one block (at most 900 kB before run lengths, 46 MB after) at a time; several streams
 * one after the other are one. Throws `Bzip2Error` where it is broken, breaks off, or a block's check sum is wrong.
 */
export async function* bunzip2(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  const reader = new BitReader()
  let blockBytesMax = 0
  let streams = 0
  const step = (): Buffer | undefined => {
    if (blockBytesMax === 0) {
      if (reader.bits(24) !== 0x425a68) throw new Bzip2Error('Cannot decompress: it is no bzip2')
      const level = reader.bits(8) - 0x30
      if (level < 1 || level > 9) throw new Bzip2Error('Cannot decompress: the block size is not known')
      blockBytesMax = level * 100_000
    }
    const magic = reader.bits(48)
    if (magic === blockMagic) return readBlock(reader, blockBytesMax)
    if (magic !== endMagic) throw new Bzip2Error('Cannot decompress: no block begins where one has to')
    reader.bits(32)
    reader.left = 0
    blockBytesMax = 0
    streams++
    return undefined
  }
  for await (const chunk of chunks) {
    reader.bytes = Buffer.concat([reader.bytes.subarray(Math.max(reader.at - 1, 0)), chunk])
    reader.at = reader.at > 0 ? 1 : 0
    while (reader.bytes.length - reader.at > packedBytesMax) {
      const block = step()
      if (block !== undefined) yield block
    }
  }
  while (reader.at < reader.bytes.length || blockBytesMax > 0) {
    let block: Buffer | undefined
    try {
      block = step()
    } catch (error) {
      if (error instanceof Starved) throw new Bzip2Error('Cannot decompress: it breaks off', { cause: error })
      throw error
    }
    if (block !== undefined) yield block
  }
  if (streams === 0) throw new Bzip2Error('Cannot decompress: it breaks off')
}

function readBlock(reader: BitReader, bytesMax: number): Buffer {
  const wantCrc = reader.bits(32)
  if (reader.bit() === 1) throw new Bzip2Error('Cannot decompress: blocks are randomised, which is of old times')
  const start = reader.bits(24)
  const symbols = readSymbols(reader)
  const { codes, selectors } = readCodes(reader, symbols.length + 2)
  const sorted = readSorted(reader, symbols, codes, selectors, bytesMax)
  if (start >= sorted.length) throw new Bzip2Error('Cannot decompress: a block begins behind its end')
  const out = expand(unsort(sorted, start))
  let crc = 0xffffffff
  for (let i = 0; i < out.length; i++) crc = (crc << 8) ^ crcTable[(crc >>> 24) ^ out[i]!]!
  if (~crc >>> 0 !== wantCrc) throw new Bzip2Error('Cannot decompress: a check sum is wrong')
  return out
}

function readSymbols(reader: BitReader): Uint8Array {
  const used = reader.bits(16)
  const symbols: number[] = []
  for (let i = 0; i < 16; i++) {
    if (!(used & (0x8000 >> i))) continue
    const bits = reader.bits(16)
    for (let j = 0; j < 16; j++) if (bits & (0x8000 >> j)) symbols.push(i * 16 + j)
  }
  if (symbols.length === 0) throw new Bzip2Error('Cannot decompress: a block has no symbols')
  return Uint8Array.from(symbols)
}

function readCodes(reader: BitReader, alphabet: number): { codes: Code[]; selectors: Uint8Array } {
  const groups = reader.bits(3)
  const count = reader.bits(15)
  if (groups < 2 || groups > 6 || count === 0) throw new Bzip2Error('Cannot decompress: the codes are wrong')
  const order = Array.from({ length: groups }, (_, i) => i)
  const selectors = new Uint8Array(count)
  for (let i = 0; i < count; i++) {
    let at = 0
    while (reader.bit() === 1) if (++at >= groups) throw new Bzip2Error('Cannot decompress: the codes are wrong')
    order.unshift(...order.splice(at, 1))
    selectors[i] = order[0] as number
  }
  const codes: Code[] = []
  for (let group = 0; group < groups; group++) {
    const lengths = new Uint8Array(alphabet)
    let length = reader.bits(5)
    for (let i = 0; i < alphabet; i++) {
      while (reader.bit() === 1) length += reader.bit() === 1 ? -1 : 1
      if (length < 1 || length > codeLengthMax) throw new Bzip2Error('Cannot decompress: a code is too long')
      lengths[i] = length
    }
    codes.push(new Code(lengths))
  }
  return { codes, selectors }
}

/** Huffman codes, runs of the first symbol, and moves to the front undone: the block's sorted bytes. */
function readSorted(
  reader: BitReader,
  symbols: Uint8Array,
  codes: readonly Code[],
  selectors: Uint8Array,
  bytesMax: number,
): Uint8Array {
  const out = new Uint8Array(bytesMax)
  const end = symbols.length + 1
  let length = 0
  let run = 0
  let runBit = 1
  for (let group = 0; ; group++) {
    if (group >= selectors.length) throw new Bzip2Error('Cannot decompress: a block has no end')
    const code = codes[selectors[group]!] as Code
    for (let i = 0; i < groupSize; i++) {
      const symbol = code.next(reader)
      if (symbol < 2) {
        run += runBit << symbol
        runBit *= 2
        if (run > bytesMax) throw new Bzip2Error('Cannot decompress: a block is too long')
        continue
      }
      if (run > 0) {
        if (length + run > bytesMax) throw new Bzip2Error('Cannot decompress: a block is too long')
        out.fill(symbols[0]!, length, length + run)
        length += run
        run = 0
        runBit = 1
      }
      if (symbol === end) return out.subarray(0, length)
      if (length >= bytesMax) throw new Bzip2Error('Cannot decompress: a block is too long')
      const byte = symbols[symbol - 1]!
      symbols.copyWithin(1, 0, symbol - 1)
      symbols[0] = byte
      out[length++] = byte
    }
  }
}

/** Burrows and Wheeler's transform undone. */
function unsort(sorted: Uint8Array, start: number): Uint8Array {
  const first = new Int32Array(257)
  for (const byte of sorted) first[byte + 1]!++
  for (let i = 0; i < 256; i++) first[i + 1]! += first[i]!
  const next = new Int32Array(sorted.length)
  for (let i = 0; i < sorted.length; i++) next[first[sorted[i]!]!++] = i
  const out = new Uint8Array(sorted.length)
  let at = next[start]!
  for (let i = 0; i < out.length; i++) {
    out[i] = sorted[at]!
    at = next[at]!
  }
  return out
}

/** Four bytes that are the same are followed by how many more there are. */
function expand(bytes: Uint8Array): Buffer {
  let length = 0
  let same = 0
  for (let i = 0; i < bytes.length; i++) {
    same = i > 0 && same > 0 && bytes[i] === bytes[i - 1] ? same + 1 : 1
    length++
    if (same === 4) {
      length += bytes[++i] ?? 0
      same = 0
    }
  }
  const out = Buffer.allocUnsafeSlow(length)
  let to = 0
  same = 0
  for (let i = 0; i < bytes.length; i++) {
    same = i > 0 && same > 0 && bytes[i] === bytes[i - 1] ? same + 1 : 1
    out[to++] = bytes[i]!
    if (same === 4) {
      const more = bytes[++i] ?? 0
      out.fill(bytes[i - 1]!, to, to + more)
      to += more
      same = 0
    }
  }
  return out
}
