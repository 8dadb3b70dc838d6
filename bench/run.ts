// Benchmarks of the whole program beside other collectors, in one run, interleaved.
//
//   npm run bench -- scrape [--rounds 3] [--seconds 20] [--other 'NAME=COMMAND with @CONFIG@ and @STORAGE@']
//   npm run bench -- host   [--seconds 120]
//   npm run bench -- start  [--rounds 5]
//   npm run bench -- tail   [--rounds 3] [--mb 200] [--only 'json'] [--other '…']
//   npm run bench -- gateway [--rounds 3] [--seconds 3] [--warm 2] [--only 'traces, gRPC'] [--compression gzip] [--other '…']
import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { freePort } from '#component/test_host'
import { gateway } from './gateway.ts'
import { tail } from './tail.ts'
import {
  Backend,
  cpuSeconds,
  directoryBytes,
  median,
  memory,
  sleep,
  startCollector,
  stopCollector,
  writtenBytes,
} from './processes.ts'

const root = join(import.meta.dirname, '..')
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '20' },
    warm: { type: 'string', default: '10' },
    targets: { type: 'string', default: '20' },
    series: { type: 'string', default: '5000' },
    other: { type: 'string', multiple: true, default: [] },
    only: { type: 'string', default: '' },
    mb: { type: 'string', default: '200' },
    compression: { type: 'string', default: 'none' },
  },
})
const rounds = Number(options.rounds)
const seconds = Number(options.seconds)

interface Contender {
  readonly name: string
  command(directory: string, adminPort: number): readonly string[]
}

function solder(name: string, config: (directory: string) => string): Contender {
  return {
    name,
    command(directory, adminPort) {
      const file = join(directory, 'config.alloy')
      writeFileSync(file, config(directory))
      return [
        join(root, 'distro/solder'),
        'run',
        `--server.http.listen-addr=127.0.0.1:${adminPort}`,
        `--storage.path=${join(directory, 'storage')}`,
        file,
      ]
    },
  }
}

const dropRule = 'bench_family_[0-9]*[0-3]_requests_total'

function scrapeAlloy(port: number, targets: number, protocol: string): string {
  const list = Array.from(
    { length: targets },
    (_, i) => `{"__address__" = "127.0.0.1:${port}", "__metrics_path__" = "/metrics/${i}", "instance" = "t${i}"}`,
  )
  return `
prometheus.scrape "b" {
  targets         = [${list.join(', ')}]
  forward_to      = [prometheus.relabel.b.receiver]
  scrape_interval = "2s"
  scrape_timeout  = "2s"
}
prometheus.relabel "b" {
  forward_to = [prometheus.remote_write.b.receiver]
  rule {
    source_labels = ["__name__"]
    regex         = "${dropRule}"
    action        = "drop"
  }
}
prometheus.remote_write "b" {
  endpoint {
    url              = "http://127.0.0.1:${port}/api/v1/write"
    protobuf_message = "${protocol}"
  }
}
`
}

function prometheusAgent(port: number, targets: number): Contender {
  return {
    name: 'prometheus agent',
    command(directory, adminPort) {
      const file = join(directory, 'prometheus.yml')
      const jobs = Array.from(
        { length: targets },
        (_, i) => `
  - job_name: b${i}
    metrics_path: /metrics/${i}
    static_configs: [{ targets: ['127.0.0.1:${port}'], labels: { instance: t${i} } }]
    metric_relabel_configs: [{ source_labels: [__name__], regex: '${dropRule}', action: drop }]`,
      )
      writeFileSync(
        file,
        `global: { scrape_interval: 2s, scrape_timeout: 2s }\nscrape_configs:${jobs.join('')}\nremote_write: [{ url: 'http://127.0.0.1:${port}/api/v1/write' }]\n`,
      )
      return [
        'prometheus',
        '--enable-feature=agent',
        `--config.file=${file}`,
        `--storage.agent.path=${join(directory, 'storage')}`,
        `--web.listen-address=127.0.0.1:${adminPort}`,
        '--log.level=error',
      ]
    },
  }
}

function others(config: (directory: string) => string): Contender[] {
  return (options.other as string[]).map((text) => {
    const cut = text.indexOf('=')
    return {
      name: text.slice(0, cut),
      command(directory, adminPort) {
        const file = join(directory, 'config.alloy')
        writeFileSync(file, config(directory))
        const filled = text
          .slice(cut + 1)
          .replaceAll('@CONFIG@', file)
          .replaceAll('@STORAGE@', join(directory, 'storage'))
        return filled.replaceAll('@PORT@', String(adminPort)).split(' ')
      },
    }
  })
}

