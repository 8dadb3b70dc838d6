// The Alloy configuration that a conversion writes: blocks and expressions as text, laid out by the formatter.
import { quote } from '#lib/go_quote'
import { parseFile } from '../alloy/parser.ts'
import { printFile } from '../alloy/printer.ts'

export interface AlloyAttribute {
  readonly name: string
  /** Its expression as text. */
  readonly expression: string
}

export interface AlloyBlock {
  readonly name: string
  readonly label?: string
  readonly body: readonly (AlloyAttribute | AlloyBlock)[]
}

export type Statement = AlloyAttribute | AlloyBlock

export function attribute(name: string, expression: string): AlloyAttribute {
  return { name, expression }
}

/** A block; statements that are undefined are left out. */
export function block(name: string, label: string | undefined, ...body: (Statement | undefined)[]): AlloyBlock {
  const kept = body.filter((one) => one !== undefined)
  return label === undefined ? { name, body: kept } : { name, label, body: kept }
}

/** The whole file, as the formatter writes it; an empty text for none. */
export function printDocument(blocks: readonly AlloyBlock[]): string {
  const text = blocks.map((one) => textOf(one)).join('\n')
  if (text === '') return ''
  const { file, diagnostics } = parseFile('', text)
  if (diagnostics.length > 0) throw new Error(`Cannot print what was converted: ${diagnostics[0]?.message}`)
  return printFile(file)
}

function textOf(statement: Statement): string {
  if ('expression' in statement) return `${statement.name} = ${statement.expression}\n`
  const { name, label, body } = statement
  const head = label === undefined ? name : `${name} "${label}"`
  if (body.length === 0) return `${head} { }\n`
  // An empty line before what is a block, as in Alloy's own conversions.
  const lines = body.map((one, i) => (i > 0 && 'body' in one ? '\n' : '') + textOf(one))
  return `${head} {\n${lines.join('')}}\n`
}

export function stringLiteral(text: string): string {
  return quote(text)
}

/** By their names, one line for each, as Alloy's own conversion lays lists of one object out: `[{\n…}]`. */
export function objectLiteral(entries: Iterable<readonly [string, string]>): string {
  const sorted = [...entries].sort(([a], [b]) => (a < b ? -1 : 1))
  const fields = sorted.map(([key, expression]) => `${keyLiteral(key)} = ${expression},\n`)
  return fields.length === 0 ? '{}' : `{\n${fields.join('')}}`
}

/** Words that are no names. */
const keywords = ['true', 'false', 'null']

function keyLiteral(key: string): string {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(key) && !keywords.includes(key) ? key : quote(key)
}

export function listLiteral(items: readonly string[]): string {
  return `[${items.join(', ')}]`
}

/** Lists joined to one: none is `[]`, one is itself. */
export function concatenated(lists: readonly string[]): string {
  if (lists.length === 0) return '[]'
  return lists.length === 1 ? (lists[0] as string) : `array.concat(\n${lists.map((one) => `${one},\n`).join('')})`
}

/** A name as a label: what may not stand in one becomes an underscore. Undefined for an empty name. */
export function labelOf(name: string): string | undefined {
  if (name === '') return undefined
  const text = name.replaceAll(/[^A-Za-z0-9_]/gu, '_')
  return /^[0-9]/.test(text) || keywords.includes(text) ? `_${text}` : text
}

/** The label of the `index`th (from 0) component of a kind: `x`, `x_2`, … */
export function numbered(label: string, index: number): string {
  return index === 0 ? label : `${label}_${index + 1}`
}

const unitsMs = [
  ['h', 3_600_000],
  ['m', 60_000],
] as const

/** Milliseconds as Go writes a duration: `1m30s`, `250ms`, `0s`. */
export function durationText(ms: number): string {
  if (ms === 0) return '0s'
  if (ms < 0) return `-${durationText(-ms)}`
  if (ms < 1e-3) return `${Math.round(ms * 1e6)}ns`
  if (ms < 1) return `${ms * 1e3}µs`
  if (ms < 1000) return `${ms}ms`
  let text = ''
  let rest = ms
  for (const [unit, size] of unitsMs) {
    const count = Math.floor(rest / size)
    if (count > 0 || text !== '') text += `${count}${unit}`
    rest -= count * size
  }
  return `${text}${Math.round(rest * 1e6) / 1e9}s`
}

/** Bytes as Alloy writes them: `1MiB`, `63KiB488B`. */
export function sizeText(bytes: number): string {
  if (bytes === 0) return '0B'
  const units = ['GiB', 'MiB', 'KiB', 'B']
  let rest = bytes
  return units
    .map((unit, i) => {
      const size = 1024 ** (3 - i)
      const count = Math.floor(rest / size)
      rest -= count * size
      return count === 0 ? '' : `${count}${unit}`
    })
    .join('')
}
