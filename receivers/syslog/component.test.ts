import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import { test, type TestContext } from 'node:test'
import { type LogsPort, ConsumeError, type OtelOutput, type Value } from '#component'
import { SocketReceiver } from '#component/stanza_input'
import { decoded, problemsOf, TestHost, type Written } from '#component/test_host'
import type { Logs } from '#pdata'
import { anyValueText, logsTree } from '#pdata/otlp'
import { otelcolReceiverSyslog, syslogReceiver } from './component.ts'

class Fixture {
  readonly host = new TestHost()
  readonly records: { readonly [key: string]: unknown }[] = []
  readonly output: OtelOutput
  failure: ConsumeError | undefined
  receiver: SocketReceiver | undefined

  constructor(t: TestContext) {
    const port: LogsPort = { nodeId: 'sink', signal: 'logs', consume: (batch) => this.#take(batch) }
    this.output = { metrics: [], traces: [], logs: [{ nodeId: 'sink', logs: port }] }
    t.after(() => this.receiver?.stop(1000))
  }

  #take(batch: Logs): void {
    if (this.failure !== undefined) throw this.failure
    for (const { scopeLogs } of logsTree(batch).resourceLogs) {
      for (const record of scopeLogs.flatMap(({ logRecords }) => logRecords)) {
        this.records.push({
          body: record.body,
          ...(record.severityNumber === 0 ? {} : { severity: `${record.severityNumber} ${record.severityText}` }),
          ...(record.timeUnixNano === 0n
            ? {}
            : { time: new Date(Number(record.timeUnixNano / 1_000_000n)).toISOString() }),
          ...Object.fromEntries(record.attributes.map(({ key, value }) => [key, anyValueText(value)])),
        })
      }
    }
  }

  async start(written: Written): Promise<number> {
    const settings = decoded(syslogReceiver.settings, written)
    const receiver = (await syslogReceiver.create(this.host, settings, this.output)) as unknown as SocketReceiver
    this.receiver = receiver
    await receiver.start()
    return receiver.ports[0] as number
  }

  async until(count: number): Promise<void> {
    while (this.records.length < count) await new Promise((resolve) => setTimeout(resolve, 5))
  }

  balance(): number {
    const { counters } = this.host
    return counters.in - counters.out - counters.dropped - counters.refused - counters.waiting
  }
}

const address = '127.0.0.1:0'
const message = '<165>1 2003-10-11T22:14:15.003Z mymachine evntslog 1 ID47 [a b="c"] Hello'
const parsed = {
  severity: '10 notice',
  time: '2003-10-11T22:14:15.003Z',
  appname: 'evntslog',
  hostname: 'mymachine',
  message: 'Hello',
  msg_id: 'ID47',
  proc_id: '1',
  version: '1',
  priority: '165',
  facility: '20',
  facility_text: 'local4',
  structured_data: '{"a":{"b":"c"}}',
}

test('Messages of RFC 5424 over TCP, one on a line; what is none is sent on as it is', async (t) => {
  const f = new Fixture(t)
  const port = await f.start({ protocol: 'rfc5424', tcp: { listen_address: address } })
  connect(port, '127.0.0.1').end(`${message}\nnot syslog\n`)
  await f.until(2)
  assert.deepEqual(f.records, [{ body: message, ...parsed }, { body: 'not syslog' }])
  assert.equal(f.balance(), 0)
})

test('Messages with their lengths in front', async (t) => {
  const f = new Fixture(t)
  const port = await f.start({ protocol: 'rfc5424', enable_octet_counting: true, tcp: { listen_address: address } })
  connect(port, '127.0.0.1').end(`${message.length} ${message}${message.length} ${message}`)
  await f.until(2)
  assert.deepEqual(f.records[1], { body: `${message.length} ${message}`, ...parsed })
})

