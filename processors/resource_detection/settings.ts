// The settings of the detectors: which attributes each gives, and what else it has to know.
import type { BlockField, Fields, OptionalSecret, Secret, Settings, SettingsOf } from '#component'
import {
  anyValue,
  attr,
  block,
  bool,
  defineSettings,
  duration,
  int,
  list,
  oneOf,
  secret,
  string,
  uint,
} from '#component'

/** By detector: attributes that are given unless switched off, and those that are given only when switched on. */
export const detectorAttributes = {
  alibaba_ecs: {
    on: [
      'cloud.account.id',
      'cloud.availability_zone',
      'cloud.platform',
      'cloud.provider',
      'cloud.region',
      'host.id',
      'host.image.id',
      'host.name',
      'host.type',
    ],
    off: [],
  },
  ec2: {
    on: [
      'cloud.account.id',
      'cloud.availability_zone',
      'cloud.platform',
      'cloud.provider',
      'cloud.region',
      'host.id',
      'host.image.id',
      'host.name',
      'host.type',
    ],
    off: [],
  },
  ecs: {
    on: [
      'aws.ecs.cluster.arn',
      'aws.ecs.launchtype',
      'aws.ecs.task.arn',
      'aws.ecs.task.family',
      'aws.ecs.task.id',
      'aws.ecs.task.revision',
      'aws.log.group.arns',
      'aws.log.group.names',
      'aws.log.stream.arns',
      'aws.log.stream.names',
      'cloud.account.id',
      'cloud.availability_zone',
      'cloud.platform',
      'cloud.provider',
      'cloud.region',
    ],
    off: [],
  },
  eks: {
    on: ['cloud.platform', 'cloud.provider'],
    off: [
      'cloud.account.id',
      'cloud.availability_zone',
      'cloud.region',
      'host.id',
      'host.image.id',
      'host.name',
      'host.type',
      'k8s.cluster.name',
    ],
  },
  elasticbeanstalk: {
    on: ['cloud.platform', 'cloud.provider', 'deployment.environment', 'service.instance.id', 'service.version'],
    off: [],
  },
  lambda: {
    on: [
      'aws.log.group.names',
      'aws.log.stream.names',
      'cloud.platform',
      'cloud.provider',
      'cloud.region',
      'faas.instance',
      'faas.max_memory',
      'faas.name',
      'faas.version',
    ],
    off: [],
  },
  azure: {
    on: [
      'azure.resourcegroup.name',
      'azure.vm.name',
      'azure.vm.scaleset.name',
      'azure.vm.size',
      'cloud.account.id',
      'cloud.platform',
      'cloud.provider',
      'cloud.region',
      'host.id',
      'host.name',
    ],
    off: ['cloud.availability_zone'],
  },
  aks: { on: ['cloud.platform', 'cloud.provider'], off: ['k8s.cluster.name'] },
  consul: { on: ['cloud.region', 'host.id', 'host.name'], off: [] },
  digitalocean: { on: ['cloud.provider', 'cloud.region', 'host.id', 'host.name'], off: [] },
  docker: { on: ['host.name', 'os.type'], off: ['container.image.name', 'container.name'] },
  gcp: {
    on: [
      'cloud.account.id',
      'cloud.availability_zone',
      'cloud.platform',
      'cloud.provider',
      'cloud.region',
      'faas.instance',
      'faas.name',
      'faas.version',
      'gcp.cloud_run.job.execution',
      'gcp.cloud_run.job.task_index',
      'gcp.gce.instance_group_manager.name',
      'gcp.gce.instance_group_manager.region',
      'gcp.gce.instance_group_manager.zone',
      'host.id',
      'host.name',
      'host.type',
      'k8s.cluster.name',
    ],
    off: ['gcp.gce.instance.hostname', 'gcp.gce.instance.name'],
  },
  heroku: {
    on: [
      'cloud.provider',
      'heroku.app.id',
      'heroku.dyno.id',
      'heroku.release.commit',
      'heroku.release.creation_timestamp',
      'service.instance.id',
      'service.name',
      'service.version',
    ],
    off: [],
  },
  hetzner: {
    on: ['cloud.availability_zone', 'cloud.provider', 'cloud.region', 'host.id', 'host.name'],
    off: ['cloud.platform'],
  },
  ibmcloud_classic: {
    on: [
      'cloud.account.id',
      'cloud.availability_zone',
      'cloud.platform',
      'cloud.provider',
      'cloud.resource_id',
      'host.id',
      'host.name',
    ],
    off: [],
  },
  ibmcloud_vpc: {
    on: [
      'cloud.account.id',
      'cloud.availability_zone',
      'cloud.platform',
      'cloud.provider',
      'cloud.region',
      'cloud.resource_id',
      'host.id',
      'host.image.id',
      'host.image.name',
      'host.name',
      'host.type',
    ],
    off: [],
  },
  system: {
    on: ['host.name', 'os.type'],
    off: [
      'host.arch',
      'host.cpu.cache.l2.size',
      'host.cpu.family',
      'host.cpu.model.id',
      'host.cpu.model.name',
      'host.cpu.stepping',
      'host.cpu.vendor.id',
      'host.id',
      'host.interface',
      'host.ip',
      'host.mac',
      'os.build.id',
      'os.description',
      'os.name',
      'os.version',
    ],
  },
  openshift: { on: ['cloud.platform', 'cloud.provider', 'cloud.region', 'k8s.cluster.name'], off: [] },
  nova: {
    on: [
      'cloud.account.id',
      'cloud.availability_zone',
      'cloud.platform',
      'cloud.provider',
      'host.id',
      'host.name',
      'host.type',
    ],
    off: [],
  },
  oraclecloud: {
    on: [
      'cloud.availability_zone',
      'cloud.platform',
      'cloud.provider',
      'cloud.region',
      'host.id',
      'host.name',
      'host.type',
      'k8s.cluster.name',
      'oracle_cloud.realm',
    ],
    off: ['cloud.resource_id'],
  },
  k8s_api: { on: ['k8s.cluster.uid', 'k8s.node.name', 'k8s.node.uid'], off: [] },
  k8snode: { on: ['k8s.cluster.uid', 'k8s.node.name', 'k8s.node.uid'], off: [] },
  kubeadm: { on: ['k8s.cluster.name', 'k8s.cluster.uid'], off: [] },
  akamai: {
    on: [
      'cloud.account.id',
      'cloud.platform',
      'cloud.provider',
      'cloud.region',
      'host.id',
      'host.image.id',
      'host.image.name',
      'host.name',
      'host.type',
    ],
    off: [],
  },
  scaleway: {
    on: [
      'cloud.account.id',
      'cloud.availability_zone',
      'cloud.platform',
      'cloud.provider',
      'cloud.region',
      'host.id',
      'host.image.id',
      'host.image.name',
      'host.name',
      'host.type',
    ],
    off: [],
  },
  tencent_cvm: {
    on: [
      'cloud.account.id',
      'cloud.availability_zone',
      'cloud.platform',
      'cloud.provider',
      'cloud.region',
      'host.id',
      'host.image.id',
      'host.name',
      'host.type',
    ],
    off: [],
  },
  upcloud: { on: ['cloud.provider', 'cloud.region', 'host.id', 'host.name'], off: [] },
  vultr: { on: ['cloud.provider', 'cloud.region', 'host.id', 'host.name'], off: ['cloud.platform'] },
} as const satisfies Readonly<Record<string, { on: readonly string[]; off: readonly string[] }>>
export type DetectorBlock = keyof typeof detectorAttributes

