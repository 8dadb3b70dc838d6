// The nop exporter: takes everything and sends it nowhere, so that a pipeline has an exporter.
import { type Batch, type Component, defineSettings, type Host, type YamlDefinition } from '#component'

export const nopExporter: YamlDefinition<object> = {
  kind: 'exporter',
  types: ['nop'],
  stability: 'public-preview',
  doc: 'Exports nothing.',
  signals: ['traces', 'metrics', 'logs'],
  stateless: true,
  settings: defineSettings({}),
  create: (host) => swallow(host),
}

function swallow(host: Host): Component {
  const consumer = { consume: (batch: Batch) => void (host.counters.out += batch.count) }
  return { metrics: consumer, logs: consumer, traces: consumer, stop: () => {} }
}
