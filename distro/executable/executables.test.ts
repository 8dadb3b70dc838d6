// The executables as users get them: one file, nothing around it.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { eventually, freePort, hasProgram, isThere, Program, RealPrometheus } from '#component/test_host'
import { runsLazyPipeline } from '../bundle/lazy_pipeline.ts'
import { version } from '../version.ts'
import { buildExecutables } from './executables.ts'

const plain = version.slice(1)
const directory = mkdtempSync(join(tmpdir(), 'solder-executables-'))
after(() => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }))
const dist = join(directory, 'dist')
const executable = join(dist, `solder-${plain}-linux-x64`)

const canBuild = process.platform === 'linux' && process.arch === 'x64'
const hasPrometheus = canBuild && hasProgram('prometheus')
const arm64Libraries = '/usr/aarch64-linux-gnu'
const canEmulate =
  canBuild && hasProgram('qemu-aarch64-static') && isThere('libc6-arm64-cross', existsSync(arm64Libraries))

interface Ends {
  readonly remoteWrite: string
  readonly push: string
  readonly log: string
}

const mainJob = ({ remoteWrite, push, log }: Ends): string => `prometheus.exporter.unix "host" { }

prometheus.scrape "host" {
  targets         = prometheus.exporter.unix.host.targets
  forward_to      = [prometheus.remote_write.out.receiver]
  scrape_interval = "2s"
  scrape_timeout  = "2s"
}

prometheus.remote_write "out" {
  endpoint {
    url = "${remoteWrite}"
  }
}

loki.source.file "log" {
  targets    = [{ __path__ = "${log}" }]
  forward_to = [loki.write.out.receiver]
}

loki.write "out" {
  endpoint {
    url = "${push}"
  }
}
`

const lokiIn = (port: number): string => `loki.source.api "in" {
  http {
    listen_address = "127.0.0.1"
    listen_port    = ${port}
  }
  forward_to = [loki.echo.in.receiver]
}

loki.echo "in" { }
`

/** With nothing in its environment, not even a PATH. */
const alone = (command: string, args: readonly string[]): Program => new Program(command, args, { env: {} })

/**
 * Runs the main job with nothing around it: this host's metrics into a real Prometheus, a file's lines into another solder.
 * `name` is that of the executable, for what has to be told apart.
 */
async function collects(name: string, command: string, args: readonly string[]): Promise<void> {
  const place = join(directory, name)
  mkdirSync(join(place, 'prometheus'), { recursive: true })
  const prometheus = new RealPrometheus(join(place, 'prometheus'), await freePort())
  const loki = await freePort()
  const log = join(place, 'app.log')
  const own = { receiver: join(place, 'receiver.alloy'), sender: join(place, 'sender.alloy') }
  const ends = {
    remoteWrite: `${prometheus.url}/api/v1/write`,
    push: `http://127.0.0.1:${loki}/loki/api/v1/push`,
    log,
  }
  writeFileSync(log, `a line for ${name}\n`)
  writeFileSync(own.receiver, lokiIn(loki))
  writeFileSync(own.sender, mainJob(ends))
  const run = (file: string): string[] => [
    'run',
    '--server.http.listen-addr=127.0.0.1:0',
    `--storage.path=${file}.data`,
    file,
  ]
  assert.match(execFileSync(command, [...args, '--version'], { env: {}, encoding: 'utf8' }), new RegExp(plain))
  execFileSync(command, [...args, 'validate', own.sender], { env: {}, timeout: 200_000 })
  await prometheus.start()
  const receiver = alone(executable, run(own.receiver))
  const sender = alone(command, [...args, ...run(own.sender)])
  try {
    const load = await eventually('node_load1 is there', async () => (await prometheus.query('node_load1'))[0], 240_000)
    assert.equal(load.metric['job'], 'integrations/unix')
    assert.ok(Number(load.value[1]) >= 0, load.value[1])
    await eventually('the line is there', () => receiver.output.includes(`a line for ${name}`) || undefined, 240_000)
  } finally {
    // Emulated it takes its time.
    const status = await sender.stop('SIGTERM', 60_000)
    await receiver.stop()
    await prometheus.stop()
    assert.equal(status, 0, sender.output)
  }
}

describe('The executables', { skip: !canBuild && 'they are built on Linux x64' }, () => {
  before(
    async () => {
      await buildExecutables(canEmulate ? ['linux-x64', 'linux-arm64'] : ['linux-x64'], dist)
    },
    { timeout: 300_000 },
  )

  test('it is one file of at most 130 MB', () => {
    assert.ok(statSync(executable).size <= 130e6, `${statSync(executable).size} bytes`)
  })

  test(
    'with nothing around it, it sends the metrics of this host to a Prometheus, and lines of a file on',
    { skip: !hasPrometheus && 'prometheus is not installed', timeout: 600_000 },
    () => collects('linux-x64', executable, []),
  )

  test('a pipeline that needs everything that is read lazily runs', () => runsLazyPipeline(executable, directory))

  test('a configuration that needs it to be evaluated is taken', () => {
    const alloy = join(directory, 'lazy.alloy')
    writeFileSync(
      alloy,
      'prometheus.relabel "a" {\n  forward_to = []\n  rule {\n    source_labels = ["a"]\n    regex = "\\\\pL+x"\n' +
        '    replacement = encoding.from_yaml("a: b").a\n    target_label = "b"\n  }\n}\n',
    )
    execFileSync(executable, ['validate', alloy], { env: {}, timeout: 60_000 })
  })

  test(
    'the one for arm64 does the same under emulation',
    { skip: !(canEmulate && hasPrometheus) && 'qemu or prometheus is not installed', timeout: 900_000 },
    async () => {
      await collects('linux-arm64', '/usr/bin/env', [
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
