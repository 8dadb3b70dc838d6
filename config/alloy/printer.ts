// The formatter: a syntax tree back to text, in the one layout that `alloy fmt` gives it.
import type {
  ArrayExpression,
  Attribute,
  Block,
  Body,
  CallExpression,
  Comment,
  Expression,
  File,
  ObjectExpression,
  ObjectField,
  Position,
  Range,
  Statement,
} from './ast.ts'
import { quote } from '#lib/go_quote'
import { LayoutWriter, type Place, type TokenPlaces } from './layout_writer.ts'
import { parseFile } from './parser.ts'
import { Scanner } from './scanner.ts'
import { LineTable, type Token, TokenKind } from './token.ts'

/** How often a layout is laid out again until it is stable. Most are at once, odd places of comments take a few. */
const roundsMax = 12

/**
 * A whole file, formatted; ends in one line feed. `file` comes from a parse without errors and carries its source.
 *
 * The result parses to the same tree and comments, and formatting it again changes nothing. Where Alloy's own formatter
 * breaks one of these promises this departs from it: escapes in quoted keys are not doubled, strings keep their tabs
 * and the blanks at the ends of their lines, comments never swallow what follows them, a layout that Alloy would change
 * again on its second run is given in its final state.
 */
export function printFile(file: File): string {
  const seen: string[] = []
  let text = layOut(file)
  while (seen.length < roundsMax) {
    const again = seen.indexOf(text)
    if (again >= 0) {
      // Among the states of a cycle the least is chosen, whichever of them the text came in.
      return seen.slice(again).reduce((least, state) => (state < least ? state : least))
    }
    seen.push(text)
    const parsed = parseFile(file.name, text)
    if (parsed.diagnostics.length > 0) return text
    text = layOut(parsed.file)
  }
  return text
}

/** An expression as messages show it: formatted as in a file, without comments. */
export function printExpression(expression: Expression): string {
  const writer = new LayoutWriter([], undefined)
  new Walker(writer, new SourceTokens('', '')).expression(expression)
  return writer.finish()
}

/** One run of the layout. Comments are placed as Alloy places them, unless that changes what the file says. */
function layOut(file: File): string {
  const tokens = new SourceTokens(file.name, file.source)
  const groups = groupComments(file.comments, file.source)
  for (const places of [undefined, tokens]) {
    const writer = new LayoutWriter(groups, places)
    new Walker(writer, tokens).file(file)
    const text = `${writer.finish()}\n`
    if (saysTheSame(file, text)) return text
  }
  return file.source
}

function saysTheSame(file: File, text: string): boolean {
  const parsed = parseFile(file.name, text)
  return parsed.diagnostics.length === 0 && meaning(parsed.file) === meaning(file)
}

type KeysOf<Node> = Node extends unknown ? keyof Node : never
const placeKeys: ReadonlySet<string> = new Set<KeysOf<Expression | Statement | ObjectField>>([
  'range',
  'nameRange',
  'labelRange',
  'keyRange',
  'openBrace',
  'closeBrace',
  'operatorAt',
])

/** Everything a file says, without where it stands: equal for two files that differ in their layout only. */
export function meaning(file: File): string {
  const parts = [file.body, file.comments.map((comment) => comment.text)]
  return JSON.stringify(parts, (key, value: unknown) => (placeKeys.has(key) ? undefined : value))
}

/** Comments that follow one another on the same or the next line, with nothing between them, move together. */
function groupComments(comments: readonly Comment[], source: string): Comment[][] {
  const bytes = Buffer.from(source, 'utf8')
  const groups: Comment[][] = []
  let last: Range | undefined
  for (const comment of comments) {
    const { start } = comment.range
    const joins =
      last !== undefined &&
      start.line <= last.end.line + 1 &&
      bytes.toString('utf8', last.end.offset + 1, start.offset).trim() === ''
    if (joins) groups.at(-1)?.push(comment)
    else groups.push([comment])
    last = comment.range
  }
  return groups
}

