// Detectors against fakes of the services that they ask, and what becomes of what they find.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { hostname, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Component } from '#component'
import {
  decoded,
  gaugeMetric,
  numberPoint,
  OtelSink,
  problemsOf,
  resourceMetrics,
  TestHost,
  type Written,
} from '#component/test_host'
import { ManualClock } from '#lib/clock'
import { Metrics } from '#pdata'
import type { Attributes } from '#pdata/otlp'
import {
  otelcolProcessorResourcedetection,
  optionsFor,
  ResourceDetection,
  resourceDetectionProcessor,
} from './component.ts'
import { detect, schemaUrl } from './detection.ts'
import { defaultEndpoints } from './detectors/detector.ts'

/** A fake: an answer by `METHOD path`, a function where the request decides. Everything else is not found. */
type Answers = Record<string, string | ((request: IncomingMessage) => string | number)>

let fakeAnswers: Answers = {}
let fakeServer: Server
let fakeUrl = ''
const root = mkdtempSync(join(tmpdir(), 'resource-detection-'))

before(async () => {
  fakeServer = createServer((request, response) => {
    const answer = fakeAnswers[`${request.method} ${request.url}`]
    const given = typeof answer === 'function' ? answer(request) : (answer ?? 404)
    if (typeof given === 'number') response.writeHead(given).end()
    else response.end(given)
  })
  await new Promise<void>((resolve) => fakeServer.listen(0, '127.0.0.1', resolve))
  fakeUrl = `http://127.0.0.1:${(fakeServer.address() as AddressInfo).port}`
})
after(() => {
  fakeServer.close()
  rmSync(root, { recursive: true })
})

const plain = (attributes: Attributes = []): Record<string, unknown> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, value]))

interface Case {
  readonly name: string
  readonly written: Written
  readonly env?: Record<string, string>
  readonly answers?: Answers
  readonly files?: Record<string, string>
  readonly want: Record<string, unknown>
  readonly failures?: readonly string[]
}

const identity = JSON.stringify({
  region: 'us-west-2',
  accountId: '123',
  availabilityZone: 'us-west-2a',
  instanceId: 'i-1',
  imageId: 'ami-1',
  instanceType: 't3.micro',
})
const withToken = (answer: string) => (request: IncomingMessage) =>
  request.headers['x-aws-ec2-metadata-token'] === 'T' ? answer : 401
const ec2Fake: Answers = {
  'PUT /latest/api/token': 'T',
  'GET /latest/meta-data/instance-id': withToken('i-1'),
  'GET /latest/dynamic/instance-identity/document': withToken(identity),
  'GET /latest/meta-data/hostname': withToken('ip-1.internal'),
  'GET /latest/meta-data/tags/instance': withToken('Name\nteam\nkubernetes.io/cluster/prod'),
  'GET /latest/meta-data/tags/instance/team': withToken('red'),
}
const ec2Found = {
  'cloud.provider': 'aws',
  'cloud.platform': 'aws_ec2',
  'cloud.region': 'us-west-2',
  'cloud.account.id': '123',
  'cloud.availability_zone': 'us-west-2a',
  'host.id': 'i-1',
  'host.image.id': 'ami-1',
  'host.type': 't3.micro',
  'host.name': 'ip-1.internal',
}
const { 'host.type': _type, ...withoutType } = ec2Found
const azureFake: Answers = {
  'GET /metadata/instance/compute?api-version=2020-09-01&format=json': (request) =>
    request.headers['metadata'] === 'True'
      ? JSON.stringify({
          location: 'westeurope',
          name: 'vm',
          vmId: 'id',
          vmSize: 'D2',
          subscriptionId: 'sub',
          resourceGroupName: 'MC_group_cluster_westeurope',
          zone: '1',
          osProfile: { computerName: 'computer' },
          tagsList: [
            { name: 'team', value: 'red' },
            { name: 'other', value: 'x' },
          ],
        })
      : 400,
}
const gcpPath = (path: string): string => `GET /computeMetadata/v1/${path}`

