// Writes the tokens of a formatted file, and puts its comments and waiting white space between them.
import type { Comment } from './ast.ts'
import { Columns } from './columns.ts'

/** A place in the source, as far as the layout needs it. */
export interface Place {
  readonly offset: number
  readonly line: number
}

/**
 * White space that waits for the token after it: `softTab` aligns what follows with the lines around it, `formFeed` is
 * a line feed that ends such alignment, `indent` and `unindent` change the depth of the lines to come.
 */
export type Space = 'blank' | 'softTab' | 'lineFeed' | 'formFeed' | 'indent' | 'unindent'

/** The place of each token printed, where the source is known token by token; see `LayoutWriter`. */
export interface TokenPlaces {
  /** The place of the next token, which is about to be printed as `text`; undefined if it is not in the source. */
  next(text: string): Place | undefined
}

/** One empty line is kept of any number. */
const lineBreaksMax = 2

function isBlockComment(comment: Comment): boolean {
  return comment.text.startsWith('/*')
}

/**
 * Comments come out before the first token that stands behind them in the source. As in Alloy, the place of a token is
 * a guess (what was printed last, and on from there) except where the caller says it with `at`; this decides on which
 * side of a comma or a parenthesis a comment comes out. With `places` nothing is guessed.
 */
export class LayoutWriter {
  readonly #columns = new Columns()
  readonly #comments: readonly (readonly Comment[])[]
  readonly #places: TokenPlaces | undefined
  #commentIndex = 0
  #waiting: (Space | undefined)[] = []
  #depth = 0
  /** Where in the source printing is. */
  #offset = 0
  #line = 1
  /** The source line on which the last text ended; 0 before any. */
  #lastLine = 0
  #atLineStart = true

  /** `comments` are in groups that move together, in the order of the source. */
  constructor(comments: readonly (readonly Comment[])[], places: TokenPlaces | undefined) {
    this.#comments = comments
    this.#places = places
  }

  /** Says where in the source the next token stands. */
  at(place: Place): void {
    this.#offset = place.offset
    this.#line = place.line
  }

  space(...spaces: readonly Space[]): void {
    this.#waiting.push(...spaces)
  }

  /** Writes tokens that stand together; comments between them come out behind, unless the places are known. */
  tokens(texts: readonly string[]): void {
    if (this.#places === undefined) this.token(texts.join(''))
    else for (const text of texts) this.token(text)
  }

  /** Writes one token. Its spaces and line breaks, if any (strings), come out as they are. */
  token(text: string): void {
    const known = this.#places?.next(text)
    if (known !== undefined) this.at(known)
    const place = { offset: this.#offset, line: this.#line }
    if (this.#commentBefore(place.offset)) this.#putComments(place)
    else this.#putSpaces(this.#waiting.length)
    this.#startText(place)
    for (const [index, part] of text.split('\n').entries()) {
      if (index > 0) this.#columns.lineBreak(false)
      this.#columns.verbatim(part)
    }
    this.#endText(text)
  }

  /** Writes the comments that are left and gives the whole text, without a line feed at its end. */
  finish(): string {
    if (this.#commentBefore(Number.POSITIVE_INFINITY)) {
      this.#putComments({ offset: Number.POSITIVE_INFINITY, line: Number.POSITIVE_INFINITY }, true)
    }
    return this.#columns.toString()
  }

  #commentBefore(offset: number): boolean {
    const first = this.#comments[this.#commentIndex]?.[0]
    return first !== undefined && first.range.start.offset <= offset
  }

  /** Writes the comments before `next`, and then the waiting space, less what the comments stand for. */
  #putComments(next: Place, atEnd = false): void {
    let last: Comment | undefined
    while (this.#commentBefore(next.offset)) {
      for (const comment of this.#comments[this.#commentIndex] ?? []) {
        this.#separateComment(next, comment)
        const { start } = comment.range
        this.#startText(start)
        this.#columns.verbatim(comment.text)
        this.#endText(comment.text)
        last = comment
      }
      this.#commentIndex++
    }
    if (last === undefined || atEnd) return
    if (isBlockComment(last) && next.line === last.range.end.line) this.#put('blank', 1)
    const lines = next.line - this.#lastLine
    const endsRuns = this.#waiting.includes('formFeed')
    this.#waiting = this.#waiting.filter((space) => space === 'indent' || space === 'unindent')
    this.#putSpaces(this.#waiting.length)
    if (lines > 0) this.#put(endsRuns ? 'formFeed' : 'lineFeed', Math.min(lines, lineBreaksMax))
  }

  /** Writes what stands between the text before a comment and the comment. */
  #separateComment(next: Place, comment: Comment): void {
    if (this.#columns.empty) return
    const { line } = comment.range.start
    if (line === this.#lastLine) {
      this.#put(line === next.line ? 'blank' : 'hardTab', 1)
      return
    }
    // Comes on a line of its own. Of the waiting space only changes of depth before the line break apply already.
    const breakAt = this.#waiting.findIndex((space) => space !== 'indent' && space !== 'unindent')
    if (breakAt >= 0) {
      this.#waiting[breakAt] = undefined
      this.#putSpaces(breakAt)
    }
    const lines = this.#lastLine > 0 ? line - this.#lastLine : 0
    if (lines > 0) this.#put('formFeed', Math.min(lines, lineBreaksMax))
  }

  #startText(place: Place): void {
    this.#indentLine()
    this.at(place)
  }

  #endText(text: string): void {
    this.#offset += Buffer.byteLength(text)
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) this.#line++
    this.#atLineStart = false
    this.#lastLine = this.#line
  }

  #indentLine(): void {
    if (!this.#atLineStart) return
    for (let depth = 0; depth < this.#depth; depth++) this.#columns.tab(true)
    this.#offset += this.#depth
    this.#atLineStart = this.#depth === 0
  }

  #putSpaces(count: number): void {
    for (const space of this.#waiting.splice(0, count)) {
      if (space === 'indent') this.#depth++
      else if (space === 'unindent') this.#depth--
      else if (space !== undefined) this.#put(space, 1)
    }
  }

  #put(space: 'blank' | 'softTab' | 'hardTab' | 'lineFeed' | 'formFeed', count: number): void {
    this.#indentLine()
    for (let index = 0; index < count; index++) this.#putOne(space)
    this.#offset += count
    this.#atLineStart = space === 'lineFeed' || space === 'formFeed'
    if (this.#atLineStart) this.#line += count
  }

  #putOne(space: 'blank' | 'softTab' | 'hardTab' | 'lineFeed' | 'formFeed'): void {
    switch (space) {
      case 'blank':
        this.#columns.text(' ')
        return
      case 'softTab':
      case 'hardTab':
        this.#columns.tab(space === 'hardTab')
        return
      case 'lineFeed':
      case 'formFeed':
        this.#columns.lineBreak(space === 'formFeed')
    }
  }
}
