// Shows telemetry to people: in the program's own log, or on outputs of its own.
import { createWriteStream } from 'node:fs'
import type { Writable } from 'node:stream'
import type { Batch, Component, Count, Host, Signal } from '#component'
import { Sampler } from '#lib/sampler'
import type { Logs, Metrics, Traces } from '#pdata'
import { logsTree, metricsTree, tracesTree } from '#pdata/otlp'
import { detailedLogs, detailedMetrics, detailedTraces } from './detailed.ts'
import { normalLogs, normalMetrics, normalTraces } from './normal.ts'

export type Verbosity = 'basic' | 'normal' | 'detailed'

export interface DebugSettings {
  readonly verbosity: Verbosity
  /** Of equal messages in one second: so many, then each so-manieth (0: none). */
  readonly samplingInitial: number
  readonly samplingThereafter: number
  readonly useInternalLogger: boolean
  /** `stdout`, `stderr` or files, where the internal logger is not used. */
  readonly outputPaths: readonly string[]
}

const sampleEveryMs = 1000
/** What own metrics call the items. */
const itemNames = { traces: 'spans', metrics: 'metric_points', logs: 'log_records' } as const

type Counts = Readonly<Record<string, number>>

/** What a batch looks like: the line that counts, and the text below it unless the verbosity is basic. */
function shown(signal: Signal, batch: Batch, verbosity: Verbosity): { title: string; counts: Counts; text: string } {
  const pick = <T>(tree: T, normal: (tree: T) => string, detailed: (tree: T) => string): string =>
    verbosity === 'basic' ? '' : verbosity === 'normal' ? normal(tree) : detailed(tree)
  switch (signal) {
    case 'traces': {
      const tree = tracesTree(batch as Traces)
      const counts = { 'resource spans': tree.resourceSpans.length, spans: batch.count }
      return { title: 'Traces', counts, text: pick(tree, normalTraces, detailedTraces) }
    }
    case 'logs': {
      const tree = logsTree(batch as Logs)
      const counts = { 'resource logs': tree.resourceLogs.length, 'log records': batch.count }
      return { title: 'Logs', counts, text: pick(tree, normalLogs, detailedLogs) }
    }
    case 'metrics': {
      const tree = metricsTree(batch as Metrics)
      let metrics = 0
      for (const { scopeMetrics } of tree.resourceMetrics) for (const s of scopeMetrics) metrics += s.metrics.length
      const counts = { 'resource metrics': tree.resourceMetrics.length, metrics, 'data points': batch.count }
      return { title: 'Metrics', counts, text: pick(tree, normalMetrics, detailedMetrics) }
    }
  }
}

export class Debug implements Component {
  readonly #host: Host
  readonly #settings: DebugSettings
  readonly #sampler: Sampler
  readonly #open: (path: string) => Writable
  #outputs: Writable[] = []
  readonly #sentCounts: Partial<Record<Signal, Count>> = {}

  readonly traces = { consume: (batch: Batch) => this.#consume('traces', batch) }
  readonly metrics = { consume: (batch: Batch) => this.#consume('metrics', batch) }
  readonly logs = { consume: (batch: Batch) => this.#consume('logs', batch) }

  constructor(host: Host, settings: DebugSettings, open: (path: string) => Writable = openOutput) {
    this.#host = host
    this.#settings = settings
    this.#sampler = new Sampler(
      { tickMs: sampleEveryMs, initial: settings.samplingInitial, thereafter: settings.samplingThereafter },
      host.clock,
    )
    this.#open = open
  }

  start(): void {
    if (this.#settings.useInternalLogger) return
    this.#outputs = this.#settings.outputPaths.map((path) => {
      const output = this.#open(path)
      if (output !== process.stdout && output !== process.stderr) {
        output.on('error', (error) => this.#host.log.error('Cannot write telemetry', { path, err: error.message }))
      }
      return output
    })
  }

  /** Waits where whoever reads the output does not keep up. */
  #consume(signal: Signal, batch: Batch): void | Promise<void> {
    const { title, counts, text } = shown(signal, batch, this.#settings.verbosity)
    const full = [this.#write(title, counts), text === '' ? [] : this.#write(text, undefined)].flat()
    const done = (): void => {
      this.#host.counters.out += batch.count
      this.#sent(signal).add(batch.count)
    }
    if (full.length === 0) return done()
    return Promise.all(full.map((output) => drained(output))).then(done)
  }

  #sent(signal: Signal): Count {
    const items = itemNames[signal]
    const help = `Number of ${items} successfully sent to destination.`
    const attributes = { exporter: `debug/${this.#host.id}` }
    return (this.#sentCounts[signal] ??= this.#host.instruments.counter(
      `otelcol_exporter_sent_${items}_total`,
      help,
      attributes,
    ))
  }

  /** The outputs that want to be waited for. */
  #write(message: string, counts: Counts | undefined): Writable[] {
    if (!this.#sampler.passes(message)) return []
    if (this.#settings.useInternalLogger) {
      this.#host.log.info(message, counts)
      return []
    }
    const fields = counts
      ? `\t{${Object.entries(counts)
          .map(([name, n]) => `${JSON.stringify(name)}: ${n}`)
          .join(', ')}}`
      : ''
    return this.#outputs.filter((output) => !output.destroyed && !output.write(`${message}${fields}\n`))
  }

  async stop(): Promise<void> {
    const files = this.#outputs.filter((o) => o !== process.stdout && o !== process.stderr && !o.destroyed)
    this.#outputs = []
    await Promise.all(files.map((file) => new Promise<void>((resolve) => file.once('close', resolve).end())))
  }
}

function openOutput(path: string): Writable {
  if (path === 'stdout') return process.stdout
  if (path === 'stderr') return process.stderr
  return createWriteStream(path, { flags: 'a' })
}

function drained(output: Writable): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      output.off('drain', go).off('close', go).off('error', go)
      resolve()
    }
    output.on('drain', go).on('close', go).on('error', go)
  })
}
