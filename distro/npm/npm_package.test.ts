// npm's package as users get it: packed, installed with the registry's dependencies, run without the repository.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { version } from '../version.ts'
import { runsLazyPipeline } from '../bundle/lazy_pipeline.ts'
import { buildNpmPackage } from './npm_package.ts'

const root = join(import.meta.dirname, '..', '..')
const directory = mkdtempSync(join(tmpdir(), 'solder-npm-'))
const modules = join(directory, 'installed', 'node_modules')
after(() => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }))

/** The installed command with an environment that knows nothing of the repository. */
function run(
  args: readonly string[],
  command = join(modules, '.bin', 'solder'),
  path = '/usr/bin:/bin',
): { status: number | null; output: string } {
  const options = { cwd: directory, env: { PATH: path }, encoding: 'utf8', timeout: 60_000 } as const
  const { status, stdout, stderr } = spawnSync(command, args, options)
  return { status, output: stdout + stderr }
}

describe("npm's package", { skip: process.platform !== 'linux' && 'it is for Linux' }, () => {
  before(
    async () => {
      const archive = await buildNpmPackage(join(directory, 'built'))
      execFileSync('npm', ['install', '--silent', '--no-audit', '--no-fund', '--prefix', dirname(modules), archive], {
        cwd: directory,
        stdio: ['ignore', 'ignore', 'inherit'],
        timeout: 240_000,
      })
    },
    { timeout: 300_000 },
  )

  test('its manifest names exactly what is needed, and runs nothing when it is installed', () => {
    const text = readFileSync(join(modules, 'solder', 'package.json'), 'utf8')
    const manifest = JSON.parse(text) as Record<string, object> & { version: string }
    assert.equal(`v${manifest.version}`, version)
    assert.deepEqual(Object.keys(manifest['dependencies'] ?? {}), ['re2js', 'uap-core', 'xpath', 'yaml'])
    const pinned = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as typeof manifest
    for (const [name, wanted] of Object.entries(manifest['dependencies'] ?? {}))
      assert.equal(wanted, (pinned['dependencies'] as Record<string, string>)[name])
    for (const key of ['scripts', 'devDependencies', 'private', 'imports']) assert.ok(!(key in manifest), key)
  })

  test('it says its version, also by a link and under the name of another program', () => {
    const { status, output } = run(['--version'])
    assert.equal(status, 0, output)
    assert.ok(output.includes(version), output)
    symlinkSync(join(modules, '.bin', 'solder'), join(directory, 'otelcol'))
    assert.match(run(['--version'], join(directory, 'otelcol')).output, /^otelcol version /)
  })

  test('the licences of what is bundled are in it, and are printed', () => {
    const text = readFileSync(join(modules, 'solder', 'notices.txt'), 'utf8')
    assert.match(text, /^ {2}smol-toml /m)
    // What npm brings beside it has its own there.
    assert.doesNotMatch(text, /^ {2}(?:Node\.js|re2js) /m)
    assert.equal(run(['licenses']).output, text)
    for (const name of ['LICENSE', 'NOTICE']) assert.ok(existsSync(join(modules, 'solder', name)), name)
  })

  test('it runs a pipeline that needs every library beside it', () =>
    runsLazyPipeline(join(modules, '.bin', 'solder'), directory))

  test('each of them is needed: without it a configuration that asks for it fails', () => {
    const alloy = join(directory, 'lazy.alloy')
    writeFileSync(
      alloy,
      'prometheus.relabel "a" {\n  forward_to = []\n  rule {\n    source_labels = ["a"]\n    regex = "\\\\pL+x"\n' +
        '    replacement = encoding.from_yaml("a: b").a\n    target_label = "b"\n  }\n}\n',
    )
    const whole = run(['validate', alloy])
    assert.equal(whole.status, 0, whole.output)
    for (const library of ['re2js', 'yaml']) {
      const aside = join(directory, library)
      renameSync(join(modules, library), aside)
      const { status, output } = run(['validate', alloy])
      renameSync(aside, join(modules, library))
      assert.notEqual(status, 0, library)
      assert.match(output, new RegExp(library))
    }
  })

  test('without the optional Node it takes one from PATH that is new enough, and says what is missing otherwise', () => {
    const bare = join(directory, 'bare', 'node_modules')
    for (const name of ['solder', 'yaml', 're2js', 'xpath', 'uap-core'])
      cpSync(join(modules, name), join(bare, name), { recursive: true })
    const command = join(bare, 'solder', 'bin', 'solder')
    const programs = join(directory, 'programs')
    mkdirSync(programs)
    for (const program of ['sh', 'readlink', 'uname'])
      symlinkSync(
        execFileSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).trim(),
        join(programs, program),
      )
    assert.match(
      run(['--version'], command, programs).output,
      /Cannot find Node: node-linux-.* there is no node in PATH/,
    )
    const node = join(programs, 'node')
    writeFileSync(node, '#!/bin/sh\ncase "$1" in -p) echo 20 ;; *) echo v20.1.0 ;; esac\n', { mode: 0o755 })
    assert.match(
      run(['--version'], command, programs).output,
      /it has to be Node 26 or newer: current value is v20\.1\.0/,
    )
    rmSync(node)
    symlinkSync(process.execPath, node)
    const { status, output } = run(['--version'], command, programs)
    assert.equal(status, 0, output)
  })

  test('its types take what the schema takes, and nothing else', () => {
    const path = join(directory, 'use.ts')
    writeFileSync(
      path,
      `import type { Settings } from './installed/node_modules/solder/settings.d.ts'
export const right: Settings['discovery.http'] = { url: 'http://h/targets', refresh_interval: '5s' }
// @ts-expect-error a name that there is not
export const misspelt: Settings['discovery.http'] = { url: 'http://h/targets', refresh_intervall: '5s' }
// @ts-expect-error what is required is missing
export const lacking: Settings['discovery.http'] = {}
// @ts-expect-error no text
export const wrong: Settings['discovery.docker'] = { host: 'unix:///s', port: '80' }
`,
    )
    const compiler = join(root, 'node_modules', '.bin', 'tsc')
    const flags = ['--noEmit', '--strict', '--allowImportingTsExtensions', '--ignoreConfig', '--types', '', path]
    const options = { cwd: directory, encoding: 'utf8', timeout: 60_000 } as const
    const { status, stdout } = spawnSync(compiler, flags, options)
    assert.equal(status, 0, stdout)
  })
})
