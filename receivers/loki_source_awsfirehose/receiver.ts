// Answers Firehose's requests: checks the key, reads the records, hands their lines on, and answers as Firehose wants it.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Component, ConsumeError, type Count, type Distribution, type Host } from '#component'
import { answerText, BodyReader, RequestMetrics, RequestRefused } from '#component/http_requests'
import { HostedServer } from '#component/http_server'
import { GatheredLines, LogIntake, relabelledReason } from '#component/log_source'
import { relabel } from '#component/relabel'
import { sameText } from '#lib/same_text'
import { type Labels, labelsFrom } from '#pdata'
import type { LokiSourceAwsFirehoseSettings } from './component.ts'
import { decodeRecord, FirehoseError, readCloudWatch, readRequest, RecordError } from './records.ts'
import { staticLabels } from './static_labels.ts'

const pushPath = '/awsfirehose/api/v1/push'
const route = 'awsfirehose_api_v1_push'
/** Firehose sends at most 64 MiB at once. */
const bodyBytesMax = 64 * 1024 * 1024
const bodiesBytesMax = 256 * 1024 * 1024
/** All records of a request together, once they are unpacked. */
const recordsBytesMax = 256 * 1024 * 1024
const tenantLabel = '__tenant_id__'
const batchBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

export class LokiSourceAwsFirehose implements Component<LokiSourceAwsFirehoseSettings> {
  #settings: LokiSourceAwsFirehoseSettings
  readonly #host: Host
  readonly #server: HostedServer
  readonly #requests: RequestMetrics
  readonly #intake: LogIntake
  readonly #batchSize: Distribution
  /** Those that have counts of their own. */
  readonly #tenants = new Set<string>()
  readonly #bodies = new BodyReader({ bodyBytesMax, decompressedBytesMax: bodyBytesMax, totalBytesMax: bodiesBytesMax })

