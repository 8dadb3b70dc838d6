// `prometheus.echo`: shows what it gets on the standard output.
import { attr, type ComponentDefinition, defineSettings, oneOf, type SettingsOf } from '#component'
import { Echo } from './echo.ts'

const settings = defineSettings({
  format: attr(oneOf('text', 'openmetrics'), 'How metrics are written.', { default: 'text' }),
})
export type EchoSettings = SettingsOf<typeof settings>

export const prometheusEcho: ComponentDefinition<EchoSettings> = {
  name: 'prometheus.echo',
  stability: 'generally-available',
  doc: 'Writes metrics to the standard output, as text.',
  consumes: ['metrics'],
  settings,
  create: (host, decoded) => new Echo(host, decoded, process.stdout),
}
