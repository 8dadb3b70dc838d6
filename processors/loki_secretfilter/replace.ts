// Replaces many texts in a line at once, in time linear in the line and the texts (Aho and Corasick, 1975).

/** Of places that overlap the leftmost counts first, then the longest. */
interface Place {
  readonly start: number
  readonly end: number
  readonly by: string
}

/** A trie of texts; from each node, where the longest end of what was read that is a beginning of a text leads. */
class Texts {
  readonly #next = new Map<number, number>()
  readonly #fallback: number[] = [0]
  /** The length of the longest text that ends at a node; 0: none. */
  readonly #length: number[] = [0]
  readonly #text: string[] = ['']

  constructor(texts: Iterable<string>) {
    for (const text of texts) this.#add(text)
    this.#link()
  }

  #key(node: number, unit: number): number {
    return node * 0x1_0000 + unit
  }

  #add(text: string): void {
    let node = 0
    for (let i = 0; i < text.length; i++) {
      const key = this.#key(node, text.charCodeAt(i))
      let next = this.#next.get(key)
      if (next === undefined) {
        next = this.#length.length
        this.#next.set(key, next)
        this.#length.push(0)
        this.#text.push('')
        this.#fallback.push(0)
      }
      node = next
    }
    this.#length[node] = text.length
    this.#text[node] = text
  }

  /** Level by level: a node's fallback is nearer to the root. */
  #link(): void {
    const children: number[][] = this.#length.map(() => [])
    for (const key of this.#next.keys()) children[Math.floor(key / 0x1_0000)]?.push(key % 0x1_0000)
    const queue = [0]
    for (let at = 0; at < queue.length; at++) {
      const node = queue[at] as number
      for (const unit of children[node] as number[]) {
        const next = this.#next.get(this.#key(node, unit)) as number
        const fallback = node === 0 ? 0 : this.step(this.#fallback[node] as number, unit)
        this.#fallback[next] = fallback
        if (this.#length[next] === 0) {
          this.#length[next] = this.#length[fallback] as number
          this.#text[next] = this.#text[fallback] as string
        }
        queue.push(next)
      }
    }
  }

  step(from: number, unit: number): number {
    for (let node = from; ; node = this.#fallback[node] as number) {
      const next = this.#next.get(this.#key(node, unit))
      if (next !== undefined) return next
      if (node === 0) return 0
    }
  }

  /** The longest text that ends at the node; '': none. */
  ending(node: number): string {
    return this.#text[node] as string
  }
}

/**
 * Every text of `by` in `line`, wherever it stands, becomes what `by` has for it. Of a text that overlaps one before it the
 * rest is replaced too: no part of any text is left.
 */
export function replaceTexts(line: string, by: ReadonlyMap<string, string>): string {
  if (by.size === 0) return line
  if (by.size === 1) {
    const [[text, replacement]] = [...by] as [[string, string]]
    return line.replaceAll(text, () => replacement)
  }
  const texts = new Texts(by.keys())
  const places: Place[] = []
  let node = 0
  for (let i = 0; i < line.length; i++) {
    node = texts.step(node, line.charCodeAt(i))
    const text = texts.ending(node)
    if (text !== '') places.push({ start: i + 1 - text.length, end: i + 1, by: by.get(text) as string })
  }
  places.sort((a, b) => a.start - b.start || b.end - a.end)
  let out = ''
  let at = 0
  for (const { start, end, by: replacement } of places) {
    if (end <= at) continue
    if (start > at) out += line.slice(at, start)
    out += replacement
    at = end
  }
  return out + line.slice(at)
}
