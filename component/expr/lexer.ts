// Text of expressions into tokens.
import { ExprError } from './value.ts'

export interface Token {
  readonly kind: 'name' | 'int' | 'float' | 'string' | 'operator' | 'end'
  /** Of a string what it stands for; of others as written. */
  readonly text: string
  /** Where it begins in the text. */
  readonly at: number
}

const operators = '?. ?? ** .. == != <= >= && || :: + - * / % ^ < > = ! ? : . , ( ) [ ] { } | # ;'.split(' ')
const escapes: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  "'": "'",
  '"': '"',
  '`': '`',
}

/** Throws `ExprError` for what is no token, with its place. */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = []
  let at = 0
  for (;;) {
    at = skipBlanks(text, at)
    if (at >= text.length) break
    const token = readToken(text, at)
    tokens.push(token.token)
    at = token.end
  }
  tokens.push({ kind: 'end', text: '', at: text.length })
  return tokens
}

/** ` (line:column)` of a place. */
export function place(text: string, at: number): string {
  const before = text.slice(0, at).split('\n')
  return ` (${before.length}:${(before.at(-1) as string).length + 1})`
}

function skipBlanks(text: string, from: number): number {
  let at = from
  for (;;) {
    while (/\s/.test(text[at] ?? '')) at++
    if (text.startsWith('//', at)) {
      const end = text.indexOf('\n', at)
      at = end < 0 ? text.length : end
    } else if (text.startsWith('/*', at)) {
      const end = text.indexOf('*/', at)
      if (end < 0) throw new ExprError(`unclosed comment${place(text, at)}`)
      at = end + 2
    } else return at
  }
}

const name = /[\p{L}_$][\p{L}\p{Nd}_$]*/uy
const number = /0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|(?:\d[\d_]*)?(?:\.(?!\.)\d[\d_]*)?(?:[eE][+-]?\d+)?/y

function readToken(text: string, at: number): { token: Token; end: number } {
  const char = text[at] as string
  if (char === '"' || char === "'" || char === '`') return readString(text, at, char)
  if (/\d/.test(char) || (char === '.' && /\d/.test(text[at + 1] ?? ''))) {
    number.lastIndex = at
    const found = (number.exec(text) as RegExpExecArray)[0]
    const isFloat = !/^0[xXbBoO]/.test(found) && /[.eE]/.test(found)
    return { token: { kind: isFloat ? 'float' : 'int', text: found.replaceAll('_', ''), at }, end: at + found.length }
  }
  name.lastIndex = at
  const word = name.exec(text)?.[0]
  if (word !== undefined) return { token: { kind: 'name', text: word, at }, end: at + word.length }
  const operator = operators.find((o) => text.startsWith(o, at))
  if (operator === undefined) {
    throw new ExprError(
      `unrecognized character: ${JSON.stringify(String.fromCodePoint(text.codePointAt(at) as number))}${place(text, at)}`,
    )
  }
  return { token: { kind: 'operator', text: operator, at }, end: at + operator.length }
}

function readString(text: string, start: number, quote: string): { token: Token; end: number } {
  let out = ''
  let at = start + 1
  for (;;) {
    const char = text[at]
    if (char === undefined || (char === '\n' && quote !== '`')) {
      throw new ExprError(`literal not terminated${place(text, start)}`)
    }
    if (char === quote) return { token: { kind: 'string', text: out, at: start }, end: at + 1 }
    if (char !== '\\' || quote === '`') {
      out += char
      at++
      continue
    }
    const code = /^(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3}))/.exec(
      text.slice(at + 1, at + 10),
    )
    const escaped = escapes[text[at + 1] ?? '']
    if (code !== null) {
      const hex = code[1] ?? code[2] ?? code[3]
      const point = hex === undefined ? Number.parseInt(code[4] as string, 8) : Number.parseInt(hex, 16)
      if (point > 0x10ffff) throw new ExprError(`invalid char escape${place(text, at)}`)
      out += String.fromCodePoint(point)
      at += 1 + code[0].length
    } else if (escaped === undefined) throw new ExprError(`invalid char escape${place(text, at)}`)
    else {
      out += escaped
      at += 2
    }
  }
}
