// How bytes become the texts of entries: encodings, entries of several lines, white space around them.
import { attr, bool, defineSettings, type Report, type SettingsOf, string } from '#component'
import { type EntryPattern, type LineEncoding, lineEncoding, nopEncoding } from '#component/tail'
import { compileRegexp, RegexpError } from '#lib/regexp'

export const multilineSettings = defineSettings(
  {
    line_start_pattern: attr(string, 'What an entry begins with: a regular expression (RE2).', { default: '' }),
    line_end_pattern: attr(string, 'What an entry ends with.', { default: '' }),
    omit_pattern: attr(bool, 'What matches is left out of entries.', { default: false }),
  },
  {
    check({ line_start_pattern: start, line_end_pattern: end }, report) {
      if (start !== '' && end !== '') {
        report('only one of line_start_pattern or line_end_pattern can be set', ['line_end_pattern'])
      }
      checkRegexp(start, report, ['line_start_pattern'])
      checkRegexp(end, report, ['line_end_pattern'])
    },
  },
)

export const whitespaceFields = {
  preserve_leading_whitespaces: attr(bool, 'Keep white space before entries.', { default: false }),
  preserve_trailing_whitespaces: attr(bool, 'Keep white space behind them.', { default: false }),
}

/** The names of the groups; undefined, and a report, for one that is none. */
export function checkRegexp(pattern: string, report: Report, path: readonly string[]): readonly string[] | undefined {
  if (pattern === '') return []
  try {
    return compileRegexp(pattern).subexpNames
  } catch (error) {
    if (!(error instanceof RegexpError)) throw error
    report(error.message, path)
    return undefined
  }
}

/** Of settings that have passed their check; undefined: entries are lines. */
export function entryPattern(multiline: SettingsOf<typeof multilineSettings> | undefined): EntryPattern | undefined {
  const {
    line_start_pattern: start = '',
    line_end_pattern: end = '',
    omit_pattern: isOmitted = false,
  } = multiline ?? {}
  if (start === '' && end === '') return undefined
  return { kind: start === '' ? 'end' : 'start', regexp: compileRegexp(`(?m)${start === '' ? end : start}`), isOmitted }
}

/** Upstream's own names. The byte order of UTF-16 is the little one there, where no mark says otherwise. */
const ownEncodings: ReadonlyMap<string, string> = new Map([
  ['utf8-raw', 'utf-8'],
  ['utf-16', 'utf-16le'],
  ['utf16', 'utf-16le'],
])

/**
 * `utf8-raw` is UTF-8 whose errors stay; here they become U+FFFD, as in all encodings. `nop`: bytes that are no text.
 * Throws `RangeError`.
 */
export function entryEncoding(name: string): LineEncoding {
  const key = name.trim().toLowerCase()
  return key === 'nop' ? nopEncoding : lineEncoding(ownEncodings.get(key) ?? key)
}

/** Undefined: there is such an encoding, and it has lines where `multiline` is set. */
export function encodingProblem(
  name: string,
  multiline: SettingsOf<typeof multilineSettings> | undefined,
): string | undefined {
  try {
    const isBytes = entryEncoding(name) === nopEncoding
    return isBytes && entryPattern(multiline) !== undefined
      ? 'multiline cannot be used with the encoding nop'
      : undefined
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    return `unsupported encoding ${JSON.stringify(name)}`
  }
}

interface TrimSettings {
  readonly preserve_leading_whitespaces: boolean
  readonly preserve_trailing_whitespaces: boolean
}

/** Blanks, tabs, carriage returns and line feeds, as upstream has them. */
export function trimmer(settings: TrimSettings): (text: string) => string {
  const { preserve_leading_whitespaces: leading, preserve_trailing_whitespaces: trailing } = settings
  return (text) => {
    let start = 0
    let end = text.length
    if (!trailing) while (end > 0 && isBlank(text.charCodeAt(end - 1))) end--
    if (!leading) while (start < end && isBlank(text.charCodeAt(start))) start++
    return start === 0 && end === text.length ? text : text.slice(start, end)
  }
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9 || code === 10 || code === 13
}
