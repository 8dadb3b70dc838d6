// The operands of a template's actions: constants, fields, variables, names of functions.
import { unquoted } from '#lib/go_unquote'
import { TemplateError, type Token } from './scan.ts'
import type { TemplateValue } from './values.ts'

type Place = { readonly at: number; readonly text: string }
/** What stands at the place of a function or of an argument. */
export type Argument<Evaluate> = Place &
  (
    | { readonly kind: 'constant'; readonly value: TemplateValue }
    | { readonly kind: 'dot' }
    | { readonly kind: 'variable'; readonly slot: number }
    | { readonly kind: 'function'; readonly name: string }
    | { readonly kind: 'member'; readonly of: Argument<Evaluate>; readonly names: readonly string[] }
    | { readonly kind: 'pipeline'; readonly evaluate: Evaluate }
  )

/** Words that are no functions where a value is expected. */
const keywords = new Set(['block', 'break', 'continue', 'define', 'else', 'end', 'if', 'range', 'template', 'with'])

/** Undefined: the token begins no operand. An error is given back, for its reader knows the place. */
export function operandOf(token: Token, slotOf: (token: Token) => number): Argument<never> | TemplateError | undefined {
  const { kind, text, at } = token
  switch (kind) {
    case 'text': {
      const value = unquoted(text)
      return value === undefined
        ? new TemplateError(`invalid syntax in ${text}`)
        : { kind: 'constant', value, at, text }
    }
    case 'number': {
      const value = numberOf(text)
      return value === undefined
        ? new TemplateError(`bad number syntax: ${text}`)
        : { kind: 'constant', value, at, text }
    }
    case 'field':
      return { kind: 'member', of: { kind: 'dot', at, text: '.' }, names: [text], at, text: `.${text}` }
    case 'variable':
      return { kind: 'variable', slot: slotOf(token), at, text }
    case 'word':
      if (text === 'true' || text === 'false') return { kind: 'constant', value: text === 'true', at, text }
      if (text === 'nil') return { kind: 'constant', value: null, at, text }
      return keywords.has(text) ? undefined : { kind: 'function', name: text, at, text }
    default:
      return text === '.' ? { kind: 'dot', at, text } : undefined
  }
}

/** Whole numbers are bigints; with a point or an exponent they are floats; a character is its code. */
function numberOf(text: string): TemplateValue | undefined {
  if (text.startsWith("'")) {
    const char = unquoted(`"${text.slice(1, -1).replaceAll('"', '\\"').replaceAll("\\'", "'")}"`)
    return char !== undefined && [...char].length === 1 ? BigInt(char.codePointAt(0) as number) : undefined
  }
  const plain = text.replaceAll('_', '')
  const isNegative = plain.startsWith('-')
  const digits = plain.replace(/^[+-]/, '')
  const isHex = /^0[xX]/.test(digits)
  if (!isHex && /[.eE]/.test(digits)) {
    const value = Number(plain)
    return Number.isFinite(value) ? value : undefined
  }
  if (/^0\d*[89]/.test(digits)) return undefined
  const value = BigInt(/^0\d+$/.test(digits) ? `0o${digits}` : digits)
  const signed = isNegative ? -value : value
  return BigInt.asIntN(64, signed) === signed ? signed : undefined
}
