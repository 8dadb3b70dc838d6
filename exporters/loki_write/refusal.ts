// What Loki says of lines that it refused of a request, the rest of which it took.

export interface Refusal {
  /** Loki's own word, as in its metric `loki_discarded_samples_total`. */
  readonly reason: string
  readonly lines: number
}

/** Messages about single lines and their reasons (Loki's pkg/validation and pkg/chunkenc). */
const reasons: readonly (readonly [shape: RegExp, reason: string])[] = [
  [/has timestamp too old/, 'greater_than_max_sample_age'],
  [/has timestamp too new/, 'too_far_in_future'],
  [/^max entry size '\d+' bytes exceeded/, 'line_too_long'],
  [/has structured metadata too large/, 'structured_metadata_too_large'],
  [/has too many structured metadata labels/, 'structured_metadata_too_many'],
  [/entry too far behind/, 'too_far_behind'],
  [/entry out of order/, 'out_of_order'],
]

/**
 * The lines that an answer says were refused, by reason; undefined: it does not say which, or how many, so that all of the
 * request counts as refused. Messages of the same text are grouped (`12 errors like: …; 1 errors like: …`), those of an
 * ingester say `total ignored: 3 out of 10`.
 */
export function refusalsIn(text: string): Refusal[] | undefined {
  const counts = new Map<string, number>()
  const ignored = [...text.matchAll(/total ignored: (\d+) out of \d+ for stream/g)]
  if (ignored.length > 0) {
    const reason = reasonOf(text)
    if (reason === undefined) return undefined
    const lines = ignored.reduce((sum, [, count]) => sum + Number(count), 0)
    return [{ reason, lines }]
  }
  const grouped = text.split(/(?:^|; )(?=\d+ errors like: )/).filter((part) => part !== '')
  for (const part of grouped) {
    const [, count = '1', message = part] = /^(\d+) errors like: (.*)$/s.exec(part) ?? []
    const reason = reasonOf(message)
    if (reason === undefined) return undefined
    counts.set(reason, (counts.get(reason) ?? 0) + Number(count))
  }
  return counts.size === 0 ? undefined : [...counts].map(([reason, lines]) => ({ reason, lines }))
}

function reasonOf(message: string): string | undefined {
  return reasons.find(([shape]) => shape.test(message))?.[1]
}
