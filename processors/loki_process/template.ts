// Templates in the language of Go's text/template: fields, variables, pipelines, conditions, `with`, `range`.
// https://pkg.go.dev/text/template; `define`, `template`, `block`, `break` and `continue` are refused.
import type { Report } from '#component'
import { SelectorError, unquote } from './logql.ts'
import { isTrue, shown, TemplateFault, templateFunctions, type TemplateValue } from './template_functions.ts'

export class TemplateError extends Error {
  override readonly name = 'TemplateError'
}

/** The text for `data`; undefined: it failed on it. `missing` is what a field that there is not gives. */
export type Template = (data: ReadonlyMap<string, string>, missing?: string | null) => string | undefined

type Data = TemplateValue | ReadonlyMap<string, string>
interface Scope {
  readonly dot: Data
  readonly root: ReadonlyMap<string, string>
  readonly missing: string | null
  readonly variables: Map<string, TemplateValue>
}
type Evaluate = (scope: Scope) => Data
type Write = (scope: Scope) => string

/** Reports why `text`, the setting `name`, is no template. */
export function checkTemplate(text: string, name: string, report: Report): void {
  try {
    compileTemplate(text)
  } catch (error) {
    if (!(error instanceof TemplateError || error instanceof SelectorError)) throw error
    report(`failed to compile template: ${error.message}`, [name])
  }
}

/** Compile `text`. Throws `TemplateError`. */
export function compileTemplate(text: string): Template {
  const write = new Parser(piecesOf(text)).whole()
  return (data, missing = null) => {
    try {
      return write({ dot: data, root: data, missing, variables: new Map() })
    } catch (error) {
      if (error instanceof TemplateFault) return undefined
      throw error
    }
  }
}

type Piece = { readonly text: string } | { readonly action: readonly string[] }

const actionToken =
  /\s*("(?:[^"\\\n]|\\.)*"|`[^`]*`|[+-]?(?:\d+\.\d+|\d+)(?![\w.])|(?:\$[A-Za-z0-9_]*|\.)?(?:\.?[A-Za-z_]\w*)(?:\.[A-Za-z_]\w*)*|\$|\.|:=|[=|(),])/sy

function piecesOf(text: string): Piece[] {
  const pieces: Piece[] = []
  let at = 0
  let trims = false
  for (;;) {
    const open = text.indexOf('{{', at)
    let plain = open < 0 ? text.slice(at) : text.slice(at, open)
    if (trims) plain = plain.trimStart()
    const trimsBefore = open >= 0 && /^-\s/.test(text.slice(open + 2, open + 4))
    if (trimsBefore) plain = plain.trimEnd()
    if (plain !== '') pieces.push({ text: plain })
    if (open < 0) return pieces
    at = open + (trimsBefore ? 3 : 2)
    const comment = /^\s*\/\*.*?\*\/\s*?(\s-)?\}\}/s.exec(text.slice(at))
    if (comment !== null) {
      at += comment[0].length
      trims = comment[1] !== undefined
      continue
    }
    const tokens: string[] = []
    for (;;) {
      const close = /^(\s+-|\s*)\}\}/.exec(text.slice(at))
      if (close !== null) {
        at += close[0].length
        trims = (close[1] as string).endsWith('-')
        break
      }
      actionToken.lastIndex = at
      const found = actionToken.exec(text)
      if (found === null) {
        const rest = text.slice(at, at + 10)
        throw new TemplateError(rest === '' ? 'unclosed action' : `unexpected ${JSON.stringify(rest)} in an action`)
      }
      tokens.push(found[1] as string)
      at = actionToken.lastIndex
    }
    pieces.push({ action: tokens })
  }
}

/** How deep blocks and parentheses may be nested. */
const depthMax = 100

class Parser {
  readonly #pieces: readonly Piece[]
  #at: number
  #tokens: readonly string[]
  #token: number
  #depth: number
  readonly #variables: Set<string>

  constructor(pieces: readonly Piece[]) {
    this.#pieces = pieces
    this.#at = 0
    this.#tokens = []
    this.#token = 0
    this.#depth = 0
    this.#variables = new Set()
  }

  whole(): Write {
    const { write, end } = this.#list()
    if (end !== '') throw new TemplateError(`unexpected {{${end}}}`)
    return write
  }

  /** Up to `end` or `else`, whose action stays the current one. */
  #list(): { write: Write; end: '' | 'end' | 'else' } {
    if (++this.#depth > depthMax) throw new TemplateError('nested too deeply')
    const writes: Write[] = []
    let end: '' | 'end' | 'else' = ''
    while (this.#at < this.#pieces.length && end === '') {
      const piece = this.#pieces[this.#at++] as Piece
      if ('text' in piece) {
        writes.push(() => piece.text)
        continue
      }
      this.#tokens = piece.action
      this.#token = 0
      const word = piece.action[0]
      if (word === 'end' || word === 'else') {
        this.#token = 1
        end = word
      } else writes.push(this.#action(word))
    }
    this.#depth--
    return { write: (scope) => writes.map((write) => write(scope)).join(''), end }
  }

  #action(word: string | undefined): Write {
    if (word === 'if' || word === 'with' || word === 'range') {
      this.#token = 1
      return this.#block(word)
    }
    if (word !== undefined && ['define', 'template', 'block', 'break', 'continue'].includes(word)) {
      throw new TemplateError(`{{${word}}} is not supported yet`)
    }
    const { evaluate, isSilent } = this.#assignment()
    this.#done()
    if (!isSilent) return (scope) => shown(plain(evaluate(scope)))
    return (scope) => {
      evaluate(scope)
      return ''
    }
  }

