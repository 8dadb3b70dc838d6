import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { Target } from '#component'
import { DnsDiscovery, readSearchPath, searchNames } from '#component/discovery'
import { decoded, problemsOf, TestHost } from '#component/test_host'
import { ManualClock } from '#lib/clock'
import { discoveryDns } from './component.ts'

type DnsRecord =
  | { type: 'A' | 'AAAA'; data: readonly number[] }
  | { type: 'SRV'; port: number; name: string }
  | { type: 'MX' | 'NS'; name: string }

const typeNumbers = { A: 1, NS: 2, MX: 15, AAAA: 28, SRV: 33 } as const

/** A fake name server: answers over UDP from its table (`A name`); without an entry the name does not exist. */
class FakeNameServer {
  readonly records = new Map<string, readonly DnsRecord[] | 'fail'>()
  readonly asked: string[] = []
  address = ''

  async start(t: TestContext): Promise<this> {
    const socket = createSocket('udp4')
    socket.on('message', (query, from) => {
      socket.send(this.#answer(query), from.port, from.address)
    })
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    t.after(() => socket.close())
    this.address = `127.0.0.1:${socket.address().port}`
    return this
  }

  #answer(query: Buffer): Buffer {
    const labels: string[] = []
    let at = 12
    for (let length = query[at] as number; length > 0; length = query[at] as number) {
      labels.push(query.toString('latin1', at + 1, at + 1 + length))
      at += length + 1
    }
    const name = labels.join('.')
    const number = query.readUInt16BE(at + 1)
    const type = Object.entries(typeNumbers).find(([, n]) => n === number)?.[0] ?? '?'
    this.asked.push(`${type} ${name}`)
    const exists = [...this.records.keys()].some((key) => key.split(' ')[1] === name)
    const found = this.records.get(`${type} ${name}`) ?? []
    const code = found === 'fail' ? 2 : exists ? 0 : 3
    const records = found === 'fail' ? [] : found
    const header = Buffer.alloc(12)
    header.writeUInt16BE(query.readUInt16BE(0), 0)
    header.writeUInt16BE(0x8180 | code, 2)
    header.writeUInt16BE(1, 4)
    header.writeUInt16BE(records.length, 6)
    return Buffer.concat([header, query.subarray(12, at + 5), ...records.map((record) => encoded(record))])
  }
}

