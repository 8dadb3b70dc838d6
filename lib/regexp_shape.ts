// Decides from a parsed regular expression what V8's own engine may be trusted with, and what needs no engine at all.
import { anyChar, maxCodePoint } from './regexp_syntax.ts'
import type { CharSet, RegexpNode } from './regexp_syntax.ts'

// ------------------------------------------------------------------------------------------------------ linear time

/** More positions (characters of the pattern, counted repeats written out) than this are left to re2js. */
const positionsMax = 400
/**
 * A backtracking matcher reads a text once per path through the pattern. This many paths for any one text are taken: a
 * constant factor, met by `\d{20}` unanchored.
 */
const pathsMax = 32
/** What the proof may cost: sets of paths looked at, links between positions, and steps in all (2 ms or so). */
const statesMax = 1500
const linksMax = 5000
const stepsMax = 150_000

class NotLinear extends Error {}

/**
 * Does a backtracking search for `node` take time linear in the text, whatever the text?
 *
 * The pattern becomes an automaton with one state per character position (Glushkov's), in which every way through the
 * pattern is a path of its own. A backtracking matcher walks no path twice, so its work is bounded by the number of paths
 * that read a prefix of the text, summed over prefixes. The sets of paths that any text can lead to are enumerated with
 * their counts: if the enumeration ends and no count exceeds `pathsMax`, the work is at most that many steps a character.
 * A tail that matches everything (`.*` at the end) is left out of the count: once there, the matcher never comes back.
 * No search begins inside a match (`[0-9]+` in a run of digits), so neither do paths where it is sure that one goes on.
 * Assertions are taken to hold always, which only adds paths. False means unknown.
 *
 * Refused too are patterns that match the empty text at an assertion: V8 finds some of those inside a surrogate pair.
 */
export function isForNative(node: RegexpNode): boolean {
  const anchored = beginsAtStart(node)
  if (!anchored && isNullable(node) && hasAssertion(node)) return false
  try {
    const positions = new Positions()
    const whole = positions.add(node)
    return countPaths(positions, whole, {
      anchored,
      sure: sureTails(positions, whole.last, node),
      longest: prefersLonger(node),
    })
  } catch (error) {
    if (error instanceof NotLinear) return false
    throw error
  }
}

interface Fragment {
  /** Can it match the empty text? */
  readonly nullable: boolean
  readonly first: readonly number[]
  readonly last: readonly number[]
}

const emptyFragment: Fragment = { nullable: true, first: [], last: [] }

class Positions {
  readonly sets: CharSet[] = []
  readonly follow: number[][] = []
  #links = 0

  add(node: RegexpNode): Fragment {
    switch (node.kind) {
      case 'empty':
      case 'assertion':
        return emptyFragment
      case 'chars': {
        const at = this.sets.length
        if (at >= positionsMax) throw new NotLinear()
        this.sets.push(node.set)
        this.follow.push([])
        return { nullable: false, first: [at], last: [at] }
      }
      case 'group':
        return this.add(node.node)
      case 'concat':
        return node.nodes.reduce<Fragment>((before, next) => this.#concat(before, this.add(next)), emptyFragment)
      case 'alternate': {
        const branches = node.nodes.map((branch) => this.add(branch))
        const nullables = branches.filter((branch) => branch.nullable).length
        if (nullables > 1) throw new NotLinear() // two ways of matching nothing
        return {
          nullable: nullables === 1,
          first: branches.flatMap((branch) => branch.first),
          last: branches.flatMap((branch) => branch.last),
        }
      }
      case 'repeat':
        return this.#repeat(node.node, node.min, node.max)
    }
  }

  #concat(a: Fragment, b: Fragment): Fragment {
    this.#link(a.last, b.first)
    return {
      nullable: a.nullable && b.nullable,
      first: a.nullable ? [...a.first, ...b.first] : a.first,
      last: b.nullable ? [...a.last, ...b.last] : b.last,
    }
  }

