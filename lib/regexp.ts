// Regular expressions with RE2's syntax and semantics (Go's `regexp`), matched in time linear in the text.
//
// re2js decides what a pattern means. Three things stand in for it where they are shown to give the same (`engine` says
// which one a pattern got; measured on x64 with bench/regexp.ts, 30-character texts, relative figures):
//   plain   no engine: literals, sets of literals, prefixes, suffixes, `.*literal.*`      test 5-40 ns, groups 20-60 ns
//   native  V8's engine, for patterns proven free of backtracking blow-up                 test 30-50 ns, groups 50-70 ns
//   guarded V8's engine, given over to a linear one of V8's where a text makes it turn back too often
//   re2     re2js                                                                         test 200 ns, groups 2 µs
// The pattern handed to V8 is written anew from a tree that regexp_syntax.ts read by RE2's rules; regexp_shape.ts has the
// proof. A fuzz test holds all three against each other. docs/decisions/re2js.md says why.
import { compileRe2, groupNames, RegexpError } from './regexp_re2.ts'
import type { Re2 } from './regexp_re2.ts'
import type { GuardedRegexp } from './regexp_guard.ts'
import { guardedRegexp } from './regexp_guard.ts'
import {
  groupsAgree,
  isNullable,
  isForNative,
  isWholeText,
  nativePattern,
  plainShapes,
  plainTest,
} from './regexp_shape.ts'
import { parseRegexp } from './regexp_syntax.ts'
import type { ParsedRegexp, RegexpNode } from './regexp_syntax.ts'

export { RegexpError }

export interface RegexpOptions {
  /** Match whole texts, `.` matching newlines too, as Prometheus does it: the pattern becomes `^(?s:…)$`. */
  readonly anchored?: boolean
  /** `re2`: no stand-ins. For tests and benchmarks. */
  readonly engine?: 'auto' | 're2'
}

/** A match and where it was found. Indexes are those of JavaScript strings. */
export interface RegexpMatch {
  readonly index: number
  readonly end: number
  /** By group number; undefined for a group that took no part. */
  readonly groups: readonly (string | undefined)[]
  /** By group name, of the groups that took part. */
  readonly named: ReadonlyMap<string, string>
}

/** See `RegexpMatch`. */
export interface RegexpPlacedMatch extends RegexpMatch {
  /** Begin and end of each group in turn, -1 for a group that took no part. */
  readonly offsets: readonly number[]
}

/** Longer patterns are refused. Go's own bound is on what is compiled; a list of names this long is not met by far. */
const patternLengthMax = 1 << 20
/** Expressions compiled before, oldest first: a reload, and rules that share a pattern, find them again. */
const compiled = new Map<string, Regexp>()
const compiledMax = 256
/** Longer patterns are not kept. */
const compiledLengthMax = 4096

/** Compile `pattern`. Throws `RegexpError` with Go's text: ``error parsing regexp: missing closing ): `(a` ``. */
export function compileRegexp(pattern: string, options: RegexpOptions = {}): Regexp {
  const anchored = options.anchored === true
  const onlyRe2 = options.engine === 're2'
  if (pattern.length > patternLengthMax) throw new RegexpError('error parsing regexp: expression too large', pattern)
  const key = `${anchored ? '^' : ' '}${onlyRe2 ? '2' : ' '}${pattern}`
  const known = compiled.get(key)
  if (known !== undefined) return known
  const regexp = new Regexp(pattern, anchored, onlyRe2)
  if (pattern.length <= compiledLengthMax) {
    if (compiled.size >= compiledMax) compiled.delete(compiled.keys().next().value as string)
    compiled.set(key, regexp)
  }
  return regexp
}

/** V8 keeps places to come back to for every character of a loop: a stack of up to 64 MB, exceeded at a few million. */
const nativeLengthMax = 1 << 16
const templatesMax = 16

