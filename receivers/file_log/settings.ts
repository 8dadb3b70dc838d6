// The settings of file_log, for both faces.
import {
  attr,
  block,
  blocks,
  bool,
  byteSize,
  defineSettings,
  duration,
  int,
  list,
  map,
  anyValue,
  otelOutput,
  type Report,
  type SettingsOf,
  string,
  type Type,
  uint,
} from '#component'
import { debugMetricsField } from '#component/debug_metrics'
import {
  checkOperators,
  checkRegexp,
  checkStanza,
  encodingProblem,
  multilineSettings,
  size,
  stanzaFields,
  whitespaceFields,
} from '#component/stanza'
import { strptime, StrptimeError } from '#lib/strptime'

const header = defineSettings(
  {
    pattern: attr(string, 'What every line of the header matches: a regular expression (RE2).', { required: true }),
    metadata_operators: attr(
      list(map(anyValue)),
      'Operators that work on these lines: the attributes they give go to all entries of the file.',
      {
        required: true,
      },
    ),
  },
  {
    check({ pattern, metadata_operators: operators }, report) {
      checkRegexp(pattern, report, ['pattern'])
      if (operators.length === 0) report('no operators provided for metadata', ['metadata_operators'])
      checkOperators(operators, (message, path = []) => report(message, ['metadata_operators', ...path]))
      for (const [i, operator] of operators.entries()) {
        if (operator.get('type') !== 'recombine' && operator.get('type') !== 'container') continue
        report('an operator of the header must give each line on at once', ['metadata_operators', i, 'type'])
      }
    },
  },
)

const sortBy = (isAscending: boolean) =>
  defineSettings({
    sort_type: attr(string, '`numeric`, `alphabetical`, `timestamp` or `mtime`.', { required: true }),
    regex_key: attr(string, 'The group of `regex` that is compared.', { default: '' }),
    ascending: attr(bool, 'The least first.', { default: isAscending }),
    layout: attr(string, 'How a timestamp is written (strptime).', { default: '' }),
    location: attr(string, 'Where it is.', { default: 'UTC' }),
  })
export type SortRule = SettingsOf<ReturnType<typeof sortBy>>

/** Alloy's rules sort upwards where they do not say otherwise, and there is at least one of them. */
const ordering = (isAscending: boolean) =>
  defineSettings(
    {
      regex: attr(string, 'A regular expression on names of files, with named groups to sort by.', { default: '' }),
      top_n: attr(int, 'So many of the first files are read.', { default: 1 }),
      sort_by: blocks(sortBy(isAscending), 'How files are sorted, the most important rule first.', {
        required: isAscending,
      }),
      group_by: attr(string, 'Files with the same groups here are sorted among themselves: a regular expression.', {
        default: '',
      }),
    },
    { check: checkOrdering },
  )
export interface Ordering {
  readonly regex: string
  readonly top_n: number
  readonly sort_by: readonly SortRule[]
  readonly group_by: string
}

const sortTypes = ['numeric', 'alphabetical', 'timestamp', 'mtime']

function checkOrdering({ regex, top_n: topN, sort_by: rules, group_by: groupBy }: Ordering, report: Report): void {
  const names = checkRegexp(regex, report, ['regex']) ?? []
  checkRegexp(groupBy, report, ['group_by'])
  if (topN < 0) report('top_n must be a positive integer', ['top_n'])
  for (const [i, { sort_type: type, regex_key: key, layout, location }] of rules.entries()) {
    const path = (name: string): (string | number)[] => ['sort_by', i, name]
    if (!sortTypes.includes(type)) {
      report(`sort_type should be one of ${sortTypes.join(', ')}, got ${JSON.stringify(type)}`, path('sort_type'))
    }
    if (type !== 'mtime' && !names.includes(key)) {
      report(`regex_key ${JSON.stringify(key)} is no group of regex`, path('regex_key'))
    }
    if (type !== 'timestamp') continue
    if (layout === '') report('sorting by timestamp needs a layout', path('sort_type'))
    try {
      strptime(layout, { location: location === '' ? 'UTC' : location })
    } catch (error) {
      report((error as Error).message, path(error instanceof StrptimeError ? 'layout' : 'location'))
    }
  }
}

const noEffect = (why: string): string => `Has no effect: ${why}.`