function encoded(record: DnsRecord): Buffer {
  const data = dataOf(record)
  const head = Buffer.alloc(12)
  head.writeUInt16BE(0xc00c, 0) // the name asked for
  head.writeUInt16BE(typeNumbers[record.type], 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt32BE(60, 6)
  head.writeUInt16BE(data.length, 10)
  return Buffer.concat([head, data])
}

function dataOf(record: DnsRecord): Buffer {
  if ('data' in record) return Buffer.from(record.data)
  const labels = record.name.split('.').map((label) => Buffer.concat([Buffer.of(label.length), Buffer.from(label)]))
  const name = Buffer.concat([...labels, Buffer.of(0)])
  if (record.type === 'NS') return name
  if (record.type === 'MX') return Buffer.concat([Buffer.of(0, 10), name])
  const srv = Buffer.alloc(6)
  if ('port' in record) srv.writeUInt16BE(record.port, 4)
  return Buffer.concat([srv, name])
}

const targets = (host: TestHost): Record<string, string>[] =>
  (host.exports['targets'] as readonly Target[]).map((target) =>
    Object.fromEntries([...target.labels].filter(([, value]) => value !== '')),
  )

test('checks of the settings', async (t) => {
  const port = 'a port is required in DNS-SD configs for all record types except SRV'
  const cases = [
    { written: { names: ['x'] }, want: [] },
    { written: { names: ['x'], type: 'A' }, want: [port] },
    { written: { names: ['x'], type: 'mx', port: 25n }, want: [] },
    { written: { names: ['x'], type: 'TXT' }, want: ['invalid DNS-SD records type TXT'] },
  ]
  for (const { written, want } of cases) {
    await t.test(String(written.type), () => assert.deepEqual(problemsOf(discoveryDns.settings, written), want))
  }
})

test('each type of record', async (t) => {
  const server = await new FakeNameServer().start(t)
  server.records.set('A x.test', [
    { type: 'A', data: [10, 0, 0, 2] },
    { type: 'A', data: [10, 0, 0, 1] },
  ])
  server.records.set('AAAA x.test', [{ type: 'AAAA', data: [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1] }])
  server.records.set('SRV x.test', [{ type: 'SRV', port: 9100, name: 'node.test' }])
  server.records.set('MX x.test', [{ type: 'MX', name: 'mail.test' }])
  server.records.set('NS x.test', [{ type: 'NS', name: 'ns.test' }])
  const name = { __meta_dns_name: 'x.test' }
  const cases = [
    {
      type: 'A',
      want: [
        { __address__: '10.0.0.1:80', ...name },
        { __address__: '10.0.0.2:80', ...name },
      ],
    },
    { type: 'aaaa', want: [{ __address__: '[2001:db8::1]:80', ...name }] },
    {
      type: 'SRV',
      want: [
        {
          __address__: 'node.test:9100',
          ...name,
          __meta_dns_srv_record_target: 'node.test.',
          __meta_dns_srv_record_port: '9100',
        },
      ],
    },
    { type: 'MX', want: [{ __address__: 'mail.test:80', ...name, __meta_dns_mx_record_target: 'mail.test.' }] },
    { type: 'NS', want: [{ __address__: 'ns.test:80', ...name, __meta_dns_ns_record_target: 'ns.test.' }] },
  ]
  for (const { type, want } of cases) {
    await t.test(type, async (t) => {
      const host = new TestHost()
      const settings = decoded(discoveryDns.settings, { names: ['x.test'], type, port: 80n })
      const component = new DnsDiscovery(host, settings, {
        servers: [server.address],
        searchPath: { domains: [], dots: 1 },
      })
      t.after(() => component.stop())
      assert.deepEqual(targets(host), [])
      component.start()
      await host.until(() => host.health.state === 'healthy')
      assert.deepEqual(targets(host), want)
    })
  }
})

test('a name that fails keeps its targets, one that is gone has none, one that comes has them', async (t) => {
  const server = await new FakeNameServer().start(t)
  const a = (last: number): readonly DnsRecord[] => [{ type: 'A', data: [10, 0, 0, last] }]
  server.records.set('A one.test', a(1))
  server.records.set('A two.test', a(2))
  const clock = new ManualClock()
  const host = new TestHost({ clock })
  const settings = decoded(discoveryDns.settings, { names: ['one.test', 'two.test'], type: 'A', port: 1n })
  const component = new DnsDiscovery(host, settings, {
    servers: [server.address],
    searchPath: { domains: [], dots: 1 },
  })
  t.after(() => component.stop())
  const addresses = (): string =>
    targets(host)
      .map((target) => target['__address__'])
      .join()
  const round = async (state: string): Promise<void> => {
    host.setHealth('unknown', '')
    await clock.advance(30_000)
    await host.until(() => host.health.state === state)
  }
  component.start()
  await host.until(() => host.health.state === 'healthy')
  assert.equal(addresses(), '10.0.0.1:1,10.0.0.2:1')
  server.records.set('A one.test', 'fail')
  server.records.delete('A two.test')
  await round('unhealthy')
  assert.equal(addresses(), '10.0.0.1:1')
  assert.equal(host.health.message, 'Cannot resolve "one.test": ESERVFAIL')
  assert.equal(host.counts.get('prometheus_sd_dns_lookup_failures_total')?.value, 1)
  assert.equal(host.counts.get('prometheus_sd_dns_lookups_total')?.value, 4)
  server.records.set('A one.test', a(3))
  server.records.set('AAAA two.test', [])
  await round('healthy')
  assert.equal(addresses(), '10.0.0.3:1')
  component.stop()
  component.stop()
  assert.equal(clock.pending, 0)
})

test('the search path is gone along until a name exists', async (t) => {
  const server = await new FakeNameServer().start(t)
  server.records.set('A short.b.test', [{ type: 'A', data: [10, 0, 0, 9] }])
  const host = new TestHost()
  const settings = decoded(discoveryDns.settings, { names: ['short'], type: 'A', port: 1n })
  const searchPath = { domains: ['a.test', 'b.test', 'c.test'], dots: 1 }
  const component = new DnsDiscovery(host, settings, { servers: [server.address], searchPath })
  t.after(() => component.stop())
  component.start()
  await host.until(() => host.health.state === 'healthy')
  assert.deepEqual(server.asked, ['A short.a.test', 'A short.b.test'])
  assert.deepEqual(targets(host), [{ __address__: '10.0.0.9:1', __meta_dns_name: 'short' }])
})

test('resolv.conf', () => {
  const directory = mkdtempSync(join(tmpdir(), 'discovery_dns-'))
  const file = join(directory, 'resolv.conf')
  const text = '# comment\nnameserver 1.1.1.1\ndomain old.test\nsearch a.test b.test.\noptions timeout:1 ndots:5\n'
  writeFileSync(file, text)
  const path = readSearchPath(file)
  rmSync(directory, { recursive: true })
  assert.deepEqual(path, { domains: ['a.test', 'b.test.'], dots: 5 })
  assert.deepEqual(searchNames('x', path), ['x.a.test', 'x.b.test', 'x'])
  assert.deepEqual(searchNames('x.', path), ['x.'])
  assert.deepEqual(searchNames('1.2.3.4.5.x', path), ['1.2.3.4.5.x', '1.2.3.4.5.x.a.test', '1.2.3.4.5.x.b.test'])
  assert.deepEqual(readSearchPath('/none'), { domains: [], dots: 1 })
})
