// The words of the Alloy language: the kinds of token, their precedence, and how byte offsets become positions.
import type { BinaryOperator, Position, Range } from './ast.ts'

/** Token kinds under the names that error messages show (`expected IDENT, got {`). */
export const TokenKind = {
  illegal: 'ILLEGAL',
  eof: 'EOF',
  comment: 'COMMENT',
  ident: 'IDENT',
  number: 'NUMBER',
  float: 'FLOAT',
  string: 'STRING',
  bool: 'BOOL',
  null: 'NULL',
  or: '||',
  and: '&&',
  not: '!',
  assign: '=',
  eq: '==',
  neq: '!=',
  lt: '<',
  lte: '<=',
  gt: '>',
  gte: '>=',
  add: '+',
  sub: '-',
  mul: '*',
  div: '/',
  mod: '%',
  pow: '^',
  leftBrace: '{',
  rightBrace: '}',
  leftParen: '(',
  rightParen: ')',
  leftBracket: '[',
  rightBracket: ']',
  comma: ',',
  dot: '.',
  terminator: 'TERMINATOR',
} as const
export type TokenKind = (typeof TokenKind)[keyof typeof TokenKind]

export interface Token {
  readonly kind: TokenKind
  /** The text as written, for identifiers, keywords, literals, comments and illegal tokens; empty for the rest. */
  readonly text: string
  /** Byte offset of the first byte. */
  readonly start: number
  /** Byte offset of the byte after the last; equal to `start` for EOF and a terminator that nothing was written for. */
  readonly end: number
}

const keywords: ReadonlyMap<string, TokenKind> = new Map([
  ['true', TokenKind.bool],
  ['false', TokenKind.bool],
  ['null', TokenKind.null],
])

/** What kind of token a word is: a keyword's, or `IDENT`. */
export function wordKind(word: string): TokenKind {
  return keywords.get(word) ?? TokenKind.ident
}

export const precedenceOfPow = 6

const precedences: ReadonlyMap<TokenKind, number> = new Map<BinaryOperator, number>([
  ['||', 1],
  ['&&', 2],
  ['==', 3],
  ['!=', 3],
  ['<', 3],
  ['<=', 3],
  ['>', 3],
  ['>=', 3],
  ['+', 4],
  ['-', 4],
  ['*', 5],
  ['/', 5],
  ['%', 5],
  ['^', precedenceOfPow],
])

/** How tightly a binary operator binds, 1 to 6; 0 for every other token. */
export function binaryPrecedence(kind: TokenKind): number {
  return precedences.get(kind) ?? 0
}

export function isBinaryOperator(kind: TokenKind): kind is BinaryOperator {
  return precedences.has(kind)
}

const lineFeed = 0x0a

/** Where the lines of one file begin; turns byte offsets into positions. */
export class LineTable {
  readonly #file: string
  readonly #starts: number[] = [0]
  /** The line found last: offsets mostly come in rising order, so the next one is there or just after. */
  #last = 0

  constructor(file: string, bytes: Uint8Array) {
    this.#file = file
    for (let at = bytes.indexOf(lineFeed); at >= 0; at = bytes.indexOf(lineFeed, at + 1)) {
      this.#starts.push(at + 1)
    }
  }

  position(offset: number): Position {
    const line = this.#lineOf(offset)
    return { file: this.#file, offset, line: line + 1, column: offset - (this.#starts[line] ?? 0) + 1 }
  }

  /** The stretch from the byte at `start` to the byte before `end`; at least one byte. */
  range(start: number, end: number): Range {
    const from = this.position(start)
    return { start: from, end: end - 1 > start ? this.position(end - 1) : from }
  }

  #startOf(line: number): number {
    return this.#starts[line] ?? Number.POSITIVE_INFINITY
  }

  #lineOf(offset: number): number {
    let low = 0
    let high = this.#starts.length - 1
    if (offset >= this.#startOf(this.#last)) {
      if (offset < this.#startOf(this.#last + 1)) return this.#last
      low = this.#last + 1
    } else {
      high = this.#last - 1
    }
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.#startOf(middle) <= offset) low = middle
      else high = middle - 1
    }
    this.#last = low
    return low
  }
}
