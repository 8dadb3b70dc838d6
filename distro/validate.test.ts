import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

const main = join(import.meta.dirname, 'main.ts')

const sound = 'discovery.relabel "a" {\n  targets = []\n}\n'

describe('solder validate', () => {
  let directory = ''
  let temporary = ''
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'solder-validate-test-'))
    temporary = join(directory, 'tmp')
    await mkdir(temporary)
  })
  after(() => rm(directory, { recursive: true }))

  /** Runs the program as a process of its own, with an empty directory for temporary files. */
  function validate(...args: readonly string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
    return new Promise((resolve, reject) => {
      const env = { ...process.env, TMPDIR: temporary }
      const child = spawn(process.execPath, [main, 'validate', ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
      let stdout = ''
      let stderr = ''
      child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
      child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
      child.on('error', reject)
      child.on('close', (code) => resolve({ code, stdout, stderr }))
    })
  }

  const file = async (name: string, text: string): Promise<string> => {
    const path = join(directory, name)
    await writeFile(path, text)
    return path
  }

  test('A sound configuration is passed over in silence, and nothing is left behind', async () => {
    const path = await file('sound.alloy', sound)
    assert.deepEqual(await validate(path), { code: 0, stdout: '', stderr: '' })
    assert.deepEqual(await readdir(temporary), [])
  })

  test('Everything that is wrong is shown in its place, without colours where nobody looks', async () => {
    const path = await file('wrong.alloy', 'logging {\n\tlevl = "info"\n}\n\nnope.nope "x" { }\n')
    assert.deepEqual(await validate(path), {
      code: 1,
      stdout: '',
      stderr: [
        `Error: ${path}:2:2: unrecognized attribute name "levl"`,
        '',
        '1 | logging {',
        '2 |     levl = "info"',
        '  |     ^^^^^^^^^^^^^',
        '3 | }',
        '',
        'Hint: did you mean level?',
        '',
        `Error: ${path}:5:1: cannot find the definition of component name "nope.nope"`,
        '',
        '4 |',
        '5 | nope.nope "x" { }',
        '  | ^^^^^^^^^',
        '',
        'Error: validation failed',
        '',
      ].join('\n'),
    })
  })

  test('All files of a directory are one configuration', async () => {
    const folder = join(directory, 'folder')
    await mkdir(folder)
    await writeFile(join(folder, 'a.alloy'), 'discovery.relabel "a" {\n  targets = discovery.relabel.b.output\n}\n')
    await writeFile(join(folder, 'b.alloy'), 'discovery.relabel "b" {\n  targets = []\n}\n')
    await writeFile(join(folder, 'c.txt'), 'no configuration')
    assert.deepEqual(await validate(folder), { code: 0, stdout: '', stderr: '' })
    await writeFile(join(folder, 'd.alloy'), 'discovery.relabel "b" {\n  targets = 1\n}\n')
    const { code, stderr } = await validate(folder)
    assert.equal(code, 1)
    const [a, b] = [join(folder, 'd.alloy'), join(folder, 'b.alloy')]
    assert.ok(stderr.startsWith(`Error: ${a}:1:1: block discovery.relabel.b already declared at ${b}:1:1\n`), stderr)
  })

  test('What cannot be done is said', async () => {
    const path = await file('any.alloy', sound)
    const cases: readonly [readonly string[], RegExp][] = [
      [[], /^Error: accepts 1 arg\(s\), received 0\n$/],
      [[path, path], /^Error: accepts 1 arg\(s\), received 2\n$/],
      [[join(directory, 'none.alloy')], /^Error: Cannot read the configuration .*none\.alloy: .*ENOENT/],
      [['--stability.level=stable', path], /^Error: invalid argument "stable" for "--stability.level" flag/],
      [['--config.format=nonsense', path], /^Error: unsupported config format "nonsense"\n$/],
      [['--nothing', path], /^Error: unknown flag: --nothing\n$/],
    ]
    const ended = await Promise.all(cases.map(([args]) => validate(...args)))
    for (const [index, [, want]] of cases.entries()) {
      assert.equal(ended[index]?.code, 1)
      assert.equal(ended[index]?.stdout, '')
      assert.match(ended[index]?.stderr ?? '', want)
    }
  })
})
