import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test, type TestContext } from 'node:test'
import { type Component, OptionalSecret } from '#component'
import { decoded, problemsOf, TestHost, type Written } from '#component/test_host'
import { ManualClock } from '#lib/clock'
import { localFile, type LocalFileSettings } from './component.ts'

const directory = mkdtempSync(join(tmpdir(), 'local_file-'))
after(() => rmSync(directory, { recursive: true }))

const text = (host: TestHost): string | undefined => (host.exports['content'] as OptionalSecret | undefined)?.reveal()

async function make(t: TestContext, host: TestHost, written: Written): Promise<Component<LocalFileSettings>> {
  const component = await localFile.create(host, decoded(localFile.settings, written))
  t.after(() => component.stop(0))
  return component
}

test('the content is exported as it is, before the start', async (t) => {
  const filename = join(directory, 'plain')
  writeFileSync(filename, ' word\n')
  const host = new TestHost()
  await make(t, host, { filename })
  assert.equal(text(host), ' word\n')
  assert.equal(String(host.exports['content']), ' word\n')
  assert.deepEqual(host.health, { state: 'healthy', message: 'read file' })
  assert.ok((host.readings.get('local_file_timestamp_last_accessed_unix_seconds')?.() ?? 0) > 1e9)
})

test('a secret is not shown', async (t) => {
  const filename = join(directory, 'secret')
  writeFileSync(filename, 'word')
  const host = new TestHost()
  await make(t, host, { filename, is_secret: true })
  assert.equal(String(host.exports['content']), '(secret)')
  assert.equal(text(host), 'word')
})

test('a file that cannot be read at first is an error of the settings', () => {
  const create = (): unknown => localFile.create(new TestHost(), decoded(localFile.settings, { filename: '/none' }))
  assert.throws(create, { name: 'SettingsError', message: /^failed to read file: ENOENT/ })
})

test('settings that cannot work', () => {
  assert.deepEqual(problemsOf(localFile.settings, { filename: 'x', poll_frequency: '0s' }), [
    'poll_frequency must be greater than 0',
  ])
  assert.deepEqual(problemsOf(localFile.settings, { filename: 'x', detector: 'guess' }), [
    'should be one of "fsnotify", "poll", got "guess"',
  ])
})

/** The ways in which files are changed. */
const changes: { name: string; change(filename: string): void }[] = [
  { name: 'written over', change: (filename) => writeFileSync(filename, 'two') },
  {
    name: 'replaced by another',
    change(filename) {
      writeFileSync(`${filename}.new`, 'two')
      renameSync(`${filename}.new`, filename)
    },
  },
  {
    name: 'removed and made again',
    change(filename) {
      unlinkSync(filename)
      writeFileSync(filename, 'two')
    },
  },
]
for (const { name, change } of changes) {
  test(`a file that is ${name} is read again`, async (t) => {
    const filename = join(directory, `changed ${name}`)
    writeFileSync(filename, 'one')
    const host = new TestHost()
    await (await make(t, host, { filename })).start?.()
    change(filename)
    await host.until(() => text(host) === 'two')
  })
}

test('a directory that is swapped by its link, as Kubernetes does, is noticed', async (t) => {
  const mount = join(directory, 'mount')
  mkdirSync(join(mount, '..1'), { recursive: true })
  mkdirSync(join(mount, '..2'))
  writeFileSync(join(mount, '..1', 'key'), 'one')
  writeFileSync(join(mount, '..2', 'key'), 'two')
  symlinkSync('..1', join(mount, '..data'))
  symlinkSync('..data/key', join(mount, 'key'))
  const host = new TestHost()
  await (await make(t, host, { filename: join(mount, 'key') })).start?.()
  symlinkSync('..2', join(mount, '..data_tmp'))
  renameSync(join(mount, '..data_tmp'), join(mount, '..data'))
  await host.until(() => text(host) === 'two')
})

test('without being told, the file is looked at now and then; what cannot be read keeps its last content', async (t) => {
  const filename = join(directory, 'polled')
  writeFileSync(filename, 'one')
  const clock = new ManualClock()
  const host = new TestHost({ clock })
  const component = await make(t, host, { filename, detector: 'poll', poll_frequency: '10s' })
  await component.start?.()
  writeFileSync(filename, 'two')
  await clock.advance(9_999)
  assert.equal(text(host), 'one')
  await clock.advance(1)
  assert.equal(text(host), 'two')
  unlinkSync(filename)
  await clock.advance(10_000)
  assert.equal(text(host), 'two')
  assert.equal(host.health.state, 'unhealthy')
  writeFileSync(filename, 'three')
  await clock.advance(10_000)
  assert.equal(text(host), 'three')
  assert.equal(host.health.state, 'healthy')
  await component.stop(0)
  await component.stop(0)
  assert.equal(clock.pending, 0)
})

test('an update changes over to another file, or stays where that cannot be read', async (t) => {
  const [one, two] = [join(directory, 'one'), join(directory, 'two')]
  writeFileSync(one, 'one')
  writeFileSync(two, 'two')
  const host = new TestHost()
  const component = await make(t, host, { filename: one })
  await component.start?.()
  assert.throws(() => component.update?.(decoded(localFile.settings, { filename: '/none' })), /failed to read file/)
  assert.equal(text(host), 'one')
  await component.update?.(decoded(localFile.settings, { filename: two }))
  assert.equal(text(host), 'two')
  writeFileSync(two, 'more')
  await host.until(() => text(host) === 'more')
})
