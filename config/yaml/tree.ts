// The tree of a YAML configuration: values with the places they were written at.
import type { Value } from '#component'
import type { Range } from '../alloy/ast.ts'

export type YamlNode = YamlScalar | YamlList | YamlMap

export interface YamlScalar {
  readonly kind: 'scalar'
  /** What it means: null, a boolean, a bigint, a number or a string. */
  readonly value: null | boolean | bigint | number | string
  /** What settings that are strings get: the text as written, or the whole text behind a reference. */
  readonly text: string
  /** It stood behind a reference. */
  readonly reference?: boolean
  readonly range: Range
}

export interface YamlList {
  readonly kind: 'list'
  readonly items: readonly YamlNode[]
  /** The whole text behind a reference, for settings that are strings. */
  readonly text?: string
  readonly range: Range
}

export interface YamlMap {
  readonly kind: 'map'
  readonly entries: ReadonlyMap<string, YamlEntry>
  readonly text?: string
  readonly range: Range
}

export interface YamlEntry {
  readonly key: string
  readonly keyRange: Range
  readonly value: YamlNode
}

/** A node as a value, strings as they are. */
export function valueOf(node: YamlNode): Value {
  switch (node.kind) {
    case 'scalar':
      return node.value
    case 'list':
      return node.items.map(valueOf)
    case 'map':
      return new Map([...node.entries].map(([key, entry]) => [key, valueOf(entry.value)]))
  }
}

export function isNull(node: YamlNode): boolean {
  return node.kind === 'scalar' && node.value === null
}

/** What a node is, in messages. */
export function kindOfNode(node: YamlNode): string {
  if (node.kind !== 'scalar') return node.kind
  if (node.value === null) return 'null'
  switch (typeof node.value) {
    case 'boolean':
      return 'bool'
    case 'string':
      return 'string'
    default:
      return 'number'
  }
}

/** From the key to the end of its value. */
export function entryRange(entry: YamlEntry): Range {
  if (isNull(entry.value)) return entry.keyRange
  const { start } = entry.keyRange
  const { end } = entry.value.range
  return end.file === start.file && end.offset >= start.offset ? { start, end } : entry.keyRange
}
