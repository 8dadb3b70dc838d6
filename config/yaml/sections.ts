// Reads the sections of a configuration: which components there are, which pipelines, and what they name.
import type { ComponentRegistry } from '../plan.ts'
import type { Signal, YamlDefinition, YamlKind } from '#component'
import type { Range } from '../alloy/ast.ts'
import { nearMiss } from '#lib/near_miss'
import type { Diagnostic } from '../diagnostics.ts'
import { idText, parseId } from './ids.ts'
import { entryRange, isNull, kindOfNode, type YamlEntry, type YamlMap, type YamlNode } from './tree.ts'

/** One component as it is configured. */
export interface Configured {
  readonly kind: YamlKind
  /** As pipelines name it. */
  readonly id: string
  readonly name: string
  /** Undefined: no such type; reported. */
  readonly definition: YamlDefinition | undefined
  readonly body: YamlNode
  readonly keyRange: Range
  /** Of the whole entry. */
  readonly range: Range
}

/** Names a component. */
export interface Reference {
  readonly id: string
  readonly range: Range
}

export interface Pipeline {
  /** `traces`, `traces/backend`. */
  readonly id: string
  readonly signal: Signal
  readonly range: Range
  readonly receivers: readonly Reference[]
  readonly processors: readonly Reference[]
  readonly exporters: readonly Reference[]
}

export interface Sections {
  readonly receiver: ReadonlyMap<string, Configured>
  readonly processor: ReadonlyMap<string, Configured>
  readonly exporter: ReadonlyMap<string, Configured>
  readonly connector: ReadonlyMap<string, Configured>
  readonly extension: ReadonlyMap<string, Configured>
  readonly extensionRefs: readonly Reference[]
  readonly pipelines: readonly Pipeline[]
  readonly telemetry: { readonly body: YamlNode; readonly range: Range } | undefined
}

const sectionNames = {
  receiver: 'receivers',
  processor: 'processors',
  exporter: 'exporters',
  connector: 'connectors',
  extension: 'extensions',
} as const satisfies Record<YamlKind, string>

export type ReportAt = (range: Range, message: string, hint?: string) => void

/** Everything that is wrong is reported; what is left out then is not mentioned a second time. */
export async function readSections(root: YamlMap, registry: ComponentRegistry, report: ReportAt): Promise<Sections> {
  const reader = new SectionReader(registry, report)
  reader.knownKeys(root, [...Object.values(sectionNames), 'service'], '')
  const components = {
    receiver: await reader.components('receiver', root),
    processor: await reader.components('processor', root),
    exporter: await reader.components('exporter', root),
    connector: await reader.components('connector', root),
    extension: await reader.components('extension', root),
  }
  const service = root.entries.get('service')
  const inside = service ? reader.mapOf(service, 'service') : undefined
  if (inside) reader.knownKeys(inside, ['telemetry', 'extensions', 'pipelines'], 'service')
  const telemetry = inside?.entries.get('telemetry')
  return {
    ...components,
    extensionRefs: reader.references(inside?.entries.get('extensions'), 'service.extensions'),
    pipelines: reader.pipelines(inside?.entries.get('pipelines'), service, root.range),
    telemetry: telemetry ? { body: telemetry.value, range: entryRange(telemetry) } : undefined,
  }
}

class SectionReader {
  readonly #registry: ComponentRegistry
  readonly #report: ReportAt

  constructor(registry: ComponentRegistry, report: ReportAt) {
    this.#registry = registry
    this.#report = report
  }

  knownKeys(map: YamlMap, names: readonly string[], where: string): void {
    for (const entry of map.entries.values()) {
      if (names.includes(entry.key)) continue
      const place = where === '' ? '' : ` in ${where}`
      this.#report(entry.keyRange, `unrecognized key "${entry.key}"${place}`, meant(entry.key, names))
    }
  }

  /** Undefined: null, or reported. */
  mapOf(entry: YamlEntry, what: string): YamlMap | undefined {
    if (entry.value.kind === 'map') return entry.value
    if (!isNull(entry.value)) {
      this.#report(entry.value.range, `${what} should be a map, got ${kindOfNode(entry.value)}`)
    }
    return undefined
  }

  async components(kind: YamlKind, root: YamlMap): Promise<Map<string, Configured>> {
    const found = new Map<string, Configured>()
    const section = root.entries.get(sectionNames[kind])
    const map = section ? this.mapOf(section, sectionNames[kind]) : undefined
    for (const entry of map?.entries.values() ?? []) {
      const id = this.#id(entry.key, entry.keyRange)
      if (!id) continue
      const text = idText(id)
      if (found.has(text)) {
        this.#report(entry.keyRange, `${kind} "${text}" is configured twice`)
        continue
      }
      const definition = await this.#registry.loadYaml(kind, id.type)
      if (!definition) this.#unknownType(kind, id.type, entry.keyRange)
      found.set(text, {
        kind,
        id: text,
        name: id.name,
        definition,
        body: entry.value,
        keyRange: entry.keyRange,
        range: entryRange(entry),
      })
    }
    return found
  }

