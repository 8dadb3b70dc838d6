// The main job against a real Prometheus: host metrics arrive as Alloy would send them, and nothing is lost on the way.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { eventually, freePort, hasProgram, Program, RealPrometheus, startSolder, temporaryDirectory } from './real.ts'

const skip = !hasProgram('prometheus') && 'Prometheus is not installed'

interface Bench {
  readonly directory: string
  readonly prometheus: RealPrometheus
  readonly adminPort: number
  readonly config: string
  readonly storage: string
  start(...args: string[]): Promise<Program>
}

/** The configuration of a Pi, one second between scrapes, with the URL of a real Prometheus. */
function hostConfig(directory: string, url: string): string {
  return readFileSync(join(import.meta.dirname, 'testdata', 'host.alloy'), 'utf8')
    .replaceAll('@URL@', `${url}/api/v1/write`)
    .replaceAll('@PASSWORD_FILE@', join(directory, 'password'))
}

async function bench(t: TestContext): Promise<Bench> {
  const directory = temporaryDirectory(t)
  const prometheus = new RealPrometheus(directory, await freePort())
  const adminPort = await freePort()
  const config = join(directory, 'host.alloy')
  const storage = join(directory, 'storage')
  writeFileSync(join(directory, 'password'), 'secret\n')
  writeFileSync(config, hostConfig(directory, prometheus.url))
  await prometheus.start()
  t.after(() => prometheus.stop())
  const start = async (...args: string[]): Promise<Program> => {
    const program = await startSolder(adminPort, [`--storage.path=${storage}`, ...args, config], {
      PROM_USERNAME: 'me',
    })
    t.after(async () => {
      if (!t.passed) await explain(t, program, prometheus, adminPort)
      await program.stop('SIGKILL')
    })
    return program
  }
  return { directory, prometheus, adminPort, config, storage, start }
}

/** What there is to know about a test that failed: it may not fail again for whoever looks. */
async function explain(t: TestContext, solder: Program, prometheus: RealPrometheus, adminPort: number): Promise<void> {
  t.diagnostic(`Solder said: ${solder.output.slice(-8000)}`)
  t.diagnostic(`Prometheus said: ${prometheus.output.slice(-4000)}`)
  const pages = ['api/v0/web/components', 'metrics'].map(async (page) => {
    const response = await fetch(`http://127.0.0.1:${adminPort}/${page}`, { signal: AbortSignal.timeout(5000) })
    return `${page}: ${(await response.text()).slice(0, 20_000)}`
  })
  for (const page of await Promise.allSettled(pages)) {
    t.diagnostic(page.status === 'fulfilled' ? page.value : `Cannot read a page: ${page.reason}`)
  }
}

/** The longest time between two samples of `up`, in seconds, and how many there are. */
async function gaps(
  prometheus: RealPrometheus,
): Promise<{ longest: number; count: number; first: number; last: number }> {
  const [up] = await prometheus.samples('up{job="integrations/node_exporter"}')
  const times = (up?.values ?? []).map(([time]) => time)
  let longest = 0
  for (let i = 1; i < times.length; i++) longest = Math.max(longest, (times[i] as number) - (times[i - 1] as number))
  return { longest, count: times.length, first: times[0] ?? 0, last: times.at(-1) ?? 0 }
}

