// Detectors of clouds other than Amazon's, by their metadata services.
import type { AnyValue } from '#pdata/otlp'
import { type Detector, type DetectorContext, filled, jsonObject, NotHere, orNotHere, text } from './detector.ts'

async function azureCompute(context: DetectorContext, what: string): Promise<Record<string, unknown>> {
  const url = `${context.endpoints.linkLocal}/metadata/instance/compute?api-version=2020-09-01&format=json`
  return jsonObject(await orNotHere(what, context.get(url, { headers: { Metadata: 'True' } })))
}

export const azure: Detector = async (context) => {
  const compute = await azureCompute(context, 'azure')
  const found: Record<string, string | undefined> = {
    'cloud.provider': 'azure',
    'cloud.platform': 'azure.vm',
    'host.name': filled(compute, 'osProfile', 'computerName') ?? filled(compute, 'name'),
    'cloud.region': text(compute, 'location'),
    'host.id': text(compute, 'vmId'),
    'cloud.account.id': text(compute, 'subscriptionId'),
    'cloud.availability_zone': filled(compute, 'zone'),
    'azure.vm.name': text(compute, 'name'),
    'azure.vm.size': text(compute, 'vmSize'),
    'azure.vm.scaleset.name': filled(compute, 'vmScaleSetName'),
    'azure.resourcegroup.name': text(compute, 'resourceGroupName'),
  }
  const tags = Array.isArray(compute['tagsList']) ? (compute['tagsList'] as unknown[]) : []
  for (const tag of tags) {
    const name = text(tag, 'name') ?? ''
    if (context.settings.tags.some((pattern) => pattern.test(name))) found[`azure.tag.${name}`] = text(tag, 'value')
  }
  return found
}

export const aks: Detector = async (context) => {
  if (!context.env['KUBERNETES_SERVICE_HOST']) return {}
  const compute = await azureCompute(context, 'aks')
  const group = text(compute, 'resourceGroupName') ?? ''
  // MC_<resource group>_<cluster>_<location>, where names have no underscores; else the group's name has to do.
  const parts = group.split('_')
  const isGenerated = parts.length === 4 && parts[0]?.toUpperCase() === 'MC'
  return {
    'cloud.provider': 'azure',
    'cloud.platform': 'azure.aks',
    'k8s.cluster.name': isGenerated ? parts[2] : group,
  }
}

export const gcp: Detector = async (context) => {
  const { env, endpoints } = context
  const base = env['GCE_METADATA_HOST'] ? `http://${env['GCE_METADATA_HOST']}` : endpoints.gcp
  const headers = { 'Metadata-Flavor': 'Google' }
  const get = (path: string): Promise<string> => context.get(`${base}/computeMetadata/v1/${path}`, { headers })
  const optional = (path: string): Promise<string | undefined> => get(path).catch(() => undefined)
  const found: Record<string, string | undefined> = {
    'cloud.provider': 'gcp',
    'cloud.account.id': await orNotHere('gcp', get('project/project-id')),
  }
  const zone = async (): Promise<string | undefined> => (await optional('instance/zone'))?.split('/').at(-1)
  const regionOf = (name: string | undefined): string | undefined => name?.replace(/-[^-]+$/, '')
  if (env['KUBERNETES_SERVICE_HOST']) {
    found['cloud.platform'] = 'gcp_kubernetes_engine'
    const location = (await optional('instance/attributes/cluster-location')) ?? ''
    // A zone ends in a letter of its own: europe-west1-b.
    if (location.split('-').length === 3) found['cloud.availability_zone'] = location
    else found['cloud.region'] = location || undefined
    found['k8s.cluster.name'] = await optional('instance/attributes/cluster-name')
    found['host.id'] = await optional('instance/id')
    found['host.name'] = await optional('instance/name')
    return found
  }
  const region = async (): Promise<string | undefined> => (await optional('instance/region'))?.split('/').at(-1)
  if (env['FUNCTION_TARGET']) Object.assign(found, await functionOn('gcp_cloud_functions', env, optional, region))
  else if (env['CLOUD_RUN_JOB']) {
    Object.assign(found, {
      'cloud.platform': 'gcp_cloud_run',
      'faas.name': env['CLOUD_RUN_JOB'],
      'cloud.region': await region(),
      'faas.instance': await optional('instance/id'),
      'gcp.cloud_run.job.execution': env['CLOUD_RUN_EXECUTION'],
      'gcp.cloud_run.job.task_index': env['CLOUD_RUN_TASK_INDEX'],
    })
  } else if (env['K_CONFIGURATION']) Object.assign(found, await functionOn('gcp_cloud_run', env, optional, region))
  else if (env['GAE_SERVICE']) {
    const name = await zone()
    Object.assign(found, {
      'cloud.platform': 'gcp_app_engine',
      'faas.name': env['GAE_SERVICE'],
      'faas.version': env['GAE_VERSION'],
      'faas.instance': env['GAE_INSTANCE'],
      'cloud.availability_zone': name,
      'cloud.region': (await region()) ?? regionOf(name),
    })
  } else Object.assign(found, await computeEngine(optional, await zone(), regionOf))
  return found
}

