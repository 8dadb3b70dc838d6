// The door of OTTL's syntax: from text to trees and back.
export { OttlSyntaxError, statementLengthMax } from './token.ts'
export { parseCondition, parseStatement, parseValue } from './parser.ts'
export { printCondition, printStatement, printValue } from './print.ts'
export type {
  Argument,
  Call,
  CompareOperator,
  Condition,
  Expression,
  Lambda,
  MathOperator,
  Negation,
  Path,
  PathSegment,
  Statement,
} from './tree.ts'
