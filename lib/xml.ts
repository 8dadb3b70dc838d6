// XML as Go's encoding/xml reads it (strictly, without external entities), as a tree, and as text again.
import { quote } from './go_quote.ts'

/** A text that is no XML. */
export class XmlError extends Error {
  override readonly name = 'XmlError'
}

export type XmlKind =
  | 'document'
  | 'declaration'
  | 'element'
  | 'attribute'
  | 'text'
  | 'cdata'
  | 'comment'
  | 'directive'
  | 'instruction'

/** The numbers that DOM has for the kinds: what XPath libraries ask for. */
const nodeTypes: Readonly<Record<XmlKind, number>> = {
  element: 1,
  attribute: 2,
  text: 3,
  cdata: 4,
  declaration: 7,
  instruction: 7,
  comment: 8,
  document: 9,
  directive: 10,
}

/** Documents nested deeper are refused: who walks a tree may recurse. */
export const xmlDepthMax = 1000

/**
 * A node of a document. It has the getters of DOM that an XPath library reads. Spaces alone are hidden there, unless they
 * are an element's first child, as they are upstream. A prefix stands for its namespace.
 */
export class XmlNode {
  readonly kind: XmlKind
  /** The local name of an element or attribute, an instruction's target. */
  name: string
  readonly prefix: string
  /** The text of a text, section of CDATA, comment, directive, instruction, or an attribute's value. */
  data: string
  attributeList: XmlNode[] = []
  parent: XmlNode | null = null
  first: XmlNode | null = null
  last: XmlNode | null = null
  previous: XmlNode | null = null
  next: XmlNode | null = null
  /** Its place in the document as it was read. */
  order = 0

  constructor(kind: XmlKind, name: string, prefix: string, data: string) {
    this.kind = kind
    this.name = name
    this.prefix = prefix
    this.data = data
  }

  append(child: XmlNode): void {
    child.parent = this
    child.next = null
    child.previous = this.last
    if (this.last === null) this.first = child
    else this.last.next = child
    this.last = child
  }

  remove(): void {
    if (this.parent === null) return
    if (this.kind === 'attribute') {
      this.parent.attributeList = this.parent.attributeList.filter((attribute) => attribute !== this)
    } else {
      if (this.previous === null) this.parent.first = this.next
      else this.previous.next = this.next
      if (this.next === null) this.parent.last = this.previous
      else this.next.previous = this.previous
    }
    this.parent = this.previous = this.next = null
  }

  clone(): XmlNode {
    const copy = new XmlNode(this.kind, this.name, this.prefix, this.data)
    for (const attribute of this.attributeList) copy.setAttribute(attribute.clone())
    for (let child = this.first; child !== null; child = child.next) copy.append(child.clone())
    return copy
  }

  setAttribute(attribute: XmlNode): void {
    attribute.parent = this
    this.attributeList.push(attribute)
  }

  /** All text in it. */
  get innerText(): string {
    if (this.kind === 'text' || this.kind === 'cdata' || this.kind === 'attribute') return this.data
    if (this.kind === 'comment') return ''
    let text = ''
    for (let child = this.first; child !== null; child = child.next) text += child.innerText
    return text
  }

  // ------------------------------------------------------------------------------------------------------- DOM

  get nodeType(): number {
    return nodeTypes[this.kind]
  }

  get nodeName(): string {
    return this.prefix === '' ? this.name : `${this.prefix}:${this.name}`
  }

  get localName(): string {
    return this.name
  }

  get namespaceURI(): string | null {
    return this.prefix === '' ? null : this.prefix
  }

  get nodeValue(): string | null {
    return this.kind === 'element' || this.kind === 'document' ? null : this.data
  }

  get value(): string {
    return this.data
  }

  get firstChild(): XmlNode | null {
    return this.first
  }

  get nextSibling(): XmlNode | null {
    let node = this.next
    while (node !== null && node.isBlank) node = node.next
    return node
  }

  get previousSibling(): XmlNode | null {
    let node = this.previous
    while (node !== null && node.isBlank) node = node.previous
    return node
  }

  get isBlank(): boolean {
    return this.kind === 'text' && this.data.trim() === ''
  }

  get parentNode(): XmlNode | null {
    return this.kind === 'attribute' ? null : this.parent
  }

