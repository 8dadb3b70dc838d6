// The collector's host_metrics receiver: the host's metrics by OpenTelemetry's names, out of /proc.
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import type { Component, Consumer, Host, OtelOutput, Timer, YamlDefinition } from '#component'
import { HealthState, outputPorts, SettingsError } from '#component'
import { RegexpError } from '#lib/regexp'
import { Metrics } from '#pdata'
import type { ResourceMetrics } from '#pdata/otlp'
import type { ScraperName } from './metric_table.ts'
import { nameFilter, nameMatch } from './name_filter.ts'
import { PointGatherer } from './points.ts'
import { ProcFiles } from './proc_files.ts'
import { ProcessScraper } from './process_scraper.ts'
import {
  cpuScraper,
  diskScraper,
  filesystemScraper,
  loadScraper,
  memoryScraper,
  networkScraper,
  pagingScraper,
  processesScraper,
  type Scraper,
  systemScraper,
} from './scrapers.ts'
import { choicesOf, hostMetricsSettings, type HostMetricsSettings, type ScraperSettings } from './settings.ts'

export const hostMetricsReceiver: YamlDefinition<HostMetricsSettings> = {
  kind: 'receiver',
  types: ['host_metrics', 'hostmetrics'],
  stability: 'public-preview',
  doc: "Reads the host's CPUs, memory, disks, filesystems, networks and processes.",
  signals: ['metrics'],
  settings: hostMetricsSettings,
  create: (host, settings, output) => new HostMetricsReceiver(host, settings, output),
}

/** What the names of instrumentation scopes begin with: users filter by them. */
const scopePrefix =
  'github.com/open-telemetry/opentelemetry-collector-contrib/receiver/hostmetricsreceiver/internal/scraper/'

/** Reads one scraper's metrics now. Throws where it could read nothing. */
type Reading = (nowMs: number) => Promise<readonly ResourceMetrics[]>

export class HostMetricsReceiver implements Component {
  readonly #host: Host
  readonly #settings: HostMetricsSettings
  readonly #next: Consumer<Metrics>
  readonly #readings: ReadonlyMap<ScraperName, Reading>
  #timer: Timer | undefined
  #running: Promise<void> = Promise.resolve()
  #isStopped = true

  /** Throws `SettingsError` for expressions that are none. */
  constructor(host: Host, settings: HostMetricsSettings, output: OtelOutput) {
    this.#host = host
    this.#settings = settings
    this.#next = host.outlet(outputPorts(output).metrics)
    const files = new ProcFiles(settings.root_path)
    const readings = new Map<ScraperName, Reading>()
    try {
      for (const [name, own] of Object.entries(settings.scrapers) as [ScraperName, ScraperSettings | undefined][]) {
        if (own !== undefined) readings.set(name, readingFor(name, own, files, host.globals.version))
      }
    } catch (error) {
      if (error instanceof RegexpError) throw new SettingsError(error.message, ['scrapers'])
      throw error
    }
    this.#readings = readings
  }

  start(): void {
    this.#isStopped = false
    this.#scrapeAfter(this.#settings.initial_delay)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#timer?.cancel()
    this.#timer = undefined
    await this.#running
  }

  /** The next reading begins an interval after this one began, or as soon as this one ends. */
  #scrapeAfter(delayMs: number): void {
    const { clock } = this.#host
    this.#timer = clock.setTimeout(() => {
      const begunMs = clock.monotonic()
      this.#running = this.#scrape().then(() => {
        if (this.#isStopped) return
        this.#scrapeAfter(Math.max(begunMs + this.#settings.collection_interval - clock.monotonic(), 0))
      })
    }, delayMs)
  }

  /** Read everything once and hand it on. Never rejects. */
  async #scrape(): Promise<void> {
    const { instruments, log, counters } = this.#host
    const resourceMetrics: ResourceMetrics[] = []
    const failed: string[] = []
    for (const [name, read] of this.#readings) {
      const attributes = { receiver: 'host_metrics', scraper: name }
      try {
        const found = await read(this.#host.clock.now())
        resourceMetrics.push(...found)
        instruments
          .counter('otelcol_scraper_scraped_metric_points', 'Number of metric points successfully scraped.', attributes)
          .add(pointsOf(found))
      } catch (error) {
        failed.push(name)
        instruments
          .counter(
            'otelcol_scraper_errored_metric_points',
            'Number of metric points that could not be scraped.',
            attributes,
          )
          .add(1)
        log.error('Cannot scrape metrics', { scraper: name, error: String(error) })
      }
    }
    const state = failed.length === 0 ? HealthState.healthy : HealthState.unhealthy
    this.#host.setHealth(state, failed.length === 0 ? 'metrics are read' : `cannot read: ${failed.join(', ')}`)
    const batch = Metrics.fromTree({ resourceMetrics })
    if (batch.count === 0) return
    counters.in += batch.count
    try {
      await this.#next.consume(batch)
    } catch (error) {
      counters.refused += batch.count
      log.warn('Metrics were refused', { error: String(error), points: batch.count })
    }
  }
}

