// Workers as a user has them: processes, sockets, files and signals, all real.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { eventually, freePort } from '#component/test_host'
import { readTracesRequest, tracesTree } from '#pdata/otlp'

const main = join(import.meta.dirname, 'main.ts')
const waitMs = 90_000

/** Takes spans, or is away; keeps what it got. */
class Backend {
  readonly names: string[] = []
  readonly marks = new Map<string, number>()
  away = false
  readonly #server: Server

  constructor() {
    this.#server = createServer((incoming, response) => {
      const chunks: Buffer[] = []
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
      incoming.on('end', () => {
        if (this.away) {
          response.writeHead(503).end()
          return
        }
        for (const { scopeSpans } of tracesTree(readTracesRequest(Buffer.concat(chunks), null)).resourceSpans) {
          for (const span of scopeSpans.flatMap(({ spans }) => spans)) {
            this.names.push(span.name)
            const mark = span.attributes.find(({ key }) => key === 'mark')?.value
            if (typeof mark === 'string') this.marks.set(mark, (this.marks.get(mark) ?? 0) + 1)
          }
        }
        response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end()
      })
    })
  }

  async start(t: TestContext): Promise<number> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    t.after(() => {
      this.#server.closeAllConnections()
      this.#server.close()
    })
    return (this.#server.address() as AddressInfo).port
  }
}

interface Place {
  readonly directory: string
  readonly backend: Backend
  readonly http: number
  readonly own: number
  write(mark: string, more?: string): void
}

async function place(t: TestContext): Promise<Place> {
  const directory = mkdtempSync(join(tmpdir(), 'solder-workers-'))
  t.after(() => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }))
  const backend = new Backend()
  const port = await backend.start(t)
  const [http, own] = [await freePort(), await freePort()]
  const write = (mark: string, more = ''): void => {
    writeFileSync(
      join(directory, 'config.yaml'),
      `
receivers:
  otlp: {protocols: {http: {endpoint: 127.0.0.1:${http}}}}
processors:
  batch: {timeout: 50ms}
  attributes: {actions: [{key: mark, value: ${mark}, action: upsert}]}
exporters:
  otlphttp: {endpoint: 'http://127.0.0.1:${port}', compression: none, retry_on_failure: {initial_interval: 100ms, max_interval: 1s, max_elapsed_time: 0s}}
service:
  telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: ${own}}}}}]}}
  pipelines: {traces: {receivers: [otlp], processors: [attributes, batch], exporters: [otlphttp]}}
${more}`,
    )
  }
  write('first')
  return { directory, backend, http, own, write }
}

class Collector {
  readonly child: ChildProcess
  said = ''
  readonly #ended: Promise<number | null>

  constructor(t: TestContext, { directory }: Place, ...flags: readonly string[]) {
    const args = [main, `--config=${join(directory, 'config.yaml')}`, `--storage.path=${join(directory, 'storage')}`]
    this.child = spawn(process.execPath, [...args, ...flags], { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on('data', (data: Buffer) => void (this.said += data.toString()))
    }
    this.#ended = once(this.child, 'close').then(([code]) => code as number | null)
    t.after(() => this.child.kill('SIGKILL'))
  }

  async saw(what: RegExp, times = 1): Promise<void> {
    const all = new RegExp(what.source, 'g')
    const end = performance.now() + waitMs
    while ((this.said.match(all) ?? []).length < times) {
      if (performance.now() > end || this.child.exitCode !== null)
        throw new Error(`never said ${what.source}:\n${this.said}`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  /** Processes that this one started. */
  workers(): number[] {
    const pid = this.child.pid as number
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
  }

  async stop(): Promise<number | null> {
    this.child.kill('SIGTERM')
    return this.#ended
  }
}

/** One span over a connection of its own, so that the kernel deals them out over the processes; the status. */
function send(port: number, name: string): Promise<number> {
  const body = JSON.stringify({
    resourceSpans: [
      { scopeSpans: [{ spans: [{ traceId: '5b8efff798038103d269b633813fc60c', spanId: 'eee19b7ec3c1b174', name }] }] },
    ],
  })
  return new Promise((resolve) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
    const options = { host: '127.0.0.1', port, path: '/v1/traces', method: 'POST', agent: new Agent(), headers }
    const sent = request(options, (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0))
    })
    sent.on('error', () => resolve(0))
    sent.end(body)
  })
}

/** Names of the spans that were acknowledged. */
async function sendMany(port: number, prefix: string, count: number): Promise<string[]> {
  const names = Array.from({ length: count }, (_, at) => `${prefix}-${at}`)
  const taken: string[] = []
  for (const name of names) if ((await send(port, name)) === 200) taken.push(name)
  return taken
}

async function metric(port: number, pattern: RegExp): Promise<number> {
  const text = await fetch(`http://127.0.0.1:${port}/metrics`).then((answer) => answer.text())
  return Number(pattern.exec(text)?.[1] ?? Number.NaN)
}

const accepted = /^otelcol_receiver_accepted_spans(?:_total)?\{[^}]*transport="http"[^}]*\} (\S+)$/m

