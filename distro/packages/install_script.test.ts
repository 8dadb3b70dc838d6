// The install script against a server of releases: installs, refuses what is damaged, leaves nothing half done.
import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { hasProgram } from '#component/test_host'
import { buildExecutables } from '../executable/door.ts'
import { version } from '../version.ts'

const plain = version.slice(1)
const directory = mkdtempSync(join(tmpdir(), 'solder-install-'))
after(() => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }))
const releases = join(directory, 'releases')
const canInstall = process.platform === 'linux' && process.arch === 'x64' && hasProgram('curl')

describe('The install script', { skip: !canInstall && 'it is tested on Linux x64 with curl' }, () => {
  const script = join(releases, 'install.sh')
  const server = createServer((request, response) => {
    const path = join(releases, decodeURIComponent(request.url ?? '').replace(/^\/v[^/]+\//, '/'))
    if (!existsSync(path)) return void response.writeHead(404).end()
    return void response.end(readFileSync(path))
  })
  let url = ''
  before(
    async () => {
      await buildExecutables(['linux-x64'], releases)
      writeFileSync(join(releases, 'latest'), `v${plain}\n`)
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    },
    { timeout: 300_000 },
  )
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