async function functionOn(
  platform: string,
  env: DetectorContext['env'],
  optional: (path: string) => Promise<string | undefined>,
  region: () => Promise<string | undefined>,
): Promise<Record<string, string | undefined>> {
  return {
    'cloud.platform': platform,
    'faas.name': env['K_SERVICE'],
    'faas.version': env['K_REVISION'],
    'faas.instance': await optional('instance/id'),
    'cloud.region': await region(),
  }
}

async function computeEngine(
  optional: (path: string) => Promise<string | undefined>,
  zone: string | undefined,
  regionOf: (zone: string | undefined) => string | undefined,
): Promise<Record<string, string | undefined>> {
  const name = await optional('instance/name')
  // projects/<number>/zones/<zone>/instanceGroupManagers/<name>, or regions.
  const creator = (await optional('instance/attributes/created-by')) ?? ''
  const manager = /^projects\/[^/]+\/(zones|regions)\/([^/]+)\/instanceGroupManagers\/([^/]+)$/.exec(creator)
  return {
    'cloud.platform': 'gcp_compute_engine',
    'cloud.availability_zone': zone,
    'cloud.region': regionOf(zone),
    'host.type': (await optional('instance/machine-type'))?.split('/').at(-1),
    'host.id': await optional('instance/id'),
    'host.name': name,
    'gcp.gce.instance.hostname': await optional('instance/hostname'),
    'gcp.gce.instance.name': name,
    'gcp.gce.instance_group_manager.name': manager?.[3],
    'gcp.gce.instance_group_manager.zone': manager?.[1] === 'zones' ? manager[2] : undefined,
    'gcp.gce.instance_group_manager.region': manager?.[1] === 'regions' ? manager[2] : undefined,
  }
}

export const digitalocean: Detector = async (context) => {
  const meta = jsonObject(
    await orNotHere('digitalocean', context.get(`${context.endpoints.linkLocal}/metadata/v1.json`)),
  )
  return {
    'cloud.provider': 'digitalocean',
    'host.id': text(meta, 'droplet_id'),
    'host.name': text(meta, 'hostname'),
    'cloud.region': text(meta, 'region'),
  }
}

export const hetzner: Detector = async (context) => {
  const get = (path: string): Promise<string> =>
    context.get(`${context.endpoints.linkLocal}/hetzner/v1/metadata/${path}`)
  const id = await orNotHere('hetzner', get('instance-id'))
  const [name, region, zone] = await Promise.all([get('hostname'), get('region'), get('availability-zone')])
  return {
    'cloud.provider': 'hetzner',
    'cloud.platform': 'hetzner.cloud_server',
    'host.id': id,
    'host.name': name,
    'cloud.region': region,
    'cloud.availability_zone': zone,
  }
}

export const akamai: Detector = async (context) => {
  const base = context.endpoints.linkLocal
  const token = await orNotHere(
    'akamai',
    context.get(`${base}/v1/token`, { method: 'PUT', headers: { 'Metadata-Token-Expiry-Seconds': '3600' } }),
  )
  const headers = { 'Metadata-Token': token, accept: 'application/json' }
  const instance = jsonObject(await context.get(`${base}/v1/instance`, { headers }))
  return {
    'cloud.provider': 'akamai_cloud',
    'cloud.platform': 'akamai_cloud.compute',
    'cloud.account.id': text(instance, 'account_euuid'),
    'cloud.region': text(instance, 'region'),
    'host.id': text(instance, 'id'),
    'host.image.id': text(instance, 'image', 'id'),
    'host.image.name': text(instance, 'image', 'label'),
    'host.name': text(instance, 'label'),
    'host.type': text(instance, 'type'),
  }
}