test('every span arrives once, counters are of all processes, a reload is of all or of none', async (t) => {
  const here = await place(t)
  const collector = new Collector(t, here, '--workers=3')
  await collector.saw(/Everything is ready/)
  assert.equal(collector.workers().length, 2)
  const first = await sendMany(here.http, 'a', 60)
  assert.equal(first.length, 60)
  await eventually('all spans are there', () => here.backend.names.length >= 60)
  assert.deepEqual(here.backend.names.toSorted(), first.toSorted())
  assert.equal(await metric(here.own, accepted), 60)

  here.write('second')
  collector.child.kill('SIGHUP')
  // Each of the three says so.
  await collector.saw(/Reloaded the configuration/, 3)
  await sendMany(here.http, 'b', 60)
  await eventually('all spans are there', () => here.backend.names.length >= 120)
  assert.deepEqual(Object.fromEntries(here.backend.marks), { first: 60, second: 60 })

  here.write('third', 'exporters: {otlphttp: {endpoint: 7}}')
  collector.child.kill('SIGHUP')
  await collector.saw(/Cannot reload the configuration/)
  await sendMany(here.http, 'c', 30)
  await eventually('all spans are there', () => here.backend.names.length >= 150)
  assert.deepEqual(Object.fromEntries(here.backend.marks), { first: 60, second: 90 })
  assert.equal(await metric(here.own, accepted), 150)
  assert.equal(await collector.stop(), 0)
})

test('a worker that ends is started again, and its counts stay', async (t) => {
  const here = await place(t)
  const collector = new Collector(t, here, '--workers=2')
  await collector.saw(/Everything is ready/)
  await sendMany(here.http, 'a', 40)
  await eventually('all spans are there', () => here.backend.names.length >= 40)
  assert.equal(await metric(here.own, accepted), 40)
  const [worker] = collector.workers()
  process.kill(worker as number, 'SIGKILL')
  await collector.saw(/A worker ended; it is started again/)
  await eventually('another one runs', () => collector.workers().length === 1 && collector.workers()[0] !== worker)
  await collector.saw(/Receiving OTLP/, 3)
  const later = await sendMany(here.http, 'b', 40)
  assert.equal(later.length, 40)
  await eventually('all spans are there', () => here.backend.names.length >= 80)
  assert.equal(await metric(here.own, accepted), 80)
  assert.equal(await collector.stop(), 0)
})

test('SIGTERM drains all processes, and what they could not send goes on with fewer of them', async (t) => {
  const here = await place(t)
  here.backend.away = true
  const collector = new Collector(t, here, '--workers=3', '--shutdown-deadline=3s')
  await collector.saw(/Everything is ready/)
  const taken = await sendMany(here.http, 'a', 60)
  assert.equal(taken.length, 60)
  assert.equal(await collector.stop(), 0)
  const storage = join(here.directory, 'storage')
  const directories = readdirSync(storage).filter((name) => name.startsWith('worker-'))
  assert.ok(directories.length > 0, 'no worker kept anything')

  here.backend.away = false
  const again = new Collector(t, here)
  await again.saw(/Everything is ready/)
  await eventually('all spans are there', () => here.backend.names.length >= 60)
  await eventually('nothing is left', () => directories.every((name) => !existsSync(join(storage, name))))
  assert.deepEqual(here.backend.names.toSorted(), taken.toSorted())
  assert.equal(again.workers().length, 0)
  assert.equal(await again.stop(), 0)
})

