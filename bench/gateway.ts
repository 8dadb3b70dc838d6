// The gateway's benchmark: OTLP in, batch, OTLP/HTTP out to a backend that takes everything; one collector at a time.
import { type ChildProcess, fork } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '#component/test_host'
import type { LoadOrder, LoadResult, LoadSignal, LoadTransport } from './gateway_load.ts'
import { Backend, cpuSeconds, median, memory, sleep, startCollector, stopCollector } from './processes.ts'

export interface GatewayOptions {
  readonly rounds: number
  /** How long each case is measured: at full speed, and again at the fixed rate. */
  readonly seconds: number
  /** How long each case is run before. */
  readonly warmSeconds: number
  /** `NAME=COMMAND with @CONFIG@ and @STORAGE@`: collectors that take the upstream collector's YAML. */
  readonly others: readonly string[]
  /** Cases whose names contain this. */
  readonly only: string
  /** What stands before `batch`: names of `variantProcessors`. */
  readonly variants: readonly string[]
  /** Of requests to the backend. */
  readonly compression: string
}

interface Case {
  readonly name: string
  readonly transport: LoadTransport
  readonly signal: LoadSignal
  readonly items: number
  /** Requests a second where latency is measured. */
  readonly rate: number
}

const root = join(import.meta.dirname, '..')
const inFlight = 16
/** Below what the slowest contender takes on one core, so that nobody's queue grows. */
const rates: Readonly<Record<number, number>> = { 10: 400, 100: 150, 1000: 25 }

const cases: readonly Case[] = [
  ...[10, 100, 1000].flatMap((items) =>
    (['grpc', 'http'] as const).map((transport) => caseOf(transport, 'traces', items)),
  ),
  caseOf('grpc', 'logs', 100),
  caseOf('grpc', 'metrics', 100),
]

function caseOf(transport: LoadTransport, signal: LoadSignal, items: number): Case {
  return {
    name: `${signal}, ${transport === 'grpc' ? 'gRPC' : 'HTTP'}, ${items}`,
    transport,
    signal,
    items,
    rate: rates[items] ?? 100,
  }
}

/** What stands before `batch`, by the name of the variant; the last ones are for traces. */
const variantProcessors: Readonly<Record<string, string>> = {
  untouched: '',
  attributes: '{actions: [{key: bench.added, value: upserted, action: upsert}]}',
  // Set, replace, delete, set on a condition, cut off.
  transform: `
    trace_statements:
      - set(span.attributes["bench.added"], "upserted")
      - replace_pattern(span.name, "[0-9]+", "N")
      - delete_key(span.attributes, "http.attribute.3")
      - set(span.status.code, 2) where span.attributes["http.attribute.1"] == "none"
      - truncate_all(span.attributes, 64)`,
  // 45 of 100 spans, by a condition on the value of one attribute.
  filter: `
    error_mode: ignore
    traces: {span: ['attributes["http.attribute.1"] < "value 5"']}`,
  // All, without a look at a span.
  'filter by resource': `
    error_mode: ignore
    traces: {span: ['resource.attributes["service.name"] == "shop"']}`,
}
type Variant = string

interface Ports {
  readonly grpc: number
  readonly http: number
  readonly own: number
}

function yaml(variant: Variant, ports: Ports, backendPort: number, compression: string): string {
  const type = variant.split(' ')[0]
  const settings = variantProcessors[variant] ?? ''
  const processors = settings === '' ? '[batch]' : `[${type}, batch]`
  const pipeline = `{receivers: [otlp], processors: ${processors}, exporters: [otlphttp]}`
  return `
receivers:
  otlp:
    protocols:
      grpc: {endpoint: 127.0.0.1:${ports.grpc}}
      http: {endpoint: 127.0.0.1:${ports.http}}
processors:
  batch: {}${settings === '' ? '' : `\n  ${type}: ${settings}`}
exporters:
  otlphttp:
    endpoint: http://127.0.0.1:${backendPort}
    compression: ${compression}
service:
  telemetry:
    logs: {level: warn}
    metrics: {readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: ${ports.own}}}}}]}
  pipelines:
    traces: ${pipeline}
    logs: ${pipeline}
    metrics: ${pipeline}
`
}

