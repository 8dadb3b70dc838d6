// Takes characters off the ends of a text without looking at what stands between them.

/**
 * `text` without those of `characters` at its end. A regular expression as `/x+$/` begins anew at each `x` of a text: one of
 * a megabyte of them with something behind would take hours.
 */
export function withoutTrailing(text: string, characters: string): string {
  let end = text.length
  while (end > 0 && characters.includes(text[end - 1] as string)) end--
  return end === text.length ? text : text.slice(0, end)
}

const space = /^\p{White_Space}$/u

/** `text` without white space at its ends, as Go's `strings.TrimSpace` has it: Unicode's, which `trim` does not take quite. */
export function withoutOuterSpace(text: string): string {
  let [start, end] = [0, text.length]
  while (end > 0 && space.test(text[end - 1] as string)) end--
  while (start < end && space.test(text[start] as string)) start++
  return text.slice(start, end)
}
