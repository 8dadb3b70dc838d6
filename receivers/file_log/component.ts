// otelcol.receiver.filelog and the collector's `file_log`: entries out of files.
import { type ComponentDefinition, outputPorts, type YamlDefinition } from '#component'
import { FileLogReceiver } from './receiver.ts'
import {
  type AlloyFileLogSettings,
  alloyLacks,
  alloySettings,
  type YamlFileLogSettings,
  yamlSettings,
} from './settings.ts'

const doc = 'Tails files, and parses their lines with operators.'

export const otelcolReceiverFilelog: ComponentDefinition<AlloyFileLogSettings> = {
  name: 'otelcol.receiver.filelog',
  stability: 'public-preview',
  doc,
  settings: alloySettings,
  create: (host, settings) =>
    new FileLogReceiver(host, { ...settings, ...alloyLacks }, outputPorts(settings.output).logs),
}

export const fileLogReceiver: YamlDefinition<YamlFileLogSettings> = {
  kind: 'receiver',
  types: ['file_log', 'filelog'],
  stability: 'public-preview',
  doc,
  signals: ['logs'],
  settings: yamlSettings,
  create: (host, settings, output) => new FileLogReceiver(host, settings, outputPorts(output).logs),
}
