// The batch processor's own metrics, under otelcol's names and with its bounds (processor/batchprocessor/metadata.yaml).
import type { Count, Distribution, Instruments } from '#component'

const sizeBounds = [
  10, 25, 50, 75, 100, 250, 500, 750, 1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000, 10_000, 20_000, 30_000,
  50_000, 100_000,
]
const bytesBounds = Array.from({ length: 18 }, (_, i) => 128 * 2 ** i)
const prefix = 'otelcol_processor_batch_'

export class BatchInstruments {
  readonly #size: Distribution
  readonly #bytes: Distribution
  readonly #bySize: Count
  readonly #byTimeout: Count

  constructor(instruments: Instruments, cardinality: () => number) {
    this.#size = instruments.histogram(`${prefix}batch_send_size`, 'Number of units in the batch', sizeBounds)
    this.#bytes = instruments.histogram(
      `${prefix}batch_send_size_bytes`,
      'Number of bytes in batch that was sent. Only available on detailed level.',
      bytesBounds,
    )
    this.#bySize = instruments.counter(
      `${prefix}batch_size_trigger_send_total`,
      'Number of times the batch was sent due to a size trigger',
    )
    this.#byTimeout = instruments.counter(
      `${prefix}timeout_trigger_send_total`,
      'Number of times the batch was sent due to a timeout trigger',
    )
    instruments.gauge(
      `${prefix}metadata_cardinality`,
      'Number of distinct metadata value combinations being processed',
      cardinality,
    )
  }

  sent(items: number, bytes: number, trigger: 'size' | 'timeout'): void {
    this.#size.observe(items)
    this.#bytes.observe(bytes)
    ;(trigger === 'size' ? this.#bySize : this.#byTimeout).add(1)
  }
}