  #block(word: 'if' | 'with' | 'range'): Write {
    const { evaluate } = this.#assignment()
    this.#done()
    const body = this.#list()
    let otherwise: Write = () => ''
    let { end } = body
    if (end === 'else') {
      const next = this.#tokens[this.#token]
      if (next === 'if' || next === 'with') {
        this.#token++
        otherwise = this.#block(next)
        end = 'end'
      } else {
        this.#done()
        const rest = this.#list()
        otherwise = rest.write
        end = rest.end
      }
    }
    if (end !== 'end') throw new TemplateError(end === '' ? `{{${word}}} without {{end}}` : 'unexpected {{else}}')
    return (scope) => {
      const value = evaluate(scope)
      if (word === 'range') {
        if (!Array.isArray(value)) throw new TemplateFault('range over what is no list')
        if (value.length === 0) return otherwise(scope)
        return value.map((dot: TemplateValue) => body.write({ ...scope, dot })).join('')
      }
      if (value instanceof Map || isTrue(value as TemplateValue)) {
        return body.write(word === 'with' ? { ...scope, dot: value } : scope)
      }
      return otherwise(scope)
    }
  }

  #done(): void {
    const left = this.#tokens[this.#token]
    if (left !== undefined) throw new TemplateError(`unexpected ${left} in an action`)
  }

  /** A pipeline, or `$x := pipeline`, which shows nothing. */
  #assignment(): { evaluate: Evaluate; isSilent: boolean } {
    const [name = '', sign] = this.#tokens.slice(this.#token)
    if (!/^\$\w+$/.test(name) || (sign !== ':=' && sign !== '=')) return { evaluate: this.#pipeline(), isSilent: false }
    this.#token += 2
    const value = this.#pipeline()
    if (sign === '=' && !this.#variables.has(name)) throw new TemplateError(`undefined variable ${name}`)
    this.#variables.add(name)
    const evaluate: Evaluate = (scope) => {
      const given = value(scope)
      scope.variables.set(name, plain(given))
      return given
    }
    return { evaluate, isSilent: true }
  }

  #pipeline(): Evaluate {
    let value = this.#command(undefined)
    while (this.#tokens[this.#token] === '|') {
      this.#token++
      value = this.#command(value)
    }
    return value
  }

  /** A function with its arguments, or a value; what is piped in comes last. */
  #command(piped: Evaluate | undefined): Evaluate {
    const word = this.#tokens[this.#token]
    const isFunction = word !== undefined && /^[A-Za-z_]\w*$/.test(word) && !['true', 'false', 'nil'].includes(word)
    if (!isFunction) {
      const value = this.#operand()
      if (piped !== undefined) throw new TemplateError(`cannot pipe into ${word}: it is no function`)
      return value
    }
    this.#token++
    const run = Object.hasOwn(templateFunctions, word) ? templateFunctions[word] : undefined
    if (run === undefined) throw new TemplateError(`function "${word}" is not supported yet`)
    const values: Evaluate[] = []
    while (![undefined, '|', ')'].includes(this.#tokens[this.#token])) values.push(this.#operand())
    if (piped !== undefined) values.push(piped)
    if (values.length < run.length) throw new TemplateError(`too few arguments for ${word}`)
    return (scope) => run(...values.map((value) => plain(value(scope))))
  }

  #operand(): Evaluate {
    const word = this.#tokens[this.#token++]
    if (word === undefined) throw new TemplateError('missing value for command')
    if (word === '(') {
      if (++this.#depth > depthMax) throw new TemplateError('nested too deeply')
      const inside = this.#pipeline()
      if (this.#tokens[this.#token++] !== ')') throw new TemplateError('unclosed left paren')
      this.#depth--
      return inside
    }
    if (/^["`]/.test(word)) {
      const text = unquote(word)
      return () => text
    }
    if (/^[+-]?\d/.test(word)) return () => Number(word)
    if (word === 'true' || word === 'false') return () => word === 'true'
    if (word === 'nil') return () => null
    if (/^[A-Za-z_]\w*$/.test(word)) {
      this.#token--
      return this.#lone()
    }
    if (word.startsWith('$')) return this.#variable(word)
    if (!word.startsWith('.')) throw new TemplateError(`unexpected ${word} in an action`)
    const names = word
      .slice(1)
      .split('.')
      .filter((name) => name !== '')
    return (scope) => fieldOf(scope.dot, names, scope)
  }

  /** A function without arguments among arguments. */
  #lone(): Evaluate {
    const word = this.#tokens[this.#token++] as string
    const run = Object.hasOwn(templateFunctions, word) ? templateFunctions[word] : undefined
    if (run === undefined || run.length > 0) throw new TemplateError(`function "${word}" is not supported here`)
    return () => run()
  }

  #variable(word: string): Evaluate {
    const [name = '', ...names] = word.split('.')
    if (name === '$') return (scope) => fieldOf(scope.root, names, scope)
    if (!this.#variables.has(name)) throw new TemplateError(`undefined variable ${name}`)
    return (scope) => fieldOf(scope.variables.get(name) ?? null, names, scope)
  }
}

function fieldOf(from: Data, names: readonly string[], scope: Scope): Data {
  let value = from
  for (const name of names) {
    if (!(value instanceof Map)) throw new TemplateFault(`cannot take field ${name} of what has none`)
    value = (value as ReadonlyMap<string, string>).get(name) ?? scope.missing
  }
  return value
}

/** All the data is no value for functions. */
function plain(value: Data): TemplateValue {
  if (value instanceof Map) throw new TemplateFault('cannot use all the data as a value')
  return value as TemplateValue
}