interface Contender {
  readonly name: string
  readonly command: string
}

interface Measure {
  readonly cpuPerItemUs: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly itemsPerSecond: number
  /** Of what was acknowledged, the part that the backend got. */
  readonly delivered: number
}

interface Used {
  readonly resident: number
  readonly private: number
  readonly peak: number
  /** Resident, some seconds after the load. */
  readonly rest: number
}

/** Programs that give memory back do so by then. */
const restMs = 10_000

export async function listening(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1')
      socket.on('connect', () => resolve(true)).on('error', () => resolve(false))
      socket.on('connect', () => socket.destroy())
    })
    if (open) return
    await sleep(100)
  }
  throw new Error(`Cannot measure: nothing listens on ${port} after 20 s`)
}

export function load(child: ChildProcess, order: LoadOrder): Promise<LoadResult> {
  return new Promise((resolve, reject) => {
    const ended = (): void => reject(new Error('Cannot measure: the load generator ended'))
    child.once('exit', ended)
    child.once('message', (message) => {
      child.off('exit', ended)
      resolve(message as LoadResult)
    })
    child.send(order)
  })
}

interface Running {
  readonly pid: number
  readonly ports: Ports
  readonly backend: Backend
  readonly generator: ChildProcess
}

async function measureCase(running: Running, one: Case, options: GatewayOptions): Promise<Measure> {
  const { pid, ports, backend, generator } = running
  const order = { ...one, port: one.transport === 'grpc' ? ports.grpc : ports.http, inFlight, rate: 0 }
  await load(generator, { ...order, ms: options.warmSeconds * 1000 })
  await sleep(500)
  const [before, cpuBefore] = [await backend.stats(), cpuSeconds(pid)]
  const full = await load(generator, { ...order, ms: options.seconds * 1000 })
  // What the batch processor holds goes after its timeout of 200 ms; that work belongs to the spans too.
  await sleep(500)
  const [after, cpuAfter] = [await backend.stats(), cpuSeconds(pid)]
  const paced = await load(generator, { ...order, ms: options.seconds * 1000, inFlight: 1000, rate: one.rate })
  await sleep(300)
  const items = full.requests * one.items
  if (full.failed + paced.failed > 0) process.stderr.write(`${full.failed + paced.failed} requests failed\n`)
  return {
    cpuPerItemUs: ((cpuAfter - cpuBefore) / items) * 1e6,
    p50Ms: paced.p50Ms,
    p99Ms: paced.p99Ms,
    itemsPerSecond: items / options.seconds,
    delivered: (after.bytes - before.bytes) / full.bytes,
  }
}

class Results {
  readonly #measures = new Map<string, Measure[]>()
  readonly #used = new Map<string, Used[]>()
  readonly #contenders: readonly string[]
  readonly #variants: readonly string[]

  constructor(contenders: readonly string[], variants: readonly string[]) {
    this.#contenders = contenders
    this.#variants = variants
  }

  add(contender: string, variant: Variant, name: string, measure: Measure): void {
    const key = `${contender}|${variant}|${name}`
    this.#measures.set(key, [...(this.#measures.get(key) ?? []), measure])
  }

  use(contender: string, variant: Variant, used: Used): void {
    const key = `${contender}|${variant}`
    this.#used.set(key, [...(this.#used.get(key) ?? []), used])
  }

