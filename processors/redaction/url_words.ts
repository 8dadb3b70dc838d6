// Takes what is no word out of URL paths: ids, tokens, numbers.
import { letters, pairRows } from './letter_pairs.ts'

/** Paths are cut behind this many slashes. */
const segmentsMax = 10
/** Words judged before; longer ones are judged anew: they take room, and do not come again. */
const wordsMax = 8192
const wordLengthMax = 64
/** Texts whose letters follow each other less likely than this on average (geometric mean) are no words. */
const wordProbabilityMin = 0.015099318064947853

/** Characters that a segment may have and still be a word. */
const isWordCharacter = /[a-zA-Z\-_. ]/

const known = new Map<string, boolean>()

function isWord(text: string): boolean {
  const before = known.get(text)
  if (before !== undefined) return before
  let sum = 0
  let pairs = 0
  let last = -1
  for (const character of text.toLowerCase()) {
    const at = letters.indexOf(character)
    if (at < 0) continue
    if (last >= 0) {
      sum += pairRows[last]![at]!
      pairs++
    }
    last = at
  }
  const is = Math.exp(-sum / 100 / Math.max(pairs, 1)) > wordProbabilityMin
  if (text.length > wordLengthMax) return is
  if (known.size >= wordsMax) known.clear()
  // A segment is a view of a whole statement or URL, which would be held with it.
  known.set(Buffer.from(text).toString(), is)
  return is
}

/** One segment, or `*` when it is no word. One character that is no letter is overlooked when it is the second. */
function segmentText(segment: string): string {
  if (segment === '') return ''
  let overlooked = false
  for (let i = 0; i < segment.length; i++) {
    if (isWordCharacter.test(segment[i] as string)) continue
    if (i !== 1 || overlooked) return '*'
    overlooked = true
  }
  return isWord(segment) ? segment : '*'
}

/**
 * `path` without query and fragment, every segment that is no word replaced by `*`: `/users/17/orders?x=y` becomes
 * `/users/` + `*` + `/orders`. What follows the tenth slash is cut off. Whole URLs may be given: they are cut at slashes.
 */
export function withoutIds(path: string): string {
  const end = path.search(/[?&#]/)
  const segments = (end < 0 ? path : path.slice(0, end)).split('/')
  const kept = segments.slice(0, segmentsMax).map(segmentText)
  return kept.join('/')
}

/** Did nothing remain but replaced segments? Such a name would say nothing. */
export function saysNothing(path: string): boolean {
  const segments = path.split('/').filter((segment) => segment !== '')
  return segments.length > 0 && segments.every((segment) => segment === '*')
}
