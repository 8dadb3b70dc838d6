// `loki.process`: stages that parse, change and drop lines.
import { attr, type ComponentDefinition, defineSettings, list, logsReceiver, type SettingsOf } from '#component'
import { makeLokiProcess } from './process.ts'
import { stageBlocks } from './stages.ts'

const settings = defineSettings({
  forward_to: attr(list(logsReceiver), 'Where processed lines go.', { required: true }),
  stage: stageBlocks,
})
export type LokiProcessSettings = SettingsOf<typeof settings>

export const lokiProcess: ComponentDefinition<LokiProcessSettings> = {
  name: 'loki.process',
  stability: 'generally-available',
  doc: 'Parses, changes and drops lines on their way, stage by stage.',
  consumes: ['logs'],
  input: 'loki',
  settings,
  create: makeLokiProcess,
}
