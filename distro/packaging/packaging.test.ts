// What is shipped, as users get it: the executable alone, the package in a Debian of its own, the install script.
import assert from 'node:assert/strict'
import { execFile, execFileSync, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import {
  appendFileSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { freePort } from '#component/test_host'
import { version } from '../version.ts'
import { buildExecutables, writeDefinitions } from './executables.ts'
import { runImage, unpackImage } from './fake_image_build.ts'
import { runsLazyPipeline } from './lazy_pipeline.ts'
import { buildPackages } from './packages.ts'

const root = join(import.meta.dirname, '..', '..')
const dist = join(root, 'dist')
const plain = version.slice(1)
const executable = join(dist, `solder-${plain}-linux-x64`)
const directory = mkdtempSync(join(tmpdir(), 'solder-packaging-'))
after(() => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }))

/** False skips the test; with SOLDER_REQUIRE_REAL=1 what is missing is a failure instead. */
function isThere(what: string, found: boolean): boolean {
  if (!found && process.env['SOLDER_REQUIRE_REAL'] === '1') throw new Error(`Cannot run this test: ${what} is missing`)
  return found
}

const hasProgram = (name: string): boolean =>
  isThere(name, spawnSync('sh', ['-c', `command -v ${name}`], { timeout: 10_000 }).status === 0)

const canBuild = process.arch === 'x64' && hasProgram('dpkg-deb') && hasProgram('rpmbuild')
const arm64Libraries = '/usr/aarch64-linux-gnu'
const canEmulate =
  canBuild && hasProgram('qemu-aarch64-static') && isThere('libc6-arm64-cross', existsSync(arm64Libraries))
const canBootstrap = canBuild && hasProgram('debootstrap') && isThere('root', process.getuid?.() === 0)

const hostMetrics = `prometheus.exporter.unix "host" { }

prometheus.scrape "host" {
  targets         = prometheus.exporter.unix.host.targets
  forward_to      = [prometheus.live.host.receiver]
  scrape_interval = "1s"
  scrape_timeout  = "1s"
}

prometheus.live "host" { }
`

