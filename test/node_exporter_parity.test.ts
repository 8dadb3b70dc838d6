// prometheus.exporter.unix against a real node_exporter on the same host: the same families, labels and steady values.
//
// Debian 12's node_exporter is 1.5.0; what is followed is the build that Alloy 1.18 embeds, between 1.9 and 1.10. The
// tables below are what changed between the two, and nothing else may differ.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { after, before, test } from 'node:test'
import { defaultSettings } from '#component'
import type { Logger } from '#component'
import { systemClock as clock } from '#lib/clock'
import { Exporter } from '../receivers/prometheus_exporter_unix/exporter.ts'
import { HostFiles } from '../receivers/prometheus_exporter_unix/files.ts'
import { collectorEntries, createCollectors } from '../receivers/prometheus_exporter_unix/registry.ts'
import { SampleLines } from '../receivers/prometheus_exporter_unix/sample_lines.ts'
import { unixSettings } from '../receivers/prometheus_exporter_unix/settings.ts'
import type { UnixSettings } from '../receivers/prometheus_exporter_unix/settings.ts'
import { parseTextFamilies } from '../receivers/prometheus_exporter_unix/text_families.ts'
import { freePort, hasProgram } from './real.ts'

const binary = 'prometheus-node-exporter'
const skip = hasProgram(binary) ? false : `${binary} is not installed (apt-get install prometheus-node-exporter)`

/** Not compared: they ask other services or hardware, which a test host need not have or must not touch. */
const notCompared = new Set([
  'logind',
  'ntp',
  'perf',
  'runit',
  'supervisord',
  'systemd',
  'wifi',
  'ethtool',
  'qdisc',
  'drbd',
])

/** Families that are there and that 1.5.0 has not, with the version that brought them. */
const added: readonly RegExp[] = [
  /^node_cpu_frequency_hertz$/, // 1.10: from /proc/cpuinfo, where that is asked for
  /^node_softnet_(backlog_len|cpu_collision_total|flow_limit_count_total|received_rps_total)$/, // 1.6
  /^node_cpu_online$/, // 1.9
  /^node_cpu_scaling_governor$/, // 1.6
  /^node_pressure_irq_stalled_seconds_total$/, // 1.9
  /^node_watchdog_/, // 1.8
  /^node_xfrm_/, // 1.8
  /^node_memory_Zswap(ped)?_bytes$/, // 1.10
]

/** Labels that only one of them has: those that are there besides those of 1.5.0, and those that need netlink. */
const labelsApart: Readonly<Record<string, readonly string[]>> = {
  node_network_info: ['adminstate'], // 1.6
  node_network_route_info: ['proto', 'src', 'weight'], // not in /proc/net/route
}

/** Gauges that stay as they are while the test runs: the series must be the same, and their values nearly. Of counters: what it was in between. */
const steady: readonly { readonly family: string; readonly tolerance: number }[] = [
  { family: 'node_boot_time_seconds', tolerance: 1 },
  { family: 'node_memory_MemTotal_bytes', tolerance: 0 },
  { family: 'node_memory_SwapTotal_bytes', tolerance: 0 },
  { family: 'node_filesystem_size_bytes', tolerance: 0 },
  { family: 'node_filesystem_files', tolerance: 0 },
  { family: 'node_filesystem_readonly', tolerance: 0 },
  { family: 'node_filesystem_avail_bytes', tolerance: 256 << 20 },
  { family: 'node_filefd_maximum', tolerance: 0 },
  { family: 'node_uname_info', tolerance: 0 },
  { family: 'node_os_info', tolerance: 0 },
  { family: 'node_os_version', tolerance: 0 },
  { family: 'node_time_zone_offset_seconds', tolerance: 0 },
  { family: 'node_time_seconds', tolerance: 60 },
  { family: 'node_time_clocksource_available_info', tolerance: 0 },
  { family: 'node_entropy_pool_size_bits', tolerance: 0 },
  { family: 'node_timex_status', tolerance: 0 },
  { family: 'node_timex_tick_seconds', tolerance: 0.001 },
  { family: 'node_timex_loop_time_constant', tolerance: 0 },
  { family: 'node_network_receive_bytes_total', tolerance: 64 << 20 },
  { family: 'node_network_mtu_bytes', tolerance: 0 },
  { family: 'node_cpu_seconds_total', tolerance: 60 },
  { family: 'node_disk_read_bytes_total', tolerance: 1 << 30 },
  { family: 'node_vmstat_oom_kill', tolerance: 10 },
  { family: 'node_intr_total', tolerance: 1e7 },
  { family: 'node_selinux_enabled', tolerance: 0 },
]

