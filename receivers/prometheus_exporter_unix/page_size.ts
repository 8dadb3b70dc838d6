// The size of a memory page of this host.
import { closeSync, openSync, readSync } from 'node:fs'
import { arch } from 'node:os'

/** AT_PAGESZ of elf.h. */
const auxPageSize = 6
let known: number | undefined

/** Bytes per page, from the auxiliary vector that the kernel gave this process; where it cannot be read, 4096. */
export function pageBytes(): number {
  known ??= fromAuxiliaryVector() ?? 4096
  return known
}

/** /proc/self/auxv is pairs of words (getauxval(3)). */
function fromAuxiliaryVector(): number | undefined {
  if (arch() !== 'x64' && arch() !== 'arm64') return undefined
  try {
    const descriptor = openSync('/proc/self/auxv', 'r')
    try {
      const vector = Buffer.alloc(1024)
      const length = readSync(descriptor, vector, 0, vector.length, null)
      for (let at = 0; at + 16 <= length; at += 16) {
        if (vector.readUInt32LE(at) === auxPageSize) return vector.readUInt32LE(at + 8)
      }
    } finally {
      closeSync(descriptor)
    }
  } catch {
    // No procfs, or not allowed: the usual size.
  }
  return undefined
}
