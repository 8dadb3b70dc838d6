// The collector's configuration to Alloy's language: components with the same name there, connected by their outputs.
import type { ComponentDefinition, Signal, YamlDefinition } from '#component'
import { absentComponents } from '../alloy_shapes/catalog.ts'
import { registryWithAbsent } from '../alloy_shapes/registry.ts'
import { cyclesOf } from '../alloy/order.ts'
import type { ComponentRegistry } from '../plan.ts'
import { parseId } from '../yaml/ids.ts'
import { unfoldKeys } from '../yaml/merge.ts'
import { type Configured, type Pipeline, readSections, type Sections } from '../yaml/sections.ts'
import { entryRange, isNull, type YamlMap, type YamlNode } from '../yaml/tree.ts'
import { wire } from '../yaml/wiring.ts'
import { readingOf } from './collector_rules.ts'
import { type AlloyBlock, attribute, block, labelOf, listLiteral, type Statement, stringLiteral } from './document.ts'
import type { Writer } from './writer.ts'

/** Components whose name in Alloy's language is not that of their type. */
const otherNames: Readonly<Record<string, string>> = {
  'extension/basicauth': 'otelcol.auth.basic',
  'extension/bearertokenauth': 'otelcol.auth.bearer',
  'extension/headers_setter': 'otelcol.auth.headers',
  'extension/oauth2client': 'otelcol.auth.oauth2',
  'extension/file_storage': 'otelcol.storage.file',
  'connector/grafanacloud': 'otelcol.connector.host_info',
  'extension/jaegerremotesampling': 'otelcol.extension.jaeger_remote_sampling',
  'extension/sigv4auth': 'otelcol.auth.sigv4',
  'receiver/filestats': 'otelcol.receiver.file_stats',
}
/** Components that have a namesake which does something else. */
const namesakes = ['receiver/prometheus', 'exporter/prometheus']

const signals: readonly Signal[] = ['metrics', 'logs', 'traces']

/** One component of the result, which may stand for several nodes of the source. */
export interface Made {
  readonly configured: Configured
  readonly name: string
  readonly label: string
  readonly definition: ComponentDefinition
  readonly output: Record<Signal, Set<string>>
}

/** Pipelines of one name, which share their processors and exporters. */
interface Group {
  readonly name: string
  readonly pipelines: readonly Pipeline[]
}

export interface CollectorOptions {
  /** Of labels, where a file holds several configurations. */
  readonly prefix?: string
  /** Components that are neither in this build nor in Alloy's tables: blocks by `kind/type`. */
  readonly own?: ReadonlyMap<string, OwnComponent>
}

/** A component that a source brings in itself. */
export interface OwnComponent {
  /** In Alloy's language; what others send to. */
  readonly name: string
  /** Expressions of the outputs by signal. */
  blocks(label: string, map: YamlMap, outputs: readonly Statement[]): Promise<AlloyBlock[]>
}

/** Convert the map of a whole file. `writer` shows references to the environment by `referenceText`. */
export async function convertCollector(
  writer: Writer,
  root: YamlMap,
  registry: ComponentRegistry,
  options: CollectorOptions = {},
): Promise<AlloyBlock[]> {
  const unfolded = unfoldKeys(root)
  const known = withAbsentTypes(registry, options)
  const sections = await readSections(unfolded, known, (range, message, hint) => {
    writer.report('critical', range, hint === undefined ? message : `${message} (${hint})`)
  })
  const nodes = wire(sections, (range, message) => {
    // The other pipelines of the component can be converted.
    writer.report(message.includes('cannot stand in pipeline') ? 'error' : 'critical', range, message)
  })
  const used = [...new Set([...nodes.values()].map(({ configured }) => configured))]
  const faces = await alloyFaces(writer, known, used, options)
  // Pipelines of one name share their processors, unless telemetry would come back to where it was.
  let made = new Components(sections, faces, options, false).inOrder()
  if (cyclesOf(edgesOf(made)).length > 0) made = new Components(sections, faces, options, true).inOrder()
  const converter = new CollectorConverter(writer, sections, made, options)
  const blocks: AlloyBlock[] = converter.telemetry()
  for (const one of made) blocks.push(...(await converter.component(one)))
  return blocks
}