const onAttribute = defineSettings({ enabled: attr(bool, 'Give the attribute.', { default: true }) })
const offAttribute = defineSettings({ enabled: attr(bool, 'Give the attribute.', { default: false }) })

function attributesBlock(on: readonly string[], off: readonly string[]): BlockField<Record<string, Enabled>> {
  const fields: Record<string, BlockField<Enabled>> = {}
  for (const name of on) fields[name] = block(onAttribute, `\`${name}\`.`, { whenAbsent: 'defaults' })
  for (const name of off) fields[name] = block(offAttribute, `\`${name}\`.`, { whenAbsent: 'defaults' })
  return block(defineSettings(fields), 'Which attributes are given.', { whenAbsent: 'defaults' })
}

interface Enabled {
  readonly enabled: boolean
}

/** A detector's block once decoded: what the others do not have is absent. */
export interface DetectorBlockSettings {
  readonly resource_attributes: Readonly<Record<string, Enabled>>
  readonly tags?: readonly string[]
  readonly labels?: readonly string[]
  readonly hostname_sources?: readonly string[]
  readonly tags_from_imds?: boolean
  readonly max_attempts?: number
  readonly node_from_env_var?: string
  readonly address?: string
  readonly datacenter?: string
  readonly namespace?: string
  readonly token?: Secret | string
  readonly token_file?: string
  readonly meta?: unknown
  readonly tls?: TlsSettings | undefined
  readonly protocol?: string
  readonly fail_on_missing_metadata?: boolean | undefined
}

