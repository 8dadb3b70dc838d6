// Operators that change an entry's fields: add, move, copy, remove, retain, flatten, and so on.
import { anyValue, attr, defineSettings, entriesOf, list, type SettingsOf, string, type Value } from '#component'
import { compileExpression, compileTemplate, type ExprValue } from '#component/expr'
import { compileRegexp } from '#lib/regexp'
import { cloneValue, type Entry, type EntryMap, entryVariables, isEntryMap, put } from '../entry.ts'
import { EntryError, Operator, type OperatorBase } from '../operator.ts'
import { compiled, describe, field, type Problem, rootableField } from './settings.ts'

/** What a transformer does to an entry. Throws `EntryError`. */
export type Transform = (entry: Entry) => void

export class Transformer extends Operator {
  readonly #transform: Transform

  constructor(base: OperatorBase, transform: Transform) {
    super(base)
    this.#transform = transform
  }

  protected apply(entry: Entry): void {
    this.#transform(entry)
  }
}

function required(value: ExprValue | undefined, what: string): ExprValue {
  if (value === undefined) throw new EntryError(`${what} does not exist`)
  return value
}

// ----------------------------------------------------------------------------------------- add, move, copy, remove

export const addSettings = defineSettings({
  field: attr(rootableField, 'The field to set.', { required: true }),
  value: attr(anyValue, 'Its value; a text may hold an expression, `EXPR(…)`.', { required: true }),
})

export function addTransform(settings: SettingsOf<typeof addSettings>, problem: Problem): Transform {
  const { field: to, value } = settings
  const valueOf = addedValue(value, problem)
  return (entry) => to.set(entry, valueOf(entry))
}

function addedValue(value: Value, problem: Problem): (entry: Entry) => ExprValue {
  if (typeof value === 'string' && value.includes('EXPR(')) {
    // Alone, an expression gives its value as it is.
    const alone = /^EXPR\((.*)\)$/s.exec(value)
    const isAlone = alone !== null && value.indexOf('EXPR(', 1) < 0
    const run = compiled(
      () => (isAlone ? compileExpression(alone[1] as string, entryVariables) : compileTemplate(value, entryVariables)),
      problem,
      ['value'],
    )
    return (entry) => cloneValue(run?.(entry) ?? null)
  }
  const fixed = entryValue(value)
  return typeof fixed === 'object' ? () => cloneValue(fixed) : () => fixed
}

/** A value of a configuration as one of an entry. */
export function entryValue(value: Value): ExprValue {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'bigint' || typeof value === 'number' || value instanceof Uint8Array) return value
  if (Array.isArray(value)) return (value as readonly Value[]).map(entryValue)
  const out: EntryMap = {}
  for (const [key, item] of entriesOf(value) ?? []) put(out, key, entryValue(item))
  return out
}

export const moveSettings = defineSettings({
  from: attr(rootableField, 'The field to take.', { required: true }),
  to: attr(rootableField, 'The field to set.', { required: true }),
})

export function moveTransform({ from, to }: SettingsOf<typeof moveSettings>): Transform {
  const what = `move: field ${from.toString()}`
  return (entry) => to.set(entry, required(from.remove(entry), what))
}

export function copyTransform({ from, to }: SettingsOf<typeof moveSettings>): Transform {
  const what = `copy: field ${from.toString()}`
  return (entry) => to.set(entry, cloneValue(required(from.get(entry), what)))
}

export const removeSettings = defineSettings({
  field: attr(rootableField, 'The field to remove; `attributes` and `resource` are emptied.', { required: true }),
})

export function removeTransform({ field: from }: SettingsOf<typeof removeSettings>): Transform {
  const what = `remove: field ${from.toString()}`
  return (entry) => void required(from.remove(entry), what)
}

export const retainSettings = defineSettings({
  fields: attr(list(rootableField), 'The fields to keep; of what none of them is in, everything is kept.', {
    required: true,
  }),
})

export function retainTransform({ fields }: SettingsOf<typeof retainSettings>, problem: Problem): Transform {
  if (fields.length === 0) problem('retain: `fields` is empty', ['fields'])
  const has = (root: string): boolean => fields.some((one) => one.root === root)
  const [body, attributes, resource] = [has('body'), has('attributes'), has('resource')]
  return (entry) => {
    const kept = fields.flatMap((one) => {
      const value = one.get(entry)
      return value === undefined ? [] : [{ to: one, value }]
    })
    if (body) entry.body = null
    if (attributes) entry.attributes = {}
    if (resource) entry.resource = {}
    for (const { to, value } of kept) to.set(entry, value)
  }
}

// ------------------------------------------------------------------------------------ flatten, assign_keys, unquote

export const fieldSettings = defineSettings({
  field: attr(field, 'The field.', { required: true }),
})

export function flattenTransform({ field: from }: SettingsOf<typeof fieldSettings>, problem: Problem): Transform {
  if (from.isRoot) problem('flatten: the field should be within body, attributes or resource', ['field'])
  const parent = from.parent()
  return (entry) => {
    const value = required(from.get(entry), `flatten: field ${from.toString()}`)
    if (!isEntryMap(value)) throw new EntryError(`flatten: field ${from.toString()} is not a map`)
    from.remove(entry)
    parent.set(entry, value)
  }
}

