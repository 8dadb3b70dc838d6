// Which file it is: device, inode and the first bytes; and files that were rotated away, found again by that.
import { createHash } from 'node:crypto'
import { close, fstat, open, read, type Stats } from 'node:fs'
import { readdir, realpath, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'

export const openFile = promisify(open)
export const closeFile = promisify(close)
export const statFile: (fd: number) => Promise<Stats> = promisify(fstat)

export function readAt(fd: number, bytes: Buffer, length: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(fd, bytes, 0, length, position, (error, n) => (error ? reject(error) : resolve(n)))
  })
}

/** So many of a file's first bytes tell it from another one. */
export const headBytesMax = 1024

export interface FileIdentity {
  readonly dev: number
  readonly ino: number
  /** How many of the first bytes the hash is of. */
  readonly headBytes: number
  readonly headHash: string
  /** The position is within a line that was cut: the rest of it is to be passed over. */
  readonly skipping: boolean
}

export function hashOf(head: Uint8Array): string {
  return createHash('sha256').update(head).digest('hex').slice(0, 16)
}

export function identityText({ dev, ino, headBytes, headHash, skipping }: FileIdentity): string {
  return `${dev}:${ino}:${headBytes}:${headHash}${skipping ? ':cut' : ''}`
}

/** Undefined where the text is not one of `identityText`. */
export function parseIdentity(text: string): FileIdentity | undefined {
  const match = /^(\d+):(\d+):(\d{1,4}):([0-9a-f]{16})(:cut)?$/.exec(text)
  if (!match) return undefined
  const [, dev, ino, headBytes, headHash, cut] = match
  return {
    dev: Number(dev),
    ino: Number(ino),
    headBytes: Number(headBytes),
    headHash: headHash as string,
    skipping: cut !== undefined,
  }
}

/** Does the file begin with the bytes that the identity is of? Nothing known of them: yes. */
export async function beginsAs(fd: number, identity: FileIdentity): Promise<boolean> {
  if (identity.headBytes === 0) return true
  const head = Buffer.alloc(identity.headBytes)
  const n = await readAt(fd, head, head.length, 0)
  return n === head.length && hashOf(head) === identity.headHash
}

/** Directories with more entries are not searched. */
const entriesMax = 20_000

/** What rotation adds to a name: numbers and dates. */
const rotatedSuffix = /^[.-]?\d[\d._:T-]*$/

interface Neighbour {
  readonly path: string
  readonly stats: Stats
}

async function neighbours(directory: string, take: (name: string) => boolean): Promise<Neighbour[]> {
  const found: Neighbour[] = []
  let names: string[]
  try {
    names = await readdir(directory)
  } catch {
    return found
  }
  if (names.length > entriesMax) return found
  for (const name of names) {
    if (!take(name)) continue
    const path = join(directory, name)
    try {
      const stats = await stat(path)
      if (stats.isFile()) found.push({ path, stats })
    } catch {
      // It went away meanwhile.
    }
  }
  return found
}

/** A file under the name that it had when it was looked at: the next rotation gives it another. */
export interface NamedFile {
  readonly path: string
  readonly ino: number
}

export interface RotatedFiles {
  readonly old: NamedFile
  readonly later: readonly NamedFile[]
}

/**
 * A file that once was at `path`, by its inode, under whatever name it has in that directory now; and the files that came
 * after it there and are rotated already, oldest first, but for those to leave out. `current` is what stands at `path` now.
 */
export async function findRotated(
  path: string,
  ino: number,
  current: { readonly ino: number },
  leaveOut: (path: string) => boolean,
): Promise<RotatedFiles | undefined> {
  const target = await realpath(path).catch(() => path)
  for (const place of new Set([target, path])) {
    const directory = dirname(place)
    const name = basename(place)
    const near = await neighbours(directory, (other) => other.startsWith(name))
    const isOld = ({ stats }: Neighbour): boolean => stats.ino === ino
    const old = near.find(isOld) ?? (await neighbours(directory, (other) => !other.startsWith(name))).find(isOld)
    if (old === undefined) continue
    const later = near.filter(
      ({ path: other, stats }) =>
        stats.ino !== ino &&
        stats.ino !== current.ino &&
        rotatedSuffix.test(basename(other).slice(name.length)) &&
        // What was there before the old one is no successor of it.
        (stats.birthtimeMs > old.stats.birthtimeMs ||
          (stats.birthtimeMs === old.stats.birthtimeMs && stats.mtimeMs >= old.stats.mtimeMs)) &&
        !leaveOut(other),
    )
    const named = ({ path: at, stats }: Neighbour): NamedFile => ({ path: at, ino: stats.ino })
    return { old: named(old), later: later.sort(byAge).map(named) }
  }
  return undefined
}

/** Oldest first. Where the clock was too coarse, names tell: `.2` is older than `.1`, but dates go up. */
function byAge(a: Neighbour, b: Neighbour): number {
  const byTime = a.stats.birthtimeMs - b.stats.birthtimeMs || a.stats.mtimeMs - b.stats.mtimeMs
  if (byTime !== 0) return byTime
  const number = /\.(\d{1,4})$/
  const [x, y] = [number.exec(a.path)?.[1], number.exec(b.path)?.[1]]
  if (x !== undefined && y !== undefined) return Number(y) - Number(x)
  return a.path < b.path ? -1 : 1
}
