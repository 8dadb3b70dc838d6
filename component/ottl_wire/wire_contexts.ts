// OTTL's contexts over bytes: the paths that can be read without decoding a record.
import type { ContextDefinition, ContextName, GetSetter, Key, PathDefinition, PathTable } from '#component/ottl'
import {
  cachePaths,
  contexts,
  expectInt,
  expectString,
  expectTime,
  hexText,
  insideOf,
  intOf,
  mapPath,
  storable,
  Time,
} from '#component/ottl'
import type { LevelLayout, WireFacts } from './facts.ts'
import { Level } from './facts.ts'

export type WireSignal = 'traces' | 'logs' | 'metrics'

/** Tags of opentelemetry-proto: field << 3 | wire type. */
export const layouts: Readonly<Record<WireSignal, readonly LevelLayout[]>> = {
  traces: [
    { inside: 0x0a, attributes: 0x0a },
    { inside: 0x0a, attributes: 0x1a },
    { inside: 0, attributes: 0x4a },
  ],
  logs: [
    { inside: 0x0a, attributes: 0x0a },
    { inside: 0x0a, attributes: 0x1a },
    { inside: 0, attributes: 0x32 },
  ],
  metrics: [
    { inside: 0x0a, attributes: 0x0a },
    { inside: 0x0a, attributes: 0x1a },
    // Metrics themselves have none; their metadata is not asked for.
    { inside: 0, attributes: 0 },
  ],
}

/** The paths of one level, to read, and to write where that level's records are what statements change. */
class LevelPaths {
  readonly #facts: WireFacts
  readonly #level: Level
  readonly #isWritable: boolean

  constructor(facts: WireFacts, level: Level, isWritable: boolean) {
    this.#facts = facts
    this.#level = level
    this.#isWritable = isWritable
  }

  #path(bind: (keys: readonly Key[]) => GetSetter, keys: PathDefinition['keys'] = 'none'): PathDefinition {
    return this.#isWritable ? { keys, bind } : { keys, bind, isReadOnly: true }
  }

  text(tag: number, innerTag = 0, isOuter = false): PathDefinition {
    const facts = this.#facts
    return this.#path(() => {
      const slot = facts.field(this.#level, 'text', tag, innerTag, isOuter)
      return {
        get: () => facts.text(slot),
        set: (_, value) => facts.put(slot, expectString(value)),
        isText: (wanted) => (isAscii(wanted) ? () => facts.isText(slot, wanted) : () => facts.text(slot) === wanted),
      }
    })
  }

  int32(tag: number, innerTag = 0): PathDefinition {
    const facts = this.#facts
    return this.#path(() => {
      const slot = facts.field(this.#level, 'int32', tag, innerTag)
      const set: GetSetter['set'] = (_, value) => facts.put(slot, BigInt.asIntN(32, expectInt(value)))
      return { get: () => intOf(facts.int32(slot)), set }
    })
  }

  uint32(tag: number): PathDefinition {
    const facts = this.#facts
    return this.#path(() => {
      const slot = facts.field(this.#level, 'uint32', tag)
      const set: GetSetter['set'] = (_, value) => facts.put(slot, BigInt.asUintN(32, expectInt(value)))
      return { get: () => intOf(facts.uint32(slot)), set }
    })
  }

  nanos(tag: number): PathDefinition {
    const facts = this.#facts
    return this.#path(() => {
      const slot = facts.field(this.#level, 'fixed64', tag)
      const set: GetSetter['set'] = (_, value) => facts.put(slot, BigInt.asUintN(64, expectInt(value)))
      return { get: () => BigInt.asIntN(64, facts.fixed64(slot)), set }
    })
  }

  time(tag: number): PathDefinition {
    const facts = this.#facts
    return this.#path(() => {
      const slot = facts.field(this.#level, 'fixed64', tag)
      const set: GetSetter['set'] = (_, value) => facts.put(slot, BigInt.asUintN(64, expectTime(value).unixNano))
      return { get: () => new Time(BigInt.asIntN(64, facts.fixed64(slot))), set }
    })
  }

  /** To be set they need the tree: it knows what ids are. */
  id(name: string, length: number, tag: number): PathTable {
    const facts = this.#facts
    const zero = new Uint8Array(length)
    const path = (give: (bytes: Uint8Array) => Uint8Array | string): PathDefinition => ({
      keys: 'none',
      isReadOnly: true,
      bind: () => {
        const slot = facts.field(this.#level, 'blob', tag)
        const get = (): Uint8Array | string => {
          const bytes = facts.blob(slot)
          return give(bytes.length === 0 ? zero : bytes)
        }
        return { get, set: () => {} }
      },
    })
    return { [name]: path((bytes) => bytes), [`${name}.string`]: path(hexText) }
  }

  /** A value alone. */
  value(tag: number): PathDefinition {
    return this.#path(() => this.#valueAt(this.#facts.field(this.#level, 'value', tag)))
  }

  #valueAt(slot: number): GetSetter {
    const facts = this.#facts
    return {
      get: () => facts.value(slot),
      getOwn: () => facts.ownValue(slot),
      set: (_, value) => facts.put(slot, storable(value)),
      isText: (wanted) =>
        isAscii(wanted) ? () => facts.isTextValue(slot, wanted) : () => facts.value(slot) === wanted,
      isNil: () => facts.isNilValue(slot),
    }
  }

  attributes(): PathDefinition {
    return this.#path((keys) => this.#attributesAt(keys), 'any')
  }

  /** With a first key that is known a value of its own; the whole map, where it may be changed, is decoded when asked for. */
  #attributesAt(keys: readonly Key[]): GetSetter {
    const facts = this.#facts
    const level = this.#level
    const [first, ...rest] = keys
    if (first !== undefined && typeof first.literal === 'string') {
      const slot = facts.attribute(level, first.literal)
      if (rest.length === 0) return this.#valueAt(slot)
      if (!this.#isWritable) return { get: (context) => insideOf(facts.value(slot), rest, 0, context), set: () => {} }
    }
    if (!this.#isWritable) throw new NotOnWire()
    const path = mapPath(
      () => facts.list(level),
      (_, entries) => facts.putList(level, entries),
      keys,
    )
    if (keys.length > 0) return path
    return {
      ...path,
      deleteKey(key) {
        const slot = facts.attribute(level, key, true)
        return () => facts.remove(slot)
      },
      areTextsWithin: (bytesMax) => () => facts.areTextsWithin(level, bytesMax),
    }
  }
}

