// Reads and rewrites files of cases: sections that open with a line `-- name --`, each with one text.
import { readFileSync, writeFileSync } from 'node:fs'

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
