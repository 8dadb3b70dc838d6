import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import { Capsule, ConsumeError, defineSettings, type LogsPort, type Value } from '#component'
import { relabelRuleBlocks, RelabelRules } from '#component/relabel'
import { decoded, TestHost } from '#component/test_host'
import { labelText } from '#pdata/loki'
import { lokiSourceAwsFirehose } from './component.ts'
import type { LokiSourceAwsFirehose } from './receiver.ts'
import { staticLabels } from './static_labels.ts'

class Firehose {
  readonly host = new TestHost()
  readonly lines: string[] = []
  readonly times: bigint[] = []
  failure: Error | undefined
  receiver: LokiSourceAwsFirehose | undefined

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
    const settings = decoded(lokiSourceAwsFirehose.settings, {
      forward_to: [new Capsule('LogsReceiver', port)],
      http: { listen_address: '127.0.0.1', listen_port: 0n },
      ...more,
    })
    this.receiver = (await lokiSourceAwsFirehose.create(this.host, settings)) as LokiSourceAwsFirehose
    await this.receiver.start()
    t.after(() => this.receiver?.stop(1000))
    return this
  }

  post(body: string | Uint8Array, headers: Record<string, string> = {}): Promise<Response> {
    const url = `http://127.0.0.1:${this.receiver?.port}/awsfirehose/api/v1/push`
    return fetch(url, { method: 'POST', body, headers: { 'x-amz-firehose-request-id': 'r1', ...headers } })
  }

  count(name: string): number | undefined {
    return this.host.counts.get(`loki_source_awsfirehose_${name}`)?.value
  }
}

const requestOf = (...records: (string | Uint8Array)[]): string =>
  JSON.stringify({
    requestId: 'r1',
    timestamp: 1_700_000_000_999,
    records: records.map((record) => ({ data: Buffer.from(record).toString('base64') })),
  })

const events = gzipSync(
  JSON.stringify({
    owner: '123',
    logGroup: 'g',
    logStream: 's',
    subscriptionFilters: ['f1', 'f2'],
    messageType: 'DATA_MESSAGE',
    logEvents: [
      { id: '1', timestamp: 1_700_000_000_001, message: 'one' },
      { id: '2', timestamp: 1_700_000_000_002, message: 'two' },
    ],
  }),
)
const schema = defineSettings({ rule: relabelRuleBlocks('Rules.') })
const rules = (...rule: Record<string, Value>[]): Capsule =>
  new Capsule('RelabelRules', new RelabelRules(decoded(schema, { rule }).rule))
const all = rules({ regex: '__aws_(.+)', replacement: '$1', action: 'labelmap' })

test('Records are lines, those of CloudWatch Logs many, with their labels and times', async (t) => {
  const f = await new Firehose().start(t, { relabel_rules: all, use_incoming_timestamp: true })
  const response = await f.post(requestOf('{"a":1}', events), { 'x-amz-firehose-source-arn': 'arn:x', 'x-scope-orgid': 't' }) // prettier-ignore
  const answer = (await response.json()) as { requestId: string; timestamp: number; errorMessage?: string }
  assert.equal(response.status, 200)
  assert.equal(answer.requestId, 'r1')
  assert.ok(Math.abs(answer.timestamp - Date.now() / 1000) < 3600)
  assert.equal(answer.errorMessage, undefined)
  const common = 'firehose_request_id="r1", firehose_source_arn="arn:x"'
  const cloud = `t:{cw_log_group="g", cw_log_stream="s", cw_matched_filters="f1,f2", cw_msg_type="DATA_MESSAGE", ${common}, owner="123"}`
  assert.deepEqual(f.lines, [`t:{${common}} {"a":1}`, `${cloud} one`, `${cloud} two`])
  assert.deepEqual(f.times, [1_700_000_000_000_000_000n, 1_700_000_000_001_000_000n, 1_700_000_000_002_000_000n])
  assert.equal(f.count('entries_written'), 3)
  assert.equal(f.count('records_received{type="cloudwatch-logs"}'), 1)
  assert.equal(f.count('records_received{type="direct-put"}'), 1)
})

test('The body may be gzip', async (t) => {
  const f = await new Firehose().start(t)
  assert.equal((await f.post(gzipSync(requestOf('x')), { 'content-encoding': 'gzip' })).status, 200)
  assert.equal((await f.post(Buffer.from('nonsense'), { 'content-encoding': 'gzip' })).status, 400)
  assert.deepEqual(f.lines, ['{} x'])
  assert.equal(f.count('request_errors{reason="pre_read"}'), 1)
})