const isAscii = (text: string): boolean => /^[\0-\x7f]*$/.test(text)

/** A path that only the tree has. */
export class NotOnWire extends Error {}

function spanPaths(paths: LevelPaths): PathTable {
  return {
    ...paths.id('trace_id', 16, 0x0a),
    ...paths.id('span_id', 8, 0x12),
    ...paths.id('parent_span_id', 8, 0x22),
    trace_state: paths.text(0x1a),
    name: paths.text(0x2a),
    kind: paths.int32(0x30),
    start_time_unix_nano: paths.nanos(0x39),
    end_time_unix_nano: paths.nanos(0x41),
    start_time: paths.time(0x39),
    end_time: paths.time(0x41),
    attributes: paths.attributes(),
    dropped_attributes_count: paths.uint32(0x50),
    'status.code': paths.int32(0x7a, 0x18),
    'status.message': paths.text(0x7a, 0x12),
  }
}

function logPaths(paths: LevelPaths): PathTable {
  return {
    time_unix_nano: paths.nanos(0x09),
    observed_time_unix_nano: paths.nanos(0x59),
    time: paths.time(0x09),
    observed_time: paths.time(0x59),
    severity_number: paths.int32(0x10),
    severity_text: paths.text(0x1a),
    body: paths.value(0x2a),
    attributes: paths.attributes(),
    dropped_attributes_count: paths.uint32(0x38),
    ...paths.id('trace_id', 16, 0x4a),
    ...paths.id('span_id', 8, 0x52),
    event_name: paths.text(0x62),
  }
}

function metricPaths(paths: LevelPaths): PathTable {
  return { name: paths.text(0x0a), description: paths.text(0x12), unit: paths.text(0x1a) }
}

const itemPaths = { traces: spanPaths, logs: logPaths, metrics: metricPaths } as const
const itemContexts = { traces: 'span', logs: 'log', metrics: 'metric' } as const

/** The level that a context's records are on; undefined: the wire form does not serve it. */
export function levelOf(signal: WireSignal, context: ContextName): Level | undefined {
  if (context === 'resource') return Level.resource
  if (context === 'scope') return Level.scope
  return context === itemContexts[signal] ? Level.item : undefined
}

/**
 * The context with the paths that `facts` can answer, and, where statements are to run in it, those of its own level that
 * can be set, and a cache.
 */
export function wireContext(
  signal: WireSignal,
  name: ContextName,
  facts: WireFacts,
  isWritable = false,
): ContextDefinition {
  const own = levelOf(signal, name)
  const at = (level: Level): LevelPaths => new LevelPaths(facts, level, isWritable && level === own)
  const [resource, scope] = [at(Level.resource), at(Level.scope)]
  const resourceTable: PathTable = { attributes: resource.attributes(), schema_url: resource.text(0x1a, 0, true) }
  const scopeTable: PathTable = {
    name: scope.text(0x0a),
    version: scope.text(0x12),
    attributes: scope.attributes(),
    schema_url: scope.text(0x1a, 0, true),
  }
  const all: Record<string, PathTable> = {
    resource: resourceTable,
    scope: scopeTable,
    instrumentation_scope: scopeTable,
    [itemContexts[signal]]: itemPaths[signal](at(Level.item)),
  }
  const paths: Record<string, PathTable> = {}
  for (const prefix of Object.keys(contexts[name].paths)) {
    const table = all[prefix]
    if (table !== undefined) paths[prefix] = isWritable && prefix === name ? { ...table, ...cachePaths } : table
  }
  return { name, enums: contexts[name].enums, paths }
}
