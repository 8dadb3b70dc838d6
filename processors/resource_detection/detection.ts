// Runs the detectors and keeps what they found.
import type { Host } from '#component'
import type { AnyValue, Attributes } from '#pdata/otlp'
import { ecs, ec2, eks, elasticbeanstalk, lambda } from './detectors/aws.ts'
import {
  akamai,
  aks,
  alibabaEcs,
  azure,
  digitalocean,
  gcp,
  hetzner,
  ibmcloudClassic,
  ibmcloudVpc,
  nova,
  oraclecloud,
  scaleway,
  tencentCvm,
  upcloud,
  vultr,
} from './detectors/clouds.ts'
import type { Detector, DetectorSettings, Endpoints } from './detectors/detector.ts'
import { defaultEndpoints, NotHere } from './detectors/detector.ts'
import { consul, docker, dynatrace, env, heroku, system } from './detectors/host.ts'
import { httpGet } from './detectors/http_get.ts'
import { k8sNode, kubeadm, openshift } from './detectors/kubernetes.ts'

/** By the names that users list them under. */
export const detectors: ReadonlyMap<string, Detector> = new Map([
  ['env', env],
  ['system', system],
  ['docker', docker],
  ['ec2', ec2],
  ['ecs', ecs],
  ['eks', eks],
  ['elasticbeanstalk', elasticbeanstalk],
  ['elastic_beanstalk', elasticbeanstalk],
  ['lambda', lambda],
  ['azure', azure],
  ['aks', aks],
  ['gcp', gcp],
  ['gce', gcp],
  ['gke', gcp],
  ['heroku', heroku],
  ['openshift', openshift],
  ['k8snode', k8sNode],
  ['k8s_api', k8sNode],
  ['kubernetes_node', k8sNode],
  ['kubeadm', kubeadm],
  ['consul', consul],
  ['dynatrace', dynatrace],
  ['digitalocean', digitalocean],
  ['hetzner', hetzner],
  ['akamai', akamai],
  ['scaleway', scaleway],
  ['vultr', vultr],
  ['upcloud', upcloud],
  ['oraclecloud', oraclecloud],
  ['tencent_cvm', tencentCvm],
  ['alibaba_ecs', alibabaEcs],
  ['ibmcloud_classic', ibmcloudClassic],
  ['ibmcloud_vpc', ibmcloudVpc],
  ['nova', nova],
])

/** One detector with its settings. */
export interface ConfiguredDetector {
  readonly name: string
  readonly detector: Detector
  readonly settings: DetectorSettings
  /** Attributes that the user switched off or did not switch on. Others are kept. */
  readonly disabled: ReadonlySet<string>
  /** Detectors of whose attributes none is wanted can be asked for one only when it is not here. */
  readonly failOnMissing: boolean
}

export interface DetectionOptions {
  readonly detectors: readonly ConfiguredDetector[]
  /** All detectors together, ms. */
  readonly timeoutMs: number
  readonly endpoints?: Endpoints
  readonly root?: string
  readonly env?: Readonly<Record<string, string | undefined>>
}

/** The schema of what detectors other than `env` and `dynatrace` give: the semantic conventions that names are from. */
export const schemaUrl = 'https://opentelemetry.io/schemas/1.43.0'

export interface Detected {
  readonly attributes: Attributes
  readonly schemaUrl: string
}

/**
 * Asks all detectors at once; the first in the list that gives an attribute decides. One that fails does not stop the
 * others. Gives the failures beside what was found.
 */
export async function detect(
  host: Host,
  options: DetectionOptions,
): Promise<Detected & { failures: readonly string[] }> {
  const abort = new AbortController()
  const timer = host.clock.setTimeout(
    () => abort.abort(new Error(`Cannot detect resources: nothing came within ${options.timeoutMs} ms`)),
    options.timeoutMs,
  )
  try {
    const results = await Promise.all(options.detectors.map((one) => detectOne(host, one, options, abort.signal)))
    const found = new Map<string, AnyValue>()
    const failures: string[] = []
    let schema = ''
    for (const result of results) {
      if (typeof result === 'string') failures.push(result)
      else {
        schema ||= result.schemaUrl
        for (const { key, value } of result.attributes) if (!found.has(key)) found.set(key, value)
      }
    }
    return { attributes: [...found].map(([key, value]) => ({ key, value })), schemaUrl: schema, failures }
  } finally {
    timer.cancel()
  }
}

/** What one detector found, or why it failed. */
async function detectOne(
  host: Host,
  { name, detector, settings, disabled, failOnMissing }: ConfiguredDetector,
  options: DetectionOptions,
  signal: AbortSignal,
): Promise<Detected | string> {
  const stopped = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
  })
  stopped.catch(() => {})
  try {
    const asked = detector({
      env: options.env ?? process.env,
      root: options.root ?? '',
      endpoints: options.endpoints ?? defaultEndpoints,
      settings,
      isEnabled: (attribute) => !disabled.has(attribute),
      get: (url, getOptions) => httpGet(url, signal, getOptions),
    })
    const found = await Promise.race([asked, stopped])
    const attributes: Attributes = []
    for (const [key, value] of Object.entries(found)) {
      if (value !== undefined && !disabled.has(key)) attributes.push({ key, value })
    }
    const hasSchema = attributes.length > 0 && name !== 'env' && name !== 'dynatrace'
    return { attributes, schemaUrl: hasSchema ? schemaUrl : '' }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    if (error instanceof NotHere && !failOnMissing) {
      host.log.debug('The detector found nothing', { detector: name, error: why })
      return { attributes: [], schemaUrl: '' }
    }
    host.log.warn('Cannot detect a resource', { detector: name, error: why })
    return `${name}: ${why}`
  }
}
