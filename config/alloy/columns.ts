// Lays text out in aligned columns: elastic tab stops, as Go's text/tabwriter sets them for formatters.

/** Width of the tab that a leading empty column is shown as; the columns of a line's indentation. */
const tabWidth = 8
/** Spaces between the widest text of a column and the next column. */
const padding = 1

interface Cell {
  text: string
  /** In characters (code points), each counted as one wide. */
  width: number
  /** Length of the part of `text` that must stay as it is even at the end of a line. */
  kept: number
  /** Ended by a hard tab: the column stays, even if all its cells are empty. */
  hard: boolean
}

/** One column over a run of neighbouring lines. */
interface Column {
  width: number
  shown: boolean
}

interface Line {
  readonly cells: Cell[]
  /** Whether columns of the line before go on in this one. */
  readonly joins: boolean
}

function newCell(): Cell {
  return { text: '', width: 0, kept: 0, hard: false }
}

function countCharacters(text: string): number {
  let count = 0
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit < 0xdc00 || unit > 0xdfff) count++
  }
  return count
}

/**
 * Takes text, tabs and line breaks in order and gives them back aligned. A column is the run of neighbouring lines that
 * have a tab at the same place of their row; the text after a line's last tab belongs to no column.
 */
export class Columns {
  readonly #lines: Line[] = []
  #cells: Cell[] = []
  #cell = newCell()
  #empty = true

  constructor() {
    this.#startLine(false)
  }

  /** Whether nothing was put in yet. */
  get empty(): boolean {
    return this.#empty
  }

  text(text: string): void {
    this.#empty = false
    this.#cell.text += text
    this.#cell.width += countCharacters(text)
  }

  /** Text whose spaces and line breaks are its own: never aligned, never trimmed, one piece of a cell. */
  verbatim(text: string): void {
    this.text(text)
    this.#cell.kept = this.#cell.text.length
  }

  /** Ends a cell. A soft tab's column vanishes where all its cells are empty. */
  tab(hard: boolean): void {
    this.#empty = false
    this.#cell.hard = hard
    this.#cell = newCell()
    this.#cells.push(this.#cell)
  }

  /** Ends a line; with `endsRuns` the next one starts columns of its own. */
  lineBreak(endsRuns: boolean): void {
    this.#empty = false
    this.#startLine(!endsRuns)
  }

  #startLine(joins: boolean): void {
    this.#cell = newCell()
    this.#cells = [this.#cell]
    this.#lines.push({ cells: this.#cells, joins })
  }

  /** The lines joined by line feeds, without spaces at their ends. */
  toString(): string {
    const columnsOf = this.#measure()
    return this.#lines.map((line, index) => render(line.cells, columnsOf[index] ?? [])).join('\n')
  }

  #measure(): Column[][] {
    const columnsOf: Column[][] = []
    let above: Column[] = []
    for (const { cells, joins } of this.#lines) {
      const columns: Column[] = []
      for (const cell of cells.slice(0, -1)) {
        const column = (joins ? above[columns.length] : undefined) ?? { width: 0, shown: false }
        column.width = Math.max(column.width, cell.width + padding)
        column.shown ||= cell.width > 0 || cell.hard
        columns.push(column)
      }
      columnsOf.push(columns)
      above = columns
    }
    return columnsOf
  }
}

function render(cells: readonly Cell[], columns: readonly Column[]): string {
  let line = ''
  let kept = 0
  let indents = true
  for (const [index, cell] of cells.entries()) {
    const column = columns[index]
    const width = column?.shown === true ? column.width : 0
    if (cell.kept > 0) kept = line.length + cell.kept
    line += cell.text
    if (cell.text !== '') indents = false
    // Empty cells before the first text are indentation and made of tabs.
    line += indents ? '\t'.repeat(Math.ceil(width / tabWidth)) : ' '.repeat(Math.max(width - cell.width, 0))
  }
  let end = line.length
  while (end > kept && (line[end - 1] === ' ' || line[end - 1] === '\t')) end--
  return line.slice(0, end)
}
