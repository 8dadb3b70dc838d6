import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Target } from '#component'
import type { ContainerSummary, NetworkSummary } from '#component/docker'
import { decoded, FakeDocker, problemsOf, TestHost } from '#component/test_host'
import { discoveryDocker } from './component.ts'
import { dockerTargets } from './discovery.ts'

const networks: NetworkSummary[] = [
  { Id: 'n1', Name: 'bridge', Scope: 'local', Labels: { 'a.b': 'c' } },
  { Id: 'n2', Name: 'other', Scope: 'local', Internal: true },
]
const inN1 = { bridge: { NetworkID: 'n1', IPAddress: '172.17.0.2' } }
const inBoth = { zzz: { NetworkID: 'n1', IPAddress: '172.17.0.2' }, aaa: { NetworkID: 'n2', IPAddress: '10.0.0.2' } }

function container(id: string, more: Partial<ContainerSummary>): ContainerSummary {
  return { Id: id, Names: [`/${id}`], HostConfig: { NetworkMode: 'bridge' }, ...more }
}

/** Address, ports, network and mode of each target. */
function shown(targets: readonly Target[]): string[] {
  const of = (target: Target, name: string): string => target.labels.get(`__meta_docker_${name}`) ?? '-'
  return targets.map(
    (target) =>
      `${target.labels.get('__address__')} ${of(target, 'container_name')} ${of(target, 'network_name')} ${of(target, 'port_private')}/${of(target, 'port_public')}/${of(target, 'port_public_ip')}`,
  )
}

const tcp = { Type: 'tcp', PrivatePort: 80 }
const cases: { name: string; containers: ContainerSummary[]; first?: boolean; want: string[] }[] = [
  {
    name: 'a target for each TCP port',
    containers: [container('a', { NetworkSettings: { Networks: inN1 }, Ports: [tcp, { ...tcp, PrivatePort: 443, PublicPort: 8443, IP: '0.0.0.0' }, { Type: 'udp', PrivatePort: 53 }] })], // prettier-ignore
    want: ['172.17.0.2:80 /a bridge 80/-/-', '172.17.0.2:443 /a bridge 443/8443/0.0.0.0'],
  },
  {
    name: 'the usual port where there is none',
    containers: [container('a', { NetworkSettings: { Networks: inN1 }, Ports: [{ Type: 'udp', PrivatePort: 53 }] })],
    want: ['172.17.0.2:9000 /a bridge -/-/-'],
  },
  {
    name: "the host's network",
    containers: [container('a', { HostConfig: { NetworkMode: 'host' }, NetworkSettings: { Networks: { host: { NetworkID: 'n9' } } } })], // prettier-ignore
    want: ['me.example /a - -/-/-'],
  },
  {
    name: 'the first of several networks',
    containers: [container('a', { NetworkSettings: { Networks: inBoth }, Ports: [tcp] })],
    want: ['10.0.0.2:80 /a other 80/-/-'],
  },
  {
    name: 'all of several networks',
    containers: [container('a', { NetworkSettings: { Networks: inBoth }, Ports: [tcp] })],
    first: false,
    want: ['10.0.0.2:80 /a other 80/-/-', '172.17.0.2:80 /a bridge 80/-/-'],
  },
  {
    name: "another container's network",
    containers: [
      container('a', { HostConfig: { NetworkMode: 'container:b' }, NetworkSettings: { Networks: {} } }),
      container('b', { NetworkSettings: { Networks: inN1 }, Ports: [tcp] }),
      container('c', { HostConfig: { NetworkMode: 'container:d' } }),
      container('d', { HostConfig: { NetworkMode: 'container:c' } }),
    ],
    want: ['172.17.0.2:9000 /a bridge -/-/-', '172.17.0.2:80 /b bridge 80/-/-'],
  },
  { name: 'nothing of a container without a name', containers: [container('a', { Names: null })], want: [] },
]
for (const { name, containers, first = true, want } of cases) {
  test(`Containers give ${name}`, () => {
    const settings = { port: 9000, host_networking_host: 'me.example', match_first_network: first }
    assert.deepEqual(shown(dockerTargets(containers, networks, settings)), want)
  })
}

test('Targets come from the daemon, with all their labels; what fails leaves them as they are', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'docker-'))
  const daemon = new FakeDocker()
  await daemon.start(join(directory, 'docker.sock'))
  daemon.networks = networks
  daemon.list = [
    container('a', { Labels: { 'com.example/x': 'y' }, NetworkSettings: { Networks: inN1 }, Ports: [tcp] }),
  ]
  const host = new TestHost()
  const settings = decoded(discoveryDocker.settings, {
    host: `unix://${directory}/docker.sock`,
    filter: [{ name: 'label', values: ['a', 'b'] }],
    refresh_interval: '2s',
  })
  const component = await discoveryDocker.create(host, settings)
  t.after(async () => {
    await component.stop(0)
    daemon.stop()
    rmSync(directory, { recursive: true })
  })
  await component.start?.()
  const targets = (): readonly Target[] => host.exports['targets'] as readonly Target[]
  await host.until(() => targets().length > 0)
  assert.deepEqual(Object.fromEntries((targets()[0] as Target).labels), {
    __address__: '172.17.0.2:80',
    __meta_docker_container_id: 'a',
    __meta_docker_container_label_com_example_x: 'y',
    __meta_docker_container_name: '/a',
    __meta_docker_container_network_mode: 'bridge',
    __meta_docker_network_id: 'n1',
    __meta_docker_network_ingress: 'false',
    __meta_docker_network_internal: 'false',
    __meta_docker_network_ip: '172.17.0.2',
    __meta_docker_network_label_a_b: 'c',
    __meta_docker_network_name: 'bridge',
    __meta_docker_network_scope: 'local',
    __meta_docker_port_private: '80',
  })
  assert.ok(daemon.asked.includes(`/containers/json?filters=${encodeURIComponent('{"label":["a","b"]}')}`))
  daemon.failure = 500
  await host.until(() => host.health.message.includes('status 500'))
  assert.match(host.health.message, /status 500: it fails/)
  assert.equal(targets().length, 1)
})

test('Settings that cannot work are told', () => {
  assert.match(problemsOf(discoveryDocker.settings, { host: '' })[0] as string, /begins with unix:/)
  assert.equal(problemsOf(discoveryDocker.settings, { host: 'unix:///x', refresh_interval: '0s' }).length, 1)
})
