// OTTL's contexts over bytes: the paths that can be read without decoding a record.
import type { ContextDefinition, ContextName, GetSetter, Key, PathDefinition, PathTable } from '#component/ottl'
import { contexts, hexText, insideOf, intOf, OttlError } from '#component/ottl'
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

/** Nobody writes to bytes. */
function set(): void {
  throw new OttlError('this cannot be set')
}

const isAscii = (text: string): boolean => /^[\0-\x7f]*$/.test(text)

function text(facts: WireFacts, level: Level, tag: number, innerTag = 0, isOuter = false): PathDefinition {
  return {
    keys: 'none',
    bind() {
      const slot = facts.field(level, tag, innerTag, isOuter)
      const get = (): string => facts.text(slot)
      const isText = (wanted: string) =>
        isAscii(wanted) ? () => facts.isText(slot, wanted) : () => facts.text(slot) === wanted
      return { get, set, isText }
    },
  }
}

function int32(facts: WireFacts, level: Level, tag: number, innerTag = 0): PathDefinition {
  return {
    keys: 'none',
    bind() {
      const slot = facts.field(level, tag, innerTag)
      return { get: () => intOf(facts.int32(slot)), set }
    },
  }
}

function uint32(facts: WireFacts, level: Level, tag: number): PathDefinition {
  return {
    keys: 'none',
    bind() {
      const slot = facts.field(level, tag)
      return { get: () => intOf(facts.uint32(slot)), set }
    },
  }
}

function nanos(facts: WireFacts, level: Level, tag: number): PathDefinition {
  return {
    keys: 'none',
    bind() {
      const slot = facts.field(level, tag)
      return { get: () => BigInt.asIntN(64, facts.fixed64(slot)), set }
    },
  }
}

function ids(facts: WireFacts, name: string, length: number, tag: number): PathTable {
  const zero = new Uint8Array(length)
  const bind = (give: (bytes: Uint8Array) => Uint8Array | string): PathDefinition => ({
    keys: 'none',
    bind() {
      const slot = facts.field(Level.item, tag)
      return {
        get() {
          const bytes = facts.blob(slot)
          return give(bytes.length === 0 ? zero : bytes)
        },
        set,
      }
    },
  })
  return { [name]: bind((bytes) => bytes), [`${name}.string`]: bind(hexText) }
}

/** A value, or what is inside of it. */
function valueAt(facts: WireFacts, slot: number, keys: readonly Key[]): GetSetter {
  if (keys.length > 0) return { get: (context) => insideOf(facts.value(slot), keys, 0, context), set }
  const isText = (wanted: string) =>
    isAscii(wanted) ? () => facts.isTextValue(slot, wanted) : () => facts.value(slot) === wanted
  return { get: () => facts.value(slot), set, isText, isNil: () => facts.isNilValue(slot) }
}

/** Only with a first key that is known: the whole map is for the tree. */
function attributes(facts: WireFacts, level: Level): PathDefinition {
  return {
    keys: 'any',
    bind([first, ...rest]) {
      if (typeof first?.literal !== 'string') throw new NotOnWire()
      return valueAt(facts, facts.attribute(level, first.literal), rest)
    },
  }
}

/** A path that only the tree has. */
export class NotOnWire extends Error {}

function spanPaths(facts: WireFacts): PathTable {
  const item = Level.item
  return {
    ...ids(facts, 'trace_id', 16, 0x0a),
    ...ids(facts, 'span_id', 8, 0x12),
    ...ids(facts, 'parent_span_id', 8, 0x22),
    trace_state: text(facts, item, 0x1a),
    name: text(facts, item, 0x2a),
    kind: int32(facts, item, 0x30),
    start_time_unix_nano: nanos(facts, item, 0x39),
    end_time_unix_nano: nanos(facts, item, 0x41),
    attributes: attributes(facts, item),
    dropped_attributes_count: uint32(facts, item, 0x50),
    'status.code': int32(facts, item, 0x7a, 0x18),
    'status.message': text(facts, item, 0x7a, 0x12),
  }
}

function logPaths(facts: WireFacts): PathTable {
  const item = Level.item
  return {
    time_unix_nano: nanos(facts, item, 0x09),
    observed_time_unix_nano: nanos(facts, item, 0x59),
    severity_number: int32(facts, item, 0x10),
    severity_text: text(facts, item, 0x1a),
    body: { keys: 'none', bind: () => valueAt(facts, facts.field(item, 0x2a), []) },
    attributes: attributes(facts, item),
    dropped_attributes_count: uint32(facts, item, 0x38),
    ...ids(facts, 'trace_id', 16, 0x4a),
    ...ids(facts, 'span_id', 8, 0x52),
    event_name: text(facts, item, 0x62),
  }
}

function metricPaths(facts: WireFacts): PathTable {
  const item = Level.item
  return {
    name: text(facts, item, 0x0a),
    description: text(facts, item, 0x12),
    unit: text(facts, item, 0x1a),
  }
}

const itemPaths = { traces: spanPaths, logs: logPaths, metrics: metricPaths } as const
const itemContexts = { traces: 'span', logs: 'log', metrics: 'metric' } as const

/** The level that a context's records are on; undefined: the wire form does not serve it. */
export function levelOf(signal: WireSignal, context: ContextName): Level | undefined {
  if (context === 'resource') return Level.resource
  if (context === 'scope') return Level.scope
  return context === itemContexts[signal] ? Level.item : undefined
}

/** The context with the paths that `facts` can answer. */
export function wireContext(signal: WireSignal, name: ContextName, facts: WireFacts): ContextDefinition {
  const resource: PathTable = {
    attributes: attributes(facts, Level.resource),
    schema_url: text(facts, Level.resource, 0x1a, 0, true),
  }
  const scope: PathTable = {
    name: text(facts, Level.scope, 0x0a),
    version: text(facts, Level.scope, 0x12),
    attributes: attributes(facts, Level.scope),
    schema_url: text(facts, Level.scope, 0x1a, 0, true),
  }
  const all: Record<string, PathTable> = {
    resource,
    scope,
    instrumentation_scope: scope,
    [itemContexts[signal]]: itemPaths[signal](facts),
  }
  const known = Object.keys(contexts[name].paths).filter((prefix) => Object.hasOwn(all, prefix))
  return {
    name,
    enums: contexts[name].enums,
    paths: Object.fromEntries(known.map((prefix) => [prefix, all[prefix] as PathTable])),
  }
}
