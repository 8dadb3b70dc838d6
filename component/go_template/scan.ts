// Cuts a template into plain text and the tokens of its actions (text/template/parse/lex.go).

/** Why a text is no template, and where. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError'
}

export type TokenKind = 'word' | 'field' | 'variable' | 'number' | 'text' | 'sign'

export interface Token {
  readonly kind: TokenKind
  /** As written; for fields without the point. */
  readonly text: string
  readonly at: number
  /** Does white space stand before it? It separates arguments. */
  readonly spaced: boolean
}

/** Plain text, or an action with its tokens. */
export type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'action'; readonly tokens: readonly Token[]; readonly at: number; readonly end: number }

/** `TemplateError` with the place in `text`. */
export function errorAt(text: string, at: number, message: string): TemplateError {
  const before = text.slice(0, at).split('\n')
  const column = [...(before.at(-1) ?? '')].length + 1
  return new TemplateError(`line ${before.length}, column ${column}: ${message}`)
}

const tokenShape =
  /([ \t\r\n]*)(?:(?<text>"(?:[^"\\\n]|\\.)*"|`[^`]*`)|(?<char>'(?:[^'\\\n]|\\.)+')|(?<number>[+-]?(?:0[xX][\da-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|\d[\d_]*(?:\.[\d_]*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)(?![\p{L}\p{Nd}_]))|(?<field>\.[\p{L}_][\p{L}\p{Nd}_]*)|(?<variable>\$[\p{L}\p{Nd}_]*)|(?<word>[\p{L}_][\p{L}\p{Nd}_]*)|(?<sign>:=|[.=|(),]))/suy

const spaces = ' \t\r\n'

/** Throws `TemplateError`. */
export function piecesOf(text: string): Piece[] {
  const pieces: Piece[] = []
  let at = 0
  let trims = false
  for (;;) {
    const open = text.indexOf('{{', at)
    let plain = open < 0 ? text.slice(at) : text.slice(at, open)
    if (trims) plain = plain.replace(/^[ \t\r\n]+/, '')
    const trimsBefore = open >= 0 && text[open + 2] === '-' && spaces.includes(text[open + 3] ?? 'x')
    if (trimsBefore) plain = withoutTrailingSpace(plain)
    if (plain !== '') pieces.push({ kind: 'text', text: plain })
    if (open < 0) return pieces
    at = open + (trimsBefore ? 4 : 2)
    const comment = text.startsWith('/*', at) ? commentEnd(text, at) : undefined
    if (comment !== undefined) {
      at = comment.end
      trims = comment.trims
      continue
    }
    const action = actionAt(text, at, open)
    pieces.push(action.piece)
    at = action.end
    trims = action.trims
  }
}

function withoutTrailingSpace(text: string): string {
  let end = text.length
  while (end > 0 && spaces.includes(text[end - 1] as string)) end--
  return text.slice(0, end)
}

function commentEnd(text: string, at: number): { end: number; trims: boolean } {
  const close = text.indexOf('*/', at)
  if (close < 0) throw errorAt(text, at, 'unclosed comment')
  const end = /^([ \t\r\n]-)?\}\}/.exec(text.slice(close + 2, close + 6))
  if (end === null) throw errorAt(text, at, 'comment ends before closing delimiter')
  return { end: close + 2 + end[0].length, trims: end[1] !== undefined }
}

/** Where an action ends that may end at `at`; undefined: it goes on. */
function closeAt(text: string, at: number): { end: number; trims: boolean } | undefined {
  let next = at
  while (next < text.length && spaces.includes(text[next] as string)) next++
  if (text.startsWith('}}', next)) return { end: next + 2, trims: false }
  return next > at && text.startsWith('-}}', next) ? { end: next + 3, trims: true } : undefined
}

function actionAt(text: string, from: number, open: number): { piece: Piece; end: number; trims: boolean } {
  const tokens: Token[] = []
  let at = from
  for (;;) {
    const close = closeAt(text, at)
    if (close !== undefined) return { piece: { kind: 'action', tokens, at: open, end: at }, ...close }
    tokenShape.lastIndex = at
    const found = tokenShape.exec(text)
    if (found === null) throw unreadable(text, at, open)
    const groups = found.groups ?? {}
    const [space = ''] = found.slice(1)
    const part = found[0].slice(space.length)
    const kind: TokenKind =
      groups['text'] !== undefined
        ? 'text'
        : groups['field'] !== undefined
          ? 'field'
          : groups['variable'] !== undefined
            ? 'variable'
            : groups['word'] !== undefined
              ? 'word'
              : groups['sign'] !== undefined
                ? 'sign'
                : 'number'
    tokens.push({
      kind,
      text: kind === 'field' ? part.slice(1) : part,
      at: at + space.length,
      spaced: space !== '',
    })
    at = tokenShape.lastIndex
  }
}

function unreadable(text: string, at: number, open: number): TemplateError {
  const rest = text.slice(at).trimStart()
  const start = text.length - rest.length
  if (rest === '') return errorAt(text, open, 'unclosed action')
  if (rest.startsWith('"')) return errorAt(text, start, 'unterminated quoted string')
  if (rest.startsWith('`')) return errorAt(text, start, 'unterminated raw quoted string')
  if (/^[+-]?\.?\d/.test(rest)) return errorAt(text, start, `bad number syntax: ${JSON.stringify(rest.slice(0, 10))}`)
  return errorAt(text, start, `unexpected ${JSON.stringify([...rest][0])} in an action`)
}
