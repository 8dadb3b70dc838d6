import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import fc from 'fast-check'
import { Capsule, ConsumeError, defineSettings, type LogsPort, type Value } from '#component'
import { relabelRuleBlocks, RelabelRules } from '#component/relabel'
import { decoded, TestHost } from '#component/test_host'
import { labelText } from '#pdata/loki'
import { lokiSourceHeroku } from './component.ts'
import { DrainError, readDrain } from './drain.ts'
import type { LokiSourceHeroku } from './receiver.ts'

class Drain {
  readonly host = new TestHost()
  readonly lines: string[] = []
  readonly times: bigint[] = []
  failure: Error | undefined
  receiver: LokiSourceHeroku | undefined

  async start(t: TestContext, more: Record<string, Value> = {}): Promise<this> {
    const port: LogsPort = {
      nodeId: 'sink',
      signal: 'logs',
      consume: (batch) => {
        if (this.failure) throw this.failure
        for (const { labels, lines, timestampsNs } of batch.streams ?? []) {
          const tenant = labels.includes('__tenant_id__') ? `${labels[labels.indexOf('__tenant_id__') + 1]}:` : ''
          for (const line of lines) this.lines.push(`${tenant}${labelText(labels)} ${line}`)
          this.times.push(...timestampsNs)
        }
      },
    }
    const settings = decoded(lokiSourceHeroku.settings, {
      forward_to: [new Capsule('LogsReceiver', port)],
      http: { listen_address: '127.0.0.1', listen_port: 0n },
      ...more,
    })
    this.receiver = (await lokiSourceHeroku.create(this.host, settings)) as LokiSourceHeroku
    await this.receiver.start()
    t.after(() => this.receiver?.stop(1000))
    return this
  }

  post(body: string, path = '/heroku/api/v1/drain', headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.receiver?.port}${path}`, { method: 'POST', body, headers })
  }

  errors(): number | undefined {
    return this.host.counts.get('loki_source_heroku_drain_parsing_errors_total')?.value
  }
}

const framed = (text: string): string => `${Buffer.byteLength(text)} ${text}`
const web = framed('<158>1 2022-06-13T14:52:23.622778+00:00 host heroku router - at=info méthod=GET\n')
const state = framed('<45>1 2022-06-13T14:52:24Z host app web.1 - [x] State changed')
const schema = defineSettings({ rule: relabelRuleBlocks('Rules.') })
const rules = (...rule: Record<string, Value>[]): Capsule =>
  new Capsule('RelabelRules', new RelabelRules(decoded(schema, { rule }).rule))
const all = rules({ regex: '__heroku_drain_(.+)', replacement: '$1', action: 'labelmap' })

test('Messages of a drain are taken with their labels, times, tenant and the parameters of the URL', async (t) => {
  const d = await new Drain().start(t, { relabel_rules: all, labels: new Map([['job', 'h']]), use_incoming_timestamp: true }) // prettier-ignore
  const response = await d.post(web + state, '/heroku/api/v1/drain?app_name=a&x=1&x=2', { 'x-scope-orgid': 't1' })
  assert.equal(response.status, 204, await response.text())
  const more = 'host="host", job="h", log_id="-", param_app_name="a", param_x="1,2"'
  assert.deepEqual(d.lines, [
    `t1:{app="heroku", ${more}, proc="router"} at=info méthod=GET\n`,
    `t1:{app="app", ${more}, proc="web.1"} [x] State changed`,
  ])
  assert.deepEqual(d.times, [1_655_131_943_622_778_000n, 1_655_131_944_000_000_000n])
  assert.equal(d.host.counts.get('loki_source_heroku_drain_entries_total')?.value, 2)
})

test('What is no message is left out and counted; a request of which nothing can be read is refused', async (t) => {
  const d = await new Drain().start(t)
  assert.equal((await d.post(framed('nonsense') + state)).status, 204)
  assert.equal((await d.post(`${state}17 short`)).status, 204)
  assert.deepEqual(d.lines, ['{} [x] State changed', '{} [x] State changed'])
  for (const body of ['nonsense', framed('nonsense'), '99999 x', framed('<1>1 yesterday h a p - x')]) {
    assert.equal((await d.post(body)).status, 400, body)
  }
  assert.equal(d.errors(), 6)
  assert.equal((await d.post('')).status, 204)
})

test('A next component that refuses is the answer; rules that drop are counted', async (t) => {
  const drop = rules({ source_labels: ['__heroku_drain_app'], regex: 'app', action: 'drop' })
  const d = await new Drain().start(t, { relabel_rules: drop })
  d.failure = new ConsumeError('Cannot take lines: full', { retryable: true, retryAfterMs: 1500 })
  const later = await d.post(web + state)
  assert.deepEqual([later.status, later.headers.get('retry-after')], [503, '2'])
  d.failure = undefined
  assert.equal((await d.post(web + state)).status, 204)
  const { counters } = d.host
  assert.deepEqual([counters.in, counters.out, counters.dropped, counters.refused], [3, 1, 1, 1])
})

test('Other paths and methods are not served, and the server says that it is healthy', async (t) => {
  const d = await new Drain().start(t)
  const url = `http://127.0.0.1:${d.receiver?.port}`
  assert.equal((await fetch(`${url}/healthy`)).status, 200)
  assert.equal((await fetch(`${url}/other`)).status, 404)
  assert.equal((await fetch(`${url}/heroku/api/v1/drain`)).status, 405)
})

test('No bytes make the reader throw another error than its own', () => {
  const text = fc.string({ unit: fc.constantFrom(...'12 <>-\n', '2022-06-13T14:52:24Z', state) })
  fc.assert(
    fc.property(text, (body) => {
      try {
        readDrain(Buffer.from(body), { message: () => {}, fault: () => {} })
      } catch (error) {
        assert.ok(error instanceof DrainError)
      }
    }),
  )
})
