import assert from 'node:assert/strict'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import { Capsule, type Component, ConsumeError, type LogsPort, type Value } from '#component'
import type { OtelExtension } from '#component/otel_extension'
import { decoded, problemsOf, TestHost, type Written } from '#component/test_host'
import type { Logs } from '#pdata'
import { anyValueText, type Attributes, logsTree } from '#pdata/otlp'
import { fileLogReceiver, otelcolReceiverFilelog } from './component.ts'

/** One record on a line: body, then what else there is. */
type Line = string

const text = (attributes: Attributes, directory: string): string =>
  attributes
    .map(({ key, value }) => `${key}=${anyValueText(value).replaceAll(directory, '')}`)
    .sort()
    .join(' ')

class Fixture {
  readonly directory: string
  host: TestHost
  readonly lines: Line[] = []
  /** Thrown by the next consumer in turn. */
  readonly failures: ConsumeError[] = []
  component: Component | undefined
  #tell: () => void = () => {}

  constructor(t: TestContext) {
    this.directory = mkdtempSync(join(tmpdir(), 'file-log-'))
    this.host = new TestHost()
    t.after(async () => {
      await this.component?.stop(1000)
      rmSync(this.directory, { recursive: true, force: true })
    })
  }

  path(name: string): string {
    return join(this.directory, name)
  }

  #take(batch: Logs): void {
    const failure = this.failures.shift()
    if (failure !== undefined) throw failure
    for (const { resource, scopeLogs } of logsTree(batch).resourceLogs) {
      for (const { scope, logRecords } of scopeLogs) {
        for (const record of logRecords) {
          const rest = [
            text(record.attributes, this.directory),
            text(resource.attributes, this.directory),
            scope.name,
            record.severityText,
          ]
          while (rest.at(-1) === '') rest.pop()
          this.lines.push([anyValueText(record.body), ...rest].join(' | '))
        }
      }
    }
    this.#tell()
  }

  async start(written: Written): Promise<void> {
    await this.component?.stop(1000)
    const port: LogsPort = { nodeId: 'sink', signal: 'logs', consume: (batch) => this.#take(batch) }
    this.host = new TestHost()
    const settings = decoded(fileLogReceiver.settings, {
      include: [this.path('*.log')],
      poll_interval: '5ms',
      start_at: 'beginning',
      include_file_name: false,
      ...written,
    })
    const output = { metrics: [], traces: [], logs: [{ nodeId: 'sink', logs: port }] }
    this.component = (await fileLogReceiver.create(this.host, settings, output)) as Component
    await this.component.start?.()
  }

  async until(isDone: () => boolean): Promise<void> {
    while (!isDone()) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 20)
        this.#tell = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }

  async expect(...want: Line[]): Promise<void> {
    await this.until(() => this.lines.length >= want.length)
    assert.deepEqual(this.lines, want)
  }

  balance(): number {
    const { counters } = this.host
    return counters.in - counters.out - counters.dropped - counters.refused - counters.waiting
  }
}

const operators = (...given: { readonly [key: string]: Value }[]): Value =>
  given.map((one) => new Map(Object.entries(one)))

test('Lines become entries: white space around them and empty ones left out, the file named', async (t) => {
  const f = new Fixture(t)
  writeFileSync(f.path('a.log'), 'one\r\n\n  two\t\n')
  await f.start({ include_file_name: true, include_file_path: true })
  await f.expect('one | log.file.name=a.log log.file.path=/a.log', 'two | log.file.name=a.log log.file.path=/a.log')
  assert.equal(f.host.counters.in, 3)
  assert.equal(f.host.counters.droppedByReason.get('empty line'), 1)
  appendFileSync(f.path('a.log'), 'three\n')
  await f.until(() => f.lines.length === 3)
  assert.equal(f.balance(), 0)
})

test('White space stays where it shall', async (t) => {
  const f = new Fixture(t)
  writeFileSync(f.path('a.log'), '  a \t\n')
  await f.start({ preserve_leading_whitespaces: true, preserve_trailing_whitespaces: true })
  await f.expect('  a \t')
})

