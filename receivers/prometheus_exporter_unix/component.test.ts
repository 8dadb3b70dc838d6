import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { SettingsError, Target } from '#component'
import type { Component } from '#component'
import { decoded, problemsOf, TestHost } from '#component/test_host'
import type { Written } from '#component/test_host'
import { prometheusExporterUnix } from './component.ts'
import { SampleLines } from './sample_lines.ts'
import type { UnixSettings } from './settings.ts'

const settings = (written: Written): UnixSettings => decoded(prometheusExporterUnix.settings, written)

async function create(host: TestHost, written: Written): Promise<Component<UnixSettings>> {
  return prometheusExporterUnix.create(host, settings(written))
}

async function scrape(component: Component<UnixSettings>): Promise<string[]> {
  const sink = new SampleLines()
  await component.source?.collect(sink, new AbortController().signal)
  return sink.lines
}

const ran = (lines: readonly string[]): string[] =>
  lines.flatMap((line) => /^node_scrape_collector_success\{collector="(\w+)"\} 1$/.exec(line)?.[1] ?? [])

test('it exports one target, which leads back to it', async () => {
  const host = new TestHost()
  await create(host, { set_collectors: ['loadavg'] })
  const [target] = host.exports['targets'] as Target[]
  assert.deepEqual(Object.fromEntries(target?.labels ?? []), {
    __address__: 'memory:12345',
    __meta_component_id: 'test.component.x',
    __meta_component_name: 'test.component',
    __metrics_path__: '/api/v0/component/test.component.x/metrics',
    __scheme__: 'http',
    instance: 'host',
    job: 'integrations/unix',
  })
})

test('it runs the collectors chosen, in the order of their names, and others after an update', async () => {
  const host = new TestHost()
  const component = await create(host, { set_collectors: ['time', 'loadavg', 'meminfo'] })
  assert.deepEqual(ran(await scrape(component)), ['loadavg', 'meminfo', 'time'])
  await component.update?.(settings({ set_collectors: ['stat'] }))
  assert.deepEqual(ran(await scrape(component)), ['stat'])
  await component.stop(0)
  await component.stop(0)
})

test('names of nothing are logged, since Alloy takes them', async () => {
  const host = new TestHost()
  await create(host, { set_collectors: ['loadavg'], enable_collectors: ['laodavg'] })
  assert.deepEqual(host.lines, ['warn: There are no such collectors, so they are ignored.'])
})

test('an expression that does not compile is an error at its place', async () => {
  const written = { set_collectors: ['diskstats'], disk: { device_exclude: '(' } }
  await assert.rejects(create(new TestHost(), written), (error: unknown) => {
    assert.ok(error instanceof SettingsError)
    assert.deepEqual(error.path, ['disk', 'device_exclude'])
    assert.match(error.message, /missing closing \)/)
    return true
  })
})

test('settings are those of Alloy, their defaults too', () => {
  const { filesystem, disk, vmstat, cpu, ntp, procfs_path: procfs } = settings({ filesystem: { mount_timeout: '2s' } })
  assert.equal(filesystem.mount_timeout, 2000)
  assert.match(filesystem.fs_types_exclude, /^\^\(autofs\|/)
  assert.equal(disk.device_exclude, '^(ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\\d+n\\d+p)\\d+$')
  assert.equal(vmstat.fields, '^(oom_kill|pgpg|pswp|pg.*fault).*')
  assert.deepEqual(cpu, { bugs_include: '', flags_include: '', guest: false, info: false })
  assert.equal(ntp.max_distance, 3466.08)
  assert.equal(procfs, '/proc')
  assert.deepEqual(problemsOf(prometheusExporterUnix.settings, { cpu: { guests: true } }), [
    'unrecognized attribute name "guests"',
  ])
})

test('its page is text that Prometheus reads, and there is no other page', async () => {
  const component = await create(new TestHost(), { set_collectors: ['loadavg', 'stat'] })
  const server = createServer((request, response) => void component.http?.(request, response, request.url ?? ''))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const response = await fetch(`${origin}/metrics`)
    assert.equal(response.status, 200)
    assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/)
    const text = await response.text()
    assert.match(text, /^# HELP node_load1 1m load average\.\n# TYPE node_load1 gauge\nnode_load1 \d/m)
    assert.match(text, /^node_scrape_collector_success\{collector="stat"\} 1$/m)
    const other = await fetch(`${origin}/`)
    assert.equal(other.status, 404)
    await other.text()
  } finally {
    server.closeAllConnections()
    server.close()
  }
})
