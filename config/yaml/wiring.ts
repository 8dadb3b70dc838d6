// From pipelines to nodes: who sends what to whom, and what cannot be connected.
import type { Signal } from '#component'
import { cyclesOf } from '../alloy/order.ts'
import { type Configured, meant, type Pipeline, type Reference, type ReportAt, type Sections } from './sections.ts'

/** One node of the plan to be, and where it sends each signal. */
export interface Wired {
  readonly nodeId: string
  readonly configured: Configured
  /** Processors: the pipeline that this instance stands in. */
  readonly pipeline: Pipeline | undefined
  /** Ids of nodes, in the order of the pipelines; a node stands there once for each pipeline that begins with it. */
  readonly output: Readonly<Record<Signal, string[]>>
  /** Connectors: the pipelines that begin with it by id, with the nodes that come first in them. */
  readonly begins: Map<string, { readonly signal: Signal; readonly nodeIds: readonly string[] }>
}

/** The nodes that run: those that pipelines or `service.extensions` name. Everything that is wrong is reported. */
export function wire(sections: Sections, report: ReportAt): ReadonlyMap<string, Wired> {
  const wiring = new Wiring(sections, report)
  wiring.checkNames()
  wiring.extensions()
  for (const pipeline of sections.pipelines) wiring.pipeline(pipeline)
  wiring.checkConnectors()
  wiring.checkCycles()
  return wiring.nodes
}

export function nodeIdOf(configured: Configured, pipeline?: Pipeline): string {
  const id = `${configured.kind}/${configured.id}`
  return pipeline ? `${id}@${pipeline.id}` : id
}

class Wiring {
  readonly nodes = new Map<string, Wired>()
  readonly #sections: Sections
  readonly #report: ReportAt
  /** Connectors: the pipelines that end in them and that begin with them. */
  readonly #endsIn = new Map<Configured, { pipeline: Pipeline; reference: Reference }[]>()
  readonly #beginsWith = new Map<Configured, { pipeline: Pipeline; reference: Reference }[]>()

  constructor(sections: Sections, report: ReportAt) {
    this.#sections = sections
    this.#report = report
  }

  /** One name must not mean two things in a pipeline. */
  checkNames(): void {
    const { connector, exporter, receiver } = this.#sections
    for (const one of connector.values()) {
      for (const [kind, others] of [
        ['exporter', exporter],
        ['receiver', receiver],
      ] as const) {
        if (!others.has(one.id)) continue
        const hint = `rename one of them, for example to ${one.id}/connector`
        this.#report(one.keyRange, `"${one.id}" is configured both as connector and as ${kind}`, hint)
      }
    }
  }

  extensions(): void {
    for (const reference of this.#sections.extensionRefs) {
      const found = this.#sections.extension.get(reference.id)
      if (found) this.#node(found)
      else this.#undefined(reference, 'service.extensions', 'extension', [...this.#sections.extension.keys()])
    }
  }

