// A process that tails `a.log` in a directory and appends what it gets to a file, for tests that kill it.
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { TestHost } from '#component/test_host'
import { lineEncoding } from './encoding.ts'
import { Positions } from './positions.ts'
import { Tailer } from './tailer.ts'

const [, , directory = '', got = ''] = process.argv
const { clock, log, counters } = new TestHost()
const positions = new Positions({ path: join(directory, 'positions.yml'), clock, log, intervalMs: 100 })
await positions.load()
const tailer = new Tailer<null>({
  clock,
  log,
  counters,
  positions,
  settings: { encoding: lineEncoding(''), minPollMs: 10, maxPollMs: 10, fromEnd: false },
  consume: (_, lines) => appendFileSync(got, `${lines.join('\n')}\n`),
})
tailer.set([{ path: join(directory, 'a.log'), labels: '{}', context: null }])
tailer.start()
const ready = setInterval(() => {
  if (!tailer.files.some((file) => file.began)) return
  clearInterval(ready)
  process.send?.('ready')
}, 5)
process.once('SIGTERM', () => {
  void tailer
    .stop(5000)
    .then(() => positions.stop())
    .then(() => process.exit(0))
})