/** The tokens of a source except comments and terminators: gives tokens that are printed the places they had. */
class SourceTokens implements TokenPlaces {
  readonly #tokens: Token[] = []
  readonly #lines: LineTable
  #index = 0

  constructor(name: string, source: string) {
    const bytes = Buffer.from(source, 'utf8')
    this.#lines = new LineTable(name, bytes)
    const scanner = new Scanner(bytes, () => {})
    for (let token = scanner.scan(); token.kind !== TokenKind.eof; token = scanner.scan()) {
      if (token.kind !== TokenKind.comment && token.kind !== TokenKind.terminator) this.#tokens.push(token)
    }
  }

  next(text: string): Place | undefined {
    if (text === ',') {
      // The comma before a closer is printed or not as the layout needs it.
      const token = this.#tokens[this.#index]
      if (token?.kind !== TokenKind.comma) return undefined
      this.#index++
      return this.#lines.position(token.start)
    }
    for (;;) {
      const token = this.#tokens[this.#index++]
      if (token === undefined) return undefined
      const unprinted = token.kind === TokenKind.comma || (token.text === '""' && text === '{')
      if (!unprinted) return this.#lines.position(token.start)
    }
  }

  /** The first token behind a position; that position itself where there is none. */
  after(position: Position): Place {
    let low = 0
    let high = this.#tokens.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#tokens[middle]?.start ?? 0) <= position.offset) low = middle + 1
      else high = middle
    }
    const token = this.#tokens[low]
    return token === undefined ? position : this.#lines.position(token.start)
  }
}

function lineCount(range: Range): number {
  return range.end.line - range.start.line + 1
}

/** Walks a tree and hands its tokens and the white space between them to the writer. */
class Walker {
  readonly #out: LayoutWriter
  readonly #tokens: SourceTokens
  constructor(out: LayoutWriter, tokens: SourceTokens) {
    this.#out = out
    this.#tokens = tokens
  }

  file(file: File): void {
    this.#statements(file.body)
  }

