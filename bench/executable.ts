// The Pi's job as it is shipped: how large the program is, how soon it is ready and delivers, what memory it takes.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '#component/test_host'
import { Backend, cpuSeconds, median, memory, sleep, startCollector, stopCollector } from './processes.ts'

const root = join(import.meta.dirname, '..')

/** The same job in both languages: this host's metrics every second, sent to `port`. `own`: the port of its own metrics. */
export interface HostJob {
  readonly alloy: string
  yaml(own: number): string
}

export interface ExecutableContender {
  readonly name: string
  /** What a user copies; the launcher stands for Node and the bundle. */
  readonly files: readonly string[]
  /** What answers once it is ready. */
  readonly readyPath: string
  command(directory: string, adminPort: number, job: HostJob): readonly string[]
}

function hostJob(directory: string, port: number): HostJob {
  const password = join(directory, 'password')
  writeFileSync(password, 'secret')
  const url = `http://127.0.0.1:${port}/api/v1/write`
  return {
    alloy: readFileSync(join(root, 'test/testdata/host.alloy'), 'utf8')
      .replace('@PASSWORD_FILE@', password)
      .replace('@URL@', url),
    yaml: (own) => `receivers:
  host_metrics:
    collection_interval: 1s
    scrapers: { cpu: {}, disk: {}, filesystem: {}, load: {}, memory: {}, network: {}, paging: {}, processes: {} }
processors:
  batch: { timeout: 1s }
exporters:
  otlp_http: { endpoint: 'http://127.0.0.1:${port}' }
service:
  telemetry:
    metrics: { readers: [{ pull: { exporter: { prometheus: { host: 127.0.0.1, port: ${own} } } } }] }
  pipelines:
    metrics: { receivers: [host_metrics], processors: [batch], exporters: [otlp_http] }
`,
  }
}

/** Does `path` answer with 200? Without `fetch`, whose first call takes longer than what is measured here. */
function answers(port: number, path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      response.resume()
      resolve(response.statusCode === 200)
    })
    request.on('error', () => resolve(false))
  })
}

interface Measure {
  readonly readyMs: number
  /** CPU that it took until then; steadier than the time on a machine that has more to do. */
  readonly readyCpuMs: number
  readonly deliveredMs: number
  readonly resident: number
  readonly private: number
  readonly cpuMsASecond: number
}

async function measureOne(contender: ExecutableContender, backend: Backend, seconds: number): Promise<Measure> {
  const directory = mkdtempSync(join(tmpdir(), 'solder-bench-'))
  mkdirSync(join(directory, 'storage'))
  const port = await freePort()
  const command = contender.command(directory, port, hostJob(directory, backend.port))
  const { requests } = await backend.stats()
  const began = performance.now()
  const child = startCollector(command, { PROM_USERNAME: 'bench' })
  const pid = child.pid ?? 0
  const until = async (what: string, check: () => Promise<boolean>): Promise<number> => {
    while (performance.now() - began < 60_000 && child.exitCode === null) {
      if (await check()) return performance.now() - began
      await sleep(2)
    }
    throw new Error(`Cannot measure ${contender.name}: not ${what} within 60 s, or it ended`)
  }
  try {
    const readyMs = await until('ready', () => answers(port, contender.readyPath))
    const readyCpuMs = cpuSeconds(pid) * 1000
    const deliveredMs = await until('delivering', async () => (await backend.stats()).requests > requests)
    await sleep(seconds * 500)
    const before = cpuSeconds(pid)
    await sleep(seconds * 500)
    const cpuMsASecond = ((cpuSeconds(pid) - before) * 1000) / (seconds / 2)
    const { resident, private: dirty } = memory(pid)
    return { readyMs, readyCpuMs, deliveredMs, resident, private: dirty, cpuMsASecond }
  } finally {
    await stopCollector(child)
    rmSync(directory, { recursive: true, force: true })
  }
}

/** In turns; medians of the rounds. Rejects where one does not start. */
export async function executable(
  contenders: readonly ExecutableContender[],
  options: { readonly rounds: number; readonly seconds: number },
): Promise<void> {
  const backend = await Backend.start(1, 10)
  const results = new Map<ExecutableContender, Measure[]>(contenders.map((contender) => [contender, []]))
  try {
    for (let round = 0; round < options.rounds; round++) {
      for (const [contender, measures] of results) {
        const measure = await measureOne(contender, backend, options.seconds)
        measures.push(measure)
        process.stderr.write(`round ${round + 1} ${contender.name}: ${JSON.stringify(measure)}\n`)
      }
    }
  } finally {
    backend.stop()
  }
  process.stdout.write(
    `This host's metrics every second, from the command; memory after ${options.seconds} s; medians of ${options.rounds} in turns\n\n` +
      '| | size (MB) | ready (ms) | CPU until ready (ms) | delivers (ms) | resident (MB) | private (MB) | CPU a second (ms) |\n|---|---|---|---|---|---|---|---|\n',
  )
  for (const [{ name, files }, measures] of results) {
    const of = (key: keyof Measure): string => median(measures.map((measure) => measure[key])).toFixed(0)
    const megabytes = files.reduce((sum, file) => sum + statSync(file).size, 0) / 1e6
    const cells = [megabytes.toFixed(0), of('readyMs'), of('readyCpuMs'), of('deliveredMs')]
    cells.push(of('resident'), of('private'), of('cpuMsASecond'))
    process.stdout.write(`| ${name} | ${cells.join(' | ')} |\n`)
  }
}
