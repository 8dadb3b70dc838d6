// Fields: where in an entry a value stands (`body.message`, `attributes["k8s.pod"]`).
import type { ExprValue } from '#component/expr'
import { type Entry, type EntryMap, isEntryMap, put } from './entry.ts'
import { EntryError } from './operator.ts'

type Root = 'body' | 'attributes' | 'resource'

/** A field that is none. */
export class FieldError extends Error {
  override readonly name = 'FieldError'
}

export class Field {
  readonly root: Root
  readonly keys: readonly string[]

  constructor(root: Root, keys: readonly string[]) {
    this.root = root
    this.keys = keys
  }

  get isRoot(): boolean {
    return this.keys.length === 0
  }

  toString(): string {
    if (this.isRoot) return this.root
    return this.keys.some((key) => key.includes('.'))
      ? this.root + this.keys.map((key) => `['${key}']`).join('')
      : `${this.root}.${this.keys.join('.')}`
  }

  child(key: string): Field {
    return new Field(this.root, [...this.keys, key])
  }

  parent(): Field {
    return new Field(this.root, this.keys.slice(0, -1))
  }

  /** Undefined: there is none. */
  get(entry: Entry): ExprValue | undefined {
    let value: ExprValue = entry[this.root]
    for (const key of this.keys) {
      if (!isEntryMap(value) || !Object.hasOwn(value, key)) return undefined
      value = value[key] as ExprValue
    }
    return value
  }

  /**
   * Set the value; a map is merged into the map that is there. Maps on the way are made, whatever else stands there.
   * Throws for attributes or a resource that would be no map.
   */
  set(entry: Entry, value: ExprValue): void {
    const { root, keys } = this
    if (isEntryMap(value)) {
      if (root === 'attributes' && keys.length === 0) entry.attributes = merged(entry.attributes, value)
      else merge(this.#map(entry, keys.length), value)
      return
    }
    const last = keys.at(-1)
    if (last === undefined) {
      if (root !== 'body') throw new EntryError(`cannot set ${root} root`)
      entry.body = value
    } else put(this.#map(entry, keys.length - 1), last, value)
  }

  /** Take the value away, and give it; undefined: there was none. */
  remove(entry: Entry): ExprValue | undefined {
    const { root, keys } = this
    const last = keys.at(-1)
    if (last === undefined) {
      const value = entry[root]
      if (root === 'body') entry.body = null
      else entry[root] = {}
      return value
    }
    let map: ExprValue = entry[root]
    for (let i = 0; i < keys.length - 1; i++) {
      const key = keys[i] as string
      if (!isEntryMap(map) || !Object.hasOwn(map, key)) return undefined
      map = map[key] as ExprValue
    }
    if (!isEntryMap(map) || !Object.hasOwn(map, last)) return undefined
    const value = map[last] as ExprValue
    delete map[last]
    return value
  }

  /** The map behind the first `depth` keys, made where it is none. */
  #map(entry: Entry, depth: number): EntryMap {
    let map: EntryMap
    if (this.root !== 'body') map = entry[this.root]
    else if (isEntryMap(entry.body)) map = entry.body
    else entry.body = map = {}
    for (let i = 0; i < depth; i++) {
      const key = this.keys[i] as string
      const next = Object.hasOwn(map, key) ? map[key] : undefined
      if (isEntryMap(next)) map = next
      else {
        const made = {}
        put(map, key, made)
        map = made
      }
    }
    return map
  }
}

function merge(into: EntryMap, from: EntryMap): void {
  for (const key of Object.keys(from)) put(into, key, from[key] as ExprValue)
}

/** Parsed values come in new maps: a few attributes are put into those rather than the other way round. */
function merged(into: EntryMap, from: EntryMap): EntryMap {
  for (const key of Object.keys(into)) if (!Object.hasOwn(from, key)) put(from, key, into[key] as ExprValue)
  return from
}

/**
 * A field as users write it. Throws `FieldError` for one that is none, and for `attributes` or `resource` alone unless
 * `rootable`.
 */
export function parseField(text: string, rootable = false): Field {
  const [root, ...keys] = splitKeys(text)
  if (root !== 'body' && root !== 'attributes' && root !== 'resource') {
    throw new FieldError(`unrecognized prefix: a field begins with body, attributes or resource: ${text}`)
  }
  if (!rootable && root !== 'body' && keys.length === 0) {
    throw new FieldError(`${root} cannot be referenced without subfield`)
  }
  return new Field(root, keys)
}

const dotted = /[^.[]*/y
const quoted = /\[(?:'([^']*)'|"([^"]*)")\]/y

function splitKeys(text: string): string[] {
  const keys: string[] = []
  let at = 0
  if (text === '') throw new FieldError('a field is empty')
  while (at < text.length) {
    if (text[at] === '[') {
      quoted.lastIndex = at
      const found = quoted.exec(text)
      if (found === null) throw new FieldError(`strings in brackets must be surrounded by quotes and closed: ${text}`)
      keys.push((found[1] ?? found[2]) as string)
      at = quoted.lastIndex
      if (text[at] !== undefined && text[at] !== '.' && text[at] !== '[') {
        throw new FieldError(`bracketed access must be followed by a dot or another bracketed access: ${text}`)
      }
    } else {
      dotted.lastIndex = at
      const found = (dotted.exec(text) as RegExpExecArray)[0]
      if (found === '') throw new FieldError(`a key is empty: ${text}`)
      keys.push(found)
      at += found.length
    }
    if (text[at] === '.') {
      at++
      if (at === text.length) throw new FieldError(`a key is empty: ${text}`)
    }
  }
  return keys
}
