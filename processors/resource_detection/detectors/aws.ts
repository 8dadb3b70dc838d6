// Detectors of Amazon's platforms.
import { readFile } from 'node:fs/promises'
import { type Detector, type DetectorContext, filled, jsonObject, NotHere, orNotHere, text } from './detector.ts'
import { HttpStatusError } from './http_get.ts'
import { kubernetesGet } from './kubernetes.ts'

/** Tokens of the metadata service live this long at most (seconds). */
const tokenSeconds = '21600'

/** The instance metadata service, version 2; where it gives no token, version 1. */
async function imds(context: DetectorContext): Promise<(path: string) => Promise<string>> {
  const base = `${context.endpoints.linkLocal}/latest`
  let headers: Record<string, string> = {}
  try {
    const token = await context.get(`${base}/api/token`, {
      method: 'PUT',
      headers: { 'X-aws-ec2-metadata-token-ttl-seconds': tokenSeconds },
    })
    headers = { 'X-aws-ec2-metadata-token': token }
  } catch (error) {
    if (!(error instanceof HttpStatusError)) throw error
  }
  return async (path) => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await context.get(`${base}/${path}`, { headers })
      } catch (error) {
        const isPassing = error instanceof HttpStatusError && error.status >= 500
        if (!isPassing || attempt >= context.settings.maxAttempts) throw error
      }
    }
  }
}

export const ec2: Detector = async (context) => {
  const get = await orNotHere('EC2', imds(context))
  await orNotHere('EC2', get('meta-data/instance-id'))
  let identity: Record<string, unknown>
  try {
    identity = jsonObject(await get('dynamic/instance-identity/document'))
  } catch (error) {
    // Other clouds imitate a part of this service, without the document.
    if (error instanceof HttpStatusError && error.status === 404) throw new NotHere(error.message, { cause: error })
    throw error
  }
  const hostname = await get('meta-data/hostname').catch(() => undefined)
  const found: Record<string, string | undefined> = {
    'cloud.provider': 'aws',
    'cloud.platform': 'aws_ec2',
    'cloud.region': text(identity, 'region'),
    'cloud.account.id': text(identity, 'accountId'),
    'cloud.availability_zone': text(identity, 'availabilityZone'),
    'host.id': text(identity, 'instanceId'),
    'host.image.id': text(identity, 'imageId'),
    'host.type': text(identity, 'instanceType'),
    'host.name': hostname,
  }
  const { tags } = context.settings
  if (tags.length === 0) return found
  // Tags come from the metadata service in any case: asking the API needs signed requests.
  const names = await get('meta-data/tags/instance').catch(() => '')
  for (const name of names.split('\n').filter((line) => line !== '' && tags.some((tag) => tag.test(line)))) {
    found[`ec2.tag.${name}`] = await get(`meta-data/tags/instance/${encodeURIComponent(name)}`).catch(() => undefined)
  }
  return found
}

export const ecs: Detector = async (context) => {
  const { env } = context
  const base = env['ECS_CONTAINER_METADATA_URI_V4'] || env['ECS_CONTAINER_METADATA_URI']
  if (!base) throw new NotHere('ecs metadata unavailable: no task metadata endpoint detected')
  const task = jsonObject(await context.get(`${base}/task`))
  const arn = text(task, 'TaskARN') ?? ''
  const parts = arn.split(':')
  const [region, account, id] =
    parts.length >= 6 ? [parts[3], parts[4], parts[5]?.split('/').at(-1)] : [undefined, undefined, undefined]
  const cluster = text(task, 'Cluster') ?? ''
  const launch = text(task, 'LaunchType')?.toLowerCase()
  const found: Record<string, string | string[] | undefined> = {
    'cloud.provider': 'aws',
    'cloud.platform': 'aws_ecs',
    'aws.ecs.task.arn': arn,
    'aws.ecs.task.family': text(task, 'Family'),
    'aws.ecs.task.revision': text(task, 'Revision'),
    'cloud.account.id': account || undefined,
    'cloud.region': region || undefined,
    'aws.ecs.task.id': id || undefined,
    'aws.ecs.cluster.arn': cluster.includes(':') ? cluster : `arn:aws:ecs:${region}:${account}:cluster/${cluster}`,
    'cloud.availability_zone': filled(task, 'AvailabilityZone'),
    'aws.ecs.launchtype': launch === 'ec2' || launch === 'fargate' ? launch : undefined,
  }
  const self = await context.get(base).then(jsonObject, () => null)
  const containers = Array.isArray(task['Containers']) ? (task['Containers'] as unknown[]) : []
  const logs = self === null ? [] : containers.filter((container) => hasLogs(container, text(self, 'DockerId')))
  if (logs.length === 0) return found
  const option = (container: unknown, name: string): string => text(container, 'LogOptions', name) ?? ''
  const groups = logs.map((c) => option(c, 'awslogs-group'))
  const streams = logs.map((c) => option(c, 'awslogs-stream'))
  const arns = logs.map(
    (c) => `arn:aws:logs:${option(c, 'awslogs-region')}:${account}:log-group:${option(c, 'awslogs-group')}`,
  )
  found['aws.log.group.names'] = groups
  found['aws.log.group.arns'] = arns
  found['aws.log.stream.names'] = streams
  found['aws.log.stream.arns'] = arns.map((group, i) => `${group}:log-stream:${streams[i]}`)
  return found
}

