// The journal of positions on a real disk.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { PositionJournal } from './position_journal.ts'

test('the first record of all is kept, though its directory is not there yet', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'solder-journal-'))
  t.after(() => rmSync(root, { recursive: true, force: true }))
  const problems: string[] = []
  const log = { debug() {}, info() {}, warn() {}, error: (message: string) => void problems.push(message) }
  const path = join(root, 'storage', 'loki.source.file.f', 'positions.yml.journal')
  const record = { path: '/var/log/a', labels: '{}', offset: '5', identity: 'x', until: '9' }
  const journal = new PositionJournal(path, log)
  await journal.append(record, true)
  await journal.close()
  assert.deepEqual(problems, [])
  assert.deepEqual(await new PositionJournal(path, log).load(), { records: [record], isWhole: true })
})
