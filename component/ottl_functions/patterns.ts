// Patterns as functions are given them: compiled once where they are literals, else for each record from a bounded cache.
import type { Getter } from '#component/ottl'
import { literalOf, OttlError } from '#component/ottl'
import { quote } from '#lib/go_quote'
import { compileRegexp, type Regexp, RegexpError } from '#lib/regexp'
import { compileGlob, GlobError } from '#lib/text_glob'

/** The regular expression (RE2) that `pattern` gives. Throws `OttlError`, at once for a literal that does not compile. */
export function regexpOf(functionName: string, pattern: Getter<string>): Getter<Regexp> {
  return compiledOf(functionName, pattern, compileRegexp)
}

/** The glob that `pattern` gives, over whole texts. Throws `OttlError`, at once for a literal that does not compile. */
export function globOf(functionName: string, pattern: Getter<string>): Getter<Regexp> {
  return compiledOf(functionName, pattern, compileGlob)
}

function compiledOf(functionName: string, pattern: Getter<string>, compile: (text: string) => Regexp): Getter<Regexp> {
  const known = literalOf(pattern)
  if (known !== undefined) {
    const regexp = compiled(functionName, known.value, compile)
    return () => regexp
  }
  let last: Regexp | undefined
  let lastText = ''
  return (context) => {
    const text = pattern(context)
    if (last === undefined || text !== lastText) {
      last = compiled(functionName, text, compile)
      lastText = text
    }
    return last
  }
}

function compiled(functionName: string, text: string, compile: (text: string) => Regexp): Regexp {
  try {
    return compile(text)
  } catch (error) {
    throw patternError(functionName, text, error)
  }
}

/** What is told of a pattern that does not compile; other errors are given back as they are. */
export function patternError(functionName: string, text: string, error: unknown): unknown {
  if (!(error instanceof RegexpError || error instanceof GlobError)) return error
  return new OttlError(
    `the regex pattern supplied to ${functionName} '${quote(text)}' is not a valid pattern: ${error.message}`,
  )
}
