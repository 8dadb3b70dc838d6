// The list of statements or conditions in the collector's YAML: texts alone, or groups with a context, and which is which.
import type { Type, Value } from '#component'
import { customType, ValueError } from '#component'
import type { ErrorMode } from './sequence.ts'
import { errorModes } from './sequence.ts'

/** A group out of the list. */
export interface WrittenGroup {
  /** Undefined: told from the paths' prefixes. */
  readonly context: string | undefined
  readonly errorMode: ErrorMode | undefined
  /** The statements, or the conditions of a list of conditions. */
  readonly texts: readonly string[]
  /** The group's conditions, where the list is one of statements. */
  readonly conditions: readonly string[]
  /** Leads from the list to the group; texts alone are one group. */
  readonly path: readonly number[]
  readonly textsPath: readonly (string | number)[]
}

/**
 * A list of texts, which are one group, or of maps with `context`, `conditions`, `statements` (where `what` is that) and
 * `error_mode`; not both, as upstream.
 */
export function groupList(what: 'statements' | 'conditions'): Type<readonly WrittenGroup[]> {
  return customType<readonly WrittenGroup[]>({
    name: `list(${what})`,
    zero: [],
    decode(value) {
      if (!Array.isArray(value)) throw new ValueError(`should be a list of ${what}`)
      const items: readonly Value[] = value
      if (items.length === 0) return []
      if (items.every((item) => typeof item === 'string')) {
        return [{ context: undefined, errorMode: undefined, texts: items, conditions: [], path: [], textsPath: [] }]
      }
      return items.map((item, i) => groupOf(item, what, i))
    },
    json: { type: 'array', items: { anyOf: [{ type: 'string' }, groupJson(what)] } },
  })
}

function groupJson(what: 'statements' | 'conditions'): object {
  const texts = { type: 'array', items: { type: 'string' } }
  const properties = { context: { type: 'string' }, error_mode: { enum: errorModes }, conditions: texts }
  return { type: 'object', properties: what === 'statements' ? { ...properties, statements: texts } : properties }
}

function groupOf(item: Value, what: 'statements' | 'conditions', i: number): WrittenGroup {
  if (!(item instanceof Map)) {
    const message =
      typeof item === 'string' ? 'texts and groups cannot be mixed in one list' : `should be a text or a map`
    throw new ValueError(message, [i])
  }
  const map = item as ReadonlyMap<string, Value>
  const known = ['context', 'error_mode', 'conditions', ...(what === 'statements' ? ['statements'] : [])]
  for (const key of map.keys()) {
    if (!known.includes(key)) throw new ValueError(`unrecognized key "${key}": there are ${known.join(', ')}`, [i, key])
  }
  return {
    context: textOf(map, 'context', i),
    errorMode: modeOf(textOf(map, 'error_mode', i), i),
    texts: textsOf(map, what, i),
    conditions: what === 'statements' ? textsOf(map, 'conditions', i) : [],
    path: [i],
    textsPath: [i, what],
  }
}

function textOf(map: ReadonlyMap<string, Value>, key: string, i: number): string | undefined {
  const value = map.get(key) ?? undefined
  if (value === undefined || value === '') return undefined
  if (typeof value !== 'string') throw new ValueError('should be a string', [i, key])
  return value
}

function modeOf(text: string | undefined, i: number): ErrorMode | undefined {
  const mode = errorModes.find((each) => each === text)
  if (text !== undefined && mode === undefined) {
    throw new ValueError(`should be one of ${errorModes.join(', ')}, got ${JSON.stringify(text)}`, [i, 'error_mode'])
  }
  return mode
}

function textsOf(map: ReadonlyMap<string, Value>, key: string, i: number): string[] {
  const value = map.get(key) ?? []
  if (!Array.isArray(value)) throw new ValueError('should be a list of strings', [i, key])
  return value.map((text: Value, j) => {
    if (typeof text !== 'string') throw new ValueError('should be a string', [i, key, j])
    return text
  })
}