test('A request must bring the key', async (t) => {
  const f = await new Firehose().start(t, { access_key: 'secret' })
  const refused = await f.post(requestOf('x'))
  assert.equal(refused.status, 401)
  assert.match(((await refused.json()) as { errorMessage: string }).errorMessage, /access key/)
  assert.equal((await f.post(requestOf('x'), { 'x-amz-firehose-access-key': 'Secret' })).status, 401)
  assert.equal((await f.post(requestOf('x'), { 'x-amz-firehose-access-key': 'secret' })).status, 200)
  assert.deepEqual(f.lines, ['{} x'])
})

test('Records that cannot be read are left out and counted, requests that cannot are refused', async (t) => {
  const f = await new Firehose().start(t)
  const broken = `{"records":[{"data":"*"},{"data":"${Buffer.from([0x1f, 0x8b, 8, 0]).toString('base64')}"},{"data":"${gzipSync('[]').toString('base64')}"},{"data":"eA=="}]}`
  assert.equal((await f.post(broken)).status, 200)
  assert.deepEqual(f.lines, ['{} x'])
  for (const reason of ['base64-decode', 'gzip-deflate', 'cw-json-decode']) {
    assert.equal(f.count(`record_errors{reason="${reason}"}`), 1, reason)
  }
  for (const body of ['{', '[]', '{"records":1}', '{"records":[{"data":1}]}'])
    assert.equal((await f.post(body)).status, 400)
  assert.equal(f.count('request_errors{reason="read_or_format"}'), 4)
})

test('A next component that refuses is the answer, in the form that Firehose reads', async (t) => {
  const f = await new Firehose().start(t)
  f.failure = new ConsumeError('Cannot take lines: full', { retryable: true })
  const response = await f.post(requestOf('x'))
  assert.equal(response.status, 503)
  assert.match(((await response.json()) as { errorMessage: string }).errorMessage, /full/)
  assert.equal(f.host.counters.refused, 1)
  const url = `http://127.0.0.1:${f.receiver?.port}`
  assert.equal((await fetch(`${url}/other`, { method: 'POST' })).status, 404)
  assert.equal((await fetch(`${url}/awsfirehose/api/v1/push`)).status, 405)
})

test('Lines of one stream stay in their order, whatever they came in', async (t) => {
  const f = await new Firehose().start(t)
  assert.equal((await f.post(requestOf('first', events, 'last'))).status, 200)
  assert.deepEqual(f.lines, ['{} first', '{} one', '{} two', '{} last'])
})

test('No more tenants are told apart than are set', async (t) => {
  const f = await new Firehose().start(t, { tenants_limit: 1n })
  for (const tenant of ['t1', 't2', 't1', 't3']) {
    const headers = { 'x-scope-orgid': tenant, 'x-amz-firehose-common-attributes': '{' }
    assert.equal((await f.post(requestOf('x'), headers)).status, 200)
  }
  const told = (tenant: string) =>
    f.count(`invalid_static_labels_errors{reason="invalid_json_format",tenant_id="${tenant}"}`)
  assert.deepEqual([told('t1'), told('t2'), told('other')], [2, undefined, 2])
})

test('Attributes of the stream become labels', async (t) => {
  const f = await new Firehose().start(t)
  await f.post(requestOf('x'), {
    'x-amz-firehose-common-attributes': '{"commonAttributes":{"lbl_env":"prod","lbl_0x":"y","other":"z"}}',
  })
  assert.deepEqual(f.lines, ['{env="prod"} x'])
  assert.equal(f.count('invalid_static_labels_errors{reason="invalid_label_name",tenant_id=""}'), 1)
  const cases: [header: string, pairs: [string, string][], faults: string[]][] = [
    ['', [], []],
    ['{}', [], []],
    ['{', [], ['invalid_json_format']],
    ['{"commonAttributes":1}', [], ['invalid_json_format']],
    ['{"commonAttributes":{"lbl_a":1}}', [], ['invalid_json_format']],
    ['{"commonAttributes":{"lbl_myLabel-Name%":"1"}}', [['my_label_name_percent', '1']], []],
  ]
  for (const [header, pairs, faults] of cases) assert.deepEqual(staticLabels(header), { pairs, faults }, header)
})
