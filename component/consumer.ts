// How telemetry moves from one component to the next, and how a refusal is said.
import type { Logs, Metrics, Traces } from '#pdata'

/**
 * Takes batches. Returns nothing when done, or a promise when the caller must wait: waiting is the back-pressure, all the
 * way to a receiver's client. Fails (throws or rejects) with `ConsumeError`; any other error counts as permanent.
 * What the consumer took it owns up to: it is delivered, waits, or is counted as dropped under a reason.
 */
export interface Consumer<Batch> {
  consume(batch: Batch): void | Promise<void>
}

export type MetricsConsumer = Consumer<Metrics>
export type LogsConsumer = Consumer<Logs>
export type TracesConsumer = Consumer<Traces>
/** A batch of any signal. A batch that goes to several consumers has `shared` set before. */
export type Batch = Metrics | Logs | Traces

export class ConsumeError extends Error {
  override readonly name = 'ConsumeError'
  /** May the same batch succeed when tried again? */
  readonly retryable: boolean
  /**
   * May a client that sent it from elsewhere try again? By default where `retryable`. Its batch is not lost then, though
   * nothing here holds on to it: statements that fail today may be other ones after a reload.
   */
  readonly clientMayRetry: boolean
  readonly retryAfterMs: number | undefined
  constructor(
    message: string,
    options: { retryable: boolean; clientMayRetry?: boolean; retryAfterMs?: number; cause?: unknown },
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.retryable = options.retryable
    this.clientMayRetry = options.clientMayRetry ?? options.retryable
    this.retryAfterMs = options.retryAfterMs
  }
}

export type Signal = 'metrics' | 'logs' | 'traces'

/**
 * The place where one node takes a signal: what a `forward_to` refers to. The object is the same as long as the node's id
 * stays in the configuration, over updates and restarts of the component behind it. Made by the service.
 */
export interface Port<Batch> extends Consumer<Batch> {
  readonly nodeId: string
  readonly signal: Signal
}

export type MetricsPort = Port<Metrics>
export type LogsPort = Port<Logs>
export type TracesPort = Port<Traces>

/** What an `output { }` block or a pipeline refers to: a node's ports for OTLP's signals, those that it takes. */
export interface OtelConsumer {
  readonly nodeId: string
  readonly metrics?: MetricsPort
  readonly logs?: LogsPort
  readonly traces?: TracesPort
}

/**
 * What one node did with the items it got: `in = out + dropped + refused + waiting` at every moment.
 * The service counts `in` and `refused` at the node's port and `out` at its outlet; the component counts what it drops
 * and says what waits inside it. A component without a port (a scraper) counts `in` itself; one without an outlet (an
 * exporter) counts `out` (delivered) itself.
 */
export class NodeCounters {
  in = 0
  out = 0
  refused = 0
  readonly droppedByReason = new Map<string, number>()
  #waiting: () => number = () => 0

  drop(reason: string, items: number): void {
    if (items > 0) this.droppedByReason.set(reason, (this.droppedByReason.get(reason) ?? 0) + items)
  }

  /** Where the number of items waiting inside the component is read from. */
  observeWaiting(read: () => number): void {
    this.#waiting = read
  }

  get dropped(): number {
    let sum = 0
    for (const items of this.droppedByReason.values()) sum += items
    return sum
  }

  get waiting(): number {
    return this.#waiting()
  }
}
