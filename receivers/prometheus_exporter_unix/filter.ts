// Which names (devices, mount points, chips) a collector takes, by regular expressions of users.
import { SettingsError } from '#component'
import { compileRegexp, RegexpError } from '#lib/regexp'
import type { Regexp } from '#lib/regexp'

/** The compiled setting at `path`; it matches anywhere in a name unless it has anchors. Throws `SettingsError`. */
export function compileSetting(pattern: string, path: readonly string[]): Regexp {
  try {
    return compileRegexp(pattern)
  } catch (error) {
    if (error instanceof RegexpError) throw new SettingsError(error.message, path)
    throw error
  }
}

/** Takes names that match `include` (if there is one) and do not match `exclude`. '' is no expression. */
export class NameFilter {
  readonly #exclude: Regexp | undefined
  readonly #include: Regexp | undefined
  /** Answers by name: the same few names come at every scrape. */
  readonly #known: Map<string, boolean>

  /** `path` leads to the two settings, whose names are `excludeName` and `includeName`. */
  constructor(exclude: string, include: string, path: string, excludeName: string, includeName: string) {
    this.#exclude = exclude === '' ? undefined : compileSetting(exclude, [path, excludeName])
    this.#include = include === '' ? undefined : compileSetting(include, [path, includeName])
    this.#known = new Map()
  }

  ignores(name: string): boolean {
    let ignored = this.#known.get(name)
    if (ignored === undefined) {
      ignored = this.#exclude?.test(name) === true || this.#include?.test(name) === false
      if (this.#known.size >= namesMax) this.#known.clear()
      this.#known.set(name, ignored)
    }
    return ignored
  }
}

/** Devices that come and go under new names (veth of containers) must not fill the memory. */
const namesMax = 4096
