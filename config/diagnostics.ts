// What is wrong with a configuration, where, and how it is shown.
import type { Position, Range } from './alloy/ast.ts'

export interface Diagnostic {
  readonly severity: 'error' | 'warning'
  readonly range: Range
  /** What and why, one line, no position. Secrets never appear in it. */
  readonly message: string
  /** A near miss or a way out, shown on a line of its own. */
  readonly hint?: string
}

// -------------------------------------------------------------------------------------------------- rendering

/** Lines of the source shown before and after those a diagnostic is about. */
const contextLines = 1
/** Of a longer range only its beginning and its end are shown. */
const rangeLinesMax = 12
const rangeLinesShown = 4
const tabWidth = 4

const styles = { red: '31;1', yellow: '33;1', cyan: '36;1', bold: '1', faint: '2' } as const
type Style = keyof typeof styles
type Paint = (style: Style, text: string) => string

/**
 * Diagnostics as a person reads them: `Error: file:line:column: message`, the lines of the source with the range marked
 * below, and the hint; with an empty line between two of them and a line feed at the end.
 *
 * `sources` are texts by the names that positions carry; without one, or without a position in it, the excerpt is left
 * out. Columns in headers count bytes from 1; the marks stand under the characters meant, however wide they are shown.
 * Control characters never reach the terminal.
 */
export function renderDiagnostics(
  diagnostics: readonly Diagnostic[],
  sources: ReadonlyMap<string, string>,
  options: { readonly color: boolean },
): string {
  const paint: Paint = options.color ? (style, text) => `\x1b[${styles[style]}m${text}\x1b[0m` : (_, text) => text
  const linesOf = new Map<string, readonly string[]>()
  const parts = diagnostics.map(({ severity, range, message, hint }) => {
    const word = severity === 'error' ? paint('red', 'Error:') : paint('yellow', 'Warning:')
    let part = `${word} ${paint('bold', visible(`${placeText(range.start)}${message}`))}\n`
    const { file } = range.start
    const source = sources.get(file)
    if (source !== undefined) {
      const lines = linesOf.get(file) ?? source.split('\n')
      linesOf.set(file, lines)
      part += excerpt(lines, range, (text) => paint(severity === 'error' ? 'red' : 'yellow', text), paint)
    }
    return hint === undefined ? part : `${part}\n${paint('cyan', 'Hint:')} ${visible(hint)}\n`
  })
  return parts.join('\n')
}

function placeText({ file, line, column }: Position): string {
  const place = line < 1 ? file : `${file === '' ? '' : `${file}:`}${line}:${column}`
  return place === '' ? '' : `${place}: `
}

/** The lines of a range with their neighbours and marks, an empty line first; nothing where the range is not in them. */
function excerpt(lines: readonly string[], range: Range, mark: (text: string) => string, paint: Paint): string {
  const first = range.start.line
  if (first < 1 || first > lines.length) return ''
  const last = Math.min(Math.max(range.end.line, first), lines.length)
  const spans = last > first
  const from = Math.max(first - contextLines, 1)
  // The text behind the last line feed is no line to show.
  const to = Math.min(last + contextLines, lines.at(-1) === '' ? Math.max(lines.length - 1, last) : lines.length)
  const width = String(to).length
  const gutter = (label: string): string => paint('faint', `${label.padStart(width)} |`)

  let text = '\n'
  for (let line = from; line <= to; line++) {
    const source = lines[line - 1] ?? ''
    const inside = spans && line > first && line <= last
    const edge = spans ? ` ${inside ? mark('|') : ' '}` : ''
    if (spans && last - first >= rangeLinesMax && line === first + rangeLinesShown) {
      text += `${gutter('')}${edge} ...\n`
      line = last - rangeLinesShown
      continue
    }
    text += `${`${gutter(String(line))}${edge} ${shown(source)}`.trimEnd()}\n`
    if (line !== first && line !== last) continue
    const marks = marksUnder(source, range, line, spans ? '_' : ' ')
    const lead = spans ? (line === first ? '  _' : ' |_') : ' '
    text += `${gutter('')}${mark(`${lead}${marks}`)}\n`
  }
  return text
}

/** What a source line looks like: tabs as spaces, no carriage returns, control characters as pictures. */
function shown(source: string): string {
  let text = ''
  for (const char of source) text += glyph(char)
  return text
}

/** Carets below the characters of a line that are in the range, `blank` below those before. */
function marksUnder(source: string, range: Range, line: number, blank: string): string {
  const start = line === range.start.line ? range.start.column : 1
  const end = line === range.end.line ? range.end.column : Number.POSITIVE_INFINITY
  // The last line of several is marked from its first text on.
  const indented = line !== range.start.line
  let marks = ''
  let column = 1
  let marked = false
  for (const char of source) {
    if (column > end) break
    const next = column + Buffer.byteLength(char)
    const within: boolean = next > start && !(indented && !marked && char.trim() === '')
    marks += (within ? '^' : blank).repeat(screenWidth(glyph(char)))
    marked ||= within
    column = next
  }
  // Where a line ends too early the fault is behind its last character.
  return marked ? marks : `${marks}^`
}

function glyph(char: string): string {
  if (char === '\t' || char === '\v') return ' '.repeat(tabWidth)
  if (char === '\r' || char === '\ufeff') return ''
  return visible(char)
}

/** A text without what a terminal would obey: control characters are shown as their pictures, odd ones as U+FFFD. */
function visible(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (char) => {
    const code = char.charCodeAt(0)
    if (code < 0x20) return String.fromCharCode(0x2400 + code)
    return code === 0x7f ? '\u2421' : '\ufffd'
  })
}

const wide =
  /^[\p{Emoji_Presentation}\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]$/u
const zeroWide = /^[\p{Mn}\p{Me}]$/u

/** Columns of a terminal that a text takes: 2 for wide East Asian characters and emoji, 0 for combining marks. */
function screenWidth(text: string): number {
  let width = 0
  for (const char of text) width += char < '\x7f' ? 1 : zeroWide.test(char) ? 0 : wide.test(char) ? 2 : 1
  return width
}