async function eventually<T>(what: string, check: () => Promise<T | undefined>, timeoutMs = 120_000): Promise<T> {
  const end = performance.now() + timeoutMs
  let last: unknown
  while (performance.now() < end) {
    try {
      const value = await check()
      if (value !== undefined) return value
    } catch (error) {
      last = error
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`Never came true: ${what}`, { cause: last })
}

/** Runs the main job with nothing around it, and reads what it collects. */
async function collects(command: string, args: readonly string[]): Promise<void> {
  const port = await freePort()
  const config = join(directory, 'host.alloy')
  writeFileSync(config, hostMetrics)
  const flags = [`--server.http.listen-addr=127.0.0.1:${port}`, `--storage.path=${join(directory, 'state')}`]
  const child = spawn(command, [...args, 'run', ...flags, config], { env: {}, stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', (data: Buffer) => void (said += data.toString()))
  const exited = new Promise<number | null>((resolve) => child.on('exit', resolve))
  try {
    const load = await eventually(`node_load1 is there: ${said}`, async () => {
      if (child.exitCode !== null) throw new Error(`it ended: ${said}`)
      const page = await (await fetch(`http://127.0.0.1:${port}/live/metrics`)).text()
      return /^node_load1\{.*\} \S+/m.exec(page)?.[0]
    })
    assert.match(load, /node_load1\{.*job="integrations\/unix".*\} \d/)
    child.kill('SIGTERM')
    assert.equal(await exited, 0, said)
  } finally {
    child.kill('SIGKILL')
  }
}

describe('What is shipped', { skip: !canBuild && 'it is built on Linux x64 with dpkg-deb and rpmbuild' }, () => {
  before(
    async () => {
      if (canEmulate) await buildExecutables(['linux-arm64'])
      await buildPackages(['linux-x64'])
    },
    { timeout: 600_000 },
  )

  test('the executable is one file of at most 130 MB, and collects this host with nothing around it', async () => {
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
    'the formula asks for the files of the release, each with its checksum, and is Ruby',
    { skip: !hasProgram('ruby') && 'ruby is not installed' },
    () => {
      writeDefinitions('https://releases.example/solder/')
      const path = join(dist, 'solder.rb')
      const asked = [...readFileSync(path, 'utf8').matchAll(/url "(.*)".*\n +sha256 "(.*)"/g)]
      const files = asked.map(([, url = '', checksum]) => {
        assert.ok(url.startsWith(`https://releases.example/solder/v${plain}/`), url)
        const name = url.slice(url.lastIndexOf('/') + 1)
        const bytes = readFileSync(join(dist, name))
        assert.equal(checksum, createHash('sha256').update(bytes).digest('hex'), name)
        return name
      })
      assert.ok(files.includes(`solder-${plain}-linux-x64`) && files.includes('config.alloy'), files.join(', '))
      execFileSync('ruby', ['-c', path], { stdio: ['ignore', 'ignore', 'inherit'], timeout: 60_000 })
    },
  )

  test(
    'the image has what the executable needs, and runs its configuration as a user of its own',
    { skip: !isThere('root', process.getuid?.() === 0) && 'chroot needs root' },
    async () => {
      const image = unpackImage(readFileSync(join(dist, 'Containerfile'), 'utf8'), dist, join(directory, 'image'))
      assert.equal(image.user, '10001:10001')
      assert.equal(statSync(join(image.root, 'var/lib/solder')).uid, 10_001)
      assert.deepEqual(image.command.slice(0, 2), ['/usr/bin/solder', 'run'])
      // The port is this machine's.
      const command = image.command.map((word) => word.replace('0.0.0.0:12345', '127.0.0.1:0'))
      const said = await runImage(image, command, /is ready/)
      assert.match(said, /is ready/)
      assert.ok(!said.includes('level=error'), said)
    },
  )

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

  test('the RPM has the files and the scripts', () => {
    const rpm = join(dist, `solder-${plain}-1.x86_64.rpm`)
    const query = (...args: string[]): string =>
      execFileSync('rpm', ['-qp', ...args, rpm], { encoding: 'utf8', timeout: 60_000 })
    assert.match(query('--list'), /^\/usr\/bin\/solder$/m)
    assert.match(query('--configfiles'), /\/etc\/solder\/config\.alloy\n/)
    assert.match(query('--scripts'), /useradd --system/)
  })

  debianTests()
  installScriptTests()
})

function debianTests(): void {
  describe('In a Debian of its own', { skip: !canBootstrap && 'debootstrap and root are needed' }, () => {
    const tree = join(directory, 'debian')
    const inside = (script: string): { status: number | null; output: string } => {
      const { status, stdout, stderr } = spawnSync('chroot', [tree, 'sh', '-c', script], {
        encoding: 'utf8',
        timeout: 120_000,
        env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
      })
      return { status, output: stdout + stderr }
    }

    before(
      () => {
        execFileSync('debootstrap', ['--variant=minbase', '--include=libatomic1', 'bookworm', tree], {
          stdio: ['ignore', 'ignore', 'inherit'],
          timeout: 500_000,
        })
        copyFileSync(join(dist, `solder_${plain}_amd64.deb`), join(tree, 'solder.deb'))
      },
      { timeout: 520_000 },
    )

    test('the package is installed, and its service has what it needs', () => {
      const { status, output } = inside('dpkg -i /solder.deb')
      assert.equal(status, 0, output)
      assert.equal(inside('solder --version').status, 0)
      assert.match(inside('id solder').output, /uid=.*adm/)
      assert.match(
        inside('stat -c "%U %G %a" /var/lib/solder /etc/solder /etc/solder/config.alloy').output,
        /^solder solder 750\nroot solder 750\nroot solder 640\n$/,
      )
    })

    test("the unit's command line runs as its user, is reloaded and stops", () => {
      const unit = readFileSync(join(tree, 'usr/lib/systemd/system/solder.service'), 'utf8')
      const command = (/^ExecStart=(.*)$/m.exec(unit)?.[1] ?? '').replace(
        'run ',
        'run --server.http.listen-addr=127.0.0.1:0 ',
      )
      const script = `. /etc/default/solder; cd /var/lib/solder
        setpriv --reuid=solder --regid=solder --init-groups ${command} >/tmp/said 2>&1 & pid=$!
        for i in $(seq 100); do grep -q 'is ready' /tmp/said && break; sleep 0.2; done
        kill -HUP $pid; for i in $(seq 100); do grep -q 'Reloaded the configuration' /tmp/said && break; sleep 0.2; done
        kill -TERM $pid; (sleep 30; kill -KILL $pid) >/dev/null 2>&1 & wait $pid; echo "ended with $?"; cat /tmp/said`
      const { output } = inside(script)
      assert.match(output, /ended with 0/)
      assert.match(output, /Reloaded the configuration/)
    })

    test('an upgrade keeps a changed configuration; a removal keeps it too, a purge nothing', () => {
      appendFileSync(join(tree, 'etc/solder/config.alloy'), '// mine\n')
      writeFileSync(join(tree, 'var/lib/solder/kept'), '')
      assert.equal(inside('dpkg -i --force-confold /solder.deb').status, 0)
      assert.match(readFileSync(join(tree, 'etc/solder/config.alloy'), 'utf8'), /\/\/ mine/)
      assert.equal(inside('dpkg -r solder').status, 0)
      assert.ok(existsSync(join(tree, 'etc/solder/config.alloy')))
      assert.ok(existsSync(join(tree, 'var/lib/solder/kept')))
      assert.ok(!existsSync(join(tree, 'usr/bin/solder')))
      assert.equal(inside('dpkg -P solder').status, 0)
      assert.ok(!existsSync(join(tree, 'etc/solder')))
      assert.ok(!existsSync(join(tree, 'var/lib/solder')))
      assert.notEqual(inside('id solder').status, 0)
    })
  })

  test(
    'systemd finds nothing wrong with the unit',
    { skip: !hasProgram('systemd-analyze') && 'systemd is not installed' },
    () => {
      // What it runs is not installed on this machine.
      const unit = readFileSync(join(import.meta.dirname, 'files', 'solder.service'), 'utf8')
      const path = join(directory, 'solder.service')
      writeFileSync(path, unit.replaceAll('/usr/bin/solder', executable).replace('Documentation=man:solder(1)\n', ''))
      const { status, stderr } = spawnSync('systemd-analyze', ['verify', path], { encoding: 'utf8', timeout: 60_000 })
      assert.equal(status, 0, stderr)
      assert.equal(
        stderr
          .split('\n')
          .filter((line) => line.includes('solder.service'))
          .join('\n'),
        '',
      )
    },
  )
}

function installScriptTests(): void {
  describe('The install script', { skip: !hasProgram('curl') && 'curl is not installed' }, () => {
    const script = join(dist, 'install.sh')
    const releases = join(directory, 'releases')
    const server = createServer((request, response) => {
      const path = join(releases, decodeURIComponent(request.url ?? '').replace(/^\/v[^/]+\//, '/'))
      if (!existsSync(path)) return void response.writeHead(404).end()
      return void response.end(readFileSync(path))
    })
    let url = ''
    before(async () => {
      cpSync(dist, releases, { recursive: true })
      writeFileSync(join(releases, 'latest'), `v${plain}\n`)
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    })
    after(() => void server.close())

    const cloud = {
      GCLOUD_RW_API_KEY: 'glc_"secret"',
      GCLOUD_HOSTED_METRICS_URL: 'https://prometheus.example/api/prom/push',
      GCLOUD_HOSTED_METRICS_ID: '123',
      GCLOUD_HOSTED_LOGS_URL: 'https://logs.example/loki/api/v1/push',
      GCLOUD_HOSTED_LOGS_ID: '456',
      GCLOUD_SCRAPE_INTERVAL: '30s',
    }
    /** Not the synchronous kind: the server is in this process. */
    const install = async (
      prefix: string,
      args: readonly string[],
      env: Readonly<Record<string, string>> = {},
    ): Promise<{ status: number; output: string }> => {
      const run = promisify(execFile)
      const options = { env: { PATH: process.env['PATH'] ?? '', SOLDER_BASE_URL: url, ...env }, timeout: 120_000 }
      try {
        const { stdout, stderr } = await run('sh', [script, '--prefix', prefix, ...args], options)
        return { status: 0, output: stdout + stderr }
      } catch (error) {
        const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string }
        return { status: code, output: stdout + stderr }
      }
    }

    test('installs, installs again, keeps what was changed, uninstalls', async () => {
      const prefix = join(directory, 'installed')
      const first = await install(prefix, [], cloud)
      assert.equal(first.status, 0, first.output)
      const config = join(prefix, 'etc/solder/config.alloy')
      const text = readFileSync(config, 'utf8')
      assert.match(text, /scrape_interval = "30s"/)
      assert.ok(!text.includes('glc_'))
      assert.equal(readFileSync(join(prefix, 'etc/solder/api_key'), 'utf8'), cloud.GCLOUD_RW_API_KEY)
      assert.equal(statSync(join(prefix, 'etc/solder/api_key')).mode & 0o777, 0o600)
      const here = join(directory, 'cloud.alloy')
      writeFileSync(here, text.replace('/etc/solder/api_key', join(prefix, 'etc/solder/api_key')))
      execFileSync(join(prefix, 'usr/local/bin/solder'), ['validate', here], { env: {}, timeout: 60_000 })
      assert.match(
        readFileSync(join(prefix, 'etc/systemd/system/solder.service'), 'utf8'),
        /^ExecStart=\/usr\/local\/bin\/solder run/m,
      )
      const again = await install(prefix, [], { ...cloud, GCLOUD_SCRAPE_INTERVAL: '45s' })
      assert.equal(again.status, 0, again.output)
      assert.match(readFileSync(config, 'utf8'), /scrape_interval = "45s"/)
      appendFileSync(config, '// mine\n')
      assert.match((await install(prefix, [])).output, /was changed and stays as it is/)
      assert.match(readFileSync(config, 'utf8'), /"45s"[^]*\/\/ mine/)
      assert.equal((await install(prefix, ['--uninstall'])).status, 0)
      assert.ok(!existsSync(join(prefix, 'usr/local/bin/solder')))
      assert.ok(existsSync(config))
      assert.equal((await install(prefix, ['--uninstall', '--purge'])).status, 0)
      assert.ok(!existsSync(join(prefix, 'etc/solder')))
    })

    test('refuses a damaged download, and leaves nothing half installed', async () => {
      const path = join(releases, `solder-${plain}-linux-x64`)
      const whole = readFileSync(path)
      const damaged = Buffer.from(whole)
      damaged[1000] = (damaged[1000] as number) ^ 1
      writeFileSync(path, damaged)
      const prefix = join(directory, 'damaged')
      try {
        const { status, output } = await install(prefix, [])
        assert.notEqual(status, 0)
        assert.match(
          output,
          /Cannot install Solder: the checksum of solder-.*-linux-x64 should be [0-9a-f]{64}: current value is/,
        )
      } finally {
        writeFileSync(path, whole)
      }
      assert.ok(!existsSync(prefix))
    })

    const refusals = [
      {
        name: 'a release that is not there',
        args: ['--version', '9.9.9'],
        env: {},
        want: /there are no checksums at .*\/v9\.9\.9\/SHA256SUMS|says nothing of solder-9\.9\.9/,
      },
      {
        name: 'a version that is none',
        args: ['--version', '../x'],
        env: {},
        want: /this is no version: current value is \.\.\/x/,
      },
      {
        name: 'an option that there is not',
        args: ['--force'],
        env: {},
        want: /unknown option: current value is --force/,
      },
      {
        name: 'a key without a URL',
        args: [],
        env: { GCLOUD_RW_API_KEY: 'k' },
        want: /GCLOUD_HOSTED_METRICS_URL is not set/,
      },
      {
        name: 'no place to fetch from',
        args: [],
        env: { SOLDER_BASE_URL: '' },
        want: /give --base-url or SOLDER_BASE_URL/,
      },
    ]
    for (const { name, args, env, want } of refusals) {
      test(`says what is wrong: ${name}`, async () => {
        const prefix = join(directory, 'refused')
        const { status, output } = await install(prefix, args, env as Readonly<Record<string, string>>)
        assert.notEqual(status, 0)
        assert.match(output, want)
        assert.ok(!existsSync(prefix))
      })
    }
  })
}
