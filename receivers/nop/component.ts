// The nop receiver: takes nothing from anywhere, so that a pipeline has a receiver.
import { defineSettings, type YamlDefinition } from '#component'

export const nopReceiver: YamlDefinition<object> = {
  kind: 'receiver',
  types: ['nop'],
  stability: 'public-preview',
  doc: 'Receives nothing.',
  signals: ['traces', 'metrics', 'logs'],
  settings: defineSettings({}),
  create: () => ({ stop: () => {} }),
}
