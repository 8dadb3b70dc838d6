// The completion scripts are scripts of their shells, and name every command and flag that has an effect.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, test } from 'node:test'
import { bashCompletion, fishCompletion, manualPage, zshCompletion } from './completion.ts'
import { runFlags } from './run_flags.ts'

const texts = [
  { name: 'bash', text: bashCompletion(), before: '--' },
  { name: 'zsh', text: zshCompletion(), before: '--' },
  { name: 'fish', text: fishCompletion(), before: '-l ' },
  { name: 'the manual page', text: manualPage('1.2.3', '2026-01-02').replaceAll('\\-', '-'), before: '--' },
]

for (const { name, text, before } of texts) {
  test(`${name} names the flags of run that have an effect, and none of the others`, () => {
    for (const { name: flag, inert } of runFlags) {
      const named = new RegExp(`${RegExp.escape(before + flag)}(?![a-z.-])`).test(text)
      assert.equal(named, inert === undefined, flag)
    }
    for (const command of ['run', 'validate', 'fmt', 'components', 'demo', 'print', 'completion'])
      assert.ok(text.includes(command), command)
  })
}

describe('In bash', () => {
  const complete = (...words: string[]): string[] => {
    const script = `${bashCompletion()}\nCOMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _solder; printf '%s\\n' "\${COMPREPLY[@]}"`
    const { stdout, status } = spawnSync('bash', ['-c', script], { encoding: 'utf8', timeout: 20_000 })
    assert.equal(status, 0)
    return stdout.trim().split('\n')
  }

  test('a command is completed', () => assert.deepEqual(complete('solder', 'val'), ['validate']))
  test('a flag is completed', () =>
    assert.deepEqual(complete('solder', 'run', '--storage.d'), ['--storage.durability']))
  test('a shell is completed', () => assert.deepEqual(complete('solder', 'completion', 'z'), ['zsh']))
})
