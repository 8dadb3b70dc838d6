// The engine that decides what a pattern means: re2js, loaded when the first pattern needs it (7 to 15 MB, 10 ms).
import { createRequire } from 'node:module'
import type { RE2JS as Re2 } from 're2js'

export type { RE2JS as Re2 } from 're2js'

/** A pattern that is not a regular expression; the text is that of Go's `regexp`. */
export class RegexpError extends Error {
  override readonly name = 'RegexpError'
  readonly pattern: string
  constructor(message: string, pattern: string) {
    super(message)
    this.pattern = pattern
  }
}

let engine: typeof Re2 | undefined

/** Compile `pattern` with re2js. Throws `RegexpError`. */
export function compileRe2(pattern: string): Re2 {
  engine ??= (createRequire(import.meta.url)('re2js') as typeof import('re2js')).RE2JS
  try {
    return engine.compile(pattern)
  } catch (error) {
    throw new RegexpError(errorText(error, pattern), pattern)
  }
}

/** Has any pattern needed re2js yet? For tests of what stays unloaded. */
export function isRe2Loaded(): boolean {
  return engine !== undefined
}

/** re2js's messages are Go's, but for two kinds that lack the expression at fault. */
function errorText(error: unknown, pattern: string): string {
  const message = error instanceof Error ? error.message : String(error)
  if (!message.startsWith('error parsing regexp: ')) return `error parsing regexp: ${message}: \`${pattern}\``
  if (message.endsWith('`')) return message
  return message.includes('trailing backslash') ? `${message}: \`\`` : `${message}: \`${pattern}\``
}
