// Decodes a map of YAML by a settings schema; what is wrong comes back with its place in the source.
//
// Values are taken as upstream's decoding takes them. Null leaves a setting as if it were absent. A section that is present
// but null has its defaults (or is absent, as its schema says), and `enabled: false` switches it off. Durations are texts
// or whole nanoseconds; a text is no number; texts may be written as numbers or booleans and keep their looks.
import {
  type AttributeField,
  type AttributeInput,
  type BlockField,
  type BlockInput,
  type BodyInput,
  decodeBody,
  type Field,
  type Issue,
  type Settings,
  type Type,
  type Value,
} from '#component'
import type { Range } from '../alloy/ast.ts'
import { nearMiss } from '#lib/near_miss'
import type { Diagnostic } from '../diagnostics.ts'
import { entryRange, isNull, kindOfNode, valueOf, type YamlEntry, type YamlMap, type YamlNode } from './tree.ts'

export interface BodyContext {
  /** The value that refers to the extension with this id; undefined: it was reported that there is none. */
  handler(id: string, range: Range): Value | undefined
  /** The value for the pipeline with this id, which has to begin with the connector; undefined: reported that none does. */
  pipeline(id: string, range: Range): Value | undefined
  report(diagnostic: Diagnostic): void
}

/** Settings that refer to extensions by id. */
const handlerType = 'otelcol.Handler'
/** Settings of connectors that refer to pipelines by id. */
const pipelineType = 'otelcol.Pipeline'

export interface DecodedBody<S extends object> {
  /** Undefined where there are errors, or where an extension's export is not known yet. */
  readonly settings: S | undefined
  /** The whole as one value, for comparing two evaluations. */
  readonly value: Value
}

/** Decode `node` (a map, or null for one without entries); `whole` is where something missing is reported. */
export function decodeMap<S extends object>(
  schema: Settings<S>,
  node: YamlNode,
  whole: Range,
  context: BodyContext,
): DecodedBody<S> {
  const reader = new BodyReader(context)
  const { input, value } = reader.body(schema as Settings<object>, node, whole)
  const settings = decodeBody(schema, input, (issue) => reader.issue(issue))
  return { settings: reader.failed ? undefined : settings, value }
}

interface Place {
  readonly range: Range
  /** The value, for paths that lead on into it. */
  readonly node?: YamlNode
}

interface Read {
  readonly input: BodyInput
  readonly value: Value
}

class BodyReader {
  failed = false
  readonly #context: BodyContext
  readonly #places = new Map<object, Place>()

  constructor(context: BodyContext) {
    this.#context = context
  }