async function nodeCounts(port: number): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}/api/v0/web/components`)
  const nodes = (await response.json()) as { localID: string; flow?: Record<string, unknown> }[]
  assert.ok(nodes.length > 0)
}

test('host metrics arrive with their labels, a reload leaves no gap', { skip, timeout: 240_000 }, async (t) => {
  const { prometheus, start, config, adminPort, storage } = await bench(t)
  const solder = await start()
  const [load] = await eventually('node_load1 arrives', async () => {
    const found = await prometheus.query('node_load1')
    return found.length > 0 ? found : undefined
  })
  assert.deepEqual(load?.metric, { __name__: 'node_load1', instance: hostname(), job: 'integrations/node_exporter' })
  assert.deepEqual(await prometheus.query('{__name__=~"node_scrape_collector_.+"}'), [], 'dropped by the relabel rule')
  const families = await prometheus.query('count(count by (__name__) ({job="integrations/node_exporter"}))')
  assert.ok(Number(families[0]?.value[1]) > 150, `${families[0]?.value[1]} names arrived`)

  writeFileSync(
    config,
    readFileSync(config, 'utf8').replace(
      'replacement  = constants.hostname',
      'replacement  = constants.hostname // again',
    ),
  )
  solder.child.kill('SIGHUP')
  // Its turn must be over before the file is written again: half a file, or an empty one, is a configuration too.
  await eventually('the signal reloads', () => solder.output.includes('Reloaded the configuration') || undefined)
  assert.equal((await fetch(`http://127.0.0.1:${adminPort}/-/reload`, { method: 'POST' })).status, 200)
  writeFileSync(config, `${readFileSync(config, 'utf8')}\nprometheus.relabel "x" { forward_to = [nowhere.receiver] }\n`)
  const refused = await fetch(`http://127.0.0.1:${adminPort}/-/reload`, { method: 'POST' })
  assert.equal(refused.status, 400)
  assert.match(await refused.text(), /nowhere/)
  const before = await gaps(prometheus)
  await eventually('five more scrapes', async () => (await gaps(prometheus)).count >= before.count + 5 || undefined)
  const { longest } = await gaps(prometheus)
  // One that was missed would make it two seconds; a busy machine is late by less.
  assert.ok(longest < 1.9, `a gap of ${longest} s`)
  await nodeCounts(adminPort)
  assert.equal(await solder.stop(), 0)
  const left = readdirSync(storage, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  assert.deepEqual(
    left.map((entry) => entry.name),
    [],
    'a backend that was there leaves nothing on disk',
  )
})

test('an outage with an orderly restart in the middle leaves no gap', { skip, timeout: 240_000 }, async (t) => {
  const { prometheus, start } = await bench(t)
  let solder = await start()
  await eventually('samples arrive', async () => (await gaps(prometheus)).count >= 3 || undefined)
  await prometheus.stop()
  const outageMs = Number(process.env['SOLDER_OUTAGE_MS'] ?? 20_000)
  await new Promise((resolve) => setTimeout(resolve, outageMs / 2))
  assert.equal(await solder.stop(), 0)
  solder = await start()
  await new Promise((resolve) => setTimeout(resolve, outageMs / 2))
  await prometheus.start()
  const backAt = Date.now() / 1000
  await eventually('all is caught up', async () => (await gaps(prometheus)).last >= backAt + 3 || undefined, 60_000)
  const { longest, count, first, last } = await gaps(prometheus)
  // The restart itself takes a moment in which nobody scrapes.
  assert.ok(longest <= 4, `a gap of ${longest} s`)
  assert.ok(count >= last - first - 4, `${count} samples in ${last - first} s`)
  assert.doesNotMatch(prometheus.output, /out of order|duplicate/i)
  assert.equal(await solder.stop(), 0)
})

test(
  'with durability always a SIGKILL in an outage loses nothing that was taken',
  { skip, timeout: 240_000 },
  async (t) => {
    const { prometheus, start } = await bench(t)
    let solder = await start('--storage.durability=always')
    await eventually('samples arrive', async () => (await gaps(prometheus)).count >= 3 || undefined)
    await prometheus.stop()
    await new Promise((resolve) => setTimeout(resolve, 8000))
    const killedAt = Date.now() / 1000
    await solder.stop('SIGKILL')
    solder = await start('--storage.durability=always')
    await new Promise((resolve) => setTimeout(resolve, 3000))
    await prometheus.start()
    const backAt = Date.now() / 1000
    await eventually('all is caught up', async () => (await gaps(prometheus)).last >= backAt + 2 || undefined, 60_000)
    const [up] = await prometheus.samples('up{job="integrations/node_exporter"}')
    const before = (up?.values ?? []).map(([time]) => time).filter((time) => time <= killedAt)
    for (let i = 1; i < before.length; i++) {
      assert.ok((before[i] as number) - (before[i - 1] as number) < 1.9, `a gap before ${before[i]}`)
    }
    assert.ok(
      killedAt - (before.at(-1) as number) < 1.9,
      `the last sample is ${killedAt - (before.at(-1) as number)} s older than the kill`,
    )
    assert.equal(await solder.stop(), 0)
  },
)
