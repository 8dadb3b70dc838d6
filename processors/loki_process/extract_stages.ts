// Stages that extract values: json, logfmt, regex, pattern.
import { attr, bool, defineSettings, map, type SettingsOf, string } from '#component'
import { isLegacyLabelName } from '#component/relabel'
import { compilePattern, type Pattern, PatternError } from '#component/logql'
import { goJson } from '#lib/go_json'
import { compileJmesPath, type JmesPath, JmesPathError, JmesPathFault, type Json } from '#lib/jmespath'
import { compileRegexp, type Regexp } from '#lib/regexp'
import { checkExpression } from './expression.ts'
import { type Extracted, type Line } from './line.ts'
import { eachPair } from '#lib/logfmt'
import { LineStage, SieveStage, type StageContext } from './stage.ts'

const noStrings: Readonly<Record<string, string>> = {}

export const jsonSettings = defineSettings(
  {
    expressions: attr(map(string), 'JMESPath expressions by the name of what they extract; "": the name itself.', {
      default: noStrings,
    }),
    regex: attr(string, 'Top-level fields whose names match are extracted.', { default: '' }),
    source: attr(string, 'The extracted value to parse; absent: the line.'),
    drop_malformed: attr(bool, 'Drop lines that are not JSON objects.', { default: false }),
  },
  {
    check({ expressions, regex, source }, report) {
      if (expressions.size === 0 && regex === '') report('JMES expressions or regex is required')
      if (source === '') report('empty source', ['source'])
      checkExpression(regex, 'regex', report)
      for (const [name, expression] of expressions) {
        try {
          compileJmesPath(expression || name)
        } catch (error) {
          if (!(error instanceof JmesPathError)) throw error
          report(`could not compile JMES expression: ${error.message}`, ['expressions', name])
        }
      }
    },
  },
)

/** Why lines are counted as dropped by `drop_malformed`. */
const malformedReason = 'malformed_json'

export class JsonStage extends SieveStage {
  readonly #source: string | undefined
  readonly #dropsMalformed: boolean
  readonly #expressions: readonly (readonly [string, JmesPath])[]
  readonly #regex: Regexp | null

  constructor(settings: SettingsOf<typeof jsonSettings>, context: StageContext) {
    super(context, malformedReason)
    this.#source = settings.source
    this.#dropsMalformed = settings.drop_malformed
    this.#expressions = [...settings.expressions].map(([name, path]) => [name, compileJmesPath(path || name)])
    this.#regex = settings.regex === '' ? null : compileRegexp(settings.regex)
  }

