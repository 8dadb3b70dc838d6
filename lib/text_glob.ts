// Globs over whole texts, as github.com/gobwas/glob reads them without separators: `*`, `**`, `?`, `[abc]`, `[!a-z]`, `{a,b}`.
import { compileRegexp, type Regexp } from './regexp.ts'

/** A pattern that is no glob. */
export class GlobError extends Error {
  override readonly name = 'GlobError'
}

/**
 * `pattern` as a regular expression over whole texts. Stars cross everything, line ends and slashes too; a backslash takes
 * the next character as it is; braces left open end with the pattern. Throws `GlobError` for what stands wrong in brackets.
 */
export function compileGlob(pattern: string): Regexp {
  return compileRegexp(new GlobReader(pattern).source(), { anchored: true })
}

class GlobReader {
  readonly #chars: readonly string[]
  #at = 0
  #depth = 0

  constructor(pattern: string) {
    this.#chars = [...pattern]
  }

  source(): string {
    let out = ''
    while (this.#at < this.#chars.length) out += this.#next()
    return out + ')'.repeat(this.#depth)
  }

  #next(): string {
    const char = this.#chars[this.#at++] as string
    switch (char) {
      case '*':
        if (this.#chars[this.#at] === '*') this.#at++
        return '.*'
      case '?':
        return '.'
      case '\\':
        return this.#at < this.#chars.length ? literal(this.#chars[this.#at++] as string) : ''
      case '[':
        return this.#range()
      case '{':
        this.#depth++
        return '(?:'
      case '}':
        if (this.#depth === 0) return literal(char)
        this.#depth--
        return ')'
      case ',':
        return this.#depth > 0 ? '|' : literal(char)
      default:
        return literal(char)
    }
  }

  /** What stands behind an opening bracket: one range, or characters up to the first closing bracket. */
  #range(): string {
    const chars = this.#chars
    const isNot = chars[this.#at] === '!'
    if (isNot) this.#at++
    const low = chars[this.#at]
    if (low === undefined) throw new GlobError('unexpected end of input')
    if (chars[this.#at + 1] === '-') {
      const high = chars[this.#at + 2]
      if (high === undefined) throw new GlobError('unexpected end of input')
      if (chars[this.#at + 3] !== ']') throw new GlobError('expected close range character')
      if (codeOf(high) < codeOf(low)) {
        throw new GlobError(`hi character '${high}' should be greater than lo '${low}'`)
      }
      this.#at += 4
      return `[${isNot ? '^' : ''}${inClass(low)}-${inClass(high)}]`
    }
    let members = ''
    for (; chars[this.#at] !== ']'; this.#at++) {
      if (chars[this.#at] === '\\') this.#at++
      const member = chars[this.#at]
      if (member === undefined) throw new GlobError('unexpected end of input')
      members += inClass(member)
    }
    this.#at++
    if (members === '') throw new GlobError('could not parse range')
    return `[${isNot ? '^' : ''}${members}]`
  }
}

function codeOf(char: string): number {
  return char.codePointAt(0) ?? 0
}

function literal(char: string): string {
  return /[\\^$.*+?()[\]{}|]/.test(char) ? `\\${char}` : char
}

function inClass(char: string): string {
  return /[\\\]^[-]/.test(char) ? `\\${char}` : char
}