  #unknownType(kind: YamlKind, type: string, range: Range): void {
    const prefix = `${kind}/`
    const types = this.#registry.yamlNames().flatMap((n) => (n.startsWith(prefix) ? [n.slice(prefix.length)] : []))
    const elsewhere = this.#registry.yamlNames().find((name) => name.endsWith(`/${type}`))
    const hint = elsewhere === undefined ? meant(type, types) : `there is ${elsewhere.replace('/', ' ')}`
    this.#report(range, `there is no ${kind} of type "${type}" in this build`, hint)
  }

  #id(text: string, range: Range) {
    try {
      return parseId(text)
    } catch (error) {
      this.#report(range, (error as Error).message)
      return undefined
    }
  }

  references(entry: YamlEntry | undefined, what: string): Reference[] {
    if (!entry || isNull(entry.value)) return []
    const { value } = entry
    if (value.kind !== 'list') {
      this.#report(value.range, `${what} should be a list of ids, got ${kindOfNode(value)}`)
      return []
    }
    const out: Reference[] = []
    for (const item of value.items) {
      if (item.kind !== 'scalar' || item.value === null) {
        this.#report(item.range, `${what} should hold ids, got ${kindOfNode(item)}`)
        continue
      }
      const id = this.#id(item.text, item.range)
      if (id) out.push({ id: idText(id), range: item.range })
    }
    return out
  }

  pipelines(entry: YamlEntry | undefined, service: YamlEntry | undefined, whole: Range): Pipeline[] {
    const map = entry ? this.mapOf(entry, 'service.pipelines') : undefined
    if (!map || map.entries.size === 0) {
      const wrong = entry && !isNull(entry.value) && entry.value.kind !== 'map'
      if (!wrong) {
        const range = entry?.keyRange ?? service?.keyRange ?? startOnly(whole)
        this.#report(range, 'service must have at least one pipeline')
      }
      return []
    }
    const found = new Map<string, Pipeline>()
    for (const one of map.entries.values()) {
      const pipeline = this.#pipeline(one)
      if (!pipeline) continue
      if (found.has(pipeline.id)) this.#report(one.keyRange, `pipeline "${pipeline.id}" is there twice`)
      else found.set(pipeline.id, pipeline)
    }
    return [...found.values()]
  }

  #pipeline(entry: YamlEntry): Pipeline | undefined {
    const id = this.#id(entry.key, entry.keyRange)
    if (!id) return undefined
    const { type } = id
    if (type === 'profiles') {
      this.#report(entry.keyRange, `pipeline "${entry.key}": profiles are not supported`)
      return undefined
    }
    if (type !== 'traces' && type !== 'metrics' && type !== 'logs') {
      const hint = meant(type, ['traces', 'metrics', 'logs'])
      this.#report(
        entry.keyRange,
        `pipeline "${entry.key}": unknown signal "${type}": it is one of traces, metrics, logs`,
        hint,
      )
      return undefined
    }
    const map = this.mapOf(entry, `pipeline "${entry.key}"`)
    if (!map && !isNull(entry.value)) return undefined
    const parts = ['receivers', 'processors', 'exporters'] as const
    if (map) this.knownKeys(map, parts, `pipeline "${entry.key}"`)
    const [receivers, processors, exporters] = parts.map((part) => {
      return this.references(map?.entries.get(part), `${part} of pipeline "${entry.key}"`)
    }) as [Reference[], Reference[], Reference[]]
    for (const part of ['receivers', 'exporters'] as const) {
      const given = map?.entries.get(part)
      const empty = !given || isNull(given.value) || (given.value.kind === 'list' && given.value.items.length === 0)
      if (!empty) continue
      const range = given?.keyRange ?? entry.keyRange
      this.#report(range, `pipeline "${entry.key}" must have at least one ${part.slice(0, -1)}`)
    }
    const twice = processors.filter((one, i) => processors.findIndex((other) => other.id === one.id) < i)
    for (const one of twice)
      this.#report(one.range, `pipeline "${entry.key}" names processor "${one.id}" several times`)
    return {
      id: idText(id),
      signal: type,
      range: entryRange(entry),
      receivers: unique(receivers),
      processors: unique(processors),
      exporters: unique(exporters),
    }
  }
}

function unique(references: readonly Reference[]): Reference[] {
  return references.filter((one, i) => references.findIndex((other) => other.id === one.id) === i)
}

export function meant(name: string, candidates: Iterable<string>): string | undefined {
  const near = nearMiss(name, candidates)
  return near === undefined ? undefined : `did you mean ${near}?`
}

function startOnly(range: Range): Range {
  return { start: range.start, end: range.start }
}

export function errorAt(range: Range, message: string, hint?: string): Diagnostic {
  return { severity: 'error', range, message, ...(hint === undefined ? {} : { hint }) }
}