  isDropped(line: Line): boolean {
    const input = line.input(this.#source)
    if (input === undefined) return false
    const document = parseObject(input)
    if (document === undefined) return this.#dropsMalformed
    const { extracted } = line
    for (const [name, path] of this.#expressions) extract(extracted, name, path, document)
    if (this.#regex !== null) {
      for (const [key, value] of Object.entries(document)) {
        if (this.#regex.test(key)) extracted.set(key, simple(value))
      }
    }
    return false
  }
}

/** An expression that a document does not suit (a function's argument) extracts nothing. */
function extract(extracted: Map<string, Extracted>, name: string, path: JmesPath, document: Json): void {
  try {
    extracted.set(name, simple(path(document)))
  } catch (error) {
    if (!(error instanceof JmesPathFault)) throw error
  }
}

/** A JSON object; undefined: the text is none. */
export function parseObject(text: string): { [key: string]: Json } | undefined {
  try {
    const value = JSON.parse(text) as Json
    if (value === null) return {}
    return typeof value === 'object' && !Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** Lists and objects are extracted as JSON. */
function simple(value: Json): Extracted {
  return value !== null && typeof value === 'object' ? goJson(value) : value
}

export const logfmtSettings = defineSettings(
  {
    mapping: attr(map(string), 'Keys by the name of what they extract; "": the name itself.', { default: noStrings }),
    regex: attr(string, 'Keys that match are extracted.', { default: '' }),
    source: attr(string, 'The extracted value to parse; "": the line.', { default: '' }),
  },
  {
    check({ mapping, regex }, report) {
      if (mapping.size === 0 && regex === '') report('logfmt mapping or regex is required')
      checkExpression(regex, 'regex', report)
    },
  },
)

export class LogfmtStage extends LineStage {
  readonly #source: string
  /** Names of what is extracted, by key. */
  readonly #names: ReadonlyMap<string, string>
  readonly #regex: Regexp | null

  constructor(settings: SettingsOf<typeof logfmtSettings>) {
    super()
    this.#source = settings.source
    this.#names = new Map([...settings.mapping].map(([name, key]) => [key || name, name]))
    this.#regex = settings.regex === '' ? null : compileRegexp(settings.regex)
  }

  change(line: Line): void {
    const input = line.input(this.#source)
    if (input === undefined) return
    const { extracted } = line
    for (const record of input.split('\n')) {
      const isWhole = eachPair(record, (key, value) => {
        const name = this.#names.get(key)
        if (name !== undefined) extracted.set(name, value)
        if (this.#regex?.test(key)) extracted.set(key, value)
      })
      if (!isWhole) return
    }
  }
}

export const regexSettings = defineSettings(
  {
    expression: attr(string, 'RE2 expression; its named groups are extracted.', { required: true }),
    source: attr(string, 'The extracted value to match; absent: the line.'),
    labels_from_groups: attr(bool, 'Make labels of the named groups too.', { default: false }),
  },
  {
    check({ expression, source }, report) {
      if (expression === '') report('expression is required', ['expression'])
      if (source === '') report('empty source', ['source'])
      checkExpression(expression, 'expression', report)
    },
  },
)

export class RegexStage extends LineStage {
  readonly #source: string | undefined
  readonly #regexp: Regexp
  readonly #makesLabels: boolean

  constructor(settings: SettingsOf<typeof regexSettings>) {
    super()
    this.#source = settings.source
    this.#regexp = compileRegexp(settings.expression)
    this.#makesLabels = settings.labels_from_groups
  }

  change(line: Line): void {
    const input = line.input(this.#source)
    const groups = input === undefined ? null : this.#regexp.match(input)
    if (groups === null) return
    const names = this.#regexp.subexpNames
    for (let i = 1; i < names.length; i++) {
      const name = names[i] as string
      if (name === '') continue
      const value = groups[i] as string
      line.extracted.set(name, value)
      if (this.#makesLabels && isLegacyLabelName(name)) line.setLabel(name, value)
    }
  }
}

export const patternSettings = defineSettings(
  {
    pattern: attr(string, 'LogQL pattern: `<ip> - <_> "<method> <path>"`.', { required: true }),
    source: attr(string, 'The extracted value to match; absent: the line.'),
    labels_from_groups: attr(bool, 'Make labels of the captures too.', { default: false }),
  },
  {
    check({ pattern, source }, report) {
      if (source === '') report('empty source', ['source'])
      if (pattern === '') {
        report('pattern is required', ['pattern'])
        return
      }
      try {
        compilePattern(pattern)
      } catch (error) {
        if (!(error instanceof PatternError)) throw error
        report(`failed to parse pattern: ${error.message}`, ['pattern'])
      }
    },
  },
)

export class PatternStage extends LineStage {
  readonly #source: string | undefined
  readonly #pattern: Pattern
  readonly #makesLabels: boolean

  constructor(settings: SettingsOf<typeof patternSettings>) {
    super()
    this.#source = settings.source
    this.#pattern = compilePattern(settings.pattern)
    this.#makesLabels = settings.labels_from_groups
  }

  change(line: Line): void {
    const input = line.input(this.#source)
    const captures = input === undefined ? null : this.#pattern.match(input)
    if (captures === null) return
    for (const [i, value] of captures.entries()) {
      const name = this.#pattern.names[i] as string
      line.extracted.set(name, value)
      if (this.#makesLabels) line.setLabel(name, value)
    }
  }
}
