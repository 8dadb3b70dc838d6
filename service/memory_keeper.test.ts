import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { ManualClock } from '#lib/clock'
import { MemoryKeeper } from './memory_keeper.ts'

const mb = 1024 * 1024

/** One second each: the part of a core that was used. */
const cases = [
  { name: 'a quiet process is left alone', shares: [0, 0.01, 0.2, 0.29, 0.1], want: [] },
  { name: 'a burst is no load', shares: [0.9, 0.1, 0.9, 0, 0, 0, 0, 0, 0], want: [] },
  { name: 'a load makes it busy', shares: [0.5, 0.5, 0.9, 0.2], want: ['busy'] },
  {
    name: 'memory is given back when a load has ended',
    shares: [0.5, 0.5, 0, 0, 0, 0, 0, 0],
    rssMb: 200,
    want: ['busy', 'rest', 'release'],
  },
  { name: 'a pause is no end', shares: [0.5, 0.5, 0, 0, 0.2, 0, 0, 0.2], rssMb: 200, want: ['busy'] },
  {
    name: 'nothing is collected where little was taken',
    shares: [0.5, 0.5, 0, 0, 0, 0, 0],
    rssMb: 110,
    want: ['busy', 'rest'],
  },
  {
    name: 'a second end within a minute waits',
    shares: [0.5, 0.5, 0, 0, 0, 0, 0, 0.5, 0.5, 0, 0, 0, 0, 0, 0, 0],
    rssMb: 200,
    want: ['busy', 'rest', 'release', 'busy'],
  },
]

for (const { name, shares, rssMb = 100, want } of cases) {
  test(name, async () => {
    const clock = new ManualClock()
    const seen: string[] = []
    let cpuMs = 0
    let rssBytes = 100 * mb
    const keeper = new MemoryKeeper({
      clock,
      cpuMs: () => cpuMs,
      rssBytes: () => rssBytes,
      control: () =>
        Promise.resolve({
          setBusy: (busy) => void seen.push(busy ? 'busy' : 'rest'),
          release: () => void seen.push('release'),
        }),
    })
    keeper.start()
    rssBytes = rssMb * mb
    for (const share of shares) {
      cpuMs += share * 1000
      await clock.advance(1000)
    }
    keeper.stop()
    keeper.stop()
    assert.deepEqual(seen, want)
    assert.equal(clock.pending, 0)
  })
}

test('the process gives back what is free', async () => {
  const program = `
    import { memoryControl } from ${JSON.stringify(join(import.meta.dirname, 'memory_keeper.ts'))}
    const control = await memoryControl()
    control.setBusy(true)
    let held = Array.from({ length: 2000 }, () => Buffer.alloc(60_000, 1))
    const full = process.memoryUsage().rss
    held = held.filter((_, at) => at % 100 === 0) // some stay in between
    control.setBusy(false)
    control.release()
    console.log(JSON.stringify({ full, after: process.memoryUsage().rss, held: held.length }))
  `
  const args = ['--disable-warning=ExperimentalWarning', '--input-type=module-typescript', '--eval', program]
  const { stdout } = await promisify(execFile)(process.execPath, args, {
    env: { ...process.env, MALLOC_ARENA_MAX: '1' },
    cwd: join(import.meta.dirname, '..'),
  })
  const { full, after } = JSON.parse(stdout) as { full: number; after: number }
  assert.ok(full - after > 80 * mb, `of ${full} bytes ${after} stayed`)
})
