// Reads the everyday part of RE2's syntax (as Go's `regexp` has it) into a tree; anything unusual is left to re2js.

/** Sorted, disjoint, non-adjacent ranges of code points, low and high in turn. */
export type CharSet = readonly number[]

export type RegexpNode =
  | { readonly kind: 'empty' }
  /** One code point out of `set`; a literal character is a set of one. */
  | { readonly kind: 'chars'; readonly set: CharSet }
  | { readonly kind: 'assertion'; readonly what: Assertion }
  /** A capturing group; `name` is '' where it has none. */
  | { readonly kind: 'group'; readonly index: number; readonly name: string; readonly node: RegexpNode }
  | { readonly kind: 'concat'; readonly nodes: readonly RegexpNode[] }
  | { readonly kind: 'alternate'; readonly nodes: readonly RegexpNode[] }
  /** `max` is Infinity where there is none. */
  | {
      readonly kind: 'repeat'
      readonly node: RegexpNode
      readonly min: number
      readonly max: number
      readonly greedy: boolean
    }

/** `begin` and `end` are those of the text, `lineBegin` and `lineEnd` know `\n` only, words are ASCII. */
export type Assertion = 'begin' | 'end' | 'lineBegin' | 'lineEnd' | 'word' | 'notWord'

export interface ParsedRegexp {
  readonly node: RegexpNode
  /** Names of the groups by index; '' for those without, and for index 0. */
  readonly groupNames: readonly string[]
}

export const maxCodePoint = 0x10ffff
export const anyChar: CharSet = [0, maxCodePoint]
const anyButNewline: CharSet = [0, 9, 11, maxCodePoint]
const digits: CharSet = [0x30, 0x39]
const spaces: CharSet = [9, 10, 12, 13, 32, 32]
const wordChars: CharSet = [0x30, 0x39, 0x41, 0x5a, 0x5f, 0x5f, 0x61, 0x7a]

const posixClasses: ReadonlyMap<string, CharSet> = new Map<string, CharSet>(
  Object.entries({
    alnum: [0x30, 0x39, 0x41, 0x5a, 0x61, 0x7a],
    alpha: [0x41, 0x5a, 0x61, 0x7a],
    ascii: [0, 0x7f],
    blank: [9, 9, 32, 32],
    cntrl: [0, 0x1f, 0x7f, 0x7f],
    digit: digits,
    graph: [0x21, 0x7e],
    lower: [0x61, 0x7a],
    print: [0x20, 0x7e],
    punct: [0x21, 0x2f, 0x3a, 0x40, 0x5b, 0x60, 0x7b, 0x7e],
    space: [9, 13, 32, 32],
    upper: [0x41, 0x5a],
    word: wordChars,
    xdigit: [0x30, 0x39, 0x41, 0x46, 0x61, 0x66],
  }),
)

/** Groups deeper than this are left to re2js (Go's own bound is 1000). */
const depthMax = 100

/** The pattern is wrong, or not of the kind that this parser knows: re2js decides. */
class Unclear extends Error {}

/**
 * The tree of `pattern`, or undefined when it holds anything that this parser does not know for certain: errors, Unicode
 * classes, octal escapes, case folding beyond ASCII, lone surrogates, repeats within counted repeats. Everything it
 * accepts is valid for RE2 and means the same there.
 */
export function parseRegexp(pattern: string): ParsedRegexp | undefined {
  if (!pattern.isWellFormed()) return undefined
  try {
    return new Parser(pattern).parse()
  } catch (error) {
    if (error instanceof Unclear) return undefined
    throw error
  }
}

interface Flags {
  readonly fold: boolean
  readonly multiline: boolean
  readonly dotAll: boolean
  readonly ungreedy: boolean
}

const countPattern = /\{(0|[1-9]\d*)(?:(,)(0|[1-9]\d*)?)?\}/y

class Parser {
  readonly #text: string
  #at = 0
  #depth = 0
  #flags: Flags = { fold: false, multiline: false, dotAll: false, ungreedy: false }
  readonly #groupNames: string[] = ['']

  constructor(text: string) {
    this.#text = text
  }

