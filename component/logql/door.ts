// The parts of LogQL that settings use: stream selectors with line filters, and patterns.
export { compilePattern, type Pattern, PatternError } from './pattern.ts'
export { compileSelector, type Selector, SelectorError } from './selector.ts'
