// The door of the expression language that operators' `if` and `EXPR(…)` are written in (expr-lang).
export { compileExpression, compileCondition } from './compile.ts'
export type { Compiled, ExprCalls, ExprVariables } from './compile.ts'
export { compileTemplate } from './template.ts'
export type { Template } from './template.ts'
export { ExprError, ExprTime, type ExprValue } from './value.ts'