test('a pipeline that keeps state stays with the main process, which says so', async (t) => {
  const here = await place(t)
  here.write('first', '')
  const path = join(here.directory, 'config.yaml')
  const text = readFileSync(path, 'utf8')
    .replace('  batch: {timeout: 50ms}', '  batch: {timeout: 50ms}\n  delta_to_cumulative: {}')
    .replace(/pipelines: .*/, (line) =>
      line.replace(
        'pipelines: {',
        'pipelines: {metrics: {receivers: [otlp], processors: [delta_to_cumulative], exporters: [otlphttp]}, ',
      ),
    )
  writeFileSync(path, text)
  const collector = new Collector(t, here, '--workers=2')
  await collector.saw(/A receiver stays with the main process.*delta_to_cumulative/)
  await collector.saw(/Everything is ready/)
  assert.equal(collector.workers().length, 0)
  const taken = await sendMany(here.http, 'a', 10)
  await eventually('all spans are there', () => here.backend.names.length >= 10)
  assert.deepEqual(here.backend.names.toSorted(), taken.toSorted())
  assert.equal(await collector.stop(), 0)
})

test("Alloy's language: one admin server shows the counters of all", async (t) => {
  const here = await place(t)
  const admin = await freePort()
  const backend = readFileSync(join(here.directory, 'config.yaml'), 'utf8').match(/http:\/\/127.0.0.1:\d+/)?.[0]
  writeFileSync(
    join(here.directory, 'config.alloy'),
    `
otelcol.receiver.otlp "in" {
  http { endpoint = "127.0.0.1:${here.http}" }
  output { traces = [otelcol.exporter.otlphttp.out.input] }
}
otelcol.exporter.otlphttp "out" {
  client {
    endpoint    = "${backend}"
    compression = "none"
  }
}
`,
  )
  const args = ['run', '--workers=2', `--server.http.listen-addr=127.0.0.1:${admin}`, '--storage.path=storage']
  const child = spawn(process.execPath, [main, ...args, 'config.alloy'], { cwd: here.directory, stdio: 'ignore' })
  t.after(() => child.kill('SIGKILL'))
  const get = (path: string): Promise<string> =>
    fetch(`http://127.0.0.1:${admin}${path}`).then(
      (answer) => answer.text(),
      () => '',
    )
  await eventually('it is ready', async () => (await get('/-/ready')).includes('is ready'))
  const taken = await sendMany(here.http, 'a', 50)
  assert.equal(taken.length, 50)
  interface Node {
    readonly id: string
    readonly counters: { readonly in: number; readonly out: number; readonly waiting: number }
  }
  const counters = async (id: string): Promise<Node['counters'] | undefined> =>
    (JSON.parse(await get('/api/v0/web/graph')) as { nodes: Node[] }).nodes.find((node) => node.id === id)?.counters
  await eventually('all are delivered', async () => (await counters('otelcol.exporter.otlphttp.out'))?.out === 50)
  assert.equal((await counters('otelcol.receiver.otlp.in'))?.in, 50)
  assert.match(await get('/metrics'), /^otelcol_receiver_accepted_spans_total\{.*transport="http".*\} 50$/m)
  assert.deepEqual(here.backend.names.toSorted(), taken.toSorted())
  assert.equal((await fetch(`http://127.0.0.1:${admin}/-/reload`, { method: 'POST' })).status, 200)
  child.kill('SIGTERM')
  assert.deepEqual(await once(child, 'exit'), [0, null])
})

const refused = ['0', '1.5', 'many', '257']
for (const count of refused) {
  test(`--workers=${count} is refused`, async (t) => {
    const here = await place(t)
    const collector = new Collector(t, here, `--workers=${count}`)
    await eventually('it ends', () => collector.child.exitCode !== null)
    assert.equal(collector.child.exitCode, 1)
    assert.match(collector.said, /invalid argument .* for "--workers" flag: it is a whole number from 1 to 256/)
  })
}
