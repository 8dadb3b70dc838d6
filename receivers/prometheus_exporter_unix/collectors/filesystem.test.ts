import assert from 'node:assert/strict'
import type { StatsFs } from 'node:fs'
import { test } from 'node:test'
import { ManualClock } from '#lib/clock'
import { collectOnce, FixtureHost } from '../fixture_host.ts'
import { collector, createFilesystem, parseMounts } from './filesystem.ts'

const mountinfo =
  '22 28 0:21 / /proc rw,nosuid shared:14 - proc proc rw\n' +
  '28 0 259:2 / / rw,relatime shared:1 - ext4 /dev/dm-2 ro,errors=remount-ro\n' +
  '30 28 0:26 / /with\\040space rw - tmpfs tmpfs rw\n' +
  '31 28 0:27 / /mnt/nfs rw,relatime - nfs4 server:/export rw\n' +
  '32 28 0:28 / /var/lib/docker/overlay2 rw - ext4 /dev/sdb rw\n'

test('mounts are read with their escapes, below the root directory, read-only by either kind of options', () => {
  assert.deepEqual(
    parseMounts(mountinfo, '/').map(({ mountPoint, fsType, isReadonly }) => [mountPoint, fsType, isReadonly]),
    [
      ['/proc', 'proc', false],
      ['/', 'ext4', true],
      ['/with space', 'tmpfs', false],
      ['/mnt/nfs', 'nfs4', false],
      ['/var/lib/docker/overlay2', 'ext4', false],
    ],
  )
  const [host, root] = parseMounts(
    '1 0 8:1 / /host/boot rw - ext4 /dev/a rw\n1 0 8:1 / /host rw - ext4 /dev/b rw\n',
    '/host',
  )
  assert.equal(host?.mountPoint, '/boot')
  assert.equal(root?.mountPoint, '/')
  for (const line of ['x', '1 0 8:1 / / rw - ext4 /dev/a', '1 0 8 / / rw - ext4 /dev/a rw']) {
    assert.throws(() => parseMounts(line, '/'), /Cannot read mountinfo/)
  }
})

const numbers: StatsFs = { type: 0, bsize: 4096, frsize: 4096, blocks: 100, bfree: 50, bavail: 40, files: 10, ffree: 5 }
const answersAtOnce = createFilesystem(() => Promise.resolve(numbers))

test('sizes are bytes; what the defaults exclude is not asked', async () => {
  const nfs = 'device="server:/export",mountpoint="/mnt/nfs",fstype="nfs4"'
  const lines = await collectOnce(answersAtOnce, { 'proc/1/mountinfo': mountinfo })
  assert.deepEqual(
    lines.filter((line) => line.includes('/mnt/nfs')),
    [
      `node_filesystem_device_error{${nfs}} 0`,
      `node_filesystem_readonly{${nfs}} 0`,
      `node_filesystem_size_bytes{${nfs}} 409600`,
      `node_filesystem_free_bytes{${nfs}} 204800`,
      `node_filesystem_avail_bytes{${nfs}} 163840`,
      `node_filesystem_files{${nfs}} 10`,
      `node_filesystem_files_free{${nfs}} 5`,
    ],
  )
  assert.ok(!lines.some((line) => line.includes('docker') || line.includes('"proc"')))
})

test('a mount that is gone has an error of its own, and the others have their sizes', async () => {
  const lines = await collectOnce(collector, { 'proc/self/mountinfo': mountinfo })
  const errors = lines.filter((line) => line.startsWith('node_filesystem_device_error'))
  assert.deepEqual(
    errors.map((line) => /device_error="([^"]*)"\} (\d)/.exec(line)?.slice(1) ?? []),
    [[], ['no such file or directory', '1'], ['no such file or directory', '1']],
  )
  assert.ok(lines.some((line) => line.startsWith('node_filesystem_size_bytes{device="/dev/dm-2"')))
})

const nfsMounts = (...names: string[]): string =>
  names.map((name, i) => `${i} 0 0:${i} / /mnt/${name} rw - nfs4 server:/${name} rw\n`).join('')

const errorsBy = (lines: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    lines
      .filter((line) => line.startsWith('node_filesystem_device_error'))
      .map((line) => [
        /mountpoint="\/mnt\/(\w+)"/.exec(line)?.[1] ?? '',
        /device_error="([^"]*)"/.exec(line)?.[1] ?? '',
      ]),
  )

test('a mount that hangs costs its own series only, is not asked again while it hangs, and comes back', async () => {
  const asked: string[] = []
  let answer: (numbers: StatsFs) => void = () => {}
  const hanging = createFilesystem((path) => {
    const name = path.split('/').at(-1) ?? ''
    asked.push(name)
    return name === 'stuck' ? new Promise((resolve) => (answer = resolve)) : Promise.resolve(numbers)
  })
  const clock = new ManualClock()
  const host = new FixtureHost({ 'proc/1/mountinfo': nfsMounts('a', 'stuck', 'b', 'c') })
  try {
    const scrape = host.collector(hanging, { clock })
    const first = scrape()
    while (asked.length < 4 || clock.pending !== 1) await new Promise((resolve) => setImmediate(resolve))
    await clock.advance(5000)
    const stuck = 'mountpoint timeout'
    assert.deepEqual(errorsBy((await first).lines), { a: '', stuck, b: '', c: '' })
    assert.deepEqual(errorsBy((await scrape()).lines), { a: '', stuck, b: '', c: '' })
    assert.equal(asked.filter((name) => name === 'stuck').length, 1)
    answer(numbers)
    await new Promise((resolve) => setImmediate(resolve))
    const last = scrape()
    while (asked.filter((name) => name === 'stuck').length < 2) await new Promise((resolve) => setImmediate(resolve))
    answer(numbers)
    assert.deepEqual(errorsBy((await last).lines), { a: '', stuck: '', b: '', c: '' })
  } finally {
    host.remove()
  }
})

test('never more than two threads wait for mounts', async () => {
  const asked: string[] = []
  const hanging = createFilesystem((path) => {
    asked.push(path)
    return new Promise(() => {})
  })
  const clock = new ManualClock()
  const host = new FixtureHost({ 'proc/1/mountinfo': nfsMounts('a', 'b', 'c', 'd') })
  try {
    const scrape = host.collector(hanging, { clock })
    const first = scrape()
    while (clock.pending !== 2) await new Promise((resolve) => setImmediate(resolve))
    await clock.advance(5000)
    const stuck = 'mountpoint timeout'
    assert.deepEqual(errorsBy((await first).lines), { a: stuck, b: stuck, c: stuck, d: stuck })
    await scrape()
    assert.equal(asked.length, 2)
  } finally {
    host.remove()
  }
})
