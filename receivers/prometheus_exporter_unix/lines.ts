// Kernel files of text taken apart: lines, fields between white space, numbers.

/** The lines of `text` that have something in them. */
export function linesOf(text: string): string[] {
  const lines = text.split('\n')
  let kept = 0
  for (const line of lines) {
    if (line.trim() !== '') lines[kept++] = line
  }
  lines.length = kept
  return lines
}

/** What stands between white space; empty for a blank line. */
export function fieldsOf(line: string): string[] {
  const trimmed = line.trim()
  return trimmed === '' ? [] : trimmed.split(/\s+/)
}

/** The decimal number `text` (fraction and sign allowed). Throws when it is none; `what` is said in the error. */
export function numberOf(text: string | undefined, what: string): number {
  const value = text === undefined || text === '' ? Number.NaN : Number(text)
  if (Number.isNaN(value)) {
    throw new Error(`Cannot read ${what}: not a number: current value is ${JSON.stringify(text ?? '')}`)
  }
  return value
}

const hexDigits = /^[0-9a-fA-F]+$/

/** The hexadecimal number `text`, without 0x. Throws when it is none. */
export function hexOf(text: string | undefined, what: string): number {
  if (text === undefined || !hexDigits.test(text)) {
    throw new Error(`Cannot read ${what}: not a hexadecimal number: current value is ${JSON.stringify(text ?? '')}`)
  }
  return Number.parseInt(text, 16)
}
