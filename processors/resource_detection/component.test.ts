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
import { detect, detectors, schemaUrl } from './detection.ts'
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

const distributions: { name: string; files: Record<string, string>; want: Record<string, string> }[] = [
  {
    name: 'Debian',
    files: { '/etc/debian_version': '12.11\n', '/etc/os-release': 'ID=debian\nVERSION_ID="12"\n' },
    want: { 'os.name': 'debian', 'os.version': '12.11' },
  },
  {
    name: 'Raspbian',
    files: { '/etc/debian_version': '12.11\n', '/usr/bin/raspi-config': '#!/bin/sh\n' },
    want: { 'os.name': 'raspbian', 'os.version': '12.11' },
  },
  {
    name: 'Ubuntu',
    files: {
      '/etc/debian_version': 'trixie/sid\n',
      '/etc/lsb-release': 'DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=24.04\n',
    },
    want: { 'os.name': 'ubuntu', 'os.version': '24.04' },
  },
  {
    name: 'Rocky',
    files: { '/etc/redhat-release': 'Rocky Linux release 9.4 (Blue Onyx)\n' },
    want: { 'os.name': 'rocky', 'os.version': '9.4' },
  },
  {
    name: 'Red Hat',
    files: { '/etc/redhat-release': 'Red Hat Enterprise Linux release 8.10 (Ootpa)\n' },
    want: { 'os.name': 'redhat', 'os.version': '8.10' },
  },
  {
    name: 'Alpine',
    files: { '/etc/alpine-release': '3.20.1\n', '/etc/os-release': 'ID=alpine\nVERSION_ID=3.20\n' },
    want: { 'os.name': 'alpine', 'os.version': '3.20.1' },
  },
  {
    name: 'one that says so itself',
    files: { '/etc/os-release': 'ID="opensuse-leap"\nVERSION_ID="15.6"\n' },
    want: { 'os.name': 'opensuse-leap', 'os.version': '15.6' },
  },
]

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
  ...distributions.map(({ name, files, want }) => ({
    name: `the distribution: ${name}`,
    written: {
      detectors: ['system'],
      system: {
        hostname_sources: ['os'],
        resource_attributes: {
          'host.name': { enabled: false },
          'os.type': { enabled: false },
          'os.name': { enabled: true },
          'os.version': { enabled: true },
        },
      },
    },
    files,
    want,
  })),
  {
    name: 'the name of the host in the hosts file',
    written: {
      detectors: ['system'],
      system: { hostname_sources: ['dns'], resource_attributes: { 'os.type': { enabled: false } } },
    },
    files: { '/etc/hosts': `127.0.0.1 localhost # x\n10.0.0.1\thost.example.org other ${hostname()}\n` },
    want: { 'host.name': 'host.example.org' },
  },
  {
    name: 'interfaces, those that are down too',
    written: {
      detectors: ['system'],
      system: {
        hostname_sources: ['os'],
        resource_attributes: {
          'host.name': { enabled: false },
          'os.type': { enabled: false },
          'host.interface': { enabled: true },
        },
      },
    },
    files: {
      '/sys/class/net/eth0/ifindex': '2\n',
      '/sys/class/net/dummy/ifindex': '11\n',
      '/sys/class/net/lo/ifindex': '1\n',
    },
    want: { 'host.interface': ['lo', 'eth0', 'dummy'] },
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
    name: 'gcp: a function',
    written: { detectors: ['gcp'] },
    env: { FUNCTION_TARGET: 'main', K_SERVICE: 'f', K_REVISION: 'f-1' },
    answers: {
      [gcpPath('project/project-id')]: 'project',
      [gcpPath('instance/id')]: 'i',
      [gcpPath('instance/region')]: 'projects/1/regions/us-east1',
    },
    want: {
      'cloud.provider': 'gcp',
      'cloud.platform': 'gcp_cloud_functions',
      'cloud.account.id': 'project',
      'cloud.region': 'us-east1',
      'faas.name': 'f',
      'faas.version': 'f-1',
      'faas.instance': 'i',
    },
  },
  {
    name: 'gcp: a job of Cloud Run',
    written: { detectors: ['gcp'] },
    env: { CLOUD_RUN_JOB: 'job', CLOUD_RUN_EXECUTION: 'job-7', CLOUD_RUN_TASK_INDEX: '2' },
    answers: {
      [gcpPath('project/project-id')]: 'project',
      [gcpPath('instance/id')]: 'i',
      [gcpPath('instance/region')]: 'projects/1/regions/us-east1',
    },
    want: {
      'cloud.provider': 'gcp',
      'cloud.platform': 'gcp_cloud_run',
      'cloud.account.id': 'project',
      'cloud.region': 'us-east1',
      'faas.name': 'job',
      'faas.instance': 'i',
      'gcp.cloud_run.job.execution': 'job-7',
      'gcp.cloud_run.job.task_index': '2',
    },
  },
  {
    name: 'gcp: App Engine',
    written: { detectors: ['gcp'] },
    env: { GAE_SERVICE: 'web', GAE_VERSION: 'v2', GAE_INSTANCE: 'x' },
    answers: {
      [gcpPath('project/project-id')]: 'project',
      [gcpPath('instance/zone')]: 'projects/1/zones/us-east1-c',
    },
    want: {
      'cloud.provider': 'gcp',
      'cloud.platform': 'gcp_app_engine',
      'cloud.account.id': 'project',
      'cloud.availability_zone': 'us-east1-c',
      'cloud.region': 'us-east1',
      'faas.name': 'web',
      'faas.version': 'v2',
      'faas.instance': 'x',
    },
  },
  {
    name: 'dynatrace',
    written: { detectors: ['dynatrace'] },
    files: {
      '/var/lib/dynatrace/enrichment/dt_host_metadata.properties': 'dt.entity.host=HOST-1\nhost.name = n\nother=x\n',
    },
    want: { 'dt.entity.host': 'HOST-1', 'host.name': 'n' },
  },
  {
    name: 'hetzner',
    written: { detectors: ['hetzner'] },
    answers: Object.fromEntries(
      Object.entries({ 'instance-id': '7', hostname: 'h', region: 'eu-central', 'availability-zone': 'fsn1-dc8' }).map(
        ([path, answer]) => [`GET /hetzner/v1/metadata/${path}`, answer],
      ),
    ),
    want: {
      'cloud.provider': 'hetzner',
      'cloud.region': 'eu-central',
      'cloud.availability_zone': 'fsn1-dc8',
      'host.id': '7',
      'host.name': 'h',
    },
  },
  {
    name: 'akamai',
    written: { detectors: ['akamai'] },
    answers: {
      'PUT /v1/token': (request) => (request.headers['metadata-token-expiry-seconds'] === '3600' ? 'T' : 400),
      'GET /v1/instance': (request) =>
        request.headers['metadata-token'] === 'T'
          ? '{"id":3,"label":"web","region":"us-ord","type":"g6","account_euuid":"E","image":{"id":"d12","label":"Debian"}}'
          : 401,
    },
    want: {
      'cloud.provider': 'akamai_cloud',
      'cloud.platform': 'akamai_cloud.compute',
      'cloud.account.id': 'E',
      'cloud.region': 'us-ord',
      'host.id': '3',
      'host.image.id': 'd12',
      'host.image.name': 'Debian',
      'host.name': 'web',
      'host.type': 'g6',
    },
  },
  {
    name: 'scaleway',
    written: { detectors: ['scaleway'] },
    answers: {
      'GET /conf?format=json':
        '{"id":"i","name":"n","organization":"o","commercial_type":"DEV1","location":{"zone_id":"fr-par-1"},"image":{"id":"m","name":"Ubuntu"}}',
    },
    want: {
      'cloud.provider': 'scaleway_cloud',
      'cloud.platform': 'scaleway_cloud_compute',
      'cloud.account.id': 'o',
      'cloud.availability_zone': 'fr-par-1',
      'cloud.region': 'fr-par',
      'host.id': 'i',
      'host.image.id': 'm',
      'host.image.name': 'Ubuntu',
      'host.name': 'n',
      'host.type': 'DEV1',
    },
  },
  {
    name: 'vultr',
    written: { detectors: ['vultr'], vultr: { resource_attributes: { 'cloud.platform': { enabled: true } } } },
    answers: { 'GET /v1.json': '{"hostname":"v","instance-v2-id":"uuid","region":{"regioncode":"EWR"}}' },
    want: {
      'cloud.provider': 'vultr',
      'cloud.platform': 'vultr.cloud_compute',
      'cloud.region': 'ewr',
      'host.id': 'uuid',
      'host.name': 'v',
    },
  },
  {
    name: 'upcloud',
    written: { detectors: ['upcloud'] },
    answers: {
      'GET /metadata/v1.json': '{"cloud_name":"upcloud","instance_id":"00a","hostname":"u","region":"de-fra1"}',
    },
    want: { 'cloud.provider': 'upcloud', 'cloud.region': 'de-fra1', 'host.id': '00a', 'host.name': 'u' },
  },
  {
    name: 'oraclecloud',
    written: { detectors: ['oraclecloud'] },
    answers: {
      'GET /opc/v2/instance/': (request) =>
        request.headers.authorization === 'Bearer Oracle'
          ? '{"id":"ocid1","displayName":"d","shape":"VM.E4","availabilityDomain":"AD-1","canonicalRegionName":"us-ashburn-1","metadata":{"oke-cluster-display-name":"oke","realm":"oc1"}}'
          : 401,
    },
    want: {
      'cloud.provider': 'oracle_cloud',
      'cloud.platform': 'oracle_cloud_oke',
      'cloud.region': 'us-ashburn-1',
      'cloud.availability_zone': 'AD-1',
      'host.id': 'ocid1',
      'host.name': 'd',
      'host.type': 'VM.E4',
      'k8s.cluster.name': 'oke',
      'oracle_cloud.realm': 'oc1',
    },
  },
  {
    name: 'tencent_cvm',
    written: { detectors: ['tencent_cvm'] },
    answers: Object.fromEntries(
      Object.entries({
        'instance-id': 'ins-1',
        'app-id': '12',
        'placement/region': 'ap-guangzhou',
        'placement/zone': 'ap-guangzhou-3',
        'instance-name': 't',
        'instance/image-id': 'img',
        'instance/instance-type': 'S5',
      }).map(([path, answer]) => [`GET /latest/meta-data/${path}`, answer]),
    ),
    want: {
      'cloud.provider': 'tencent_cloud',
      'cloud.platform': 'tencent_cloud_cvm',
      'cloud.account.id': '12',
      'cloud.region': 'ap-guangzhou',
      'cloud.availability_zone': 'ap-guangzhou-3',
      'host.id': 'ins-1',
      'host.name': 't',
      'host.image.id': 'img',
      'host.type': 'S5',
    },
  },
  {
    name: 'alibaba_ecs',
    written: { detectors: ['alibaba_ecs'] },
    answers: {
      'PUT /latest/api/token': (request) =>
        request.headers['x-aliyun-ecs-metadata-token-ttl-seconds'] === '21600' ? 'T' : 400,
      ...Object.fromEntries(
        Object.entries({
          'owner-account-id': '9',
          'region-id': 'cn-hangzhou',
          'zone-id': 'cn-hangzhou-i',
          'instance-id': 'i-bp1',
          hostname: 'a',
          'image-id': 'aliyun_3',
          'instance/instance-type': 'ecs.g6',
        }).map(([path, answer]) => [
          `GET /latest/meta-data/${path}`,
          (request: IncomingMessage) => (request.headers['x-aliyun-ecs-metadata-token'] === 'T' ? answer : 403),
        ]),
      ),
    },
    want: {
      'cloud.provider': 'alibaba_cloud',
      'cloud.platform': 'alibaba_cloud_ecs',
      'cloud.account.id': '9',
      'cloud.region': 'cn-hangzhou',
      'cloud.availability_zone': 'cn-hangzhou-i',
      'host.id': 'i-bp1',
      'host.name': 'a',
      'host.image.id': 'aliyun_3',
      'host.type': 'ecs.g6',
    },
  },
  {
    name: 'nova, with labels',
    written: { detectors: ['nova'], nova: { labels: ['^team$'] } },
    answers: {
      'GET /openstack/latest/meta_data.json':
        '{"uuid":"u-1","name":"n","hostname":"n.novalocal","project_id":"p","availability_zone":"nova","meta":{"team":"red","x":"y"}}',
      'GET /latest/meta-data/instance-type': 'm1.small',
    },
    want: {
      'cloud.provider': 'openstack',
      'cloud.platform': 'openstack_nova',
      'cloud.account.id': 'p',
      'cloud.availability_zone': 'nova',
      'host.id': 'u-1',
      'host.name': 'n.novalocal',
      'host.type': 'm1.small',
      'openstack.nova.meta.team': 'red',
    },
  },
  {
    name: 'ibmcloud_vpc',
    written: { detectors: ['ibmcloud_vpc'] },
    answers: {
      'PUT /identity/v1/token?version=2026-01-30': (request) =>
        request.headers['metadata-flavor'] === 'ibm' && request.headers['content-length'] === '18'
          ? '{"access_token":"T","expires_in":300}'
          : 400,
      'GET /metadata/v1/instance?version=2026-01-30': (request) =>
        request.headers.authorization === 'Bearer T'
          ? '{"id":"0717_1","crn":"crn:v1:bluemix:public:is:us-south-1:a/123::instance:0717_1","name":"vsi","profile":{"name":"bx2"},"zone":{"name":"us-south-1"},"image":{"id":"r006","name":"ibm-ubuntu"}}'
          : 401,
    },
    want: {
      'cloud.provider': 'ibm_cloud',
      'cloud.platform': 'ibm_cloud.vpc',
      'cloud.account.id': '123',
      'cloud.availability_zone': 'us-south-1',
      'cloud.region': 'us-south',
      'cloud.resource_id': 'crn:v1:bluemix:public:is:us-south-1:a/123::instance:0717_1',
      'host.id': '0717_1',
      'host.image.id': 'r006',
      'host.image.name': 'ibm-ubuntu',
      'host.name': 'vsi',
      'host.type': 'bx2',
    },
  },
  {
    name: 'ibmcloud_classic',
    written: { detectors: ['ibmcloud_classic'] },
    answers: Object.fromEntries(
      Object.entries({
        getId: '5\n',
        getHostname: 'c',
        getDatacenter: 'dal10',
        getAccountId: '77',
        getGlobalIdentifier: 'g-1',
      }).map(([method, answer]) => [`GET /rest/v3.1/SoftLayer_Resource_Metadata/${method}.txt`, answer]),
    ),
    want: {
      'cloud.provider': 'ibm_cloud',
      'cloud.platform': 'ibm_cloud.classic',
      'cloud.account.id': '77',
      'cloud.availability_zone': 'dal10',
      'cloud.resource_id': 'g-1',
      'host.id': '5',
      'host.name': 'c',
    },
  },
  {
    name: 'clouds that it is not on',
    written: {
      detectors: [...detectors.keys()].filter(
        (name) => !['env', 'system', 'docker', 'consul', 'lambda', 'ecs', 'elasticbeanstalk'].includes(name),
      ),
    },
    want: {},
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

test('docker is asked over its socket, for the container too', async () => {
  const path = join(root, 'docker.sock')
  const server = createServer((request, response) => {
    const answers: Record<string, string> = {
      '/info': '{"OSType":"linux","Name":"docker-host"}',
      [`/containers/${hostname()}/json`]: '{"Name":"/web","Config":{"Image":"nginx:1"}}',
    }
    const answer = answers[request.url ?? '']
    response.writeHead(answer === undefined ? 404 : 200).end(answer)
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  const resource_attributes = { 'container.name': { enabled: true }, 'container.image.name': { enabled: true } }
  const written = { detectors: ['docker'], docker: { resource_attributes } }
  const settings = decoded(resourceDetectionProcessor.settings, written)
  const found = await detect(new TestHost(), { ...optionsFor(settings), env: { DOCKER_HOST: `unix://${path}` } })
  server.close()
  assert.deepEqual(plain(found.attributes), {
    'os.type': 'linux',
    'host.name': 'docker-host',
    'container.name': 'web',
    'container.image.name': 'nginx:1',
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
