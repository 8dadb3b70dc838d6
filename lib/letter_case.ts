// Names between cases: `my_metric`, `MyMetric`, as github.com/iancoleman/strcase turns them. Only ASCII has cases here.

const space =
  /^[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+|[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+$/g

const isUpper = (code: number): boolean => code >= 65 && code <= 90
const isLower = (code: number): boolean => code >= 97 && code <= 122
const isDigit = (code: number): boolean => code >= 48 && code <= 57

function isSeparator(char: string): boolean {
  return char === ' ' || char === '_' || char === '-' || char === '.'
}

/**
 * Small letters with underscores where a word, or a number, begins: `CPUUsage2xx` is `cpu_usage_2_xx`. Spaces, dashes and
 * points become underscores; space around goes.
 */
export function snakeCase(text: string): string {
  const name = text.replace(space, '')
  let out = ''
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i)
    const next = i + 1 < name.length ? name.charCodeAt(i + 1) : 0
    const char = isUpper(code) ? String.fromCharCode(code + 32) : (name[i] as string)
    if (isBreak(code, next)) {
      // The last capital of several belongs to the word that begins there.
      if (isUpper(code) && isLower(next) && i > 0 && isUpper(name.charCodeAt(i - 1))) out += '_'
      out += char
      if (!isUpper(code) || isDigit(next)) out += '_'
    } else out += isSeparator(char) ? '_' : char
  }
  return out
}

/** Does the kind of character change between two neighbours? From a capital to a small letter counts too. */
function isBreak(code: number, next: number): boolean {
  if (isUpper(code)) return isLower(next) || isDigit(next)
  if (isLower(code)) return isUpper(next) || isDigit(next)
  return isDigit(code) && (isUpper(next) || isLower(next))
}

/**
 * Words with capitals in front and nothing between: `my_metric-2x` is `MyMetric2X`. Runs of capitals are one word
 * (`HTTPCode` is `Httpcode`), `ID` alone is `Id`; what is neither letter nor digit of ASCII goes.
 */
export function camelCase(text: string): string {
  const trimmed = text.replace(space, '')
  const isAcronym = trimmed === 'ID'
  const name = isAcronym ? 'Id' : trimmed
  let out = ''
  let isCapitalNext = true
  let wasUpper = false
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i)
    const upper = isUpper(code)
    if (upper || isLower(code)) {
      if (isCapitalNext) out += upper ? name[i] : String.fromCharCode(code - 32)
      else out += upper && wasUpper && !isAcronym ? String.fromCharCode(code + 32) : name[i]
      isCapitalNext = false
    } else if (isDigit(code)) {
      out += name[i]
      isCapitalNext = true
    } else isCapitalNext = isSeparator(name[i] as string)
    wasUpper = upper
  }
  return out
}

/** Capital letters, each character by itself as Go's `strings.ToUpper` does it: `ß` stays. */
export function upperCase(text: string): string {
  return isAscii.test(text) ? text.toUpperCase() : mapped(text, upperChar)
}

/** Small letters, each character by itself as Go's `strings.ToLower` does it: `Σ` is `σ` at the end of a word too. */
export function lowerCase(text: string): string {
  return isAscii.test(text) ? text.toLowerCase() : mapped(text, lowerChar)
}

// oxlint-disable-next-line no-control-regex
const isAscii = /^[\0-\x7f]*$/

function mapped(text: string, map: (char: string) => string): string {
  let out = ''
  for (const char of text) out += map(char)
  return out
}

/** What Unicode's full mapping makes several of, the simple one that Go goes by leaves alone, but for these. */
const simpleUpper: ReadonlyMap<string, string> = new Map(
  [...'ᾀᾁᾂᾃᾄᾅᾆᾇᾐᾑᾒᾓᾔᾕᾖᾗᾠᾡᾢᾣᾤᾥᾦᾧ']
    .map((char) => [char, String.fromCharCode(char.charCodeAt(0) + 8)] as const)
    .concat([
      ['ᾳ', 'ᾼ'],
      ['ῃ', 'ῌ'],
      ['ῳ', 'ῼ'],
    ]),
)

function upperChar(char: string): string {
  const upper = char.toUpperCase()
  return upper.length === char.length ? upper : (simpleUpper.get(char) ?? char)
}

function lowerChar(char: string): string {
  return char === 'İ' ? 'i' : char.toLowerCase()
}
