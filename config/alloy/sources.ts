// Finds the files of a configuration: one file, or every `.alloy` file directly inside a directory.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { AlloySource } from './compile.ts'

export interface ConfigurationFiles {
  readonly sources: readonly AlloySource[]
  /** What `module_path` names at the root. */
  readonly directory: string
}

/** Throws with a message that names the path and the cause. Names are shown as the path was given. */
export function readConfiguration(path: string): ConfigurationFiles {
  let isDirectory: boolean
  try {
    isDirectory = statSync(path).isDirectory()
  } catch (error) {
    throw new Error(`Cannot read the configuration ${path}: ${(error as Error).message}`, { cause: error })
  }
  if (!isDirectory) return { sources: [{ name: path, text: readFileSync(path) }], directory: dirname(resolve(path)) }
  const names = readdirSync(path)
    .filter((name) => name.endsWith('.alloy'))
    .sort()
  if (names.length === 0) throw new Error(`Cannot read the configuration ${path}: no .alloy file is in it`)
  return {
    sources: names.map((name) => ({ name: join(path, name), text: readFileSync(join(path, name)) })),
    directory: resolve(path),
  }
}