interface Measure {
  readonly cpuPerSampleUs: number
  readonly resident: number
  readonly private: number
  readonly peak: number
  readonly bytesPerSample: number
  readonly samples: number
}

/** One contender, alone: warm up, then measure for a while. */
async function measureScrape(contender: Contender, backend: Backend, series: number): Promise<Measure> {
  const directory = mkdtempSync(join(tmpdir(), 'solder-bench-'))
  mkdirSync(join(directory, 'storage'))
  const child = startCollector(contender.command(directory, await freePort()))
  try {
    await sleep(Number(options.warm) * 1000)
    const pid = child.pid ?? 0
    const [before, cpuBefore] = [await backend.stats(), cpuSeconds(pid)]
    await sleep(seconds * 1000)
    const [after, cpuAfter] = [await backend.stats(), cpuSeconds(pid)]
    const samples = (after.scrapes - before.scrapes) * series
    const used = memory(pid)
    return {
      ...used,
      cpuPerSampleUs: ((cpuAfter - cpuBefore) / samples) * 1e6,
      // Four in ten are dropped on the way.
      bytesPerSample: (after.bytes - before.bytes) / (samples * 0.6),
      samples,
    }
  } finally {
    await stopCollector(child)
    rmSync(directory, { recursive: true, force: true })
  }
}

async function scrape(): Promise<void> {
  const targets = Number(options.targets)
  const series = Number(options.series)
  const backend = await Backend.start(targets, series)
  try {
    const config = (protocol: string) => () => scrapeAlloy(backend.port, targets, protocol)
    const contenders = [
      solder('solder, remote write 1.0', config('prometheus.WriteRequest')),
      solder('solder, remote write 2.0', config('io.prometheus.write.v2.Request')),
      prometheusAgent(backend.port, targets),
      ...others(config('prometheus.WriteRequest')),
    ].filter(({ name }) => name.includes(options.only))
    const results = new Map<string, Measure[]>(contenders.map(({ name }) => [name, []]))
    for (let round = 0; round < rounds; round++) {
      for (const contender of contenders) {
        const measure = await measureScrape(contender, backend, series)
        results.get(contender.name)?.push(measure)
        process.stderr.write(`round ${round + 1} ${contender.name}: ${JSON.stringify(measure)}\n`)
      }
    }
    process.stdout.write(
      `${targets} targets of ${series} series every 2 s, 40% dropped by one rule; medians of ${rounds} rounds of ${seconds} s\n\n`,
    )
    process.stdout.write(
      '| | CPU a sample (µs) | against the agent | resident (MB) | private (MB) | peak (MB) | bytes a sample sent |\n|---|---|---|---|---|---|---|\n',
    )
    const of = (name: string, key: keyof Measure): number => median((results.get(name) ?? []).map((m) => m[key]))
    for (const { name } of contenders) {
      const ratio = of(name, 'cpuPerSampleUs') / of('prometheus agent', 'cpuPerSampleUs')
      const cells = [of(name, 'cpuPerSampleUs').toFixed(2), ratio.toFixed(2)]
      for (const key of ['resident', 'private', 'peak'] as const) cells.push(of(name, key).toFixed(0))
      cells.push(of(name, 'bytesPerSample').toFixed(1))
      process.stdout.write(`| ${name} | ${cells.join(' | ')} |\n`)
    }
  } finally {
    backend.stop()
  }
}

function hostAlloy(port: number): string {
  return `
prometheus.exporter.unix "h" { }
prometheus.scrape "h" {
  targets         = prometheus.exporter.unix.h.targets
  forward_to      = [prometheus.relabel.h.receiver]
  scrape_interval = "15s"
}
prometheus.relabel "h" {
  forward_to = [prometheus.remote_write.h.receiver]
  rule {
    source_labels = ["__name__"]
    regex         = "node_scrape_collector_.+"
    action        = "drop"
  }
}
prometheus.remote_write "h" {
  endpoint {
    url = "http://127.0.0.1:${port}/api/v1/write"
  }
}
`
}

