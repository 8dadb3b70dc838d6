// Span metrics in the whole program, beside other collectors: OTLP/gRPC in, nothing out, with and without the connector.
//
//   node_modules/.bin/node bench/span_metrics_gateway.ts [--rounds 3] [--seconds 4] [--other 'NAME=COMMAND with @CONFIG@']
//
// What the connector costs is the difference between a collector's two lines.
import { fork } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { freePort } from '#component/test_host'
import { listening, load } from './gateway.ts'
import { cpuSeconds, median, sleep, startCollector, stopCollector } from './processes.ts'

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '4' },
    other: { type: 'string', multiple: true, default: [] },
  },
})
const ms = Number(options.seconds) * 1000
const spansPerRequest = 100
const root = join(import.meta.dirname, '..')

/** `with`: two dimensions, one of which has a hundred values. */
function yaml(variant: 'without' | 'with', port: number): string {
  const [to, from] = variant === 'with' ? ['span_metrics', 'span_metrics'] : ['nop', 'otlp']
  return `
receivers:
  otlp: {protocols: {grpc: {endpoint: 127.0.0.1:${port}}}}
exporters:
  nop: {}
connectors:
  span_metrics:
    metrics_flush_interval: 5s
    dimensions: [{name: http.attribute.1}, {name: host.name}]
service:
  telemetry: {logs: {level: warn}, metrics: {level: none}}
  pipelines:
    traces: {receivers: [otlp], exporters: [${to}]}
    metrics: {receivers: [${from}], exporters: [nop]}
`
}

/** CPU time of one span, in microseconds. */
async function measure(command: string, variant: 'without' | 'with'): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'solder-bench-'))
  const port = await freePort()
  const file = join(directory, 'config.yaml')
  writeFileSync(file, yaml(variant, port))
  const words = command.replaceAll('@CONFIG@', file).replaceAll('@STORAGE@', join(directory, 'storage')).split(' ')
  const child = startCollector(words)
  const generator = fork(join(import.meta.dirname, 'gateway_load.ts'))
  try {
    await listening(port)
    const order = { transport: 'grpc', signal: 'traces', items: spansPerRequest, port, inFlight: 16, rate: 0 } as const
    await load(generator, { ...order, ms })
    const before = cpuSeconds(child.pid ?? 0)
    const { requests, failed } = await load(generator, { ...order, ms })
    await sleep(200)
    if (failed > 0) process.stderr.write(`${failed} requests failed\n`)
    return ((cpuSeconds(child.pid ?? 0) - before) / (requests * spansPerRequest)) * 1e6
  } finally {
    generator.kill()
    await stopCollector(child)
    rmSync(directory, { recursive: true, force: true })
  }
}

const contenders = [
  { name: 'solder', command: `${join(root, 'distro/solder')} --config=@CONFIG@ --storage.path=@STORAGE@` },
  ...options.other.map((text) => {
    const cut = text.indexOf('=')
    return { name: text.slice(0, cut), command: text.slice(cut + 1) }
  }),
]
const results = new Map<string, number[]>()
for (let round = 0; round < Number(options.rounds); round++) {
  for (const variant of ['without', 'with'] as const) {
    for (const { name, command } of contenders) {
      const key = `| ${name} | ${variant} span_metrics`
      results.set(key, [...(results.get(key) ?? []), await measure(command, variant)])
    }
  }
}
process.stdout.write('| | | CPU a span (µs) |\n|---|---|---|\n')
for (const [key, all] of results) process.stdout.write(`${key} | ${median(all).toFixed(2)} |\n`)
