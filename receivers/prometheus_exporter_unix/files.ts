// The host's kernel files (procfs, sysfs) and directories, under the paths that the settings give.
//
// Kernel files are read synchronously through one buffer: the kernel makes their content on the spot, so there is nothing
// to wait for (measured on x64: 13 µs for /proc/meminfo; 18 µs with `readFileSync`, 70 µs with `fs.promises.readFile`).
// What may hang (statfs on a network mount, a directory that an administrator chose) goes through `fs.promises`, `within`
// and `HangGuard`.
import { closeSync, existsSync, openSync, readdirSync, readlinkSync, readSync, realpathSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Clock } from '#component'

/** Larger than what most files of procfs give at once, small enough to stay in the cache. */
const bufferBytes = 64 << 10
/** A kernel file that is larger is not read on: /proc/net/tcp of a host with 400 000 sockets has 60 MB. */
const fileBytesMax = 64 << 20

let buffer = Buffer.allocUnsafeSlow(bufferBytes)

export interface HostPaths {
  readonly procfs_path: string
  readonly sysfs_path: string
  readonly rootfs_path: string
  readonly udev_data_path: string
}

export class HostFiles {
  readonly procfs: string
  readonly sysfs: string
  readonly rootfs: string
  readonly udev: string
  constructor(paths: HostPaths) {
    this.procfs = paths.procfs_path
    this.sysfs = paths.sysfs_path
    this.rootfs = paths.rootfs_path
    this.udev = paths.udev_data_path
  }

  /** The path of `name` (relative, `net/dev`) in procfs. */
  proc(name: string): string {
    return `${this.procfs}/${name}`
  }

  sys(name: string): string {
    return `${this.sysfs}/${name}`
  }

  root(name: string): string {
    return join(this.rootfs, name)
  }

  /** The whole file as UTF-8. Throws the system's error (`code`: ENOENT, EACCES, EINVAL, …). */
  read(path: string): string {
    const length = readWhole(path) // may put a larger buffer in place
    return buffer.toString('utf8', 0, length)
  }

  /** As `read`, but one character per byte: three times as fast for plain ASCII of some size. */
  readLatin1(path: string): string {
    const length = readWhole(path)
    return buffer.toString('latin1', 0, length)
  }

  /** As `read`; undefined where the file cannot be read, whatever the reason (sysfs refuses what a device lacks). */
  tryRead(path: string): string | undefined {
    try {
      return this.read(path)
    } catch {
      return undefined
    }
  }

  /** The file without white space at its ends; undefined where it cannot be read. */
  tryTrimmed(path: string): string | undefined {
    return this.tryRead(path)?.trim()
  }

  /** The file's decimal number of 0 or more (2^53 and up loses digits, as a sample's float64 does). Throws for anything else. */
  readUint(path: string): number {
    const value = parseUint(readWhole(path))
    if (value === undefined) {
      throw new Error(`Cannot read ${path}: not a number: current value is ${JSON.stringify(this.read(path).trim())}`)
    }
    return value
  }

  /** As `readUint`; undefined where the file is missing, unreadable or has something else. */
  tryUint(path: string): number | undefined {
    if (!existsSync(path)) return undefined
    try {
      return parseUint(readWhole(path))
    } catch {
      return undefined
    }
  }

  /** A decimal number that may be negative; undefined where the file is missing, unreadable or has something else. */
  tryInt(path: string): number | undefined {
    if (!existsSync(path)) return undefined
    const text = this.tryTrimmed(path)
    return text !== undefined && /^[+-]?\d+$/.test(text) ? Number(text) : undefined
  }

  /** Entries of a directory, sorted by name. Throws the system's error. */
  list(path: string): string[] {
    return readdirSync(path).sort()
  }

  /** As `list`; empty where there is no such directory or it may not be read. */
  tryList(path: string): string[] {
    if (!existsSync(path)) return []
    try {
      return readdirSync(path).sort()
    } catch {
      return []
    }
  }