test('Operators, attributes and resource do their work', async (t) => {
  const f = new Fixture(t)
  writeFileSync(f.path('a.log'), '{"level":"error","msg":"hi","logger":"l","none":null}\nnot json\n')
  await f.start({
    attributes: new Map([
      ['plain', 'x'],
      ['sized', 'EXPR(string(len(body)))'],
    ]),
    resource: new Map([['service.name', 'shop']]),
    operators: operators(
      { type: 'json_parser', on_error: 'send_quiet', severity: new Map([['parse_from', 'attributes.level']]) },
      { type: 'scope_name_parser', parse_from: 'attributes.logger', if: 'attributes.logger != nil' },
      { type: 'move', from: 'attributes.msg', to: 'body', on_error: 'send_quiet' },
      { type: 'retain', fields: ['attributes.plain', 'attributes.sized', 'attributes.none'] },
    ),
  })
  // Of one resource, each scope comes whole.
  await f.expect(
    'hi | none= plain=x sized=53 | service.name=shop | l | error',
    'not json | plain=x sized=8 | service.name=shop',
  )
})

test('Entries of several lines are put together by what they begin or end with', async (t) => {
  const f = new Fixture(t)
  writeFileSync(f.path('a.log'), 'junk\n[1] a\n  b\n[2] c\n[3] é')
  await f.start({ multiline: { line_start_pattern: '^\\[\\d' }, force_flush_period: '20ms' })
  await f.expect('junk', '[1] a\n  b', '[2] c', '[3] é')
  const g = new Fixture(t)
  writeFileSync(g.path('a.log'), 'a\nb END\nc END rest')
  await g.start({ multiline: { line_end_pattern: 'END', omit_pattern: true }, force_flush_period: '20ms' })
  await g.expect('a\nb', 'c', 'rest')
})

test('What a file ends with is an entry after a while, or never', async (t) => {
  const f = new Fixture(t)
  writeFileSync(f.path('a.log'), 'one\ntwo')
  await f.start({ force_flush_period: '30ms' })
  await f.expect('one', 'two')
  appendFileSync(f.path('a.log'), 'more\n')
  await f.expect('one', 'two', 'more')
  const g = new Fixture(t)
  writeFileSync(g.path('a.log'), 'one\ntwo')
  await g.start({ force_flush_period: '0s' })
  await g.expect('one')
  appendFileSync(g.path('a.log'), '!\n')
  await g.expect('one', 'two!')
})

test('At the end of files that are there; from the beginning of those that come', async (t) => {
  const f = new Fixture(t)
  writeFileSync(f.path('a.log'), 'old\n')
  await f.start({ start_at: 'end', include_file_name: true })
  await f.until(() => f.host.counters.waiting === 0)
  writeFileSync(f.path('b.log'), 'new file\n')
  await f.until(() => f.lines.length === 1)
  appendFileSync(f.path('a.log'), 'new line\n')
  await f.expect('new file | log.file.name=b.log', 'new line | log.file.name=a.log')
})

test('After a restart it goes on where it was, where there is storage', async (t) => {
  const f = new Fixture(t)
  const storage = new Capsule('otelcol.Handler', {
    id: 'x',
    storage: { directoryFor: () => f.path('store'), fsync: true },
  } satisfies OtelExtension)
  writeFileSync(f.path('a.log'), 'one\n')
  await f.start({ storage })
  await f.expect('one')
  await f.component?.stop(1000)
  renameSync(f.path('a.log'), f.path('a.log.1'))
  appendFileSync(f.path('a.log.1'), 'two\n')
  writeFileSync(f.path('a.log'), 'three\n')
  await f.start({ storage })
  await f.expect('one', 'two', 'three')
  await f.start({})
  await f.expect('one', 'two', 'three', 'three')
})

test('What cannot be taken now is tried again; what is refused is counted', async (t) => {
  const f = new Fixture(t)
  writeFileSync(f.path('a.log'), 'one\n')
  f.failures.push(new ConsumeError('later', { retryable: true, retryAfterMs: 5 }))
  await f.start({ retry_on_failure: { enabled: true, initial_interval: '1ms' } })
  await f.expect('one')
  f.failures.push(new ConsumeError('never', { retryable: false }))
  appendFileSync(f.path('a.log'), 'two\n')
  await f.until(() => f.host.counters.dropped === 1)
  appendFileSync(f.path('a.log'), 'three\n')
  await f.expect('one', 'three')
  assert.deepEqual([...f.host.counters.droppedByReason], [['refused by the next component', 1]])
  assert.equal(f.balance(), 0)
})

