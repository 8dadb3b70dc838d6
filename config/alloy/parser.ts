// The parser: tokens of an Alloy file to its syntax tree, finding all syntax errors of a file at once.
import { quote } from '#lib/go_quote'
import type { Diagnostic } from '../diagnostics.ts'
import type {
  ArrayExpression,
  Attribute,
  Block,
  Comment,
  Expression,
  File,
  Identifier,
  LiteralType,
  ObjectExpression,
  ObjectField,
  ParenExpression,
  Position,
  Range,
  Statement,
} from './ast.ts'
import { isIdentifier, Scanner } from './scanner.ts'
import { binaryPrecedence, isBinaryOperator, LineTable, precedenceOfPow, type Token, TokenKind } from './token.ts'

/**
 * How deep blocks and expressions may nest, a chain of operators or accessors counting a level for each link. Whoever
 * walks the tree may recurse: at this depth the parser itself needs about a third of the smallest stack we run with.
 */
export const nestingDepthMax = 500

/** A file with more errors than this is none of ours (a binary, say): reading it ends there, and the last error says so. */
export const parseErrorsMax = 1000

export interface ParsedFile {
  /** Best effort where there are errors: what could not be read is left out or is a `null`. */
  readonly file: File
  /** In the order found; empty when the file is sound. */
  readonly diagnostics: Diagnostic[]
}

/**
 * Parses a whole file. Bytes (or a text) may be anything: this never throws. Of the errors that the grammar finds, the
 * first of each line is reported; those inside of tokens are all reported.
 */
export function parseFile(name: string, source: Uint8Array | string): ParsedFile {
  const parser = new Parser(name, source)
  const file = parser.parseFile()
  return { file, diagnostics: parser.diagnostics }
}

export interface ParsedExpression {
  /** Absent where there are errors. */
  readonly expression: Expression | undefined
  readonly diagnostics: Diagnostic[]
}

/** Parses a lone expression; whatever follows it but blank lines and comments is an error. */
export function parseExpression(source: Uint8Array | string, name = ''): ParsedExpression {
  const parser = new Parser(name, source)
  const expression = parser.parseLoneExpression()
  const { diagnostics } = parser
  return { expression: diagnostics.length === 0 ? expression : undefined, diagnostics }
}

const literalTypes: ReadonlyMap<TokenKind, LiteralType> = new Map([
  [TokenKind.string, 'string'],
  [TokenKind.number, 'number'],
  [TokenKind.float, 'float'],
  [TokenKind.bool, 'bool'],
  [TokenKind.null, 'null'],
])

/** Where reading goes on after an expression that could not be read. */
const expressionEnds: ReadonlySet<TokenKind> = new Set([
  TokenKind.terminator,
  TokenKind.rightParen,
  TokenKind.rightBrace,
  TokenKind.rightBracket,
  TokenKind.comma,
])

/** Where reading goes on after the name of a statement, or of a field, that could not be read. */
const statementStarts: ReadonlySet<TokenKind> = new Set([TokenKind.ident])
const fieldAssigns: ReadonlySet<TokenKind> = new Set([TokenKind.assign])

/** What stands before the `=` or the `{` of a statement. */
interface StatementName {
  readonly fragments: string[]
  readonly range: Range
  readonly first: Identifier
  readonly label: string
  readonly labelRange: Range | undefined
}

function endAt(offset: number): Token {
  return { kind: TokenKind.eof, text: '', start: offset, end: offset }
}

class Parser {
  readonly diagnostics: Diagnostic[] = []
  readonly #name: string
  readonly #source: string
  readonly #lines: LineTable
  readonly #scanner: Scanner
  readonly #comments: Comment[] = []
  #token: Token
  /** Byte after the token consumed last: where a node that was just read ends. */
  #consumedEnd = 0
  #lastErrorLine = 0
  #depth = 0
  /** Levels of the expression parsed last: the height of its tree. */
  #height = 0
  #givenUp = false