  /** `x{2,4}` is `xx(x(x)?)?`, `x{2,}` is `xx+`, with positions of its own for each `x`. */
  #repeat(node: RegexpNode, min: number, max: number): Fragment {
    const once = (): Fragment => {
      const fragment = this.add(node)
      if (fragment.nullable) throw new NotLinear() // engines disagree about empty rounds
      return fragment
    }
    let tail: Fragment = emptyFragment
    if (max === Infinity) {
      const loop = once()
      this.#link(loop.last, loop.first)
      tail = min > 0 ? loop : { ...loop, nullable: true }
    } else {
      for (let i = min; i < max; i++) tail = { ...this.#concat(once(), tail), nullable: true }
    }
    for (let i = max === Infinity ? 1 : 0; i < min; i++) tail = this.#concat(once(), tail)
    return tail
  }

  #link(from: readonly number[], to: readonly number[]): void {
    for (const p of from) {
      const next = this.follow[p] as number[]
      for (const q of to) {
        // Two ways of getting from one to the other multiply with every round.
        if (next.includes(q) || ++this.#links > linksMax) throw new NotLinear()
        next.push(q)
      }
    }
  }
}

/** Positions from which a match is certain: a greedy or lazy loop over every character that nothing can follow. */
function sureTails(positions: Positions, last: readonly number[], node: RegexpNode): ReadonlySet<number> {
  const sure = new Set<number>()
  if (!onlyOuterAssertions(node)) return sure
  for (const p of last) {
    const follow = positions.follow[p] as number[]
    if (isAny(positions.sets[p] as CharSet) && follow.length === 1 && follow[0] === p) sure.add(p)
  }
  return sure
}

interface Search {
  readonly anchored: boolean
  /** Positions from which a match is certain. */
  readonly sure: ReadonlySet<number>
  /** Is going on always tried before being content with what was read? */
  readonly longest: boolean
}

/** The paths that some text leads to: the positions where some end, in their order, and how many end at each. */
interface Paths {
  readonly at: readonly number[]
  readonly counts: readonly number[]
  /**
   * Do all the paths begin where a search really begins, so that one alone at an accepting position is a match? Not after
   * paths that may have been a match which ended before: some of those left may begin inside of it.
   */
  readonly real: boolean
}

function countPaths(positions: Positions, whole: Fragment, search: Search): boolean {
  const accepts = representatives(positions.sets).map((letter) => positions.sets.map((set) => has(set, letter)))
  const first = whole.first.toSorted((a, b) => a - b)
  const last = new Set(whole.last)
  const seen = new Set<string>()
  const waiting: Paths[] = [{ at: [], counts: [], real: search.longest }]
  let steps = 0
  // The first state is the start; a search that is not anchored has it in every state.
  for (let i = 0; i < waiting.length; i++) {
    const state = waiting[i] as Paths
    const reach = reachOf(state, positions)
    const only = state.real && state.at.length === 1 && state.counts[0] === 1
    const mayHaveMatched = state.at.some((p) => last.has(p))
    for (const accept of accepts) {
      const next = read(reach, accept, search.sure, state.real)
      // A search that has this path alone ends in a match with this letter in it: none begins at it.
      const goesOn = only && next.real && next.paths === 1 && last.has(next.at[0] as number)
      if (next.paths === 0) next.real = search.longest
      else if (!goesOn && mayHaveMatched) next.real = false
      if (i === 0 || (!search.anchored && !goesOn)) begin(next, first, accept, search.sure)
      steps += 1 + next.at.length
      if (next.paths > pathsMax || steps > stepsMax) return false
      if (next.paths === 0) continue
      if (next.paths > 1 && next.at.some((p) => last.has(p))) next.real = false
      const key = `${next.at.join()};${next.counts.join()}${next.real ? '!' : ''}`
      if (seen.has(key)) continue
      seen.add(key)
      if (seen.size > statesMax) return false
      waiting.push({ at: next.at, counts: next.counts, real: next.real })
    }
  }
  return true
}

