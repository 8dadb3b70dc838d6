// The attributes of spans that become attributes of metrics: by name, or by a pattern of names.
import { compileRegexp, RegexpError } from '#lib/regexp'

/** One as written: a name with what stands in for a missing attribute, or a pattern. */
export interface DimensionSettings {
  readonly name: string
  readonly default: string | undefined
  readonly glob: string
}

/** Settings, ready for looking up. */
export class Dimensions {
  /** Those with a name, in the order written; the place here is a dimension's slot. */
  readonly names: readonly string[]
  readonly defaults: readonly (string | undefined)[]
  readonly globs: readonly KeyPattern[]
  /** By length of the name in bytes: the slots, with the names to compare. */
  readonly #byLength: (readonly Slot[] | undefined)[] = []

  constructor(settings: readonly DimensionSettings[]) {
    const named = settings.filter(({ glob }) => glob === '')
    this.names = named.map(({ name }) => name)
    this.defaults = named.map((dimension) => dimension.default)
    this.globs = settings.filter(({ glob }) => glob !== '').map(({ glob }) => new KeyPattern(glob))
    for (const [slot, name] of this.names.entries()) {
      const bytes = Buffer.from(name)
      this.#byLength[bytes.length] = [...(this.#byLength[bytes.length] ?? []), { slot, bytes }]
    }
  }

  get count(): number {
    return this.names.length
  }

  /** The slot of the name that stands in `bytes[start … end)`; -1: no dimension's. */
  slotOf(bytes: Uint8Array, start: number, end: number): number {
    const slots = this.#byLength[end - start]
    if (slots === undefined) return -1
    const last = end - start - 1
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i] as Slot
      const name = slot.bytes
      // From the end: names have their beginnings in common (`http.request.`).
      let at = last
      while (at >= 0 && bytes[start + at] === name[at]) at--
      if (at < 0) return slot.slot
    }
    return -1
  }
}

interface Slot {
  readonly slot: number
  readonly bytes: Uint8Array
}

/** Names seen before are remembered, up to this many. */
const knownMax = 10_000

/** A pattern of attribute names, with a memory of what it was asked. */
export class KeyPattern {
  readonly #regexp: ReturnType<typeof compileRegexp>
  readonly #known = new Map<string, boolean>()

  /** Throws `RegexpError` for a pattern that is none. */
  constructor(glob: string) {
    this.#regexp = compileRegexp(regexpOfGlob(glob), { anchored: true })
  }

  matches(name: string): boolean {
    let result = this.#known.get(name)
    if (result === undefined) {
      result = this.#regexp.test(name)
      if (this.#known.size >= knownMax) this.#known.clear()
      this.#known.set(name, result)
    }
    return result
  }
}

/** `*` any text, `?` any character, `[a-c]` and `[!a-c]` one of a set, `{a,b}` one of several, `\` takes what follows as it is. */
function regexpOfGlob(glob: string): string {
  let out = ''
  let depth = 0
  for (let i = 0; i < glob.length; i++) {
    const char = glob[i] as string
    if (char === '*') out += '.*'
    else if (char === '?') out += '.'
    else if (char === '\\' && i + 1 < glob.length) out += quoted(glob[++i] as string)
    else if (char === '{') {
      depth++
      out += '(?:'
    } else if (char === '}' && depth > 0) {
      depth--
      out += ')'
    } else if (char === ',' && depth > 0) out += '|'
    else if (char === '[') {
      const end = glob.indexOf(']', i + 2)
      if (end < 0) throw new RegexpError(`missing closing ]: ${glob}`, glob)
      const isNegated = glob[i + 1] === '!' || glob[i + 1] === '^'
      const set = glob.slice(i + (isNegated ? 2 : 1), end).replaceAll(/[\\\]^]/g, '\\$&')
      out += `[${isNegated ? '^' : ''}${set}]`
      i = end
    } else out += quoted(char)
  }
  if (depth > 0) throw new RegexpError(`missing closing }: ${glob}`, glob)
  return out
}

function quoted(char: string): string {
  return /[\\.+*?()|[\]{}^$]/.test(char) ? `\\${char}` : char
}