/** A running container of the task that is not this one and logs to CloudWatch. */
function hasLogs(container: unknown, self: string | undefined): boolean {
  return (
    text(container, 'Type') === 'NORMAL' &&
    text(container, 'KnownStatus') === 'RUNNING' &&
    text(container, 'LogDriver') === 'awslogs' &&
    text(container, 'DockerId') !== self &&
    filled(container, 'LogOptions', 'awslogs-group') !== undefined
  )
}

export const eks: Detector = async (context) => {
  const { env } = context
  if (!env['KUBERNETES_SERVICE_HOST']) throw new NotHere('eks metadata unavailable: not running on Kubernetes')
  if (!(await isEks(context))) throw new NotHere('eks metadata unavailable: not running on EKS')
  const found: Record<string, string | undefined> = { 'cloud.provider': 'aws', 'cloud.platform': 'aws_eks' }
  const asked = ['cloud.region', 'cloud.account.id', 'cloud.availability_zone', 'host.id', 'host.image.id', 'host.type']
  if (![...asked, 'host.name', 'k8s.cluster.name'].some((name) => context.isEnabled(name))) return found
  try {
    const get = await imds(context)
    const identity = jsonObject(await get('dynamic/instance-identity/document'))
    found['cloud.region'] = text(identity, 'region')
    found['cloud.account.id'] = text(identity, 'accountId')
    found['cloud.availability_zone'] = text(identity, 'availabilityZone')
    found['host.id'] = text(identity, 'instanceId')
    found['host.image.id'] = text(identity, 'imageId')
    found['host.type'] = text(identity, 'instanceType')
    found['host.name'] = await get('meta-data/hostname')
    // The cluster's name is in a tag of the instance: kubernetes.io/cluster/<name>.
    const tags = await get('meta-data/tags/instance').catch(() => '')
    found['k8s.cluster.name'] = /^kubernetes\.io\/cluster\/(.+)$/m.exec(tags)?.[1]
  } catch {
    // Without the metadata service the platform is all there is to say.
  }
  return found
}

async function isEks(context: DetectorContext): Promise<boolean> {
  const { env } = context
  if (env['AWS_WEB_IDENTITY_TOKEN_FILE']?.includes('eks.amazonaws.com')) return true
  if (env['AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE']?.includes('eks-pod-identity')) return true
  const version = await orNotHere('eks', kubernetesGet(context, '/version'))
  return (text(version, 'gitVersion') ?? '').includes('-eks-')
}

export const lambda: Detector = ({ env }) => {
  const name = env['AWS_LAMBDA_FUNCTION_NAME']
  if (!name) {
    return Promise.reject(new NotHere('lambda metadata unavailable: AWS_LAMBDA_FUNCTION_NAME env var not set'))
  }
  const group = env['AWS_LAMBDA_LOG_GROUP_NAME']
  const stream = env['AWS_LAMBDA_LOG_STREAM_NAME']
  return Promise.resolve({
    'cloud.provider': 'aws',
    'cloud.platform': 'aws_lambda',
    'cloud.region': env['AWS_REGION'],
    'faas.name': name,
    'faas.version': env['AWS_LAMBDA_FUNCTION_VERSION'],
    'faas.instance': stream,
    'faas.max_memory': env['AWS_LAMBDA_FUNCTION_MEMORY_SIZE'],
    'aws.log.group.names': group === undefined ? undefined : [group],
    'aws.log.stream.names': stream === undefined ? undefined : [stream],
  })
}

const beanstalkFile = '/var/elasticbeanstalk/xray/environment.conf'

export const elasticbeanstalk: Detector = async ({ root }) => {
  let file: string
  try {
    file = await readFile(root + beanstalkFile, 'utf8')
  } catch (error) {
    throw new NotHere('elastic_beanstalk metadata unavailable', { cause: error })
  }
  const environment = jsonObject(file)
  return {
    'cloud.provider': 'aws',
    'cloud.platform': 'aws_elastic_beanstalk',
    'deployment.environment': text(environment, 'environment_name'),
    'service.instance.id': text(environment, 'deployment_id'),
    'service.version': text(environment, 'version_label'),
  }
}