/** Where the paths go on, whatever comes. */
function reachOf({ at, counts, real }: Paths, positions: Positions): Paths {
  const sums = new Map<number, number>()
  for (const [i, p] of at.entries()) {
    for (const q of positions.follow[p] as number[]) sums.set(q, (sums.get(q) ?? 0) + (counts[i] as number))
  }
  const reached = [...sums.keys()].sort((a, b) => a - b)
  return { at: reached, counts: reached.map((q) => sums.get(q) as number), real }
}

interface Next {
  at: number[]
  counts: number[]
  /** How many there are in all. */
  paths: number
  real: boolean
}

/** Those of the paths that a letter lets go on. */
function read({ at, counts }: Paths, accept: readonly boolean[], sure: ReadonlySet<number>, real: boolean): Next {
  const next: Next = { at: [], counts: [], paths: 0, real }
  for (let i = 0; i < at.length; i++) {
    const q = at[i] as number
    if (accept[q] !== true) continue
    if (sure.has(q)) {
      next.real = false
      continue
    }
    const count = counts[i] as number
    next.at.push(q)
    next.counts.push(count)
    next.paths += count
  }
  return next
}

/** Add the paths that begin with the letter. */
function begin(next: Next, first: readonly number[], accept: readonly boolean[], sure: ReadonlySet<number>): void {
  let i = 0
  for (const q of first) {
    if (accept[q] !== true) continue
    if (sure.has(q)) {
      next.real = false
      continue
    }
    while (i < next.at.length && (next.at[i] as number) < q) i++
    if (next.at[i] === q) next.counts[i] = (next.counts[i] as number) + 1
    else {
      next.at.splice(i, 0, q)
      next.counts.splice(i, 0, 1)
    }
    next.paths++
  }
}

/** One code point for every way in which the sets tell code points apart. */
function representatives(sets: readonly CharSet[]): number[] {
  const distinct = [...new Map(sets.map((set) => [set.join(), set])).values()]
  const starts = new Set([0])
  for (const set of distinct) {
    for (let i = 0; i < set.length; i += 2) {
      starts.add(set[i] as number)
      if ((set[i + 1] as number) < maxCodePoint) starts.add((set[i + 1] as number) + 1)
    }
  }
  const bySignature = new Map<string, number>()
  for (const code of starts) bySignature.set(distinct.map((set) => (has(set, code) ? '1' : '0')).join(''), code)
  return [...bySignature.values()]
}

function has(set: CharSet, code: number): boolean {
  for (let i = 0; i < set.length; i += 2) if (code <= (set[i + 1] as number)) return code >= (set[i] as number)
  return false
}

function isAny(set: CharSet): boolean {
  return set[0] === 0 && set[1] === maxCodePoint
}

/** Does every branch begin with the beginning of the text? */
function beginsAtStart(node: RegexpNode): boolean {
  switch (node.kind) {
    case 'assertion':
      return node.what === 'begin'
    case 'group':
      return beginsAtStart(node.node)
    case 'concat':
      return node.nodes.length > 0 && beginsAtStart(node.nodes[0] as RegexpNode)
    case 'alternate':
      return node.nodes.every(beginsAtStart)
    case 'empty':
    case 'chars':
    case 'repeat':
      return false
  }
}

/**
 * Does a matcher try every longer way before it ends a match? With lazy repeats and branches that match nothing it may not,
 * and an assertion can make it turn back.
 */
function prefersLonger(node: RegexpNode): boolean {
  switch (node.kind) {
    case 'empty':
    case 'chars':
      return true
    case 'assertion':
      return false
    case 'group':
      return prefersLonger(node.node)
    case 'repeat':
      return node.greedy && prefersLonger(node.node)
    case 'concat':
      return node.nodes.every(prefersLonger)
    case 'alternate':
      return node.nodes.every((branch) => prefersLonger(branch) && !isNullable(branch))
  }
}