/** The definitions in Alloy's language of the nodes' components; those without any are reported and left out. */
async function alloyFaces(
  writer: Writer,
  registry: ComponentRegistry,
  used: readonly Configured[],
  options: CollectorOptions,
): Promise<ReadonlyMap<Configured, ComponentDefinition>> {
  const faces = new Map<Configured, ComponentDefinition>()
  for (const configured of used) {
    const { kind, definition } = configured
    if (!definition) continue
    const [type] = definition.types
    const own = options.own?.get(`${kind}/${type}`)?.name
    const found = namesakes.includes(`${kind}/${type}`)
      ? undefined
      : await firstOf(registry, [
          own ?? otherNames[`${kind}/${type}`],
          ...definition.types.map((one) => `otelcol.${kind}.${one}`),
          `otelcol.${kind}.${type.replaceAll('_', '')}`,
        ])
    if (found) {
      faces.set(configured, found)
      if (isAbsent(found)) writer.onlyAlloy(found.name, configured.keyRange)
    } else writer.lacks(configured.keyRange, `the ${kind} "${configured.id}"`)
  }
  return faces
}

async function firstOf(
  registry: ComponentRegistry,
  names: readonly (string | undefined)[],
): Promise<ComponentDefinition | undefined> {
  for (const name of names) {
    const found = name === undefined ? undefined : await registry.load(name)
    if (found) return found
  }
  return undefined
}

const kinds = ['receiver', 'processor', 'exporter', 'connector'] as const

/**
 * The components of the result. Receivers stand once, in the first group that names them, connectors too; processors and
 * exporters once for each group, or (`apart`) processors for each pipeline. Labels are those of Alloy's own conversion:
 * `default`, or the names of group and component.
 */
class Components {
  readonly #sections: Sections
  readonly #faces: ReadonlyMap<Configured, ComponentDefinition>
  readonly #options: CollectorOptions
  readonly #apart: boolean
  readonly #made = new Map<string, Made>()
  /** Those that stand once, by what is configured. */
  readonly #single = new Map<Configured, Made>()

  constructor(
    sections: Sections,
    faces: ReadonlyMap<Configured, ComponentDefinition>,
    options: CollectorOptions,
    apart: boolean,
  ) {
    this.#sections = sections
    this.#faces = faces
    this.#options = options
    this.#apart = apart
  }

  inOrder(): Made[] {
    for (const { id } of this.#sections.extensionRefs) {
      const found = this.#sections.extension.get(id)
      if (found) this.#one(found, '')
    }
    const groups = this.#groups()
    for (const group of groups) for (const kind of kinds) this.#ofKind(kind, group)
    for (const group of groups) for (const pipeline of group.pipelines) this.#connect(pipeline, group)
    return [...this.#made.values()]
  }

  /** By their names; metrics, logs, traces in each. */
  #groups(): Group[] {
    const names = [...new Set(this.#sections.pipelines.map(({ id }) => parseId(id).name))].sort()
    return names.map((name) => ({
      name,
      pipelines: this.#sections.pipelines
        .filter(({ id }) => parseId(id).name === name)
        .toSorted((a, b) => signals.indexOf(a.signal) - signals.indexOf(b.signal)),
    }))
  }

  #ofKind(kind: (typeof kinds)[number], { name, pipelines }: Group): void {
    for (const pipeline of pipelines) {
      const { receivers, processors, exporters } = pipeline
      const references = kind === 'receiver' ? receivers : kind === 'processor' ? processors : exporters
      for (const { id } of references) {
        const found = this.#sections[kind].get(id)
        if (!found) continue
        const signal = kind === 'processor' && this.#apart ? pipeline.signal : undefined
        this.#one(found, name, signal)
      }
    }
  }

  #one(configured: Configured, group: string, signal?: Signal): Made | undefined {
    const definition = this.#faces.get(configured)
    const { kind } = configured
    // One file has one writer.
    const isFile = kind === 'exporter' && configured.definition?.types[0] === 'file'
    const once = kind === 'receiver' || kind === 'connector' || isFile
    const known = once ? this.#single.get(configured) : undefined
    if (!definition || known) return known
    const label = this.#label(configured, group, signal)
    const id = `${definition.name}.${label}`
    const made = this.#made.get(id) ?? {
      configured,
      name: definition.name,
      label,
      definition,
      output: { metrics: new Set<string>(), logs: new Set<string>(), traces: new Set<string>() },
    }
    this.#made.set(id, made)
    if (once) this.#single.set(configured, made)
    return made
  }

  #label({ name }: Configured, group: string, signal?: Signal): string {
    const parts = group === '' && name === '' && !signal ? ['default'] : [group || 'default', signal, name || 'default']
    const given = parts.filter((part) => part !== undefined && part !== '')
    return labelOf([this.#options.prefix ?? '', ...given].filter((part) => part !== '').join('_')) ?? 'default'
  }

  #connect({ signal, receivers, processors, exporters }: Pipeline, { name }: Group): void {
    const { receiver, connector, processor, exporter } = this.#sections
    const ends = exporters.flatMap(({ id }) => {
      const found = exporter.get(id) ?? connector.get(id)
      return (found && this.#one(found, name)) ?? []
    })
    let next: readonly Made[] = ends
    const send = (from: Made): void => {
      for (const to of next) from.output[signal].add(`${to.name}.${to.label}`)
    }
    for (const { id } of processors.toReversed()) {
      const found = processor.get(id)
      const made = found && this.#one(found, name, this.#apart ? signal : undefined)
      // What has no counterpart is stepped over.
      if (!made) continue
      send(made)
      next = [made]
    }
    for (const { id } of receivers) {
      const found = receiver.get(id) ?? connector.get(id)
      const made = found && this.#one(found, name)
      if (made) send(made)
    }
  }
}

