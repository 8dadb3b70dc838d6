// Cutting texts into words and lines: cases of identifiers, titles, wrapping.

/** `HTTPServer` and `http server` are `http`, `server`; `http2xx` is `http`, `2xx`. */
function wordsOf(text: string): string[] {
  return (
    text.match(
      /\p{Lu}+(?=\p{Lu}\p{Ll})|\p{Lu}?\p{Ll}+\d+(?=\p{Lu}|[^\p{L}\p{N}]|$)|\p{Lu}?\p{Ll}+(?=\d|\p{Lu}|[^\p{L}\p{N}]|$)|\p{Lu}+|\d+[\p{Ll}\d]*|[\p{L}\p{N}]+/gu,
    ) ?? []
  )
}

/** In lower case, with `separator` between words. */
export function joinedWords(text: string, separator: string): string {
  return wordsOf(text).join(separator).toLowerCase()
}

/** Each part after `_`, `-` or white space begins with a capital, and they stand together: `FirstName`. */
export function camelCase(text: string): string {
  const leading = /^_*/.exec(text)?.[0] ?? ''
  const parts = text.slice(leading.length).split(/[_\-\s]+/u)
  return (
    leading +
    parts
      .map((part) => {
        const [first = '', ...rest] = [...part]
        const more = rest.join('')
        return first.toUpperCase() + (part === part.toUpperCase() ? more.toLowerCase() : more)
      })
      .join('')
  )
}

/** The first letter of every word in upper case. */
export function titleCase(text: string): string {
  return text.replace(
    /(^|[^\p{L}\p{Nd}_'\u2019])(\p{L})|(['\u2019])(\p{L})/gu,
    (all, before?: string, letter?: string) =>
      letter === undefined ? all.toUpperCase() : `${before}${letter.toUpperCase()}`,
  )
}

/** Broken at spaces into lines of at most `width`; words that are longer only where `breaksWords`. */
export function wrapped(text: string, width: number, newline: string, breaksWords: boolean): string {
  const most = Math.max(1, width)
  let offset = 0
  let out = ''
  while (text.length - offset > most) {
    if (text[offset] === ' ') {
      offset++
      continue
    }
    const space = text.slice(offset, offset + most + 1).lastIndexOf(' ')
    if (space >= 0) {
      out += text.slice(offset, offset + space) + newline
      offset += space + 1
    } else if (breaksWords) {
      out += text.slice(offset, offset + most) + newline
      offset += most
    } else {
      const next = text.indexOf(' ', offset + most)
      if (next < 0) return out + text.slice(offset)
      out += text.slice(offset, next) + newline
      offset = next + 1
    }
  }
  return out + text.slice(offset)
}
