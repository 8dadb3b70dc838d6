// Looks up the target of each stream and hands the batch on with its labels.
import { type Component, ConsumeError, type Host, type LogsConsumer } from '#component'
import { type Labels, labelsFrom, labelValue, Logs, LogStream } from '#pdata'
import type { LokiEnrichSettings } from './component.ts'

export class LokiEnrich implements Component<LokiEnrichSettings>, LogsConsumer {
  readonly logs: LogsConsumer
  readonly #host: Host
  #settings: LokiEnrichSettings
  #next: LogsConsumer
  /** The labels of targets to copy, by the value that tells them apart; of several the last one. */
  #targets: ReadonlyMap<string, ReadonlyMap<string, string>>

  constructor(host: Host, settings: LokiEnrichSettings) {
    this.logs = this
    this.#host = host
    this.#settings = settings
    this.#next = host.outlet(settings.forward_to)
    this.#targets = targetsOf(settings)
  }

  update(settings: LokiEnrichSettings): void {
    this.#settings = settings
    this.#next = this.#host.outlet(settings.forward_to)
    this.#targets = targetsOf(settings)
  }

  consume(batch: Logs): void | Promise<void> {
    if (batch.streams === null) {
      throw new ConsumeError('Cannot take OTLP logs: a bridge has to make streams of them', { retryable: false })
    }
    let isChanged = false
    const streams = batch.streams.map((stream) => {
      const labels = this.#enriched(stream.labels)
      if (labels === stream.labels) return stream
      isChanged = true
      return new LogStream(labels, stream.timestampsNs, stream.lines, stream.metadata)
    })
    return this.#next.consume(isChanged ? Logs.fromStreams(streams, batch.context) : batch)
  }

  stop(): void {}

  debug(): unknown {
    return { targets: this.#targets.size }
  }

  /** The same labels where no target is known. */
  #enriched(labels: Labels): Labels {
    const { logs_match_label: own, target_match_label: theirs } = this.#settings
    const value = labelValue(labels, own || theirs)
    const copied = value === '' ? undefined : this.#targets.get(value)
    if (copied === undefined || copied.size === 0) return labels
    const all = new Map<string, string>()
    for (let i = 0; i < labels.length; i += 2) all.set(labels[i] as string, labels[i + 1] as string)
    for (const [name, text] of copied) all.set(name, text)
    return labelsFrom([...all])
  }
}

function targetsOf(settings: LokiEnrichSettings): Map<string, ReadonlyMap<string, string>> {
  const { targets, target_match_label: match, labels_to_copy: names } = settings
  const byValue = new Map<string, ReadonlyMap<string, string>>()
  for (const { labels } of targets) {
    const value = labels.get(match) ?? ''
    if (value === '') continue
    const copied = [...labels].filter(([name, text]) => names.length === 0 || (names.includes(name) && text !== ''))
    byValue.set(value, new Map(copied))
  }
  return byValue
}
