import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '#lib/clock'
import { HangGuard, HostFiles, TimeoutError, within } from './files.ts'
import { FixtureHost } from './fixture_host.ts'

const signal = new AbortController().signal

test('files of any size are read, whole', () => {
  const host = new FixtureHost({})
  try {
    const files = new HostFiles(host.settings())
    for (const bytes of [0, 1, 65_535, 65_536, 65_537, 300_000]) {
      const text = 'x'.repeat(bytes)
      host.write('proc/file', text)
      // Not `equal`, which would print them.
      assert.ok(files.read(files.proc('file')) === text, `${bytes} bytes`)
      assert.ok(files.readLatin1(files.proc('file')) === text, `${bytes} bytes`)
    }
    host.write('proc/utf8', 'ä€')
    assert.equal(files.read(files.proc('utf8')), 'ä€')
    assert.equal(files.read('/proc/self/stat').startsWith(`${process.pid} `), true)
  } finally {
    host.remove()
  }
})

test('numbers are told from what is none', () => {
  const host = new FixtureHost({})
  try {
    const files = new HostFiles(host.settings())
    const path = files.sys('value')
    const cases: readonly (readonly [string, number | undefined, number | undefined])[] = [
      ['0\n', 0, 0],
      [' 42 \n', 42, 42],
      ['18446744073709551615\n', 18_446_744_073_709_552_000, 18_446_744_073_709_552_000],
      ['-3\n', undefined, -3],
      ['+3\n', undefined, 3],
      ['', undefined, undefined],
      ['1 2\n', undefined, undefined],
      ['0x10\n', undefined, undefined],
      ['<unsupported>\n', undefined, undefined],
    ]
    for (const [text, uint, int] of cases) {
      host.write('sys/value', text)
      assert.equal(files.tryUint(path), uint, text)
      assert.equal(files.tryInt(path), int, text)
    }
    assert.throws(() => files.readUint(path), /not a number: current value is "<unsupported>"/)
    assert.throws(() => files.readUint(files.sys('none')), /ENOENT/)
    assert.equal(files.tryUint(files.sys('none')), undefined)
    assert.equal(files.tryRead(files.sys('')), undefined)
  } finally {
    host.remove()
  }
})

test('directories are sorted, and empty where there is none', () => {
  const host = new FixtureHost({ 'sys/d/b': '', 'sys/d/a': '', 'sys/link': '-> d/b' })
  try {
    const files = new HostFiles(host.settings())
    assert.deepEqual(files.list(files.sys('d')), ['a', 'b'])
    assert.deepEqual(files.tryList(files.sys('e')), [])
    assert.deepEqual(files.tryList(files.sys('d/a')), [])
    assert.throws(() => files.list(files.sys('e')), /ENOENT/)
    assert.equal(files.tryLinkName(files.sys('link')), 'b')
    assert.equal(files.tryLinkName(files.sys('d')), undefined)
  } finally {
    host.remove()
  }
})

test('what does not answer in time is given up; what does leaves no timer behind', async () => {
  const clock = new ManualClock()
  assert.equal(await within(Promise.resolve(1), 100, clock, signal), 1)
  await assert.rejects(within(Promise.reject(new Error('no')), 100, clock, signal), /no/)
  const late = assert.rejects(within(new Promise(() => {}), 100, clock, signal), TimeoutError)
  await clock.advance(100)
  await late
  const aborted = new AbortController()
  const given = assert.rejects(within(new Promise(() => {}), 100, clock, aborted.signal), /aborted/)
  aborted.abort()
  await given
  await assert.rejects(within(new Promise(() => {}), 100, clock, aborted.signal), /aborted/)
  assert.equal(clock.pending, 0)
})

test('what hangs is not asked again until it has answered', async () => {
  const clock = new ManualClock()
  const guard = new HangGuard(100, clock)
  let answer: (value: number) => void = () => {}
  const hanging = assert.rejects(
    guard.run(() => new Promise((resolve) => (answer = resolve)), signal),
    TimeoutError,
  )
  await clock.advance(100)
  await hanging
  await assert.rejects(
    guard.run(() => Promise.resolve(2), signal),
    /an earlier request has not been answered/,
  )
  answer(1)
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(await guard.run(() => Promise.resolve(3), signal), 3)
})
