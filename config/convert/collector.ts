// The collector's configuration to Alloy's language: components with the same name there, connected by their outputs.
import type { ComponentDefinition, Settings, Signal } from '#component'
import { cyclesOf } from '../alloy/order.ts'
import type { ComponentRegistry } from '../plan.ts'
import { parseId } from '../yaml/ids.ts'
import { unfoldKeys } from '../yaml/merge.ts'
import { type Configured, readSections, type Sections } from '../yaml/sections.ts'
import { entryRange, isNull, type YamlEntry, type YamlMap, type YamlNode } from '../yaml/tree.ts'
import { wire, type Wired } from '../yaml/wiring.ts'
import { type AlloyBlock, attribute, block, labelOf, listLiteral, type Statement, stringLiteral } from './document.ts'
import type { Rule, Rules, Writer } from './writer.ts'

/** Components whose name in Alloy's language is not that of their type. */
const otherNames: Readonly<Record<string, string>> = {
  'extension/basicauth': 'otelcol.auth.basic',
  'extension/bearertokenauth': 'otelcol.auth.bearer',
  'extension/headers_setter': 'otelcol.auth.headers',
  'extension/oauth2client': 'otelcol.auth.oauth2',
  'extension/file_storage': 'otelcol.storage.file',
  'connector/grafanacloud': 'otelcol.connector.host_info',
}
/** Components that have a namesake which does something else. */
const namesakes = ['receiver/prometheus', 'exporter/prometheus']

const signals: readonly Signal[] = ['metrics', 'logs', 'traces']

/** Settings that the collector has zero for "not said". */
const keepDefaults: Readonly<Record<string, readonly string[]>> = {
  'receiver/otlp': ['max_request_body_size', 'compression_algorithms'],
  'processor/memory_limiter': ['check_interval', 'limit_percentage', 'spike_limit_percentage'],
}

/** One component of the result, which may stand for several nodes of the source. */
interface Made {
  readonly configured: Configured
  readonly name: string
  readonly label: string
  readonly definition: ComponentDefinition
  readonly output: Record<Signal, Set<string>>
}

/** Convert the map of a whole file. `writer` shows references to the environment by `referenceText`. */
export async function convertCollector(
  writer: Writer,
  root: YamlMap,
  registry: ComponentRegistry,
): Promise<AlloyBlock[]> {
  const unfolded = unfoldKeys(root)
  const sections = await readSections(unfolded, registry, (range, message, hint) => {
    writer.report('critical', range, hint === undefined ? message : `${message} (${hint})`)
  })
  const nodes = wire(sections, (range, message) => writer.report('critical', range, message))
  const faces = await alloyFaces(writer, registry, nodes)
  let made = components(nodes, faces, false)
  // Pipelines of one name share their processors, unless telemetry would come back to where it was.
  if (cyclesOf(edgesOf(made)).length > 0) made = components(nodes, faces, true)
  const converter = new CollectorConverter(writer, sections, made)
  const logging = converter.telemetry()
  const inOrder = [...made.values()].sort((a, b) => rank(a) - rank(b))
  const blocks = inOrder.map((one) => converter.component(one))
  return [...logging, ...blocks]
}

const kinds = ['extension', 'receiver', 'processor', 'connector', 'exporter']

/** By kind, then as in the source. */
function rank({ configured }: Made): number {
  return kinds.indexOf(configured.kind) * 2 ** 40 + configured.keyRange.start.offset
}

