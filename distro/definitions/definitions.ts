// Writes the definitions that Homebrew and container engines install the executables by, beside them.
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Built, containerfile } from './containerfile.ts'
import { formula } from './formula.ts'

/** `Containerfile`, and with a `baseUrl` that is not empty the formula `solder.rb`, into `directory`, which has the files. */
export function writeDefinitions(directory: string, built: Built, baseUrl: string): void {
  const { version, executables } = built
  writeFileSync(join(directory, 'Containerfile'), containerfile(built))
  rmSync(join(directory, 'solder.rb'), { force: true })
  if (baseUrl === '') return
  const lines = readFileSync(join(directory, 'SHA256SUMS'), 'utf8').trim().split('\n')
  const checksums = new Map(lines.map((line) => [line.slice(66), line.slice(0, 64)]))
  writeFileSync(join(directory, 'solder.rb'), formula({ baseUrl, version, checksums }, executables))
}