  print(chosen: readonly Case[]): void {
    const out: string[] = [
      '| | | CPU an item (µs) | against the last | p50 (ms) | p99 (ms) | items a second | delivered |',
      '|---|---|---|---|---|---|---|---|',
    ]
    const last = this.#contenders.at(-1) ?? ''
    for (const variant of this.#variants) {
      for (const { name } of chosen) {
        for (const contender of this.#contenders) {
          const of = (who: string, key: keyof Measure): number =>
            median((this.#measures.get(`${who}|${variant}|${name}`) ?? []).map((measure) => measure[key]))
          const cpu = of(contender, 'cpuPerItemUs')
          const cells = [
            cpu.toFixed(2),
            (cpu / of(last, 'cpuPerItemUs')).toFixed(2),
            of(contender, 'p50Ms').toFixed(1),
            of(contender, 'p99Ms').toFixed(1),
            of(contender, 'itemsPerSecond').toFixed(0),
            of(contender, 'delivered').toFixed(3),
          ]
          out.push(`| ${name}, ${variant} | ${contender} | ${cells.join(' | ')} |`)
        }
      }
    }
    out.push(
      '',
      '| | | resident (MB) | private (MB) | peak (MB) | resident 10 s later (MB) |',
      '|---|---|---|---|---|---|',
    )
    for (const variant of this.#variants) {
      for (const contender of this.#contenders) {
        const all = this.#used.get(`${contender}|${variant}`) ?? []
        const keys = ['resident', 'private', 'peak', 'rest'] as const
        const cells = keys.map((key) => median(all.map((u) => u[key])).toFixed(0))
        out.push(`| ${variant} | ${contender} | ${cells.join(' | ')} |`)
      }
    }
    process.stdout.write(`${out.join('\n')}\n`)
  }
}

/** One contender, alone, through all cases. */
async function measureContender(
  { name, command }: Contender,
  variant: Variant,
  chosen: readonly Case[],
  options: GatewayOptions,
  backend: Backend,
  results: Results,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'solder-bench-'))
  const ports = { grpc: await freePort(), http: await freePort(), own: await freePort() }
  const file = join(directory, 'config.yaml')
  const storage = join(directory, 'storage')
  mkdirSync(storage)
  writeFileSync(file, yaml(variant, ports, backend.port, options.compression))
  const words = command.replaceAll('@CONFIG@', file).replaceAll('@STORAGE@', storage).split(' ')
  const child = startCollector(words)
  const generator = fork(join(import.meta.dirname, 'gateway_load.ts'))
  try {
    await Promise.all([listening(ports.grpc), listening(ports.http)])
    const pid = child.pid ?? 0
    for (const one of chosen) {
      const measure = await measureCase({ pid, ports, backend, generator }, one, options)
      results.add(name, variant, one.name, measure)
      process.stderr.write(`${name}, ${one.name}, ${variant}: ${JSON.stringify(measure)}\n`)
    }
    const used = memory(pid)
    await sleep(restMs)
    results.use(name, variant, { ...used, rest: memory(pid).resident })
  } finally {
    generator.kill()
    await stopCollector(child)
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Solder, from the collector's YAML, and others; interleaved, medians of the rounds. Ratios are against the last one. */
export async function gateway(options: GatewayOptions): Promise<void> {
  const contenders: Contender[] = [
    { name: 'solder', command: `${join(root, 'distro/solder')} --config=@CONFIG@ --storage.path=@STORAGE@` },
    ...options.others.map((text) => {
      const cut = text.indexOf('=')
      return { name: text.slice(0, cut), command: text.slice(cut + 1) }
    }),
  ]
  const unknown = options.variants.filter((name) => !Object.hasOwn(variantProcessors, name))
  if (unknown.length > 0) throw new Error(`Cannot measure ${unknown.join(', ')}: there is no such variant`)
  const chosen = cases.filter(({ name }) => name.includes(options.only))
  const results = new Results(
    contenders.map(({ name }) => name),
    options.variants,
  )
  const backend = await Backend.start(1, 10)
  try {
    for (let round = 0; round < options.rounds; round++) {
      for (const variant of options.variants) {
        for (const contender of contenders) {
          await measureContender(contender, variant, chosen, options, backend, results)
        }
      }
    }
    process.stdout.write(
      `Items of ten attributes each to OTLP/HTTP (compression: ${options.compression}); ${inFlight} requests at once for CPU, a fixed rate for latency; medians of ${options.rounds} rounds of ${options.seconds} s a case\n\n`,
    )
    results.print(chosen)
  } finally {
    backend.stop()
  }
}
