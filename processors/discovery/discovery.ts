// Finds the target that sent a span, and adds its labels to the span's resource; the rest of a request stays as it is.
import { isIP } from 'node:net'
import { type Component, type Consumer, type Host, outputPorts, type Target } from '#component'
import { contextValue } from '#component/otel_attributes'
import { type ClientContext, Traces } from '#pdata'
import { type Attributes, attributeValue, ownTracesTree, WireBuilder, WireCursor, WireValues } from '#pdata/otlp'
import type { DiscoverySettings } from './component.ts'

/** Labels by the address of their target. */
type LabelsByHost = ReadonlyMap<string, ReadonlyMap<string, string>>

export class DiscoveryProcessor implements Component<DiscoverySettings> {
  readonly traces = { consume: (batch: Traces): void | Promise<void> => this.#next.consume(this.#labelled(batch)) }
  readonly #host: Host
  #settings: DiscoverySettings
  #labels: LabelsByHost
  #next: Consumer<Traces>
  readonly #builder = new WireBuilder()

  constructor(host: Host, settings: DiscoverySettings) {
    this.#host = host
    this.#settings = settings
    this.#labels = this.#labelsOf(settings.targets)
    this.#next = host.outlet(outputPorts(settings.output).traces)
  }

  update(settings: DiscoverySettings): void {
    this.#settings = settings
    this.#labels = this.#labelsOf(settings.targets)
    this.#next = this.#host.outlet(outputPorts(settings.output).traces)
  }

  /** Of two targets with one address the last one counts. */
  #labelsOf(targets: readonly Target[]): LabelsByHost {
    const byHost = new Map<string, ReadonlyMap<string, string>>()
    let unusable = 0
    for (const { labels } of targets) {
      const host = hostOf(labels.get('__address__'))
      if (host === undefined) unusable++
      else byHost.set(host, new Map([...labels].filter(([name]) => !name.startsWith('__'))))
    }
    if (unusable > 0) this.#host.log.warn('Ignoring targets: they have no address', { targets: unusable })
    return byHost
  }

  #labelled(batch: Traces): Traces {
    if (this.#labels.size === 0) return batch
    if (batch.wire !== null) {
      const chunks = batch.wire.map((chunk) => this.#chunk(chunk, batch.context))
      return Traces.fromWire(chunks, batch.count, batch.context)
    }
    const tree = ownTracesTree(batch)
    for (const { resource } of tree.resourceSpans) {
      const labels = this.#find(resource.attributes, batch.context)
      if (labels !== undefined) resource.attributes = this.#merged(resource.attributes, labels)
    }
    return Traces.fromTree(tree, batch.context)
  }

  /** The chunk itself where no resource is known. */
  #chunk(chunk: Uint8Array, context: ClientContext | null): Uint8Array {
    const builder = this.#builder
    const values = new WireValues(chunk)
    const group = new WireCursor()
    const inside = new WireCursor()
    let isChanged = false
    group.reset(chunk)
    while (group.next()) {
      const hasResource = group.tag === 0x0a && (inside.enter(group), inside.seek(0x0a))
      const attributes = hasResource ? values.resource(inside.start, inside.end).attributes : []
      const labels = group.tag === 0x0a ? this.#find(attributes, context) : undefined
      if (labels === undefined) {
        builder.copy(group)
        continue
      }
      isChanged = true
      builder.open(0x0a)
      builder.open(0x0a)
      for (const { key, value } of this.#merged(attributes, labels)) builder.attribute(0x0a, key, value)
      if (hasResource) copyOthers(builder, inside)
      builder.close()
      inside.enter(group)
      while (inside.next()) if (inside.tag !== 0x0a) builder.copy(inside)
      builder.close()
    }
    const built = builder.take()
    return isChanged ? built : chunk
  }

  #find(attributes: Attributes, context: ClientContext | null): ReadonlyMap<string, string> | undefined {
    const address = this.#addressOf(attributes, context)
    return address === undefined ? undefined : this.#labels.get(address)
  }

  #addressOf(attributes: Attributes, context: ClientContext | null): string | undefined {
    for (const association of this.#settings.pod_associations) {
      let found: string | undefined
      if (association === 'connection') found = contextValue(context, 'client.address')
      else if (association === 'hostname') {
        const name = textOf(attributes, 'host.name')
        found = isIP(name) === 0 ? '' : name
      } else found = textOf(attributes, association)
      if (found !== undefined && found !== '') return found
    }
    return undefined
  }

  #merged(attributes: Attributes, labels: ReadonlyMap<string, string>): Attributes {
    const { operation_type: operation } = this.#settings
    const out = [...attributes]
    for (const [key, value] of labels) {
      const at = out.findIndex((attribute) => attribute.key === key)
      if (at >= 0 && operation !== 'insert') out[at] = { key, value }
      else if (at < 0 && operation !== 'update') out.push({ key, value })
    }
    return out
  }

  stop(): void {}

  debug(): unknown {
    return { targets: this.#labels.size }
  }
}

/** What a resource has beside its attributes. */
function copyOthers(builder: WireBuilder, resource: WireCursor): void {
  const field = new WireCursor()
  field.enter(resource)
  while (field.next()) if (field.tag !== 0x0a) builder.copy(field)
}

function textOf(attributes: Attributes, key: string): string {
  const value = attributeValue(attributes, key)
  return typeof value === 'string' ? value : ''
}

/** The address without its port; undefined where there is none. */
function hostOf(address: string | undefined): string | undefined {
  if (address === undefined || !address.includes(':')) return address
  const found = /^(?:\[([^\]]*)\]|([^:]*)):[^:]*$/.exec(address)
  return found?.[1] ?? found?.[2]
}
