// otelcol.processor.discovery: adds the labels of discovered targets to the resources of their spans.
import {
  attr,
  block,
  type ComponentDefinition,
  defineSettings,
  list,
  oneOf,
  otelOutput,
  type SettingsOf,
  target,
} from '#component'
import { DiscoveryProcessor } from './discovery.ts'

const associations = ['ip', 'net.host.ip', 'k8s.pod.ip', 'hostname', 'connection'] as const

const settings = defineSettings({
  targets: attr(list(target), 'Targets, whose `__address__` says where spans come from.', { required: true }),
  operation_type: attr(
    oneOf('upsert', 'insert', 'update'),
    '`insert` leaves attributes that are there, `update` adds none, `upsert` does both.',
    { default: 'upsert' },
  ),
  pod_associations: attr(
    list(oneOf(...associations)),
    'Where the address of a span is looked for, in this order: attributes of the resource, `hostname` for a `host.name` that is an address, `connection` for the client.',
    { default: associations },
  ),
  output: block(otelOutput, 'Where spans go.', { required: true }),
})
export type DiscoverySettings = SettingsOf<typeof settings>

export const otelcolProcessorDiscovery: ComponentDefinition<DiscoverySettings> = {
  name: 'otelcol.processor.discovery',
  stability: 'generally-available',
  doc: 'Adds the labels of discovered targets to the resources of their spans.',
  consumes: ['traces'],
  input: 'otelcol',
  stateless: true,
  settings,
  create: (host, s) => new DiscoveryProcessor(host, s),
}