export const scaleway: Detector = async (context) => {
  const meta = jsonObject(await orNotHere('scaleway', context.get(`${context.endpoints.scaleway}/conf?format=json`)))
  const zone = text(meta, 'location', 'zone_id')
  return {
    'cloud.provider': 'scaleway_cloud',
    'cloud.platform': 'scaleway_cloud_compute',
    'cloud.account.id': text(meta, 'organization'),
    'cloud.availability_zone': zone,
    'cloud.region': zone?.replace(/-\d+$/, ''),
    'host.id': text(meta, 'id'),
    'host.image.id': text(meta, 'image', 'id'),
    'host.image.name': text(meta, 'image', 'name'),
    'host.name': text(meta, 'name'),
    'host.type': text(meta, 'commercial_type'),
  }
}

export const vultr: Detector = async (context) => {
  const meta = jsonObject(await orNotHere('vultr', context.get(`${context.endpoints.linkLocal}/v1.json`)))
  return {
    'cloud.provider': 'vultr',
    'cloud.platform': 'vultr.cloud_compute',
    'cloud.region': text(meta, 'region', 'regioncode')?.toLowerCase(),
    'host.id': text(meta, 'instance-v2-id') ?? text(meta, 'instanceid'),
    'host.name': text(meta, 'hostname'),
  }
}

export const upcloud: Detector = async (context) => {
  const meta = jsonObject(await orNotHere('upcloud', context.get(`${context.endpoints.linkLocal}/metadata/v1.json`)))
  return {
    'cloud.provider': text(meta, 'cloud_name'),
    'cloud.region': text(meta, 'region'),
    'host.id': text(meta, 'instance_id'),
    'host.name': text(meta, 'hostname'),
  }
}

export const oraclecloud: Detector = async (context) => {
  const url = `${context.endpoints.linkLocal}/opc/v2/instance/`
  const meta = jsonObject(
    await orNotHere('oraclecloud', context.get(url, { headers: { Authorization: 'Bearer Oracle' } })),
  )
  return {
    'cloud.provider': 'oracle_cloud',
    'cloud.platform': 'oracle_cloud_oke',
    'cloud.region': text(meta, 'canonicalRegionName') ?? text(meta, 'region'),
    'cloud.resource_id': text(meta, 'id'),
    'cloud.availability_zone': text(meta, 'availabilityDomain'),
    'host.id': text(meta, 'id'),
    'host.name': text(meta, 'displayName'),
    'host.type': text(meta, 'shape'),
    'k8s.cluster.name': text(meta, 'metadata', 'oke-cluster-display-name'),
    'oracle_cloud.realm': text(meta, 'metadata', 'realm'),
  }
}

/** One value per path, as text. */
async function eachOf(
  base: string,
  paths: Readonly<Record<string, string>>,
  get: (url: string) => Promise<string>,
): Promise<Record<string, AnyValue | undefined>> {
  const entries = await Promise.all(
    Object.entries(paths).map(async ([name, path]) => [name, await get(base + path).catch(() => undefined)] as const),
  )
  return Object.fromEntries(entries)
}

export const tencentCvm: Detector = async (context) => {
  const base = `${context.endpoints.tencent}/latest/meta-data/`
  const id = await orNotHere('tencent_cvm', context.get(`${base}instance-id`))
  const paths = {
    'cloud.account.id': 'app-id',
    'cloud.region': 'placement/region',
    'cloud.availability_zone': 'placement/zone',
    'host.name': 'instance-name',
    'host.image.id': 'instance/image-id',
    'host.type': 'instance/instance-type',
  }
  return {
    'cloud.provider': 'tencent_cloud',
    'cloud.platform': 'tencent_cloud_cvm',
    'host.id': id,
    ...(await eachOf(base, paths, (url) => context.get(url))),
  }
}

