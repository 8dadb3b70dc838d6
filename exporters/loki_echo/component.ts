// `loki.echo`: shows the lines that it gets in the log.
import { type Component, type ComponentDefinition, ConsumeError, defineSettings, type Host } from '#component'
import { type Labels, labelsText, type Logs } from '#pdata'

const settings = defineSettings({})

export const lokiEcho: ComponentDefinition = {
  name: 'loki.echo',
  stability: 'generally-available',
  doc: 'Writes the lines that it gets to the log of the process.',
  consumes: ['logs'],
  input: 'loki',
  settings,
  create: (host) => new LokiEcho(host),
}

class LokiEcho implements Component {
  readonly #host: Host
  readonly logs = { consume: (batch: Logs) => this.#consume(batch) }

  constructor(host: Host) {
    this.#host = host
  }

  update(): void {}

  /** Logging each line is the purpose here. */
  #consume({ streams, count }: Logs): void {
    if (streams === null) {
      throw new ConsumeError('Cannot take OTLP logs: a bridge has to make streams of them', { retryable: false })
    }
    for (const { labels, lines, timestampsNs, metadata } of streams) {
      const text = labelsText(labels)
      lines.forEach((entry, i) => {
        this.#host.log.info('received log entry', {
          entry,
          entry_timestamp: new Date(Number(timestampsNs[i]! / 1_000_000n)).toISOString(),
          labels: text,
          structured_metadata: JSON.stringify(objectOf(metadata?.[i] ?? [])),
        })
      })
    }
    this.#host.counters.out += count
  }

  stop(): void {}
}

function objectOf(labels: Labels): Record<string, string> {
  const out: Record<string, string> = {}
  for (let i = 0; i < labels.length; i += 2) out[labels[i]!] = labels[i + 1]!
  return out
}