test('Messages that end with NUL', async (t) => {
  const f = new Fixture(t)
  const port = await f.start({
    protocol: 'rfc5424',
    non_transparent_framing_trailer: 'NUL',
    tcp: { listen_address: address },
  })
  connect(port, '127.0.0.1').end(`${message}\0${message}\0`)
  await f.until(2)
  assert.deepEqual(f.records[1], { body: message, ...parsed })
})

test('Messages of RFC 3164 over UDP, in their place, with operators behind', async (t) => {
  const f = new Fixture(t)
  const port = await f.start({
    protocol: 'rfc3164',
    location: 'Europe/Berlin',
    allow_skip_pri_header: true,
    udp: { listen_address: address, add_attributes: true },
    operators: [
      new Map<string, Value>([
        ['type', 'remove'],
        ['field', 'attributes["net.peer.port"]'],
      ]),
      new Map<string, Value>([
        ['type', 'retain'],
        [
          'fields',
          ['attributes.appname', 'attributes.hostname', 'attributes["net.transport"]', 'attributes["net.peer.ip"]'],
        ],
      ]),
    ],
  })
  const socket = createSocket('udp4')
  t.after(() => socket.close())
  socket.send('<34>Jan 12 06:30:00 host app: test message', port, '127.0.0.1')
  await f.until(1)
  const { time, ...rest } = f.records[0] as { time: string }
  assert.match(time, /^\d{4}-01-12T05:30:00.000Z$/)
  assert.deepEqual(rest, {
    body: '<34>Jan 12 06:30:00 host app: test message',
    severity: '18 crit',
    appname: 'app',
    hostname: 'host',
    'net.transport': 'IP.UDP',
    'net.peer.ip': '127.0.0.1',
  })
  socket.send('Jan 12 06:30:00 host app: no priority', port, '127.0.0.1')
  await f.until(2)
  assert.equal('severity' in (f.records[1] as object), false)
})

test('What is none may be dropped, and is counted', async (t) => {
  const f = new Fixture(t)
  const port = await f.start({ protocol: 'rfc5424', on_error: 'drop_quiet', tcp: { listen_address: address } })
  connect(port, '127.0.0.1').end(`nothing\n${message}\n`)
  await f.until(1)
  assert.deepEqual([...f.host.counters.droppedByReason], [['syslog_input_parser failed', 1]])
  assert.equal(f.balance(), 0)
})

test('What is not taken before the stop is counted', async (t) => {
  const f = new Fixture(t)
  const port = await f.start({ protocol: 'rfc5424', tcp: { listen_address: address } })
  f.failure = new ConsumeError('later', { retryable: true, retryAfterMs: 60_000 })
  connect(port, '127.0.0.1').end(`${message}\n`)
  while (f.host.counters.waiting === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  await f.receiver?.stop(1000)
  assert.deepEqual([...f.host.counters.droppedByReason], [['not delivered before the stop', 1]])
  assert.equal(f.balance(), 0)
})

test("Settings that cannot work are told, and Alloy's face has its defaults", () => {
  assert.deepEqual(
    problemsOf(syslogReceiver.settings, {
      protocol: 'rfc3164',
      location: 'Mars/Base',
      enable_octet_counting: true,
      on_error: 'cry',
    }),
    [
      'unknown time zone Mars/Base',
      "at least one of 'tcp' and 'udp' must be set",
      'invalid on_error "cry": should be send, send_quiet, drop or drop_quiet',
    ],
  )
  assert.deepEqual(problemsOf(syslogReceiver.settings, { tcp: { listen_address: 'x', max_log_size: 1n } }), [
    'failed to resolve listen_address: should be host:port, got "x"',
    "invalid value for parameter 'max_log_size', must be equal to or greater than 65536 bytes",
  ])
  const settings = decoded(otelcolReceiverSyslog.settings, { tcp: { listen_address: address }, output: {} })
  assert.equal(settings.protocol, 'rfc5424')
  assert.equal(settings.tcp?.max_log_size, 1_048_576)
})
