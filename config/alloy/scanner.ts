// The scanner: bytes of an Alloy file to tokens, with terminators put in where lines end a statement.
import { isPrintable } from '#lib/go_quote'
import { type Token, TokenKind, wordKind } from './token.ts'

/** Told of every problem in the order of the bytes; a problem may stand inside a token that is still returned. */
export type ScanErrorHandler = (offset: number, message: string) => void

const byteOrderMark = 0xfeff
const replacementChar = 0xfffd
const endOfFile = -1
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** Code of a character, to compare with what the scanner reads. */
function codeOf(char: string): number {
  return char.charCodeAt(0)
}

const code = {
  tab: codeOf('\t'),
  lineFeed: codeOf('\n'),
  return: codeOf('\r'),
  space: codeOf(' '),
  quote: codeOf('"'),
  apostrophe: codeOf("'"),
  backtick: codeOf('`'),
  backslash: codeOf('\\'),
  slash: codeOf('/'),
  star: codeOf('*'),
  dot: codeOf('.'),
  plus: codeOf('+'),
  minus: codeOf('-'),
  equals: codeOf('='),
  pipe: codeOf('|'),
  ampersand: codeOf('&'),
}

/** Tokens of one character that nothing can follow to make them longer. */
const singles: ReadonlyMap<number, TokenKind> = new Map(
  (['+', '-', '*', '%', '^', '{', '}', '(', ')', '[', ']', ',', '.'] as const).map((kind) => [codeOf(kind), kind]),
)

/** Operators that an equals sign makes another one of. */
const withEquals: ReadonlyMap<number, readonly [alone: TokenKind, followed: TokenKind]> = new Map([
  [codeOf('!'), [TokenKind.not, TokenKind.neq]],
  [codeOf('='), [TokenKind.assign, TokenKind.eq]],
  [codeOf('<'), [TokenKind.lt, TokenKind.lte]],
  [codeOf('>'), [TokenKind.gt, TokenKind.gte]],
])

/** Kinds after which the end of a line ends the statement. */
const endsStatement: ReadonlySet<TokenKind> = new Set([
  TokenKind.ident,
  TokenKind.number,
  TokenKind.float,
  TokenKind.string,
  TokenKind.bool,
  TokenKind.null,
  TokenKind.rightParen,
  TokenKind.rightBracket,
  TokenKind.rightBrace,
])

const simpleEscapes: ReadonlySet<number> = new Set([...'abfnrtv\\"'].map(codeOf))
const letter = /^\p{L}$/u
const decimalDigit = /^\p{Nd}$/u

function isDecimal(ch: number): boolean {
  return ch >= 0x30 && ch <= 0x39
}

function isLetter(ch: number): boolean {
  if (ch < 0x80) return (ch >= 0x61 && ch <= 0x7a) || (ch >= 0x41 && ch <= 0x5a) || ch === 0x5f
  return letter.test(String.fromCodePoint(ch))
}

function isWordPart(ch: number): boolean {
  return isLetter(ch) || isDecimal(ch) || (ch >= 0x80 && decimalDigit.test(String.fromCodePoint(ch)))
}

/** Value of a hexadecimal digit; 16 for anything else. */
function digitValue(ch: number): number {
  if (isDecimal(ch)) return ch - 0x30
  const lower = ch | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x61 + 10 : 16
}

/** A character as messages name it: `U+0023 '#'`, without the character itself where it cannot be seen. */
function describe(ch: number): string {
  const char = String.fromCodePoint(ch)
  const number = `U+${ch.toString(16).toUpperCase().padStart(4, '0')}`
  return isPrintable(char) ? `${number} '${char}'` : number
}

/**
 * Reads tokens one after the other; after the last it returns EOF for ever. Comments are tokens.
 *
 * Every problem goes to the handler and scanning goes on, so that all are found at once. Never throws.
 */
export class Scanner {
  readonly #bytes: Uint8Array
  readonly #onError: ScanErrorHandler
  /** The character being looked at, its offset, and the offset of the one after it. */
  #ch = endOfFile
  #at = 0
  #next = 0
  #terminates = false