/** No assertion but the end of the text, and its beginning as the very first thing. */
function onlyOuterAssertions(node: RegexpNode): boolean {
  if (node.kind === 'concat' && beginsAtStart(node.nodes[0] as RegexpNode)) {
    return (node.nodes[0] as RegexpNode).kind === 'assertion' && node.nodes.slice(1).every(onlyEndAssertions)
  }
  return onlyEndAssertions(node)
}

function onlyEndAssertions(node: RegexpNode): boolean {
  switch (node.kind) {
    case 'assertion':
      return node.what === 'end'
    case 'group':
    case 'repeat':
      return onlyEndAssertions(node.node)
    case 'concat':
    case 'alternate':
      return node.nodes.every(onlyEndAssertions)
    case 'empty':
    case 'chars':
      return true
  }
}

/**
 * May V8's engines have `node` where a search that turns back too often is taken over by a linear one? Engines disagree
 * about rounds of a repeat that match nothing, and neither is to have patterns that grow large when written out.
 */
export function isForGuarded(node: RegexpNode): boolean {
  return charsWrittenOut(node) <= positionsMax && !hasEmptyRounds(node) && !(isNullable(node) && hasAssertion(node))
}

function charsWrittenOut(node: RegexpNode): number {
  switch (node.kind) {
    case 'empty':
    case 'assertion':
      return 0
    case 'chars':
      return 1
    case 'group':
      return charsWrittenOut(node.node)
    case 'concat':
    case 'alternate':
      return node.nodes.reduce((sum, part) => sum + charsWrittenOut(part), 0)
    case 'repeat':
      return charsWrittenOut(node.node) * Math.max(node.max === Infinity ? node.min : node.max, 1)
  }
}

function hasEmptyRounds(node: RegexpNode): boolean {
  switch (node.kind) {
    case 'empty':
    case 'assertion':
    case 'chars':
      return false
    case 'group':
      return hasEmptyRounds(node.node)
    case 'concat':
    case 'alternate':
      return node.nodes.some(hasEmptyRounds)
    case 'repeat':
      return isNullable(node.node) || hasEmptyRounds(node.node)
  }
}

// ------------------------------------------------------------------------------------------------------- for V8

/** A pattern as V8 takes it; with groups as the original numbers them, unless `plain`. */
export interface NativePattern {
  readonly source: string
  /** `u` where half a surrogate pair could be taken for a character or for a place to match nothing, else ''. */
  readonly flags: string
}

/**
 * `node` in JavaScript's syntax, written anew from the tree; no flag changes the meaning of what is written. With `unicode`
 * false it is for texts without characters beyond U+FFFF.
 */
export function nativePattern(
  node: RegexpNode,
  options: { readonly groups: boolean; readonly unicode?: false },
): NativePattern {
  const unicode = options.unicode !== false && (reachesSurrogates(node) || isNullable(node))
  const writer: Writer = {
    unicode,
    groups: options.groups,
    // V8 14.6 looks for the end of `/[^\n]a$/u` from behind and lands in the middle of a surrogate pair.
    end: unicode && !beginsAtStart(node) ? '(?![^])' : '$',
  }
  return { source: write(node, writer), flags: unicode ? 'u' : '' }
}

interface Writer {
  readonly unicode: boolean
  readonly groups: boolean
  readonly end: string
}

const assertionText = {
  begin: '^',
  lineBegin: '(?<![^\\n])',
  lineEnd: '(?![^\\n])',
  word: '\\b',
  notWord: '\\B',
} as const

function write(node: RegexpNode, writer: Writer): string {
  switch (node.kind) {
    case 'empty':
      return '(?:)'
    case 'chars':
      return setText(node.set, writer.unicode)
    case 'assertion':
      return node.what === 'end' ? writer.end : assertionText[node.what]
    case 'group':
      return `${writer.groups ? '(' : '(?:'}${write(node.node, writer)})`
    case 'concat':
      return node.nodes
        .map((part) => (part.kind === 'alternate' ? `(?:${write(part, writer)})` : write(part, writer)))
        .join('')
    case 'alternate':
      return node.nodes.map((branch) => write(branch, writer)).join('|')
    case 'repeat': {
      const inner = write(node.node, writer)
      const single = node.node.kind === 'chars' || node.node.kind === 'group'
      return (single ? inner : `(?:${inner})`) + countText(node.min, node.max) + (node.greedy ? '' : '?')
    }
  }
}