const cases: Case[] = [
  {
    name: 'env',
    written: { detectors: ['env'] },
    env: { OTEL_RESOURCE_ATTRIBUTES: ' a = b , c=x%20y%2Cz,d= ' },
    want: { a: 'b', c: 'x y,z', d: '' },
  },
  {
    name: 'env, badly written, beside one that works',
    written: { detectors: ['env', 'heroku'] },
    env: { OTEL_RESOURCE_ATTRIBUTES: 'a', HEROKU_APP_ID: 'app', HEROKU_APP_NAME: 'shop' },
    want: { 'heroku.app.id': 'app', 'cloud.provider': 'heroku', 'service.name': 'shop' },
    failures: ['env: Cannot read OTEL_RESOURCE_ATTRIBUTES: no key and value in "a"'],
  },
  {
    name: 'the first detector decides',
    written: { detectors: ['env', 'ec2'] },
    env: { OTEL_RESOURCE_ATTRIBUTES: 'cloud.provider=mine' },
    answers: ec2Fake,
    want: { ...ec2Found, 'cloud.provider': 'mine' },
  },
  {
    name: 'system',
    written: {
      detectors: ['system'],
      system: {
        hostname_sources: ['os'],
        resource_attributes: {
          'host.id': { enabled: true },
          'os.type': { enabled: false },
          'os.name': { enabled: true },
          'os.version': { enabled: true },
          'host.cpu.model.name': { enabled: true },
          'host.cpu.cache.l2.size': { enabled: true },
        },
      },
    },
    files: {
      '/etc/machine-id': 'abc\n',
      '/etc/os-release': 'NAME="Ubuntu"\nID=ubuntu\nVERSION_ID="24.04"\n',
      '/proc/cpuinfo': 'processor\t: 0\nmodel name\t: Chip 3000\ncache size\t: 512 KB\n\nprocessor\t: 1\n',
    },
    want: {
      'host.name': hostname(),
      'host.id': 'abc',
      'os.name': 'ubuntu',
      'os.version': '24.04',
      'host.cpu.model.name': 'Chip 3000',
      'host.cpu.cache.l2.size': 512n,
    },
  },
  { name: 'ec2', written: { detectors: ['ec2'] }, answers: ec2Fake, want: ec2Found },
  {
    name: 'ec2 with tags, an attribute off',
    written: { detectors: ['ec2'], ec2: { tags: ['^te'], resource_attributes: { 'host.type': { enabled: false } } } },
    answers: ec2Fake,
    want: { ...withoutType, 'ec2.tag.team': 'red' },
  },
  { name: 'ec2 where it is not', written: { detectors: ['ec2'] }, want: {} },
  {
    name: 'ec2 where it is not, as a failure',
    written: { detectors: ['ec2'], fail_on_missing_metadata: true },
    want: {},
    failures: ['ec2: EC2 metadata unavailable'],
  },
  {
    name: 'ec2 on a cloud that imitates a part of it',
    written: { detectors: ['ec2'] },
    answers: { 'GET /latest/meta-data/instance-id': 'i-1' },
    want: {},
  },
  {
    name: 'eks by its token file, with the cluster in a tag',
    written: { detectors: ['eks'], eks: { resource_attributes: { 'k8s.cluster.name': { enabled: true } } } },
    env: { KUBERNETES_SERVICE_HOST: 'x', AWS_WEB_IDENTITY_TOKEN_FILE: '/var/run/secrets/eks.amazonaws.com/token' },
    answers: ec2Fake,
    want: { 'cloud.provider': 'aws', 'cloud.platform': 'aws_eks', 'k8s.cluster.name': 'prod' },
  },
  {
    name: 'lambda',
    written: { detectors: ['lambda'] },
    env: { AWS_LAMBDA_FUNCTION_NAME: 'f', AWS_REGION: 'eu', AWS_LAMBDA_LOG_GROUP_NAME: 'g' },
    want: {
      'cloud.provider': 'aws',
      'cloud.platform': 'aws_lambda',
      'cloud.region': 'eu',
      'faas.name': 'f',
      'aws.log.group.names': ['g'],
    },
  },
  {
    name: 'elasticbeanstalk',
    written: { detectors: ['elasticbeanstalk'] },
    files: {
      '/var/elasticbeanstalk/xray/environment.conf':
        '{"deployment_id":23,"version_label":"v1","environment_name":"prod"}',
    },
    want: {
      'cloud.provider': 'aws',
      'cloud.platform': 'aws_elastic_beanstalk',
      'deployment.environment': 'prod',
      'service.instance.id': '23',
      'service.version': 'v1',
    },
  },
  {
    name: 'azure',
    written: {
      detectors: ['azure'],
      azure: { tags: ['team'], resource_attributes: { 'cloud.availability_zone': { enabled: true } } },
    },
    answers: azureFake,
    want: {
      'cloud.provider': 'azure',
      'cloud.platform': 'azure.vm',
      'cloud.region': 'westeurope',
      'cloud.account.id': 'sub',
      'cloud.availability_zone': '1',
      'host.id': 'id',
      'host.name': 'computer',
      'azure.vm.name': 'vm',
      'azure.vm.size': 'D2',
      'azure.resourcegroup.name': 'MC_group_cluster_westeurope',
      'azure.tag.team': 'red',
    },
  },
  {
    name: 'aks',
    written: { detectors: ['aks'], aks: { resource_attributes: { 'k8s.cluster.name': { enabled: true } } } },
    env: { KUBERNETES_SERVICE_HOST: 'x' },
    answers: azureFake,
    want: { 'cloud.provider': 'azure', 'cloud.platform': 'azure.aks', 'k8s.cluster.name': 'cluster' },
  },
  {
    name: 'gcp: a virtual machine',
    written: { detectors: ['gcp'] },
    answers: {
      [gcpPath('project/project-id')]: 'project',
      [gcpPath('instance/zone')]: 'projects/1/zones/europe-west1-b',
      [gcpPath('instance/machine-type')]: 'projects/1/machineTypes/n1',
      [gcpPath('instance/id')]: '77',
      [gcpPath('instance/name')]: 'vm',
      [gcpPath('instance/attributes/created-by')]: 'projects/1/zones/europe-west1-b/instanceGroupManagers/group',
    },
    want: {
      'cloud.provider': 'gcp',
      'cloud.platform': 'gcp_compute_engine',
      'cloud.account.id': 'project',
      'cloud.availability_zone': 'europe-west1-b',
      'cloud.region': 'europe-west1',
      'host.type': 'n1',
      'host.id': '77',
      'host.name': 'vm',
      'gcp.gce.instance_group_manager.name': 'group',
      'gcp.gce.instance_group_manager.zone': 'europe-west1-b',
    },
  },
  {
    name: 'gcp: a cluster',
    written: { detectors: ['gcp'] },
    env: { KUBERNETES_SERVICE_HOST: 'x' },
    answers: {
      [gcpPath('project/project-id')]: 'project',
      [gcpPath('instance/attributes/cluster-location')]: 'europe-west1',
      [gcpPath('instance/attributes/cluster-name')]: 'cluster',
    },
    want: {
      'cloud.provider': 'gcp',
      'cloud.platform': 'gcp_kubernetes_engine',
      'cloud.account.id': 'project',
      'cloud.region': 'europe-west1',
      'k8s.cluster.name': 'cluster',
    },
  },
  {
    name: 'k8snode and kubeadm, as the pod that the service account is for',
    written: { detectors: ['k8snode', 'kubeadm'] },
    env: { K8S_NODE_NAME: 'node-1' },
    files: { '/var/run/secrets/kubernetes.io/serviceaccount/token': 'pod-token\n' },
    answers: {
      'GET /api/v1/nodes/node-1': (request) =>
        request.headers.authorization === 'Bearer pod-token' ? '{"metadata":{"uid":"uid-1"}}' : 401,
      'GET /api/v1/namespaces/kube-system': '{"metadata":{"uid":"uid-2"}}',
      'GET /api/v1/namespaces/kube-system/configmaps/kubeadm-config':
        '{"data":{"ClusterConfiguration":"apiServer: {}\\nclusterName: kube\\n"}}',
    },
    want: {
      'k8s.node.name': 'node-1',
      'k8s.node.uid': 'uid-1',
      'k8s.cluster.uid': 'uid-2',
      'k8s.cluster.name': 'kube',
    },
  },
  {
    name: 'openshift',
    written: { detectors: ['openshift'], openshift: { token: 'mine' } },
    answers: {
      'GET /apis/config.openshift.io/v1/infrastructures/cluster': (request) =>
        request.headers.authorization === 'Bearer mine'
          ? '{"status":{"infrastructureName":"test-1","platformStatus":{"type":"AWS","aws":{"region":"US-East-1"}}}}'
          : 401,
    },
    want: {
      'cloud.provider': 'aws',
      'cloud.platform': 'aws_openshift',
      'cloud.region': 'us-east-1',
      'k8s.cluster.name': 'test-1',
    },
  },
  {
    name: 'digitalocean',
    written: { detectors: ['digitalocean'] },
    answers: { 'GET /metadata/v1.json': '{"droplet_id":5,"hostname":"drop","region":"nyc3"}' },
    want: { 'cloud.provider': 'digitalocean', 'host.id': '5', 'host.name': 'drop', 'cloud.region': 'nyc3' },
  },
]