const failOnMissing = {
  fail_on_missing_metadata: attr(bool, 'Fail where the metadata cannot be read.'),
}
const kubernetesFields = {
  auth_type: attr(string, 'How to authenticate; the service account of the pod is what there is.', {
    default: 'serviceAccount',
  }),
  context: attr(string, 'Accepted.', { default: '' }),
  kube_api_qps: attr(anyValue, 'Accepted.'),
  kube_api_burst: attr(anyValue, 'Accepted.'),
}
const nodeFields = {
  ...kubernetesFields,
  node_from_env_var: attr(string, 'The environment variable that holds the name of the node.', {
    default: 'K8S_NODE_NAME',
  }),
}

const tls = defineSettings({
  ca_file: attr(string, 'Certificates to trust, a file.', { default: '' }),
  insecure_skip_verify: attr(bool, 'Trust any certificate.', { default: false }),
  insecure: attr(bool, 'Accepted.', { default: false }),
  ca_pem: attr(anyValue, 'Accepted.'),
  cert_file: attr(anyValue, 'Accepted.'),
  cert_pem: attr(anyValue, 'Accepted.'),
  key_file: attr(anyValue, 'Accepted.'),
  key_pem: attr(anyValue, 'Accepted.'),
  min_version: attr(anyValue, 'Accepted.'),
  max_version: attr(anyValue, 'Accepted.'),
  cipher_suites: attr(anyValue, 'Accepted.'),
  curve_preferences: attr(anyValue, 'Accepted.'),
  reload_interval: attr(anyValue, 'Accepted.'),
  include_system_ca_certs_pool: attr(anyValue, 'Accepted.'),
  include_insecure_cipher_suites: attr(anyValue, 'Accepted.'),
  server_name: attr(anyValue, 'Accepted.'),
  server_name_override: attr(anyValue, 'Accepted.'),
})
type TlsSettings = SettingsOf<typeof tls>

/** What detectors have besides attributes. */
const ownFields: Readonly<Partial<Record<DetectorBlock, Fields>>> = {
  ec2: {
    tags: attr(list(string), 'Expressions for names of tags to give.', { default: [] }),
    tags_from_imds: attr(bool, 'Read tags from the metadata service, as is done in any case.', { default: false }),
    max_attempts: attr(int, 'How often the metadata service is asked.', { default: 3 }),
    max_backoff: attr(duration, 'Accepted.', { default: '20s' }),
    ...failOnMissing,
  },
  eks: { node_from_env_var: attr(string, 'Accepted.', { default: 'K8S_NODE_NAME' }) },
  azure: { tags: attr(list(string), 'Expressions for names of tags to give.', { default: [] }) },
  gcp: { labels: attr(list(string), 'Accepted; labels need calls of an API.', { default: [] }) },
  consul: {
    address: attr(string, 'Of the agent.', { default: '' }),
    datacenter: attr(string, 'The data centre to ask.', { default: '' }),
    namespace: attr(string, 'The namespace to ask.', { default: '' }),
    token: attr(secret, 'The token to ask with.', { default: '' }),
    token_file: attr(string, 'A file that holds the token.', { default: '' }),
    meta: attr(anyValue, "Keys of the agent's metadata to give."),
  },
  openshift: {
    address: attr(string, 'Of the API server; default: as a pod is told.', { default: '' }),
    token: attr(secret, 'Default: the service account.', { default: '' }),
    tls: block(tls, 'How to trust the API server.'),
  },
  nova: {
    labels: attr(list(string), "Expressions for keys of the instance's metadata to give.", { default: [] }),
    ...failOnMissing,
  },
  system: {
    hostname_sources: attr(list(string), '`dns`, `os`, `cname` and `lookup`, in the order in which they are asked.', {
      default: ['dns', 'os'],
    }),
  },
  k8s_api: nodeFields,
  k8snode: nodeFields,
  kubeadm: kubernetesFields,
  ibmcloud_vpc: { protocol: attr(oneOf('http', 'https'), 'How the metadata service is asked.', { default: 'http' }) },
  alibaba_ecs: failOnMissing,
  tencent_cvm: failOnMissing,
  upcloud: failOnMissing,
  vultr: failOnMissing,
}

