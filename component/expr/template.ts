// Texts with expressions in them: `host-EXPR(env("HOSTNAME"))`.
import { compileExpression, type ExprVariables } from './compile.ts'
import { ExprError, typeName } from './value.ts'

/** Gives the text for a subject. Throws `ExprError`, also where an expression gives no string. */
export type Template<S> = (subject: S) => string

const start = 'EXPR('

/**
 * Compile a template. An expression goes to the last `)` before the next `EXPR(`; without one the rest is text. Throws
 * `ExprError` for expressions that are none.
 */
export function compileTemplate<S>(text: string, variables: ExprVariables<S>): Template<S> {
  const parts: (string | ReturnType<typeof compileExpression<S>>)[] = []
  let at = 0
  for (;;) {
    const found = text.indexOf(start, at)
    if (found < 0) break
    const next = text.indexOf(start, found + start.length)
    const end = text.slice(0, next < 0 ? undefined : next).lastIndexOf(')')
    if (end < found) break
    parts.push(text.slice(at, found), compileExpression(text.slice(found + start.length, end), variables))
    at = end + 1
  }
  if (at < text.length) parts.push(text.slice(at))
  const [only] = parts
  if (parts.length === 0) return () => ''
  if (parts.length === 1 && typeof only === 'string') return () => only
  return (subject) => {
    let out = ''
    for (const part of parts) {
      if (typeof part === 'string') out += part
      else {
        const value = part(subject)
        if (typeof value !== 'string')
          throw new ExprError(`embedded expression returned ${typeName(value)}, not string`)
        out += value
      }
    }
    return out
  }
}