export const alibabaEcs: Detector = async (context) => {
  const base = `${context.endpoints.alibaba}/latest`
  const token = await orNotHere(
    'alibaba_ecs',
    context.get(`${base}/api/token`, {
      method: 'PUT',
      headers: { 'X-aliyun-ecs-metadata-token-ttl-seconds': '21600' },
    }),
  )
  const headers = { 'X-aliyun-ecs-metadata-token': token }
  const paths = {
    'cloud.account.id': 'owner-account-id',
    'cloud.region': 'region-id',
    'cloud.availability_zone': 'zone-id',
    'host.id': 'instance-id',
    'host.name': 'hostname',
    'host.image.id': 'image-id',
    'host.type': 'instance/instance-type',
  }
  return {
    'cloud.provider': 'alibaba_cloud',
    'cloud.platform': 'alibaba_cloud_ecs',
    ...(await eachOf(`${base}/meta-data/`, paths, (url) => context.get(url, { headers }))),
  }
}

const ibmVersion = '2026-01-30'

export const ibmcloudVpc: Detector = async (context) => {
  const { endpoints, settings } = context
  const base = settings.protocol === 'https' ? endpoints.ibmVpc.replace(/^http:/, 'https:') : endpoints.ibmVpc
  const token = jsonObject(
    await orNotHere(
      'ibmcloud_vpc',
      context.get(`${base}/identity/v1/token?version=${ibmVersion}`, {
        method: 'PUT',
        headers: { 'Metadata-Flavor': 'ibm', accept: 'application/json', 'content-type': 'application/json' },
        body: '{"expires_in":300}',
      }),
    ),
  )
  const headers = { Authorization: `Bearer ${text(token, 'access_token') ?? ''}`, accept: 'application/json' }
  const url = `${base}/metadata/v1/instance?version=${ibmVersion}`
  const instance = jsonObject(await orNotHere('ibmcloud_vpc', context.get(url, { headers })))
  const zone = text(instance, 'zone', 'name')
  const crn = text(instance, 'crn')
  return {
    'cloud.provider': 'ibm_cloud',
    'cloud.platform': 'ibm_cloud.vpc',
    // crn:v1:bluemix:public:is:<zone>:a/<account>::instance:<id>
    'cloud.account.id': crn?.split(':')[6]?.replace(/^a\//, ''),
    'cloud.availability_zone': zone,
    'cloud.region': zone?.replace(/(?<=.)-[^-]*$/, ''),
    'cloud.resource_id': crn,
    'host.id': text(instance, 'id'),
    'host.image.id': text(instance, 'image', 'id'),
    'host.image.name': text(instance, 'image', 'name'),
    'host.name': text(instance, 'name'),
    'host.type': text(instance, 'profile', 'name'),
  }
}

export const ibmcloudClassic: Detector = async (context) => {
  const base = `${context.endpoints.ibmClassic}/rest/v3.1/SoftLayer_Resource_Metadata`
  const get = async (method: string): Promise<string> =>
    (await orNotHere('ibmcloud_classic', context.get(`${base}/${method}.txt`))).trim()
  const id = await get('getId')
  const [name, datacenter, account, resource] = await Promise.all(
    ['getHostname', 'getDatacenter', 'getAccountId', 'getGlobalIdentifier'].map(get),
  )
  return {
    'cloud.provider': 'ibm_cloud',
    'cloud.platform': 'ibm_cloud.classic',
    'cloud.account.id': account,
    'cloud.availability_zone': datacenter,
    'cloud.resource_id': resource,
    'host.id': id,
    'host.name': name,
  }
}

export const nova: Detector = async (context) => {
  const base = context.endpoints.linkLocal
  const meta = jsonObject(await orNotHere('nova', context.get(`${base}/openstack/latest/meta_data.json`)))
  const id = text(meta, 'uuid')
  if (id === undefined) throw new NotHere('nova metadata unavailable: no instance is described')
  const found: Record<string, string | undefined> = {
    'cloud.provider': 'openstack',
    'cloud.platform': 'openstack_nova',
    'cloud.account.id': text(meta, 'project_id'),
    'cloud.availability_zone': text(meta, 'availability_zone'),
    'host.id': id,
    'host.name': filled(meta, 'hostname') ?? text(meta, 'name'),
    'host.type': await context.get(`${base}/latest/meta-data/instance-type`).catch(() => undefined),
  }
  const labels = meta['meta']
  if (labels !== null && typeof labels === 'object') {
    for (const key of Object.keys(labels)) {
      if (context.settings.labels.some((pattern) => pattern.test(key))) {
        found[`openstack.nova.meta.${key}`] = text(labels, key)
      }
    }
  }
  return found
}
