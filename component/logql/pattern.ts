// LogQL's patterns: `<ip> - <_> "<method> <path>"`. https://grafana.com/docs/loki/latest/query/log_queries/#pattern

/** Why a text is no pattern. */
export class PatternError extends Error {
  override readonly name = 'PatternError'
}

export interface Pattern {
  /** Of captures, in order. */
  readonly names: readonly string[]
  /**
   * What the captures take, in order; null: nothing matches. Where a text between captures is missing, the capture before
   * it takes the rest and those behind it are not there.
   */
  match(text: string): readonly string[] | null
}

type Part = { readonly literal: string } | { readonly capture: string }

const captureShape = /<([A-Za-z_][A-Za-z0-9_]*)>/g

/** Throws `PatternError`. */
export function compilePattern(text: string): Pattern {
  const parts: Part[] = []
  let at = 0
  for (const found of text.matchAll(captureShape)) {
    if (found.index > at) parts.push({ literal: text.slice(at, found.index) })
    else if (parts.length > 0) {
      const before = parts.at(-1) as { capture: string }
      throw new PatternError(`found consecutive capture '<${before.capture}>${found[0]}' at ${found.index + 1}`)
    }
    parts.push({ capture: found[1] as string })
    at = found.index + found[0].length
  }
  if (at < text.length) parts.push({ literal: text.slice(at) })
  const names = parts.flatMap((part) => ('capture' in part && part.capture !== '_' ? [part.capture] : []))
  if (names.length === 0) throw new PatternError('at least one capture is required')
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw new PatternError(`duplicate capture name (${twice})`)
  return { names, match: (line) => matched(parts, line) }
}

function matched(parts: readonly Part[], text: string): readonly string[] | null {
  if (text === '') return null
  const first = parts[0] as Part
  let i = 0
  let at = 0
  if ('literal' in first) {
    if (!text.startsWith(first.literal)) return null
    at = first.literal.length
    i = 1
  }
  const captures: string[] = []
  for (; i < parts.length; i += 2) {
    const { capture } = parts[i] as { capture: string }
    const next = parts[i + 1] as { literal: string } | undefined
    const end = next === undefined ? -1 : text.indexOf(next.literal, at)
    if (capture !== '_') captures.push(text.slice(at, end < 0 ? undefined : end))
    if (end < 0) return captures
    at = end + (next?.literal.length ?? 0)
  }
  return captures
}
