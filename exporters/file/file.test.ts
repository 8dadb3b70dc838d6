import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { zstdDecompressSync } from 'node:zlib'
import type { Component } from '#component'
import { decoded, problemsOf, TestHost, type Written } from '#component/test_host'
import { readTracesRequest, tracesFromJson, tracesTree } from '#pdata/otlp'
import { fileExporter, otelcolExporterFile } from './component.ts'
import { groupPath } from './exporter.ts'
import { FileWriter } from './writer.ts'

const root = await mkdtemp(join(tmpdir(), 'solder-file-'))
after(() => rm(root, { recursive: true, force: true }))
let files = 0
const freshPath = (): string => join(root, `${++files}.json`)

function spans(...names: string[]) {
  const all = names.map((name) => ({ traceId: '5b8efff798038103d269b633813fc60c', spanId: 'eee19b7ec3c1b174', name }))
  return tracesFromJson(JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: all }] }] }))
}

const namesIn = (batch: ReturnType<typeof spans>): string[] =>
  tracesTree(batch).resourceSpans.flatMap((r) => r.scopeSpans.flatMap((s) => s.spans.map((span) => span.name)))

async function running(path: string, written: Written = {}): Promise<{ host: TestHost; component: Component }> {
  const host = new TestHost()
  const settings = decoded(otelcolExporterFile.settings, { path, flush_interval: '5ms', ...written })
  const component = (await otelcolExporterFile.create(host, settings)) as Component
  await component.start?.()
  return { host, component }
}

/** Messages with their length in front. */
function messages(bytes: Buffer): Buffer[] {
  const out: Buffer[] = []
  for (let at = 0; at < bytes.length;) {
    const length = bytes.readUInt32BE(at)
    out.push(bytes.subarray(at + 4, at + 4 + length))
    at += 4 + length
  }
  return out
}

test('batches are lines of JSON, and what the file held before goes unless it is to stay', async () => {
  const path = freshPath()
  await writeFile(path, 'before\n')
  for (const [append, before] of [
    [false, 0],
    [true, 2],
  ] as const) {
    const { host, component } = await running(path, { append })
    await component.traces?.consume(spans('a', 'b'))
    await component.traces?.consume(spans('c'))
    await component.stop(100)
    await component.stop(100)
    const lines = (await readFile(path, 'utf8')).trimEnd().split('\n').slice(before)
    assert.deepEqual(
      lines.map((line) => namesIn(tracesFromJson(line))),
      [['a', 'b'], ['c']],
    )
    assert.equal(host.counters.out, 3)
    assert.equal(host.counters.waiting, 0)
  }
})

test('protobuf, and compressed messages, have their length in front', async () => {
  const cases: [Written, (message: Buffer) => ReturnType<typeof spans>][] = [
    [{ format: 'proto' }, (message) => readTracesRequest(message)],
    [{ format: 'proto', compression: 'zstd' }, (message) => readTracesRequest(zstdDecompressSync(message))],
    [
      { compression: 'zstd', compression_params: { level: 5n } },
      (m) => tracesFromJson(zstdDecompressSync(m).toString()),
    ],
  ]
  for (const [written, read] of cases) {
    const path = freshPath()
    const { component } = await running(path, written)
    await component.traces?.consume(spans('a', 'b'))
    await component.traces?.consume(spans('c'))
    await component.stop(100)
    assert.deepEqual(
      messages(await readFile(path)).map((message) => namesIn(read(message))),
      [['a', 'b'], ['c']],
    )
  }
})

test('a full file is rotated, and old ones go', async () => {
  const directory = join(root, 'rotated')
  const host = new TestHost()
  let nowMs = Date.UTC(2024, 0, 2, 3, 4, 5, 678)
  const clock = {
    ...host.clock,
    now: () => (nowMs += 1000),
    setTimeout: host.clock.setTimeout,
    monotonic: host.clock.monotonic,
  }
  let written = 0
  const rotation = { bytesMax: 10, ageDaysMax: 0, backupsMax: 2, localTime: false }
  const settings = { append: false, rotation, flushMs: 1, directoryMode: 0o755 }
  const writer = new FileWriter(join(directory, 'x.log'), settings, clock, host.log, {
    onWritten: (items) => void (written += items),
    onProblem: (problem) => assert.equal(problem, undefined),
  })
  for (let i = 0; i < 5; i++) await writer.put(Buffer.from(`line ${i}\n`), 1)
  assert.equal(await writer.close(), 0)
  assert.equal(written, 5)
  const names = (await readdir(directory)).toSorted()
  assert.equal(names.length, 3)
  assert.match(names[0] as string, /^x-2024-01-02T03-04-\d\d\.678\.log$/)
  const texts = await Promise.all(names.map((name) => readFile(join(directory, name), 'utf8')))
  assert.deepEqual(texts, ['line 2\n', 'line 3\n', 'line 4\n'])
})

test('a file for each value of a resource attribute; resources without it are dropped and counted', async () => {
  const directory = join(root, 'grouped')
  const { host, component } = await running(`${directory}/*.json`, {
    group_by: { enabled: true, max_open_files: 1n, resource_attribute: 'tenant' },
  })
  const resources = ['red', 'blue', '../../out', undefined].map((tenant, i) => ({
    resource: tenant === undefined ? {} : { attributes: [{ key: 'tenant', value: { stringValue: tenant } }] },
    scopeSpans: [
      { spans: [{ traceId: '5b8efff798038103d269b633813fc60c', spanId: 'eee19b7ec3c1b174', name: `s${i}` }] },
    ],
  }))
  for (let i = 0; i < 2; i++)
    await component.traces?.consume(tracesFromJson(JSON.stringify({ resourceSpans: resources })))
  await component.stop(100)
  assert.deepEqual((await readdir(directory)).toSorted(), ['blue.json', 'out.json', 'red.json'])
  assert.equal(host.counters.out, 6)
  assert.deepEqual([...host.counters.droppedByReason], [['no resource attribute for the path', 2]])
  assert.match(await readFile(join(directory, 'red.json'), 'utf8'), /"name":"s0"/)
})

test('a file that cannot be written makes the component unhealthy, and what could not be written is counted', async () => {
  const { host, component } = await running(join(root, 'no', 'such', 'directory'))
  await component.traces?.consume(spans('a'))
  await host.until(() => host.health.state === 'unhealthy')
  assert.equal(host.counters.waiting, 1)
  await component.stop(100)
  assert.deepEqual([...host.counters.droppedByReason], [['cannot write', 1]])
})

test('no group leads out of its directory', () => {
  const cases = [
    ['/d/*.json', 'a', '/d/a.json'],
    ['/d/*.json', 'a/b', '/d/a/b.json'],
    ['/d/*.json', '../../etc/x', '/d/etc/x.json'],
    ['/d/p-*.json', '../x', '/d/p-/x.json'],
  ] as const
  for (const [pattern, segment, want] of cases) assert.equal(groupPath(pattern, segment), want)
})

test('settings that cannot work are refused', () => {
  const cases: [Written, RegExp][] = [
    [{}, /path must be non-empty/],
    [{ path: 'x', compression: 'gzip' }, /compression is not supported/],
    [{ path: 'x', append: true, rotation: {} }, /append and rotation/],
    [{ path: 'x', group_by: { enabled: true } }, /exactly one \*/],
    [{ path: 'x', encoding: 'text' }, /encoding is not supported/],
    [{ path: 'x', create_directory: true, directory_permissions: '9' }, /octal/],
  ]
  for (const [written, problem] of cases) assert.match(problemsOf(fileExporter.settings, written).join(), problem)
})