test('Trying again ends after the time that is set', async (t) => {
  const f = new Fixture(t)
  writeFileSync(f.path('a.log'), 'one\n')
  for (let i = 0; i < 50; i++) f.failures.push(new ConsumeError('later', { retryable: true, retryAfterMs: 10 }))
  await f.start({ retry_on_failure: { enabled: true, initial_interval: '1ms', max_elapsed_time: '50ms' } })
  await f.until(() => f.host.counters.dropped === 1)
  assert.equal(f.balance(), 0)
})

test('Stopping while nothing is taken loses nothing: it is read again', async (t) => {
  const f = new Fixture(t)
  const storage = new Capsule('otelcol.Handler', {
    id: 'x',
    storage: { directoryFor: () => f.path('store'), fsync: true },
  } satisfies OtelExtension)
  writeFileSync(f.path('a.log'), 'one\n\nskip\ntwo\n')
  const settings = { storage, operators: operators({ type: 'filter', expr: 'body == "skip"' }) }
  for (let i = 0; i < 1000; i++) f.failures.push(new ConsumeError('later', { retryable: true }))
  await f.start(settings)
  await f.until(() => f.host.counters.waiting > 0)
  await f.component?.stop(1000)
  assert.equal(f.balance(), 0)
  f.failures.length = 0
  await f.start(settings)
  await f.expect('one', 'two')
})

test('What operators hold is handed on at the stop', async (t) => {
  const f = new Fixture(t)
  writeFileSync(f.path('a.log'), 'first\nmore\n')
  await f.start({
    operators: operators({ type: 'recombine', combine_field: 'body', is_first_entry: 'body == "first"' }),
  })
  await f.until(() => f.host.counters.waiting === 2)
  assert.equal(f.balance(), 0)
  await f.component?.stop(1000)
  assert.deepEqual(f.lines, ['first\nmore'])
  assert.equal(f.balance(), 0)
})

test('What operators hold is handed on after its time', async (t) => {
  const f = new Fixture(t)
  writeFileSync(f.path('a.log'), 'first\nmore\n')
  await f.start({
    operators: operators({
      type: 'recombine',
      combine_field: 'body',
      is_first_entry: 'body == "first"',
      force_flush_period: '50ms',
    }),
  })
  await f.expect('first\nmore')
})

test('Long entries are split or cut', async (t) => {
  const f = new Fixture(t)
  writeFileSync(f.path('a.log'), '0123456789abcdef\nshort\n')
  await f.start({ max_log_size: 10n })
  await f.expect('0123456789', 'abcdef', 'short')
  const g = new Fixture(t)
  writeFileSync(g.path('a.log'), '0123456789abcdef\nshort\n')
  await g.start({ max_log_size: '10b', max_log_size_behavior: 'truncate' })
  await g.expect('0123456789', 'short')
})

test('The end of a line does not count to its length', async (t) => {
  const f = new Fixture(t)
  writeFileSync(f.path('a.log'), '0123456789\r\n0123456789ABCDEFGHIJ\n\nshort\n')
  await f.start({ max_log_size: 10n, include_file_record_number: true })
  const number = (line: string, n: number) => `${line} | log.file.record_number=${n}`
  await f.expect(number('0123456789', 1), number('0123456789', 2), number('ABCDEFGHIJ', 3), number('short', 5))
})

test('Entries say at which byte of their file they begin', async (t) => {
  const f = new Fixture(t)
  writeFileSync(f.path('a.log'), 'é\r\n\n two\nthree')
  await f.start({ include_file_record_offset: true, force_flush_period: '20ms' })
  const at = (line: string, offset: number) => `${line} | log.file.record_offset=${offset}`
  await f.expect(at('é', 0), at('two', 5), at('three', 10))
  const g = new Fixture(t)
  writeFileSync(g.path('a.log'), 'x#é\n#b#c')
  const multiline = { line_start_pattern: '#', omit_pattern: true }
  await g.start({ include_file_record_offset: true, force_flush_period: '20ms', multiline })
  await g.expect(at('x', 0), at('é', 1), at('b', 5), at('c', 7))
  const h = new Fixture(t)
  writeFileSync(h.path('a.log'), gzipSync('one\n0123456789abcdef\ntwo'))
  await h.start({ include_file_record_offset: true, max_log_size: 10n, compression: 'gzip' })
  await h.expect(at('one', 0), at('0123456789abcdef', 4), at('two', 21))
})

