// Sends the process's own metrics over OTLP, or writes them down, at an interval that its owner keeps.
import type { ResourceMetrics as SdkMetrics } from '@opentelemetry/sdk-metrics'
import { type Clock, decodeBody, entriesOf, type Logger, type Value } from '#component'
import { GrpcClient, GrpcCode } from '#component/grpc_client'
import { bodyText, ClientTls, createHttpClient, type HttpClient, httpClientSettings } from '#component/http_client'
import type { TelemetrySettings } from '#config'
import { Metrics } from '#pdata'
import {
  type Attributes,
  type MetricData,
  type MetricsTree,
  metricsToJson,
  metricsWire,
  Temporality,
} from '#pdata/otlp'
import { type MetricLevel, shownAtLevel } from './metric_levels.ts'
import type { OwnTelemetry } from './telemetry.ts'

type Periodic = NonNullable<TelemetrySettings['metrics']['readers'][number]['periodic']>
type Otlp = NonNullable<Periodic['exporter']['otlp']>

export interface SenderOptions {
  readonly telemetry: OwnTelemetry
  readonly clock: Clock
  readonly log: Logger
  readonly userAgent: string
  readonly level: MetricLevel
  readonly resource: ReadonlyMap<string, string>
}

const exportPath = '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export'
const httpPath = '/v1/metrics'

export class OwnMetricsSender {
  readonly #settings: Periodic
  readonly #options: SenderOptions
  readonly #headers: Readonly<Record<string, string>>
  #http: HttpClient | undefined
  #grpc: GrpcClient | undefined

  constructor(settings: Periodic, options: SenderOptions) {
    this.#settings = settings
    this.#options = options
    const { otlp } = settings.exporter
    this.#headers = otlp ? headersOf(otlp) : {}
  }

  /** Never rejects: what cannot be sent is logged, and sums go out with the next request. */
  async send(): Promise<void> {
    const { exporter, timeout } = this.#settings
    try {
      const tree = treeOf(await this.#options.telemetry.resourceMetrics(), this.#options)
      const batch = Metrics.fromTree(tree)
      if (exporter.console) process.stdout.write(`${metricsToJson(batch)}\n`)
      else if (exporter.otlp) await this.#sendOtlp(exporter.otlp, batch, Math.min(timeout, exporter.otlp.timeout))
    } catch (error) {
      this.#options.log.warn('Cannot send own metrics', { err: (error as Error).message })
    }
  }

  async #sendOtlp(otlp: Otlp, batch: Metrics, timeoutMs: number): Promise<void> {
    if (otlp.protocol === 'grpc') return this.#sendGrpc(otlp, batch, timeoutMs)
    const { log, clock, userAgent } = this.#options
    this.#http ??= createHttpClient(clientSettings(otlp), { log, clock, userAgent })
    const json = otlp.protocol === 'http/json'
    const plain = json ? Buffer.from(metricsToJson(batch)) : Buffer.concat(metricsWire(batch))
    const zipped = otlp.compression === 'gzip'
    const { gzipSync } = await import('node:zlib')
    const response = await this.#http.request({
      method: 'POST',
      url: httpEndpoint(otlp),
      headers: {
        ...this.#headers,
        'content-type': json ? 'application/json' : 'application/x-protobuf',
        ...(zipped ? { 'content-encoding': 'gzip' } : {}),
      },
      body: zipped ? gzipSync(plain) : plain,
      timeoutMs,
    })
    const text = await bodyText(response)
    if (response.status >= 300) throw new Error(`the server answered ${response.status}: ${text}`)
  }

  async #sendGrpc(otlp: Otlp, batch: Metrics, timeoutMs: number): Promise<void> {
    const { clock, userAgent } = this.#options
    const plain = otlp.insecure || otlp.endpoint.startsWith('http://')
    this.#grpc ??= new GrpcClient({
      target: otlp.endpoint,
      authority: '',
      tls: plain ? undefined : new ClientTls(clientSettings(otlp).tls_config),
      balancing: 'pick_first',
      keepalive: undefined,
      compression: otlp.compression === 'gzip' ? 'gzip' : 'identity',
      waitForReady: false,
      userAgent,
      clock,
    })
    const message = metricsWire(batch)
    const result = await this.#grpc.unary({ path: exportPath, message, metadata: this.#headers, timeoutMs })
    if (result.code !== GrpcCode.OK) throw new Error(`the server answered ${result.code}: ${result.message}`)
  }

  close(): void {
    this.#http?.close()
    this.#grpc?.close()
  }
}

