// MB per CPU second of the tail engine alone: a file of JSON lines through nothing, to a consumer that takes all.
//
//   node bench/tail_part.ts [--mb 200]
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Capsule, type LogsPort, Target } from '#component'
import { decoded, TestHost } from '#component/test_host'
import { lokiSourceFile } from '../receivers/loki_source_file/component.ts'

const { values: options } = parseArgs({ options: { mb: { type: 'string', default: '200' } } })
const wantedBytes = Number(options.mb) * 1e6
const directory = mkdtempSync(join(tmpdir(), 'tail-bench-'))
const path = join(directory, 'a.log')

let written = 0
let wrote = 0
const file = openSync(path, 'w')
while (written < wantedBytes) {
  let text = ''
  for (let i = 0; i < 1000; i++) {
    wrote++
    const time = new Date(1_700_000_000_000 + wrote).toISOString()
    text += `{"ts":"${time}","level":"info","caller":"server.go:${wrote % 900}","msg":"request done","path":"/api/v1/items/${wrote}","status":200,"took_ms":${wrote % 97}}\n`
  }
  written += writeSync(file, text)
}
closeSync(file)

const host = new TestHost({ dataDir: join(directory, 'data') })
let lines = 0
let tell: () => void = () => {}
const done = new Promise<void>((resolve) => (tell = resolve))
const sink: LogsPort = {
  nodeId: 'null',
  signal: 'logs',
  consume(batch) {
    lines += batch.count
    if (lines >= wrote) tell()
  },
}
// The test host's outlet is asynchronous; the service's is not where the consumer is not.
host.outlet = (ports) => ({ consume: (batch) => ports[0]?.consume(batch) })
const settings = decoded(lokiSourceFile.settings, {
  targets: [new Target(new Map([['__path__', path]]))],
  forward_to: [new Capsule('LogsReceiver', sink)],
})
const source = await lokiSourceFile.create(host, settings)
const before = process.cpuUsage()
const start = performance.now()
await source.start?.()
await done
const used = process.cpuUsage(before)
const seconds = (used.user + used.system) / 1e6
const rssMb = process.memoryUsage().rss / 1e6
console.log(
  `${(written / 1e6).toFixed(0)} MB, ${lines} lines: ${(written / 1e6 / seconds).toFixed(0)} MB per CPU second, ` +
    `${((performance.now() - start) / 1000).toFixed(2)} s, ${rssMb.toFixed(0)} MB resident`,
)
await source.stop(1000)
rmSync(directory, { recursive: true })
