// Cases are files: `<format>.<name>.yaml` (arguments in a comment of its first line) with the wanted `.alloy` (absent: none) and `.report`. UPDATE=1 writes them anew.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { conversionReport, type SourceFormat } from '#config'
import { convert } from './convert.ts'
import { checkAlloy } from './validate.ts'

const cases = join(import.meta.dirname, 'testdata/convert')
const main = join(import.meta.dirname, 'main.ts')
const directory = mkdtempSync(join(tmpdir(), 'solder-convert-test-'))
after(() => rmSync(directory, { recursive: true }))

describe('Conversions', () => {
  for (const file of readdirSync(cases).filter((name) => name.endsWith('.yaml'))) {
    test(file, async () => {
      const format = file.split('.')[0] as SourceFormat
      const base = join(cases, file.slice(0, -'.yaml'.length))
      const source = readFileSync(join(cases, file), 'utf8')
      const args = /^# arguments: (.*)/.exec(source)?.[1]?.split(' ') ?? []
      const { text, diagnostics } = await convert(format, file, source, args)
      const report = conversionReport(diagnostics)
      if (process.env['UPDATE']) {
        writeFileSync(`${base}.report`, report)
        if (text === '') rmSync(`${base}.alloy`, { force: true })
        else writeFileSync(`${base}.alloy`, text)
      }
      assert.equal(report, readFileSync(`${base}.report`, 'utf8'))
      assert.equal(text, existsSync(`${base}.alloy`) ? readFileSync(`${base}.alloy`, 'utf8') : '')
      // Where the report does not say otherwise, the result is what this build runs.
      if (/only Alloy runs|refuses the result as it is: (?!with the env)/.test(report)) return
      const sources = [{ name: file, text }]
      const plan = await checkAlloy({ sources, directory: '.' }, 'experimental', directory)
      // What is read from the environment is not there in a test.
      const lines = text.split('\n')
      const wrong = plan.diagnostics.filter(({ range }) => !lines[range.start.line - 1]?.includes('sys.env('))
      assert.deepEqual(wrong, [])
    })
  }
})

describe('solder convert', () => {
  const run = (input: string, ...args: readonly string[]) =>
    spawnSync(process.execPath, [main, ...args], { cwd: directory, input, encoding: 'utf8' })
  const sound = 'remote_write: [{url: "http://a/b"}]\n'
  const lacking = `${sound}rule_files: [a.yml]\n`
  const endpoint = '\tendpoint {\n\t\turl = "http://a/b"\n\n\t\tqueue_config { }\n\n\t\tmetadata_config { }\n\t}\n'
  const alloy = `prometheus.remote_write "default" {\n${endpoint}}\n`

  const calls: readonly { name: string; input: string; args: readonly string[]; status: number; says: RegExp }[] = [
    { name: 'standard input', input: sound, args: ['-f', 'prometheus'], status: 0, says: /^prometheus\.remote_write/ },
    { name: 'a dash', input: sound, args: ['--source-format=prometheus', '-'], status: 0, says: /^prometheus/ },
    { name: 'no format', input: sound, args: [], status: 1, says: /source-format is a required flag/ },
    { name: 'a wrong format', input: sound, args: ['-f', 'x'], status: 1, says: /unsupported source format "x"/ },
    {
      name: 'errors',
      input: lacking,
      args: ['-f', 'prometheus'],
      status: 1,
      says: /\(Error\) stdin:2:1: "rule_files"/,
    },
    { name: 'errors left out', input: lacking, args: ['-f', 'prometheus', '-b'], status: 0, says: /^prometheus/ },
    {
      name: 'what only Alloy runs',
      input: `${sound}scrape_configs: [{job_name: a, gce_sd_configs: [{project: p, zone: z}]}]\n`,
      args: ['-f', 'prometheus'],
      status: 0,
      says: /^discovery\.gce "a" \{[^]*\(Warning\) stdin:2:32: only Alloy runs discovery\.gce/,
    },
    {
      name: 'extra arguments',
      input: sound,
      args: ['-f', 'prometheus', '-e', '-x'],
      status: 1,
      says: /extra arguments are not supported for prometheus/,
    },
    {
      name: 'arguments of the Agent',
      input: 'server: {log_level: "${LEVEL:=debug}"}\n',
      args: ['-f', 'static', '-e', '-config.file=a.yml -config.expand-env', '-b'],
      status: 0,
      says: /^logging \{\n\tlevel = "debug"/,
    },
    {
      name: 'unknown arguments of the Agent',
      input: 'server: {}\n',
      args: ['-f', 'static', '-e', '-colour=red'],
      status: 1,
      says: /the flag -colour is not one/,
    },
    { name: 'a missing file', input: '', args: ['-f', 'prometheus', 'gone.yml'], status: 1, says: /gone\.yml/ },
    { name: 'a directory', input: '', args: ['-f', 'prometheus', '.'], status: 1, says: /cannot convert a directory/ },
  ]
  for (const { name, input, args, status, says } of calls) {
    test(`With ${name}`, () => {
      const result = run(input, 'convert', ...args)
      assert.match(result.stdout + result.stderr, says)
      assert.equal(result.status, status)
    })
  }

  test('Result and report go to files', () => {
    const args = ['convert', '-f', 'prometheus', '-b', '-o', 'out.alloy', '-r', 'report.txt']
    assert.equal(run(lacking, ...args).status, 0)
    assert.equal(readFileSync(join(directory, 'out.alloy'), 'utf8'), alloy)
    const report = readFileSync(join(directory, 'report.txt'), 'utf8')
    assert.match(report, /^\(Info\) stdin:1:1: .*\n\(Error\) stdin:2:1: .*\n\nThe configuration was converted\.\n$/)
  })

  test('Other formats are validated as they are', () => {
    writeFileSync(join(directory, 'sound.yml'), sound)
    writeFileSync(join(directory, 'lacking.yml'), lacking)
    const good = run('', 'validate', '--config.format=prometheus', 'sound.yml')
    assert.deepEqual([good.status, good.stdout, good.stderr], [0, '', ''])
    const bad = run('', 'validate', '--config.format=prometheus', 'lacking.yml')
    assert.equal(bad.status, 1)
    assert.match(bad.stderr, /Cannot convert lacking\.yml from prometheus:\n\(Error\) lacking\.yml:2:1/)
    const anyway = ['validate', '--config.format=prometheus', '--config.bypass-conversion-errors', 'lacking.yml']
    assert.equal(run('', ...anyway).status, 0)
  })
})
