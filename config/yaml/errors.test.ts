// What is wrong with configurations: each mistake in `testdata` is marked under the place where it must be reported.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Capsule } from '#component'
import type { Diagnostic } from '../diagnostics.ts'
import { compileYaml } from './compile.ts'
import { probeRegistry } from './testdata/probes.ts'

const folder = join(import.meta.dirname, 'testdata')
const mark = /^#( *)(\^+) (?:error|warning): /

/** The lines without marks where they stand, and the marked ones as they would have to be. */
function marked(lines: readonly string[], diagnostics: readonly Diagnostic[]): string[] {
  const out: string[] = []
  for (const [index, line] of lines.entries()) {
    if (mark.test(line)) continue
    out.push(line)
    for (const { severity, range, message } of diagnostics) {
      const { start, end } = range
      if (start.line !== index + 1) continue
      const to = end.line === start.line ? end.column : line.length
      // Column 1 is where the comment begins.
      const from = Math.max(start.column, 2)
      out.push(`#${' '.repeat(from - 2)}${'^'.repeat(Math.max(to - from + 1, 1))} ${severity}: ${message}`)
    }
  }
  return out
}

for (const name of readdirSync(folder).filter((file) => file.endsWith('.yaml'))) {
  test(`What is wrong in ${name} is found where it is marked`, async () => {
    const text = readFileSync(join(folder, name), 'utf8')
    const view = { exports: () => undefined, receiver: () => new Capsule('otelcol.Consumer', {}) }
    const plan = await compileYaml([{ name, text }], view, {
      registry: probeRegistry,
      stability: 'experimental',
      environment: { LIST: '[1, 2]' },
      hostname: 'host',
      version: '1',
    })
    const got = marked(text.split('\n'), plan.diagnostics).join('\n')
    if (process.env['UPDATE']) writeFileSync(join(folder, name), got)
    else assert.equal(got, text)
  })
}