  exists(path: string): boolean {
    return existsSync(path)
  }

  /** `path` without symbolic links; undefined where it leads nowhere. */
  tryRealPath(path: string): string | undefined {
    if (!existsSync(path)) return undefined
    try {
      return realpathSync.native(path)
    } catch {
      return undefined
    }
  }

  /** The last part of what the symbolic link at `path` points to; undefined where there is none. */
  tryLinkName(path: string): string | undefined {
    try {
      return basename(readlinkSync(path))
    } catch {
      return undefined
    }
  }
}

/** The decimal number that the shared buffer has in its first `length` bytes; undefined: something else. */
function parseUint(length: number): number | undefined {
  let at = 0
  let end = length
  while (end > at && (buffer[end - 1] as number) <= 0x20) end--
  while (at < end && (buffer[at] as number) <= 0x20) at++
  if (at === end) return undefined
  let value = 0
  for (; at < end; at++) {
    const digit = (buffer[at] as number) - 0x30
    if (digit < 0 || digit > 9) return undefined
    value = value * 10 + digit
  }
  return value
}

/** Read `path` into the shared buffer; how many bytes it has. */
function readWhole(path: string): number {
  const descriptor = openSync(path, 'r')
  try {
    let length = 0
    for (;;) {
      if (length === buffer.length) grow()
      const read = readSync(descriptor, buffer, length, buffer.length - length, null)
      if (read === 0) return length
      length += read
    }
  } finally {
    closeSync(descriptor)
  }
}

function grow(): void {
  if (buffer.length >= fileBytesMax) {
    throw new Error(`Cannot read a file: it is larger than what is allowed: current value is ${fileBytesMax} bytes`)
  }
  const larger = Buffer.allocUnsafeSlow(buffer.length * 2)
  buffer.copy(larger)
  buffer = larger
}

/** Thrown by `within`. */
export class TimeoutError extends Error {
  override readonly name = 'TimeoutError'
}

/**
 * What `work` gives, or `TimeoutError` after `timeoutMs`, or the signal's reason. `work` itself goes on: a system call that
 * hangs cannot be called back, so callers must not start the same one again while it does.
 */
export async function within<T>(work: Promise<T>, timeoutMs: number, clock: Clock, signal?: AbortSignal): Promise<T> {
  let timer: { cancel(): void } | undefined
  let onAbort: (() => void) | undefined
  const end = new Promise<never>((_, reject) => {
    timer = clock.setTimeout(() => reject(new TimeoutError(`no answer after ${timeoutMs} ms`)), timeoutMs)
    onAbort = () => reject(signal?.reason instanceof Error ? signal.reason : new TimeoutError('aborted'))
    if (signal?.aborted) onAbort()
    else signal?.addEventListener('abort', onAbort, { once: true })
  })
  try {
    return await Promise.race([work, end])
  } finally {
    timer?.cancel()
    if (onAbort) signal?.removeEventListener('abort', onAbort)
  }
}

/**
 * Asks something that may hang, with a timeout, and never again while an earlier one has not come back: each that hangs
 * keeps a thread of Node's pool, of which there are 4.
 */
export class HangGuard {
  readonly #timeoutMs: number
  readonly #clock: Clock
  #isPending: boolean

  constructor(timeoutMs: number, clock: Clock) {
    this.#timeoutMs = timeoutMs
    this.#clock = clock
    this.#isPending = false
  }

  async run<T>(start: () => Promise<T>, signal: AbortSignal): Promise<T> {
    if (this.#isPending) throw new TimeoutError('an earlier request has not been answered')
    this.#isPending = true
    const work = start().finally(() => {
      this.#isPending = false
    })
    // When nobody waits any more, its failure is nobody's either.
    work.catch(() => {})
    return within(work, this.#timeoutMs, this.#clock, signal)
  }
}
