// otelcol.processor.resourcedetection and the collector's resource_detection: says where telemetry comes from.
import type {
  BlockField,
  Component,
  ComponentDefinition,
  Host,
  OtelOutput,
  Report,
  Settings,
  Timer,
  YamlDefinition,
} from '#component'
import {
  attr,
  block,
  bool,
  defineSettings,
  duration,
  entriesOf,
  HealthState,
  list,
  otelOutput,
  outputPorts,
  string,
} from '#component'
import { debugMetricsField } from '#component/debug_metrics'
import type { Regexp } from '#lib/regexp'
import { compileRegexp, RegexpError } from '#lib/regexp'
import { Logs, Metrics, Traces } from '#pdata'
import type { Resource } from '#pdata/otlp'
import { cloneAnyValue, ownLogsTree, ownMetricsTree, ownTracesTree } from '#pdata/otlp'
import type { ConfiguredDetector, Detected, DetectionOptions } from './detection.ts'
import { detect, detectors } from './detection.ts'
import {
  alloyDetectorFields,
  type DetectorBlockSettings,
  tokenText,
  yamlClientFields,
  yamlDetectorFields,
} from './settings.ts'

const hostnameSources = ['dns', 'os', 'cname', 'lookup']

const fields = {
  detectors: attr(list(string), 'The detectors to ask; what an earlier one finds decides.', { default: ['env'] }),
  override: attr(bool, 'Replace attributes that resources have already.', { default: true }),
  fail_on_missing_metadata: attr(bool, 'Fail where a platform cannot be reached, instead of going on without.', {
    default: false,
  }),
}

interface ResourceDetectionSettings {
  readonly detectors: readonly string[]
  readonly override: boolean
  readonly fail_on_missing_metadata: boolean
  readonly timeout: number
  readonly refresh_interval?: number
}

function check(settings: ResourceDetectionSettings, report: Report): void {
  for (const [i, name] of settings.detectors.entries()) {
    if (detectors.has(name)) continue
    report(`invalid detector key: ${name}. It must be one of ${[...detectors.keys()].join(', ')}`, ['detectors', i])
  }
  for (const [name, value] of Object.entries(settings)) {
    const { hostname_sources: sources = [], tags = [], labels = [] } = (value ?? {}) as Partial<DetectorBlockSettings>
    for (const [i, source] of sources.entries()) {
      if (hostnameSources.includes(source)) continue
      report(`hostname_sources contains invalid value: ${JSON.stringify(source)}`, [name, 'hostname_sources', i])
    }
    for (const [key, patterns] of Object.entries({ tags, labels })) {
      for (const [i, pattern] of patterns.entries()) {
        try {
          compileRegexp(pattern)
        } catch (error) {
          if (!(error instanceof RegexpError)) throw error
          report(error.message, [name, key, i])
        }
      }
    }
  }
}

type WithDetectors<F> = F & Readonly<Record<string, BlockField<DetectorBlockSettings>>>

const alloySettings: Settings<ResourceDetectionSettings & { readonly output: OtelOutput }> = defineSettings(
  {
    ...fields,
    timeout: attr(duration, 'How long detection may take.', { default: '5s' }),
    ...alloyDetectorFields,
    output: block(otelOutput, 'Where it goes.', { required: true }),
    ...debugMetricsField,
  } as unknown as WithDetectors<typeof fields>,
  { check: check as never },
) as never

const yamlSettings: Settings<ResourceDetectionSettings> = defineSettings(
  {
    ...fields,
    ...yamlClientFields,
    refresh_interval: attr(duration, 'Detect again this often; 0: at start only.', { default: '0s' }),
    ...yamlDetectorFields,
  } as unknown as WithDetectors<typeof fields>,
  { check: check as never },
) as never

export const otelcolProcessorResourcedetection: ComponentDefinition<
  ResourceDetectionSettings & { readonly output: OtelOutput }
> = {
  name: 'otelcol.processor.resourcedetection',
  stability: 'generally-available',
  doc: 'Adds attributes that say which host, container or cloud telemetry comes from.',
  stateless: true,
  consumes: ['metrics', 'logs', 'traces'],
  input: 'otelcol',
  settings: alloySettings,
  create: (host, settings) => new ResourceDetection(host, settings, optionsFor(settings), settings.output),
}

export const resourceDetectionProcessor: YamlDefinition<ResourceDetectionSettings> = {
  kind: 'processor',
  types: ['resource_detection', 'resourcedetection'],
  stability: 'public-preview',
  doc: 'Adds attributes that say which host, container or cloud telemetry comes from.',
  signals: ['metrics', 'logs', 'traces'],
  stateless: true,
  settings: yamlSettings,
  create: (host, settings, output) => new ResourceDetection(host, settings, optionsFor(settings), output),
}

/** Detectors that share a block, or whose block has another name in one of the faces. */
const blockNames: Readonly<Record<string, readonly string[]>> = {
  k8s_api: ['k8s_api', 'kubernetes_node', 'k8snode'],
  k8snode: ['k8snode', 'kubernetes_node'],
  kubernetes_node: ['kubernetes_node', 'k8snode'],
  gce: ['gcp'],
  gke: ['gcp'],
  elastic_beanstalk: ['elasticbeanstalk'],
}

