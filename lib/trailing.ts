// Takes characters off the end of a text without looking at what stands before them.

/**
 * `text` without those of `characters` at its end. A regular expression as `/x+$/` begins anew at each `x` of a text: one of
 * a megabyte of them with something behind would take hours.
 */
export function withoutTrailing(text: string, characters: string): string {
  let end = text.length
  while (end > 0 && characters.includes(text[end - 1] as string)) end--
  return end === text.length ? text : text.slice(0, end)
}
