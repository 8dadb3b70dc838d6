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
/** Points cannot stand in names of groups. */
const point = '___'

/** Throws `GrokError`, and `RegexpError` for what the pattern expands to. */
export function compileGrok(pattern: string, options: GrokOptions): Grok {
  const types = new Map<string, string>()
  let expanded = pattern
  for (let depth = 0; expanded.search(reference) >= 0; depth++) {
    if (depth === depthMax) throw new GrokError(`patterns stand in one another more than ${depthMax} deep`)
    expanded = expanded.replace(reference, (_, name: string, id: string | undefined, type: string | undefined) => {
      const definition = options.definitions.get(name) ?? grokPatterns.get(name)
      if (definition === undefined) throw new GrokError(`pattern definition "${name}" unknown: parsing failed`)
      const group = (id ?? name).replaceAll('.', point)
      if (type !== undefined) types.set(group, type)
      return options.namedOnly && id === undefined ? `(${definition})` : `(?P<${group}>${definition})`
    })
    if (expanded.length > expandedLengthMax) {
      throw new GrokError(`the pattern expands to more than ${expandedLengthMax} characters`)
    }
  }
  return new Grok(compileRegexp(expanded), types)
}

export class Grok {
  readonly #regexp: Regexp
  readonly #types: ReadonlyMap<string, string>

  constructor(regexp: Regexp, types: ReadonlyMap<string, string>) {
    this.#regexp = regexp
    this.#types = types
  }

  /** Is there any part that gives something? */
  get hasNames(): boolean {
    return this.#regexp.subexpNames.some((name) => name !== '')
  }

  /** The named parts of the first match; those that matched nothing are left out. Throws `GrokError`. */
  read(text: string): [string, GrokValue][] {
    const groups = this.#regexp.match(text)
    const found: [string, GrokValue][] = []
    if (groups === null) return found
    for (const [i, name] of this.#regexp.subexpNames.entries()) {
      const part = groups[i] ?? ''
      if (name !== '' && part !== '') found.push([name.replaceAll(point, '.'), this.#typed(name, part)])
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
