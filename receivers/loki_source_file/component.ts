// `loki.source.file`: tails files.
import {
  attr,
  block,
  bool,
  type ComponentDefinition,
  defineSettings,
  duration,
  list,
  logsReceiver,
  oneOf,
  type SettingsOf,
  string,
  target,
} from '#component'
import { CompressedFormat, lineEncoding } from '#component/tail'
import { LokiSourceFile } from './source.ts'

const decompression = defineSettings({
  enabled: attr(bool, 'Decompress the files.', { required: true }),
  format: attr(oneOf(CompressedFormat.gz, CompressedFormat.z, CompressedFormat.bz2, CompressedFormat.zst), 'How.', {
    required: true,
  }),
  initial_delay: attr(duration, 'How long to wait before a file is read.', { default: '0s' }),
})

const fileWatch = defineSettings({
  min_poll_frequency: attr(duration, 'The shortest time between two looks at a file.', { default: '250ms' }),
  max_poll_frequency: attr(duration, 'The longest, once nothing comes.', { default: '250ms' }),
})

const fileMatch = defineSettings(
  {
    enabled: attr(bool, 'Read `__path__` as a pattern, `__path_exclude__` as one of files to leave out.', {
      default: false,
    }),
    sync_period: attr(duration, 'How often to look for files.', { default: '10s' }),
    ignore_older_than: attr(duration, 'Leave out files that did not change for so long; 0: none.', { default: '0s' }),
  },
  {
    check: (s, report) => {
      if (s.sync_period <= 0) report('sync period must be greater than 0', ['sync_period'])
    },
  },
)

export const onPositionsErrors = ['skip', 'restart_from_end', 'restart_from_beginning'] as const

const settings = defineSettings(
  {
    targets: attr(list(target), 'Files to tail: `__path__`, and the labels of their lines.', { required: true }),
    forward_to: attr(list(logsReceiver), 'Where lines go.', { required: true }),
    encoding: attr(
      string,
      'The encoding of the files, by its IANA name; empty: UTF-8, or what a byte order mark says.',
      {
        default: '',
      },
    ),
    tail_from_end: attr(bool, 'Begin at the end of files that have no position yet.', { default: false }),
    legacy_positions_file: attr(string, 'Positions of an older agent, taken over at the first start.', { default: '' }),
    on_positions_file_error: attr(
      oneOf(...onPositionsErrors),
      'What to do with a file whose position cannot be read.',
      {
        default: 'restart_from_beginning',
      },
    ),
    decompression: block(decompression, 'Files that are compressed: read once, to their end.'),
    file_watch: block(fileWatch, 'How often to look at files.', { whenAbsent: 'defaults' }),
    file_match: block(fileMatch, 'Find files by patterns.', { whenAbsent: 'defaults' }),
  },
  {
    check: (s, report) => {
      try {
        lineEncoding(s.encoding)
      } catch {
        report(`unknown encoding ${JSON.stringify(s.encoding)}`, ['encoding'])
      }
    },
  },
)
export type LokiSourceFileSettings = SettingsOf<typeof settings>

export const lokiSourceFile: ComponentDefinition<LokiSourceFileSettings> = {
  name: 'loki.source.file',
  stability: 'generally-available',
  doc: 'Tails files: their lines, and those that are appended.',
  settings,
  async create(host, decoded) {
    const source = new LokiSourceFile(host, decoded)
    await source.readLegacy()
    return source
  },
}