/** A compiled regular expression. Safe to share: it has no state that callers could see. */
export class Regexp {
  /** The pattern as given, without what `anchored` adds. */
  readonly source: string
  readonly anchored: boolean
  /** What `test` runs on. */
  readonly engine: 'plain' | 'native' | 'guarded' | 're2'
  /** Names by group number, '' for groups without one; `[0]` is ''. */
  readonly subexpNames: readonly string[]
  readonly #pattern: string
  readonly #test: (text: string) => boolean
  /** For groups; null: not for V8. Undefined: not decided yet. */
  #native: RegExp | null | undefined
  /** The same where V8 needs a guard. */
  #guarded: GuardedRegexp | undefined
  #nativeIndexed: RegExp | undefined
  #nativeGlobal: RegExp | undefined
  readonly #isNullable: boolean
  readonly #tree: RegexpNode | undefined
  readonly #isWholeText: boolean
  #forNative: boolean | undefined
  #re2: Re2 | undefined
  readonly #templates = new Map<string, RegexpTemplate>()

  constructor(source: string, anchored: boolean, onlyRe2: boolean) {
    this.source = source
    this.anchored = anchored
    this.#pattern = anchored ? `^(?s:${source})$` : source
    const parsed: ParsedRegexp | undefined = onlyRe2 ? undefined : parseRegexp(this.#pattern)
    this.#tree = parsed?.node
    this.#isWholeText = parsed !== undefined && isWholeText(parsed.node)
    this.#isNullable = parsed !== undefined && isNullable(parsed.node)
    this.#native = undefined
    this.#guarded = undefined
    this.#nativeIndexed = undefined
    this.#nativeGlobal = undefined
    this.#forNative = undefined
    this.#re2 = undefined
    const shapes = parsed && plainShapes(parsed.node)
    if (shapes !== undefined) {
      this.engine = 'plain'
      this.#test = plainTest(shapes)
    } else if (parsed !== undefined && this.#isForNative(parsed.node)) {
      this.engine = 'native'
      const { source: text, flags } = nativePattern(parsed.node, { groups: false })
      const native = new RegExp(text, flags)
      this.#test = (subject) =>
        subject.length <= nativeLengthMax ? native.test(subject) : this.#withRe2().test(subject)
    } else {
      const guarded = parsed && guardedRegexp(parsed.node, { groups: false })
      const re2 = guarded === undefined ? this.#withRe2() : undefined
      this.engine = guarded === undefined ? 're2' : 'guarded'
      this.#test = (subject) =>
        guarded?.takes(subject) === true ? guarded.test(subject) : (re2 ?? this.#withRe2()).test(subject)
    }
    this.subexpNames = parsed?.groupNames ?? groupNames(this.#withRe2(), this.#pattern)
  }

  /** Is there a match anywhere in `text`? */
  test(text: string): boolean {
    return this.#test(text)
  }

  /** The leftmost match: its text and its groups' texts, '' for a group that took no part; null: no match. */
  match(text: string): string[] | null {
    if (this.#isWholeText) return [text, text]
    const native = this.#nativeFor(text) ?? this.#guardedFor(text)
    const found: (string | undefined)[] | null =
      native === undefined ? (this.#withRe2().exec(text) as (string | undefined)[] | null) : native.exec(text)
    if (found === null) return null
    for (let i = 1; i < found.length; i++) found[i] ??= ''
    return found as string[]
  }

  /** The leftmost match at `from` or after, with what comes before `from` still seen by `^` and `\b`; null: none. */
  exec(text: string, from = 0): RegexpPlacedMatch | null {
    const offsets = this.#offsets(text, from)
    if (offsets === null) return null
    const groups: (string | undefined)[] = []
    for (let i = 0; i < offsets.length; i += 2) {
      const start = offsets[i] as number
      groups.push(start < 0 ? undefined : text.slice(start, offsets[i + 1]))
    }
    return { ...this.#match(offsets[0] as number, groups), offsets }
  }

  /** All matches in turn, as Go's `FindAll` gives them: no empty match right after another one. */
  execAll(text: string): RegexpMatch[] {
    const all: RegexpMatch[] = []
    walkMatches(text, this.#finder(text), (start, groups) => all.push(this.#match(start, groups)))
    return all
  }

  /** See `execAll`. */
  placeAll(text: string): RegexpPlacedMatch[] {
    const all: RegexpPlacedMatch[] = []
    let placed: RegexpPlacedMatch | null = null
    const find = (from: number): boolean => {
      placed = this.exec(text, from)
      if (placed === null) return false
      found.start = placed.index
      found.groups = placed.groups
      return true
    }
    walkMatches(text, find, () => all.push(placed as RegexpPlacedMatch))
    return all
  }

  /** `text` with every match replaced by what `template` expands to (Go's `ReplaceAllString`). */
  replaceAll(text: string, template: string): string {
    const parts = this.template(template)
    if (parts.isConstant && !this.#isNullable) {
      const native = this.#nativeFor(text)
      if (native !== undefined) return text.replace(this.#global(native), parts.replacement)
    }
    let out = ''
    let copied = 0
    walkMatches(text, this.#finder(text), (start, groups) => {
      out += text.slice(copied, start) + parts.expand(groups)
      copied = start + (groups[0] as string).length
    })
    return copied === 0 && out === '' ? text : out + text.slice(copied)
  }

  /**
   * `template` with `$1`, `${1}`, `$name` and `${name}` replaced by groups of `match`, `$$` by `$` (Go's `Expand`).
   * A name is as long as it can be: `$1x` is the group named `1x`. What there is no group for becomes ''.
   */
  expand(template: string, match: readonly (string | undefined)[]): string {
    return this.template(template).expand(match)
  }

  /** `template`, read once for use with this expression's groups. */
  template(template: string): RegexpTemplate {
    let parts = this.#templates.get(template)
    if (parts === undefined) {
      if (this.#templates.size >= templatesMax) this.#templates.clear()
      parts = new RegexpTemplate(template, this.subexpNames)
      this.#templates.set(template, parts)
    }
    return parts
  }

  toString(): string {
    return this.source
  }

  /** People are shown the pattern. */
  toJSON(): string {
    return this.source
  }

  #withRe2(): Re2 {
    this.#re2 ??= compileRe2(this.#pattern)
    return this.#re2
  }

  #isForNative(node: RegexpNode): boolean {
    this.#forNative ??= isForNative(node)
    return this.#forNative
  }

  /** V8's expression with groups, if `text` may be given to it. */
  #nativeFor(text: string): RegExp | undefined {
    if (this.#native === undefined) this.#decideNative(this.#tree)
    return this.#native === null || text.length > nativeLengthMax ? undefined : this.#native
  }

  /** `#nativeFor`'s, to go on from a place. */
  #global(native: RegExp): RegExp {
    return (this.#nativeGlobal ??= new RegExp(native.source, `${native.flags}g`))
  }

  /** See `#nativeFor`, which is to be asked first. */
  #guardedFor(text: string): GuardedRegexp | undefined {
    return this.#guarded?.takes(text) === true ? this.#guarded : undefined
  }

  #decideNative(node: RegexpNode | undefined): void {
    this.#native = null
    if (node === undefined || !groupsAgree(node)) return
    if (this.#isForNative(node)) {
      const { source, flags } = nativePattern(node, { groups: true })
      this.#native = new RegExp(source, flags)
    } else this.#guarded = guardedRegexp(node, { groups: true })
  }

  #match(index: number, groups: readonly (string | undefined)[]): RegexpMatch {
    const named = new Map<string, string>()
    for (const [i, name] of this.subexpNames.entries()) {
      const group = groups[i]
      if (name !== '' && group !== undefined) named.set(name, group)
    }
    return { index, end: index + (groups[0] as string).length, groups: [...groups], named }
  }

  /** Where the match and its groups begin and end. */
  #offsets(text: string, from: number): readonly number[] | null {
    const native = this.#nativeFor(text)
    // Not the guarded one: where V8 gives the places of groups it has no linear engine behind it.
    if (native !== undefined) {
      this.#nativeIndexed ??= new RegExp(native.source, `${native.flags}dg`)
      this.#nativeIndexed.lastIndex = from
      const found = this.#nativeIndexed.exec(text)
      if (found === null) return null
      const offsets: number[] = []
      for (const span of found.indices as RegExpIndicesArray) offsets.push(span?.[0] ?? -1, span?.[1] ?? -1)
      return offsets
    }
    const matcher = this.#withRe2().matcher(text)
    if (!matcher.find(from)) return null
    const offsets: number[] = []
    for (let i = 0; i <= matcher.groupCount(); i++) offsets.push(matcher.start(i), matcher.end(i))
    return offsets
  }

  /** A function that looks for the match at a place or after, and puts it into `found`. */
  #finder(text: string): (from: number) => boolean {
    const native = this.#nativeFor(text)
    if (native !== undefined) {
      const global = this.#global(native)
      return (from) => {
        global.lastIndex = from
        return isFound(global.exec(text))
      }
    }
    const guarded = this.#guardedFor(text)
    if (guarded !== undefined) return (from) => isFound(guarded.exec(text, from))
    const matcher = this.#withRe2().matcher(text)
    return (from) => {
      if (!matcher.find(from)) return false
      found.start = matcher.start()
      found.groups = Array.from({ length: matcher.groupCount() + 1 }, (_, i) => matcher.group(i) ?? undefined)
      return true
    }
  }
}

/** The match that was looked for last. */
const found: { start: number; groups: readonly (string | undefined)[] } = { start: 0, groups: [] }

function isFound(match: RegExpExecArray | null): boolean {
  if (match === null) return false
  found.start = match.index
  found.groups = match
  return true
}

/** Go's walk over successive matches: `find` looks at a place or after, and puts what it finds into `found`. */
function walkMatches(
  text: string,
  find: (from: number) => boolean,
  deliver: (start: number, groups: readonly (string | undefined)[]) => void,
): void {
  let searchFrom = 0
  let lastEnd = 0
  while (searchFrom <= text.length && find(searchFrom)) {
    const { start, groups } = found
    const end = start + (groups[0] as string).length
    if (end > lastEnd || start === 0) deliver(start, groups)
    lastEnd = end
    const width = searchFrom < text.length && (text.codePointAt(searchFrom) as number) > 0xffff ? 2 : 1
    searchFrom = searchFrom + width > end ? searchFrom + width : end
  }
}

const reference = /\$(?:\$|([\p{L}\p{Nd}_]+)|\{([\p{L}\p{Nd}_]+)\})/gu

/** A replacement template, read once. */
export class RegexpTemplate {
  readonly source: string
  /** Has it no reference and no `$$`, so that it is its own expansion? */
  readonly isConstant: boolean
  /** A constant template as `String.replace` takes it. */
  readonly replacement: string
  /** Texts, and numbers of groups: of the first that has a text, as a name may be there twice. */
  readonly #parts: readonly (string | readonly number[])[]