  constructor(name: string, source: Uint8Array | string) {
    const bytes = typeof source === 'string' ? Buffer.from(source, 'utf8') : source
    this.#name = name
    this.#source = typeof source === 'string' ? source : new TextDecoder('utf-8', { ignoreBOM: true }).decode(source)
    this.#lines = new LineTable(name, bytes)
    this.#scanner = new Scanner(bytes, (offset, message) => this.#report(this.#lines.range(offset, offset), message))
    this.#token = this.#scanToken()
  }

  parseFile(): File {
    const body = this.#parseBody(TokenKind.eof)
    return { kind: 'file', name: this.#name, body, comments: this.#comments, source: this.#source }
  }

  parseLoneExpression(): Expression {
    const expression = this.#parseExpression()
    this.#expect(TokenKind.terminator)
    if (!this.#is(TokenKind.eof)) this.#error(`expected ${TokenKind.eof}, got ${this.#token.kind}`)
    return expression
  }

  // Tokens

  /** The next token that is no comment; comments are kept aside. */
  #scanToken(): Token {
    for (;;) {
      const token = this.#scanner.scan()
      if (this.#givenUp) return endAt(token.start)
      if (token.kind !== TokenKind.comment) return token
      this.#comments.push({ kind: 'comment', text: token.text, range: this.#lines.range(token.start, token.end) })
    }
  }

  #next(): Token {
    const consumed = this.#token
    this.#consumedEnd = consumed.end
    this.#token = this.#givenUp ? endAt(consumed.end) : this.#scanToken()
    return consumed
  }

  #is(kind: TokenKind): boolean {
    return this.#token.kind === kind
  }

  #expect(kind: TokenKind): Token {
    if (!this.#is(kind)) this.#error(`expected ${kind}, got ${this.#token.kind}`)
    return this.#next()
  }

  #skipTo(kinds: ReadonlySet<TokenKind>): void {
    while (!this.#is(TokenKind.eof) && !kinds.has(this.#token.kind)) this.#next()
  }

