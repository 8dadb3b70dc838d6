// Takes symbols and debugging information out of an ELF executable, for any processor, without binutils.

const sectionSize = 64
const flagAlloc = 2n
const typeNobits = 8

interface Section {
  readonly index: number
  readonly name: string
  readonly header: Buffer
  readonly type: number
  readonly isLoaded: boolean
  readonly offset: number
  readonly size: number
}

/**
 * The executable without the sections that no program loads (System V ABI, chapters 4 and 5). 64 bits, little endian.
 * Throws for anything else, and where a loaded section lies behind one that is taken out.
 */
export function stripElf(bytes: Buffer): Buffer {
  if (bytes.readUInt32BE(0) !== 0x7f454c46 || bytes[4] !== 2 || bytes[5] !== 1) {
    throw new Error('Cannot strip: not a little-endian ELF file of 64 bits')
  }
  const sections = readSections(bytes)
  const kept = sections.filter((section) => section.index === 0 || section.isLoaded)
  const end = loadedEnd(bytes, kept)
  const names = Buffer.from(`\0${[...kept.slice(1).map(({ name }) => name), '.shstrtab'].join('\0')}\0`)
  const namesAt = align(end)
  const headersAt = align(namesAt + names.length)
  const out = Buffer.alloc(headersAt + (kept.length + 1) * sectionSize)
  bytes.copy(out, 0, 0, end)
  names.copy(out, namesAt)
  const newIndex = new Map(kept.map(({ index }, i) => [index, i]))
  let nameAt = 1
  for (const [i, { name, header }] of kept.entries()) {
    const copy = Buffer.from(header)
    copy.writeUInt32LE(i === 0 ? 0 : nameAt, 0)
    if (i > 0) nameAt += Buffer.byteLength(name) + 1
    copy.writeUInt32LE(newIndex.get(copy.readUInt32LE(40)) ?? 0, 40)
    copy.copy(out, headersAt + i * sectionSize)
  }
  namesHeader(nameAt, namesAt, names.length).copy(out, headersAt + kept.length * sectionSize)
  out.writeBigUInt64LE(BigInt(headersAt), 40)
  out.writeUInt16LE(kept.length + 1, 60)
  out.writeUInt16LE(kept.length, 62)
  return out
}

function readSections(bytes: Buffer): Section[] {
  const at = Number(bytes.readBigUInt64LE(40))
  const count = bytes.readUInt16LE(60)
  const namesIndex = bytes.readUInt16LE(62)
  const headers = Array.from({ length: count }, (_, i) =>
    bytes.subarray(at + i * sectionSize, at + (i + 1) * sectionSize),
  )
  const namesAt = Number((headers[namesIndex] as Buffer).readBigUInt64LE(24))
  return headers.map((header, index) => {
    const nameAt = namesAt + header.readUInt32LE(0)
    return {
      index,
      name: bytes.toString('latin1', nameAt, bytes.indexOf(0, nameAt)),
      header,
      type: header.readUInt32LE(4),
      isLoaded: (header.readBigUInt64LE(8) & flagAlloc) !== 0n,
      offset: Number(header.readBigUInt64LE(24)),
      size: Number(header.readBigUInt64LE(32)),
    }
  })
}

/** Where what is loaded ends, sections and segments. */
function loadedEnd(bytes: Buffer, kept: readonly Section[]): number {
  let end = 0
  for (const { type, offset, size } of kept) if (type !== typeNobits) end = Math.max(end, offset + size)
  const at = Number(bytes.readBigUInt64LE(32))
  const size = bytes.readUInt16LE(54)
  for (let i = 0; i < bytes.readUInt16LE(56); i++) {
    const header = at + i * size
    end = Math.max(end, Number(bytes.readBigUInt64LE(header + 8) + bytes.readBigUInt64LE(header + 32)))
  }
  return end
}

/** The header of the section that holds the sections' names. */
function namesHeader(nameAt: number, offset: number, size: number): Buffer {
  const header = Buffer.alloc(sectionSize)
  header.writeUInt32LE(nameAt, 0)
  header.writeUInt32LE(3, 4)
  header.writeBigUInt64LE(BigInt(offset), 24)
  header.writeBigUInt64LE(BigInt(size), 32)
  header.writeBigUInt64LE(1n, 48)
  return header
}

function align(at: number): number {
  return (at + 7) & ~7
}
