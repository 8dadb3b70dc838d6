// Reads YAML texts into trees with places, resolving plain words as Go's yaml.v3 does.
import { createRequire } from 'node:module'
import { ValueError } from '#component'
import type * as Yaml from 'yaml'
import type { Position, Range } from '../alloy/ast.ts'
import { plainValue, taggedValue, yamlDepthMax, yamlSayings, yamlValuesMax } from '../alloy/yaml_values.ts'
import type { Diagnostic } from '../diagnostics.ts'
import type { YamlEntry, YamlNode, YamlScalar } from './tree.ts'

const require = createRequire(import.meta.url)

export interface ParsedYaml {
  /** Undefined where it could not be read. */
  readonly root: YamlNode | undefined
  readonly diagnostics: readonly Diagnostic[]
}

/**
 * The first document of `text`. `place`: the range that every node gets (a text that stands in no file of its own); else
 * ranges point into `file`. An empty text is null. Loads the YAML library on the first call.
 */
export function parseYaml(file: string, text: string, place?: Range): ParsedYaml {
  const yaml = require('yaml') as typeof Yaml
  const places = new Places(file, text)
  const rangeOf = (start: number, end: number): Range => place ?? places.range(start, end)
  // The failsafe schema leaves every scalar a string: what they mean is decided by its looks.
  const options = { schema: 'failsafe', prettyErrors: false, logLevel: 'silent', stringKeys: false } as const
  const documents = yaml.parseAllDocuments(text, options)
  const document = Array.isArray(documents) ? documents[0] : undefined
  if (!document) {
    return { root: { kind: 'scalar', value: null, text, range: rangeOf(0, 0) }, diagnostics: [] }
  }
  const diagnostics = document.errors.map((error): Diagnostic => {
    const range = rangeOf(error.pos[0], error.pos[1])
    return { severity: 'error', range, message: `yaml: ${yamlSayings[error.code] ?? 'is not valid YAML'}` }
  })
  if (diagnostics.length > 0) return { root: undefined, diagnostics }
  try {
    return { root: new Reader(yaml, document, rangeOf).node(document.contents, 0, 0), diagnostics: [] }
  } catch (error) {
    if (!(error instanceof PlacedError)) throw error
    return { root: undefined, diagnostics: [{ severity: 'error', range: error.range, message: error.message }] }
  }
}

class PlacedError extends Error {
  readonly range: Range
  constructor(message: string, range: Range) {
    super(message)
    this.range = range
  }
}

class Reader {
  readonly #yaml: typeof Yaml
  readonly #document: Yaml.Document.Parsed
  readonly #rangeOf: (start: number, end: number) => Range
  #values = 0
  readonly #anchored = new Map<Yaml.Node, { readonly node: YamlNode; readonly size: number }>()

  constructor(yaml: typeof Yaml, document: Yaml.Document.Parsed, rangeOf: (start: number, end: number) => Range) {
    this.#yaml = yaml
    this.#document = document
    this.#rangeOf = rangeOf
  }

  /** `at`: where it stands if it has no place of its own (a key without a value). */
  node(node: unknown, depth: number, at: number): YamlNode {
    const yaml = this.#yaml
    const range = this.#range(node, at)
    if (depth > yamlDepthMax) throw new PlacedError(`yaml: nested deeper than ${yamlDepthMax} levels`, range)
    this.#count(1, range)
    if (node === null || node === undefined) return { kind: 'scalar', value: null, text: '', range }
    if (yaml.isAlias(node)) return this.#alias(node, depth, range)
    if (yaml.isScalar(node)) return this.#scalar(node, range)
    if (yaml.isSeq(node)) {
      return { kind: 'list', items: node.items.map((item) => this.node(item, depth + 1, startOf(node, at))), range }
    }
    if (yaml.isMap(node)) return this.#map(node, depth, range, startOf(node, at))
    throw new PlacedError('yaml: holds something that is no value', range)
  }

