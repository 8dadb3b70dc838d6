// Grok: regular expressions (RE2) with named parts from a library of patterns, `%{IP:client} %{NUMBER:bytes:int}`.
import { parseFloat64, parseInt64, ParseNumberError } from './go_numbers.ts'
import { grokPatterns } from './grok_patterns.ts'
import { compileRegexp, type Regexp } from './regexp.ts'

/** A pattern that cannot be expanded, or a text that is not of the type which the pattern says. */
export class GrokError extends Error {
  override readonly name = 'GrokError'
}

export interface GrokOptions {
  /** Parts without a name (`%{WORD}`) give nothing; else they go by the name of their pattern. */
  readonly namedOnly: boolean
  /** Patterns besides the library's, or in the place of its own. */
  readonly definitions: ReadonlyMap<string, string>
}

/** What a part becomes: text, `int` and `long` whole numbers, `float` and `double` numbers, `bool` and `boolean`. */
export type GrokValue = string | bigint | number | boolean

const reference = /%\{(\w+)(?::([\w.]+)(?::(\w+))?)?\}/g
/** How deep patterns stand in one another; the library's own come to less than ten. Those that refer to themselves pass it. */
const depthMax = 100
const expandedLengthMax = 1 << 18
/** How points are written in the names of groups that a pattern spells out itself. */
const point = '___'

/** Throws `GrokError`, and `RegexpError` for what the pattern expands to. */
export function compileGrok(pattern: string, options: GrokOptions): Grok {
  const types = new Map<string, string>()
  // One name may stand for several parts, of which one matches; groups must have names of their own.
  const names = new Map<string, string>()
  let expanded = pattern
  for (let depth = 0; expanded.search(reference) >= 0; depth++) {
    if (depth === depthMax) throw new GrokError(`patterns stand in one another more than ${depthMax} deep`)
    expanded = expanded.replace(reference, (_, name: string, id: string | undefined, type: string | undefined) => {
      const definition = options.definitions.get(name) ?? grokPatterns.get(name)
      if (definition === undefined) throw new GrokError(`pattern definition "${name}" unknown: parsing failed`)
      if (options.namedOnly && id === undefined) return `(${definition})`
      const part = id ?? name
      if (type !== undefined) types.set(part, type)
      const group = `grok_${names.size}_`
      names.set(group, part)
      return `(?P<${group}>${definition})`
    })
    if (expanded.length > expandedLengthMax) {
      throw new GrokError(`the pattern expands to more than ${expandedLengthMax} characters`)
    }
  }
  const regexp = compileRegexp(expanded)
  const parts = regexp.subexpNames.map((name) => names.get(name) ?? name.replaceAll(point, '.'))
  return new Grok(regexp, parts, types)
}

export class Grok {
  readonly #regexp: Regexp
  /** By group number, empty for groups without a name. */
  readonly #names: readonly string[]
  readonly #types: ReadonlyMap<string, string>

  constructor(regexp: Regexp, names: readonly string[], types: ReadonlyMap<string, string>) {
    this.#regexp = regexp
    this.#names = names
    this.#types = types
  }

  /** Is there any part that gives something? */
  get hasNames(): boolean {
    return this.#names.some((name) => name !== '')
  }

  /** The named parts of the first match, of a name the last; those that matched nothing are left out. Throws `GrokError`. */
  read(text: string): ReadonlyMap<string, GrokValue> {
    const groups = this.#regexp.match(text)
    const found = new Map<string, GrokValue>()
    if (groups === null) return found
    for (let i = 1; i < groups.length; i++) {
      const name = this.#names[i] ?? ''
      const part = groups[i] ?? ''
      if (name !== '' && part !== '') found.set(name, this.#typed(name, part))
    }
    return found
  }

  #typed(name: string, part: string): GrokValue {
    try {
      return typedValue(this.#types.get(name) ?? 'string', part, name)
    } catch (error) {
      throw error instanceof ParseNumberError ? new GrokError(error.message) : error
    }
  }
}

function typedValue(type: string, part: string, name: string): GrokValue {
  switch (type) {
    case 'string':
      return part
    case 'int':
    case 'long':
      return parseInt64(part, 'Atoi')
    case 'float':
    case 'double':
      return parseFloat64(part)
    case 'bool':
    case 'boolean':
      if (/^(?:1|t|T|true|TRUE|True)$/.test(part)) return true
      if (/^(?:0|f|F|false|FALSE|False)$/.test(part)) return false
      throw new GrokError(`strconv.ParseBool: parsing "${part}": invalid syntax`)
    default:
      throw new GrokError(`invalid type for ${name}: type not specified`)
  }
}
