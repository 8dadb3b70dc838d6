// The settings of the host_metrics receiver: scrapers, their metrics and filters.
import type { BlockField, Fields, Settings } from '#component'
import { attr, block, bool, defineSettings, duration, list, oneOf, string } from '#component'
import { type MetricSpec, metricTable, processAttributes, type ScraperName } from './metric_table.ts'
import { matchBlock } from './name_filter.ts'
import type { Aggregation, MetricChoice } from './points.ts'

interface MetricSettings {
  readonly enabled: boolean
  readonly attributes: readonly string[] | undefined
  readonly aggregation_strategy: Aggregation
}

/** A scraper's block once decoded: what the others do not have is absent. */
export interface ScraperSettings {
  readonly metrics: Readonly<Record<string, MetricSettings>>
  readonly cpu_average?: boolean
  readonly include_virtual_filesystems?: boolean
  readonly scrape_process_delay?: number
  readonly resource_attributes?: Readonly<Record<string, { readonly enabled: boolean }>>
  /** Filters: see `matchBlock`. */
  readonly [filter: string]: unknown
}

function metricBlock({ description, kind, enabled }: MetricSpec): BlockField<MetricSettings> {
  const schema = defineSettings({
    enabled: attr(bool, 'Give the metric.', { default: enabled }),
    attributes: attr(list(string), 'Attributes that points have; points that are then the same are put together.'),
    aggregation_strategy: attr(oneOf('sum', 'avg', 'min', 'max'), 'How they are put together.', {
      default: kind === 'gauge' ? 'avg' : 'sum',
    }),
  })
  return block(schema as Settings<MetricSettings>, description, { whenAbsent: 'defaults' })
}

function metricsBlock(scraper: ScraperName): BlockField<object> {
  const fields = Object.fromEntries(metricTable[scraper].map((spec) => [spec.name, metricBlock(spec)]))
  return block(defineSettings(fields), 'Which metrics are given.', { whenAbsent: 'defaults' })
}

function attributesBlock(): BlockField<object> {
  const fields = Object.fromEntries(
    Object.entries(processAttributes).map(([name, enabled]) => {
      const one = defineSettings({ enabled: attr(bool, 'Give the attribute.', { default: enabled }) })
      return [name, block(one, `\`${name}\`.`, { whenAbsent: 'defaults' })]
    }),
  )
  return block(defineSettings(fields), "Which attributes processes' resources have.", { whenAbsent: 'defaults' })
}

const mute = (what: string) =>
  attr(bool, `Say nothing of ${what} that cannot be read; nothing is said in any case.`, {
    default: false,
  })

const ownFields: Readonly<Record<ScraperName, Fields>> = {
  cpu: {},
  memory: {},
  load: { cpu_average: attr(bool, 'Divide by the number of CPUs.', { default: false }) },
  disk: {
    include: matchBlock('devices', 'Only these disks.'),
    exclude: matchBlock('devices', 'Not these disks.'),
  },
  filesystem: {
    include_devices: matchBlock('devices', 'Only these devices.'),
    exclude_devices: matchBlock('devices', 'Not these devices.'),
    include_fs_types: matchBlock('fs_types', 'Only these types.'),
    exclude_fs_types: matchBlock('fs_types', 'Not these types.'),
    include_mount_points: matchBlock('mount_points', 'Only these mount points.'),
    exclude_mount_points: matchBlock('mount_points', 'Not these mount points.'),
    include_virtual_filesystems: attr(bool, 'Types without a device, too.', { default: false }),
  },
  network: {
    include: matchBlock('interfaces', 'Only these interfaces.'),
    exclude: matchBlock('interfaces', 'Not these interfaces.'),
  },
  paging: {},
  processes: {},
  process: {
    include: matchBlock('names', 'Only processes with these names.'),
    exclude: matchBlock('names', 'No processes with these names.'),
    mute_process_all_errors: mute('anything'),
    mute_process_name_error: mute('names'),
    mute_process_exe_error: mute('executables'),
    mute_process_io_error: mute('input and output'),
    mute_process_user_error: mute('owners'),
    mute_process_cgroup_error: mute('control groups'),
    scrape_process_delay: attr(duration, 'Leave out processes younger than this.', { default: '0s' }),
    resource_attributes: attributesBlock(),
  },
  system: {},
}

const scrapers = defineSettings(
  Object.fromEntries(
    (Object.keys(metricTable) as ScraperName[]).map((name) => {
      const schema = defineSettings({ ...ownFields[name], metrics: metricsBlock(name) })
      return [name, block(schema as unknown as Settings<ScraperSettings>, `The scraper \`${name}\`.`)]
    }),
  ),
) as unknown as Settings<Partial<Record<ScraperName, ScraperSettings>>>

export interface HostMetricsSettings {
  readonly collection_interval: number
  readonly initial_delay: number
  readonly timeout: number
  readonly root_path: string
  readonly metadata_collection_interval: number
  readonly scrapers: Partial<Record<ScraperName, ScraperSettings>>
}

export const hostMetricsSettings: Settings<HostMetricsSettings> = defineSettings(
  {
    collection_interval: attr(duration, 'How often the metrics are read.', { default: '1m' }),
    initial_delay: attr(duration, 'When they are read first.', { default: '1s' }),
    timeout: attr(duration, 'How long one reading may take; 0: as long as it takes.', { default: '0s' }),
    root_path: attr(string, "Where the host's root is mounted.", { default: '' }),
    metadata_collection_interval: attr(duration, 'Accepted; it concerns entity events, which are not sent.', {
      default: '5m',
    }),
    scrapers: block(scrapers, 'What is read: a block for each.', { required: true }),
  },
  {
    check({ collection_interval: intervalMs, scrapers: chosen }, report) {
      if (intervalMs <= 0) report('collection_interval must be positive', ['collection_interval'])
      const names = Object.entries(chosen)
      if (names.every(([, settings]) => settings === undefined)) {
        report('must specify at least one scraper when using hostmetrics receiver', ['scrapers'])
      }
      for (const [scraper, settings] of names) {
        if (settings === undefined) continue
        for (const { name, attributes } of metricTable[scraper as ScraperName]) {
          const asked = settings.metrics[name]?.attributes ?? []
          for (const [i, one] of asked.entries()) {
            if (attributes.includes(one)) continue
            const valid = attributes.join(', ')
            report(`metric ${name} doesn't have an attribute ${one}, valid attributes: [${valid}]`, [
              'scrapers',
              scraper,
              'metrics',
              name,
              'attributes',
              i,
            ])
          }
        }
      }
    },
  },
)

/** The metrics that a scraper's settings ask for. */
export function choicesOf(scraper: ScraperName, { metrics }: ScraperSettings): MetricChoice[] {
  return metricTable[scraper].flatMap((spec) => {
    const chosen = metrics[spec.name]
    if (!(chosen?.enabled ?? spec.enabled)) return []
    const attributes = chosen?.attributes ?? spec.attributes.filter((name) => !spec.optIn.includes(name))
    return [{ spec, attributes, aggregation: chosen?.aggregation_strategy ?? (spec.kind === 'gauge' ? 'avg' : 'sum') }]
  })
}
