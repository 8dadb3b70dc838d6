// What is wrong with a configuration, where, and how it is shown.
import type { Range } from './alloy/ast.ts'

export interface Diagnostic {
  readonly severity: 'error' | 'warning'
  readonly range: Range
  /** What and why, one line, no position. Secrets never appear in it. */
  readonly message: string
  /** A near miss or a way out, shown on a line of its own. */
  readonly hint?: string
}