function edgesOf(made: readonly Made[]): Map<string, Set<string>> {
  return new Map(
    made.map(({ name, label, output }) => [`${name}.${label}`, new Set(signals.flatMap((one) => [...output[one]]))]),
  )
}

function isAbsent({ name }: ComponentDefinition): boolean {
  return absentComponents.has(name)
}

/** `registry` with the types that only Alloy has, and those that the source brings in itself. */
function withAbsentTypes(registry: ComponentRegistry, { own }: CollectorOptions): ComponentRegistry {
  const known = registryWithAbsent(registry)
  return {
    ...known,
    async loadYaml(kind, type): Promise<YamlDefinition | undefined> {
      const found = await registry.loadYaml(kind, type)
      if (found) return found
      const key = `${kind}/${type}`
      const name = own?.get(key)?.name ?? otherNames[key]
      const definition = await firstOf(known, [
        name,
        `otelcol.${kind}.${type}`,
        `otelcol.${kind}.${type.replaceAll('_', '')}`,
      ])
      if (!definition || (!own?.has(key) && !isAbsent(definition))) return undefined
      return {
        kind,
        types: [type],
        stability: 'generally-available',
        doc: '',
        signals,
        produces: { metrics: signals, logs: signals, traces: signals },
        settings: definition.settings,
        create: (): never => {
          throw new Error(`Cannot make ${type}: this build lacks it`)
        },
      }
    },
  }
}

class CollectorConverter {
  readonly #writer: Writer
  readonly #sections: Sections
  readonly #extensions: ReadonlyMap<string, string>
  readonly #own: ReadonlyMap<string, OwnComponent> | undefined

  constructor(writer: Writer, sections: Sections, made: readonly Made[], options: CollectorOptions) {
    this.#writer = writer
    this.#sections = sections
    this.#own = options.own
    const extensions = made.filter(({ configured }) => configured.kind === 'extension')
    this.#extensions = new Map(extensions.map(({ configured, name, label }) => [configured.id, `${name}.${label}`]))
    writer.handler = (node) => this.#handler(node)
  }