  #error(range: Range, message: string, hint?: string): void {
    this.failed = true
    this.#context.report({ severity: 'error', range, message, ...(hint === undefined ? {} : { hint }) })
  }

  /** `key`: for messages. */
  body(schema: Settings<object>, node: YamlNode, whole: Range, key = ''): Read {
    const attributes: AttributeInput[] = []
    const blocks: BlockInput[] = []
    const shape = new Map<string, Value>()
    if (node.kind === 'map') {
      for (const entry of node.entries.values()) {
        const field = Object.hasOwn(schema.fields, entry.key) ? schema.fields[entry.key] : undefined
        if (!field) this.#unknownKey(schema, entry)
        else if (field.kind === 'attribute') this.#attribute(field, entry, attributes, shape)
        else this.#sections(field, entry, blocks, shape)
      }
    } else if (!isNull(node)) {
      this.#error(
        node.range,
        `${key === '' ? 'settings' : JSON.stringify(key)} should be a map, got ${kindOfNode(node)}`,
      )
    }
    const input: BodyInput = { attributes, blocks }
    this.#places.set(input, { range: whole, node })
    return { input, value: shape }
  }

  #unknownKey(schema: Settings<object>, entry: YamlEntry): void {
    const near = nearMiss(entry.key, Object.keys(schema.fields))
    const hint = near === undefined ? undefined : `did you mean ${near}?`
    this.#error(entry.keyRange, `unrecognized key "${entry.key}"`, hint)
  }

  #attribute(
    field: AttributeField<unknown>,
    entry: YamlEntry,
    attributes: AttributeInput[],
    shape: Map<string, Value>,
  ): void {
    if (isNull(entry.value) && field.type.name !== 'any' && !meansText(field.type, entry.value)) return
    const value = this.#value(field.type.name, entry.value)
    const input: AttributeInput = { name: entry.key, value }
    this.#places.set(input, { range: entryRange(entry), node: entry.value })
    attributes.push(input)
    shape.set(entry.key, value ?? null)
  }

  #sections(
    field: Exclude<Field<unknown>, AttributeField<unknown>>,
    entry: YamlEntry,
    blocks: BlockInput[],
    shape: Map<string, Value>,
  ): void {
    const { key, value: node } = entry
    if (field.kind === 'block') {
      if (isNull(node) && field.whenNull === 'absent') return
      const { rest, enabled } = this.#enabled(field, node)
      const inside = this.body(field.schema, rest, entryRange(entry), key)
      if (!enabled) return
      this.#section(key, entryRange(entry), node, inside, blocks)
      shape.set(key, inside.value)
      return
    }
    if (isNull(node)) return
    if (field.kind === 'variants') {
      this.#error(node.range, `"${key}" can only be written in Alloy's language`)
      return
    }
    if (node.kind !== 'list') {
      this.#error(node.range, `"${key}" should be a list of maps, got ${kindOfNode(node)}`)
      return
    }
    const values = node.items.map((item) => {
      const inside = this.body(field.schema, item, item.range, key)
      this.#section(key, item.range, item, inside, blocks)
      return inside.value
    })
    shape.set(key, values)
  }

  /** A section that may be absent can be switched off where it is written, by `enabled: false`. */
  #enabled(field: BlockField<unknown>, node: YamlNode): { rest: YamlNode; enabled: boolean } {
    const given = node.kind === 'map' ? node.entries.get('enabled') : undefined
    if (node.kind !== 'map' || !given || field.whenAbsent === 'defaults' || field.required)
      return { rest: node, enabled: true }
    if (Object.hasOwn(field.schema.fields, 'enabled')) return { rest: node, enabled: true }
    const enabled = given.value.kind === 'scalar' ? given.value.value : undefined
    if (typeof enabled !== 'boolean') {
      this.#error(given.value.range, `"enabled" should be bool, got ${kindOfNode(given.value)}`)
    }
    const entries = new Map(node.entries)
    entries.delete('enabled')
    return { rest: { ...node, entries }, enabled: enabled !== false }
  }

  #section(name: string, range: Range, node: YamlNode, inside: Read, blocks: BlockInput[]): void {
    const input: BlockInput = { name, body: inside.input }
    this.#places.set(input, { range, node })
    blocks.push(input)
  }

  /** What a setting of a type of this name gets. Undefined: something is wrong and was reported. */
  #value(name: string, node: YamlNode): Value | undefined {
    if (name === handlerType) return this.#handler(node)
    if (name === pipelineType) return this.#pipeline(node)
    const [, kind, element = 'any'] = /^(list|map)\((.*)\)$/s.exec(name) ?? []
    if (kind === 'list') return this.#list(element, node)
    if (kind === 'map' && node.kind === 'map') {
      const out = new Map<string, Value>()
      for (const [key, entry] of node.entries) out.set(key, this.#value(element, entry.value) ?? null)
      return out
    }
    // Headers may be written as a list of names and values too.
    if (kind === 'map' && node.kind === 'list' && textTypes.has(element)) {
      return node.items.map((item) => this.#value(item.kind === 'map' ? name : element, item) ?? null)
    }
    if (textTypes.has(name)) return textOf(node)
    if (node.kind !== 'scalar') return valueOf(node)
    if (name === 'duration') {
      if (typeof node.value === 'bigint') return `${node.value}ns`
      if (typeof node.value === 'number' && Number.isFinite(node.value)) return `${Math.trunc(node.value)}ns`
    }
    if (numberTypes.has(name) && typeof node.value === 'string') {
      this.#error(node.range, `${JSON.stringify(node.value)} should be ${name}, got string`)
      return undefined
    }
    return node.value
  }

  #handler(node: YamlNode): Value | undefined {
    if (node.kind === 'scalar' && typeof node.value === 'string') {
      const handler = this.#context.handler(node.value, node.range)
      if (handler === undefined) this.failed = true
      return handler
    }
    this.#error(node.range, `should be the id of an extension, got ${kindOfNode(node)}`)
    return undefined
  }

  #pipeline(node: YamlNode): Value | undefined {
    if (node.kind === 'scalar' && typeof node.value === 'string') {
      const pipeline = this.#context.pipeline(node.value, node.range)
      if (pipeline === undefined) this.failed = true
      return pipeline
    }
    this.#error(node.range, `should be the id of a pipeline, got ${kindOfNode(node)}`)
    return undefined
  }

  /** One text is a list of texts, with commas between them. */
  #list(element: string, node: YamlNode): Value | undefined {
    if (node.kind === 'list') return node.items.map((item) => this.#value(element, item) ?? null)
    if (node.kind === 'scalar' && element === 'string' && typeof node.value === 'string') {
      return node.value === '' ? [] : node.value.split(',')
    }
    return valueOf(node)
  }

  issue(issue: Issue): void {
    const place = this.#places.get(issue.input)
    if (!place) throw new Error(`Cannot tell where it is: ${issue.message}`)
    const name = 'name' in issue.input ? issue.input.name : undefined
    const inside = place.node ? locate(place.node, issue.path) : undefined
    const range = issue.kind === 'value' || issue.kind === 'check' ? (inside?.range ?? place.range) : place.range
    this.#error(range, messageOf(issue, name))
  }
}

function messageOf(issue: Issue, name: string | undefined): string {
  const missing = /^missing required (?:attribute|block) (".*")$/.exec(issue.message)
  if (missing) return `missing required key ${missing[1]}`
  if (!issue.message.startsWith('should be') || name === undefined) return issue.message
  const path = issue.path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`)).join('')
  return `"${name}${path}" ${issue.message}`
}

/** Types whose settings keep the looks of what was written. */
const textTypes = new Set(['string', 'secret', 'optional_secret'])
const numberTypes = new Set(['int', 'uint', 'float'])

/** The text of a node for a setting that is a string. */
function textOf(node: YamlNode): Value {
  if (node.kind === 'scalar') return node.value === null && !node.reference ? '' : node.text
  return node.text ?? valueOf(node)
}

/** A null behind a reference (`${env:EMPTY}`) is an empty text for settings that are strings. */
function meansText(type: Type<unknown>, node: YamlNode): boolean {
  return textTypes.has(type.name) && node.kind === 'scalar' && node.reference === true
}

/** The node that a path leads to, as far as it is written out. */
function locate(node: YamlNode, path: readonly (string | number)[]): YamlNode | undefined {
  let here = node
  for (const step of path) {
    const next: YamlNode | undefined =
      here.kind === 'list' && typeof step === 'number'
        ? here.items[step]
        : here.kind === 'map'
          ? (here as YamlMap).entries.get(String(step))?.value
          : undefined
    if (!next) break
    here = next
  }
  return here
}