  get ownerElement(): XmlNode | null {
    return this.kind === 'attribute' ? this.parent : null
  }

  get ownerDocument(): XmlNode {
    return this.parent === null ? this : this.parent.ownerDocument
  }

  get attributes(): { readonly length: number; item(i: number): XmlNode | null } {
    const list = this.kind === 'element' ? this.attributeList : []
    return { length: list.length, item: (i) => list[i] ?? null }
  }

  /** DOM's bits: 2 where `other` comes before, 4 where it comes behind. */
  compareDocumentPosition(other: XmlNode): number {
    if (other === this) return 0
    return other.order < this.order ? 2 : 4
  }
}

export interface XmlDocument {
  readonly root: XmlNode
  /** Where the text behind the first element begins. */
  readonly end: number
}

/**
 * Read a document, or several elements one after the other. What stands before the first element or instruction is left
 * out. `anyPrefix`: prefixes of elements need not be declared. Throws `XmlError`, for a text without an element too.
 */
export function parseXml(text: string, anyPrefix = false): XmlDocument {
  return new XmlReader(text, anyPrefix).document()
}

const nameChars = '\\p{L}\\p{Nl}_:'
const namePattern = new RegExp(`[${nameChars}][${nameChars}\\p{M}\\p{Nd}.\\-\\xb7]*`, 'uy')
const spacePattern = /[ \t\r\n]*/y
const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', apos: "'", quot: '"' }

class XmlReader {
  readonly #text: string
  readonly #root = new XmlNode('document', '', '', '')
  #at = 0
  #open: XmlNode = this.#root
  #depth = 0
  #order = 0
  #end = -1
  readonly #anyPrefix: boolean
  #prefixes: ReadonlySet<string>[] = [new Set(['xml', 'xmlns'])]