  constructor(source: string, subexpNames: readonly string[]) {
    const parts: (string | readonly number[])[] = []
    let copied = 0
    for (const found of source.matchAll(reference)) {
      parts.push(source.slice(copied, found.index))
      copied = found.index + found[0].length
      const name = found[1] ?? found[2]
      parts.push(name === undefined ? '$' : groupNumbers(name, subexpNames))
    }
    parts.push(source.slice(copied))
    this.source = source
    this.isConstant = copied === 0
    this.replacement = source.replaceAll('$', '$$$$')
    this.#parts = parts.filter((part) => part !== '')
  }

  expand(groups: readonly (string | undefined)[]): string {
    let out = ''
    for (const part of this.#parts) out += typeof part === 'string' ? part : firstText(part, groups)
    return out
  }
}

function firstText(numbers: readonly number[], groups: readonly (string | undefined)[]): string {
  for (let i = 0; i < numbers.length; i++) {
    const text = groups[numbers[i] as number]
    if (text !== undefined && text !== '') return text
  }
  return ''
}

/** A number without leading zeros is one (up to Go's bound), anything else is a name. None: there is no such group. */
function groupNumbers(name: string, subexpNames: readonly string[]): number[] {
  if (/^(?:0|[1-9][0-9]{0,8})$/.test(name)) return [Number(name)]
  return subexpNames.flatMap((each, i) => (each === name ? [i] : []))
}