  /** `auth: {authenticator: ID}`, `storage: ID`: the extension's handler. */
  #handler(node: YamlNode): string | undefined {
    const named = node.kind === 'map' ? node.entries.get('authenticator')?.value : node
    if (named?.kind !== 'scalar') return undefined
    const extension = this.#extensions.get(named.text)
    if (extension !== undefined) return `${extension}.handler`
    if (
      !this.#sections.extension.has(named.text) ||
      !this.#sections.extensionRefs.some(({ id }) => id === named.text)
    ) {
      this.#writer.report('critical', named.range, `there is no running extension "${named.text}"`)
    }
    return undefined
  }

  async component({ configured, name, label, definition, output }: Made): Promise<AlloyBlock[]> {
    const { kind, body, definition: source } = configured
    const type = `${kind}/${source?.types[0] ?? ''}`
    const given: YamlMap = body.kind === 'map' ? body : { kind: 'map', entries: new Map(), range: configured.range }
    this.#writer.report('info', configured.keyRange, `the ${kind} "${configured.id}" became ${name}.${label}`)
    const supported = kind === 'processor' ? (source?.signals ?? signals) : signals
    const outputs = signals
      .filter((signal) => supported.includes(signal))
      .flatMap((signal) => {
        const inputs = [...output[signal]].map((id) => `${id}.input`)
        return inputs.length === 0 ? [] : [attribute(signal, listLiteral(inputs))]
      })
    const own = this.#own?.get(type)
    if (own) return own.blocks(label, given, outputs)
    const reading = readingOf(type, this.#writer, definition.settings, source?.settings)
    const map = reading.prepare?.(given) ?? given
    const { keep, always, said, rules = {} } = reading
    const statements = this.#writer.body(
      definition.settings,
      map,
      rules,
      source && !isAbsent(definition)
        ? {
            schema: source.settings,
            ...(keep ? { keep } : {}),
            ...(always ? { always } : {}),
            ...(said ? { said } : {}),
          }
        : undefined,
    )
    const before = reading.before?.(label, given) ?? []
    const extra = reading.extra?.(label, given) ?? []
    const all = [...statements, ...extra]
    if (!Object.hasOwn(definition.settings.fields, 'output')) return [...before, block(name, label, ...all)]
    return [...before, block(name, label, ...all, block('output', undefined, ...outputs))]
  }

  /** `logging`, for the level of own log lines; other telemetry of the process has no counterpart. */
  telemetry(): AlloyBlock[] {
    const telemetry = this.#sections.telemetry?.body
    if (telemetry?.kind !== 'map') return []
    const logs = this.#writer.map(telemetry.entries.get('logs'))
    for (const entry of telemetry.entries.values()) {
      if (entry.key !== 'logs' && !isNull(entry.value))
        this.#writer.lacks(entryRange(entry), `service.telemetry.${entry.key}`)
    }
    const body: Statement[] = []
    for (const { key, keyRange, value } of logs?.entries.values() ?? []) {
      const text = value.kind === 'scalar' ? value.text.toLowerCase() : ''
      if (key === 'level' && ['debug', 'info', 'warn', 'error'].includes(text)) {
        if (text !== 'info') body.push(attribute('level', stringLiteral(text)))
      } else if (key === 'encoding' && (text === 'json' || text === 'console')) {
        if (text === 'json') body.push(attribute('format', '"json"'))
      } else if (!isNull(value)) this.#writer.lacks(keyRange, `service.telemetry.logs.${key}`)
    }
    return body.length === 0 ? [] : [block('logging', undefined, ...body)]
  }
}

/** A text of the source as an expression: `${env:X}` is read from the environment, `$$` is a dollar sign. */
export function referenceText(text: string): string {
  const parts: string[] = []
  let plain = ''
  let at = 0
  while (at < text.length) {
    const reference = text[at] === '$' ? referenceAt(text, at) : undefined
    if (reference) {
      if (plain !== '') parts.push(stringLiteral(plain))
      plain = ''
      parts.push(`coalesce(sys.env(${stringLiteral(reference.name)}), ${stringLiteral(reference.otherwise)})`)
      at = reference.end
      continue
    }
    plain += text[at]
    at += text.startsWith('$$', at) ? 2 : 1
  }
  if (plain !== '' || parts.length === 0) parts.push(stringLiteral(plain))
  return parts.join(' + ')
}

/** The reference that begins at `at`, up to its brace: there may be pairs of braces in what stands for an absent variable. */
function referenceAt(text: string, at: number): { name: string; otherwise: string; end: number } | undefined {
  const head = /\$\{(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(:-|\})/y
  head.lastIndex = at
  const [whole, name, mark] = head.exec(text) ?? []
  if (whole === undefined || name === undefined) return undefined
  const start = at + whole.length
  if (mark === '}') return { name, otherwise: '', end: start }
  let depth = 1
  for (let i = start; i < text.length; i++) {
    if (text[i] === '{') depth++
    else if (text[i] === '}' && --depth === 0) return { name, otherwise: text.slice(start, i), end: i + 1 }
  }
  return undefined
}