  #undefined(reference: Reference, where: string, kind: string, candidates: readonly string[]): void {
    const message = `${where} names ${kind} "${reference.id}", which is not configured`
    this.#report(reference.range, message, this.#elsewhere(reference.id) ?? meant(reference.id, candidates))
  }

  #elsewhere(id: string): string | undefined {
    const { receiver, processor, exporter, connector, extension } = this.#sections
    const found = [receiver, processor, exporter, connector, extension].find((section) => section.has(id))?.get(id)
    return found && `there is ${article(found.kind)} ${found.kind} of this id`
  }

  #node(configured: Configured, pipeline?: Pipeline): Wired {
    const nodeId = nodeIdOf(configured, pipeline)
    let node = this.nodes.get(nodeId)
    if (!node) {
      node = { nodeId, configured, pipeline, output: { metrics: [], logs: [], traces: [] }, begins: new Map() }
      this.nodes.set(nodeId, node)
    }
    return node
  }

  pipeline(pipeline: Pipeline): void {
    const { signal } = pipeline
    const ends = pipeline.exporters.flatMap((reference) => this.#end(pipeline, reference) ?? [])
    let next = ends.map((node) => node.nodeId)
    for (const reference of pipeline.processors.toReversed()) {
      const found = this.#sections.processor.get(reference.id)
      if (!found) {
        const candidates = [...this.#sections.processor.keys()]
        this.#undefined(reference, `pipeline "${pipeline.id}"`, 'processor', candidates)
        continue
      }
      this.#supports(found, signal, pipeline, reference)
      const node = this.#node(found, pipeline)
      node.output[signal].push(...next)
      next = [node.nodeId]
    }
    for (const reference of pipeline.receivers) {
      const node = this.#begin(pipeline, reference)
      node?.output[signal].push(...next)
      if (node?.configured.kind === 'connector') node.begins.set(pipeline.id, { signal, nodeIds: next })
    }
  }

  #end(pipeline: Pipeline, reference: Reference): Wired | undefined {
    const { exporter, connector } = this.#sections
    const found = exporter.get(reference.id) ?? connector.get(reference.id)
    if (!found) {
      const candidates = [...exporter.keys(), ...connector.keys()]
      this.#undefined(reference, `pipeline "${pipeline.id}"`, 'exporter', candidates)
      return undefined
    }
    if (found.kind === 'connector') append(this.#endsIn, found, { pipeline, reference })
    else this.#supports(found, pipeline.signal, pipeline, reference)
    return this.#node(found)
  }

  #begin(pipeline: Pipeline, reference: Reference): Wired | undefined {
    const { receiver, connector } = this.#sections
    const found = receiver.get(reference.id) ?? connector.get(reference.id)
    if (!found) {
      const candidates = [...receiver.keys(), ...connector.keys()]
      this.#undefined(reference, `pipeline "${pipeline.id}"`, 'receiver', candidates)
      return undefined
    }
    if (found.kind === 'connector') append(this.#beginsWith, found, { pipeline, reference })
    else this.#supports(found, pipeline.signal, pipeline, reference)
    return this.#node(found)
  }

  #supports(found: Configured, signal: Signal, pipeline: Pipeline, reference: Reference): void {
    const signals = found.definition?.signals
    if (!signals || signals.includes(signal)) return
    this.#report(
      reference.range,
      `${found.kind} "${found.id}" cannot stand in pipeline "${pipeline.id}": it supports ${signals.join(', ')}, not ${signal}`,
    )
  }

  /** Each use of a connector on one side needs a use on the other side that it can convert to or from. */
  checkConnectors(): void {
    for (const connector of this.#sections.connector.values()) {
      const { definition } = connector
      const ends = this.#endsIn.get(connector) ?? []
      const begins = this.#beginsWith.get(connector) ?? []
      if (!definition) continue
      const converts = (from: Signal, to: Signal): boolean => definition.produces?.[from]?.includes(to) ?? false
      for (const { pipeline, reference } of ends) {
        if (begins.some((other) => converts(pipeline.signal, other.pipeline.signal))) continue
        const why = whyNot(`makes ${listed(definition.produces?.[pipeline.signal])} of ${pipeline.signal}`, begins)
        this.#report(
          reference.range,
          `connector "${connector.id}" is an exporter of pipeline "${pipeline.id}", but no pipeline begins with it that it can send to: ${why}`,
        )
      }
      for (const { pipeline, reference } of begins) {
        if (ends.some((other) => converts(other.pipeline.signal, pipeline.signal))) continue
        const from = definition.signals.filter((signal) => converts(signal, pipeline.signal))
        const why = whyNot(`makes ${pipeline.signal} of ${listed(from)}`, ends)
        this.#report(
          reference.range,
          `connector "${connector.id}" is a receiver of pipeline "${pipeline.id}", but no pipeline ends in it that it can take from: ${why}`,
        )
      }
    }
  }

  /** Telemetry must not come back to where it was: only connectors can lead it there. */
  checkCycles(): void {
    const edges = new Map([...this.nodes].map(([id, node]) => [id, new Set(Object.values(node.output).flat())]))
    for (const cycle of cyclesOf(edges)) {
      const connectors = cycle.map((id) => this.nodes.get(id)).filter((node) => node?.configured.kind === 'connector')
      for (const node of connectors) {
        if (node)
          this.#report(node.configured.keyRange, `cycle: telemetry comes back to where it was: ${cycle.join(', ')}`)
      }
    }
  }
}

function whyNot(what: string, others: readonly { readonly pipeline: Pipeline }[]): string {
  const names = others.map(({ pipeline }) => pipeline.id)
  return `it ${what}${names.length === 0 ? ', and is not used on the other side' : `, and the other side is ${names.join(', ')}`}`
}

function listed(signals: readonly Signal[] | undefined): string {
  return signals && signals.length > 0 ? signals.join(', ') : 'nothing'
}

function append<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const known = map.get(key)
  if (known) known.push(value)
  else map.set(key, [value])
}

function article(word: string): string {
  return /^[aeiou]/.test(word) ? 'an' : 'a'
}