  #statements(body: Body): void {
    let above: Statement | undefined
    for (const statement of body) {
      if (above !== undefined) {
        const apart = statement.range.start.line - above.range.end.line > 1
        if (statement.kind === 'block' || apart) this.#out.space('formFeed')
      }
      if (statement.kind === 'attribute') this.#attribute(statement)
      else this.#block(statement)
      // What spans lines ends the alignment with its neighbours.
      this.#out.space(lineCount(statement.range) > 1 ? 'formFeed' : 'lineFeed')
      above = statement
    }
  }

  #attribute(attribute: Attribute): void {
    this.#out.at(attribute.name.range.start)
    this.#out.token(attribute.name.name)
    this.#value(attribute.value)
  }

  #value(value: Expression): void {
    this.#out.space('softTab')
    this.#out.token('=')
    this.#out.space('blank')
    this.expression(value)
  }

  #block(block: Block): void {
    this.#out.at(block.nameRange.start)
    this.#out.tokens(block.name.flatMap((part, index) => (index > 0 ? ['.', part] : [part])))
    if (block.labelRange !== undefined) {
      this.#out.space('blank')
      this.#out.at(block.labelRange.start)
      this.#out.token(quote(block.label))
    }
    this.#out.space('blank')
    this.#out.at(block.openBrace)
    this.#out.token('{')
    this.#out.space('indent')
    if (block.body.length > 0) {
      this.#out.space('formFeed')
      this.#statements(block.body)
    } else {
      this.#out.space('blank')
    }
    this.#out.space('unindent')
    this.#out.at(block.closeBrace)
    this.#out.token('}')
  }

  expression(expression: Expression): void {
    switch (expression.kind) {
      case 'literal':
        this.#out.at(expression.range.start)
        this.#out.token(expression.text)
        return
      case 'identifier':
        this.#out.at(expression.range.start)
        this.#out.token(expression.name)
        return
      case 'array':
        return this.#array(expression)
      case 'object':
        return this.#object(expression)
      case 'access':
        this.expression(expression.value)
        // Without the blank the dot would become part of the number.
        if (expression.value.kind === 'literal' && expression.value.type === 'number') this.#out.space('blank')
        this.#out.token('.')
        this.#out.token(expression.name.name)
        return
      case 'index':
        this.expression(expression.value)
        this.#out.at(this.#tokens.after(expression.value.range.end))
        this.#out.token('[')
        this.expression(expression.index)
        this.#out.at(expression.range.end)
        this.#out.token(']')
        return
      case 'call':
        return this.#call(expression)
      case 'unary':
        this.#out.at(expression.range.start)
        this.#out.token(expression.operator)
        return this.expression(expression.operand)
      case 'binary':
        this.expression(expression.left)
        this.#out.space('blank')
        this.#out.at(expression.operatorAt)
        this.#out.token(expression.operator)
        this.#out.space('blank')
        return this.expression(expression.right)
      case 'paren':
        this.#out.token('(')
        this.expression(expression.inner)
        this.#out.token(')')
    }
  }

  #array(array: ArrayExpression): void {
    const { start, end } = array.range
    this.#out.at(start)
    this.#out.token('[')
    let line = start.line
    for (const [index, element] of array.elements.entries()) {
      const breaks = element.range.start.line !== line
      // The indent comes first, so that a comment before the line break is indented too.
      if (breaks) this.#out.space('indent', 'formFeed')
      else if (index > 0) this.#out.space('blank')
      line = element.range.end.line
      this.expression(element)
      if (index + 1 < array.elements.length) this.#out.token(',')
      if (breaks) this.#out.space('unindent')
    }
    if (array.elements.length > 0 && line !== end.line) {
      this.#out.token(',')
      this.#out.space('indent', 'formFeed', 'unindent')
    }
    this.#out.at(end)
    this.#out.token(']')
  }

  #object(object: ObjectExpression): void {
    const { start, end } = object.range
    this.#out.at(start)
    this.#out.token('{')
    this.#out.space('indent')
    // The line of the key, not of the value, counts as the end of a field: Alloy's oddity, which moves what follows a
    // value of several lines to a line of its own.
    let line = start.line
    let above: ObjectField | undefined
    for (const [index, field] of object.fields.entries()) {
      if (field.keyRange.start.line !== line) {
        this.#out.space(above !== undefined && lineCount(above.value.range) === 1 ? 'lineFeed' : 'formFeed')
      } else if (above !== undefined) {
        this.#out.space('blank')
      }
      line = field.keyRange.end.line
      this.#out.at(field.keyRange.start)
      this.#out.token(field.quoted ? quoteKey(field.key) : field.key)
      this.#value(field.value)
      if (index + 1 < object.fields.length) this.#out.token(',')
      above = field
    }
    if (object.fields.length > 0 && line !== end.line) {
      this.#out.token(',')
      this.#out.space('formFeed')
    }
    this.#out.space('unindent')
    this.#out.at(end)
    this.#out.token('}')
  }

  #call(call: CallExpression): void {
    this.expression(call.callee)
    this.#out.token('(')
    let { line } = call.callee.range.end
    for (const [index, arg] of call.args.entries()) {
      const breaks = arg.range.start.line !== line
      if (breaks) this.#out.space('formFeed', 'indent')
      this.expression(arg)
      line = arg.range.end.line
      if (index + 1 < call.args.length) {
        this.#out.token(',')
        this.#out.space('blank')
      }
      if (breaks) this.#out.space('unindent')
    }
    if (call.args.length > 0 && line !== call.range.end.line) {
      this.#out.token(',')
      this.#out.space('formFeed')
    }
    this.#out.token(')')
  }
}

/** A quoted key again: in double quotes if it can stand there as it is, else raw, which its text must have come from. */
function quoteKey(key: string): string {
  const quoted = Buffer.from(`"${key}"`, 'utf8')
  let sound = true
  const token = new Scanner(quoted, () => (sound = false)).scan()
  return sound && token.end === quoted.length ? quoted.toString('utf8') : `\`${key}\``
}
