import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

const main = join(import.meta.dirname, 'main.ts')

/** Runs the program as a process of its own. */
function solder(args: readonly string[], input = ''): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main, ...args])
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, stdout, stderr }))
    child.stdin.on('error', () => {})
    child.stdin.end(input)
  })
}

const crooked = 'logging {\nlevel="info"\n  format = "json"\n}'
const straight = 'logging {\n\tlevel  = "info"\n\tformat = "json"\n}\n'
const broken = 'logging {\n  level = "info\n}\n\nfoo bar\n'

describe('solder fmt', () => {
  let directory = ''
  before(async () => (directory = await mkdtemp(join(tmpdir(), 'solder-fmt-'))))
  after(() => rm(directory, { recursive: true }))

  const file = async (name: string, text: string): Promise<string> => {
    const path = join(directory, name)
    await writeFile(path, text)
    return path
  }

  for (const args of [['fmt'], ['fmt', '-'], ['format']]) {
    test(`${args.join(' ')} formats standard input to standard output`, async () => {
      assert.deepEqual(await solder(args, crooked), { code: 0, stdout: straight, stderr: '' })
    })
  }

  test('A file is formatted to standard output and left as it is', async () => {
    const path = await file('read.alloy', crooked)
    assert.deepEqual(await solder(['fmt', path]), { code: 0, stdout: straight, stderr: '' })
    assert.equal(await readFile(path, 'utf8'), crooked)
  })

  for (const flag of ['-w', '--write']) {
    test(`${flag} changes the file, through links, and keeps its mode`, async () => {
      const path = await file(`target${flag}.alloy`, crooked)
      await chmod(path, 0o640)
      const link = join(directory, `link${flag}.alloy`)
      await symlink(path, link)
      assert.deepEqual(await solder(['fmt', flag, link]), { code: 0, stdout: '', stderr: '' })
      assert.equal(await readFile(path, 'utf8'), straight)
      assert.equal((await stat(path)).mode & 0o777, 0o640)
    })
  }

  test('A file that is formatted is not written', async () => {
    const path = await file('straight.alloy', straight)
    const { mtimeNs } = await stat(path, { bigint: true })
    assert.deepEqual(await solder(['fmt', '-w', path]), { code: 0, stdout: '', stderr: '' })
    assert.equal((await stat(path, { bigint: true })).mtimeNs, mtimeNs)
  })

  test('--test says by its exit status whether a file is formatted', async () => {
    const good = await file('good.alloy', straight)
    const bad = await file('bad.alloy', crooked)
    assert.deepEqual(await solder(['fmt', '--test', good]), { code: 0, stdout: '', stderr: '' })
    const stderr = `Error: file ${bad} is not formatted correctly\n`
    assert.deepEqual(await solder(['fmt', '-t', bad]), { code: 1, stdout: '', stderr })
    assert.equal(await readFile(bad, 'utf8'), crooked)
    const ofInput = 'Error: file <stdin> is not formatted correctly\n'
    assert.deepEqual(await solder(['fmt', '-t'], crooked), { code: 1, stdout: '', stderr: ofInput })
  })

  test('Errors are listed, one a line, and nothing is written', async () => {
    const path = await file('broken.alloy', broken)
    const stderr = [
      `${path}:2:11: string literal not terminated`,
      `${path}:5:5: expected block label, got IDENT`,
      'Error: encountered errors during formatting',
      '',
    ].join('\n')
    assert.deepEqual(await solder(['fmt', path]), { code: 1, stdout: '', stderr })
    assert.deepEqual(await solder(['fmt', '-w', path]), { code: 1, stdout: '', stderr })
    assert.equal(await readFile(path, 'utf8'), broken)
  })

  test('What cannot be done is said', async () => {
    const path = await file('any.alloy', straight)
    await mkdir(join(directory, 'folder'))
    const cases: readonly [readonly string[], RegExp][] = [
      [['-w'], /^Error: cannot use -w with standard input\n$/],
      [['-w', '-t', path], /^Error: cannot use -w\/--write and -t\/--test at the same time\n$/],
      [[join(directory, 'folder')], /^Error: cannot format a directory\n$/],
      [[join(directory, 'none.alloy')], /^Error: Cannot format .*none\.alloy: .*ENOENT/],
      [[path, path], /^Error: accepts at most 1 arg\(s\), received 2\n$/],
      [['--nothing'], /^Error: unknown flag: --nothing\n$/],
    ]
    const ended = await Promise.all(cases.map(([args]) => solder(['fmt', ...args])))
    for (const [index, [, want]] of cases.entries()) {
      assert.equal(ended[index]?.code, 1)
      assert.equal(ended[index]?.stdout, '')
      assert.match(ended[index]?.stderr ?? '', want)
    }
  })
})
