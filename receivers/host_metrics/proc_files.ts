// Reads the kernel's files: small texts that are made as they are read, so reading them at once is fastest.
import { readFileSync } from 'node:fs'

/** USER_HZ: times in /proc are in hundredths of seconds on every architecture that Node runs on. */
export const ticksPerSecond = 100

export class ProcFiles {
  /** '' or the directory that the host's root is mounted at. */
  readonly root: string

  constructor(root: string) {
    this.root = root === '/' ? '' : root.replace(/\/+$/, '')
  }

  /** The file's text; bytes that are no UTF-8 become replacement characters. Throws where there is none. */
  read(path: string): string {
    return readFileSync(this.root + path, 'utf8')
  }

  /** As `read`; undefined where the file cannot be read. */
  tryRead(path: string): string | undefined {
    try {
      return this.read(path)
    } catch {
      return undefined
    }
  }

  /** Numbers by name, of files with lines as `MemTotal:  16 kB` or `pgfault 17`. */
  numbers(path: string): ReadonlyMap<string, number> {
    const found = new Map<string, number>()
    for (const line of this.read(path).split('\n')) {
      const match = /^([\w()]+):?\s+(\d+)/.exec(line)
      if (match) found.set(match[1] as string, Number(match[2]))
    }
    return found
  }

  /** Seconds since the epoch at which the system was started (/proc/stat, btime). */
  bootSeconds(): number {
    return Number(/^btime (\d+)$/m.exec(this.read('/proc/stat'))?.[1] ?? 0)
  }
}