/** The definitions in Alloy's language of the nodes' components; those without any are reported and left out. */
async function alloyFaces(
  writer: Writer,
  registry: ComponentRegistry,
  nodes: ReadonlyMap<string, Wired>,
): Promise<ReadonlyMap<Configured, ComponentDefinition>> {
  const faces = new Map<Configured, ComponentDefinition>()
  const absent = new Set<Configured>()
  for (const { configured } of nodes.values()) {
    const { kind, definition } = configured
    if (!definition || faces.has(configured) || absent.has(configured)) continue
    const [type] = definition.types
    const found = namesakes.includes(`${kind}/${type}`)
      ? undefined
      : await firstOf(registry, [
          otherNames[`${kind}/${type}`],
          ...definition.types.map((one) => `otelcol.${kind}.${one}`),
          `otelcol.${kind}.${type.replaceAll('_', '')}`,
        ])
    if (found) faces.set(configured, found)
    else {
      absent.add(configured)
      writer.lacks(configured.keyRange, `the ${kind} "${configured.id}"`)
    }
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

/**
 * The components by the id of a node. Processors are one for each name of pipelines, or (`apart`) for each pipeline. Labels
 * are those of Alloy's own conversion: `default`, or the names of pipeline and component.
 */
function components(
  nodes: ReadonlyMap<string, Wired>,
  faces: ReadonlyMap<Configured, ComponentDefinition>,
  apart: boolean,
): Map<string, Made> {
  const groupOf = (pipelineId: string): string => parseId(pipelineId).name
  const firstGroups = new Map<string, string>()
  for (const { pipeline, output, nodeId } of nodes.values()) {
    if (!pipeline) continue
    for (const signal of signals) {
      for (const to of output[signal]) if (!firstGroups.has(to)) firstGroups.set(to, groupOf(pipeline.id))
    }
    if (!firstGroups.has(nodeId)) firstGroups.set(nodeId, groupOf(pipeline.id))
  }
  const byId = new Map<string, Made>()
  const byName = new Map<string, Made>()
  for (const { nodeId, configured, pipeline } of nodes.values()) {
    const definition = faces.get(configured)
    if (!definition) continue
    const group = pipeline ? groupOf(pipeline.id) : ''
    const parts = [group, ...(apart && pipeline ? [parseId(pipeline.id).type] : []), configured.name]
    const label = parts.every((part) => part === '') ? 'default' : labelText(configured, parts)
    const id = `${definition.name}.${label}`
    const made = byName.get(id) ?? {
      configured,
      name: definition.name,
      label,
      definition,
      output: { metrics: new Set<string>(), logs: new Set<string>(), traces: new Set<string>() },
    }
    byName.set(id, made)
    byId.set(nodeId, made)
  }
  for (const { nodeId, output } of nodes.values()) {
    const from = byId.get(nodeId)
    for (const signal of signals) {
      for (const to of output[signal]) {
        for (const next of reached(nodes, byId, to, signal)) from?.output[signal].add(`${next.name}.${next.label}`)
      }
    }
  }
  return byName
}

function labelText(configured: Configured, parts: readonly string[]): string {
  const shown = configured.kind === 'processor' ? parts.map((part) => part || 'default') : [configured.name]
  return labelOf(shown.join('_')) ?? 'default'
}

/** The component behind a node; where it has no counterpart and is a processor, those that it would send to. */
function reached(
  nodes: ReadonlyMap<string, Wired>,
  byId: ReadonlyMap<string, Made>,
  nodeId: string,
  signal: Signal,
): Made[] {
  const made = byId.get(nodeId)
  if (made) return [made]
  const node = nodes.get(nodeId)
  if (node?.configured.kind !== 'processor') return []
  return node.output[signal].flatMap((to) => reached(nodes, byId, to, signal))
}

function edgesOf(made: ReadonlyMap<string, Made>): Map<string, Set<string>> {
  return new Map([...made].map(([id, { output }]) => [id, new Set(signals.flatMap((one) => [...output[one]]))]))
}

class CollectorConverter {
  readonly #writer: Writer
  readonly #sections: Sections
  readonly #extensions: ReadonlyMap<string, string>

  constructor(writer: Writer, sections: Sections, made: ReadonlyMap<string, Made>) {
    this.#writer = writer
    this.#sections = sections
    const extensions = [...made.values()].filter(({ configured }) => configured.kind === 'extension')
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

  component({ configured, name, label, definition, output }: Made): AlloyBlock {
    const { kind, body, definition: source } = configured
    const type = `${kind}/${source?.types[0] ?? ''}`
    const given: YamlMap = body.kind === 'map' ? body : { kind: 'map', entries: new Map(), range: configured.range }
    const map = completed(type, given)
    const keep = keepDefaults[type]
    const statements = this.#writer.body(
      definition.settings,
      map,
      this.#rules(type, definition.settings, source?.settings),
      {
        schema: source?.settings ?? definition.settings,
        ...(keep === undefined ? {} : { keep }),
      },
    )
    this.#writer.report('info', configured.keyRange, `the ${kind} "${configured.id}" became ${name}.${label}`)
    if (!Object.hasOwn(definition.settings.fields, 'output')) return block(name, label, ...statements)
    const outputs = signals.flatMap((signal) => {
      const inputs = [...output[signal]].map((id) => `${id}.input`)
      return inputs.length === 0 ? [] : [attribute(signal, listLiteral(inputs))]
    })
    return block(name, label, ...statements, block('output', undefined, ...outputs))
  }

  #rules(type: string, schema: Settings<object>, source: Settings<object> | undefined): Rules {
    switch (type) {
      case 'receiver/otlp':
        return { protocols: (entry) => this.#flattened(schema, source?.fields['protocols'], entry) }
      case 'processor/memory_limiter':
        return {
          limit_mib: (entry) => this.#mebibytes('limit', entry),
          spike_limit_mib: (entry) => this.#mebibytes('spike_limit', entry),
        }
      case 'processor/transform':
        return Object.fromEntries(
          ['trace', 'metric', 'log'].map((signal): [string, Rule] => [
            `${signal}_statements`,
            (entry) => this.#statements(schema, signal, entry),
          ]),
        )
      case 'connector/span_metrics':
        return { aggregation_temporality: (entry) => this.#temporality(entry) }
      default:
        return {}
    }
  }

  /** The sections of `protocols` stand in the component's block itself. */
  #flattened(
    schema: Settings<object>,
    field: Settings<object>['fields'][string] | undefined,
    entry: YamlEntry,
  ): Statement[] {
    const map = this.#writer.map(entry)
    const keep = keepDefaults['receiver/otlp'] ?? []
    if (!map || field?.kind !== 'block') return []
    const fields = Object.fromEntries(
      Object.entries(schema.fields).filter(([key]) => Object.hasOwn(field.schema.fields, key)),
    )
    return this.#writer.body({ ...schema, fields }, map, {}, { schema: field.schema, keep })
  }

  #mebibytes(name: string, { value }: YamlEntry): Statement[] {
    const count = this.#writer.expression('uint', value)
    return count === undefined || count === '0' ? [] : [attribute(name, stringLiteral(`${count}MiB`))]
  }

  #temporality({ value }: YamlEntry): Statement[] {
    const text = value.kind === 'scalar' ? value.text.replace('AGGREGATION_TEMPORALITY_', '') : ''
    return text === '' || text === 'CUMULATIVE' ? [] : [attribute('aggregation_temporality', stringLiteral(text))]
  }

  /** Groups are blocks of their own, bare statements stand together. */
  #statements(schema: Settings<object>, signal: string, entry: YamlEntry): Statement[] {
    const { value, key } = entry
    const field = schema.fields[key]
    if (value.kind !== 'list' || field?.kind !== 'blocks') return []
    const bare = value.items.filter((item) => item.kind === 'scalar')
    const groups = value.items.filter((item) => item.kind === 'map')
    const out: Statement[] = groups.map((group) => block(key, undefined, ...this.#writer.body(field.schema, group)))
    if (bare.length === 0) return out
    if (groups.length > 0) {
      this.#writer.report(
        'warning',
        entryRange(entry),
        'statements without a context run behind the groups, not between them',
      )
    }
    const list = listLiteral(bare.map((one) => this.#writer.expression('string', one) ?? '""'))
    return [...out, block('statements', undefined, attribute(signal, list))]
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

/** What the collector does where nothing is said, and what has to be said in Alloy's language. */
function completed(type: string, map: YamlMap): YamlMap {
  const { entries, range } = map
  const put = (key: string, value: YamlNode, into: YamlMap): YamlMap => ({
    ...into,
    entries: new Map([...into.entries, [key, { key, keyRange: range, value }]]),
  })
  const empty: YamlMap = { kind: 'map', entries: new Map(), range }
  if (type === 'connector/span_metrics') {
    const given = entries.get('histogram')?.value
    const histogram = given?.kind === 'map' ? given : empty
    const hasKind = histogram.entries.has('explicit') || histogram.entries.has('exponential')
    return hasKind ? map : put('histogram', put('explicit', empty, histogram), map)
  }
  const limit = entries.get('limit_percentage')?.value
  if (
    type === 'processor/memory_limiter' &&
    limit?.kind === 'scalar' &&
    typeof limit.value === 'bigint' &&
    !entries.has('spike_limit_percentage')
  ) {
    // A spike of zero stands for a fifth of the limit.
    const spike = Math.max(Math.round(Number(limit.value) / 5), 1)
    return put('spike_limit_percentage', { kind: 'scalar', value: BigInt(spike), text: String(spike), range }, map)
  }
  return map
}

/** A text of the source as an expression: `${env:X}` is read from the environment, `$$` is a dollar sign. */
export function referenceText(text: string): string {
  const parts: string[] = []
  let plain = ''
  let end = 0
  for (const match of text.matchAll(/\$\$|\$\{(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g)) {
    plain += text.slice(end, match.index)
    end = match.index + match[0].length
    if (match[1] === undefined) {
      plain += '$'
      continue
    }
    if (plain !== '') parts.push(stringLiteral(plain))
    plain = ''
    const read = `sys.env(${stringLiteral(match[1])})`
    parts.push(match[2] === undefined ? read : `coalesce(${read}, ${stringLiteral(match[2])})`)
  }
  plain += text.slice(end)
  if (plain !== '' || parts.length === 0) parts.push(stringLiteral(plain))
  return parts.join(' + ')
}
