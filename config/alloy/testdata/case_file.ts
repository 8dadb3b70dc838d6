// Reads and rewrites files of cases: sections that open with a line `-- name --`, each with one text.
import { readFileSync, writeFileSync } from 'node:fs'
import type { Diagnostic } from '../../diagnostics.ts'

export interface Case {
  readonly name: string
  /** Without the line feed before the next section. */
  readonly text: string
}

const heading = /^-- (.+) --$/

export function readCases(url: URL): Case[] {
  const cases: { name: string; lines: string[] }[] = []
  for (const line of readFileSync(url, 'utf8').replace(/\n$/, '').split('\n')) {
    const name = heading.exec(line)?.[1]
    if (name !== undefined) cases.push({ name, lines: [] })
    else if (cases.length > 0) cases.at(-1)?.lines.push(line)
  }
  return cases.map(({ name, lines }) => ({ name, text: lines.join('\n') }))
}

/** With UPDATE=1 in the environment writes what the cases gave to the file: review the difference. */
export function updateCases(url: URL, cases: readonly Case[]): void {
  if (process.env['UPDATE'] !== '1') return
  writeFileSync(url, cases.map(({ name, text }) => `-- ${name} --\n${text}\n`).join(''))
}

/**
 * A source as a case shows it: each line behind `| `, each diagnostic below its line with carets under the bytes it stands
 * for, its message, and its hint in parentheses. A range that ends on a later line says where.
 * Diagnostics of other files come last.
 */
export function annotate(file: string, source: string, diagnostics: readonly Diagnostic[]): string {
  const lines = source.split('\n')
  const elsewhere = diagnostics
    .filter(({ range }) => range.start.file !== file)
    .map(({ range: { start }, message }) => `  in ${start.file}, ${start.line}:${start.column}: ${message}`)
  return lines
    .flatMap((line, index) => {
      const marks = diagnostics
        .filter(({ range }) => range.start.file === file && range.start.line === index + 1)
        .map(({ range, message, hint }) => {
          const { start, end } = range
          const bytes = Buffer.from(line)
          const before = bytes.toString('utf8', 0, start.column - 1)
          const inLine = end.line === start.line ? end.column : bytes.length
          const width = Math.max([...bytes.toString('utf8', start.column - 1, inLine)].length, 1)
          const rest = end.line === start.line ? '' : ` to ${end.line}:${end.column}`
          return `  ${' '.repeat([...before].length)}${'^'.repeat(width)}${rest} ${message}${hint === undefined ? '' : ` (${hint})`}`
        })
      return [`| ${line}`, ...marks]
    })
    .concat(elsewhere)
    .join('\n')
}

/** The source that a case shows, without the diagnostics. */
export function unannotated(text: string): string {
  const lines = text.split('\n').filter((line) => line.startsWith('|'))
  return lines.map((line) => line.slice(2)).join('\n')
}