export function optionsFor(settings: ResourceDetectionSettings): DetectionOptions {
  const blocks = settings as unknown as Readonly<Record<string, DetectorBlockSettings | undefined>>
  const configured = settings.detectors.map((name): ConfiguredDetector => {
    const key = (blockNames[name] ?? [name]).find((candidate) => blocks[candidate] !== undefined)
    const own = key === undefined ? undefined : blocks[key]
    return configuredDetector(name, own, settings.fail_on_missing_metadata)
  })
  return { detectors: configured, timeoutMs: settings.timeout }
}

function configuredDetector(
  name: string,
  own: DetectorBlockSettings | undefined,
  failOnMissing: boolean,
): ConfiguredDetector {
  const disabled = new Set<string>()
  for (const [attribute, { enabled }] of Object.entries(own?.resource_attributes ?? {})) {
    // Alloy's name for it, where the attribute itself is called otherwise.
    if (!enabled) disabled.add(attribute.replace('gce.instance.group_manager.', 'gce.instance_group_manager.'))
  }
  const compiled = (patterns: readonly string[] = []): Regexp[] => patterns.map((pattern) => compileRegexp(pattern))
  const meta = own?.meta
  const metaKeys = Array.isArray(meta)
    ? meta.map(String)
    : [...(entriesOf((meta ?? null) as never) ?? [])].map(([k]) => k)
  return {
    name,
    detector: detectors.get(name) as ConfiguredDetector['detector'],
    disabled,
    failOnMissing: failOnMissing || (own?.fail_on_missing_metadata ?? false),
    settings: {
      tags: compiled(own?.tags),
      labels: compiled(own?.labels),
      hostnameSources: own?.hostname_sources ?? [],
      tagsFromImds: own?.tags_from_imds ?? false,
      maxAttempts: own?.max_attempts ?? 3,
      nodeFromEnvVar: own?.node_from_env_var || 'K8S_NODE_NAME',
      address: own?.address ?? '',
      datacenter: own?.datacenter ?? '',
      namespace: own?.namespace ?? '',
      token: tokenText(own?.token),
      tokenFile: own?.token_file ?? '',
      meta: new Set(metaKeys),
      caFile: own?.tls?.ca_file ?? '',
      insecureSkipVerify: own?.tls?.insecure_skip_verify ?? false,
      protocol: own?.protocol ?? 'http',
    },
  }
}

/** Detection happens at start, before which nothing is consumed, and again at intervals. */
export class ResourceDetection implements Component {
  readonly metrics: Component['metrics'] & object
  readonly logs: Component['logs'] & object
  readonly traces: Component['traces'] & object
  readonly #host: Host
  readonly #settings: ResourceDetectionSettings
  readonly #options: DetectionOptions
  #detected: Detected | null = null
  #timer: Timer | undefined
  #isStopped = false

  constructor(host: Host, settings: ResourceDetectionSettings, options: DetectionOptions, output: OtelOutput) {
    this.#host = host
    this.#settings = settings
    this.#options = options
    const ports = outputPorts(output)
    const nextMetrics = host.outlet(ports.metrics)
    const nextLogs = host.outlet(ports.logs)
    const nextTraces = host.outlet(ports.traces)
    this.metrics = {
      consume: (batch) => {
        const tree = ownMetricsTree(batch)
        for (const one of tree.resourceMetrics) this.#merge(one)
        return nextMetrics.consume(Metrics.fromTree(tree, batch.context))
      },
    }
    this.logs = {
      consume: (batch) => {
        const tree = ownLogsTree(batch)
        for (const one of tree.resourceLogs) this.#merge(one)
        return nextLogs.consume(Logs.fromTree(tree, batch.context))
      },
    }
    this.traces = {
      consume: (batch) => {
        const tree = ownTracesTree(batch)
        for (const one of tree.resourceSpans) this.#merge(one)
        return nextTraces.consume(Traces.fromTree(tree, batch.context))
      },
    }
  }

  async start(): Promise<void> {
    const failures = await this.#detect()
    if (failures.length > 0 && this.#settings.fail_on_missing_metadata) {
      throw new Error(`Cannot detect resources: ${failures.join('; ')}`)
    }
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
    this.#timer = undefined
  }

  debug(): unknown {
    return {
      attributes: Object.fromEntries((this.#detected?.attributes ?? []).map(({ key, value }) => [key, String(value)])),
    }
  }

  async #detect(): Promise<readonly string[]> {
    const { failures, ...detected } = await detect(this.#host, this.#options)
    // What is known is kept where a later detection fails.
    if (failures.length === 0 || this.#detected === null) this.#detected = detected
    if (failures.length === 0) this.#host.setHealth(HealthState.healthy, `${detected.attributes.length} attributes`)
    else this.#host.setHealth(HealthState.healthy, `some detectors failed: ${failures.join('; ')}`)
    const intervalMs = this.#settings.refresh_interval ?? 0
    if (intervalMs > 0 && !this.#isStopped) {
      this.#timer = this.#host.clock.setTimeout(() => void this.#detect(), intervalMs)
    }
    return failures
  }

  #merge(one: { resource: Resource; schemaUrl: string }): void {
    if (this.#detected === null) return
    const { attributes } = one.resource
    for (const { key, value } of this.#detected.attributes) {
      const known = attributes.find((attribute) => attribute.key === key)
      if (known === undefined) attributes.push({ key, value: cloneAnyValue(value) })
      else if (this.#settings.override) known.value = cloneAnyValue(value)
    }
    if (one.schemaUrl === '') one.schemaUrl = this.#detected.schemaUrl
  }
}
