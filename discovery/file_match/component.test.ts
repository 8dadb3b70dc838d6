import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { Target } from '#component'
import { decoded, TestHost } from '#component/test_host'
import { localFileMatch } from './component.ts'

function found(host: TestHost): Record<string, string>[] {
  return (host.exports['targets'] as Target[]).map((target) => Object.fromEntries(target.labels))
}

function directoryOf(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'file-match-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  mkdirSync(join(directory, 'd'))
  for (const name of ['a.log', 'b.log', 'd/c.log']) writeFileSync(join(directory, name), '')
  return directory
}

test('Files are exported with the labels of their pattern, again after the sync period', async (t) => {
  const directory = directoryOf(t)
  const host = new TestHost()
  const target = new Map([
    ['__path__', `${directory}/**/*.log`],
    ['__path_exclude__', `${directory}/b*`],
    ['job', 'x'],
  ])
  const component = await localFileMatch.create(
    host,
    decoded(localFileMatch.settings, { path_targets: [new Target(target)], sync_period: '5ms' }),
  )
  const rest = { __path_exclude__: `${directory}/b*`, job: 'x' }
  const want = ['a.log', 'd/c.log'].map((name) => ({ __path__: `${directory}/${name}`, ...rest }))
  assert.deepEqual(found(host), want)
  await component.start?.()
  writeFileSync(join(directory, 'e.log'), '')
  unlinkSync(join(directory, 'a.log'))
  await host.until(() =>
    found(host).some((one) => one['__path__'] === `${directory}/e.log` && found(host).length === 2),
  )
  await component.stop(0)
  await component.stop(0)
})

test('Files that did not change for long are left out', async (t) => {
  const directory = directoryOf(t)
  utimesSync(join(directory, 'a.log'), 1, 1)
  const host = new TestHost()
  const target = new Target(new Map([['__path__', `${directory}/*.log`]]))
  await localFileMatch.create(
    host,
    decoded(localFileMatch.settings, { path_targets: [target], ignore_older_than: '1h' }),
  )
  assert.deepEqual(found(host), [{ __path__: `${directory}/b.log` }])
})
