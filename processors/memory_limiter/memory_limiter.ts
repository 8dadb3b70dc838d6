// The memory limiter: refuses telemetry, to be sent again later, while the process is short of memory.
import type { Batch, Component, Consumer, Count, Host, Instruments, OtelOutput } from '#component'
import type { LogsConsumer, MetricsConsumer, Signal, TracesConsumer } from '#component'
import { ConsumeError, outputPorts } from '#component'
import { wireBytes } from '#pdata/otlp'
import type { LimiterSettings } from './limiter.ts'
import { Limiter } from './limiter.ts'
import type { Memory } from './memory.ts'

/** What an item counts that is not encoded. */
const itemBytesGuess = 256
/** Clients are told to come back after this. */
const retryAfterMs = 1000

export class MemoryLimiter implements Component {
  readonly traces: TracesConsumer
  readonly logs: LogsConsumer
  readonly metrics: MetricsConsumer
  readonly #limiter: Limiter

  constructor(host: Host, settings: LimiterSettings, memory: Memory, output: OtelOutput) {
    const ports = outputPorts(output)
    const { instruments } = host
    const limiter = new Limiter(settings, memory, host.clock, host.log)
    this.#limiter = limiter
    this.traces = new LimitedConsumer(limiter, host.outlet(ports.traces), instruments, 'traces')
    this.logs = new LimitedConsumer(limiter, host.outlet(ports.logs), instruments, 'logs')
    this.metrics = new LimitedConsumer(limiter, host.outlet(ports.metrics), instruments, 'metrics')
  }

  start(): void {
    this.#limiter.start()
  }

  stop(): void {
    this.#limiter.stop()
  }

  debug(): unknown {
    const { usedBytes, softLimitBytes, hardLimitBytes, isRefusing } = this.#limiter
    return {
      used_bytes: usedBytes,
      soft_limit_bytes: softLimitBytes,
      limit_bytes: hardLimitBytes,
      refusing: isRefusing,
    }
  }
}

/** Names of items in otelcol's metrics: of the metric, and in its help. */
const itemNames = {
  traces: ['spans', 'spans'],
  logs: ['log_records', 'log records'],
  metrics: ['metric_points', 'metric points'],
} as const

class LimitedConsumer<B extends Batch> implements Consumer<B> {
  readonly #limiter: Limiter
  readonly #next: Consumer<B>
  readonly #accepted: Count
  readonly #refused: Count

  constructor(limiter: Limiter, next: Consumer<B>, instruments: Instruments, signal: Signal) {
    const [name, words] = itemNames[signal]
    const prefix = 'otelcol_processor_memory_limiter_'
    this.#limiter = limiter
    this.#next = next
    this.#accepted = instruments.counter(
      `${prefix}accepted_${name}_total`,
      `Number of ${words} successfully pushed into the next component in the pipeline.`,
    )
    this.#refused = instruments.counter(
      `${prefix}refused_${name}_total`,
      `Number of ${words} that were rejected by the next component in the pipeline.`,
    )
  }

  consume(batch: B): void | Promise<void> {
    const bytes = batch.wire === null ? batch.count * itemBytesGuess : wireBytes(batch.wire)
    if (!this.#limiter.enter(bytes)) {
      this.#refused.add(batch.count)
      throw new ConsumeError('data refused due to high memory usage', { retryable: true, retryAfterMs })
    }
    // As upstream has it: what the next component refuses was accepted here.
    this.#accepted.add(batch.count)
    let done: void | Promise<void>
    try {
      done = this.#next.consume(batch)
    } catch (error) {
      this.#limiter.leave(bytes)
      throw error
    }
    if (done) return this.#settle(done, bytes)
    this.#limiter.leave(bytes)
    return undefined
  }

  async #settle(done: Promise<void>, bytes: number): Promise<void> {
    try {
      await done
    } finally {
      this.#limiter.leave(bytes)
    }
  }
}