  /** Skips the rest of a statement, up to a terminator that no bracket opened meanwhile encloses. */
  #skipStatement(): void {
    let braces = 0
    let brackets = 0
    let parens = 0
    for (; !this.#is(TokenKind.eof); this.#next()) {
      const { kind } = this.#token
      if (kind === TokenKind.leftBrace) braces++
      else if (kind === TokenKind.rightBrace) braces--
      else if (kind === TokenKind.leftBracket) brackets++
      else if (kind === TokenKind.rightBracket) brackets--
      else if (kind === TokenKind.leftParen) parens++
      else if (kind === TokenKind.rightParen) parens--
      else if (kind === TokenKind.terminator && braces <= 0 && brackets <= 0 && parens <= 0) return
    }
  }

  // Errors and positions

  #report(range: Range, message: string): void {
    if (this.#givenUp) return
    if (this.diagnostics.length < parseErrorsMax) {
      this.diagnostics.push({ severity: 'error', range, message })
      return
    }
    this.diagnostics.push({
      severity: 'error',
      range,
      message: `too many errors: only the first ${parseErrorsMax} are shown`,
    })
    this.#givenUp = true
  }

  /** Reports an error at the current token, unless the last one was on the same line. */
  #error(message: string): void {
    if (this.#givenUp) return
    const range = this.#lines.range(this.#token.start, this.#token.start)
    if (range.start.line === this.#lastErrorLine) return
    this.#lastErrorLine = range.start.line
    this.#report(range, message)
  }

  /** Counts one more level; past the limit reports it and ends the file here. False then. */
  #fits(levels: number): boolean {
    if (this.#givenUp) return false
    if (levels <= nestingDepthMax) return true
    const { start } = this.#token
    this.#report(this.#lines.range(start, start), `nesting is too deep: more than ${nestingDepthMax} levels`)
    this.#givenUp = true
    this.#token = endAt(start)
    return false
  }

  #rangeFrom(start: number): Range {
    return this.#lines.range(start, this.#consumedEnd)
  }

  #tokenRange(token: Token): Range {
    return this.#lines.range(token.start, token.end)
  }

  #identifier(token: Token): Identifier {
    return { name: token.text, range: this.#tokenRange(token) }
  }

  // Statements

  #parseBody(until: TokenKind): Statement[] {
    const body: Statement[] = []
    while (!this.#is(until) && !this.#is(TokenKind.eof)) {
      const statement = this.#parseStatement()
      if (statement !== undefined) body.push(statement)
      if (this.#is(until)) break
      if (!this.#is(TokenKind.terminator)) {
        this.#error(`expected ${TokenKind.terminator}, got ${this.#token.kind}`)
        this.#skipStatement()
      }
      this.#next()
    }
    return body
  }

  #parseStatement(): Statement | undefined {
    const name = this.#parseName()
    if (name !== undefined) {
      const { kind } = this.#token
      if (kind === TokenKind.assign) return this.#parseAttribute(name)
      if (kind === TokenKind.leftBrace) return this.#parseBlock(name)
      const maybeAttribute = name.fragments.length === 1 && name.label === ''
      this.#error(`expected ${maybeAttribute ? 'attribute assignment or block body' : 'block body'}, got ${kind}`)
    }
    this.#skipTo(statementStarts)
    return undefined
  }

  /** Reads `identifier { "." identifier } [ string ]`. */
  #parseName(): StatementName | undefined {
    if (!this.#is(TokenKind.ident)) {
      this.#error(`expected identifier, got ${this.#token.kind}`)
      return undefined
    }
    const first = this.#identifier(this.#next())
    const { offset } = first.range.start
    const fragments = [first.name]
    while (this.#is(TokenKind.dot)) {
      this.#next()
      if (!this.#is(TokenKind.ident)) this.#error(`expected identifier, got ${this.#token.kind}`)
      fragments.push(this.#next().text)
    }
    const range = this.#rangeFrom(offset)
    const none = { fragments, range, first, label: '', labelRange: undefined }
    if (this.#is(TokenKind.assign) || this.#is(TokenKind.leftBrace)) return none
    if (!this.#is(TokenKind.string)) {
      this.#error(`expected block label, got ${this.#token.kind}`)
      this.#next()
      return none
    }
    return { ...none, ...this.#parseLabel() }
  }

  #parseLabel(): { label: string; labelRange: Range } {
    const { text } = this.#token
    if (!text.startsWith('"')) {
      this.#error(`expected block label to be a double quoted string, but got ${quote(text)}`)
    }
    const label = text.length > 2 ? text.slice(1, -1) : ''
    if (label !== '' && !isIdentifier(label)) {
      this.#error(`expected block label to be a valid identifier, but got ${quote(label)}`)
    }
    return { label, labelRange: this.#tokenRange(this.#next()) }
  }

  #parseAttribute(name: StatementName): Attribute {
    this.#next()
    if (name.fragments.length > 1) {
      this.#report(name.range, 'attribute names may only consist of a single identifier with no "."')
    } else if (name.labelRange !== undefined) {
      this.#report(name.labelRange, 'attribute names may not have labels')
    }
    const value = this.#parseExpression()
    return { kind: 'attribute', name: name.first, value, range: { start: name.range.start, end: value.range.end } }
  }

  #parseBlock(name: StatementName): Block {
    const openBrace = this.#lines.position(this.#next().start)
    this.#depth++
    const body = this.#fits(this.#depth) ? this.#parseBody(TokenKind.rightBrace) : []
    this.#depth--
    const closeBrace = this.#lines.position(this.#expect(TokenKind.rightBrace).start)
    return {
      kind: 'block',
      name: name.fragments,
      nameRange: name.range,
      label: name.label,
      ...(name.label === '' || name.labelRange === undefined ? {} : { labelRange: name.labelRange }),
      body,
      openBrace,
      closeBrace,
      range: { start: name.range.start, end: closeBrace },
    }
  }

  // Expressions

  #parseExpression(): Expression {
    return this.#parseBinary(1)
  }

  /** Reads operators that bind at least as tightly as `tightness`; those of one level group from the left. */
  #parseBinary(tightness: number): Expression {
    let left = this.#parsePower()
    for (;;) {
      const { kind, start } = this.#token
      const precedence = binaryPrecedence(kind)
      if (precedence < tightness || !isBinaryOperator(kind)) return left
      const height = this.#height
      this.#next()
      const right = this.#parseBinary(precedence + 1)
      left = this.#binary(left, kind, start, right, height)
    }
  }

  /** Reads `a ^ b ^ c`, which groups from the right. */
  #parsePower(): Expression {
    const left = this.#parseUnary()
    const { kind, start } = this.#token
    if (kind !== '^' || binaryPrecedence(kind) !== precedenceOfPow) return left
    const height = this.#height
    this.#next()
    this.#depth++
    const right = this.#parsePower()
    this.#depth--
    return this.#binary(left, kind, start, right, height)
  }

  #binary(
    left: Expression,
    operator: Extract<Expression, { kind: 'binary' }>['operator'],
    at: number,
    right: Expression,
    leftHeight: number,
  ): Expression {
    this.#grow(Math.max(leftHeight, this.#height))
    const range = { start: left.range.start, end: right.range.end }
    return { kind: 'binary', operator, operatorAt: this.#lines.position(at), left, right, range }
  }

  /** Notes that the expression just read stands one level above a tree of this height. */
  #grow(height: number): void {
    this.#height = height + 1
    this.#fits(this.#depth + this.#height)
  }

  #parseUnary(): Expression {
    const { kind, start } = this.#token
    this.#depth++
    const fits = this.#fits(this.#depth)
    let expression: Expression
    if (fits && (kind === '!' || kind === '-')) {
      this.#next()
      const operand = this.#parseUnary()
      expression = { kind: 'unary', operator: kind, operand, range: this.#until(this.#lines.position(start), operand) }
      this.#height++
    } else {
      expression = this.#parsePrimary()
    }
    // What stands between the brackets of a call or an index is one level down, too.
    if (kind !== '!' && kind !== '-') expression = this.#parsePostfix(expression)
    this.#depth--
    return expression
  }

  #until(start: Position, last: Expression): Range {
    return { start, end: last.range.end }
  }

  /** Reads the chain of accesses, indexes and calls behind a primary expression. */
  #parsePostfix(primary: Expression): Expression {
    let value = primary
    for (;;) {
      const { kind } = this.#token
      const height = this.#height
      if (kind === TokenKind.dot) {
        this.#next()
        const name = this.#identifier(this.#expect(TokenKind.ident))
        value = { kind: 'access', value, name, range: { start: value.range.start, end: name.range.end } }
        this.#grow(height)
      } else if (kind === TokenKind.leftBracket) {
        this.#next()
        const index = this.#parseExpression()
        const inner = this.#height
        this.#expect(TokenKind.rightBracket)
        value = { kind: 'index', value, index, range: this.#rangeFrom(value.range.start.offset) }
        this.#grow(Math.max(height, inner))
      } else if (kind === TokenKind.leftParen) {
        this.#next()
        const args = this.#parseList(TokenKind.rightParen)
        const inner = this.#height
        this.#expect(TokenKind.rightParen)
        value = { kind: 'call', callee: value, args, range: this.#rangeFrom(value.range.start.offset) }
        this.#grow(Math.max(height, inner))
      } else if (kind === TokenKind.string || kind === TokenKind.leftBrace) {
        if (!this.#parseMisplacedBlock(value)) return value
        this.#height = height
      } else {
        return value
      }
    }
  }

  /** Reads the label and body of what may be a block where an expression must stand, to say so. False if it is none. */
  #parseMisplacedBlock(name: Expression): boolean {
    if (this.#is(TokenKind.string)) this.#next()
    const opens = this.#expect(TokenKind.leftBrace).kind === TokenKind.leftBrace
    if (opens) {
      this.#depth++
      if (this.#fits(this.#depth)) this.#parseBody(TokenKind.rightBrace)
      this.#depth--
      const close = this.#expect(TokenKind.rightBrace)
      if (close.kind === TokenKind.rightBrace) {
        const end = this.#lines.position(close.start)
        this.#report({ start: name.range.start, end }, 'cannot use a block as an expression')
        return true
      }
    }
    this.#skipStatement()
    return false
  }

  #parsePrimary(): Expression {
    const token = this.#token
    this.#height = 1
    const literal = literalTypes.get(token.kind)
    if (literal !== undefined) {
      this.#next()
      return { kind: 'literal', type: literal, text: token.text, range: this.#tokenRange(token) }
    }
    switch (token.kind) {
      case TokenKind.ident:
        this.#next()
        return { kind: 'identifier', name: token.text, range: this.#tokenRange(token) }
      case TokenKind.leftParen:
        return this.#parseParen()
      case TokenKind.leftBracket:
        return this.#parseArray()
      case TokenKind.leftBrace:
        return this.#parseObject()
      default: {
        this.#error(`expected expression, got ${token.kind}`)
        const range = this.#lines.range(token.start, token.start)
        this.#skipTo(expressionEnds)
        return { kind: 'literal', type: 'null', text: 'null', range }
      }
    }
  }

  #parseParen(): ParenExpression {
    const { start } = this.#next()
    const inner = this.#parseExpression()
    this.#height++
    this.#expect(TokenKind.rightParen)
    return { kind: 'paren', inner, range: this.#rangeFrom(start) }
  }

  #parseArray(): ArrayExpression {
    const { start } = this.#next()
    const elements = this.#parseList(TokenKind.rightBracket)
    this.#height++
    this.#expect(TokenKind.rightBracket)
    return { kind: 'array', elements, range: this.#rangeFrom(start) }
  }

  /** Reads expressions between commas, the last comma optional; leaves the height of the highest. */
  #parseList(until: TokenKind): Expression[] {
    const list: Expression[] = []
    let height = 0
    while (!this.#is(until) && !this.#is(TokenKind.eof)) {
      list.push(this.#parseExpression())
      height = Math.max(height, this.#height)
      if (this.#is(until)) break
      if (!this.#is(TokenKind.comma)) this.#error("missing ',' in expression list")
      this.#next()
    }
    this.#height = height
    return list
  }

  #parseObject(): ObjectExpression {
    const { start } = this.#next()
    const fields: ObjectField[] = []
    let height = 0
    // `{]` is taken for an object that ends with the wrong bracket, which gives the better message.
    const mistyped = this.#is(TokenKind.rightBracket)
    while (!mistyped && !this.#is(TokenKind.rightBrace) && !this.#is(TokenKind.eof)) {
      fields.push(this.#parseField())
      height = Math.max(height, this.#height)
      if (this.#is(TokenKind.rightBrace)) break
      if (!this.#is(TokenKind.comma)) this.#error("missing ',' in field list")
      this.#next()
    }
    this.#height = height + 1
    this.#expect(TokenKind.rightBrace)
    return { kind: 'object', fields, range: this.#rangeFrom(start) }
  }

  #parseField(): ObjectField {
    const token = this.#token
    let name = { key: '', quoted: false, keyRange: this.#tokenRange(token) }
    if (token.kind === TokenKind.string || token.kind === TokenKind.ident) {
      // An empty quoted key keeps its quotes: its key is the two characters written.
      const quoted = token.kind === TokenKind.string && token.text.length > 2
      name = { ...name, key: quoted ? token.text.slice(1, -1) : token.text, quoted }
      this.#next()
    } else {
      this.#error(`expected field name (string or identifier), got ${token.kind}`)
      this.#skipTo(fieldAssigns)
    }
    this.#expect(TokenKind.assign)
    return { ...name, value: this.#parseExpression() }
  }
}
