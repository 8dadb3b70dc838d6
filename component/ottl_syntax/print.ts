// Prints OTTL's syntax trees in one canonical form, which parses to the same tree.
import { Buffer } from 'node:buffer'
import type { Condition, Expression, MathExpression, Statement } from './tree.ts'

export function printStatement({ editor, where }: Statement): string {
  const call = printValue(editor)
  return where === null ? call : `${call} where ${printCondition(where)}`
}

export function printCondition(condition: Condition): string {
  switch (condition.kind) {
    case 'compare':
      return `${printValue(condition.left)} ${condition.operator} ${printValue(condition.right)}`
    case 'not':
      return `not ${grouped(condition.of, ['and', 'or'])}`
    case 'and':
      return condition.parts.map((part) => grouped(part, ['and', 'or'])).join(' and ')
    case 'or':
      return condition.parts.map((part) => grouped(part, ['or'])).join(' or ')
    case 'constant':
      return String(condition.value)
    case 'converter':
      return printValue(condition.call)
  }
}

function grouped(condition: Condition, kinds: readonly Condition['kind'][]): string {
  const text = printCondition(condition)
  return kinds.includes(condition.kind) ? `(${text})` : text
}

export function printValue(expression: Expression): string {
  switch (expression.kind) {
    case 'lambda': {
      const names = expression.parameters.map(({ name }) => name)
      return `(${names.join(', ')}) => ${printBody(expression.body)}`
    }
    case 'literal':
      return printLiteral(expression.value)
    case 'word':
      return expression.name
    case 'path':
      return expression.segments.map(({ name, keys }) => name + printKeys(keys)).join('.')
    case 'call': {
      const given = expression.arguments.map(({ name, value }) => (name === '' ? '' : `${name} = `) + printValue(value))
      return `${expression.name}(${given.join(', ')})${printKeys(expression.keys)}`
    }
    case 'list':
      return `[${expression.items.map(printValue).join(', ')}]`
    case 'map':
      return `{${expression.entries.map(({ key, value }) => `${quoted(key)}: ${printValue(value)}`).join(', ')}}`
    case 'negation':
      return `-${expression.of.kind === 'math' ? `(${printValue(expression.of)})` : printValue(expression.of)}`
    case 'math':
      return `${printOperand(expression, expression.left, false)} ${expression.operator} ${printOperand(expression, expression.right, true)}`
  }
}

function printBody(body: Expression | Condition): string {
  switch (body.kind) {
    case 'compare':
    case 'not':
    case 'and':
    case 'or':
    case 'constant':
    case 'converter':
      return printCondition(body)
    default:
      return printValue(body)
  }
}

function printKeys(keys: readonly Expression[]): string {
  return keys.map((key) => `[${printValue(key)}]`).join('')
}

function printOperand({ operator }: MathExpression, operand: Expression, isRight: boolean): string {
  const text = printValue(operand)
  if (operand.kind !== 'math') return text
  const isSum = operand.operator === '+' || operand.operator === '-'
  const needsParentheses = operator === '+' || operator === '-' ? isRight && isSum : isSum || isRight
  return needsParentheses || isRight ? `(${text})` : text
}

function printLiteral(value: string | bigint | number | boolean | Uint8Array | null): string {
  if (value === null) return 'nil'
  if (typeof value === 'string') return quoted(value)
  if (typeof value === 'number') return floatText(value)
  if (value instanceof Uint8Array) return `0x${Buffer.from(value).toString('hex')}`
  return String(value)
}

/** OTTL's floats have a point and no `e` without one. */
function floatText(value: number): string {
  const text = Object.is(value, -0) ? '-0' : String(value)
  const [digits = '', exponent] = text.split('e')
  const whole = digits.includes('.') ? digits : `${digits}.0`
  return exponent === undefined ? whole : `${whole}e${exponent}`
}

function quoted(text: string): string {
  return `"${text.replace(/[\\"\n\r\t]/g, (found) => named[found] as string)}"`
}

const named: Readonly<Record<string, string>> = { '\\': '\\\\', '"': '\\"', '\n': '\\n', '\r': '\\r', '\t': '\\t' }
