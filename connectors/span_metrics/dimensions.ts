// The attributes of spans that become attributes of metrics: by name, or by a pattern of names.
import { AttributeNames } from '#component/span_scan'
import { compileRegexp, RegexpError } from '#lib/regexp'

/** One as written: a name with what stands in for a missing attribute, or a pattern. */
export interface DimensionSettings {
  readonly name: string
  readonly default: string | undefined
  readonly glob: string
}

/** Settings, ready for looking up. */
export class Dimensions {
  /** Of those with a name, in the order written. */
  readonly names: AttributeNames
  readonly globs: readonly KeyPattern[]

  constructor(settings: readonly DimensionSettings[]) {
    const named = settings.filter(({ glob }) => glob === '')
    this.names = new AttributeNames(named.map(({ name }) => name))
    this.globs = settings.filter(({ glob }) => glob !== '').map(({ glob }) => new KeyPattern(glob))
  }
}

/** Names seen before are remembered, up to this many; longer ones are asked anew. */
const knownMax = 10_000
const knownLengthMax = 256

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
      if (name.length > knownLengthMax) return result
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
