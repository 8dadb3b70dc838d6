// Answers of XML-RPC (xmlrpc.com, "XML-RPC Specification"), read to values.

/** int, i4, i8 and double are numbers; base64 and dateTime stay texts; nil is null. */
export type XmlRpcValue = number | boolean | string | null | readonly XmlRpcValue[] | ReadonlyMap<string, XmlRpcValue>

/** The text is no answer, or the answer is a fault. */
export class XmlRpcError extends Error {
  override readonly name = 'XmlRpcError'
}

const depthMax = 64
/** A tag, or what stands before the next one. Comments, CDATA and declarations of types have no place in XML-RPC. */
const tokenPattern = /<(\/?)([A-Za-z0-9._:-]+)\s*(\/?)>|[^<]+/y

interface Token {
  readonly kind: 'open' | 'close' | 'text'
  /** The tag's name or the text. */
  readonly value: string
}

/** The first parameter of the method's response in `xml`. Throws `XmlRpcError`, also for a fault. */
export function parseXmlRpc(xml: string): XmlRpcValue {
  const reader = new Reader(tokens(xml.replace(/^\s*<\?xml[^>]*\?>/, '')))
  reader.open('methodResponse')
  if (reader.next('fault')) {
    const fault = reader.value(0)
    const text =
      fault instanceof Map ? `${String(fault.get('faultCode'))} ${String(fault.get('faultString'))}` : 'no text'
    throw new XmlRpcError(`Cannot call: fault: current value is ${text}`)
  }
  reader.open('params')
  reader.open('param')
  return reader.value(0)
}

function tokens(xml: string): Token[] {
  const found: Token[] = []
  tokenPattern.lastIndex = 0
  while (tokenPattern.lastIndex < xml.length) {
    const at = tokenPattern.lastIndex
    const match = tokenPattern.exec(xml)
    if (match === null) throw new XmlRpcError(`Cannot read answer: no XML of XML-RPC at ${at}`)
    const [text, slash, name, empty] = match
    if (name === undefined) found.push({ kind: 'text', value: unescape(text) })
    else {
      found.push({ kind: slash === '/' ? 'close' : 'open', value: name })
      if (empty === '/') found.push({ kind: 'close', value: name })
    }
  }
  return found
}

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }

function unescape(text: string): string {
  return text.replace(/&(#x[0-9a-fA-F]{1,6}|#\d{1,7}|\w+);/g, (whole, name: string) => {
    if (!name.startsWith('#')) return entities[name] ?? whole
    const code = name.startsWith('#x') ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1))
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole
  })
}

class Reader {
  readonly #tokens: readonly Token[]
  #at = 0
  constructor(all: readonly Token[]) {
    this.#tokens = all
  }

  /** Is the next tag `<name>`? Then it is taken. */
  next(name: string): boolean {
    this.#skipBlanks()
    const token = this.#tokens[this.#at]
    if (token?.kind !== 'open' || token.value !== name) return false
    this.#at++
    return true
  }

  open(name: string): void {
    if (!this.next(name)) this.#fail(`<${name}>`)
  }

  value(depth: number): XmlRpcValue {
    if (depth > depthMax) throw new XmlRpcError(`Cannot read answer: nested more than ${depthMax} deep`)
    this.open('value')
    const first = this.#tokens[this.#at]
    // Without a type it is a string; white space before a type is nothing.
    if (first?.kind !== 'open' && this.#tokens[this.#at + 1]?.kind !== 'open') {
      const text = this.#text()
      this.#close('value')
      return text
    }
    this.#skipBlanks()
    const type = this.#tokens[this.#at++]?.value ?? ''
    const value = this.#typed(type, depth)
    this.#close(type)
    this.#close('value')
    return value
  }

  #typed(type: string, depth: number): XmlRpcValue {
    switch (type) {
      case 'int':
      case 'i4':
      case 'i8':
      case 'double':
        return Number(this.#text())
      case 'boolean':
        return this.#text().trim() === '1'
      case 'nil':
        return null
      case 'array': {
        const values: XmlRpcValue[] = []
        this.open('data')
        while (this.#isOpen('value')) values.push(this.value(depth + 1))
        this.#close('data')
        return values
      }
      case 'struct': {
        const members = new Map<string, XmlRpcValue>()
        while (this.next('member')) {
          this.open('name')
          const name = this.#text()
          this.#close('name')
          members.set(name, this.value(depth + 1))
          this.#close('member')
        }
        return members
      }
      default:
        return this.#text()
    }
  }

  #isOpen(name: string): boolean {
    this.#skipBlanks()
    const token = this.#tokens[this.#at]
    return token?.kind === 'open' && token.value === name
  }

  #text(): string {
    const token = this.#tokens[this.#at]
    if (token?.kind !== 'text') return ''
    this.#at++
    return token.value
  }

  #close(name: string): void {
    this.#skipBlanks()
    const token = this.#tokens[this.#at]
    if (token?.kind !== 'close' || token.value !== name) this.#fail(`</${name}>`)
    this.#at++
  }

  #skipBlanks(): void {
    const token = this.#tokens[this.#at]
    if (token?.kind === 'text' && token.value.trim() === '') this.#at++
  }

  #fail(wanted: string): never {
    const token = this.#tokens[this.#at]
    throw new XmlRpcError(
      `Cannot read answer: ${wanted} needed: current value is ${JSON.stringify(token?.value ?? 'its end')}`,
    )
  }
}
