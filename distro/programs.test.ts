import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { collectorName } from './programs.ts'

const launcher = join(import.meta.dirname, 'solder')
const sound = `
receivers: {nop: {}}
exporters: {nop: {}}
service: {pipelines: {traces: {receivers: [nop], exporters: [nop]}}}
`

describe('Names of other programs', () => {
  let directory = ''
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'solder-programs-test-'))
    await writeFile(join(directory, 'sound.yaml'), sound)
    await writeFile(join(directory, 'sound.alloy'), 'prometheus.echo "x" { }\n')
    for (const name of ['otelcol', 'otelcol-contrib', 'alloy']) await symlink(launcher, join(directory, name))
  })
  after(() => rm(directory, { recursive: true }))

  const cases: readonly { name: string; program: string; args: readonly string[]; status: number; says: RegExp }[] = [
    { name: 'nothing', program: 'otelcol', args: [], status: 1, says: /^Error: at least one config flag must/ },
    { name: 'its version', program: 'otelcol', args: ['--version'], status: 0, says: /^otelcol version \S+\n$/ },
    { name: 'contrib', program: 'otelcol-contrib', args: ['-v'], status: 0, says: /^otelcol-contrib version/ },
    { name: 'its components', program: 'otelcol', args: ['components'], status: 0, says: /^receivers:\n[^]*name: /m },
    { name: 'validate', program: 'otelcol', args: ['validate', '--config=sound.yaml'], status: 0, says: /^$/ },
    {
      name: 'print-config',
      program: 'otelcol',
      args: ['print-config', '--config', 'sound.yaml'],
      status: 0,
      says: /nop/,
    },
    {
      name: 'a wrong file',
      program: 'otelcol',
      args: ['validate', '--config=gone.yaml'],
      status: 1,
      says: /gone\.yaml/,
    },
    {
      name: 'a command of Alloy',
      program: 'otelcol',
      args: ['run'],
      status: 1,
      says: /unknown command "run" for "otelcol"/,
    },
    {
      name: 'its help',
      program: 'otelcol-contrib',
      args: ['--help'],
      status: 0,
      says: /otelcol-contrib --config=LOCATION/,
    },
    {
      name: 'validate',
      program: 'alloy',
      args: ['validate', 'sound.alloy', '--stability.level=experimental'],
      status: 0,
      says: /^$/,
    },
    {
      name: 'otel',
      program: 'alloy',
      args: ['otel', '--disable-reporting', 'validate'],
      status: 1,
      says: /config flag/,
    },
    {
      name: 'otel validate',
      program: 'alloy',
      args: ['otel', 'validate', '--config=sound.yaml'],
      status: 0,
      says: /^$/,
    },
  ]
  for (const { name, program, args, status, says } of cases) {
    test(`${program}: ${name}`, { timeout: 180_000 }, () => {
      const path = join(directory, program)
      const result = spawnSync(path, args, { cwd: directory, encoding: 'utf8', env: { ...process.env } })
      assert.match(result.stdout + result.stderr, says)
      assert.equal(result.status, status)
    })
  }

  test('What the process was called by counts, whatever its path, and workers are told', () => {
    const environment: NodeJS.ProcessEnv = { SOLDER_PROGRAM: 'solder' }
    assert.equal(collectorName('/usr/bin/solder', environment), undefined)
    assert.equal(collectorName('/usr/bin/otelcol-contrib', environment), 'otelcol-contrib')
    assert.equal(collectorName('/usr/bin/solder', environment), 'otelcol-contrib')
  })
})
