// Which known name a wrong one was probably meant to be.
/** Names longer than this are nobody's slip of a key. */
const nearMissLengthMax = 128

/**
 * The candidate that `name` was probably meant to be: the one fewest edits away (a character put in, left out,
 * replaced, or two neighbours swapped), if that is at most 2 edits or a third of the length. In dotted names this holds
 * for each part: a long prefix that is right does not make any ending near. Of equals the first; undefined where none is
 * near, or where one is the name itself.
 */
export function nearMiss(name: string, candidates: Iterable<string>): string | undefined {
  if (name === '' || name.length > nearMissLengthMax) return undefined
  let nearest: string | undefined
  let least = Number.POSITIVE_INFINITY
  for (const candidate of candidates) {
    if (candidate === name) return undefined
    const distance = nearness(name, candidate)
    if (distance >= least) continue
    nearest = candidate
    least = distance
  }
  return nearest
}

/** The edits from one dotted name to another; infinite where they are too many. */
function nearness(name: string, candidate: string): number {
  const from = name.split('.')
  const to = candidate.split('.')
  if (from.length !== to.length) return partNearness(name, candidate, 2)
  return from.reduce((sum, part, index) => sum + partNearness(part, to[index] ?? '', editsMax(part)), 0)
}

/** In names of up to three characters two edits leave nothing to recognize. */
function editsMax(name: string): number {
  return name.length <= 3 ? 1 : Math.max(2, Math.floor(name.length / 3))
}

function partNearness(from: string, to: string, max: number): number {
  if (from === to) return 0
  if (Math.abs(from.length - to.length) > max) return Number.POSITIVE_INFINITY
  const distance = editDistance(from, to)
  return distance > max || to.length <= distance ? Number.POSITIVE_INFINITY : distance
}

/** Edits from one text to the other, a swap of neighbours counting one (optimal string alignment). */
function editDistance(from: string, to: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let i = 1; i <= from.length; i++) {
    const row = [i]
    for (let j = 1; j <= to.length; j++) {
      const same = from[i - 1] === to[j - 1]
      let least = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1))
      if (i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]) {
        least = Math.min(least, (beforeLast[j - 2] ?? 0) + 1)
      }
      row.push(least)
    }
    beforeLast = last
    last = row
  }
  return last[to.length] ?? 0
}
