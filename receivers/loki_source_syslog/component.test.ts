import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { readFileSync } from 'node:fs'
import { connect as connectTcp, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { connect as connectTls, type ConnectionOptions } from 'node:tls'
import { Capsule, ConsumeError, defineSettings, type LogsPort } from '#component'
import { relabelRuleBlocks, RelabelRules } from '#component/relabel'
import { eventually, decoded, problemsOf, TestHost, type Written } from '#component/test_host'
import { ManualClock } from '#lib/clock'
import type { Logs } from '#pdata'
import { labelText } from '#pdata/loki'
import { lokiSourceSyslog } from './component.ts'
import { LokiSourceSyslog } from './receiver.ts'

class Syslog {
  readonly host: TestHost
  readonly lines: string[] = []
  readonly times: bigint[] = []
  /** Called before lines are taken; may throw, or make the receiver wait. */
  before: () => void | Promise<void> = () => {}
  receiver: LokiSourceSyslog | undefined
  readonly #port: LogsPort = { nodeId: 'sink', signal: 'logs', consume: (batch) => this.#take(batch) }
  #tell: () => void = () => {}

  constructor(clock?: ManualClock) {
    this.host = new TestHost(clock ? { clock } : {})
  }

  async start(t: TestContext, listener: Written, more: Written = {}): Promise<this> {
    this.receiver = (await lokiSourceSyslog.create(this.host, this.settings(listener, more))) as LokiSourceSyslog
    await this.receiver.start()
    t.after(() => this.receiver?.stop(1000))
    return this
  }

  settings(listener: Written, more: Written = {}) {
    return decoded(lokiSourceSyslog.settings, {
      forward_to: [new Capsule('LogsReceiver', this.#port)],
      listener: [{ address: '127.0.0.1:0', ...listener }],
      ...more,
    })
  }

  #take(batch: Logs): void | Promise<void> {
    const waited = this.before()
    if (waited) return waited.then(() => this.#keep(batch))
    return this.#keep(batch)
  }

  #keep(batch: Logs): void {
    for (const { labels, lines, timestampsNs } of batch.streams ?? []) {
      for (const [i, line] of lines.entries()) {
        this.lines.push(`${labelText(labels)} ${line}`)
        this.times.push(timestampsNs[i] as bigint)
      }
    }
    this.#tell()
  }

  get port(): number {
    return this.receiver?.ports[0] ?? 0
  }

  async expect(...want: string[]): Promise<void> {
    while (this.lines.length < want.length) await new Promise<void>((resolve) => (this.#tell = resolve))
    assert.deepEqual(this.lines, want)
  }

  count(name: string): number | undefined {
    return this.host.counts.get(`loki_source_syslog_${name}_total`)?.value
  }

  async counted(name: string, want: number): Promise<void> {
    while ((this.count(name) ?? 0) < want) await new Promise((resolve) => setImmediate(resolve))
    assert.equal(this.count(name), want)
  }

  connect(): Socket {
    return connectTcp(this.port, '127.0.0.1').on('error', () => {})
  }
}

const allLabels = rules({ regex: '__syslog_(message|connection)_(.+)', replacement: '$2', action: 'labelmap' })

function rules(...rule: Written[]): Written {
  const schema = defineSettings({ rule: relabelRuleBlocks('Rules.') })
  return { relabel_rules: new Capsule('RelabelRules', new RelabelRules(decoded(schema, { rule }).rule)) }
}

const app = '<165>1 2026-01-02T03:04:05Z web-1 app 42 ID47 [ex@32473 iut="3"] hello'
const bsd = '<13>Jan  2 03:04:05 host app[12]: hello'
const peer = 'hostname="localhost", ip_address="127.0.0.1"'

const formats: { name: string; listener: Written; input: string; want: string[] }[] = [
  {
    name: 'RFC 5424, framed by newlines',
    listener: {},
    input: `${app}\n<34>1 - - su - - - 'su root' failed\n and more\n`,
    want: [
      '{app_name="app", facility="local4", hostname="web-1", ip_address="127.0.0.1", msg_id="ID47", proc_id="42", severity="notice"} hello',
      `{app_name="su", facility="auth", ${peer}, severity="critical"} 'su root' failed\n and more`,
    ],
  },
  {
    name: 'RFC 5424, framed by lengths, with structured data',
    listener: { label_structured_data: true, labels: new Map([['job', 'x']]) },
    input: `${app.length} ${app}${app.length} ${app}`,
    want: Array.from(
      { length: 2 },
      () =>
        '{app_name="app", facility="local4", hostname="web-1", ip_address="127.0.0.1", job="x", msg_id="ID47", proc_id="42", sd_ex_32473_iut="3", severity="notice"} hello',
    ),
  },
  {
    name: 'RFC 3164',
    listener: { syslog_format: 'rfc3164' },
    input: `${bsd}\n${bsd}\n`,
    want: Array.from(
      { length: 2 },
      () =>
        '{app_name="app", facility="user", hostname="host", ip_address="127.0.0.1", proc_id="12", severity="notice"} hello',
    ),
  },
  {
    name: "Cisco's variant",
    listener: { syslog_format: 'rfc3164', rfc3164_cisco_components: { enable_all: true } },
    input: '<189>237: 000104: r1: *Jan  8 19:46:03.295: %SYS-5-CONFIG_I: Configured\n',
    want: [
      '{app_name="%SYS-5-CONFIG_I", facility="local7", hostname="r1", ip_address="127.0.0.1", msg_counter="237", sequence="104", severity="notice"} Configured',
    ],
  },
  {
    name: 'raw',
    listener: { syslog_format: 'raw' },
    input: 'CEF:0|a\n<34> x \n',
    want: [`{${peer}} CEF:0|a`, `{facility="auth", ${peer}, severity="critical"} x`],
  },
  {
    name: 'raw with zero bytes between',
    listener: { syslog_format: 'raw', raw_format_options: { use_null_terminator_delimiter: true } },
    input: 'a\nb\0c\0',
    want: [`{${peer}} a\nb`, `{${peer}} c`],
  },
]
/** The names that this machine gives 127.0.0.1 are its own affair. */
const own = (lines: string[]): string[] =>
  lines.map((line) => line.replace(/hostname="[^"]*localhost[^"]*"/, 'hostname="localhost"'))

for (const { name, listener, input, want } of formats) {
  test(`Over TCP: ${name}`, async (t) => {
    const s = await new Syslog().start(t, listener, allLabels)
    s.connect().end(input)
    await s.counted('entries', want.length)
    assert.deepEqual(own(s.lines), want)
    assert.equal(s.host.counters.in, s.host.counters.out)
    assert.equal(s.count('parsing_errors'), 0)
  })

  test(`Over UDP: ${name}`, async (t) => {
    const s = await new Syslog().start(t, { ...listener, protocol: 'udp' }, allLabels)
    const socket = createSocket('udp4')
    t.after(() => socket.close())
    socket.send(input, s.port, '127.0.0.1')
    await s.counted('entries', want.length)
    assert.deepEqual(own(s.lines), want)
  })
}

test('Without rules a line has the labels of its listener', async (t) => {
  const s = await new Syslog().start(t, { labels: new Map([['job', 'x'], ['__no', 'y']]) }) // prettier-ignore
  s.connect().write(`${app}\n`)
  await s.expect('{job="x"} hello')
  const age = BigInt(Date.now()) * 1_000_000n - (s.times[0] as bigint)
  assert.ok(age >= -1_000_000_000n && age < 3_600_000_000_000n)
})

const options: { name: string; listener: Written; input: string; want: string; time?: string }[] = [
  {
    name: 'the whole message',
    listener: { use_rfc5424_message: true, use_incoming_timestamp: true },
    input: app,
    want: `{} ${app}`,
    time: '2026-01-02T03:04:05.000Z',
  },
  { name: 'an empty text', listener: { rfc5424_allow_empty_msg: true }, input: '<34>1 - - - - - -', want: '{} ' },
  {
    name: 'a time with the current year',
    listener: { syslog_format: 'rfc3164', use_incoming_timestamp: true, rfc3164_default_to_current_year: true },
    input: bsd.replace('Jan  2', 'Jun 15'),
    want: '{} hello',
    time: `${new Date().getUTCFullYear()}-06-15T03:04:05.000Z`,
  },
]
for (const { name, listener, input, want, time } of options) {
  test(`An option gives ${name}`, async (t) => {
    const s = await new Syslog().start(t, listener)
    s.connect().end(input)
    await s.expect(want)
    if (time !== undefined) assert.equal(new Date(Number((s.times[0] as bigint) / 1_000_000n)).toISOString(), time)
  })
}

test('What is no message is counted, and costs nothing else', async (t) => {
  const s = await new Syslog().start(t, { max_message_length: 100 })
  s.connect().end('<999>1 bad\n<34>1 - - - - - -\n<34>1 - - - - - - good\n')
  await s.expect('{} good')
  const long = `<34>1 - - - - - - ${'x'.repeat(100)}`
  const next = '<34>1 - - - - - - next'
  s.connect().end(`${long.length} ${long}${next.length} ${next}`)
  await s.expect('{} good', '{} next')
  s.connect().end('GET / HTTP/1.0\n')
  await s.counted('parsing_errors', 3)
  await s.counted('empty_messages', 1)
  assert.ok(s.host.lines.includes('warn: Received what is no syslog message'))
})

test('Lines that rules drop are counted', async (t) => {
  const s = await new Syslog().start(t, {}, rules({ source_labels: ['__syslog_message_app_name'], regex: 'app', action: 'drop' })) // prettier-ignore
  s.connect().end(`${app}\n<34>1 - - other - - - kept\n`)
  await s.expect('{} kept')
  assert.deepEqual([...s.host.counters.droppedByReason], [['relabel rules', 1]])
  assert.equal(s.host.counters.in, 2)
})

test('A line is tried again until it is taken, and nothing is read meanwhile; what is refused for good is dropped', async (t) => {
  const s = await new Syslog().start(t, {})
  let tries = 0
  s.before = () => {
    if (tries++ < 2) throw new ConsumeError('Cannot take lines: full', { retryable: true, retryAfterMs: 1 })
  }
  const socket = s.connect()
  socket.write(`${app}\n`)
  await s.expect('{} hello')
  assert.equal(tries, 3)
  s.before = () => {
    s.before = () => {}
    throw new ConsumeError('Cannot take lines: bad', { retryable: false })
  }
  socket.write(`${app}\n`)
  while (s.host.counters.dropped === 0) await new Promise((resolve) => setImmediate(resolve))
  socket.end(`${app}\n`)
  await s.counted('entries', 2)
  assert.deepEqual(s.lines, ['{} hello', '{} hello'])
  const { counters } = s.host
  assert.deepEqual([counters.in, counters.out, counters.dropped, counters.waiting], [3, 2, 1, 0])
})

test('At the stop what waits is tried until the deadline, then dropped and counted', async (t) => {
  const s = await new Syslog().start(t, {})
  s.before = () => {
    throw new ConsumeError('Cannot take lines: full', { retryable: true })
  }
  s.connect().end(`${app}\n`)
  while (s.host.counters.waiting === 0) await new Promise((resolve) => setImmediate(resolve))
  await s.receiver?.stop(20)
  while (s.host.counters.waiting > 0) await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual([...s.host.counters.droppedByReason], [['not taken before the stop', 1]])
})

test('Datagrams that find no room are counted', async (t) => {
  const s = await new Syslog().start(t, { protocol: 'udp', udp_queue_size: 0 })
  let go: () => void = () => {}
  const gate = new Promise<void>((resolve) => (go = resolve))
  s.before = () => gate
  const socket = createSocket('udp4')
  t.after(() => socket.close())
  const big = `<34>1 - - - - - - ${'x'.repeat(8000)}`
  while (s.host.counters.dropped === 0) {
    await new Promise<void>((resolve) => socket.send(big, s.port, '127.0.0.1', () => resolve()))
    await new Promise((resolve) => setImmediate(resolve))
  }
  go()
  assert.ok([...s.host.counters.droppedByReason.keys()].includes('datagram queue full'))
})

const certificates = new URL('../../component/http_client/testdata/', import.meta.url)
const path = (name: string): string => new URL(name, certificates).pathname
const pem = (name: string): string => readFileSync(path(name), 'utf8')

test('TLS with client certificates', async (t) => {
  const tls = { cert_file: path('server.pem'), key_file: path('server.key'), ca_file: path('authority.pem') }
  const s = await new Syslog().start(t, { tls_config: tls })
  const send = (more: ConnectionOptions): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = connectTls({ port: s.port, host: '127.0.0.1', ca: pem('authority.pem'), checkServerIdentity: () => undefined, ...more }) // prettier-ignore
      socket.on('secureConnect', () => socket.end(`${app}\n`))
      socket.on('error', () => resolve(false))
      socket.on('close', () => resolve(true))
      socket.resume()
    })
  await send({})
  await send({ cert: pem('client.pem'), key: pem('client.key') })
  await s.expect('{} hello')
})

test('A reload keeps connections where the address stays, and takes over labels', async (t) => {
  const s = await new Syslog().start(t, { labels: new Map([['v', '1']]) })
  const socket = s.connect()
  socket.write(`${app}\n`)
  await s.expect('{v="1"} hello')
  const { port } = s
  await s.receiver?.update(s.settings({ labels: new Map([['v', '2']]) }))
  assert.equal(s.port, port)
  socket.write(`${app}\n`)
  await s.expect('{v="1"} hello', '{v="2"} hello')
  await s.receiver?.update(s.settings({ idle_timeout: '1h' }))
  assert.notEqual(s.port, 0)
  s.connect().end(`${app}\n`)
  await s.expect('{v="1"} hello', '{v="2"} hello', '{} hello')
})

test('An address that is taken makes the component unhealthy until it is free', async (t) => {
  const first = await new Syslog().start(t, {})
  const second = await new Syslog().start(t, { address: `127.0.0.1:${first.port}` })
  assert.match(second.host.health.message, /EADDRINUSE/)
  await first.receiver?.stop(1000)
  await second.host.until(() => second.host.health.state === 'healthy')
  second.connect().end(`${app}\n`)
  await second.expect('{} hello')
})

test('A connection that is silent for too long is closed', async (t) => {
  const s = await new Syslog().start(t, { idle_timeout: '20ms' })
  const socket = s.connect()
  socket.write(app)
  await new Promise((resolve) => socket.on('close', resolve))
  await s.expect('{} hello')
})

const wrong: [listener: Written, want: RegExp][] = [
  [{ address: 'x' }, /the address is written host:port/],
  [{ protocol: 'sctp' }, /should be either 'tcp' or 'udp', got sctp/],
  [{ syslog_format: 'x' }, /should be one of "rfc5424", "rfc3164", "raw", got "x"/],
  [{ rfc3164_cisco_components: { enable_all: true } }, /no effect when syslog format is not "rfc3164"/],
  [{ syslog_format: 'rfc3164', rfc3164_cisco_components: {} }, /at least one option/],
  [{ raw_format_options: {} }, /no effect when syslog format is not "raw"/],
  [{ syslog_format: 'raw', use_rfc5424_message: true }, /"use_rfc5424_message" has no effect/],
  [{ syslog_format: 'rfc3164', rfc5424_allow_empty_msg: true }, /"rfc5424_allow_empty_msg" has no effect/],
  [{ tls_config: { ca_pem: 'x' } }, /certificate and key must be configured/],
]
test('Settings that cannot work are told', () => {
  for (const [listener, want] of wrong) {
    const problems = problemsOf(lokiSourceSyslog.settings, {
      forward_to: [],
      listener: [{ address: '127.0.0.1:0', ...listener }],
    })
    assert.equal(problems.length, 1, problems.join('\n'))
    assert.match(problems[0] as string, want)
  }
  assert.equal(problemsOf(lokiSourceSyslog.settings, { forward_to: [] }).length, 1)
})

test('A message goes on in the next line also where the next component takes its time', async (t) => {
  const clock = new ManualClock()
  const s = await new Syslog(clock).start(t, {})
  let release = (): void => {}
  const busy = new Promise<void>((resolve) => (release = resolve))
  let isAsked = false
  s.before = () => {
    isAsked = true
    return busy
  }
  const socket = s.connect()
  t.after(() => socket.destroy())
  socket.write('<34>1 - - a - - - one\n<34>1 - - a - - - two\n')
  while (!isAsked) await new Promise((resolve) => setImmediate(resolve))
  await clock.advance(5000)
  release()
  socket.end(' and more\n')
  await s.expect('{} one', '{} two\n and more')
})

test('A message waits as long as is set for a line that goes on with it', async (t) => {
  const clock = new ManualClock()
  const s = await new Syslog(clock).start(t, { continuation_timeout: '2s', syslog_format: 'rfc3164' })
  const socket = s.connect()
  t.after(() => socket.destroy())
  const before = clock.pending
  socket.write('<13>Oct 11 22:14:15 host app: one\n')
  await eventually('the message is read', () => clock.pending > before)
  await clock.advance(1999)
  assert.deepEqual(s.lines, [])
  await clock.advance(1)
  await s.expect('{} one')
})

test('A change loses no datagram that was read with one whose sender is looked up', async (t) => {
  const listener = { protocol: 'udp' }
  const s = await new Syslog().start(t, listener, allLabels)
  const sockets = await Promise.all(
    ['127.0.0.1', '127.0.0.2'].map(async (address) => {
      const socket = createSocket('udp4')
      t.after(() => socket.close())
      await new Promise<void>((resolve) => socket.bind(0, address, resolve))
      return socket
    }),
  )
  // Its name is known from now on.
  sockets[0]?.send(app, s.port, '127.0.0.1')
  await s.counted('entries', 1)
  for (const socket of sockets) socket.send(app, s.port, '127.0.0.1')
  while ((s.count('entries') ?? 0) < 3) {
    await s.receiver?.update(s.settings({ ...listener, labels: new Map([['n', String(Math.random())]]) }, allLabels))
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.equal(s.lines.length, 3)
})