  parse(): ParsedRegexp {
    const node = this.#alternation()
    if (this.#at < this.#text.length) throw new Unclear() // a closing parenthesis too many
    return { node, groupNames: this.#groupNames }
  }

  #alternation(): RegexpNode {
    if (++this.#depth > depthMax) throw new Unclear()
    const branches = [this.#sequence()]
    while (this.#text[this.#at] === '|') {
      this.#at++
      branches.push(this.#sequence())
    }
    this.#depth--
    return branches.length === 1 ? (branches[0] as RegexpNode) : { kind: 'alternate', nodes: branches }
  }

  #sequence(): RegexpNode {
    const nodes: RegexpNode[] = []
    while (this.#at < this.#text.length) {
      const c = this.#text[this.#at]
      if (c === '|' || c === ')') break
      const atom = this.#atom(nodes)
      if (atom !== undefined) append(nodes, this.#repeated(atom))
      else if (this.#repeatAhead()) throw new Unclear() // after flags or a quotation: has no argument of its own
    }
    if (nodes.length === 0) return { kind: 'empty' }
    return nodes.length === 1 ? (nodes[0] as RegexpNode) : { kind: 'concat', nodes }
  }

  /** One atom, or undefined where there was nothing to match (flags) or `before` has got all of it (a quotation). */
  #atom(before: RegexpNode[]): RegexpNode | undefined {
    const c = this.#text[this.#at] as string
    switch (c) {
      case '(':
        return this.#parenthesis()
      case '[':
        return { kind: 'chars', set: this.#bracket() }
      case '.':
        this.#at++
        return { kind: 'chars', set: this.#flags.dotAll ? anyChar : anyButNewline }
      case '^':
        this.#at++
        return { kind: 'assertion', what: this.#flags.multiline ? 'lineBegin' : 'begin' }
      case '$':
        this.#at++
        return { kind: 'assertion', what: this.#flags.multiline ? 'lineEnd' : 'end' }
      case '\\':
        return this.#text[this.#at + 1] === 'Q' ? this.#quotation(before) : this.#escapedAtom()
      case '*':
      case '+':
      case '?':
        throw new Unclear()
      case '{':
        if (/\d/.test(this.#text[this.#at + 1] ?? '')) throw new Unclear()
        break
      default:
    }
    return this.#literal(this.#codePoint())
  }

  #codePoint(): number {
    const code = this.#text.codePointAt(this.#at) as number
    this.#at += code > 0xffff ? 2 : 1
    return code
  }

  #literal(code: number): RegexpNode {
    return { kind: 'chars', set: this.#folded([code, code]) }
  }

  #folded(set: CharSet): CharSet {
    return this.#flags.fold ? foldAscii(set) : set
  }

  /** `\Q…\E`: all but the last character go into `before`, the last is the atom that an operator may follow. */
  #quotation(before: RegexpNode[]): RegexpNode {
    const end = this.#text.indexOf('\\E', this.#at + 2)
    const codes = Array.from(this.#text.slice(this.#at + 2, end < 0 ? undefined : end))
    const last = codes.pop()
    if (last === undefined) throw new Unclear()
    this.#at = end < 0 ? this.#text.length : end + 2
    for (const c of codes) before.push(this.#literal(c.codePointAt(0) as number))
    return this.#literal(last.codePointAt(0) as number)
  }

  #escapedAtom(): RegexpNode {
    const c = this.#text[this.#at + 1]
    switch (c) {
      case 'A':
      case 'z':
      case 'b':
      case 'B':
        this.#at += 2
        return { kind: 'assertion', what: c === 'A' ? 'begin' : c === 'z' ? 'end' : c === 'b' ? 'word' : 'notWord' }
      default: {
        const set = this.#perlClass()
        return set === undefined ? this.#literal(this.#escape()) : { kind: 'chars', set }
      }
    }
  }

  /** `\d`, `\S` and so on, here; else undefined and nothing read. */
  #perlClass(): CharSet | undefined {
    if (this.#text[this.#at] !== '\\') return undefined
    const c = this.#text[this.#at + 1] ?? ''
    const lower = c.toLowerCase()
    const set = lower === 'd' ? digits : lower === 's' ? spaces : lower === 'w' ? wordChars : undefined
    if (set === undefined) return undefined
    this.#at += 2
    const folded = this.#folded(set)
    return c === lower ? folded : negated(folded)
  }

  /** The character that an escape sequence stands for. */
  #escape(): number {
    const c = this.#text[this.#at + 1] ?? ''
    const simple = 'a\x07f\fn\nr\rt\tv\v'
    const at = simple.indexOf(c)
    if (c !== '' && at >= 0 && at % 2 === 0) {
      this.#at += 2
      return simple.charCodeAt(at + 1)
    }
    if (c === 'x') {
      const hex = /\\x(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]{1,6})\})/y
      hex.lastIndex = this.#at
      const found = hex.exec(this.#text)
      const code = found === null ? -1 : Number.parseInt((found[1] ?? found[2]) as string, 16)
      if (found === null || code > maxCodePoint || (code >= 0xd800 && code <= 0xdfff)) throw new Unclear()
      this.#at += found[0].length
      return code
    }
    if (!/^[!-/:-@[-`{-~ ]$/.test(c)) throw new Unclear()
    this.#at += 2
    return c.charCodeAt(0)
  }

  #parenthesis(): RegexpNode | undefined {
    const outer = this.#flags
    let name: string | undefined = ''
    if (this.#text[this.#at + 1] === '?') {
      const named = /\(\?P?<([A-Za-z0-9_]+)>/y
      const flags = /\(\?(?!-?[:)])([imsU]*)(?:-([imsU]+))?([:)])|\(\?:/y
      named.lastIndex = flags.lastIndex = this.#at
      const asNamed = named.exec(this.#text)
      const asFlags = flags.exec(this.#text)
      if (asNamed !== null) {
        name = asNamed[1] as string
        this.#at += asNamed[0].length
      } else if (asFlags !== null) {
        name = undefined
        this.#at += asFlags[0].length
        this.#flags = changedFlags(outer, asFlags[1] ?? '', asFlags[2] ?? '')
        if (asFlags[3] === ')') return undefined // they hold to the end of the group that this stands in
      } else throw new Unclear()
    } else this.#at++
    const index = this.#groupNames.length
    if (name !== undefined) this.#groupNames.push(name)
    const node = this.#alternation()
    if (this.#text[this.#at] !== ')') throw new Unclear()
    this.#at++
    this.#flags = outer
    return name === undefined ? node : { kind: 'group', index, name, node }
  }

  #repeatAhead(): boolean {
    const c = this.#text[this.#at]
    if (c === '*' || c === '+' || c === '?') return true
    countPattern.lastIndex = this.#at
    return c === '{' && countPattern.test(this.#text)
  }

  #repeated(node: RegexpNode): RegexpNode {
    if (!this.#repeatAhead()) return node
    let min = 0
    let max = Infinity
    const c = this.#text[this.#at]
    if (c === '{') {
      countPattern.lastIndex = this.#at
      const found = countPattern.exec(this.#text) as RegExpExecArray
      min = Number(found[1])
      max = found[3] !== undefined ? Number(found[3]) : found[2] !== undefined ? Infinity : min
      const wrong = max === 0 || min > max || min > 1000 || (max !== Infinity && max > 1000)
      // Long patterns and repeats within repeats come near RE2's bounds on size.
      if (wrong || this.#text.length > 2000 || holdsCount(node)) throw new Unclear()
      this.#at += found[0].length
    } else {
      if (c === '+') min = 1
      if (c === '?') max = 1
      this.#at++
    }
    let greedy = !this.#flags.ungreedy
    if (this.#text[this.#at] === '?') {
      greedy = !greedy
      this.#at++
    }
    if (this.#repeatAhead()) throw new Unclear()
    return { kind: 'repeat', node, min, max, greedy }
  }

  #bracket(): CharSet {
    this.#at++
    const negate = this.#text[this.#at] === '^'
    if (negate) this.#at++
    const ranges: number[] = []
    let first = true
    while (first || this.#text[this.#at] !== ']') {
      if (this.#at >= this.#text.length) throw new Unclear()
      first = false
      const group = this.#posixClass() ?? this.#perlClass()
      if (group !== undefined) {
        ranges.push(...group)
        continue
      }
      const low = this.#classChar()
      let high = low
      if (this.#text[this.#at] === '-' && this.#at + 1 < this.#text.length && this.#text[this.#at + 1] !== ']') {
        this.#at++
        high = this.#classChar()
        if (high < low) throw new Unclear()
      }
      ranges.push(...this.#folded([low, high]))
    }
    this.#at++
    const set = normalised(ranges)
    if (!negate) return set
    if (set[0] === 0 && set[1] === maxCodePoint) throw new Unclear() // matches nothing
    return negated(set)
  }

  #classChar(): number {
    if (this.#at >= this.#text.length) throw new Unclear()
    return this.#text[this.#at] === '\\' ? this.#escape() : this.#codePoint()
  }

  #posixClass(): CharSet | undefined {
    if (!this.#text.startsWith('[:', this.#at)) return undefined
    const end = this.#text.indexOf(':]', this.#at + 2)
    if (end < 0) return undefined
    const name = this.#text.slice(this.#at + 2, end)
    const set = posixClasses.get(name.replace('^', ''))
    if (set === undefined || name.endsWith('^')) throw new Unclear()
    this.#at = end + 2
    const folded = this.#folded(set)
    return name.startsWith('^') ? negated(folded) : folded
  }
}

/** Sequences are kept flat, and an assertion said twice in a row is said once. */
function append(nodes: RegexpNode[], node: RegexpNode): void {
  for (const part of node.kind === 'concat' ? node.nodes : [node]) {
    const before = nodes.at(-1)
    if (part.kind === 'assertion' && before?.kind === 'assertion' && before.what === part.what) continue
    nodes.push(part)
  }
}

function changedFlags(flags: Flags, set: string, clear: string): Flags {
  const value = (letter: string, now: boolean): boolean =>
    clear.includes(letter) ? false : set.includes(letter) || now
  return {
    fold: value('i', flags.fold),
    multiline: value('m', flags.multiline),
    dotAll: value('s', flags.dotAll),
    ungreedy: value('U', flags.ungreedy),
  }
}

/** Counted repeats within counted repeats run into RE2's size limits: left to re2js. */
function holdsCount(node: RegexpNode): boolean {
  switch (node.kind) {
    case 'repeat':
      return node.min > 1 || (node.max > 1 && node.max !== Infinity) || holdsCount(node.node)
    case 'group':
      return holdsCount(node.node)
    case 'concat':
    case 'alternate':
      return node.nodes.some(holdsCount)
    case 'empty':
    case 'chars':
    case 'assertion':
      return false
  }
}

export function normalised(ranges: readonly number[]): CharSet {
  const pairs: [number, number][] = []
  for (let i = 0; i < ranges.length; i += 2) pairs.push([ranges[i] as number, ranges[i + 1] as number])
  pairs.sort((a, b) => a[0] - b[0])
  const set: number[] = []
  for (const [low, high] of pairs) {
    const end = set.at(-1)
    if (end !== undefined && low <= end + 1) set[set.length - 1] = Math.max(end, high)
    else set.push(low, high)
  }
  return set
}

function negated(set: CharSet): CharSet {
  const out: number[] = []
  let next = 0
  for (let i = 0; i < set.length; i += 2) {
    const low = set[i] as number
    if (low > next) out.push(next, low - 1)
    next = (set[i + 1] as number) + 1
  }
  if (next <= maxCodePoint) out.push(next, maxCodePoint)
  return out
}

/** All that `set` matches when case is ignored (simple folding). Only sets within ASCII are clear. */
function foldAscii(set: CharSet): CharSet {
  if ((set.at(-1) as number) > 0x7f) throw new Unclear()
  const out = [...set]
  for (let i = 0; i < set.length; i += 2) {
    for (let code = set[i] as number; code <= (set[i + 1] as number); code++) {
      const upper = code & ~0x20
      if (upper < 0x41 || upper > 0x5a) continue
      out.push(code ^ 0x20, code ^ 0x20)
      if (upper === 0x4b) out.push(0x212a, 0x212a) // the Kelvin sign folds to k
      if (upper === 0x53) out.push(0x17f, 0x17f) // the long s folds to s
    }
  }
  return normalised(out)
}
