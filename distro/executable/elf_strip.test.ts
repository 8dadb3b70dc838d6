// What is stripped still runs, and has lost nothing that is loaded.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { stripElf } from './elf_strip.ts'

test('a stripped Node runs, is smaller, and is not made smaller by being stripped again', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'solder-strip-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const whole = readFileSync(process.execPath)
  const stripped = stripElf(whole)
  assert.ok(stripped.length < whole.length * 0.9, `${stripped.length} of ${whole.length} bytes`)
  assert.equal(stripElf(stripped).length, stripped.length)
  const path = join(directory, 'node')
  writeFileSync(path, stripped)
  chmodSync(path, 0o755)
  const said = execFileSync(path, ['-p', 'new Intl.NumberFormat("de").format(6 * 7000)'], { encoding: 'utf8' })
  assert.equal(said, '42.000\n')
})

const cases = [
  { name: 'a script', bytes: Buffer.from('#!/bin/sh\necho no executable, but long enough to be looked at as one\n') },
  { name: 'an ELF file of 32 bits', bytes: Buffer.concat([Buffer.from('7f454c46010101', 'hex'), Buffer.alloc(60)]) },
]
for (const { name, bytes } of cases) {
  test(`${name} is refused`, () => {
    assert.throws(() => stripElf(bytes), /Cannot strip: not a little-endian ELF file of 64 bits/)
  })
}