function countText(min: number, max: number): string {
  if (max === Infinity) return min === 0 ? '*' : min === 1 ? '+' : `{${min},}`
  if (min === 0 && max === 1) return '?'
  return min === max ? `{${min}}` : `{${min},${max}}`
}

function setText(set: CharSet, unicode: boolean): string {
  if (isAny(set)) return '[^]'
  if (!unicode && (set.at(-1) as number) > 0xffff) return setText(withinUnits(set), false)
  if (set.length === 2 && set[0] === set[1]) return charText(set[0] as number, unicode)
  const parts: string[] = []
  for (let i = 0; i < set.length; i += 2) {
    const low = charText(set[i] as number, unicode)
    parts.push(set[i] === set[i + 1] ? low : `${low}-${charText(set[i + 1] as number, unicode)}`)
  }
  return `[${parts.join('')}]`
}

/** The characters of a set up to U+FFFF. */
function withinUnits(set: CharSet): CharSet {
  const out: number[] = []
  for (let i = 0; i < set.length && (set[i] as number) <= 0xffff; i += 2) {
    out.push(set[i] as number, Math.min(set[i + 1] as number, 0xffff))
  }
  return out
}

function charText(code: number, unicode: boolean): string {
  if ((code >= 0x30 && code <= 0x39) || ((code | 0x20) >= 0x61 && (code | 0x20) <= 0x7a) || code === 0x5f) {
    return String.fromCharCode(code)
  }
  return unicode ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, '0')}`
}

function reachesSurrogates(node: RegexpNode): boolean {
  switch (node.kind) {
    case 'chars':
      return (node.set.at(-1) as number) >= 0xd800
    case 'group':
    case 'repeat':
      return reachesSurrogates(node.node)
    case 'concat':
    case 'alternate':
      return node.nodes.some(reachesSurrogates)
    case 'empty':
    case 'assertion':
      return false
  }
}

function hasAssertion(node: RegexpNode): boolean {
  switch (node.kind) {
    case 'assertion':
      return true
    case 'group':
    case 'repeat':
      return hasAssertion(node.node)
    case 'concat':
    case 'alternate':
      return node.nodes.some(hasAssertion)
    case 'empty':
    case 'chars':
      return false
  }
}

/** Can it match the empty text? */
export function isNullable(node: RegexpNode): boolean {
  switch (node.kind) {
    case 'empty':
    case 'assertion':
      return true
    case 'chars':
      return false
    case 'group':
      return isNullable(node.node)
    case 'concat':
      return node.nodes.every(isNullable)
    case 'alternate':
      return node.nodes.some(isNullable)
    case 'repeat':
      return node.min === 0 || isNullable(node.node)
  }
}

/**
 * Do groups come out the same in JavaScript as in RE2? JavaScript forgets what groups in a repeat matched in rounds
 * before, RE2 does not, so groups that stand in a repeat of more than one round are not for V8.
 */
export function groupsAgree(node: RegexpNode, repeated = false): boolean {
  switch (node.kind) {
    case 'group':
      return !repeated && groupsAgree(node.node, repeated)
    case 'repeat':
      return groupsAgree(node.node, repeated || node.max > 1)
    case 'concat':
    case 'alternate':
      return node.nodes.every((part) => groupsAgree(part, repeated))
    case 'empty':
    case 'chars':
    case 'assertion':
      return true
  }
}

// ------------------------------------------------------------------------------------------------------- plain text

/** A text matches when it begins and ends as said, holds `middle` in between, and has what each gap asks for. */
export interface PlainShape {
  readonly kind: 'exact' | 'prefix' | 'suffix' | 'both' | 'contains' | 'any'
  /** `exact`, `prefix`, `contains`: the text; `suffix`, `both`: the beginning ('' for `suffix`). */
  readonly text: string
  readonly suffix: string
  /** Characters that `.+` asks for: before the text (`contains`) or in the gap. */
  readonly gapBefore: number
  readonly gapAfter: number
}

/** Alternatives looked at. A set of texts is asked in the same time however large it is. */
const alternativesMax = 10_000
/** What small sets and optional parts in a row may multiply to. */
const productMax = 256
/** Shapes that are not whole texts are asked one by one: with more of them an engine is as fast. */
const shapesMax = 12

/**
 * The shapes that together say whether a text matches `node` somewhere, or undefined where it takes an engine.
 * `(?:a|b)_.+`, anchored, is two prefixes.
 */
export function plainShapes(node: RegexpNode): readonly PlainShape[] | undefined {
  const sequences = expand(node)
  if (sequences === undefined) return undefined
  const shapes: PlainShape[] = []
  let others = 0
  for (const sequence of sequences) {
    const shape = plainShape(sequence)
    if (shape === undefined) return undefined
    if (shape.kind !== 'exact' && ++others > shapesMax) return undefined
    shapes.push(shape)
  }
  return shapes
}

/** A literal, or the least number of any characters in a gap. */
type Item = string | number
const beginMark = Symbol('begin')
const endMark = Symbol('end')
/** Items, and the edges of the text. */
type Sequence = readonly (Item | typeof beginMark | typeof endMark)[]

/** All sequences of literals and gaps that `node` stands for, or undefined: too many, or something else in it. */
function expand(node: RegexpNode): readonly Sequence[] | undefined {
  switch (node.kind) {
    case 'empty':
      return [[]]
    case 'assertion':
      return node.what === 'begin' ? [[beginMark]] : node.what === 'end' ? [[endMark]] : undefined
    case 'chars':
      return characters(node.set)?.map((c) => [c])
    case 'group':
      return expand(node.node)
    case 'concat':
      return product(node.nodes)
    case 'alternate': {
      const all: Sequence[] = []
      for (const branch of node.nodes) {
        const sequences = expand(branch)
        if (sequences === undefined || all.length + sequences.length > alternativesMax) return undefined
        all.push(...sequences)
      }
      return all
    }
    case 'repeat': {
      if (node.node.kind === 'chars' && isAny(node.node.set) && node.max === Infinity && node.min <= 1)
        return [[node.min]]
      if (node.min !== 0 || node.max !== 1) return undefined
      const once = expand(node.node)
      return once === undefined ? undefined : [[], ...once]
    }
  }
}

function product(nodes: readonly RegexpNode[]): readonly Sequence[] | undefined {
  let all: readonly Sequence[] = [[]]
  for (const node of nodes) {
    const sequences = expand(node)
    if (sequences === undefined) return undefined
    const multiplies = all.length > 1 && sequences.length > 1
    if (all.length * sequences.length > (multiplies ? productMax : alternativesMax)) return undefined
    all = all.flatMap((before) => sequences.map((after) => joined(before, after)))
  }
  return all
}

/** One after the other; texts that meet become one. */
function joined(before: Sequence, after: Sequence): Sequence {
  const [last, next] = [before.at(-1), after[0]]
  if (typeof last !== 'string' || typeof next !== 'string') return [...before, ...after]
  return [...before.slice(0, -1), last + next, ...after.slice(1)]
}

/** The members of a small set. */
function characters(set: CharSet): string[] | undefined {
  const out: string[] = []
  for (let i = 0; i < set.length; i += 2) {
    for (let code = set[i] as number; code <= (set[i + 1] as number); code++) {
      if (out.length === 10) return undefined
      out.push(String.fromCodePoint(code))
    }
  }
  return out
}

function plainShape(sequence: Sequence): PlainShape | undefined {
  const items: Item[] = sequence[0] === beginMark ? [] : [0]
  for (const [i, item] of sequence.entries()) {
    if (item === beginMark || item === endMark) {
      if (i !== (item === beginMark ? 0 : sequence.length - 1)) return undefined
    } else if (typeof item === 'string') {
      if (typeof items.at(-1) === 'string') items[items.length - 1] = `${items.at(-1)}${item}`
      else items.push(item)
    } else if (typeof items.at(-1) === 'number') items[items.length - 1] = (items.at(-1) as number) + item
    else items.push(item)
  }
  if (sequence.at(-1) !== endMark && typeof items.at(-1) !== 'number') items.push(0)
  return shapeOf(items)
}

function shapeOf(items: readonly Item[]): PlainShape | undefined {
  const [a, b, c] = items
  const shape = { text: '', suffix: '', gapBefore: 0, gapAfter: 0 }
  if (items.some((item) => typeof item === 'number' && item > 1)) return undefined // counts characters, not code units
  switch (items.map((item) => (typeof item === 'string' ? 't' : 'g')).join('')) {
    case '':
      return { ...shape, kind: 'exact' }
    case 't':
      return { ...shape, kind: 'exact', text: a as string }
    case 'g':
      return { ...shape, kind: 'any', gapAfter: a as number }
    case 'tg':
      return { ...shape, kind: 'prefix', text: a as string, gapAfter: b as number }
    case 'gt':
      return { ...shape, kind: 'suffix', suffix: b as string, gapAfter: a as number }
    case 'tgt':
      return { ...shape, kind: 'both', text: a as string, suffix: c as string, gapAfter: b as number }
    case 'gtg':
      return { ...shape, kind: 'contains', text: b as string, gapBefore: a as number, gapAfter: c as number }
    default:
      return undefined
  }
}

/** A function that says whether a text has one of `shapes`. */
export function plainTest(shapes: readonly PlainShape[]): (text: string) => boolean {
  const exact = shapes.filter((shape) => shape.kind === 'exact').map((shape) => shape.text)
  const others = shapes.filter((shape) => shape.kind !== 'exact')
  const [first, second] = exact
  const [other] = others
  if (others.length === 0) {
    if (exact.length === 1) return (text) => text === first
    if (exact.length === 2) return (text) => text === first || text === second
    const set = new Set(exact)
    return (text) => set.has(text)
  }
  if (exact.length === 0 && other !== undefined && others.length === 1) return (text) => hasShape(text, other)
  const set = new Set(exact)
  return (text) => {
    for (const shape of others) if (hasShape(text, shape)) return true
    return set.size > 0 && set.has(text)
  }
}

function hasShape(text: string, shape: PlainShape): boolean {
  switch (shape.kind) {
    case 'exact':
      return text === shape.text
    case 'any':
      return text.length >= shape.gapAfter
    case 'prefix':
      return text.length >= shape.text.length + shape.gapAfter && text.startsWith(shape.text)
    case 'suffix':
      return text.length >= shape.suffix.length + shape.gapAfter && text.endsWith(shape.suffix)
    case 'both':
      return (
        text.length >= shape.text.length + shape.suffix.length + shape.gapAfter &&
        text.startsWith(shape.text) &&
        text.endsWith(shape.suffix)
      )
    case 'contains': {
      const at = text.indexOf(shape.text, shape.gapBefore)
      return at >= 0 && at + shape.text.length + shape.gapAfter <= text.length
    }
  }
}

/** Is it `(.*)`, whole and anchored: the text itself, as group 0 and group 1? */
export function isWholeText(node: RegexpNode): boolean {
  if (node.kind !== 'concat' || node.nodes.length !== 3) return false
  const [begin, group, end] = node.nodes as [RegexpNode, RegexpNode, RegexpNode]
  return (
    begin.kind === 'assertion' &&
    begin.what === 'begin' &&
    end.kind === 'assertion' &&
    end.what === 'end' &&
    group.kind === 'group' &&
    group.node.kind === 'repeat' &&
    group.node.greedy &&
    group.node.min === 0 &&
    group.node.max === Infinity &&
    group.node.node.kind === 'chars' &&
    group.node.node.set.join() === anyChar.join()
  )
}
