// Benchmarks of the whole program beside other collectors, in one run, interleaved.
//
//   npm run bench -- scrape [--rounds 3] [--seconds 20] [--other 'NAME=COMMAND with @CONFIG@ and @STORAGE@']
//   npm run bench -- host   [--seconds 120]
//   npm run bench -- executable [--rounds 5] [--seconds 20] [--other 'NAME=COMMAND with @CONFIG@ or @YAML@, and @PORT@']
//   npm run bench -- tail   [--rounds 3] [--mb 200] [--only 'json'] [--other '…']
//   --executable dist/solder-VERSION-PLATFORM    (scrape, host, executable, tail): that beside the tree
//   npm run bench -- gateway [--rounds 3] [--seconds 3] [--warm 2] [--only 'traces, gRPC'] [--compression gzip] [--variants 'transform,filter'] [--other '…']
import { execFileSync } from 'node:child_process'
import { globSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { freePort } from '#component/test_host'
import { executable, type ExecutableContender } from './executable.ts'
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
const launcher = join(root, 'distro', 'solder')
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '20' },
    warm: { type: 'string', default: '10' },
    targets: { type: 'string', default: '20' },
    series: { type: 'string', default: '5000' },
    other: { type: 'string', multiple: true, default: [] },
    executable: { type: 'string' },
    only: { type: 'string', default: '' },
    mb: { type: 'string', default: '200' },
    compression: { type: 'string', default: 'none' },
    variants: { type: 'string', default: 'untouched,attributes' },
  },
})
const rounds = Number(options.rounds)
const seconds = Number(options.seconds)

interface Contender {
  readonly name: string
  command(directory: string, adminPort: number): readonly string[]
}

function solder(name: string, config: (directory: string) => string, program = launcher): Contender {
  return {
    name,
    command(directory, adminPort) {
      const file = join(directory, 'config.alloy')
      writeFileSync(file, config(directory))
      return [
        program,
        'run',
        `--server.http.listen-addr=127.0.0.1:${adminPort}`,
        `--storage.path=${join(directory, 'storage')}`,
        file,
      ]
    },
  }
}

/** The tree, and the single executable where one is given, with its size. */
function solders(name: string, config: (directory: string) => string): Contender[] {
  const { executable } = options
  if (executable === undefined) return [solder(name, config)]
  const program = resolve(executable)
  const megabytes = (statSync(program).size / 2 ** 20).toFixed(0)
  return [solder(name, config), solder(`${name}, one file of ${megabytes} MB`, config, program)]
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
      ...solders('solder, remote write 1.0', config('prometheus.WriteRequest')),
      ...solders('solder, remote write 2.0', config('io.prometheus.write.v2.Request')),
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
    const contenders = [...solders('solder', config), ...others(config)]
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

/** The tree, the single executable, and others in either language: Solder in the collector's too, where one of them is. */
async function executables(): Promise<void> {
  const alloyFlags = (directory: string, port: number): string[] => [
    `--server.http.listen-addr=127.0.0.1:${port}`,
    `--storage.path=${join(directory, 'storage')}`,
  ]
  const written = (directory: string, name: string, text: string): string => {
    writeFileSync(join(directory, name), text)
    return join(directory, name)
  }
  const solderOf = (name: string, program: string, files: readonly string[]): ExecutableContender[] => [
    {
      name,
      files,
      readyPath: '/-/ready',
      command: (directory, port, { alloy }) => {
        return [program, 'run', ...alloyFlags(directory, port), written(directory, 'config.alloy', alloy)]
      },
    },
    {
      name: `${name}, the collector's language`,
      files,
      readyPath: '/metrics',
      command: (directory, port, { yaml }) => [program, `--config=${written(directory, 'config.yaml', yaml(port))}`],
    },
  ]
  // The bundle is made before: a user's first start makes it once.
  execFileSync(launcher, ['--version'])
  const bundle = globSync('.build/{solder.cjs,chunks/*}', { cwd: root })
  const contenders = solderOf('solder, tree', launcher, [process.execPath, ...bundle.map((file) => join(root, file))])
  if (options.executable !== undefined) {
    const program = resolve(options.executable)
    contenders.push(...solderOf('solder, one file', program, [program]))
  }
  for (const text of options.other as string[]) {
    const cut = text.indexOf('=')
    const words = text.slice(cut + 1).split(' ')
    contenders.push({
      name: text.slice(0, cut),
      files: [resolve(words[0] ?? '')],
      readyPath: text.includes('@YAML@') ? '/metrics' : '/-/ready',
      command: (directory, port, job) => {
        const fill: Readonly<Record<string, string>> = {
          '@CONFIG@': written(directory, 'config.alloy', job.alloy),
          '@YAML@': written(directory, 'config.yaml', job.yaml(port)),
          '@STORAGE@': join(directory, 'storage'),
          '@PORT@': String(port),
        }
        return words.map((word) => word.replaceAll(/@[A-Z]+@/g, (name) => fill[name] ?? name))
      },
    })
  }
  const hasYaml = options.other.some((text) => text.includes('@YAML@'))
  const wanted = contenders.filter(
    ({ name, readyPath }) => name.includes(options.only) && (hasYaml || readyPath !== '/metrics'),
  )
  await executable(wanted, { rounds, seconds })
}

/** Lines of a file to Loki. */
async function tailed(): Promise<void> {
  let config = ''
  const contenders = [...solders('solder', () => config), ...others(() => config)].map(({ name, command }) => ({
    name,
    command(directory: string, adminPort: number, text: string) {
      config = text
      return command(directory, adminPort)
    },
  }))
  // The bundle is made before: a user's first start makes it once.
  execFileSync(launcher, ['--version'])
  await tail(contenders, { megabytes: Number(options.mb), rounds, only: options.only })
}

const benches: Readonly<Record<string, () => Promise<void>>> = {
  scrape,
  host,
  executable: executables,
  tail: tailed,
  gateway: () =>
    gateway({
      rounds,
      seconds,
      warmSeconds: Number(options.warm),
      others: options.other,
      only: options.only,
      compression: options.compression,
      variants: options.variants.split(','),
    }),
}
const bench = benches[positionals[0] ?? 'scrape']
if (!bench) throw new Error(`Cannot run ${positionals[0]}: there are ${Object.keys(benches).join(', ')}`)
await bench()