export const assignKeysSettings = defineSettings({
  field: attr(field, 'The field with a list.', { default: 'body' }),
  keys: attr(list(string), 'A key for each of its values: the list becomes a map.', { required: true }),
})

export function assignKeysTransform(settings: SettingsOf<typeof assignKeysSettings>, problem: Problem): Transform {
  const { field: at, keys } = settings
  if (keys.length === 0) problem('assign_keys missing required field keys', ['keys'])
  if (new Set(keys).size < keys.length) problem('assign_keys keys should be unique', ['keys'])
  return (entry) => {
    const value = required(at.get(entry), `assign_keys: field ${at.toString()}`)
    if (!Array.isArray(value))
      throw new EntryError(`assign_keys: field ${at.toString()} is ${describe(value)}, not a list`)
    if (value.length !== keys.length) {
      throw new EntryError(`assign_keys: field ${at.toString()} has ${value.length} values for ${keys.length} keys`)
    }
    const map: EntryMap = {}
    for (const [i, key] of keys.entries()) put(map, key, value[i] as ExprValue)
    at.set(entry, map)
  }
}

/** The text of a string literal of Go: in double quotes or backquotes, or a character in single quotes. */
export function unquoteTransform({ field: at }: SettingsOf<typeof fieldSettings>): Transform {
  return (entry) => {
    const value = required(at.get(entry), `unquote: field ${at.toString()}`)
    if (typeof value !== 'string') throw new EntryError(`unquote: type ${describe(value)} cannot be unquoted`)
    at.set(entry, unquoted(value))
  }
}

function unquoted(text: string): string {
  const quote = text[0]
  if (quote === '`' && text.length >= 2 && text.indexOf('`', 1) === text.length - 1) {
    return text.slice(1, -1).replaceAll('\r', '')
  }
  if (quote === '"' || quote === "'") {
    const run = compiledLiteral(text)
    if (run !== undefined && (quote === '"' || [...run].length === 1)) return run
  }
  throw new EntryError('unquote: invalid syntax')
}

const literal =
  /^(["'])((?:\\(?:[abfnrtv\\'"]|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3})|[^\\\n"']|(?!\1)["'])*)\1$/

function compiledLiteral(text: string): string | undefined {
  if (!literal.test(text)) return undefined
  const escapes: Readonly<Record<string, number>> = { a: 7, b: 8, f: 12, n: 10, r: 13, t: 9, v: 11 }
  let isValid = true
  const out = text.slice(1, -1).replace(/\\(x..|u.{4}|U.{8}|[0-7]{3}|.)/g, (_, code: string) => {
    const point = /^[xuU]/.test(code)
      ? Number.parseInt(code.slice(1), 16)
      : /^\d/.test(code)
        ? Number.parseInt(code, 8)
        : (escapes[code] ?? (code.codePointAt(0) as number))
    if (point > 0x10ffff) isValid = false
    return isValid ? String.fromCodePoint(point) : ''
  })
  return isValid ? out : undefined
}

// ------------------------------------------------------------------------------------- regex_replace, sanitize_utf8

/** Control sequences of terminals (ECMA-48, section 5.4). */
const ansiControlSequences = '\\x1B\\[[\\x30-\\x3F]*[\\x20-\\x2F]*[\\x40-\\x7E]'

export const regexReplaceSettings = defineSettings({
  field: attr(field, 'The field with a text.', { default: 'body' }),
  regex: attr(string, 'A regular expression (RE2).', { default: '' }),
  regex_name: attr(string, 'Or the name of one: `ansi_control_sequences`.', { default: '' }),
  replace_with: attr(string, 'What matches become; `${1}` is the first group.', { default: '' }),
})

export function regexReplaceTransform(settings: SettingsOf<typeof regexReplaceSettings>, problem: Problem): Transform {
  const { field: at, regex, regex_name: name, replace_with: template } = settings
  if ((regex === '') === (name === ''))
    problem('either regex or regex_name must be set', regex === '' ? [] : ['regex_name'])
  if (name !== '' && name !== 'ansi_control_sequences')
    problem(`regex_name ${name} is unknown: should be ansi_control_sequences`, ['regex_name'])
  const regexp = compiled(() => compileRegexp(name === '' ? regex : ansiControlSequences), problem, ['regex'])
  return (entry) => {
    const value = required(at.get(entry), `regex_replace: field ${at.toString()}`)
    if (typeof value !== 'string') throw new EntryError(`regex_replace: type ${describe(value)} cannot be handled`)
    at.set(entry, regexp?.replaceAll(value, template) ?? value)
  }
}

export const sanitizeSettings = defineSettings({
  field: attr(field, 'The field with a text.', { default: 'body' }),
})

export function sanitizeTransform({ field: at }: SettingsOf<typeof sanitizeSettings>): Transform {
  return (entry) => {
    const value = required(at.get(entry), `sanitize_utf8: field ${at.toString()}`)
    if (value instanceof Uint8Array) at.set(entry, Buffer.from(value).toString())
    else if (typeof value === 'string') at.set(entry, value.toWellFormed())
    else throw new EntryError(`sanitize_utf8: type ${describe(value)} cannot be handled`)
  }
}