  constructor(text: string, anyPrefix: boolean) {
    this.#anyPrefix = anyPrefix
    this.#text = text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text
    // oxlint-disable-next-line no-control-regex
    const wrong = /[^\t\n\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u.exec(this.#text)
    if (wrong !== null) {
      const code = (wrong[0].codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')
      throw this.#error(`illegal character code U+${code}`)
    }
  }

  document(): XmlDocument {
    while (this.#at < this.#text.length) this.#next()
    if (this.#open !== this.#root) throw this.#error('unexpected EOF')
    if (this.#end < 0) throw new XmlError('invalid XML document')
    return { root: this.#root, end: this.#end }
  }

  #error(why: string): XmlError {
    let line = 1
    for (let i = 0; i < this.#at; i++) if (this.#text.charCodeAt(i) === 10) line++
    return new XmlError(`XML syntax error on line ${line}: ${why}`)
  }

  #next(): void {
    const text = this.#text
    if (text[this.#at] !== '<') {
      const end = text.indexOf('<', this.#at)
      this.#characters(text.slice(this.#at, end < 0 ? text.length : end))
      this.#at = end < 0 ? text.length : end
    } else if (text.startsWith('<!--', this.#at)) {
      const data = this.#until('-->', 4)
      if (data.includes('--')) throw this.#error('invalid sequence "--" not allowed in comments')
      this.#add(new XmlNode('comment', '', '', data))
    } else if (text.startsWith('<![CDATA[', this.#at)) {
      this.#add(new XmlNode('cdata', '', '', this.#until(']]>', 9)))
    } else if (text.startsWith('<!', this.#at)) this.#directive()
    else if (text.startsWith('<?', this.#at)) this.#instruction()
    else if (text.startsWith('</', this.#at)) this.#endTag()
    else this.#startTag()
  }

  /** The text up to `end`, which is passed over. */
  #until(end: string, skipped: number): string {
    const start = this.#at + skipped
    const found = this.#text.indexOf(end, start)
    if (found < 0) {
      this.#at = this.#text.length
      throw this.#error('unexpected EOF')
    }
    this.#at = found + end.length
    return this.#text.slice(start, found)
  }

  #add(node: XmlNode): void {
    const isFirst = this.#open === this.#root && this.#root.first === null
    if (isFirst && node.kind !== 'element' && node.kind !== 'declaration' && node.kind !== 'instruction') return
    node.order = ++this.#order
    this.#open.append(node)
  }

  #characters(raw: string): void {
    if (raw.includes(']]>')) throw this.#error('unescaped ]]> not in CDATA section')
    this.#add(new XmlNode('text', '', '', this.#unescaped(raw)))
  }

  #unescaped(raw: string): string {
    if (!raw.includes('&')) return raw
    return raw.replace(
      /&(?:#(?:x([0-9a-fA-F]+)|([0-9]+))|([^;&<\s]*))(;?)/g,
      (whole, hex, decimal, named, semicolon) => {
        if (semicolon === '') throw this.#error(`invalid character entity ${whole} (no semicolon)`)
        const code = hex === undefined ? Number(decimal) : Number.parseInt(hex as string, 16)
        const char =
          named === undefined ? characterOf(code) : Object.hasOwn(entities, named) ? entities[named] : undefined
        if (char === undefined) throw this.#error(`invalid character entity ${whole}`)
        return char
      },
    )
  }

  #directive(): void {
    const text = this.#text
    let depth = 0
    let inQuote = ''
    let data = ''
    let at = this.#at + 2
    for (; ; at++) {
      const char = text[at]
      if (char === undefined) {
        this.#at = at
        throw this.#error('unexpected EOF')
      }
      if (inQuote !== '') {
        if (char === inQuote) inQuote = ''
      } else if (char === '"' || char === "'") inQuote = char
      else if (char === '>') {
        if (depth === 0) break
        depth--
      } else if (char === '<') {
        if (text.startsWith('<!--', at)) {
          const end = text.indexOf('-->', at + 4)
          at = end < 0 ? text.length - 1 : end + 2
          // A comment in a directive is no more than a space.
          data += ' '
          continue
        }
        depth++
      }
      data += char
    }
    this.#at = at + 1
    this.#add(new XmlNode('directive', '', '', data))
  }

  #instruction(): void {
    this.#at += 2
    const target = this.#name('expected target name after <?')
    const data = this.#until('?>', 0).replace(/^[ \t\n]+/, '')
    if (target !== 'xml') {
      this.#add(new XmlNode('instruction', target, '', data.trim()))
      return
    }
    const version = /\bversion\s*=\s*(["'])(.*?)\1/.exec(data)?.[2]
    if (version !== undefined && version !== '1.0') {
      throw new XmlError(`xml: unsupported version ${quote(version)}; only version 1.0 is supported`)
    }
    const node = new XmlNode('declaration', 'xml', '', '')
    for (const pair of data.split(' ')) {
      const equals = pair.indexOf('=')
      if (equals <= 0) continue
      const name = pair.slice(0, equals).trim()
      if (node.attributeList.some((attribute) => attribute.name === name)) continue
      node.setAttribute(
        new XmlNode(
          'attribute',
          name,
          '',
          pair
            .slice(equals + 1)
            .trim()
            .replace(/^["']+|["']+$/g, ''),
        ),
      )
    }
    this.#add(node)
  }

  #name(missing: string): string {
    namePattern.lastIndex = this.#at
    const found = namePattern.exec(this.#text)?.[0]
    if (found === undefined) throw this.#error(missing)
    if (found.indexOf(':') !== found.lastIndexOf(':')) throw this.#error(missing)
    this.#at += found.length
    return found
  }

  #space(): void {
    spacePattern.lastIndex = this.#at
    this.#at += spacePattern.exec(this.#text)?.[0].length ?? 0
  }

  #startTag(): void {
    this.#at++
    const [prefix, name] = splitName(this.#name('expected element name after <'))
    const node = new XmlNode('element', name, prefix, '')
    let isEmpty = false
    for (;;) {
      this.#space()
      const char = this.#text[this.#at]
      if (char === undefined) throw this.#error('unexpected EOF')
      if (char === '>') break
      if (char === '/') {
        if (this.#text[++this.#at] !== '>') throw this.#error('expected /> in element')
        isEmpty = true
        break
      }
      node.setAttribute(this.#attribute())
    }
    this.#at++
    this.#add(node)
    for (const attribute of node.attributeList) attribute.order = ++this.#order
    this.#enter(node)
    if (isEmpty) this.#leave()
  }

  #attribute(): XmlNode {
    const [prefix, name] = splitName(this.#name('expected attribute name in element'))
    this.#space()
    if (this.#text[this.#at] !== '=') throw this.#error('attribute name without = in element')
    this.#at++
    this.#space()
    const mark = this.#text[this.#at]
    if (mark !== '"' && mark !== "'") throw this.#error('unquoted or missing attribute value in element')
    const raw = this.#until(mark, 1)
    if (raw.includes('<')) throw this.#error('unescaped < inside quoted string')
    return new XmlNode('attribute', name, prefix, this.#unescaped(raw))
  }

  #enter(node: XmlNode): void {
    if (++this.#depth > xmlDepthMax) throw new XmlError(`exceeded maximum XML nesting depth of ${xmlDepthMax}`)
    const declared = node.attributeList.filter((attribute) => attribute.prefix === 'xmlns').map(({ name }) => name)
    const outer = this.#prefixes.at(-1) as ReadonlySet<string>
    const known = declared.length === 0 ? outer : new Set([...outer, ...declared])
    this.#prefixes.push(known)
    if (node.prefix !== '' && !this.#anyPrefix && !known.has(node.prefix)) {
      throw new XmlError(`invalid XML document, namespace ${node.prefix} is missing`)
    }
    this.#open = node
  }

  #leave(): void {
    this.#depth--
    this.#prefixes.pop()
    this.#open = this.#open.parent as XmlNode
    if (this.#open === this.#root && this.#end < 0) this.#end = this.#at
  }

  #endTag(): void {
    this.#at += 2
    const name = this.#name('expected element name after </')
    this.#space()
    if (this.#text[this.#at] !== '>') throw this.#error(`invalid characters between </${name} and >`)
    if (this.#open === this.#root) throw this.#error(`unexpected end element </${name}>`)
    const { nodeName } = this.#open
    if (nodeName !== name) throw this.#error(`element <${nodeName}> closed by </${name}>`)
    this.#at++
    this.#leave()
  }
}

/** Prefix and local name. A colon at an end belongs to the name. */
function splitName(name: string): [string, string] {
  const colon = name.indexOf(':')
  return colon <= 0 || colon === name.length - 1 ? ['', name] : [name.slice(0, colon), name.slice(colon + 1)]
}

function characterOf(code: number): string | undefined {
  const isCharacter =
    code === 9 || code === 10 || code === 13 || (code >= 0x20 && code < 0xd800) || (code >= 0xe000 && code < 0xfffe)
  return isCharacter || (code >= 0x10000 && code <= 0x10ffff) ? String.fromCodePoint(code) : undefined
}

// ----------------------------------------------------------------------------------------------------------- writing

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&#34;', "'": '&#39;' }

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (char) => escapes[char] as string)
}

/** The children of `parent` as text. Elements without children keep their end tags. */
export function xmlText(parent: XmlNode): string {
  let out = ''
  for (let child = parent.first; child !== null; child = child.next) out += nodeText(child, true)
  return out
}

/** `keepsSpace`: spaces around texts stay (`xml:space` says otherwise). */
export function nodeText(node: XmlNode, keepsSpace: boolean): string {
  switch (node.kind) {
    case 'text':
    case 'attribute':
      return escaped(keepsSpace ? node.data : node.data.trim())
    case 'cdata':
      return `<![CDATA[${node.data}]]>`
    case 'comment':
      return `<!--${node.data}-->`
    case 'directive':
      return `<!${node.data}>`
    case 'instruction':
      return `<?${node.name}${node.data === '' ? '' : ` ${node.data}`}?>`
    case 'declaration':
      return `<?${node.name}${attributesText(node)}?>`
    case 'element':
    case 'document': {
      const space = node.attributeList.find((each) => each.nodeName === 'xml:space')?.data
      const keeps = space === 'preserve' || (space !== 'default' && keepsSpace)
      let out = `<${node.nodeName}${attributesText(node)}>`
      for (let child = node.first; child !== null; child = child.next) out += nodeText(child, keeps)
      return `${out}</${node.nodeName}>`
    }
  }
}

function attributesText(node: XmlNode): string {
  let out = ''
  for (const attribute of node.attributeList) out += ` ${attribute.nodeName}="${escaped(attribute.data)}"`
  return out
}
