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

/**
 * Compile `pattern` with re2js. A name that several groups have is refused there, but not by Go: the names are left out
 * then, `groupNames` has them. Throws `RegexpError`.
 */
export function compileRe2(pattern: string): Re2 {
  engine ??= (createRequire(import.meta.url)('re2js') as typeof import('re2js')).RE2JS
  try {
    return engine.compile(pattern)
  } catch (error) {
    if (isDuplicate(error)) return compileRe2(pattern.replace(named, (all) => (all.startsWith('(?') ? '(' : all)))
    throw new RegexpError(errorText(error, pattern), pattern)
  }
}

/** Has any pattern needed re2js yet? For tests of what stays unloaded. */
export function isRe2Loaded(): boolean {
  return engine !== undefined
}

function isDuplicate(error: unknown): boolean {
  return error instanceof Error && error.message.includes('duplicate capture group name')
}

/** Beginnings of groups, named or not, and what could be taken for some: quoted text, escapes, classes. */
const named = /\\Q[\s\S]*?(?:\\E|$)|\\[\s\S]|\[\^?\]?(?:\\[\s\S]|\[:[^\]]*:\]|[^\]\\])*\]|\(\?P?<(\w+)>|\((?!\?)/g

/** Names by group number, '' for groups without one; `[0]` is ''. `pattern` is what `re2` was made of. */
export function groupNames(re2: Re2, pattern: string): string[] {
  const names = Array.from({ length: re2.groupCount() + 1 }, () => '')
  const known = Object.entries(re2.namedGroups())
  for (const [name, index] of known) names[index] = name
  if (known.length > 0 || !pattern.includes('<')) return names
  let index = 0
  for (const [all, name = ''] of pattern.matchAll(named)) if (all.startsWith('(')) names[++index] = name
  return names
}

/** re2js's messages are Go's, but for two kinds that lack the expression at fault. */
function errorText(error: unknown, pattern: string): string {
  const message = error instanceof Error ? error.message : String(error)
  if (!message.startsWith('error parsing regexp: ')) return `error parsing regexp: ${message}: \`${pattern}\``
  if (message.endsWith('`')) return message
  return message.includes('trailing backslash') ? `${message}: \`\`` : `${message}: \`${pattern}\``
}