  constructor(host: Host, settings: LokiSourceAwsFirehoseSettings) {
    this.#host = host
    this.#settings = settings
    const { instruments } = host
    const written = instruments.counter('loki_source_awsfirehose_entries_written', 'Total number of entries written.')
    this.#intake = new LogIntake(host, settings.forward_to, written)
    this.#batchSize = instruments.histogram(
      'loki_source_awsfirehose_batch_size',
      'AWS Firehose received batch size in number of records',
      batchBounds,
    )
    this.#server = new HostedServer(host, settings, (request, response) => this.#handle(request, response))
    this.#requests = new RequestMetrics(host, 'loki_source_awsfirehose', () => this.#server.connections)
  }

  #count(name: string, help: string, attributes: Record<string, string>): Count {
    return this.#host.instruments.counter(`loki_source_awsfirehose_${name}`, help, attributes)
  }

  start(): Promise<void> {
    return this.#server.start()
  }

  /** The port the server listens on. */
  get port(): number {
    return this.#server.port
  }

  async update(settings: LokiSourceAwsFirehoseSettings): Promise<void> {
    await this.#server.update(settings)
    this.#settings = settings
    this.#intake.forwardTo(settings.forward_to)
  }

  async stop(deadlineMs: number): Promise<void> {
    await this.#server.stop(deadlineMs)
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if ((request.url ?? '/').split('?', 1)[0] !== pushPath) {
      answerText(response, 404, '404 page not found\n')
      return
    }
    if (request.method !== 'POST') {
      response.setHeader('allow', 'POST')
      answerText(response, 405, '')
      return
    }
    const done = this.#requests.begin('POST', route, response)
    try {
      this.#checkKey(request)
      await this.#bodies.read(request, ['identity', 'gzip'], (body) => this.#take(body, request))
      this.#answer(request, response, 200, '')
    } catch (error) {
      this.#refuse(request, response, error)
    } finally {
      done()
    }
  }

  #checkKey(request: IncomingMessage): void {
    const key = this.#settings.access_key?.reveal() ?? ''
    if (key === '' || sameText(headerOf(request, 'x-amz-firehose-access-key'), key)) return
    throw new RequestRefused(401, 'access key not provided or incorrect')
  }

  /** Firehose tries again whatever is not answered with 200. */
  #refuse(request: IncomingMessage, response: ServerResponse, error: unknown): void {
    if (response.destroyed) return
    const { message } = error as Error
    const isUnread = error instanceof RequestRefused
    if (isUnread) response.setHeader('connection', 'close')
    if (error instanceof FirehoseError || (isUnread && error.status === 400)) {
      const reason = isUnread ? 'pre_read' : 'read_or_format'
      const help = 'Number of errors while receiving AWS Firehose API requests'
      this.#count('request_errors', help, { reason }).add(1)
    }
    if (isUnread) this.#answer(request, response, error.status, message)
    else if (error instanceof FirehoseError) this.#answer(request, response, 400, message)
    else if (error instanceof ConsumeError) this.#answer(request, response, error.retryable ? 503 : 400, message)
    else throw error
  }

  #answer(request: IncomingMessage, response: ServerResponse, status: number, errorMessage: string): void {
    const requestId = headerOf(request, 'x-amz-firehose-request-id')
    const timestamp = Math.floor(this.#host.clock.now() / 1000)
    response.setHeader('content-type', 'application/json')
    const body = { requestId, timestamp, ...(errorMessage === '' ? {} : { errorMessage }) }
    answerText(response, status, `${JSON.stringify(body)}\n`)
  }

  async #take(body: Uint8Array, request: IncomingMessage): Promise<void> {
    this.#requests.requestBytes('POST', route, Number(request.headers['content-length'] ?? body.length))
    const { timestampMs, records } = readRequest(Buffer.from(body.buffer, body.byteOffset, body.length).toString())
    this.#batchSize.observe(records.length)
    const batch = new Batch(this.#settings, this.#common(request))
    // Alloy takes whole seconds of a request's time.
    const requestNs = BigInt(Math.trunc(timestampMs / 1000)) * 1_000_000_000n
    let room = recordsBytesMax
    for (const data of records) {
      try {
        const { bytes, isCloudWatch } = await decodeRecord(data, room)
        room -= bytes.length
        const type = isCloudWatch ? 'cloudwatch-logs' : 'direct-put'
        this.#count('records_received', 'Number of records received from AWS Firehose', { type }).add(1)
        if (isCloudWatch) batch.addEvents(bytes)
        else batch.addLine(bytes.toString('utf8'), requestNs)
      } catch (error) {
        if (!(error instanceof RecordError)) throw error
        const help = 'Number of errors while decoding AWS Firehose records'
        this.#count('record_errors', help, { reason: error.reason }).add(1)
      }
    }
    const { count } = batch.lines
    await this.#intake.take(batch.lines.take(this.#host.clock.now()), count)
    this.#intake.drop(relabelledReason, batch.relabelled)
  }

  /** The labels of every line of a request, before the rules. */
  #common(request: IncomingMessage): [string, string][] {
    const tenant = headerOf(request, 'x-scope-orgid')
    const pairs: [string, string][] = [
      ['__aws_firehose_request_id', headerOf(request, 'x-amz-firehose-request-id')],
      ['__aws_firehose_source_arn', headerOf(request, 'x-amz-firehose-source-arn')],
    ]
    if (tenant !== '') pairs.push([tenantLabel, tenant])
    const { pairs: own, faults } = staticLabels(headerOf(request, 'x-amz-firehose-common-attributes'))
    for (const reason of faults) {
      const help = 'Number of errors while processing AWS Firehose static labels'
      this.#count('invalid_static_labels_errors', help, { reason, tenant_id: this.#toldTenant(tenant) }).add(1)
    }
    for (const [name, value] of own) pairs.push([name, value])
    return pairs
  }

  /** What clients send is no bound on how many series there are. */
  #toldTenant(tenant: string): string {
    if (this.#tenants.has(tenant)) return tenant
    if (this.#tenants.size >= this.#settings.tenants_limit) return 'other'
    this.#tenants.add(tenant)
    return tenant
  }

  debug(): unknown {
    return { port: this.port, connections: this.#server.connections, body_bytes: this.#bodies.bytes }
  }
}

/** The lines of one request. */
class Batch {
  readonly lines = new GatheredLines()
  relabelled = 0
  readonly #settings: LokiSourceAwsFirehoseSettings
  readonly #common: readonly (readonly [string, string])[]
  #direct: Labels | null | undefined
  /** One object for each label set: lines of one stream stay in their order, whatever they came in. */
  readonly #known = new Map<string, Labels>()

  constructor(settings: LokiSourceAwsFirehoseSettings, common: readonly (readonly [string, string])[]) {
    this.#settings = settings
    this.#common = common
  }

  addLine(line: string, timestampNs: bigint): void {
    this.#direct ??= this.#labels([])
    this.#add(this.#direct, line, timestampNs)
  }

  /** Throws `RecordError`. */
  addEvents(bytes: Buffer): void {
    const record = readCloudWatch(bytes)
    const labels = this.#labels([
      ['__aws_owner', record.owner],
      ['__aws_cw_log_group', record.logGroup],
      ['__aws_cw_log_stream', record.logStream],
      ['__aws_cw_matched_filters', record.subscriptionFilters.join(',')],
      ['__aws_cw_msg_type', record.messageType],
    ])
    for (const { timestampMs, message } of record.events) this.#add(labels, message, BigInt(timestampMs) * 1_000_000n)
  }

  #add(labels: Labels | null, line: string, timestampNs: bigint): void {
    if (labels === null) this.relabelled++
    else this.lines.add(labels, line, this.#settings.use_incoming_timestamp ? timestampNs : null)
  }

  /** The tenant goes along, other internal labels do not. */
  #labels(more: readonly (readonly [string, string])[]): Labels | null {
    const relabelled = relabel(labelsFrom([...this.#common, ...more]), this.#settings.relabel_rules?.rules ?? [])
    if (relabelled === null) return null
    const kept: string[] = []
    for (let i = 0; i < relabelled.length; i += 2) {
      const name = relabelled[i] as string
      if (!name.startsWith('__') || name === tenantLabel) kept.push(name, relabelled[i + 1] as string)
    }
    const key = JSON.stringify(kept)
    const known = this.#known.get(key)
    if (known === undefined) this.#known.set(key, kept)
    return known ?? kept
  }
}

function headerOf(request: IncomingMessage, name: string): string {
  const value = request.headers[name]
  return typeof value === 'string' ? value : (value?.[0] ?? '')
}