interface SeriesValue {
  readonly labels: ReadonlyMap<string, string>
  readonly value: number
}

interface Family {
  readonly type: string
  readonly help: string
  readonly series: Map<string, SeriesValue>
}

type Families = Map<string, Family>

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} }
const base = defaultSettings(unixSettings)
const settings: UnixSettings = { ...base, cpu: { ...base.cpu, guest: true, info: true } }

/** Collectors that both have. */
let shared: string[] = []
let child: ChildProcess | undefined
let theirs: Families = new Map()
/** Scraped before theirs and after: on a busy machine counters run far in between. */
let oursBefore: Families = new Map()
let ours: Families = new Map()

function sharedCollectors(): string[] {
  const help = spawnSync(binary, ['--help'], { encoding: 'utf8' })
  const known = new Set(
    [...`${help.stdout}${help.stderr}`.matchAll(/--collector\.([a-z_0-9]+)\s/g)].map(([, name]) => name),
  )
  return Object.keys(collectorEntries).filter((name) => known.has(name) && !notCompared.has(name))
}

/** Start it and read its metrics, once it answers. */
async function scrapeTheirs(): Promise<string> {
  const port = await freePort()
  const flags = [
    `--web.listen-address=127.0.0.1:${port}`,
    '--collector.disable-defaults',
    ...shared.map((name) => `--collector.${name}`),
    '--collector.cpu.info',
    // As Alloy sets them; Debian changed the defaults of the second.
    '--no-collector.netdev.netlink',
    '--collector.netdev.device-exclude=',
    `--collector.diskstats.device-exclude=${settings.disk.device_exclude}`,
    `--collector.filesystem.mount-points-exclude=${settings.filesystem.mount_points_exclude}`,
    `--collector.filesystem.fs-types-exclude=${settings.filesystem.fs_types_exclude}`,
    `--collector.netstat.fields=${settings.netstat.fields}`,
    `--collector.vmstat.fields=${settings.vmstat.fields}`,
    `--collector.netclass.ignored-devices=${settings.netclass.ignored_devices}`,
  ]
  const started = spawn(binary, flags, { stdio: ['ignore', 'ignore', 'pipe'] })
  child = started
  let log = ''
  const isListening = new Promise<void>((resolve, reject) => {
    started.stderr?.setEncoding('utf8').on('data', (text: string) => {
      log += text
      if (/TLS is disabled|Listening on/.test(log)) resolve()
    })
    started.once('error', reject)
    started.once('exit', () => reject(new Error(`node_exporter ended: ${log}`)))
  })
  await isListening
  const response = await fetch(`http://127.0.0.1:${port}/metrics`)
  assert.equal(response.status, 200)
  return response.text()
}

function keyOf(labels: ReadonlyMap<string, string>): string {
  return [...labels]
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .sort()
    .join(',')
}

function familiesOf(text: string): Families {
  const families: Families = new Map()
  for (const { name, type, help = '', metrics } of parseTextFamilies(text).families) {
    const series = new Map<string, SeriesValue>()
    for (const { labels, value } of metrics) {
      const present = new Map([...labels].filter(([, labelValue]) => labelValue !== ''))
      series.set(keyOf(present), { labels: present, value })
    }
    families.set(name, { type, help, series })
  }
  return families
}

