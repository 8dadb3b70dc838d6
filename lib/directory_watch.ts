// Watching directories for changes, as far as the file system tells.
import { type FSWatcher, watch } from 'node:fs'

/**
 * Watches a set of directories. A hint, no promise: file systems may keep changes to themselves, and a directory that is
 * not there cannot be watched, so whoever uses this looks again from time to time and calls `set` then.
 */
export class DirectoryWatch {
  readonly #onChange: (directory: string, name: string | undefined) => void
  readonly #watchers = new Map<string, FSWatcher>()

  /** `name`: the file that changed, in `directory`; undefined: not told. */
  constructor(onChange: (directory: string, name: string | undefined) => void) {
    this.#onChange = onChange
  }

  /** Watch these directories from now on, and no others. Those that could not be watched before are tried again. */
  set(directories: Iterable<string>): void {
    const wanted = new Set(directories)
    for (const [directory, watcher] of this.#watchers) {
      if (wanted.has(directory)) continue
      watcher.close()
      this.#watchers.delete(directory)
    }
    for (const directory of wanted) if (!this.#watchers.has(directory)) this.#watch(directory)
  }

  #watch(directory: string): void {
    let watcher: FSWatcher
    try {
      watcher = watch(directory, (_, name) => this.#onChange(directory, name ?? undefined))
    } catch {
      return // Not there yet, or no watches left: the caller's polling goes on.
    }
    const forget = (): void => {
      watcher.close()
      if (this.#watchers.get(directory) === watcher) this.#watchers.delete(directory)
    }
    watcher.on('error', forget)
    this.#watchers.set(directory, watcher)
  }

  /** How many directories are watched. */
  get size(): number {
    return this.#watchers.size
  }

  /** Safe twice; `set` begins anew. */
  close(): void {
    for (const watcher of this.#watchers.values()) watcher.close()
    this.#watchers.clear()
  }
}
