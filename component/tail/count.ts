// Counts the entries of a file up to a place.
import { open } from 'node:fs/promises'
import type { LineEncoding } from './encoding.ts'
import { type EntryPattern, splitEntries } from './splitter.ts'

const chunkBytes = 256 * 1024

export interface CountOptions {
  readonly encoding: LineEncoding
  readonly pattern: EntryPattern | undefined
  /** The longest entry. */
  readonly bytesMax: number
}

/** Entries before `offset`, where one begins. A file that is not there has none. */
export async function countEntries(path: string, offset: number, options: CountOptions): Promise<bigint> {
  const { encoding, pattern, bytesMax } = options
  const file = await open(path, 'r').catch(() => undefined)
  if (file === undefined) return 0n
  let count = 0n
  try {
    const bytes = Buffer.allocUnsafe(Math.max(chunkBytes, bytesMax))
    for (let at = 0; at < offset;) {
      const { bytesRead } = await file.read(bytes, 0, Math.min(bytes.length, offset - at), at)
      if (bytesRead === 0) break
      const isLast = at + bytesRead >= offset
      const { entries, end } = splitEntries(pattern, encoding, bytes, { start: 0, end: bytesRead, isLast })
      count += BigInt(entries.length)
      at += end > 0 ? end : bytesRead
    }
  } finally {
    await file.close()
  }
  return count
}
