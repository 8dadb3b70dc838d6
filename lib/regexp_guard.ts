// V8's engine for expressions that may blow up: past a number of steps back it gives over to its linear one.
//
// V8 has a second engine, breadth-first as RE2 is, to which a search goes over that has turned back too often. It is asked
// for by flags of the process, which are set when the first such expression is compiled: other expressions of the process
// get the same bound, and mean the same. The linear engine knows no lookaround and no flag `u`, so texts with characters
// beyond U+FFFF are not for it. V8's `src/regexp/experimental`; docs/decisions/re2js.md says why.
import { setFlagsFromString } from 'node:v8'
import { isForGuarded, nativePattern } from './regexp_shape.ts'
import type { RegexpNode } from './regexp_syntax.ts'

/** Steps back, each of which may cost a walk over the text; usual lines need some hundreds at most. */
const stepsBackMax = 10_000
/** With the bound above some 10 ms at worst. */
const lengthMax = 1024
/** Milliseconds. Usual texts take microseconds. */
const slowMs = 1
/** A slow search is as bad as this many quick ones are good: a process that was interrupted is no hostile text. */
const slowWeight = 16
/** When searches are this bad, this many texts go to re2js, which takes the same time for all of them. */
const badnessMax = 3 * slowWeight
const restTexts = 1000

let isSet = false

/** `node` for V8's guarded engine; undefined: it is not for it. Groups are numbered as the original's. */
export function guardedRegexp(
  node: RegexpNode,
  { groups, now = () => performance.now() }: { readonly groups: boolean; readonly now?: () => number },
): GuardedRegexp | undefined {
  if (!isForGuarded(node)) return undefined
  const { source } = nativePattern(node, { groups, unicode: false })
  if (!isSet) {
    setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks')
    setFlagsFromString(`--regexp-backtracks-before-fallback=${stepsBackMax}`)
    isSet = true
  }
  return isLinear(source) ? new GuardedRegexp(source, now) : undefined
}

/** V8's, where its flag allows it. */
const linearFlag = 'l'

/** Does V8's linear engine take it? It says so of expressions that are given to it alone. */
function isLinear(source: string): boolean {
  setFlagsFromString('--enable-experimental-regexp-engine')
  try {
    RegExp(source, linearFlag)
    return true
  } catch {
    return false
  } finally {
    setFlagsFromString('--no-enable-experimental-regexp-engine')
  }
}

const surrogate = /[\ud800-\udfff]/

export class GuardedRegexp {
  readonly #regexp: RegExp
  readonly #global: RegExp
  readonly #now: () => number
  #badness = 0
  #rest = 0

  /** `now` in milliseconds. */
  constructor(source: string, now: () => number) {
    this.#now = now
    this.#regexp = new RegExp(source)
    this.#global = new RegExp(source, 'g')
  }

  /** May the text be given to it? To be asked once for each. */
  takes(text: string): boolean {
    if (this.#rest > 0) {
      this.#rest--
      return false
    }
    return text.length <= lengthMax && !surrogate.test(text)
  }

  test(text: string): boolean {
    const started = this.#now()
    const isFound = this.#regexp.test(text)
    this.#took(this.#now() - started)
    return isFound
  }

  /** The first match at `from` or after. */
  exec(text: string, from = 0): RegExpExecArray | null {
    const started = this.#now()
    const regexp = from === 0 ? this.#regexp : this.#global
    regexp.lastIndex = from
    const found = regexp.exec(text)
    this.#took(this.#now() - started)
    return found
  }

  #took(ms: number): void {
    if (ms > slowMs) this.#badness += slowWeight
    else if (this.#badness > 0) this.#badness--
    if (this.#badness < badnessMax) return
    this.#badness = 0
    this.#rest = restTexts
  }
}
