// otelcol.exporter.file, in YAML the exporter file: writes telemetry to files.
import {
  attr,
  block,
  bool,
  type ComponentDefinition,
  customType,
  defineSettings,
  duration,
  int,
  oneOf,
  type Report,
  type SettingsOf,
  string,
  ValueError,
  type YamlDefinition,
} from '#component'
import { debugMetricsField } from '#component/debug_metrics'
import { FileExporter, type FileExporterSettings } from './exporter.ts'

const megabyte = 1024 * 1024
const directoryModeDefault = 0o755

const compression = customType<'zstd' | 'none'>({
  name: 'string',
  zero: 'none',
  decode(value) {
    const text = string.decode(value)
    if (text === '' || text === 'zstd') return text || 'none'
    throw new ValueError(`compression is not supported: ${JSON.stringify(text)}`)
  },
  accepts: string.accepts,
  json: { enum: ['', 'zstd'] },
})

const rotation = (megabytes: number) =>
  defineSettings({
    localtime: attr(bool, "Write the machine's local time into names.", { default: false }),
    max_backups: attr(int, 'Rotated files that are kept; 0: all.', { default: 100 }),
    max_days: attr(int, 'Days that rotated files are kept; 0: no limit.', { default: 0 }),
    max_megabytes: attr(int, 'A file of this size is rotated; 0: 100.', { default: megabytes }),
  })

const groupBy = defineSettings({
  enabled: attr(bool, 'A file for each value of a resource attribute; `*` in the path stands for it.', {
    default: false,
  }),
  max_open_files: attr(int, 'Files that are open at once.', { default: 100 }),
  resource_attribute: attr(string, 'The resource attribute.', { default: 'fileexporter.path_segment' }),
})

const shared = {
  append: attr(bool, 'Keep what the file holds at the start.', { default: false }),
  compression: attr(compression, 'zstd, or nothing.', { default: '' }),
  format: attr(oneOf('json', 'proto'), 'How telemetry is encoded.', { default: 'json' }),
  encoding: attr(string, 'An encoding extension. Not supported.', { default: '' }),
  group_by: block(groupBy, 'Several files.'),
}

const alloySettings = defineSettings(
  {
    path: attr(string, 'The file.', { required: true }),
    ...shared,
    flush_interval: attr(duration, 'How often what waits is written.', { default: '1s' }),
    compression_params: block(defineSettings({ level: attr(int, 'The level.', { required: true }) }), 'How hard.'),
    rotation: block(rotation(100), 'When another file is begun.'),
    ...debugMetricsField,
  },
  { check },
)

const yamlSettings = defineSettings(
  {
    path: attr(string, 'The file.', { default: '' }),
    ...shared,
    flush_interval: attr(duration, 'How often what waits is written; 0: every second.', { default: '0s' }),
    compression_params: block(defineSettings({ level: attr(int, 'The level.', { default: 0 }) }), 'How hard.'),
    rotation: block(rotation(0), 'When another file is begun.'),
    create_directory: attr(bool, "Make the file's directory where there is none.", { default: false }),
    directory_permissions: attr(string, 'Of that directory, octal; default 0755.', { default: '' }),
  },
  {
    check: (s, report) => {
      check(s, report)
      if (s.directory_permissions === '') return
      if (!s.create_directory) report('directory_permissions requires create_directory', ['directory_permissions'])
      if (!/^[0-7]{3,4}$/.test(s.directory_permissions)) {
        report('directory_permissions must be an octal string, as 0755', ['directory_permissions'])
      }
    },
  },
)

interface Written {
  readonly path: string
  readonly append: boolean
  readonly compression: 'zstd' | 'none'
  readonly compression_params: { readonly level: number } | undefined
  readonly format: 'json' | 'proto'
  readonly encoding: string
  readonly flush_interval: number
  readonly group_by: SettingsOf<typeof groupBy> | undefined
  readonly rotation: SettingsOf<ReturnType<typeof rotation>> | undefined
  readonly create_directory?: boolean
  readonly directory_permissions?: string
}

function check(s: Written, report: Report): void {
  if (s.path === '') report('path must be non-empty', ['path'])
  if (s.encoding !== '') report('encoding is not supported: format can be json or proto', ['encoding'])
  if (s.append && s.compression !== 'none') {
    report('append and compression enabled at the same time is not supported', ['append'])
  }
  if (s.append && s.rotation) report('append and rotation enabled at the same time is not supported', ['append'])
  if (s.flush_interval < 0) report('flush_interval must be larger than zero', ['flush_interval'])
  if (!s.group_by?.enabled) return
  if (s.path.split('*').length !== 2) report('path must contain exactly one * when group_by is enabled', ['path'])
  if (s.path.startsWith('*')) report('path must not start with * when group_by is enabled', ['path'])
  if (s.group_by.resource_attribute === '') {
    report('resource_attribute must not be empty when group_by is enabled', ['group_by', 'resource_attribute'])
  }
}

function plain(s: Written): FileExporterSettings {
  const grouped = s.group_by?.enabled ? s.group_by : undefined
  const mode = s.directory_permissions ? Number.parseInt(s.directory_permissions, 8) : directoryModeDefault
  return {
    path: s.path,
    messages: { format: s.format, compression: s.compression, level: s.compression_params?.level },
    groupBy: grouped && { attribute: grouped.resource_attribute, filesMax: Math.max(1, grouped.max_open_files) },
    writer: {
      append: s.append,
      flushMs: s.flush_interval || 1000,
      directoryMode: s.create_directory || grouped ? mode : undefined,
      rotation:
        s.rotation && !grouped
          ? {
              bytesMax: (s.rotation.max_megabytes || 100) * megabyte,
              ageDaysMax: s.rotation.max_days,
              backupsMax: s.rotation.max_backups,
              localTime: s.rotation.localtime,
            }
          : undefined,
    },
  }
}

export const otelcolExporterFile: ComponentDefinition<SettingsOf<typeof alloySettings>> = {
  name: 'otelcol.exporter.file',
  stability: 'public-preview',
  doc: 'Writes telemetry to files, as lines of JSON or as protobuf.',
  consumes: ['metrics', 'logs', 'traces'],
  input: 'otelcol',
  settings: alloySettings,
  create: (host, settings) => new FileExporter(host, plain(settings)),
}

export const fileExporter: YamlDefinition<SettingsOf<typeof yamlSettings>> = {
  kind: 'exporter',
  types: ['file'],
  stability: 'experimental',
  doc: 'Writes telemetry to files, as lines of JSON or as protobuf.',
  signals: ['metrics', 'logs', 'traces'],
  settings: yamlSettings,
  create: (host, settings) => new FileExporter(host, plain(settings)),
}
