// The syntax tree of the Alloy language. Nodes are plain frozen-by-convention objects with a literal `kind`.

/** Where something stands. Offsets and columns count bytes of UTF-8; line and column start at 1. */
export interface Position {
  readonly file: string
  readonly offset: number
  readonly line: number
  readonly column: number
}

/** A stretch of source: `end` is the position of the last byte that belongs to it (inclusive, as diagnostics draw it). */
export interface Range {
  readonly start: Position
  readonly end: Position
}

export interface Comment {
  readonly kind: 'comment'
  /** With its `//` or its slash-star marks. */
  readonly text: string
  readonly range: Range
}

export interface File {
  readonly kind: 'file'
  readonly name: string
  readonly body: Body
  readonly comments: readonly Comment[]
  /** The source text, for excerpts in diagnostics. */
  readonly source: string
}

export type Body = readonly Statement[]
export type Statement = Attribute | Block

export interface Identifier {
  readonly name: string
  readonly range: Range
}

export interface Attribute {
  readonly kind: 'attribute'
  readonly name: Identifier
  readonly value: Expression
  readonly range: Range
}

export interface Block {
  readonly kind: 'block'
  /** Dotted name in parts: `prometheus.scrape` is `['prometheus', 'scrape']`. */
  readonly name: readonly string[]
  readonly nameRange: Range
  /** Empty where the block has none. */
  readonly label: string
  /** The label with its quotes; absent where the block has none. */
  readonly labelRange?: Range
  readonly body: Body
  readonly openBrace: Position
  readonly closeBrace: Position
  readonly range: Range
}

export type Expression =
  | LiteralExpression
  | IdentifierExpression
  | ArrayExpression
  | ObjectExpression
  | AccessExpression
  | IndexExpression
  | CallExpression
  | UnaryExpression
  | BinaryExpression
  | ParenExpression

export const LiteralType = { null: 'null', bool: 'bool', number: 'number', float: 'float', string: 'string' } as const
export type LiteralType = (typeof LiteralType)[keyof typeof LiteralType]

export interface LiteralExpression {
  readonly kind: 'literal'
  readonly type: LiteralType
  /** The text as written (`010`, `"a\n"`, a raw string with its backticks). */
  readonly text: string
  readonly range: Range
}

export interface IdentifierExpression {
  readonly kind: 'identifier'
  readonly name: string
  readonly range: Range
}

export interface ArrayExpression {
  readonly kind: 'array'
  readonly elements: readonly Expression[]
  readonly range: Range
}

export interface ObjectField {
  /** The key's text without its quotes, not unescaped (as in Alloy); `""` written out is the two-character key. */
  readonly key: string
  readonly quoted: boolean
  readonly keyRange: Range
  readonly value: Expression
}

export interface ObjectExpression {
  readonly kind: 'object'
  readonly fields: readonly ObjectField[]
  readonly range: Range
}

export interface AccessExpression {
  readonly kind: 'access'
  readonly value: Expression
  readonly name: Identifier
  readonly range: Range
}

export interface IndexExpression {
  readonly kind: 'index'
  readonly value: Expression
  readonly index: Expression
  readonly range: Range
}

export interface CallExpression {
  readonly kind: 'call'
  readonly callee: Expression
  readonly args: readonly Expression[]
  readonly range: Range
}

export const UnaryOperator = { not: '!', minus: '-' } as const
export type UnaryOperator = (typeof UnaryOperator)[keyof typeof UnaryOperator]

export interface UnaryExpression {
  readonly kind: 'unary'
  readonly operator: UnaryOperator
  readonly operand: Expression
  readonly range: Range
}

export type BinaryOperator = '||' | '&&' | '==' | '!=' | '<' | '<=' | '>' | '>=' | '+' | '-' | '*' | '/' | '%' | '^'

export interface BinaryExpression {
  readonly kind: 'binary'
  readonly operator: BinaryOperator
  readonly operatorAt: Position
  readonly left: Expression
  readonly right: Expression
  readonly range: Range
}

export interface ParenExpression {
  readonly kind: 'paren'
  readonly inner: Expression
  readonly range: Range
}