test('Bytes that are no text are entries as they come', async (t) => {
  const f = new Fixture(t)
  const bytes = Buffer.concat([Buffer.from([0xff, 0xfe, 0x00]), Buffer.from(' a\n \n'), Buffer.alloc(200_000, 0x0a)])
  writeFileSync(f.path('a.log'), bytes)
  await f.start({ encoding: 'nop' })
  await f.expect(bytes.toString('base64'))
  appendFileSync(f.path('a.log'), 'more')
  await f.expect(bytes.toString('base64'), Buffer.from('more').toString('base64'))
})

test('UTF-16 without a byte order mark is little endian', async (t) => {
  const f = new Fixture(t)
  writeFileSync(f.path('a.log'), Buffer.from('eins ü\nzwei\n', 'utf16le'))
  await f.start({ encoding: 'UTF-16' })
  await f.expect('eins ü', 'zwei')
})

test('Compressed files are read', async (t) => {
  const f = new Fixture(t)
  writeFileSync(f.path('a.log.gz'), gzipSync('one\ntwo\n'))
  writeFileSync(f.path('b.log'), 'three\n')
  writeFileSync(f.path('c.log'), gzipSync('four\n'))
  writeFileSync(f.path('d.log'), '')
  await f.start({ include: [f.path('*.log'), f.path('*.gz')], compression: 'auto' })
  await f.until(() => f.lines.length === 4)
  appendFileSync(f.path('d.log'), 'five\n')
  await f.until(() => f.lines.length === 5)
  assert.deepEqual(f.lines.toSorted(), ['five', 'four', 'one', 'three', 'two'])
})

test('Files that were read are deleted where they shall be', async (t) => {
  const f = new Fixture(t)
  writeFileSync(f.path('a.log'), 'one\ntwo')
  await f.start({ delete_after_read: true, force_flush_period: '20ms' })
  await f.expect('one', 'two')
  await f.until(() => !existsSync(f.path('a.log')))
})

test('A header gives attributes to all entries of its file, after a restart too', async (t) => {
  const f = new Fixture(t)
  const storage = new Capsule('otelcol.Handler', {
    id: 'x',
    storage: { directoryFor: () => f.path('store'), fsync: true },
  } satisfies OtelExtension)
  writeFileSync(f.path('a.log'), '# env=prod\n# host=h\none\n# env=no\n')
  const settings = {
    storage,
    header: {
      pattern: '^#',
      metadata_operators: operators(
        { type: 'regex_parser', regex: '# (?P<k>\\w+)=(?P<v>\\w+)' },
        {
          type: 'add',
          field: 'attributes.env',
          value: 'EXPR(attributes.v)',
          if: 'attributes.k == "env"',
        },
      ),
    },
  }
  await f.start(settings)
  await f.expect('one | env=prod k=host v=h', '# env=no | env=prod k=host v=h')
  await f.component?.stop(1000)
  appendFileSync(f.path('a.log'), 'two\n')
  await f.start(settings)
  await f.until(() => f.lines.length === 3)
  assert.equal(f.lines[2], 'two | env=prod k=host v=h')
})

test('Entries are numbered, after a restart too', async (t) => {
  const f = new Fixture(t)
  const storage = new Capsule('otelcol.Handler', {
    id: 'x',
    storage: { directoryFor: () => f.path('store'), fsync: true },
  } satisfies OtelExtension)
  writeFileSync(f.path('a.log'), 'one\n\ntwo\n')
  await f.start({ storage, include_file_record_number: true })
  await f.expect('one | log.file.record_number=1', 'two | log.file.record_number=3')
  await f.component?.stop(1000)
  appendFileSync(f.path('a.log'), 'three\n')
  await f.start({ storage, include_file_record_number: true })
  await f.until(() => f.lines.length === 3)
  assert.equal(f.lines[2], 'three | log.file.record_number=4')
})

test('Files say whose they are', async (t) => {
  const f = new Fixture(t)
  writeFileSync(f.path('a.log'), 'one\n', { mode: 0o640 })
  await f.start({ include_file_permissions: true, include_file_owner_name: true, include_file_owner_group_name: true })
  await f.until(() => f.lines.length === 1)
  const owner = process.getuid?.() === 0 ? 'root' : '.+'
  assert.match(f.lines[0] as string, new RegExp(`log.file.owner.group.name=${owner} .*log.file.owner.name=${owner} `))
  assert.match(f.lines[0] as string, /log.file.permissions=640/)
})

