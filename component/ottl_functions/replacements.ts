// Editors that replace texts, or parts of them.
import {
  defineEditor,
  functionArgument,
  type FunctionArgument,
  type FunctionDefinition,
  type Getter,
  getSetter,
  mapGetSetter,
  optional,
  OttlError,
  stringGetter,
  stringLiteral,
  type TransformContext,
} from '#component/ottl'
import type { Regexp } from '#lib/regexp'
import type { Attributes } from '#pdata/otlp'
import { AttributeIndex } from './attribute_index.ts'
import { globOf, regexpOf } from './patterns.ts'
import { formatValues } from './value_text.ts'

/** Gives what a text that matched, or a part of it, becomes. */
type Replace = (context: TransformContext, text: string) => string

/** A converter that `input` is put through, and the format that its result is put into. */
class Through {
  readonly #get: Getter
  readonly #format: Getter<string> | undefined
  #input = ''

  constructor(converter: FunctionArgument, format: Getter<string> | undefined) {
    this.#get = converter.bind(() => this.#input)
    this.#format = format
  }

  text(context: TransformContext, input: string): string {
    this.#input = input
    const found = this.#get(context)
    if (typeof found !== 'string') throw new OttlError('the replacement value must be a string')
    if (this.#format === undefined) return found
    const format = this.#format(context)
    if (!/^.*?%s.*?$/.test(format) || /%[^s]/.test(format)) {
      throw new OttlError(
        'replacementFormat must be format string containing a single %s and no other format specifiers',
      )
    }
    return formatValues(format, [found])
  }
}

function throughOf(converter: FunctionArgument | undefined, format: Getter<string> | undefined): Through | undefined {
  return converter === undefined ? undefined : new Through(converter, format)
}

// ------------------------------------------------------------------------------------------ texts that match a glob

function wholeReplacement(
  replacement: Getter<string>,
  converter: FunctionArgument | undefined,
  format: Getter<string> | undefined,
): Getter<string> {
  const through = throughOf(converter, format)
  return through === undefined ? replacement : (context) => through.text(context, replacement(context))
}

const replaceMatch = defineEditor({
  name: 'replace_match',
  parameters: {
    target: getSetter,
    pattern: stringGetter,
    replacement: stringGetter,
    function: optional(functionArgument),
    replacement_format: optional(stringGetter),
  },
  create({ target, pattern, replacement, function: converter, replacement_format }) {
    const globFor = globOf('replace_match', pattern)
    const replacementFor = wholeReplacement(replacement, converter, replacement_format)
    return (context) => {
      const glob = globFor(context)
      const text = target.get(context)
      const replaced = replacementFor(context)
      if (typeof text === 'string' && glob.test(text)) target.set(context, replaced)
      return null
    }
  },
})

const replaceAllMatches = defineEditor({
  name: 'replace_all_matches',
  parameters: {
    target: mapGetSetter,
    pattern: stringGetter,
    replacement: stringGetter,
    function: optional(functionArgument),
    replacement_format: optional(stringGetter),
  },
  create({ target, pattern, replacement, function: converter, replacement_format }) {
    const globFor = globOf('replace_all_matches', pattern)
    const replacementFor = wholeReplacement(replacement, converter, replacement_format)
    return (context) => {
      const glob = globFor(context)
      const { entries } = target.get(context)
      const replaced = replacementFor(context)
      for (let i = 0; i < entries.length; i++) {
        const entry = entries[i] as Attributes[number]
        if (typeof entry.value === 'string' && glob.test(entry.value)) entry.value = replaced
      }
      return null
    }
  },
})

// ------------------------------------------------------------------------- parts that match a regular expression

/** Every match in `text` replaced by what `template` expands to, put through the converter where there is one. */
function replacedParts(
  regexp: Regexp,
  text: string,
  template: string,
  through: Through | undefined,
  context: TransformContext,
): string {
  if (through === undefined) return regexp.replaceAll(text, template)
  const parts = regexp.template(template)
  let out = ''
  let copied = 0
  for (const { index, end, groups } of regexp.execAll(text)) {
    out += text.slice(copied, index) + through.text(context, parts.expand(groups))
    copied = end
  }
  return out + text.slice(copied)
}

const replacePattern = defineEditor({
  name: 'replace_pattern',
  parameters: {
    target: getSetter,
    regex_pattern: stringGetter,
    replacement: stringGetter,
    function: optional(functionArgument),
    replacement_format: optional(stringGetter),
  },
  create({ target, regex_pattern, replacement, function: converter, replacement_format }) {
    const regexpFor = regexpOf('replace_pattern', regex_pattern)
    const through = throughOf(converter, replacement_format)
    return (context) => {
      const text = target.get(context)
      if (text === null) return null
      const template = replacement(context)
      if (typeof text !== 'string') return null
      const regexp = regexpFor(context)
      if (regexp.test(text)) target.set(context, replacedParts(regexp, text, template, through, context))
      return null
    }
  },
})

const replaceAllPatterns = defineEditor({
  name: 'replace_all_patterns',
  parameters: {
    target: mapGetSetter,
    mode: stringLiteral,
    regex_pattern: stringGetter,
    replacement: stringGetter,
    function: optional(functionArgument),
    replacement_format: optional(stringGetter),
  },
  create({ target, mode, regex_pattern, replacement, function: converter, replacement_format }) {
    const regexpFor = regexpOf('replace_all_patterns', regex_pattern)
    if (mode !== 'key' && mode !== 'value') {
      throw new OttlError(`invalid mode ${mode}, must be either 'key' or 'value'`)
    }
    const through = throughOf(converter, replacement_format)
    const replaceIn = mode === 'value' ? replaceValues : replaceKeys
    return (context) => {
      const { entries } = target.get(context)
      const template = replacement(context)
      const regexp = regexpFor(context)
      replaceIn(entries, regexp, context, (_, text) => replacedParts(regexp, text, template, through, context))
      return null
    }
  },
})

function replaceValues(entries: Attributes, regexp: Regexp, context: TransformContext, replace: Replace): void {
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i] as Attributes[number]
    if (typeof entry.value !== 'string' || !regexp.test(entry.value)) continue
    entry.value = replacedOr(entry.value, context, replace)
  }
}

function replaceKeys(entries: Attributes, regexp: Regexp, context: TransformContext, replace: Replace): void {
  if (!entries.some((entry) => regexp.test(entry.key))) return
  const renamed: Attributes = []
  const seen = new AttributeIndex(renamed)
  for (const { key, value } of entries) {
    // Of keys that become the same, the last one's value stays, at the place of the first.
    seen.set(regexp.test(key) ? replacedOr(key, context, replace) : key, value)
  }
  entries.length = 0
  for (const entry of renamed) entries.push(entry)
}

/** What `replace` makes of `text`, or the text itself where the converter refuses it: the others still get theirs. */
function replacedOr(text: string, context: TransformContext, replace: Replace): string {
  try {
    return replace(context, text)
  } catch (error) {
    if (error instanceof OttlError) return text
    throw error
  }
}

export const replacements: readonly FunctionDefinition[] = [
  replaceAllMatches,
  replaceAllPatterns,
  replaceMatch,
  replacePattern,
]