/** The Pi's job: this host's metrics every 15 seconds. */
async function host(): Promise<void> {
  const backend = await Backend.start(1, 10)
  try {
    const config = (): string => hostAlloy(backend.port)
    const contenders = [solder('solder', config), ...others(config)]
    process.stdout.write(
      '| | CPU seconds an hour | resident (MB) | private (MB) | written to disk (bytes) | left in storage (bytes) |\n|---|---|---|---|---|---|\n',
    )
    for (const contender of contenders) {
      const directory = mkdtempSync(join(tmpdir(), 'solder-bench-'))
      mkdirSync(join(directory, 'storage'))
      const child = startCollector(contender.command(directory, await freePort()))
      const pid = child.pid ?? 0
      await sleep(Number(options.warm) * 1000 + 20_000)
      const [cpuBefore, writtenBefore] = [cpuSeconds(pid), writtenBytes(pid)]
      await sleep(seconds * 1000)
      const cpuAnHour = ((cpuSeconds(pid) - cpuBefore) / seconds) * 3600
      const used = memory(pid)
      const cells = [
        cpuAnHour.toFixed(1),
        used.resident.toFixed(0),
        used.private.toFixed(0),
        writtenBytes(pid) - writtenBefore,
        directoryBytes(join(directory, 'storage')),
      ]
      process.stdout.write(`| ${contender.name} | ${cells.join(' | ')} |\n`)
      await stopCollector(child)
      rmSync(directory, { recursive: true, force: true })
    }
  } finally {
    backend.stop()
  }
}

/** From the command to the first scrape that reached a target. */
async function start(): Promise<void> {
  const backend = await Backend.start(1, 100)
  const ready: number[] = []
  const times: number[] = []
  // The bundle is made before: a user's first start makes it once.
  execFileSync(join(root, 'distro/solder'), ['--version'])
  try {
    for (let round = 0; round < rounds; round++) {
      const directory = mkdtempSync(join(tmpdir(), 'solder-bench-'))
      const file = join(directory, 'config.alloy')
      writeFileSync(
        file,
        `prometheus.exporter.unix "h" { }\nprometheus.live "l" { }\nprometheus.scrape "h" {\n  targets = prometheus.exporter.unix.h.targets\n  forward_to = [prometheus.live.l.receiver]\n  scrape_interval = "1s"\n  scrape_timeout = "1s"\n}\n`,
      )
      const port = await freePort()
      const began = performance.now()
      const child = spawn(
        join(root, 'distro/solder'),
        ['run', `--server.http.listen-addr=127.0.0.1:${port}`, `--storage.path=${directory}`, file],
        { stdio: 'ignore' },
      )
      while (performance.now() - began < 20_000) {
        const answer = await fetch(`http://127.0.0.1:${port}/-/ready`).catch(() => undefined)
        if (answer?.ok) break
        await sleep(5)
      }
      ready.push(performance.now() - began)
      while (performance.now() - began < 20_000) {
        const text = await fetch(`http://127.0.0.1:${port}/live/metrics`).then(
          (r) => r.text(),
          () => '',
        )
        if (text.includes('node_load1 ') || text.includes('node_load1{')) break
        await sleep(10)
      }
      times.push(performance.now() - began)
      await stopCollector(child)
      rmSync(directory, { recursive: true, force: true })
    }
    const list = (values: readonly number[]): string => values.map((value) => value.toFixed(0)).join(', ')
    process.stdout.write(
      `From the command to ready: median ${median(ready).toFixed(0)} ms of ${rounds}: ${list(ready)}\n`,
    )
    process.stdout.write(
      `To the first sample (the scrape's offset in its interval of 1 s included): median ${median(times).toFixed(0)} ms: ${list(times)}\n`,
    )
  } finally {
    backend.stop()
  }
}

/** Lines of a file to Loki. */
async function tailed(): Promise<void> {
  let config = ''
  const contenders = [solder('solder', () => config), ...others(() => config)].map(({ name, command }) => ({
    name,
    command(directory: string, adminPort: number, text: string) {
      config = text
      return command(directory, adminPort)
    },
  }))
  // The bundle is made before: a user's first start makes it once.
  execFileSync(join(root, 'distro/solder'), ['--version'])
  await tail(contenders, { megabytes: Number(options.mb), rounds, only: options.only })
}

const benches: Readonly<Record<string, () => Promise<void>>> = {
  scrape,
  host,
  start,
  tail: tailed,
  gateway: () =>
    gateway({
      rounds,
      seconds,
      warmSeconds: Number(options.warm),
      others: options.other,
      only: options.only,
      compression: options.compression,
    }),
}
const bench = benches[positionals[0] ?? 'scrape']
if (!bench) throw new Error(`Cannot run ${positionals[0]}: there are ${Object.keys(benches).join(', ')}`)
await bench()
