// The labels of targets come to the resources of their spans, on the wire and on trees.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Capsule, Target } from '#component'
import {
  decoded,
  OtelSink,
  problemsOf,
  resourceSpans,
  TestHost,
  tracesTreeOf,
  type Written,
} from '#component/test_host'
import { type ClientContext, Traces } from '#pdata'
import { type AnyValue, anyValueText, readTracesRequest, tracesTree, tracesWire } from '#pdata/otlp'
import { otelcolProcessorDiscovery } from './component.ts'

const targets = [
  { __address__: '10.0.0.1:80', __meta_x: 'hidden', pod: 'one', zone: 'z1' },
  { __address__: '10.0.0.2', pod: 'two' },
  { __address__: '[fe80::1]:80', pod: 'six' },
  { pod: 'nowhere' },
].map(
  (labels) =>
    new Target(new Map(Object.entries(labels).filter((entry): entry is [string, string] => entry[1] !== undefined))),
)

function contextOf(peer: string): ClientContext {
  return { metadata: new Map(), auth: null, peer }
}

async function attributesAfter(
  written: Written,
  resource: Readonly<Record<string, AnyValue>>,
  form: 'wire' | 'tree',
  context: ClientContext | null,
): Promise<string[]> {
  const host = new TestHost()
  const sink = new OtelSink()
  const traces = sink.output.traces.map((consumer) => new Capsule('otelcol.Consumer', consumer))
  const settings = decoded(otelcolProcessorDiscovery.settings, { targets, ...written, output: { traces } })
  const processor = await otelcolProcessorDiscovery.create(host, settings)
  const tree = tracesTreeOf(resourceSpans(resource, [{ name: 'a' }]), resourceSpans({ 'net.host.ip': '1.1.1.1' }, [{}]))
  const [chunk] = tracesWire(Traces.fromTree(tree, context))
  const batch = form === 'tree' ? Traces.fromTree(tree, context) : readTracesRequest(chunk ?? new Uint8Array(), context)
  host.counters.in += batch.count
  await processor.traces?.consume(batch)
  assert.equal(host.counters.in, host.counters.out)
  assert.deepEqual(host.lines, ['warn: Ignoring targets: they have no address'])
  const [got] = sink.traces
  assert.ok(got)
  // Nothing else is touched: what was written is a valid request with the same spans.
  const [written0] = tracesWire(got)
  const read = tracesTree(readTracesRequest(written0 ?? new Uint8Array()))
  const before = tracesTree(readTracesRequest(chunk ?? new Uint8Array()))
  assert.deepEqual(read.resourceSpans[0]?.scopeSpans, before.resourceSpans[0]?.scopeSpans)
  assert.deepEqual(read.resourceSpans[1], before.resourceSpans[1])
  return (read.resourceSpans[0]?.resource.attributes ?? []).map(({ key, value }) => `${key}=${anyValueText(value)}`)
}

interface Case {
  readonly name: string
  readonly written?: Written
  readonly resource: Readonly<Record<string, AnyValue>>
  readonly peer?: string
  readonly want: readonly string[]
}

const cases: readonly Case[] = [
  { name: 'an attribute has the address', resource: { ip: '10.0.0.1' }, want: ['ip=10.0.0.1', 'pod=one', 'zone=z1'] },
  {
    name: 'the first of the associations that has one decides',
    resource: { 'k8s.pod.ip': '10.0.0.2', 'net.host.ip': '9.9.9.9' },
    want: ['k8s.pod.ip=10.0.0.2', 'net.host.ip=9.9.9.9'],
  },
  {
    name: 'the order is the one written',
    written: { pod_associations: ['k8s.pod.ip', 'net.host.ip'] },
    resource: { 'k8s.pod.ip': '10.0.0.2', 'net.host.ip': '10.0.0.1' },
    want: ['k8s.pod.ip=10.0.0.2', 'net.host.ip=10.0.0.1', 'pod=two'],
  },
  {
    name: 'a host name that is an address',
    resource: { 'host.name': '10.0.0.2' },
    want: ['host.name=10.0.0.2', 'pod=two'],
  },
  { name: 'a host name that is none', resource: { 'host.name': 'box' }, want: ['host.name=box'] },
  { name: 'the connection', resource: {}, peer: '10.0.0.1:5555', want: ['pod=one', 'zone=z1'] },
  { name: 'the connection of IPv6', resource: {}, peer: '[fe80::1]:5555', want: ['pod=six'] },
  {
    name: 'the connection is not looked at where it is not asked for',
    written: { pod_associations: ['ip'] },
    resource: {},
    peer: '10.0.0.1:5555',
    want: [],
  },
  { name: 'upsert replaces', resource: { pod: 'old', ip: '10.0.0.1' }, want: ['pod=one', 'ip=10.0.0.1', 'zone=z1'] },
  {
    name: 'insert leaves what is there',
    written: { operation_type: 'insert' },
    resource: { pod: 'old', ip: '10.0.0.1' },
    want: ['pod=old', 'ip=10.0.0.1', 'zone=z1'],
  },
  {
    name: 'update adds nothing',
    written: { operation_type: 'update' },
    resource: { pod: 5n, ip: '10.0.0.1' },
    want: ['pod=one', 'ip=10.0.0.1'],
  },
  { name: 'a value that is no text is no address', resource: { ip: 5n }, want: ['ip=5'] },
]
for (const { name, written = {}, resource, peer, want } of cases) {
  for (const form of ['wire', 'tree'] as const) {
    test(`${name} (${form})`, async () => {
      const context = peer === undefined ? null : contextOf(peer)
      assert.deepEqual(await attributesAfter(written, resource, form, context), want)
    })
  }
}

test('new targets are taken without a restart', async () => {
  const sink = new OtelSink()
  const traces = sink.output.traces.map((consumer) => new Capsule('otelcol.Consumer', consumer))
  const schema = otelcolProcessorDiscovery.settings
  const processor = await otelcolProcessorDiscovery.create(
    new TestHost(),
    decoded(schema, { targets: [], output: { traces } }),
  )
  const send = (): void | Promise<void> =>
    processor.traces?.consume(Traces.fromTree(tracesTreeOf(resourceSpans({ ip: '10.0.0.2' }, [{}]))))
  await send()
  await processor.update?.(decoded(schema, { targets, output: { traces } }))
  await send()
  const pods = sink.traces.map((batch) => tracesTree(batch).resourceSpans[0]?.resource.attributes.map(({ key }) => key))
  assert.deepEqual(pods, [['ip'], ['ip', 'pod']])
  await processor.stop(1000)
})

test('refuses what is not known', () => {
  assert.deepEqual(
    problemsOf(otelcolProcessorDiscovery.settings, {
      targets,
      operation_type: 'x',
      pod_associations: ['y'],
      output: {},
    }),
    [
      'should be one of "upsert", "insert", "update", got "x"',
      'should be one of "ip", "net.host.ip", "k8s.pod.ip", "hostname", "connection", got "y"',
    ],
  )
})