for (const { name, written, env = {}, answers = {}, files = {}, want, failures = [] } of cases) {
  test(`detects with ${name}`, async () => {
    fakeAnswers = answers
    const base = `${root}/${name.replaceAll(/\W+/g, '_')}`
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(base + path), { recursive: true })
      writeFileSync(base + path, content)
    }
    const settings = decoded(resourceDetectionProcessor.settings, written)
    const endpoints = Object.fromEntries(Object.keys(defaultEndpoints).map((key) => [key, fakeUrl]))
    const found = await detect(new TestHost(), {
      ...optionsFor(settings),
      endpoints: endpoints as typeof defaultEndpoints,
      env,
      root: base,
    })
    assert.deepEqual(plain(found.attributes), want)
    assert.equal(found.failures.length, failures.length)
    for (const [i, failure] of failures.entries())
      assert.ok(found.failures[i]?.startsWith(failure) ?? false, found.failures[i] ?? 'no failure')
  })
}

test('detects with docker and consul by addresses that they are given', async () => {
  fakeAnswers = {
    'GET /info': '{"OSType":"linux","Name":"docker-host"}',
    'GET /v1/agent/self?dc=dc1': (request) =>
      request.headers['x-consul-token'] === 'T'
        ? '{"Config":{"NodeName":"n","Datacenter":"dc1","NodeID":"id"},"Meta":{"rack":"7","x":"y"}}'
        : 403,
  }
  const settings = decoded(otelcolProcessorResourcedetection.settings, {
    detectors: ['consul', 'docker'],
    consul: { address: fakeUrl, token: 'T', datacenter: 'dc1', meta: ['rack'] },
    output: {},
  })
  const found = await detect(new TestHost(), {
    ...optionsFor(settings),
    env: { DOCKER_HOST: fakeUrl.replace('http:', 'tcp:') },
  })
  assert.deepEqual(plain(found.attributes), {
    'host.name': 'n',
    'cloud.region': 'dc1',
    'host.id': 'id',
    rack: '7',
    'os.type': 'linux',
  })
})

