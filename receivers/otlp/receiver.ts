// Receives OTLP over gRPC and HTTP, and acknowledges what the next component took.
import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  type Batch,
  type Component,
  HealthState,
  type Host,
  type HostGlobals,
  outputPorts,
  type OtelOutput,
  type Port,
} from '#component'
import { type GrpcMethod, GrpcServer } from '#component/grpc_server'
import { type Bindable, type ListenAddress, RetriedBind } from '#component/listener'
import { grpcAuthenticate, type OtelGrpcSettings, OtelHttpServer, type OtelHttpSettings } from '#component/otel_server'
import type { ClientContext, Logs, Metrics, Traces } from '#pdata'
import {
  logsFromJson,
  metricsFromJson,
  readLogsRequest,
  readMetricsRequest,
  readTracesRequest,
  tracesFromJson,
} from '#pdata/otlp'
import { CallMetrics } from './call_metrics.ts'
import { exportMethod, exportPaths } from './grpc.ts'
import { answerText, handleExport, refuse } from './http.ts'
import { Intake, type SignalCodec, type Transport } from './intake.ts'

export interface OtlpReceiverSettings {
  /** What the receiver is called in its own metrics: `otlp/…`. */
  readonly name: string
  readonly grpc: OtelGrpcSettings | undefined
  readonly http: OtelHttpSettings | undefined
  readonly paths: { readonly traces: string; readonly logs: string; readonly metrics: string }
}

const tracesCodec: SignalCodec<Traces> = { signal: 'traces', read: readTracesRequest, fromJson: tracesFromJson }
const logsCodec: SignalCodec<Logs> = { signal: 'logs', read: readLogsRequest, fromJson: logsFromJson }
const metricsCodec: SignalCodec<Metrics> = { signal: 'metrics', read: readMetricsRequest, fromJson: metricsFromJson }

interface Listening extends Bindable {
  readonly address: string
  readonly connections: number
}

type ExportHandler = (request: IncomingMessage, response: ServerResponse, context: ClientContext) => Promise<void>

export class OtlpReceiver implements Component {
  readonly #host: Host
  readonly #settings: OtlpReceiverSettings
  readonly #metrics: CallMetrics
  readonly #methods = new Map<string, GrpcMethod>()
  readonly #handlers = new Map<string, ExportHandler>()
  readonly #grpc: GrpcServer | undefined
  readonly #http: OtelHttpServer | undefined
  readonly #binds: readonly RetriedBind<Listening>[]
  /** Servers that do not listen yet, and why. */
  readonly #unbound = new Map<Listening, string>()

  constructor(host: Host, settings: OtlpReceiverSettings, output: OtelOutput) {
    this.#host = host
    this.#settings = settings
    this.#metrics = new CallMetrics(host)
    const { grpc, http } = servedHere(settings, host.globals.workers)
    const { traces, logs, metrics } = outputPorts(output)
    // A signal that goes nowhere is not served: clients are told, instead of losing it without a word.
    this.#serve(tracesCodec, traces)
    this.#serve(logsCodec, logs)
    this.#serve(metricsCodec, metrics)
    if (grpc) this.#grpc = this.#makeGrpc(grpc)
    if (http) this.#http = this.#makeHttp(http)
    const servers: readonly (Listening | undefined)[] = [this.#grpc, this.#http]
    this.#binds = servers.flatMap((server) => (server ? [this.#bindOf(server)] : []))
  }

  #serve<B extends Batch>(codec: SignalCodec<B>, ports: readonly Port<B>[]): void {
    if (ports.length === 0) return
    const { grpc, http, name, paths } = this.#settings
    const transports: Transport[] = [...(grpc ? (['grpc'] as const) : []), ...(http ? (['http'] as const) : [])]
    const intake = new Intake(this.#host, name, transports, codec, this.#host.outlet(ports))
    if (grpc) this.#methods.set(exportPaths[codec.signal], exportMethod(intake, grpc.includeMetadata))
    if (http) {
      this.#handlers.set(paths[codec.signal], (request, response, context) =>
        handleExport(intake, this.#http as OtelHttpServer, request, response, context),
      )
    }
  }

  #makeGrpc(settings: OtelGrpcSettings): GrpcServer {
    const { log, clock } = this.#host
    const authenticate = grpcAuthenticate(settings.auth)
    return new GrpcServer(settings.server, {
      log,
      clock,
      methods: this.#methods,
      descriptors: async () => (await import('./descriptors.ts')).otlpDescriptors,
      ...(authenticate ? { authenticate } : {}),
      measure: (...call) => this.#metrics.call(...call),
    })
  }

  #makeHttp(settings: OtelHttpSettings): OtelHttpServer {
    const { log, clock } = this.#host
    return new OtelHttpServer(settings, {
      log,
      clock,
      refuse,
      handle: (request, response, context) => {
        const handler = this.#handlers.get((request.url ?? '/').split('?', 1)[0] as string)
        if (!handler) {
          answerText(response, 404, '404 page not found\n')
          return
        }
        const startMs = clock.monotonic()
        response.once('close', () => this.#metrics.request(response.statusCode, clock.monotonic() - startMs))
        return handler(request, response, context)
      },
    })
  }

  #bindOf(server: Listening): RetriedBind<Listening> {
    const { log, clock } = this.#host
    const tried = (failure: string): void => {
      if (failure === '') {
        this.#unbound.delete(server)
        log.info('Receiving OTLP', { endpoint: server.address })
      } else this.#unbound.set(server, failure)
      this.#reportHealth()
    }
    return new RetriedBind({ clock, log, tried }, () => server)
  }

  /** Binds. A port that is taken is tried again until it is free. */
  async start(): Promise<void> {
    await Promise.all(this.#binds.map((bind) => bind.start()))
  }

  #reportHealth(): void {
    const [problem] = this.#unbound.values()
    if (problem === undefined) this.#host.setHealth(HealthState.healthy, 'started component')
    else this.#host.setHealth(HealthState.unhealthy, problem)
  }

  /** The ports that are listened on; 0 where there is none. */
  get ports(): { readonly grpc: number; readonly http: number } {
    return { grpc: this.#grpc?.port ?? 0, http: this.#http?.port ?? 0 }
  }

  async stop(deadlineMs: number): Promise<void> {
    await Promise.all(this.#binds.map((bind) => bind.stop(deadlineMs)))
  }

  debug(): unknown {
    const of = (server: Listening | undefined, bytes: number | undefined): unknown =>
      server && { endpoint: server.address, connections: server.connections, received_bytes: bytes }
    return { grpc: of(this.#grpc, this.#grpc?.memory.bytes), http: of(this.#http, this.#http?.bodyBytes) }
  }
}

/** What of the settings one of several workers serves: ports are shared, a Unix socket is the main one's alone. */
function servedHere(
  { grpc, http }: OtlpReceiverSettings,
  workers: HostGlobals['workers'],
): Pick<OtlpReceiverSettings, 'grpc' | 'http'> {
  if (!workers) return { grpc, http }
  const here = (address: ListenAddress): boolean => workers.index === 0 || !('path' in address)
  const shared = (address: ListenAddress): ListenAddress => ('path' in address ? address : { ...address, shared: true })
  return {
    grpc:
      grpc && here(grpc.server.address)
        ? { ...grpc, server: { ...grpc.server, address: shared(grpc.server.address) } }
        : undefined,
    http: http && here(http.address) ? { ...http, address: shared(http.address) } : undefined,
  }
}