function pointsOf(resources: readonly ResourceMetrics[]): number {
  let points = 0
  for (const { scopeMetrics } of resources) {
    for (const { metrics } of scopeMetrics) {
      for (const { data } of metrics) if (data.kind !== 'empty') points += data.points.length
    }
  }
  return points
}

function readingFor(name: ScraperName, own: ScraperSettings, files: ProcFiles, version: string): Reading {
  const out = new PointGatherer(choicesOf(name, own))
  const scope = { name: `${scopePrefix}${name}scraper`, version }
  if (name === 'process') {
    const scraper = new ProcessScraper({
      isIncluded: nameFilter(nameMatch(own['include'], 'names'), nameMatch(own['exclude'], 'names')),
      minimumAgeMs: own.scrape_process_delay ?? 0,
      isAttributeEnabled: (attribute) => own.resource_attributes?.[attribute]?.enabled ?? false,
      pageSize: pageSize(),
      cpus: availableParallelism(),
    })
    return (nowMs) => scraper.scrape(files, out, nowMs, scope)
  }
  const scrape = scraperFor(name, own)
  return async (nowMs) => {
    out.begin(BigInt(files.bootSeconds()) * 1_000_000_000n, BigInt(Math.round(nowMs * 1000)) * 1000n)
    await scrape(files, out)
    const found = out.take([], scope)
    return found === null ? [] : [found]
  }
}

function scraperFor(name: Exclude<ScraperName, 'process'>, own: ScraperSettings): Scraper {
  const filter = (list: string, include = 'include', exclude = 'exclude'): ((name: string) => boolean) =>
    nameFilter(nameMatch(own[include], list), nameMatch(own[exclude], list))
  switch (name) {
    case 'cpu':
      return cpuScraper()
    case 'memory':
      return memoryScraper(pageSize())
    case 'load':
      return loadScraper(own.cpu_average ?? false, availableParallelism())
    case 'disk':
      return diskScraper(filter('devices'))
    case 'filesystem': {
      const device = filter('devices', 'include_devices', 'exclude_devices')
      const type = filter('fs_types', 'include_fs_types', 'exclude_fs_types')
      const point = filter('mount_points', 'include_mount_points', 'exclude_mount_points')
      return filesystemScraper(
        (mount) => device(mount.device) && type(mount.type) && point(mount.mountpoint),
        own.include_virtual_filesystems ?? false,
      )
    }
    case 'network':
      return networkScraper(filter('interfaces'))
    case 'paging':
      return pagingScraper
    case 'processes':
      return processesScraper
    case 'system':
      return systemScraper
  }
}

/** AT_PAGESZ of elf.h. */
const auxPageSize = 6
let knownPageSize: number | undefined

/** Bytes per page, from the auxiliary vector that the kernel gave this process; where it cannot be read, 4096. */
function pageSize(): number {
  if (knownPageSize === undefined) {
    knownPageSize = 4096
    try {
      // Pairs of words of 64 bits (getauxval(3)).
      const vector = readFileSync('/proc/self/auxv')
      for (let at = 0; at + 16 <= vector.length; at += 16) {
        if (vector.readUInt32LE(at) === auxPageSize) knownPageSize = vector.readUInt32LE(at + 8)
      }
    } catch {
      // No procfs: the usual size.
    }
  }
  return knownPageSize
}
