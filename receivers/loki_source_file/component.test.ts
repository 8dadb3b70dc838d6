import assert from 'node:assert/strict'
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { Capsule, type Component, type LogsPort, Target } from '#component'
import { decoded, problemsOf, TestHost, type Written } from '#component/test_host'
import type { Logs } from '#pdata'
import { labelText } from '#pdata/loki'
import { lokiSourceFile, type LokiSourceFileSettings } from './component.ts'

class Source {
  readonly directory: string
  host: TestHost
  readonly lines: string[] = []
  readonly #port: LogsPort
  component: Component<LokiSourceFileSettings> | undefined
  #tell: () => void = () => {}

  constructor(t: TestContext) {
    this.directory = mkdtempSync(join(tmpdir(), 'source-file-'))
    this.host = this.#host()
    this.#port = { nodeId: 'sink', signal: 'logs', consume: (batch) => this.#take(batch) }
    t.after(async () => {
      await this.component?.stop(1000)
      rmSync(this.directory, { recursive: true, force: true })
    })
  }

  #host(): TestHost {
    return new TestHost({ dataDir: join(this.directory, 'data') })
  }

  path(name: string): string {
    return join(this.directory, name)
  }

  target(name: string, labels: Record<string, string> = {}): Target {
    return new Target(new Map(Object.entries({ __path__: this.path(name), ...labels })))
  }

  #take(batch: Logs): void {
    for (const { labels, lines } of batch.streams ?? []) {
      for (const line of lines) this.lines.push(`${labelText(labels).replaceAll(this.directory, '')} ${line}`)
    }
    this.#tell()
  }

  settings(written: Written): LokiSourceFileSettings {
    return decoded(lokiSourceFile.settings, {
      forward_to: [new Capsule('LogsReceiver', this.#port)],
      file_watch: { min_poll_frequency: '5ms', max_poll_frequency: '10ms' },
      ...written,
    })
  }

  async start(written: Written): Promise<void> {
    await this.component?.stop(1000)
    this.host = this.#host()
    this.component = (await lokiSourceFile.create(
      this.host,
      this.settings(written),
    )) as Component<LokiSourceFileSettings>
    await this.component.start?.()
  }

  async expect(...want: string[]): Promise<void> {
    while (this.lines.length < want.length) await new Promise<void>((resolve) => (this.#tell = resolve))
    assert.deepEqual(this.lines, want)
  }

  positions(): string {
    return readFileSync(join(this.directory, 'data', 'positions.yml'), 'utf8').replaceAll(this.directory, '')
  }

  writePositions(text: string): void {
    mkdirSync(join(this.directory, 'data'), { recursive: true })
    writeFileSync(join(this.directory, 'data', 'positions.yml'), text)
  }
}

test('Lines have the labels of their target but the internal ones, and the name of the file', async (t) => {
  const s = new Source(t)
  writeFileSync(s.path('a.log'), 'one\n')
  await s.start({ targets: [s.target('a.log', { job: 'x', __meta_a: 'b', filename: 'no' })] })
  await s.expect('{filename="/a.log", job="x"} one')
  assert.equal(s.host.readings.get('loki_source_file_files_active_total')?.(), 1)
  const path = s.path('a.log')
  const reading = (name: string): number | undefined => s.host.readings.get(`${name}{path="${path}"}`)?.()
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(reading('loki_source_file_read_bytes_total'), 4)
  assert.equal(reading('loki_source_file_file_bytes_total'), 4)
  assert.equal(reading('loki_source_file_read_lines_total'), 1)
  await s.component?.stop(1000)
  assert.match(
    s.positions(),
    /^positions:\n {2}\? path: "\/a\.log"\n {4}labels: "\{filename=\\"no\\", job=\\"x\\"\}"\n {2}: "4"\n/,
  )
})

test("Positions that Alloy wrote are gone on from, with YAML's plain and quoted scalars", async (t) => {
  const s = new Source(t)
  writeFileSync(s.path('a.log'), 'one\ntwo\n')
  s.writePositions(`positions:\n    ? path: ${s.path('a.log')}\n      labels: '{job="x"}'\n    : "4"\n`)
  await s.start({ targets: [s.target('a.log', { job: 'x' })] })
  await s.expect('{filename="/a.log", job="x"} two')
})

const errors: { name: string; onError: string; offset: string; want: string[] }[] = [
  { name: 'read from the beginning', onError: 'restart_from_beginning', offset: 'x', want: ['one', 'two'] },
  { name: 'read from the end', onError: 'restart_from_end', offset: 'x', want: ['two'] },
  { name: 'not read', onError: 'skip', offset: 'x', want: [] },
  { name: 'gone on from where it was', onError: 'skip', offset: '4', want: ['two'] },
  {
    name: 'read from the beginning as its position is behind its end',
    onError: 'skip',
    offset: '99',
    want: ['one', 'two'],
  },
]
for (const { name, onError, offset, want } of errors) {
  test(`A file whose position is ${offset} is, with ${onError}, ${name}`, async (t) => {
    const s = new Source(t)
    writeFileSync(s.path('a.log'), 'one\n')
    writeFileSync(s.path('b.log'), 'other\n')
    s.writePositions(`positions:\n  ? path: ${s.path('a.log')}\n    labels: '{}'\n  : ${offset}\n`)
    await s.start({ targets: [s.target('a.log')], on_positions_file_error: onError })
    while (((s.component?.debug?.() ?? []) as { size: number }[]).some((file) => file.size === 0)) {
      await new Promise((resolve) => setImmediate(resolve))
    }
    appendFileSync(s.path('a.log'), 'two\n')
    await s.expect(...want.map((line) => `{filename="/a.log"} ${line}`))
  })
}

test('A broken positions file is set aside and counted, and files are read', async (t) => {
  const s = new Source(t)
  writeFileSync(s.path('a.log'), 'one\n')
  s.writePositions('positions: [1')
  await s.start({ targets: [s.target('a.log')] })
  await s.expect('{filename="/a.log"} one')
  assert.equal(s.host.readings.get('solder_loki_source_file_positions_corrupt_total')?.(), 1)
  assert.equal(readFileSync(join(s.directory, 'data', 'positions.yml.corrupt'), 'utf8'), 'positions: [1')
})

test('Positions of an older agent are taken over once; one that cannot be read ends the start', async (t) => {
  const s = new Source(t)
  writeFileSync(s.path('a.log'), 'one\ntwo\n')
  writeFileSync(s.path('old.yml'), `positions:\n  ${s.path('a.log')}: "4"\n`)
  const written = { targets: [s.target('a.log', { job: 'x' })], legacy_positions_file: s.path('old.yml') }
  await s.start(written)
  await s.expect('{filename="/a.log", job="x"} two')
  appendFileSync(s.path('a.log'), 'three\n')
  await s.start(written)
  await s.expect('{filename="/a.log", job="x"} two', '{filename="/a.log", job="x"} three')
  mkdirSync(s.path('directory'))
  const broken = s.settings({ targets: [], legacy_positions_file: s.path('directory') })
  await assert.rejects(async () => lokiSourceFile.create(s.host, broken), /Cannot read the legacy positions file/)
})

test('Patterns find files, again after the sync period, but for those to leave out', async (t) => {
  const s = new Source(t)
  mkdirSync(s.path('d/e'), { recursive: true })
  writeFileSync(s.path('d/e/a.log'), 'one\n')
  writeFileSync(s.path('d/no.log'), 'no\n')
  await s.start({
    targets: [s.target('**/*.log', { __path_exclude__: s.path('**/no*') })],
    file_match: { enabled: true, sync_period: '10ms' },
  })
  await s.expect('{filename="/d/e/a.log"} one')
  writeFileSync(s.path('b.log'), 'two\n')
  await s.expect('{filename="/d/e/a.log"} one', '{filename="/b.log"} two')
})

test('An update keeps what goes on, and takes a changed target from where it was', async (t) => {
  const s = new Source(t)
  writeFileSync(s.path('a.log'), 'one\n')
  await s.start({ targets: [s.target('a.log')] })
  await s.expect('{filename="/a.log"} one')
  appendFileSync(s.path('a.log'), 'two\n')
  await s.component?.update?.(s.settings({ targets: [s.target('a.log')], encoding: 'latin1' }))
  await s.expect('{filename="/a.log"} one', '{filename="/a.log"} two')
  renameSync(s.path('a.log'), s.path('a.log.1'))
  writeFileSync(s.path('a.log'), Buffer.from([0xe9, 10]))
  await s.expect('{filename="/a.log"} one', '{filename="/a.log"} two', '{filename="/a.log"} é')
})

test('Settings that cannot work are told', () => {
  const base = { targets: [], forward_to: [] }
  assert.deepEqual(problemsOf(lokiSourceFile.settings, { ...base, encoding: 'klingon' }), [
    'unknown encoding "klingon"',
  ])
  assert.equal(
    problemsOf(lokiSourceFile.settings, { ...base, decompression: { enabled: true, format: 'zip' } }).length,
    1,
  )
  assert.equal(problemsOf(lokiSourceFile.settings, { ...base, file_match: { sync_period: '0s' } }).length, 1)
})
