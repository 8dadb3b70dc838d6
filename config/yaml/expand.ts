// Puts values in the place of references: ${env:NAME}, ${env:NAME:-default}, ${NAME}, ${file:…}, ${yaml:…}, ${http:…}.
//
// A text that is one reference becomes whatever stands behind it (a number, a map), keeping its text for settings that are
// strings; inside a longer text the text is put in. References may hold references, innermost first. `$$` is a dollar sign.
import type { Range } from '../alloy/ast.ts'
import type { Diagnostic } from '../diagnostics.ts'
import { parseYaml } from './parser.ts'
import { type Environment, parseLocation, retrieve, type Retrieved } from './providers.ts'
import type { YamlEntry, YamlNode, YamlScalar } from './tree.ts'

/** Texts behind references in texts behind references: more than this is a circle. */
const depthMax = 100
/** References in one configuration: more than this is one that multiplies. */
const referencesMax = 10_000

class ExpandError extends Error {}

export class Expander {
  readonly #environment: Environment
  readonly #report: (diagnostic: Diagnostic) => void
  readonly #addSource: (name: string, text: string) => void
  readonly #retrieved = new Map<string, Promise<Retrieved>>()
  #references = 0

  /** `addSource` gets the texts that ranges of expanded nodes point into. */
  constructor(
    environment: Environment,
    report: (diagnostic: Diagnostic) => void,
    addSource: (name: string, text: string) => void,
  ) {
    this.#environment = environment
    this.#report = report
    this.#addSource = addSource
  }

  /** Everything that is wrong is reported; what cannot be expanded is null then. */
  async expand(node: YamlNode): Promise<YamlNode> {
    return this.#node(node, 0)
  }

  async #node(node: YamlNode, depth: number): Promise<YamlNode> {
    switch (node.kind) {
      case 'list': {
        const items: YamlNode[] = []
        for (const item of node.items) items.push(await this.#node(item, depth))
        return { ...node, items }
      }
      case 'map': {
        const entries = new Map<string, YamlEntry>()
        for (const [key, entry] of node.entries) {
          entries.set(key, { ...entry, value: await this.#node(entry.value, depth) })
        }
        return { ...node, entries }
      }
      case 'scalar':
        return typeof node.value === 'string' ? this.#scalar(node, depth) : node
    }
  }

  async #scalar(node: YamlScalar, depth: number): Promise<YamlNode> {
    try {
      return await this.#text(node.text, node.range, depth)
    } catch (error) {
      if (!(error instanceof ExpandError)) throw error
      this.#report({ severity: 'error', range: node.range, message: error.message })
      return { kind: 'scalar', value: null, text: '', range: node.range }
    }
  }

  async #text(text: string, range: Range, depth: number): Promise<YamlNode> {
    let current = text
    for (;;) {
      const reference = firstReference(current)
      if (reference === undefined) {
        const plain = current.replaceAll('$$', '$')
        return { kind: 'scalar', value: plain, text: plain, range }
      }
      if (++this.#references > referencesMax || depth > depthMax) {
        throw new ExpandError('too many references inside references: do they lead back to themselves?')
      }
      const retrieved = await this.#retrieve(reference, range)
      if (reference === current) return this.#whole(retrieved, reference, range, depth + 1)
      const parsed = current.replaceAll(reference, () => retrieved.text)
      if (parsed.length > textLengthMax) throw new ExpandError(`references make a text longer than ${textLengthMax}`)
      current = parsed
    }
  }

  /** The value behind a reference that is all there is. */
  async #whole(retrieved: Retrieved, reference: string, range: Range, depth: number): Promise<YamlNode> {
    const { text } = retrieved
    if (retrieved.verbatim) return { kind: 'scalar', value: text, text, range }
    const uri = reference.slice(2, -1)
    const file = uri.startsWith('file:') ? uri.slice('file:'.length) : undefined
    let { root } = parseYaml(file ?? uri, text, file === undefined ? range : undefined)
    if (root && root.kind !== 'scalar' && file !== undefined) this.#addSource(file, text)
    // What is no YAML is a text, and a text counts as it stands there, with quotes and line ends.
    if (!root || (root.kind === 'scalar' && typeof root.value === 'string')) return this.#text(text, range, depth)
    if (root.kind === 'scalar') return { ...root, text: text.replaceAll('$$', '$'), reference: true, range }
    root = await this.#node(root, depth)
    return root.kind === 'scalar' ? root : { ...root, text }
  }

  async #retrieve(reference: string, range: Range): Promise<Retrieved> {
    const inside = reference.slice(2, -1)
    const uri = inside.includes(':') ? inside : `env:${inside}`
    const location = parseLocation(uri)
    if (!location) throw new ExpandError(`invalid uri: "${uri}"`)
    if (location.value.includes('$')) throw new ExpandError(`the uri "${uri}" contains unsupported characters ('$')`)
    let promise = this.#retrieved.get(uri)
    if (!promise) {
      promise = retrieve(location, this.#environment)
      this.#retrieved.set(uri, promise)
    }
    try {
      const retrieved = await promise
      if (retrieved.warning !== undefined) {
        this.#report({ severity: 'warning', range, message: retrieved.warning })
      }
      return retrieved
    } catch (error) {
      throw new ExpandError(`cannot resolve ${reference}: ${(error as Error).message}`)
    }
  }
}

/** A text that references keep making longer is a bomb. */
const textLengthMax = 4 * 1024 * 1024

/**
 * The first `${…}` that holds no other one. An uneven number of dollar signs before it says that it is none, and ends the
 * search (upstream does the same: what follows an escaped reference stays as it is).
 */
function firstReference(text: string): string | undefined {
  for (let from = 0; ;) {
    const close = text.indexOf('}', from)
    if (close < 0) return undefined
    const open = text.lastIndexOf('${', close)
    if (open < from) {
      from = close + 1
      continue
    }
    let dollars = 0
    while (text[open - 1 - dollars] === '$') dollars++
    return dollars % 2 === 1 ? undefined : text.slice(open, close + 1)
  }
}