test('Files are chosen by patterns, age and order', async (t) => {
  const f = new Fixture(t)
  mkdirSync(f.path('sub'))
  for (const name of ['app-1.log', 'app-2.log', 'app-10.log', 'other.log', 'sub/app-3.log']) {
    writeFileSync(f.path(name), `${name}\n`)
  }
  utimesSync(f.path('app-1.log'), 1000, 1000)
  await f.start({
    include: [f.path('**/*.log')],
    exclude: [f.path('other*')],
    exclude_older_than: '1h',
  })
  await f.until(() => f.lines.length === 3)
  assert.deepEqual(f.lines.toSorted(), ['app-10.log', 'app-2.log', 'sub/app-3.log'])
  const g = new Fixture(t)
  for (const name of ['a-1.log', 'a-2.log', 'a-10.log', 'b-7.log']) writeFileSync(g.path(name), `${name}\n`)
  await g.start({
    ordering_criteria: {
      regex: '(?P<n>\\d+)\\.log',
      group_by: '/([ab])-',
      top_n: 2n,
      sort_by: [{ sort_type: 'numeric', regex_key: 'n' }],
    },
  })
  await g.until(() => g.lines.length === 3)
  assert.deepEqual(g.lines.toSorted(), ['a-10.log', 'a-2.log', 'b-7.log'])
})

test('Settings that cannot work are told, all of them', () => {
  const cases: { name: string; written: Written; want: readonly string[] }[] = [
    { name: 'nothing to read', written: {}, want: ['missing required attribute "include"'] },
    {
      name: 'several at once',
      written: {
        include: ['/x'],
        start_at: 'middle',
        encoding: 'klingon',
        compression: 'rar',
        max_log_size: 'many',
        operators: operators({ type: 'json_parse' }, { type: 'add', field: 'x', value: 1n }),
      },
      want: ['invalid size "many"'],
    },
    {
      name: 'several checks at once',
      written: {
        include: ['/x'],
        start_at: 'middle',
        encoding: 'klingon',
        compression: 'rar',
        attributes: new Map([['a', 'EXPR(1 +)']]),
        operators: operators({ type: 'json_parse' }, { type: 'add', field: 'x', value: 1n }),
      },
      want: [
        'unsupported operator type "json_parse"; did you mean json_parser?',
        'unrecognized prefix: a field begins with body, attributes or resource: x',
        'unexpected end of the expression (1:4)',
        'invalid start_at location "middle": should be beginning or end',
        'compression should be gzip or auto, got "rar"',
        'unsupported encoding "klingon"',
      ],
    },
    {
      name: 'deleting what is not read',
      written: { include: ['/x'], delete_after_read: true },
      want: ["delete_after_read cannot be used with start_at 'end'"],
    },
    {
      name: 'patterns',
      written: { include: ['/x'], multiline: { line_start_pattern: '(', line_end_pattern: 'a' } },
      want: [
        'only one of line_start_pattern or line_end_pattern can be set',
        'error parsing regexp: missing closing ): `(`',
      ],
    },
    {
      name: 'an order',
      written: {
        include: ['/x'],
        ordering_criteria: { regex: '(?P<n>.)', sort_by: [{ sort_type: 'size', regex_key: 'm' }] },
      },
      want: [
        'sort_type should be one of numeric, alphabetical, timestamp, mtime, got "size"',
        'regex_key "m" is no group of regex',
      ],
    },
  ]
  for (const { name, written, want } of cases) {
    assert.deepEqual(problemsOf(fileLogReceiver.settings, written), want, name)
  }
})

test("Alloy's face takes lists of maps, and its own defaults", () => {
  const output = {}
  const settings = decoded(otelcolReceiverFilelog.settings, {
    include: ['/x'],
    operators: [new Map<string, Value>([['type', 'noop']])],
    max_log_size: '2MiB',
    ordering_criteria: { regex: '(?P<n>.)', sort_by: { sort_type: 'numeric', regex_key: 'n' } },
    output,
  })
  assert.equal(settings.max_log_size, 2 * 1024 * 1024)
  assert.equal(settings.max_batches, 10)
  assert.equal(settings.ordering_criteria?.sort_by[0]?.ascending, true)
})
