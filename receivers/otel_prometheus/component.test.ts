import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { OtelOutput } from '#component'
import { decoded, problemsOf, TestHost, type Written } from '#component/test_host'
import type { Metrics } from '#pdata'
import { metricsTree } from '#pdata/otlp'
import { prometheusReceiver } from './component.ts'

const exposition = `# HELP c_total Counts.
# TYPE c_total counter
c_total{a="b"} 5
# TYPE h histogram
h_bucket{le="1"} 1
h_bucket{le="+Inf"} 3
h_sum 4.5
h_count 3
drop_me 1
`

async function listen(t: TestContext): Promise<string> {
  const server = createServer((request, response) => {
    if (request.url === '/targets') {
      const targets = JSON.stringify([{ targets: [request.headers.host], labels: { from: 'http' } }])
      response.writeHead(200, { 'content-type': 'application/json' }).end(targets)
    } else response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(exposition)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Runs until `enough` of what is handed on. */
async function run(
  t: TestContext,
  config: Written,
  enough: (batches: readonly Metrics[]) => boolean,
): Promise<{ host: TestHost; batches: Metrics[] }> {
  const host = new TestHost()
  const batches: Metrics[] = []
  let done = (): void => {}
  const finished = new Promise<void>((resolve) => (done = resolve))
  const next = {
    nodeId: 'next',
    signal: 'metrics' as const,
    consume: (batch: Metrics): void => {
      batches.push(batch)
      if (enough(batches)) done()
    },
  }
  const output: OtelOutput = { metrics: [{ nodeId: 'next', metrics: next }], logs: [], traces: [] }
  const receiver = await prometheusReceiver.create(host, decoded(prometheusReceiver.settings, { config }), output)
  await receiver.start?.()
  t.after(() => receiver.stop(1000))
  await finished
  await receiver.stop(1000)
  await receiver.stop(1000)
  return { host, batches }
}

const quick = { scrape_interval: '100ms', scrape_timeout: '100ms' }
const attributesOf = (batch: Metrics | undefined): Record<string, unknown> =>
  Object.fromEntries(
    metricsTree(batch as Metrics).resourceMetrics[0]?.resource.attributes.map(({ key, value }) => [key, value]) ?? [],
  )
const metricsOf = (batch: Metrics | undefined) =>
  metricsTree(batch as Metrics).resourceMetrics[0]?.scopeMetrics[0]?.metrics ?? []
const hasSamples = (batches: readonly Metrics[]): boolean =>
  batches.some((batch) => metricsOf(batch).some(({ name }) => name === 'c_total'))

test('a job’s targets are scraped, relabelled and told as OTLP', async (t) => {
  const address = await listen(t)
  const { host, batches } = await run(
    t,
    {
      global: { external_labels: new Map([['site', '$x']]) },
      scrape_configs: [
        {
          job_name: 'case',
          ...quick,
          static_configs: [{ targets: [address, '127.0.0.1:1'], labels: new Map([['team', 'a']]) }],
          relabel_configs: [
            { source_labels: ['__address__'], regex: '.*:1', action: 'drop' },
            { source_labels: ['job', '__scheme__'], target_label: 'told' },
          ],
          metric_relabel_configs: [{ source_labels: ['__name__'], regex: 'drop_.*|scrape_.*', action: 'drop' }],
        },
      ],
    },
    hasSamples,
  )
  const batch = batches.find((one) => hasSamples([one]))
  assert.deepEqual(attributesOf(batch), {
    'service.name': 'case',
    'service.instance.id': address,
    'server.port': address.slice(address.indexOf(':') + 1),
    'url.scheme': 'http',
  })
  const metrics = metricsOf(batch)
  assert.deepEqual(
    metrics.map(({ name, data }) => [name, data.kind]),
    [
      ['c_total', 'sum'],
      ['h', 'histogram'],
      ['up', 'gauge'],
    ],
  )
  const [counter] = metrics
  assert.ok(counter?.data.kind === 'sum')
  assert.deepEqual(
    counter.data.points[0]?.attributes.map(({ key, value }) => `${key}=${String(value)}`),
    ['a=b', 'site=$x', 'team=a', 'told=case;http'],
  )
  assert.ok((host.counters.droppedByReason.get('metric_relabel_configs') ?? 0) > 0)
  assert.equal(host.counters.in, host.counters.out + host.counters.dropped)
})

test('targets are found in files and by asking an HTTP server', async (t) => {
  const address = await listen(t)
  const directory = mkdtempSync(join(tmpdir(), 'otel-prometheus-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const file = join(directory, 'targets.json')
  writeFileSync(file, JSON.stringify([{ targets: [address], labels: { from: 'file' } }]))
  const found = new Set<unknown>()
  await run(
    t,
    {
      scrape_configs: [
        { job_name: 'file', ...quick, file_sd_configs: [{ files: [file] }] },
        { job_name: 'http', ...quick, http_sd_configs: [{ url: `http://${address}/targets` }] },
      ],
    },
    (batches) => {
      const batch = batches.at(-1)
      for (const { name, data } of metricsOf(batch)) {
        if (name !== 'up' || data.kind !== 'gauge') continue
        found.add(data.points[0]?.attributes.find(({ key }) => key === 'from')?.value)
      }
      return found.has('file') && found.has('http')
    },
  )
})

test('configurations that cannot work are refused', () => {
  const job = { job_name: 'a' }
  const cases: [Written, RegExp][] = [
    [{}, /missing required block "config"/],
    [{ config: { scrape_configs: [{}] } }, /missing required attribute "job_name"/],
    [{ config: { scrape_configs: [job, job] } }, /multiple scrape configs with job name "a"/],
    [{ config: { scrape_configs: [{ ...job, scrape_interval: '1s', scrape_timeout: '2s' }] } }, /timeout greater/],
    [{ config: { scrape_configs: [{ ...job, scrape_interval: '1x' }] } }, /not a valid duration/],
    [{ config: { scrape_configs: [{ ...job, scrape_protocols: ['x'] }] } }, /unknown scrape protocol x/],
    [{ config: {}, target_allocator: {} }, /target_allocator: it is not supported/],
  ]
  for (const [written, want] of cases) assert.match(problemsOf(prometheusReceiver.settings, written).join('\n'), want)
})