function httpEndpoint({ endpoint, insecure }: Otlp): string {
  const url = new URL(/^https?:\/\//.test(endpoint) ? endpoint : `${insecure ? 'http' : 'https'}://${endpoint}`)
  if (url.pathname === '/' || url.pathname === '') url.pathname = httpPath
  return url.href
}

function clientSettings(otlp: Otlp) {
  const given = [
    ['ca_file', otlp.certificate],
    ['cert_file', otlp.client_certificate],
    ['key_file', otlp.client_key],
  ] as const
  const attributes = given.flatMap(([name, value]) => (value === '' ? [] : [{ name, value }]))
  const blocks = [{ name: 'tls_config', body: { attributes, blocks: [] } }]
  const settings = decodeBody(httpClientSettings, { attributes: [], blocks }, (issue) => {
    throw new Error(issue.message)
  })
  if (!settings) throw new Error('Cannot make a client: its settings are incomplete')
  return settings
}

/** `headers`: a map, or a list of name and value; `headers_list`: `name=value,…`. Names in lower case. */
function headersOf(otlp: Otlp): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const part of otlp.headers_list.split(',')) {
    const cut = part.indexOf('=')
    if (cut > 0) headers[part.slice(0, cut).trim().toLowerCase()] = part.slice(cut + 1).trim()
  }
  const given: Value = otlp.headers ?? null
  for (const item of Array.isArray(given) ? (given as readonly Value[]) : []) {
    const entries = entriesOf(item)
    const name = entries?.get('name')
    const value = entries?.get('value') ?? ''
    if (typeof name === 'string' && typeof value !== 'object') headers[name.toLowerCase()] = String(value)
  }
  for (const [name, value] of entriesOf(given) ?? []) {
    if (value !== null && typeof value !== 'object') headers[name.toLowerCase()] = String(value)
  }
  return headers
}

// ---------------------------------------------------------------------------------------------------- conversion

function treeOf(from: SdkMetrics, { level, resource }: SenderOptions): MetricsTree {
  const attributes = [...resource].map(([key, value]) => ({ key, value }))
  return {
    resourceMetrics: [
      {
        resource: { attributes, droppedAttributesCount: 0, entityRefs: [], unknown: null },
        scopeMetrics: from.scopeMetrics.map(({ scope, metrics }) => ({
          scope: {
            name: scope.name,
            version: scope.version ?? '',
            attributes: [],
            droppedAttributesCount: 0,
            unknown: null,
          },
          metrics: metrics
            .filter(({ descriptor }) => shownAtLevel(level, descriptor.name))
            .map((metric) => ({
              name: metric.descriptor.name.replace(/_total$/, ''),
              description: metric.descriptor.description,
              unit: metric.descriptor.unit,
              metadata: [],
              data: dataOf(metric),
              unknown: null,
            })),
          schemaUrl: '',
          unknown: null,
        })),
        schemaUrl: '',
        unknown: null,
      },
    ],
  }
}

type HrTime = readonly [number, number]
type SdkMetric = SdkMetrics['scopeMetrics'][number]['metrics'][number]

function dataOf(metric: SdkMetric): MetricData {
  const temporality = Temporality.cumulative
  // What is counted is whole, but for times: a metric keeps its type from one request to the next.
  const whole = !/seconds/.test(metric.descriptor.name)
  const numberPoint = (point: SdkPoint & { readonly value: number }) => ({
    ...timesOf(point),
    value: whole ? BigInt(Math.round(point.value)) : point.value,
    exemplars: [],
    flags: 0,
    unknown: null,
  })
  // 0: histogram, 2: gauge, 3: sum (DataPointType of the SDK, which is not loaded here).
  switch (metric.dataPointType) {
    case 2:
      return { kind: 'gauge', points: metric.dataPoints.map(numberPoint), unknown: null }
    case 3: {
      const { isMonotonic } = metric
      return { kind: 'sum', points: metric.dataPoints.map(numberPoint), temporality, isMonotonic, unknown: null }
    }
    case 0:
      return {
        kind: 'histogram',
        temporality,
        unknown: null,
        points: metric.dataPoints.map((point) => ({
          ...timesOf(point),
          count: BigInt(point.value.count),
          sum: point.value.sum ?? null,
          bucketCounts: point.value.buckets.counts.map(BigInt),
          explicitBounds: point.value.buckets.boundaries,
          exemplars: [],
          flags: 0,
          min: null,
          max: null,
          unknown: null,
        })),
      }
    default:
      return { kind: 'empty' }
  }
}

interface SdkPoint {
  readonly attributes: Readonly<Record<string, unknown>>
  readonly startTime: HrTime
  readonly endTime: HrTime
}

function timesOf(point: SdkPoint) {
  const attributes: Attributes = Object.entries(point.attributes).map(([key, value]) => ({ key, value: String(value) }))
  return {
    attributes,
    startTimeUnixNano: nanos(point.startTime),
    timeUnixNano: nanos(point.endTime),
  }
}

function nanos([seconds, rest]: HrTime): bigint {
  return BigInt(seconds) * 1_000_000_000n + BigInt(rest)
}
