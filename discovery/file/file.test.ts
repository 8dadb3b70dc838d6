import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test, type TestContext } from 'node:test'
import type { Component, Target } from '#component'
import { type FileDiscoverySettings, matchingFiles } from '#component/discovery'
import { decoded, problemsOf, TestHost, type Written } from '#component/test_host'
import { ManualClock } from '#lib/clock'
import { discoveryFile } from './component.ts'

const root = mkdtempSync(join(tmpdir(), 'discovery_file-'))
after(() => rmSync(root, { recursive: true }))

let directories = 0
function newDirectory(files: Readonly<Record<string, string>>): string {
  const directory = join(root, String(directories++))
  mkdirSync(directory)
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text)
  return directory
}

const targets = (host: TestHost): Record<string, string>[] =>
  (host.exports['targets'] as readonly Target[]).map((target) => Object.fromEntries(target.labels))
const addresses = (host: TestHost): string =>
  targets(host)
    .map((one) => one['__address__'])
    .join()

async function make(t: TestContext, host: TestHost, written: Written): Promise<Component<FileDiscoverySettings>> {
  const component = await discoveryFile.create(host, decoded(discoveryFile.settings, written))
  t.after(() => component.stop(0))
  return component
}

test('names of files', () => {
  const files = ['a.json', '/b/*.yml', 'c/*x.YAML', 'a.txt', '*/a.json', 'a.json*']
  assert.deepEqual(problemsOf(discoveryFile.settings, { files }), [
    'path name "a.txt" is not valid for file discovery',
    'path name "*/a.json" is not valid for file discovery',
    'path name "a.json*" is not valid for file discovery',
  ])
})

test('patterns', () => {
  const directory = newDirectory({ 'b.json': '', 'a.json': '', 'ab.json': '', 'a+.json': '', 'a.yml': '' })
  const cases: [patterns: string[], want: string[]][] = [
    [['*.json'], ['a+.json', 'a.json', 'ab.json', 'b.json']],
    [
      ['b.json', 'a*.json'],
      ['b.json', 'a+.json', 'a.json', 'ab.json'],
    ],
    [['?.json'], ['a.json', 'b.json']],
    [['[^a].json'], ['b.json']],
    [['a+*.json'], ['a+.json']],
    [['missing.json', 'x*.json'], ['missing.json']],
  ]
  for (const [patterns, want] of cases) {
    const found = [...matchingFiles(patterns.map((pattern) => join(directory, pattern)))]
    assert.deepEqual(
      found,
      want.map((name) => join(directory, name)),
      patterns.join(),
    )
  }
  assert.deepEqual([...matchingFiles([join(directory, 'none', '*.json')])], [])
})

test('JSON and YAML', async (t) => {
  const directory = newDirectory({
    'a.json': '[{"targets": ["one:1", "two:2"], "labels": {"env": "prod"}}]',
    'b.yml': [
      '# a comment',
      '- targets: [three:3]',
      '  labels:',
      '    number: 1.10',
      '    truth: yes',
      '- targets: ["four:4"]',
      '  labels:',
    ].join('\n'),
    'c.yaml': '',
  })
  const host = new TestHost()
  await make(t, host, { files: [join(directory, 'a.json'), join(directory, '*.yml'), join(directory, '*.yaml')] })
  const [a, b] = [join(directory, 'a.json'), join(directory, 'b.yml')]
  assert.deepEqual(targets(host), [
    { __address__: 'one:1', env: 'prod', __meta_filepath: a },
    { __address__: 'two:2', env: 'prod', __meta_filepath: a },
    { __address__: 'three:3', number: '1.10', truth: 'yes', __meta_filepath: b },
    { __address__: 'four:4', __meta_filepath: b },
  ])
})

test('a file that is broken keeps its last targets, one that is gone takes them along', async (t) => {
  const directory = newDirectory({ 'a.json': '[{"targets":["a"]}]', 'b.yml': '- targets: [b]' })
  const clock = new ManualClock(Date.now())
  const host = new TestHost({ clock })
  const component = await make(t, host, {
    files: [join(directory, '*.json'), join(directory, '*.yml')],
    refresh_interval: '10s',
  })
  assert.equal(clock.pending, 0, 'nothing goes on before the start')
  await component.start?.()
  assert.equal(addresses(host), 'a,b')
  for (const broken of ['[{"targets":[', '[{"target":[]}]', '[null]']) {
    writeFileSync(join(directory, 'a.json'), broken)
    await clock.advance(10_000)
    assert.equal(addresses(host), 'a,b')
    assert.equal(host.health.state, 'unhealthy')
  }
  // The system may tell of a change as well, and then the file is read more often.
  assert.ok((host.counts.get('prometheus_sd_file_read_errors_total')?.value ?? 0) >= 3)
  writeFileSync(join(directory, 'a.json'), '[{"targets":["a2"]}]')
  await clock.advance(10_000)
  assert.equal(addresses(host), 'a2,b')
  assert.equal(host.health.state, 'healthy')
  unlinkSync(join(directory, 'b.yml'))
  await clock.advance(10_000)
  assert.equal(addresses(host), 'a2')
  await component.stop(0)
  await component.stop(0)
  assert.equal(clock.pending, 0)
})

test('changes are taken over when the system tells of them', async (t) => {
  const directory = newDirectory({ 'a.json': '[]' })
  const host = new TestHost()
  const component = await make(t, host, { files: [join(directory, '*.json')] })
  await component.start?.()
  writeFileSync(join(directory, 'b.json.tmp'), '[{"targets":["b"]}]')
  renameSync(join(directory, 'b.json.tmp'), join(directory, 'b.json'))
  await host.until(() => addresses(host) === 'b')
})

test('an update reads the new files', async (t) => {
  const directory = newDirectory({ 'a.json': '[{"targets":["a"]}]', 'b.json': '[{"targets":["b"]}]' })
  const clock = new ManualClock()
  const host = new TestHost({ clock })
  const component = await make(t, host, { files: [join(directory, 'a.json')] })
  await component.start?.()
  await component.update?.(decoded(discoveryFile.settings, { files: [join(directory, 'b.json')] }))
  await clock.advance(5000)
  assert.equal(addresses(host), 'b')
})