test('ecs: the task, and the logs of the other containers', async () => {
  const container = (id: string, more: object = {}) => ({
    DockerId: id,
    Type: 'NORMAL',
    KnownStatus: 'RUNNING',
    LogDriver: 'awslogs',
    LogOptions: { 'awslogs-group': 'g', 'awslogs-region': 'eu', 'awslogs-stream': `s-${id}` },
    ...more,
  })
  fakeAnswers = {
    'GET /v4/task': JSON.stringify({
      TaskARN: 'arn:aws:ecs:eu:42:task/cluster/abc',
      Family: 'fam',
      Revision: '3',
      Cluster: 'cluster',
      LaunchType: 'FARGATE',
      Containers: [container('self'), container('app'), container('done', { KnownStatus: 'STOPPED' })],
    }),
    'GET /v4': JSON.stringify({ DockerId: 'self' }),
  }
  const settings = decoded(resourceDetectionProcessor.settings, { detectors: ['ecs'] })
  const found = await detect(new TestHost(), {
    ...optionsFor(settings),
    env: { ECS_CONTAINER_METADATA_URI_V4: `${fakeUrl}/v4` },
  })
  assert.deepEqual(plain(found.attributes), {
    'cloud.provider': 'aws',
    'cloud.platform': 'aws_ecs',
    'aws.ecs.task.arn': 'arn:aws:ecs:eu:42:task/cluster/abc',
    'aws.ecs.task.family': 'fam',
    'aws.ecs.task.revision': '3',
    'cloud.account.id': '42',
    'cloud.region': 'eu',
    'aws.ecs.task.id': 'abc',
    'aws.ecs.cluster.arn': 'arn:aws:ecs:eu:42:cluster/cluster',
    'aws.ecs.launchtype': 'fargate',
    'aws.log.group.names': ['g'],
    'aws.log.group.arns': ['arn:aws:logs:eu:42:log-group:g'],
    'aws.log.stream.names': ['s-app'],
    'aws.log.stream.arns': ['arn:aws:logs:eu:42:log-group:g:log-stream:s-app'],
  })
})