const fields = (bytes: Type<number>, isAscending: boolean) => ({
  ...stanzaFields,
  include: attr(list(string), 'Patterns of the files to read.', { required: true }),
  exclude: attr(list(string), 'Patterns of files to leave out.', { default: [] }),
  exclude_older_than: attr(duration, 'Leave out files that did not change for so long; 0: none.', { default: '0s' }),
  ordering_criteria: block(ordering(isAscending), 'Read only the first files of an order.'),
  include_file_name: attr(bool, 'Add `log.file.name`.', { default: true }),
  include_file_path: attr(bool, 'Add `log.file.path`.', { default: false }),
  include_file_name_resolved: attr(bool, 'Add `log.file.name_resolved`: behind links.', { default: false }),
  include_file_path_resolved: attr(bool, 'Add `log.file.path_resolved`: behind links.', { default: false }),
  include_file_owner_name: attr(bool, 'Add `log.file.owner.name`.', { default: false }),
  include_file_owner_group_name: attr(bool, 'Add `log.file.owner.group.name`.', { default: false }),
  include_file_permissions: attr(bool, 'Add `log.file.permissions`: three octal digits.', { default: false }),
  include_file_record_number: attr(bool, 'Add `log.file.record_number`: counts entries of the file.', {
    default: false,
  }),
  poll_interval: attr(duration, 'How often to look for files, and at them.', { default: '200ms' }),
  max_concurrent_files: attr(int, 'Files that are open at once.', { default: 1024 }),
  start_at: attr(string, 'Where to begin in files that are there at the start: `beginning` or `end`.', {
    default: 'end',
  }),
  fingerprint_size: attr(bytes, noEffect('files are known by device, inode and their first 1024 bytes'), {
    default: '1000B',
  }),
  max_log_size: attr(bytes, 'The longest entry, in bytes.', { default: '1MiB' }),
  encoding: attr(string, 'The encoding of the files, by its IANA name; `nop`: bytes that are no text, as they come.', {
    default: 'utf-8',
  }),
  multiline: block(multilineSettings, 'Entries that are not lines.'),
  ...whitespaceFields,
  force_flush_period: attr(duration, 'What a file ends with is an entry after so long; 0: only once it is whole.', {
    default: '500ms',
  }),
  header: block(header, 'Lines that the file begins with, and say something of it.'),
  delete_after_read: attr(bool, 'Delete files that were read to their end.', { default: false }),
  compression: attr(string, '`gzip`, or `auto`: those that begin as gzip does; empty: none.', { default: '' }),
  acquire_fs_lock: attr(bool, noEffect('files are read without a lock'), { default: false }),
  file_cache_advise: attr(bool, noEffect("the system's cache is left to the system"), { default: false }),
})

/** What Alloy's face cannot say. */
export const alloyLacks = { max_log_size_behavior: 'split', include_file_record_offset: false } as const

export const alloySettings = defineSettings(
  {
    ...fields(byteSize, true),
    max_batches: attr(int, noEffect('files that are not open have their turn as others are closed'), { default: 10 }),
    output: block(otelOutput, 'Where entries go.', { required: true }),
    ...debugMetricsField,
  },
  {
    check: (s: Omit<FileLogSettings, keyof typeof alloyLacks>, report) => checkFileLog({ ...s, ...alloyLacks }, report),
  },
)

const yamlOnly = {
  include_file_record_offset: attr(
    bool,
    'Add `log.file.record_offset`: the byte of the file that an entry begins at.',
    {
      default: false,
    },
  ),
  max_log_size_behavior: attr(string, 'Longer entries are split, or their rest left out: `split` or `truncate`.', {
    default: 'split',
  }),
}
const engineSettings = defineSettings({ ...fields(size, false), ...yamlOnly })
export type FileLogSettings = SettingsOf<typeof engineSettings>

const unused = 'Accepted, without effect.'
export const yamlSettings = defineSettings(
  {
    ...fields(size, false),
    ...yamlOnly,
    id: attr(string, unused, { default: '' }),
    type: attr(string, unused, { default: '' }),
    output: attr(list(string), unused, { default: [] }),
    max_batches: attr(uint, noEffect('files that are not open have their turn as others are closed'), { default: 0 }),
    initial_buffer_size: attr(size, noEffect('chunks of 128 KiB are read'), { default: 16_384 }),
    polls_to_archive: attr(int, noEffect('positions are kept as long as their files are there'), { default: 0 }),
    on_truncate: attr(string, noEffect('a file that was truncated is read from its beginning'), { default: 'ignore' }),
  },
  { check: (s, report) => checkFileLog(s, report) },
)
export type AlloyFileLogSettings = SettingsOf<typeof alloySettings>
export type YamlFileLogSettings = SettingsOf<typeof yamlSettings>

function checkFileLog(s: FileLogSettings, report: Report): void {
  checkStanza(s, report)
  if (s.include.length === 0) report('required argument `include` is empty', ['include'])
  if (s.start_at !== 'beginning' && s.start_at !== 'end') {
    report(`invalid start_at location ${JSON.stringify(s.start_at)}: should be beginning or end`, ['start_at'])
  }
  if (s.start_at === 'end' && s.delete_after_read) {
    report("delete_after_read cannot be used with start_at 'end'", ['delete_after_read'])
  }
  if (s.start_at === 'end' && s.header !== undefined)
    report("header cannot be specified with start_at 'end'", ['header'])
  if (s.poll_interval <= 0) report('poll_interval must be positive', ['poll_interval'])
  if (s.max_log_size <= 0) report('max_log_size must be positive', ['max_log_size'])
  if (s.max_concurrent_files < 1) report('max_concurrent_files must be positive', ['max_concurrent_files'])
  if (s.fingerprint_size < 16) report('fingerprint_size must be at least 16 bytes', ['fingerprint_size'])
  if (s.max_log_size_behavior !== 'split' && s.max_log_size_behavior !== 'truncate') {
    report(`max_log_size_behavior should be split or truncate, got ${JSON.stringify(s.max_log_size_behavior)}`, [
      'max_log_size_behavior',
    ])
  }
  if (!['', 'gzip', 'auto'].includes(s.compression)) {
    report(`compression should be gzip or auto, got ${JSON.stringify(s.compression)}`, ['compression'])
  }
  const encoding = encodingProblem(s.encoding, s.multiline)
  if (encoding !== undefined) report(encoding, ['encoding'])
}
