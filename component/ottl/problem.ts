// What is wrong with the text of a statement or condition, and how it is shown on one line.
import { nearMiss } from '#lib/near_miss'

/** Thrown while a statement is compiled; `at` is the column in its text, from 0. */
export class OttlProblem extends Error {
  override readonly name = 'OttlProblem'
  readonly at: number
  constructor(message: string, at: number) {
    super(message)
    this.at = at
  }
}

/** Characters of a statement shown around the place. */
const shownBefore = 40
const shownAfter = 40

/** `unknown path "span.nam", did you mean "span.name"? (column 5: set(⇒span.nam, "x"))`. Columns count from 1. */
export function problemText(message: string, text: string, at: number): string {
  const from = at > shownBefore ? at - shownBefore : 0
  const to = Math.min(text.length, at + shownAfter)
  const before = (from > 0 ? '…' : '') + text.slice(from, at)
  const after = text.slice(at, to) + (to < text.length ? '…' : '')
  return `${message} (column ${at + 1}: ${oneLine(before)}⇒${oneLine(after)})`
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ')
}

/** `unknown path "span.nam", did you mean "span.name"?`, or what there is instead where there is little. */
export function unknownText(what: string, name: string, known: readonly string[]): string {
  const near = nearMiss(name, known)
  const start = `unknown ${what} ${JSON.stringify(name)}`
  return near === undefined ? start : `${start}, did you mean ${JSON.stringify(near)}?`
}
