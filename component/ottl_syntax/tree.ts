// The syntax tree of OTTL: values, conditions, statements. Frozen nodes with a literal `kind`; `at` is a column, from 0.

export interface Literal {
  readonly kind: 'literal'
  readonly value: string | bigint | number | boolean | Uint8Array | null
  readonly at: number
}

export interface PathSegment {
  readonly name: string
  readonly keys: readonly Expression[]
  readonly at: number
}

/** `span.attributes["x"]`: which segment is the context is for whoever knows the contexts to say. */
export interface Path {
  readonly kind: 'path'
  readonly segments: readonly PathSegment[]
  readonly at: number
}

export interface Argument {
  /** `name = value`; '' for none. */
  readonly name: string
  readonly value: Expression
  readonly at: number
}

/** A call of an editor or converter; only a converter's result has keys. */
export interface Call {
  readonly kind: 'call'
  readonly name: string
  readonly arguments: readonly Argument[]
  readonly keys: readonly Expression[]
  readonly at: number
}

/** A word of capitals, which may be an enum's symbol or a function's name; with small letters it can only be the latter. */
export interface Word {
  readonly kind: 'word'
  readonly name: string
  readonly at: number
}

export interface ListExpression {
  readonly kind: 'list'
  readonly items: readonly Expression[]
  readonly at: number
}

export interface MapExpression {
  readonly kind: 'map'
  readonly entries: readonly { readonly key: string; readonly value: Expression }[]
  readonly at: number
}

export type MathOperator = '+' | '-' | '*' | '/'

export interface MathExpression {
  readonly kind: 'math'
  readonly operator: MathOperator
  readonly left: Expression
  readonly right: Expression
  /** Where the operator stands. */
  readonly at: number
}

/** `-attributes["x"]`; literals have their sign themselves. */
export interface Negation {
  readonly kind: 'negation'
  readonly of: Expression
  readonly at: number
}

/** A lambda's parameter; `_` is one that is not read. */
export interface LambdaParameter {
  readonly name: string
  readonly at: number
}

/** `(k, v) => v == "x"`: only as an argument of a function. */
export interface Lambda {
  readonly kind: 'lambda'
  readonly parameters: readonly LambdaParameter[]
  /** A condition where an operator of conditions stands in it; a bool literal or a call alone is a value. */
  readonly body: Expression | Condition
  readonly at: number
}

export type Expression =
  | Literal
  | Path
  | Call
  | Word
  | ListExpression
  | MapExpression
  | MathExpression
  | Negation
  | Lambda

export type CompareOperator = '==' | '!=' | '<' | '<=' | '>' | '>='

export type Condition =
  | {
      readonly kind: 'compare'
      readonly operator: CompareOperator
      readonly left: Expression
      readonly right: Expression
      /** Where the operator stands. */
      readonly at: number
    }
  | { readonly kind: 'not'; readonly of: Condition; readonly at: number }
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Condition[]; readonly at: number }
  | { readonly kind: 'constant'; readonly value: boolean; readonly at: number }
  /** A converter that gives a bool. */
  | { readonly kind: 'converter'; readonly call: Call; readonly at: number }

export interface Statement {
  readonly editor: Call
  readonly where: Condition | null
}
