// Tells at the next start whether the process before this one stopped in order.
import { access, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const name = 'running'

/**
 * A file that is there while the process runs, written once and taken away by an orderly stop. Where the directory cannot
 * be written nothing is known, and nothing fails.
 */
export class StopMarker {
  readonly #directory: string

  constructor(directory: string) {
    this.#directory = directory
  }

  /** Was the marker left behind? Sets it again. */
  async begin(): Promise<boolean> {
    const path = join(this.#directory, name)
    const left = await access(path).then(
      () => true,
      () => false,
    )
    if (!left) {
      await mkdir(this.#directory, { recursive: true })
        .then(() => writeFile(path, ''))
        .catch(() => {})
    }
    return left
  }

  async end(): Promise<void> {
    await rm(join(this.#directory, name), { force: true }).catch(() => {})
  }
}