  #range(node: unknown, at: number): Range {
    const range = this.#yaml.isNode(node) ? node.range : undefined
    return range ? this.#rangeOf(range[0], range[1]) : this.#rangeOf(at, at)
  }

  #count(values: number, range: Range): void {
    this.#values += values
    if (this.#values > yamlValuesMax) {
      throw new PlacedError(`yaml: stands for more than ${yamlValuesMax} values`, range)
    }
  }

  #alias(alias: Yaml.Alias, depth: number, range: Range): YamlNode {
    const target = alias.resolve(this.#document)
    if (!target) throw new PlacedError('yaml: unknown anchor', range)
    const known = this.#anchored.get(target)
    if (known) {
      this.#count(known.size, range)
      return known.node
    }
    const before = this.#values
    const node = this.node(target, depth + 1, 0)
    this.#anchored.set(target, { node, size: this.#values - before })
    return node
  }

  #scalar(node: Yaml.Scalar, range: Range): YamlScalar {
    const text = typeof node.source === 'string' ? node.source : String(node.value ?? '')
    const plain = node.type === 'PLAIN' || node.type === undefined
    const tag = node.tag?.replace('tag:yaml.org,2002:', '!!')
    const scalar = (value: YamlScalar['value']): YamlScalar => ({ kind: 'scalar', value, text, range })
    switch (tag) {
      case '!!str':
        return scalar(text)
      case '!!int':
      case '!!float':
      case '!!bool':
      case '!!null':
        try {
          return scalar(taggedValue(text, tag) as YamlScalar['value'])
        } catch (error) {
          if (!(error instanceof ValueError)) throw error
          throw new PlacedError(error.message, range)
        }
      case '!!binary':
        return { kind: 'scalar', value: decodedText(text), text: decodedText(text), range }
      default: {
        const isPlain = (tag === undefined || tag === '!') && plain
        const value = isPlain ? (plainValue(text) as YamlScalar['value']) : text
        // A time stays the text that it is.
        return scalar(typeof value === 'string' ? text : value)
      }
    }
  }

  #map(map: Yaml.YAMLMap, depth: number, range: Range, at: number): YamlNode {
    const entries = new Map<string, YamlEntry>()
    const merged: YamlNode[] = []
    let last = at
    for (const { key, value } of map.items) {
      const keyStart = startOf(key, last)
      last = this.#yaml.isNode(key) ? (key.range?.[1] ?? keyStart) : keyStart
      const inside = this.node(value, depth + 1, last)
      if (this.#yaml.isScalar(key) && key.type === 'PLAIN' && key.source === '<<') {
        merged.push(inside)
        continue
      }
      const name = this.#key(key, depth, keyStart)
      if (entries.has(name.text)) throw new PlacedError(`yaml: mapping key "${name.text}" already defined`, name.range)
      entries.set(name.text, { key: name.text, keyRange: name.range, value: inside })
      last = this.#yaml.isNode(value) ? (value.range?.[1] ?? last) : last
    }
    for (const one of merged) this.#mergeInto(entries, one)
    return { kind: 'map', entries, range }
  }

  /** Keys are texts, whatever they look like: `404:` is "404". */
  #key(key: unknown, depth: number, at: number): { text: string; range: Range } {
    const node = this.node(key, depth + 1, at)
    if (node.kind === 'scalar')
      return { text: node.text === '' ? String(node.value ?? '') : node.text, range: node.range }
    throw new PlacedError('yaml: invalid map key: a list or a map', node.range)
  }

  /** `<<`: the entries of one map, or of several of which the first wins; what is written in the map itself wins over all. */
  #mergeInto(entries: Map<string, YamlEntry>, node: YamlNode): void {
    for (const one of node.kind === 'list' ? node.items : [node]) {
      if (one.kind !== 'map') {
        throw new PlacedError('yaml: map merge requires map or sequence of maps as the value', one.range)
      }
      for (const [key, entry] of one.entries) if (!entries.has(key)) entries.set(key, entry)
    }
  }
}

function decodedText(base64: string): string {
  return Buffer.from(base64, 'base64').toString()
}

function startOf(node: unknown, otherwise: number): number {
  const range = (node as Yaml.Node | null)?.range
  return range ? range[0] : otherwise
}

/** Turns offsets in characters (UTF-16) into places that count bytes. */
class Places {
  readonly #file: string
  readonly #text: string
  /** Where lines begin, in characters and in bytes. */
  readonly #starts: number[] = [0]
  readonly #byteStarts: number[] = [0]

  constructor(file: string, text: string) {
    this.#file = file
    this.#text = text
    let bytes = 0
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) {
      bytes += Buffer.byteLength(text.slice(this.#starts.at(-1), at + 1))
      this.#starts.push(at + 1)
      this.#byteStarts.push(bytes)
    }
  }

  position(at: number): Position {
    let low = 0
    let high = this.#starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((this.#starts[middle] as number) <= at) low = middle
      else high = middle - 1
    }
    const inLine = Buffer.byteLength(this.#text.slice(this.#starts[low], at))
    return {
      file: this.#file,
      offset: (this.#byteStarts[low] as number) + inLine,
      line: low + 1,
      column: inLine + 1,
    }
  }

  /** `end` is exclusive here; blanks and line ends before it are left out. */
  range(start: number, end: number): Range {
    let last = Math.max(end, start + 1)
    while (last > start + 1 && /\s/.test(this.#text[last - 1] ?? '')) last--
    return { start: this.position(start), end: this.position(last - 1) }
  }
}
