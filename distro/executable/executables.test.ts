// The executables as users get them: one file, nothing around it.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { eventually, freePort, hasProgram, isThere, Program } from '#component/test_host'
import { runsLazyPipeline } from '../bundle/lazy_pipeline.ts'
import { version } from '../version.ts'
import { buildExecutables } from './executables.ts'

const plain = version.slice(1)
const directory = mkdtempSync(join(tmpdir(), 'solder-executables-'))
after(() => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }))
const dist = join(directory, 'dist')
const executable = join(dist, `solder-${plain}-linux-x64`)

const canBuild = process.platform === 'linux' && process.arch === 'x64'
const arm64Libraries = '/usr/aarch64-linux-gnu'
const canEmulate =
  canBuild && hasProgram('qemu-aarch64-static') && isThere('libc6-arm64-cross', existsSync(arm64Libraries))

const hostMetrics = `prometheus.exporter.unix "host" { }

prometheus.scrape "host" {
  targets         = prometheus.exporter.unix.host.targets
  forward_to      = [prometheus.live.host.receiver]
  scrape_interval = "1s"
  scrape_timeout  = "1s"
}

prometheus.live "host" { }
`

/** Runs the main job with nothing around it, and reads what it collects. */
async function collects(command: string, args: readonly string[]): Promise<void> {
  const port = await freePort()
  const config = join(directory, 'host.alloy')
  writeFileSync(config, hostMetrics)
  const flags = [`--server.http.listen-addr=127.0.0.1:${port}`, `--storage.path=${join(directory, 'state')}`]
  const program = new Program(command, [...args, 'run', ...flags, config], { env: {} })
  try {
    const load = await eventually(
      'node_load1 is there, or the program ends',
      async () => {
        if (program.child.exitCode !== null) return ''
        const page = await fetch(`http://127.0.0.1:${port}/live/metrics`, { signal: AbortSignal.timeout(20_000) })
        return /^node_load1\{.*\} \S+/m.exec(await page.text())?.[0]
      },
      180_000,
    )
    assert.match(load, /node_load1\{.*job="integrations\/unix".*\} \d/, program.output)
  } finally {
    // Emulated it takes its time.
    const status = await program.stop('SIGTERM', 60_000)
    assert.equal(status, 0, program.output)
  }
}

describe('The executables', { skip: !canBuild && 'they are built on Linux x64' }, () => {
  before(
    async () => {
      await buildExecutables(canEmulate ? ['linux-x64', 'linux-arm64'] : ['linux-x64'], dist)
    },
    { timeout: 300_000 },
  )

  test('it is one file of at most 130 MB, and collects this host with nothing around it', async () => {
    assert.ok(statSync(executable).size <= 130e6, `${statSync(executable).size} bytes`)
    await collects(executable, [])
  })

  test('a pipeline that needs everything that is read lazily runs', () => runsLazyPipeline(executable, directory))

  test('a configuration that needs it to be evaluated is taken', () => {
    const alloy = join(directory, 'lazy.alloy')
    writeFileSync(
      alloy,
      'prometheus.relabel "a" {\n  forward_to = []\n  rule {\n    source_labels = ["a"]\n    regex = "(x+x+)+y"\n' +
        '    replacement = encoding.from_yaml("a: b").a\n    target_label = "b"\n  }\n}\n',
    )
    execFileSync(executable, ['validate', alloy], { env: {}, timeout: 60_000 })
  })

  test(
    'the one for arm64 does the same under emulation',
    { skip: !canEmulate && 'qemu is not installed' },
    async () => {
      await collects('/usr/bin/env', [
        'qemu-aarch64-static',
        '-L',
        arm64Libraries,
        join(dist, `solder-${plain}-linux-arm64`),
      ])
    },
  )

  test('the checksums are those of the files, and the bill of materials names what is inside', () => {
    execFileSync('sha256sum', ['--check', '--strict', '--quiet', 'SHA256SUMS'], { cwd: dist, timeout: 60_000 })
    const bill = JSON.parse(readFileSync(join(dist, `solder-${plain}.cdx.json`), 'utf8')) as {
      components: { name: string; version: string }[]
    }
    assert.ok(bill.components.some(({ name }) => name === 're2js'))
  })

  test('the licences of all that is in it go with it, and are inside', () => {
    const beside = readFileSync(join(dist, `solder-${plain}.notices.txt`), 'utf8')
    for (const wanted of [
      /^ {2}Node\.js 26\.\d+\.\d+ \(MIT\)$/m,
      /^ {2}re2js /m,
      /^ {2}uap-core /m,
      /^ {2}smol-toml /m,
    ])
      assert.match(beside, wanted)
    const said = execFileSync(executable, ['licenses'], { env: {}, encoding: 'utf8', timeout: 60_000 })
    assert.equal(said, beside)
  })

  test('built again, everything is the same to the byte', async () => {
    const again = join(directory, 'again')
    await buildExecutables(['linux-x64'], again)
    const lines = (name: string): string[] =>
      readFileSync(join(name, 'SHA256SUMS'), 'utf8')
        .split('\n')
        .filter((line) => !line.endsWith('-arm64'))
    assert.deepEqual(lines(again), lines(dist))
  })
})
