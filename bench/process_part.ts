// MB per CPU second of `loki.process` alone: JSON lines through stages, to a consumer that takes all.
//
//   node bench/process_part.ts [--mb 100]
import { parseArgs } from 'node:util'
import { Capsule, type LogsPort } from '#component'
import { decoded, TestHost, type Written } from '#component/test_host'
import { labelsFrom, Logs, LogStream } from '#pdata'
import { lokiProcess } from '../processors/loki_process/component.ts'

const { values: options } = parseArgs({
  options: { mb: { type: 'string', default: '100' }, only: { type: 'string', default: '' } },
})
const map = (values: Record<string, string>): Map<string, string> => new Map(Object.entries(values))

const pipelines: Readonly<Record<string, Written>> = {
  'json, labels, timestamp': {
    'stage.json': { expressions: map({ level: '', ts: '', status: '' }) },
    'stage.labels': { values: map({ level: '', status: '' }) },
    'stage.timestamp': { source: 'ts', format: 'RFC3339Nano' },
  },
  'regex, template, output': {
    'stage.regex': {
      expression:
        '^\\{"ts":"(?P<ts>[^"]+)","level":"(?P<level>[^"]+)","caller":"(?P<caller>[^"]+)","msg":"(?P<msg>[^"]*)","path":"(?P<path>[^"]*)"',
    },
    'stage.template': { source: 'out', template: '{{ .level | ToUpper }} {{ .msg }} {{ .path }}' },
    'stage.output': { source: 'out' },
  },
  'regex with .*, template, output': {
    'stage.regex': { expression: '"level":"(?P<level>[^"]*)".*"msg":"(?P<msg>[^"]*)","path":"(?P<path>[^"]*)"' },
    'stage.template': { source: 'out', template: '{{ .level | ToUpper }} {{ .msg }} {{ .path }}' },
    'stage.output': { source: 'out' },
  },
}

const sink: LogsPort = { nodeId: 'null', signal: 'logs', consume: () => {} }
const chunks: string[][] = []
let bytes = 0
for (let n = 0; bytes < 16e6;) {
  const lines: string[] = []
  for (let i = 0; i < 870; i++, n++) {
    const time = new Date(1_700_000_000_000 + n).toISOString()
    lines.push(
      `{"ts":"${time}","level":"info","caller":"server.go:${n % 900}","msg":"request done","path":"/api/v1/items/${n}","status":200,"took_ms":${n % 97}}`,
    )
  }
  for (const line of lines) bytes += line.length + 1
  chunks.push(lines)
}
const labels = labelsFrom([['job', 'bench']])
for (const [name, stages] of Object.entries(pipelines)) {
  if (!name.includes(options.only)) continue
  const host = new TestHost()
  host.outlet = (ports) => ({ consume: (batch) => ports[0]?.consume(batch) })
  const body = { forward_to: [new Capsule('LogsReceiver', sink)], ...stages }
  const component = await lokiProcess.create(host, decoded(lokiProcess.settings, body))
  const before = process.cpuUsage()
  const rounds = Math.max(1, Math.round((Number(options.mb) * 1e6) / bytes))
  for (let round = 0; round < rounds; round++) {
    for (const lines of chunks) {
      await component.logs?.consume(
        Logs.fromStreams([new LogStream(labels, new BigInt64Array(lines.length), lines, null)]),
      )
    }
  }
  const { user, system } = process.cpuUsage(before)
  console.log(`${name}: ${((bytes * rounds) / (user + system)).toFixed(0)} MB per CPU second`)
  await component.stop(0)
}
