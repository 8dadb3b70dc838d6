// Tokens of OTTL.

export type TokenKind = 'string' | 'bytes' | 'float' | 'int' | 'name' | 'punctuation' | 'end'

export interface Token {
  readonly kind: TokenKind
  /** As written; a string's text with its escapes resolved. */
  readonly text: string
  readonly at: number
  readonly end: number
}

/** What does not follow OTTL's grammar; `at` is the column, from 0. */
export class OttlSyntaxError extends Error {
  override readonly name = 'OttlSyntaxError'
  readonly at: number
  constructor(message: string, at: number) {
    super(message)
    this.at = at
  }
}

/** Longer statements are refused: parsing is linear, but nobody wrote one by hand. */
export const statementLengthMax = 1 << 16

const pattern =
  /(?<space>\s+)|(?<bytes>0x[0-9a-fA-F]+)|(?<float>(?:\d+\.\d*|\.\d+)(?:[eE][-+]?\d+)?)|(?<int>\d+)|(?<string>"(?:\\.|[^\\"])*")|(?<name>[A-Za-z][A-Za-z0-9_]*|_\b)|(?<punctuation>==|=>|!=|>=|<=|[><+\-*/=(){}:,.[\]])/suy

/** The tokens, with one of kind `end` behind them. Throws `OttlSyntaxError`. */
export function tokens(text: string): Token[] {
  if (text.length > statementLengthMax) {
    throw new OttlSyntaxError(`Cannot read a statement of more than ${statementLengthMax} characters`, 0)
  }
  const out: Token[] = []
  let at = 0
  while (at < text.length) {
    pattern.lastIndex = at
    const groups = pattern.exec(text)?.groups
    if (groups === undefined) throw unexpected(text, at)
    const end = pattern.lastIndex
    const { space, string } = groups
    if (space === undefined) {
      const kind = kindOf(groups)
      out.push({ kind, text: string === undefined ? text.slice(at, end) : unquoted(string, at), at, end })
    }
    at = end
  }
  out.push({ kind: 'end', text: '', at: text.length, end: text.length })
  return out
}

function kindOf(groups: Readonly<Record<string, string | undefined>>): TokenKind {
  for (const kind of ['string', 'bytes', 'float', 'int', 'name'] as const) if (groups[kind] !== undefined) return kind
  return 'punctuation'
}

function unexpected(text: string, at: number): OttlSyntaxError {
  if (text[at] === '"') return new OttlSyntaxError('a string is not closed', at)
  return new OttlSyntaxError(`unexpected ${JSON.stringify(String.fromCodePoint(text.codePointAt(at) ?? 0))}`, at)
}

const escapes: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '"': '"',
  "'": "'",
}

const escapePattern = /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})|([\s\S]))/g

/** The text of a string literal: Go's escapes, and no others. */
function unquoted(literal: string, at: number): string {
  const inside = literal.slice(1, -1)
  if (!inside.includes('\\')) return inside
  return inside.replace(escapePattern, (all, byte, short, long, octal, one, offset: number) => {
    const code = byte ?? short ?? long
    if (code !== undefined) {
      const point = Number.parseInt(code, 16)
      if (point <= 0x10ffff) return String.fromCodePoint(point)
    }
    if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8))
    const escape = one === undefined ? undefined : escapes[one]
    if (escape === undefined) throw new OttlSyntaxError(`a string has the unknown escape ${all}`, at + 1 + offset)
    return escape
  })
}