/** A sink that keeps labels apart, which lines do not. */
class FamilySink extends SampleLines {
  readonly result: Families = new Map()
  override sample(...[family, value, ...labelValues]: Parameters<SampleLines['sample']>): void {
    const type = family.type === 'unknown' ? 'untyped' : family.type
    const known = this.result.get(family.name) ?? { type, help: family.help, series: new Map<string, SeriesValue>() }
    this.result.set(family.name, known)
    const pairs = family.labelNames.map((name, i) => [name, labelValues[i] ?? ''] as const)
    const labels = new Map(pairs.filter(([, labelValue]) => labelValue !== ''))
    known.series.set(keyOf(labels), { labels, value })
  }
}

async function scrapeOurs(): Promise<Families> {
  const collectors = await createCollectors(shared, settings, { log: silent, clock, enabled: new Set(shared) })
  const files = new HostFiles(settings)
  const exporter = new Exporter({
    collectors,
    files,
    log: silent,
    clock,
    version: 'test',
    includeExporterMetrics: false,
  })
  const sink = new FamilySink()
  await exporter.collect(sink, new AbortController().signal)
  return sink.result
}

const isOwn = (name: string): boolean => /^(go_|process_|promhttp_|node_exporter_build_info$|node_scrape_)/.test(name)
const labelNamesOf = (family: Family): string[] =>
  [...new Set([...family.series.values()].flatMap(({ labels }) => [...labels.keys()]))].sort()

before(async () => {
  if (skip) return
  shared = sharedCollectors()
  oursBefore = await scrapeOurs()
  const text = await scrapeTheirs()
  ours = await scrapeOurs()
  theirs = familiesOf(text)
})

after(async () => {
  if (!child || child.exitCode !== null) return
  const ended = once(child, 'exit')
  child.kill()
  await ended
})

test('the same collectors find something', { skip }, () => {
  assert.ok(shared.length > 30, `only ${shared.length} collectors are shared`)
  const outcomes = (families: Families): string[] =>
    [...(families.get('node_scrape_collector_success')?.series.values() ?? [])]
      .map(({ labels, value }) => `${labels.get('collector')} ${value}`)
      .sort()
  assert.deepEqual(outcomes(ours), outcomes(theirs))
})

test('the same families are there, of the same type and with the same help', { skip }, () => {
  const list = (families: Families, left: readonly RegExp[]): Set<string> =>
    new Set(
      [...families]
        .filter(([name]) => !isOwn(name) && !left.some((pattern) => pattern.test(name)))
        .map(([name, { type, help }]) => `${name} ${type} ${help}`),
    )
  const have = list(ours, added)
  const want = list(theirs, added)
  const surplus = [...have].filter((family) => !want.has(family))
  const missing = [...want].filter((family) => !have.has(family))
  assert.deepEqual({ surplus, missing }, { surplus: [], missing: [] })
})

test('families have the same labels', { skip }, () => {
  const different: string[] = []
  for (const [name, family] of theirs) {
    const own = ours.get(name)
    if (!own || isOwn(name)) continue
    const apart = labelsApart[name] ?? []
    const have = labelNamesOf(own).filter((label) => !apart.includes(label))
    const want = labelNamesOf(family).filter((label) => !apart.includes(label))
    if (have.join() !== want.join()) different.push(`${name}: ${have.join()} instead of ${want.join()}`)
  }
  assert.deepEqual(different, [])
})

for (const { family, tolerance } of steady) {
  test(`${family} has the same series with the same values`, { skip }, () => {
    const own = ours.get(family)
    const other = theirs.get(family)
    assert.equal(own === undefined, other === undefined, 'one has the family and the other has not')
    if (!own || !other) return
    assert.deepEqual([...own.series.keys()].sort(), [...other.series.keys()].sort())
    for (const [key, { value }] of other.series) {
      const have: number = own.series.get(key)?.value ?? Number.NaN
      const before: number = oursBefore.get(family)?.series.get(key)?.value ?? have
      const [low, high] = [Math.min(before, have) - tolerance, Math.max(before, have) + tolerance]
      const what = `${family}{${key}} is ${before} and then ${have}, node_exporter says ${value}`
      assert.ok(value >= low && value <= high, what)
    }
  })
}
