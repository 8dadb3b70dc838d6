import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { decoded, problemsOf, TestHost, type Written } from '#component/test_host'
import { labelsText, type Metrics } from '#pdata'
import { metricsFromJson } from '#pdata/otlp'
import { decodeLimitsDefault, decodeWriteRequest, SeriesInterner } from '#pdata/remote_write'
import { prometheusRemoteWriteExporter } from './component.ts'

class Backend {
  readonly answers: number[] = []
  readonly series: string[] = []
  headers: IncomingHttpHeaders = {}
  requests = 0
  readonly #server = createServer()
  #wake: (() => void)[] = []

  constructor() {
    this.#server.on('request', async (request, response) => {
      const body = Buffer.concat(await request.toArray())
      const status = this.answers.shift() ?? 204
      this.requests++
      this.headers = request.headers
      if (status < 300) this.#take(body)
      response.writeHead(status).end()
      for (const wake of this.#wake.splice(0)) wake()
    })
  }

  #take(body: Buffer): void {
    const interner = new SeriesInterner({ bytesMax: 1 << 20 })
    for (const batch of decodeWriteRequest(body, 'v1', decodeLimitsDefault, interner).batch) {
      batch.layout.series.forEach(({ labels }, slot) => this.series.push(`${labelsText(labels)} ${batch.values[slot]}`))
    }
  }

  static async listen(t: TestContext): Promise<Backend> {
    const backend = new Backend()
    backend.#server.listen(0, '127.0.0.1')
    await once(backend.#server, 'listening')
    t.after(() => {
      backend.#server.closeAllConnections()
      backend.#server.close()
    })
    return backend
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/write`
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#wake.push(resolve))
  }
}

async function started(t: TestContext, settings: Written) {
  const dataDir = mkdtempSync(join(tmpdir(), 'otel-remote-write-'))
  t.after(() => rmSync(dataDir, { recursive: true, force: true }))
  const host = new TestHost({ dataDir })
  const none = { metrics: [], logs: [], traces: [] }
  const exporter = await prometheusRemoteWriteExporter.create(
    host,
    decoded(prometheusRemoteWriteExporter.settings, settings),
    none,
  )
  await exporter.start?.()
  t.after(() => exporter.stop(1000))
  const send = async (batch: Metrics): Promise<void> => {
    host.counters.in += batch.count
    await exporter.metrics?.consume(batch)
  }
  return { host, exporter, send }
}

const batch = (): Metrics =>
  metricsFromJson(
    JSON.stringify({
      resourceMetrics: [
        {
          resource: {
            attributes: [
              { key: 'service.name', value: { stringValue: 'shop' } },
              { key: 'zone', value: { stringValue: 'a' } },
            ],
          },
          scopeMetrics: [
            {
              scope: { name: 's' },
              metrics: [
                { name: 'g', unit: 'By', gauge: { dataPoints: [{ asDouble: 1.5, timeUnixNano: '5000000' }] } },
                { name: 'd', sum: { aggregationTemporality: 1, dataPoints: [{ asInt: '1' }] } },
              ],
            },
          ],
        },
      ],
    }),
  )

const cases: { name: string; settings: Written; want: string[] }[] = [
  {
    name: 'by default',
    settings: {},
    want: [
      '{__name__="g_bytes", job="shop", otel_scope_name="s"} 1.5',
      '{__name__="target_info", job="shop", zone="a"} 1',
    ],
  },
  {
    name: 'with a namespace, external labels and no more',
    settings: {
      namespace: 'ns',
      external_labels: new Map([
        ['cluster', 'home'],
        ['job', 'not this'],
      ]),
      add_metric_suffixes: false,
      disable_scope_info: true,
      target_info: { enabled: false },
    },
    want: ['{__name__="ns_g", cluster="home", job="shop"} 1.5'],
  },
  {
    name: 'without translation',
    settings: {
      translation_strategy: 'NoTranslation',
      disable_scope_info: true,
      resource_to_telemetry_conversion: { enabled: true },
    },
    want: [
      '{__name__="g", job="shop", service.name="shop", zone="a"} 1.5',
      '{__name__="target_info", job="shop", zone="a"} 1',
    ],
  },
]
for (const { name, settings, want } of cases) {
  test(`what is sent ${name}`, async (t) => {
    const backend = await Backend.listen(t)
    const { host, exporter, send } = await started(t, {
      endpoint: backend.url,
      headers: new Map([['X-A', 'b']]),
      ...settings,
    })
    await send(batch())
    await backend.until(() => backend.series.length === want.length)
    await exporter.stop(1000)
    await exporter.stop(1000)
    assert.deepEqual(backend.series.sort(), want)
    assert.equal(backend.headers['content-encoding'], 'snappy')
    assert.equal(backend.headers['x-a'], 'b')
    const { counters } = host
    assert.deepEqual([...counters.droppedByReason], [['not cumulative', 1]])
    assert.equal(counters.in, counters.out + counters.dropped + counters.waiting)
  })
}

test('a failure is tried again, and given up where told so', async (t) => {
  const backend = await Backend.listen(t)
  backend.answers.push(503)
  const retry = { initial_interval: '1ms', max_interval: '2ms' }
  const again = await started(t, { endpoint: backend.url, retry_on_failure: retry })
  await again.send(batch())
  await backend.until(() => backend.series.length === 2)
  assert.ok(backend.series.every((text) => text.includes('job="shop"')))
  await again.exporter.stop(1000)

  backend.answers.push(503)
  const never = await started(t, {
    endpoint: backend.url,
    retry_on_failure: { ...retry, initial_interval: '10s', enabled: false },
  })
  await never.send(batch())
  await never.host.until(() => never.host.counters.dropped === 3)
  assert.equal(never.host.counters.droppedByReason.get('retries exhausted'), 2)
})

test('settings that cannot work are refused', () => {
  const cases: [Written, RegExp][] = [
    [{}, /missing required attribute "endpoint"/],
    [{ endpoint: 'x' }, /Cannot use the URL/],
    [{ endpoint: 'http://x', keep_classic_histograms: true }, /keep_classic_histograms: it is not supported/],
    [{ endpoint: 'http://x', remote_write_queue: { num_consumers: 0n } }, /num_consumers must be at least 1/],
  ]
  for (const [written, want] of cases) {
    assert.match(problemsOf(prometheusRemoteWriteExporter.settings, written).join('\n'), want)
  }
})
