// Detectors that ask the Kubernetes API.
import { readFile } from 'node:fs/promises'
import { type Detector, type DetectorContext, jsonObject, NotHere, orNotHere, text } from './detector.ts'
import { HttpStatusError } from './http_get.ts'

const serviceAccount = '/var/run/secrets/kubernetes.io/serviceaccount'

/** The API server that a pod is told of, or the address that the settings give. */
function apiAddress({ env, endpoints, settings }: DetectorContext): string {
  if (settings.address !== '') return settings.address.replace(/\/+$/, '')
  if (endpoints.kubernetes !== '') return endpoints.kubernetes
  const host = env['KUBERNETES_SERVICE_HOST']
  const port = env['KUBERNETES_SERVICE_PORT']
  if (!host || !port) throw new NotHere('Kubernetes metadata unavailable: not running in a pod')
  return `https://${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** One object of the API, asked for as the pod's service account. */
export async function kubernetesGet(context: DetectorContext, path: string): Promise<Record<string, unknown>> {
  const address = apiAddress(context)
  const { settings, root } = context
  const read = (name: string): Promise<string | undefined> =>
    readFile(`${root}${serviceAccount}/${name}`, 'utf8').catch(() => undefined)
  const token = settings.token !== '' ? settings.token : ((await read('token')) ?? '').trim()
  const ca = settings.caFile !== '' ? await readFile(settings.caFile, 'utf8') : await read('ca.crt')
  const answer = await context.get(address + path, {
    headers: { accept: 'application/json', ...(token === '' ? {} : { authorization: `Bearer ${token}` }) },
    ca,
    insecureSkipVerify: settings.insecureSkipVerify,
  })
  return jsonObject(answer)
}

export const k8sNode: Detector = async (context) => {
  const node = context.env[context.settings.nodeFromEnvVar]
  if (!node) {
    throw new NotHere(
      `k8s node metadata unavailable: the environment variable ${context.settings.nodeFromEnvVar} is not set`,
    )
  }
  const found: Record<string, string | undefined> = { 'k8s.node.name': node }
  if (context.isEnabled('k8s.node.uid')) {
    const object = await orNotHere('k8s node', kubernetesGet(context, `/api/v1/nodes/${encodeURIComponent(node)}`))
    found['k8s.node.uid'] = text(object['metadata'], 'uid')
  }
  if (context.isEnabled('k8s.cluster.uid')) found['k8s.cluster.uid'] = await clusterUid(context)
  return found
}

/** Without permission to see it: undefined. */
async function clusterUid(context: DetectorContext): Promise<string | undefined> {
  try {
    const namespace = await kubernetesGet(context, '/api/v1/namespaces/kube-system')
    return text(namespace['metadata'], 'uid')
  } catch (error) {
    if (error instanceof HttpStatusError && (error.status === 401 || error.status === 403)) return undefined
    throw error
  }
}

export const kubeadm: Detector = async (context) => {
  const found: Record<string, string | undefined> = {}
  const map = await orNotHere(
    'kubeadm',
    kubernetesGet(context, '/api/v1/namespaces/kube-system/configmaps/kubeadm-config'),
  )
  const configuration = text(map['data'], 'ClusterConfiguration') ?? ''
  found['k8s.cluster.name'] = /^clusterName:\s*["']?([^"'\s#]+)/m.exec(configuration)?.[1]
  if (context.isEnabled('k8s.cluster.uid')) found['k8s.cluster.uid'] = await clusterUid(context)
  return found
}

export const openshift: Detector = async (context) => {
  const infrastructure = await orNotHere(
    'openshift',
    kubernetesGet(context, '/apis/config.openshift.io/v1/infrastructures/cluster'),
  )
  const status = infrastructure['status']
  const platform = (status as Record<string, unknown> | undefined)?.['platformStatus']
  const found: Record<string, string | undefined> = { 'k8s.cluster.name': text(status, 'infrastructureName') }
  switch (text(platform, 'type')?.toLowerCase()) {
    case 'aws':
      found['cloud.provider'] = 'aws'
      found['cloud.platform'] = 'aws_openshift'
      found['cloud.region'] = text(platform, 'aws', 'region')?.toLowerCase()
      break
    case 'azure':
      found['cloud.provider'] = 'azure'
      found['cloud.platform'] = 'azure.openshift'
      found['cloud.region'] = text(platform, 'azure', 'cloudName')?.toLowerCase()
      break
    case 'gcp':
      found['cloud.provider'] = 'gcp'
      found['cloud.platform'] = 'gcp_openshift'
      found['cloud.region'] = text(platform, 'gcp', 'region')?.toLowerCase()
      break
    case 'ibmcloud':
      found['cloud.provider'] = 'ibm_cloud'
      found['cloud.platform'] = 'ibm_cloud_openshift'
      found['cloud.region'] = text(platform, 'ibmcloud', 'location')?.toLowerCase()
      break
    case 'openstack':
      found['cloud.region'] = text(platform, 'openstack', 'cloudName')?.toLowerCase()
      break
    default:
  }
  return found
}