async function processorWith(written: Written, env: Record<string, string>, host = new TestHost()) {
  const sink = new OtelSink()
  const settings = decoded(resourceDetectionProcessor.settings, written)
  const options = { ...optionsFor(settings), env, endpoints: { ...defaultEndpoints, linkLocal: fakeUrl } }
  const processor: Component = new ResourceDetection(host, settings, options, sink.output)
  const send = async (resource: Record<string, string>) => {
    await processor.metrics?.consume(
      Metrics.fromTree({ resourceMetrics: [resourceMetrics([gaugeMetric('m', [numberPoint(1, 1n)])], resource)] }),
    )
    const got = sink.metrics.at(-1)?.tree?.resourceMetrics[0]
    return { attributes: plain(got?.resource.attributes), schemaUrl: got?.schemaUrl }
  }
  return { host, processor, send }
}

test('what is found replaces what resources have, unless they are to keep it', async () => {
  const env = { OTEL_RESOURCE_ATTRIBUTES: 'a=found,b=found' }
  const replacing = await processorWith({}, env)
  await replacing.processor.start?.()
  assert.deepEqual(await replacing.send({ a: 'own' }), { attributes: { a: 'found', b: 'found' }, schemaUrl: '' })
  const keeping = await processorWith({ override: false }, env)
  await keeping.processor.start?.()
  assert.deepEqual((await keeping.send({ a: 'own' })).attributes, { a: 'own', b: 'found' })
})

test('attributes of the conventions say which version of them', async () => {
  const { processor, send } = await processorWith({ detectors: ['heroku'] }, { HEROKU_APP_ID: 'x' })
  await processor.start?.()
  assert.equal((await send({})).schemaUrl, schemaUrl)
})

test('detection ends with its timeout, and the rest goes on', async () => {
  const silent = createServer(() => {})
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  const clock = new ManualClock()
  const settings = decoded(resourceDetectionProcessor.settings, { detectors: ['azure', 'env'], timeout: '2s' })
  const linkLocal = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`
  const asked = detect(new TestHost({ clock }), {
    ...optionsFor(settings),
    env: { OTEL_RESOURCE_ATTRIBUTES: 'a=b' },
    endpoints: { ...defaultEndpoints, linkLocal },
  })
  await clock.advance(2000)
  const found = await asked
  silent.closeAllConnections()
  silent.close()
  assert.deepEqual(plain(found.attributes), { a: 'b' })
  assert.equal(clock.pending, 0)
})

test('detects again every refresh_interval, and keeps what it knows when that fails', async () => {
  const clock = new ManualClock()
  const env: Record<string, string> = { OTEL_RESOURCE_ATTRIBUTES: 'a=1' }
  const { processor, send } = await processorWith({ refresh_interval: '10s' }, env, new TestHost({ clock }))
  await processor.start?.()
  env['OTEL_RESOURCE_ATTRIBUTES'] = 'a=2'
  await clock.advance(10_000)
  assert.deepEqual((await send({})).attributes, { a: '2' })
  env['OTEL_RESOURCE_ATTRIBUTES'] = '='
  await clock.advance(10_000)
  assert.deepEqual((await send({})).attributes, { a: '2' })
  await processor.stop(0)
  await clock.advance(10_000)
  assert.equal(clock.pending, 0)
})

test('fail_on_missing_metadata makes starting fail', async () => {
  fakeAnswers = {}
  const { processor } = await processorWith({ detectors: ['ec2'], fail_on_missing_metadata: true }, {})
  await assert.rejects(async () => processor.start?.(), /Cannot detect resources: ec2: EC2 metadata unavailable/)
})

const refusals: { written: Written; want: RegExp }[] = [
  { written: { detectors: ['moon'] }, want: /^invalid detector key: moon\./ },
  {
    written: { system: { hostname_sources: ['guess'] } },
    want: /^hostname_sources contains invalid value: "guess"$/,
  },
  { written: { ec2: { tags: ['('] } }, want: /missing/ },
]
for (const { written, want } of refusals) {
  test(`refuses settings: ${want}`, () => {
    const problems = problemsOf(resourceDetectionProcessor.settings, written)
    assert.equal(problems.length, 1)
    assert.match(problems[0] as string, want)
  })
}
