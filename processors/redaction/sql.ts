// Takes values out of SQL: a scanner that knows where literals, names and comments begin and end, in one pass.

/** Signs that make up operators. */
const operators = '+-*/=<>!&|^%~?@:#'
const punctuation = '(),;.:[]{}'
const spaces = ' \t\n\r'

function isDigit(char: string): boolean {
  return char >= '0' && char <= '9'
}

/** A letter, or an underscore. */
function isLetter(char: string): boolean {
  if (char === '') return false
  if (char < '\x80') return (char >= 'a' && char <= 'z') || (char >= 'A' && char <= 'Z') || char === '_'
  return /^\p{L}/u.test(char)
}

function isNamePart(char: string): boolean {
  return isDigit(char) || isLetter(char) || (char !== '' && '".?$#/@!'.includes(char))
}

function withoutDigits(text: string): string {
  return text.replace(/\d+/g, '?')
}

/**
 * Literals, numbers, positional parameters and the words `true`, `false` and `null` become `?`, and so do digits in names;
 * comments, operators and functions' names stay. Double quotes are quoted names, with `isMySql` texts. What a text or a
 * dollar-quoted text without an end holds is gone to the last character. White space around it goes.
 */
export function withoutSqlValues(statement: string, isMySql = false): string {
  return new SqlScan(statement, isMySql).masked()
}

class SqlScan {
  readonly #text: string
  readonly #isMySql: boolean
  #at = 0

  constructor(text: string, isMySql: boolean) {
    this.#text = text
    this.#isMySql = isMySql
  }

  masked(): string {
    let out = ''
    while (this.#at < this.#text.length) out += this.#token()
    return out.trim()
  }

  /** The character so many places on, a pair of surrogates as one; '' behind the end. */
  #peek(places = 0): string {
    const code = this.#text.codePointAt(this.#at + places)
    return code === undefined
      ? ''
      : code < 0x80
        ? (this.#text[this.#at + places] as string)
        : String.fromCodePoint(code)
  }

  /** What was read since `start`. */
  #since(start: number): string {
    return this.#text.slice(start, this.#at)
  }

  #skip(count: number): string {
    const start = this.#at
    this.#at = Math.min(start + count, this.#text.length)
    return this.#since(start)
  }

  /** Everything up to `end`, with it; without one the rest. */
  #through(end: string, from: number): string {
    const start = this.#at
    const found = this.#text.indexOf(end, from)
    this.#at = found < 0 ? this.#text.length : found + end.length
    return this.#since(start)
  }

  /** The next token, as it is shown. */
  #token(): string {
    const char = this.#peek()
    const next = this.#peek(1)
    if (isLetter(char)) return this.#word()
    if (isDigit(char)) return this.#number()
    if ((char === '+' || char === '-') && (isDigit(next) || next === '.')) {
      this.#at++
      return this.#decimal()
    }
    const quoted = this.#quoted(char)
    if (quoted !== undefined) return quoted
    if (char === '-' && next === '-') return this.#through('\n', this.#at)
    if (char === '#' && this.#isMySql) return this.#through('\n', this.#at)
    if (char === '/' && next === '*') return this.#through('*/', this.#at + 2)
    if (char === '$') return this.#dollar(next)
    if (char === '@' && (next === '@' || isDigit(next) || isLetter(next))) return this.#variable(next)
    if (char !== '*' && char !== '' && operators.includes(char)) return this.#operator(char, next)
    return this.#skip(char.length)
  }

  #quoted(char: string): string | undefined {
    if (char === "'" || (char === '"' && this.#isMySql)) return this.#literal(char)
    if (char === '"' || (char === '`' && this.#isMySql)) return this.#quotedName(char)
    return undefined
  }

  #word(): string {
    const start = this.#at
    while (this.#peek() === '_' || /^[A-Za-z]/.test(this.#peek())) this.#at++
    const after = this.#peek()
    const isWhole = after === '' || spaces.includes(after) || punctuation.includes(after)
    if (isWhole && /^(?:true|false|null)$/i.test(this.#since(start))) return '?'
    while (isNamePart(this.#peek())) this.#at += this.#peek().length
    const name = this.#since(start)
    return this.#peek() === '(' ? name : withoutDigits(name)
  }

  #number(): string {
    const next = this.#peek(1)
    if (this.#peek() === '0' && (next === 'x' || next === 'X')) return this.#digits(2, /[\da-fA-F]/)
    if (this.#peek() === '0' && next >= '0' && next <= '7') return this.#digits(2, /[0-7]/)
    return this.#decimal()
  }

  #digits(prefix: number, digit: RegExp): string {
    this.#at += prefix
    while (digit.test(this.#peek())) this.#at++
    return '?'
  }

  #decimal(): string {
    for (;;) {
      const char = this.#peek()
      if (isDigit(char) || char === '.') this.#at++
      else if (char === 'e' || char === 'E') {
        this.#at++
        if (this.#peek() === '+' || this.#peek() === '-') this.#at++
      } else return '?'
    }
  }

  /** A text; a quote in it has a backslash before it. */
  #literal(quote: string): string {
    const text = this.#text
    let at = this.#at + 1
    while (at < text.length && text[at] !== quote) at += text[at] === '\\' ? 2 : 1
    this.#at = Math.min(at + 1, text.length)
    return '?'
  }

  /** `"a"."b"` is one name. */
  #quotedName(quote: string): string {
    const start = this.#at
    const text = this.#text
    let at = start + 1
    for (;;) {
      at = text.indexOf(quote, at)
      if (at < 0) at = text.length
      if (!text.startsWith(`${quote}.${quote}`, at)) break
      at += 3
    }
    this.#at = Math.min(at + 1, text.length)
    return withoutDigits(this.#since(start))
  }

  /** `$1`, or a text between two equal tags: `$tag$…$tag$`. In a function's body statements are masked as statements. */
  #dollar(next: string): string {
    if (isDigit(next)) return this.#digits(1, /\d/)
    const start = this.#at
    let end = start + 1
    while (/\w/.test(this.#text[end] ?? '')) end++
    if (this.#text[end] !== '$') return this.#skip(1)
    const tag = this.#text.slice(start, end + 1)
    const body = this.#through(tag, end + 1)
    if (tag !== '$func$' || !body.endsWith(tag) || body.length < 2 * tag.length) return '?'
    return tag + withoutSqlValues(body.slice(tag.length, -tag.length), this.#isMySql) + tag
  }

  /** `@name`, `@@name`. */
  #variable(next: string): string {
    const start = this.#at
    this.#at += next === '@' ? 2 : 1
    while (isDigit(this.#peek()) || isLetter(this.#peek())) this.#at += this.#peek().length
    return this.#since(start)
  }

  #operator(first: string, next: string): string {
    const start = this.#at
    this.#at++
    // Operators on JSON end where they are whole: what follows may be a number with its sign.
    if ((first === '-' || first === '#') && next === '>') return first + this.#skip(this.#peek(1) === '>' ? 2 : 1)
    const pair = first + next
    if (['#-', '?|', '?&', '<@', '@?', '@>'].includes(pair)) return first + this.#skip(1)
    let last = first
    for (let char = next; char !== '' && operators.includes(char); char = this.#peek()) {
      if (last === '=' && (char === '?' || char === '@')) break
      last = char
      this.#at++
    }
    return this.#since(start)
  }
}
