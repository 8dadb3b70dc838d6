import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Capsule, ConsumeError, type LogsPort } from '#component'
import { decoded, TestHost } from '#component/test_host'
import { ManualClock } from '#lib/clock'
import { lokiSourceJournal } from './component.ts'
import type { LokiSourceJournal } from './source.ts'

/** A fake of journalctl: two entries, of which it gives those behind the cursor, and then nothing more. */
const fakeJournalctl = (asked: string): string => `#!/bin/sh
echo "$*" >> ${asked}
entry() { printf '__CURSOR=%s\n__REALTIME_TIMESTAMP=1700000000000000\nMESSAGE=%s\n\n' "$1" "$2"; }
case "$*" in
  *after-cursor=c2*) ;;
  *after-cursor=c1*) entry c2 two ;;
  *) entry c1 one; entry c2 two ;;
esac
exec sleep 1000
`

test('A change while the next component refuses reads nothing twice', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'journal-'))
  const asked = join(directory, 'asked')
  writeFileSync(asked, '')
  writeFileSync(join(directory, 'journalctl'), fakeJournalctl(asked))
  chmodSync(join(directory, 'journalctl'), 0o755)
  const path = process.env['PATH']
  process.env['PATH'] = `${directory}:${path}`
  const clock = new ManualClock()
  const lines: string[] = []
  let refusals = 0
  let isRefusing = true
  const sink: LogsPort = {
    nodeId: 'sink',
    signal: 'logs',
    consume: (batch) => {
      if (isRefusing) {
        refusals++
        throw new ConsumeError('not now', { retryable: true })
      }
      for (const stream of batch.streams ?? []) lines.push(...stream.lines)
    },
  }
  const host = new TestHost({ clock, dataDir: join(directory, 'data') })
  const settings = (matches: string) =>
    decoded(lokiSourceJournal.settings, { forward_to: [new Capsule('LogsReceiver', sink)], matches, max_age: '0s' })
  const source = (await lokiSourceJournal.create(host, settings(''))) as LokiSourceJournal
  t.after(async () => {
    await source.stop(1000)
    process.env['PATH'] = path
    rmSync(directory, { recursive: true, force: true })
  })
  const until = async (condition: () => boolean): Promise<void> => {
    while (!condition()) await clock.advance(100)
  }
  await source.start()
  await until(() => refusals > 0)
  let isUpdated = false
  void source.update(settings('A=1')).then(() => (isUpdated = true))
  await until(() => isUpdated)
  isRefusing = false
  await until(() => readFileSync(asked, 'utf8').split('\n').length > 2)
  assert.match(readFileSync(asked, 'utf8'), /--after-cursor=c2 -- A=1\n$/)
  await clock.advance(60_000)
  assert.deepEqual(lines, ['one', 'two'])
})
