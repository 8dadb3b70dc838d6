import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { findFiles, globExpression } from './glob.ts'

const files = ['a.log', 'b.log', 'a.txt', 'd/a.log', 'd/e/a.log', 'd/e/f/c.log', 'x[1].log', '.hidden.log', 'é.log']
const cases: { pattern: string; want: string[] }[] = [
  { pattern: '*.log', want: ['.hidden.log', 'a.log', 'b.log', 'x[1].log', 'é.log'] },
  { pattern: '?.log', want: ['a.log', 'b.log', 'é.log'] },
  { pattern: '[a-b].log', want: ['a.log', 'b.log'] },
  { pattern: '[!a].log', want: ['b.log', 'é.log'] },
  { pattern: '{a,d/a}.{log,txt}', want: ['a.log', 'a.txt', 'd/a.log'] },
  { pattern: '**/a.log', want: ['a.log', 'd/a.log', 'd/e/a.log'] },
  { pattern: 'd/**', want: ['d/a.log', 'd/e/a.log', 'd/e/f/c.log'] },
  { pattern: 'd/**/*.log', want: ['d/a.log', 'd/e/a.log', 'd/e/f/c.log'] },
  { pattern: '*/a.log', want: ['d/a.log', 'l/a.log'] },
  { pattern: 'd/*/a.log', want: ['d/e/a.log'] },
  { pattern: 'x\\[1\\].log', want: ['x[1].log'] },
  { pattern: 'a.log', want: ['a.log'] },
  { pattern: 'd', want: [] },
  { pattern: '*', want: ['.hidden.log', 'a.log', 'a.txt', 'b.log', 'x[1].log', 'é.log'] },
  { pattern: 'nowhere/*.log', want: [] },
  { pattern: '[', want: [] },
  { pattern: '{a', want: [] },
]

test('Patterns find files and no directories', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'glob-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  mkdirSync(join(directory, 'd/e/f'), { recursive: true })
  for (const file of files) writeFileSync(join(directory, file), '')
  // A circle of links, and a link to a directory: followed where the pattern names the level.
  symlinkSync(directory, join(directory, 'd/e/f/circle'))
  symlinkSync(join(directory, 'd'), join(directory, 'l'))
  for (const { pattern, want } of cases) {
    const found = (await findFiles(join(directory, pattern))).map((path) => path.slice(directory.length + 1))
    assert.deepEqual(found, want, pattern)
  }
})

test('Any pattern can be read', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'*?[]{}\\/,.a-^!é') }), fc.string(), (pattern, path) => {
      globExpression(pattern).test(path)
    }),
    { numRuns: 2000 },
  )
})
