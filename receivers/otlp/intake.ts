// What all transports do with a batch: hand it on, count it, and say what went wrong.
import { type Batch, ConsumeError, type Consumer, type Count, type Host, type Signal } from '#component'
import type { ClientContext } from '#pdata'
import { GrpcCode } from '#component/grpc_server'

export type Transport = 'grpc' | 'http'

/** How a signal's requests are read. */
export interface SignalCodec<B extends Batch> {
  readonly signal: Signal
  /** Throws `OtlpError`. */
  read(bytes: Uint8Array, context: ClientContext): B
  /** Throws `OtlpError`. */
  fromJson(text: string, context: ClientContext): B
}

/** How items are called in the names of the receiver's own metrics. */
const itemNames = { traces: 'spans', logs: 'log_records', metrics: 'metric_points' } as const

interface TransportCounts {
  readonly accepted: Count
  readonly refused: Count
  readonly failed: Count
}

/** One signal's way into the pipeline. */
export class Intake<B extends Batch> {
  readonly codec: SignalCodec<B>
  readonly #host: Host
  readonly #outlet: Consumer<B>
  readonly #counts: Readonly<Record<Transport, TransportCounts>>

  /** `receiver`: what the receiver is called in its own metrics. */
  constructor(
    host: Host,
    receiver: string,
    transports: readonly Transport[],
    codec: SignalCodec<B>,
    outlet: Consumer<B>,
  ) {
    this.codec = codec
    this.#host = host
    this.#outlet = outlet
    const counts = (transport: Transport): TransportCounts => {
      const name = itemNames[codec.signal]
      const counter = (outcome: string, help: string): Count =>
        host.instruments.counter(`otelcol_receiver_${outcome}_${name}_total`, help, { receiver, transport })
      return {
        accepted: counter('accepted', `Number of ${name} successfully pushed into the pipeline.`),
        refused: counter('refused', `Number of ${name} that could not be pushed into the pipeline.`),
        failed: counter('failed', `Number of ${name} that failed to be processed by the receiver.`),
      }
    }
    const idle: TransportCounts = {
      accepted: { value: 0, add() {} },
      refused: { value: 0, add() {} },
      failed: { value: 0, add() {} },
    }
    this.#counts = {
      grpc: transports.includes('grpc') ? counts('grpc') : idle,
      http: transports.includes('http') ? counts('http') : idle,
    }
  }

  /** Hand on. Done when the next consumer took it; throws or rejects with what it said. An empty batch goes nowhere. */
  take(batch: B, transport: Transport): void | Promise<void> {
    const { count } = batch
    if (count === 0) return
    this.#host.counters.in += count
    let waiting: void | Promise<void>
    try {
      waiting = this.#outlet.consume(batch)
    } catch (error) {
      this.#refused(count, transport)
      throw error
    }
    if (!waiting) {
      this.#counts[transport].accepted.add(count)
      return
    }
    return waiting.then(
      () => this.#counts[transport].accepted.add(count),
      (error: unknown) => {
        this.#refused(count, transport)
        throw error
      },
    )
  }

  #refused(items: number, transport: Transport): void {
    this.#host.counters.refused += items
    this.#counts[transport].refused.add(items)
  }
}

/** What a client is told of a batch that was not taken (OTLP specification, "Failures", "Throttling"). */
export interface Refusal {
  readonly code: GrpcCode
  readonly httpStatus: number
  readonly message: string
  readonly retryAfterMs: number | undefined
}

/**
 * A failure that may pass is UNAVAILABLE (503); where it is known when, RESOURCE_EXHAUSTED (429) with that time, which is
 * what makes that code one to try again. One that will not pass is INTERNAL (500): what the client sent was well-formed.
 */
export function refusalOf(error: unknown): Refusal {
  const { message } = error as Error
  if (!(error instanceof ConsumeError) || !error.clientMayRetry) {
    return { code: GrpcCode.INTERNAL, httpStatus: 500, message, retryAfterMs: undefined }
  }
  const { retryAfterMs } = error
  return retryAfterMs === undefined
    ? { code: GrpcCode.UNAVAILABLE, httpStatus: 503, message, retryAfterMs }
    : { code: GrpcCode.RESOURCE_EXHAUSTED, httpStatus: 429, message, retryAfterMs }
}