  constructor(bytes: Uint8Array, onError: ScanErrorHandler) {
    this.#bytes = bytes
    this.#onError = onError
    this.#advance()
    if (this.#ch === byteOrderMark) this.#advance()
  }

  scan(): Token {
    this.#skipSpace()
    const start = this.#at
    const ch = this.#ch
    if (isLetter(ch)) return this.#word(start)
    if (isDecimal(ch) || (ch === code.dot && isDecimal(this.#bytes[this.#next] ?? 0))) return this.#number(start)
    if (ch === code.slash && this.#terminates && this.#commentEndsLine(start)) return this.#terminator(start)

    this.#advance()
    switch (ch) {
      case endOfFile:
        return this.#terminates ? this.#terminator(start) : this.#token(TokenKind.eof, start)
      case code.lineFeed:
        return this.#terminator(start)
      case code.apostrophe:
        this.#onError(start, 'illegal single-quoted string; use double quotes')
        this.#string(start, ch)
        this.#terminates = true
        return { kind: TokenKind.illegal, text: this.#textFrom(start), start, end: this.#at }
      case code.quote:
      case code.backtick:
        this.#string(start, ch)
        return this.#literal(TokenKind.string, start)
      case code.pipe:
        return this.#doubled(start, ch, TokenKind.or)
      case code.ampersand:
        return this.#doubled(start, ch, TokenKind.and)
      case code.slash:
        if (this.#ch === code.slash || this.#ch === code.star) return this.#comment(start)
        return this.#token(TokenKind.div, start)
      default:
        return this.#operator(start, ch)
    }
  }

  #operator(start: number, ch: number): Token {
    const pair = withEquals.get(ch)
    if (pair !== undefined) {
      const [alone, followed] = pair
      if (this.#ch !== code.equals) return this.#token(alone, start)
      this.#advance()
      return this.#token(followed, start)
    }
    const single = singles.get(ch)
    if (single !== undefined) return this.#token(single, start)
    // A misplaced byte order mark was reported when it was read. Whether the line ends a statement stays as it was.
    if (ch !== byteOrderMark) this.#onError(start, `illegal character ${describe(ch)}`)
    return { kind: TokenKind.illegal, text: String.fromCodePoint(ch), start, end: this.#at }
  }

  #token(kind: TokenKind, start: number): Token {
    this.#terminates = endsStatement.has(kind)
    return { kind, text: '', start, end: this.#at }
  }

  #literal(kind: TokenKind, start: number): Token {
    this.#terminates = true
    return { kind, text: this.#textFrom(start), start, end: this.#at }
  }

  #terminator(start: number): Token {
    this.#terminates = false
    return { kind: TokenKind.terminator, text: '\n', start, end: this.#at }
  }

  #doubled(start: number, ch: number, kind: TokenKind): Token {
    if (this.#ch === ch) this.#advance()
    else this.#onError(this.#at, `missing second ${String.fromCodePoint(ch)} in ${kind}`)
    return this.#token(kind, start)
  }

  #textFrom(start: number): string {
    return decoder.decode(this.#bytes.subarray(start, this.#at))
  }

  #skipSpace(): void {
    for (;;) {
      const ch = this.#ch
      if (ch !== code.space && ch !== code.tab && ch !== code.return && (ch !== code.lineFeed || this.#terminates))
        return
      this.#advance()
    }
  }

  /** Moves to the next character; `endOfFile` when there is none. Reports bytes that are no UTF-8, and NUL. */
  #advance(): void {
    const bytes = this.#bytes
    const at = this.#next
    this.#at = at
    const first = bytes[at]
    if (first === undefined) {
      this.#ch = endOfFile
      return
    }
    if (first < 0x80) {
      if (first === 0) this.#onError(at, 'illegal character NUL')
      this.#ch = first
      this.#next = at + 1
      return
    }
    const width = sequenceLength(bytes, at)
    this.#next = at + Math.max(width, 1)
    if (width === 0) {
      this.#ch = replacementChar
      this.#onError(at, 'illegal UTF-8 encoding')
      return
    }
    this.#ch = decoder.decode(bytes.subarray(at, at + width)).codePointAt(0) ?? replacementChar
    if (this.#ch === byteOrderMark && at > 0) this.#onError(at, 'illegal byte order mark')
  }

  #word(start: number): Token {
    while (isWordPart(this.#ch)) this.#advance()
    const text = this.#textFrom(start)
    this.#terminates = true
    return { kind: wordKind(text), text, start, end: this.#at }
  }

  #number(start: number): Token {
    let kind: TokenKind = TokenKind.number
    this.#digits()
    if (this.#ch === code.dot) {
      kind = TokenKind.float
      this.#advance()
      this.#digits()
    }
    if (this.#ch === 0x65 || this.#ch === 0x45) {
      kind = TokenKind.float
      this.#advance()
      if (this.#ch === code.plus || this.#ch === code.minus) this.#advance()
      if (this.#digits() === 0) this.#onError(start, 'exponent has no digits')
    }
    return this.#literal(kind, start)
  }

  #digits(): number {
    let count = 0
    for (; isDecimal(this.#ch); count++) this.#advance()
    return count
  }

  /** Reads on to the closing quote; a raw string (backticks) spans lines and knows no escapes. */
  #string(start: number, until: number): void {
    const raw = until === code.backtick
    for (;;) {
      const ch = this.#ch
      if (ch === endOfFile || (ch === code.lineFeed && !raw)) {
        this.#onError(start, 'string literal not terminated')
        return
      }
      this.#advance()
      if (ch === until) return
      if (ch === code.backslash && !raw) this.#escape()
    }
  }

  /** Reads what follows a backslash; stops at the character at fault without consuming it. */
  #escape(): void {
    const start = this.#at
    const ch = this.#ch
    if (simpleEscapes.has(ch)) {
      this.#advance()
      return
    }
    if (ch >= 0x30 && ch <= 0x37) this.#escapeDigits(start, 3, 8, 0xff)
    else if (ch === codeOf('x')) this.#escapeDigits(start, 2, 16, 0xff)
    else if (ch === codeOf('u')) this.#escapeDigits(start, 4, 16, 0x10ffff)
    else if (ch === codeOf('U')) this.#escapeDigits(start, 8, 16, 0x10ffff)
    else this.#onError(start, ch === endOfFile ? 'escape sequence not terminated' : 'unknown escape sequence')
  }

  #escapeDigits(start: number, count: number, base: number, max: number): void {
    // An octal escape starts with its first digit, the others with a letter.
    if (base === 16) this.#advance()
    let value = 0
    for (let left = count; left > 0; left--) {
      const digit = digitValue(this.#ch)
      if (digit >= base) {
        const ended = this.#ch === endOfFile
        const fault = ended ? '' : `illegal character ${describe(this.#ch)} in escape sequence`
        this.#onError(start, ended ? 'escape sequence not terminated' : fault)
        return
      }
      value = value * base + digit
      this.#advance()
    }
    if (value > max || (value >= 0xd800 && value < 0xe000)) {
      this.#onError(start, 'escape sequence is invalid Unicode code point')
    }
  }

  #comment(start: number): Token {
    const block = this.#ch === code.star
    this.#advance()
    if (block) {
      for (let before = 0; this.#ch !== endOfFile;) {
        before = this.#ch
        this.#advance()
        if (before === code.star && this.#ch === code.slash) {
          this.#advance()
          return this.#commentToken(start, this.#at)
        }
      }
      this.#onError(start, 'block comment not terminated')
      return this.#commentToken(start, this.#at)
    }
    while (this.#ch !== code.lineFeed && this.#ch !== endOfFile) this.#advance()
    let end = this.#at
    if (this.#bytes[end - 1] === code.return) end--
    return this.#commentToken(start, end)
  }

  /** Carriage returns are no part of a comment's text, except where dropping one would end the comment early. */
  #commentToken(start: number, end: number): Token {
    const text = decoder.decode(this.#bytes.subarray(start, end))
    const clean = text.startsWith('//')
      ? text.replaceAll('\r', '')
      : text.replaceAll(/(?<![^]{2}\*)\r|\r(?!\r*\/)/g, '')
    this.#terminates = false
    return { kind: TokenKind.comment, text: clean, start, end }
  }

  /** Whether nothing but comments and spaces stands between the comment at `start` and the end of a line. */
  #commentEndsLine(start: number): boolean {
    const bytes = this.#bytes
    for (let at = start; bytes[at] === code.slash;) {
      if (bytes[at + 1] === code.slash) return true
      if (bytes[at + 1] !== code.star) return false
      for (at += 2; ; at++) {
        const byte = bytes[at]
        if (byte === undefined || byte === code.lineFeed) return true
        if (byte === code.star && bytes[at + 1] === code.slash) break
      }
      at += 2
      while (bytes[at] === code.space || bytes[at] === code.tab || bytes[at] === code.return) at++
      if (at >= bytes.length || bytes[at] === code.lineFeed) return true
    }
    return false
  }
}

/** Bytes of the well-formed UTF-8 sequence at `at`, 2 to 4; 0 where there is none. (The Unicode Standard, table 3-7.) */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] ?? 0
  const second = bytes[at + 1] ?? 0
  const continues = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80
  if (!continues(second)) return 0
  if (first >= 0xc2 && first <= 0xdf) return 2
  if (!continues(bytes[at + 2])) return 0
  if (first === 0xe0) return second >= 0xa0 ? 3 : 0
  if (first === 0xed) return second <= 0x9f ? 3 : 0
  if (first >= 0xe1 && first <= 0xef) return 3
  if (!continues(bytes[at + 3])) return 0
  if (first === 0xf0) return second >= 0x90 ? 4 : 0
  if (first === 0xf4) return second <= 0x8f ? 4 : 0
  return first >= 0xf1 && first <= 0xf3 ? 4 : 0
}

/** Whether a text is an identifier of the language: a letter or `_`, then letters, digits, `_`; no keyword. */
export function isIdentifier(text: string): boolean {
  let position = 0
  for (const char of text) {
    const ch = char.codePointAt(0) ?? 0
    if (position++ === 0 ? !isLetter(ch) : !isWordPart(ch)) return false
  }
  return position > 0 && wordKind(text) === TokenKind.ident
}