function detectorBlock(name: DetectorBlock, more: { on?: readonly string[]; off?: readonly string[] } = {}) {
  const { on, off } = detectorAttributes[name]
  const fields = {
    ...ownFields[name],
    resource_attributes: attributesBlock([...on, ...(more.on ?? [])], [...off, ...(more.off ?? [])]),
  }
  const schema = defineSettings(fields) as unknown as Settings<DetectorBlockSettings>
  return block(schema, `The detector \`${name}\`.`, { whenAbsent: 'defaults' })
}

/** By the names that YAML has for them. */
export const yamlDetectorFields: Readonly<Record<string, BlockField<DetectorBlockSettings>>> = Object.fromEntries(
  (Object.keys(detectorAttributes) as DetectorBlock[]).map((name) => [name, detectorBlock(name)]),
)

/** Names of attributes that Alloy has and YAML has not. */
const alloyAttributes: Partial<Record<DetectorBlock, { on?: readonly string[]; off?: readonly string[] }>> = {
  gcp: {
    on: ['name', 'region', 'zone'].map((part) => `gcp.gce.instance.group_manager.${part}`),
    off: ['faas.id'],
  },
  nova: { on: ['cloud.region'] },
}
const notInAlloy: readonly string[] = ['k8s_api', 'k8snode', 'ibmcloud_classic', 'ibmcloud_vpc']
const noFields = defineSettings({}) as unknown as Settings<DetectorBlockSettings>

/** By the names that Alloy has for them. */
export const alloyDetectorFields: Readonly<Record<string, BlockField<DetectorBlockSettings | undefined>>> = {
  ...Object.fromEntries(
    (Object.keys(detectorAttributes) as DetectorBlock[])
      .filter((name) => !notInAlloy.includes(name))
      .map((name) => [name, detectorBlock(name, alloyAttributes[name])]),
  ),
  kubernetes_node: detectorBlock('k8snode'),
  dynatrace: block(noFields, 'The detector `dynatrace`.'),
}

/** The settings of the HTTP client that metadata services are asked with, in YAML. */
export const yamlClientFields = {
  timeout: attr(duration, 'How long detection may take.', { default: '5s' }),
  endpoint: attr(string, 'Accepted.', { default: '' }),
  proxy_url: attr(string, 'Accepted.', { default: '' }),
  tls: block(tls, 'Accepted.'),
  read_buffer_size: attr(uint, 'Accepted.', { default: 0 }),
  write_buffer_size: attr(uint, 'Accepted.', { default: 0 }),
  headers: attr(anyValue, 'Accepted.'),
  auth: attr(anyValue, 'Accepted.'),
  compression: attr(string, 'Accepted.', { default: '' }),
  compression_params: attr(anyValue, 'Accepted.'),
  max_idle_conns: attr(int, 'Accepted.', { default: 100 }),
  max_idle_conns_per_host: attr(int, 'Accepted.', { default: 0 }),
  max_conns_per_host: attr(int, 'Accepted.', { default: 0 }),
  idle_conn_timeout: attr(duration, 'Accepted.', { default: '90s' }),
  disable_keep_alives: attr(bool, 'Accepted.', { default: false }),
  http2_read_idle_timeout: attr(duration, 'Accepted.', { default: '0s' }),
  http2_ping_timeout: attr(duration, 'Accepted.', { default: '0s' }),
  cookies: attr(anyValue, 'Accepted.'),
  force_attempt_http2: attr(bool, 'Accepted.', { default: true }),
  middlewares: attr(anyValue, 'Accepted.'),
}

/** What a token setting holds. */
export function tokenText(token: Secret | OptionalSecret | string | undefined): string {
  if (token === undefined) return ''
  return typeof token === 'string' ? token : token.reveal()
}
