// otelcol.storage.file and the YAML extension file_storage: a directory in which queues survive everything.
import { mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import {
  attr,
  block,
  bool,
  Capsule,
  type Component,
  type ComponentDefinition,
  customType,
  defineSettings,
  duration,
  type Host,
  int,
  SettingsError,
  string,
  ValueError,
  type YamlDefinition,
} from '#component'
import { debugMetricsField } from '#component/debug_metrics'
import type { OtelExtension } from '#component/otel_extension'

const permissions = customType<number>({
  name: 'string',
  zero: 0o750,
  decode(value) {
    const text = string.decode(value)
    if (!/^[0-7]{3,4}$/.test(text))
      throw new ValueError(`directory_permissions value is not a valid octal value: ${JSON.stringify(text)}`)
    return Number.parseInt(text, 8)
  },
  accepts: string.accepts,
  json: { type: 'string', pattern: '^[0-7]{3,4}$' },
})

const noEffect = 'Has no effect: segments are deleted as soon as they are done with, there is nothing to compact.'
const compaction = defineSettings({
  check_interval: attr(duration, noEffect, { default: '5s' }),
  cleanup_on_start: attr(bool, noEffect, { default: false }),
  directory: attr(string, noEffect, { default: '' }),
  max_transaction_size: attr(int, noEffect, { default: 65_536 }),
  on_rebound: attr(bool, noEffect, { default: false }),
  on_start: attr(bool, noEffect, { default: false }),
  rebound_needed_threshold_mib: attr(int, noEffect, { default: 100 }),
  rebound_trigger_threshold_mib: attr(int, noEffect, { default: 10 }),
})

const fields = {
  timeout: attr(duration, 'Has no effect: no lock is waited for.', { default: '1s' }),
  fsync: attr(bool, 'Has no effect: what counts as taken is always synced.', { default: false }),
  directory_permissions: attr(permissions, 'Permissions of a directory that is made, in octal.', { default: '0750' }),
  compaction: block(compaction, noEffect),
}

const alloySettings = defineSettings({
  directory: attr(string, 'Where; by default in the directory of the component under the storage path.', {
    default: '',
  }),
  create_directory: attr(bool, 'Make the directory when it is missing.', { default: true }),
  ...fields,
  ...debugMetricsField,
})
const yamlSettings = defineSettings({
  directory: attr(string, 'Where.', { default: '/var/lib/otelcol/file_storage' }),
  create_directory: attr(bool, 'Make the directory when it is missing.', { default: false }),
  max_size: attr(int, 'Has no effect: the bound is the queue’s.', { default: 0 }),
  recreate: attr(bool, 'Has no effect: damaged segments are set aside one by one.', { default: false }),
  ...fields,
})

interface FileStorageSettings {
  readonly directory: string
  readonly create_directory: boolean
  readonly directory_permissions: number
}

function create(host: Host, settings: FileStorageSettings): Component<never> {
  const directory = settings.directory === '' ? host.dataDir : settings.directory
  if (!settings.create_directory) {
    const isDirectory = statSync(directory, { throwIfNoEntry: false })?.isDirectory() ?? false
    if (!isDirectory) {
      throw new SettingsError(
        `directory must exist: ${directory}. You can enable the create_directory option to automatically create it`,
        ['directory'],
      )
    }
  }
  const extension: OtelExtension = {
    id: host.id,
    storage: { directoryFor: (nodeId) => join(directory, nodeId.replace(/[^\w.@-]/g, '_')), fsync: true },
  }
  host.setExports({ handler: new Capsule('otelcol.Handler', extension) })
  return {
    start() {
      if (settings.create_directory) mkdirSync(directory, { recursive: true, mode: settings.directory_permissions })
    },
    stop() {},
  }
}

export const otelcolStorageFile: ComponentDefinition = {
  name: 'otelcol.storage.file',
  stability: 'public-preview',
  doc: 'Keeps queues of exporters in a directory, where they survive everything.',
  exports: { handler: { type: 'otelcol.Handler', doc: 'What `storage` settings refer to.' } },
  settings: alloySettings,
  create: (host, settings) => create(host, settings as FileStorageSettings),
}

export const fileStorageExtension: YamlDefinition = {
  kind: 'extension',
  types: ['file_storage'],
  stability: 'generally-available',
  doc: 'Keeps queues of exporters in a directory, where they survive everything.',
  signals: [],
  settings: yamlSettings,
  create: (host, settings) => create(host, settings as FileStorageSettings),
}
