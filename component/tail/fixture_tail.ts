// A process that tails `a.log` in a directory and appends what it gets to a file, for tests that kill it.
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { TestHost } from '#component/test_host'
import { lineEncoding } from './encoding.ts'
import { Positions } from './positions.ts'
import { Tailer } from './tailer.ts'

const [, , directory = '', got = '', mode = ''] = process.argv
const { clock, log, counters } = new TestHost()
/** With a journal, positions are written as seldom as in earnest. */
const how = mode === 'journal' ? { journal: true } : { intervalMs: 100 }
const positions = new Positions({ path: join(directory, 'positions.yml'), clock, log, ...how })
await positions.load()
/** By processes before this one. */
const repeatedBefore = Number(readFileSync(join(directory, 'repeated'), { encoding: 'utf8', flag: 'a+' }))
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
    .then(() => {
      writeFileSync(join(directory, 'repeated'), String(tailer.counts.repeatedLines + repeatedBefore))
      process.exit(0)
    })
})
