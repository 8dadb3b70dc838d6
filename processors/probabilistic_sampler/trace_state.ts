// The W3C tracestate header with OpenTelemetry's member `ot` in it (W3C Trace Context 3.3; specification: TraceState).
import type { Threshold } from './probability.ts'
import { parseThreshold, Randomness } from './probability.ts'

/** W3C's bounds are 512 characters at least and 32 members; the collector takes up to 1024. */
const lengthMax = 1024
const membersMax = 32
const otLengthMax = 256

const member = /^[a-z0-9][a-z0-9_\-*/@]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/
const otMember = /^[a-z][a-z0-9]*:[a-zA-Z0-9._-]*$/

/** A parsed tracestate; `text` puts it together again, `ot` first, as what was changed last has to be. */
export class TraceState {
  /** `rv`, where there is one. */
  randomness: Randomness | null = null
  /** `th`, where there is one. */
  threshold: Threshold | null = null
  /** `rv` as it came: its digits may be of either case. */
  #randomnessText = ''
  /** Other parts of `ot`, and other members, as they came. */
  readonly #otherParts: string[] = []
  readonly #otherMembers: string[] = []

  /** Undefined: the text is no tracestate. */
  static parse(text: string): TraceState | undefined {
    const state = new TraceState()
    if (text === '') return state
    if (text.length > lengthMax) return undefined
    let count = 0
    for (const part of text.split(',')) {
      const trimmed = part.replace(/^[ \t]+|[ \t]+$/g, '')
      if (trimmed === '') continue
      if (++count > membersMax || !member.test(trimmed)) return undefined
      if (!trimmed.startsWith('ot=')) state.#otherMembers.push(trimmed)
      else if (!state.#readOt(trimmed.slice(3))) return undefined
    }
    return state
  }

  #readOt(text: string): boolean {
    if (text.length > otLengthMax) return false
    for (const part of text.split(';')) {
      if (!otMember.test(part)) return false
      const value = part.slice(part.indexOf(':') + 1)
      if (part.startsWith('rv:')) {
        this.randomness = new Randomness()
        if (!this.randomness.setText(value)) return false
        this.#randomnessText = value
      } else if (part.startsWith('th:')) {
        const threshold = parseThreshold(value)
        if (threshold === undefined) return false
        this.threshold = threshold
      } else this.#otherParts.push(part)
    }
    return true
  }

  get text(): string {
    const parts = [...this.#otherParts]
    if (this.threshold !== null) parts.unshift(`th:${this.threshold.text}`)
    if (this.randomness !== null) parts.unshift(`rv:${this.#randomnessText || this.randomness.text}`)
    const members = parts.length === 0 ? this.#otherMembers : [`ot=${parts.join(';')}`, ...this.#otherMembers]
    return members.join(',')
  }
}
