// Metrics that others write into files: *.prom in a directory, in Prometheus's text format.
import { glob, readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { MetricFamily } from '#component'
import type { MetricSink } from '#component'
import type { MetricType } from '#pdata'
import type { Collector, CollectorDefinition, CollectorHost } from '../collector.ts'
import { gauge } from '../families.ts'
import { HangGuard } from '../files.ts'
import type { HostFiles } from '../files.ts'
import { labelKey, parseTextFamilies } from '../text_families.ts'
import type { TextFamily, TextMetric } from '../text_families.ts'

const mtimeFamily = gauge('node_textfile_mtime_seconds', 'Unixtime mtime of textfiles successfully read.', ['file'])
const errorFamily = gauge(
  'node_textfile_scrape_error',
  '1 if there was an error opening or reading a file, 0 otherwise',
)

/** The directory may be on a network mount: longer than this, and it counts as not there. */
const timeoutMs = 5000
/** A larger file is refused: at 100 bytes a sample, that is 600 000 samples. */
const fileBytesMax = 64 << 20

/** A file as last read, kept while its times, size and inode stay the same. */
interface ReadFile {
  readonly identity: string
  readonly mtimeSeconds: number
  readonly families: readonly TextFamily[]
}

/** A family over all files. */
interface Merged {
  readonly type: TextFamily['type']
  help: string | undefined
  readonly files: string[]
  readonly metrics: TextMetric[]
}

class TextfileCollector implements Collector {
  readonly name = 'textfile'
  readonly waits = true
  readonly #directory: string
  readonly #host: CollectorHost
  readonly #guard: HangGuard
  #read: Map<string, ReadFile>
  #families: Map<string, MetricFamily>
  #lastErrors: string

  constructor(directory: string, host: CollectorHost) {
    this.#directory = directory
    this.#host = host
    this.#guard = new HangGuard(timeoutMs, host.clock)
    this.#read = new Map()
    this.#families = new Map()
    this.#lastErrors = ''
  }

  async collect(sink: MetricSink, _files: HostFiles, signal: AbortSignal): Promise<void> {
    const errors: string[] = []
    const merged = new Map<string, Merged>()
    const read = new Map<string, ReadFile>()
    for (const path of await this.#paths(errors, signal)) {
      try {
        const file = await this.#readFile(path, signal)
        read.set(path, file)
        for (const family of file.families) merge(merged, family, path, errors)
      } catch (error) {
        errors.push(`${path}: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
    this.#read = read
    this.#addFamilies(sink, merged, errors)
    for (const [path, file] of read) sink.sample(mtimeFamily, file.mtimeSeconds, path)
    sink.sample(errorFamily, errors.length > 0 ? 1 : 0)
    this.#logErrors(errors)
  }

  /** The files to read, sorted within each directory. */
  async #paths(errors: string[], signal: AbortSignal): Promise<string[]> {
    const paths: string[] = []
    if (this.#directory === '') return paths
    for (const directory of await this.#directories(signal)) {
      try {
        const names = await this.#guard.run(() => readdir(directory), signal)
        for (const name of names.sort()) if (name.endsWith('.prom')) paths.push(join(directory, name))
      } catch (error) {
        errors.push(`${directory}: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
    return paths
  }

  async #directories(signal: AbortSignal): Promise<string[]> {
    if (!/[*?[]/.test(this.#directory)) return [this.#directory]
    const found = await this.#guard.run(() => Array.fromAsync(glob(this.#directory)), signal)
    return found.length === 0 ? [this.#directory] : found.sort()
  }

  async #readFile(path: string, signal: AbortSignal): Promise<ReadFile> {
    const { mtimeNs, ctimeNs, size, ino, mtimeMs } = await this.#guard.run(() => stat(path, { bigint: true }), signal)
    const identity = `${mtimeNs} ${ctimeNs} ${size} ${ino}`
    const known = this.#read.get(path)
    if (known?.identity === identity) return known
    if (size > fileBytesMax) throw new Error(`larger than ${fileBytesMax} bytes: current value is ${size}`)
    const text = await this.#guard.run(() => readFile(path, 'utf8'), signal)
    const { families, hasTimestamps } = parseTextFamilies(text)
    if (hasTimestamps) throw new Error('it has timestamps, which are not supported')
    return { identity, mtimeSeconds: Math.floor(Number(mtimeMs) / 1000), families }
  }

  #addFamilies(sink: MetricSink, merged: ReadonlyMap<string, Merged>, errors: string[]): void {
    const families = new Map<string, MetricFamily>()
    for (const [name, { type, help, files, metrics }] of merged) {
      const labelNames = [...new Set(metrics.flatMap((metric) => [...metric.labels.keys()]))].sort()
      const fullHelp = help ?? `Metric read from ${files.join(', ')}`
      const family = this.#family(name, type, fullHelp, labelNames)
      families.set(name, family)
      const seen = new Set<string>()
      for (const metric of metrics) {
        const key = labelKey(metric.labels)
        if (seen.has(key)) errors.push(`${name} stands there twice with the same labels`)
        else addMetric(sink, family, type, metric)
        seen.add(key)
      }
    }
    this.#families = families
  }

  /** The same object as at the last scrape, while nothing about it changed. */
  #family(name: string, type: TextFamily['type'], help: string, labelNames: readonly string[]): MetricFamily {
    const metricType: MetricType = type === 'untyped' ? 'unknown' : type
    const known = this.#families.get(name)
    const isSame = known?.type === metricType && known.help === help && known.labelNames.join() === labelNames.join()
    return known && isSame ? known : new MetricFamily(name, metricType, help, labelNames)
  }

  #logErrors(errors: readonly string[]): void {
    const text = errors.slice(0, 10).join('; ')
    if (text !== '' && text !== this.#lastErrors) {
      this.#host.log.error('Files with metrics could not be read in full.', { errors: text })
    }
    this.#lastErrors = text
  }
}

/** The first help text counts; a family that says something else, or is of another type, is left out. */
function merge(merged: Map<string, Merged>, family: TextFamily, path: string, errors: string[]): void {
  const known = merged.get(family.name)
  if (!known) {
    merged.set(family.name, { type: family.type, help: family.help, files: [path], metrics: [...family.metrics] })
    return
  }
  if (known.type !== family.type) {
    errors.push(`${path}: ${family.name} is a ${family.type} here, a ${known.type} in ${known.files[0]}`)
    return
  }
  if (known.help !== undefined && family.help !== undefined && known.help !== family.help) {
    errors.push(`${path}: ${family.name} has another help text than in ${known.files[0]}`)
    return
  }
  known.help ??= family.help
  known.files.push(path)
  known.metrics.push(...family.metrics)
}

function addMetric(sink: MetricSink, family: MetricFamily, type: TextFamily['type'], metric: TextMetric): void {
  const labelValues = family.labelNames.map((name) => metric.labels.get(name) ?? '')
  const { value, count, sum, bounds, values } = metric
  if (type === 'summary') sink.summary(family, count, sum, bounds, values, ...labelValues)
  else if (type === 'histogram') {
    const isClosed = bounds.includes(Number.POSITIVE_INFINITY)
    const order = bounds.map((_, i) => i).sort((a, b) => (bounds[a] as number) - (bounds[b] as number))
    const sortedBounds = order.map((i) => bounds[i] as number)
    const sortedValues = order.map((i) => values[i] as number)
    if (!isClosed) {
      sortedBounds.push(Number.POSITIVE_INFINITY)
      sortedValues.push(count)
    }
    sink.histogram(family, count, sum, sortedBounds, sortedValues, ...labelValues)
  } else sink.sample(family, value, ...labelValues)
}

export const collector: CollectorDefinition = {
  name: 'textfile',
  enabledByDefault: true,
  create: ({ textfile }, host) => new TextfileCollector(textfile.directory, host),
}
