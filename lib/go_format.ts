// Go's `fmt.Sprintf`: every verb and flag, and Go's notes on verbs that do not fit.
//
// nil is null, integers `bigint`, floats `number`. What else there is among the values, a language says with `GoValues`.
import { Buffer } from 'node:buffer'
import { floatText } from './go_float_text.ts'
import { isPrintable, quote } from './go_quote.ts'

/** Widths, precisions and argument numbers with another digit after one above this are refused, as in Go. */
const numberMax = 1_000_000
/** UTF-16 units that a formatted text may have. */
export const formattedLengthMax = 64 * 1024 * 1024

const int64Max = 2n ** 63n - 1n

/** A formatted text has grown past `formattedLengthMax`. */
export class FormatLengthError extends RangeError {
  override readonly name = 'FormatLengthError'
  constructor() {
    super(`makes a text of more than ${formattedLengthMax} characters`)
  }
}

/** A language's values, where they are more than null, booleans, bigints, numbers and strings. */
export interface GoValues<V> {
  /** Go's name of the type, for `%T` and mistakes. Not asked for null. */
  typeName(value: V): string
  /** A map's entries. */
  entries(value: V): ReadonlyMap<string, V> | undefined
  /** A list's elements. */
  items(value: V): readonly V[] | undefined
  /** Write what is neither; false: it has no form for this verb. Comes first for all that is not a plain value. */
  special(value: V, verb: string, out: GoPrinter<V>): boolean
  /** Does `%p` fit? */
  isPointer(value: V): boolean
}

/** Go's `%v` of a value: `[1 a]`, `map[a:1 b:x]`, floats as `%g` has them. */
export function goText<V>(value: V, values: GoValues<V>): string {
  const printer = new GoPrinter(values)
  printer.value(value, 'v', 0)
  return printer.finish()
}

/** `template` with its verbs replaced by `args`. Throws `FormatLengthError` when the text grows past its bound. */
export function goSprintf<V>(template: string, args: readonly V[], values: GoValues<V>): string {
  const printer = new GoPrinter(values)
  new Template(template, args, printer, values).run()
  return printer.finish()
}

/** One pass over a template. The order in which its parts are read and what each mistake prints is Go's (fmt/print.go). */
class Template<V> {
  readonly #chars: readonly string[]
  readonly #args: readonly V[]
  readonly #out: GoPrinter<V>
  readonly #values: GoValues<V>
  #at = 0
  #argument = 0
  #reordered = false
  #goodArgument = true
  #afterIndex = false

  constructor(template: string, args: readonly V[], out: GoPrinter<V>, values: GoValues<V>) {
    this.#chars = [...template.toWellFormed()]
    this.#args = args
    this.#out = out
    this.#values = values
  }

  run(): void {
    const chars = this.#chars
    while (this.#at < chars.length) {
      const next = chars.indexOf('%', this.#at)
      const end = next < 0 ? chars.length : next
      this.#out.raw(chars.slice(this.#at, end).join(''))
      this.#at = end + 1
      if (next >= 0) this.#directive()
    }
    if (!this.#reordered && this.#argument < this.#args.length) this.#extra()
  }

  #extra(): void {
    const out = this.#out
    out.clear()
    out.raw('%!(EXTRA ')
    for (const [i, value] of this.#args.slice(this.#argument).entries()) {
      if (i > 0) out.raw(', ')
      if (value === null) out.raw('<nil>')
      else {
        out.raw(`${this.#values.typeName(value)}=`)
        out.value(value, 'v', 0)
      }
    }
    out.raw(')')
  }

  #directive(): void {
    const out = this.#out
    const chars = this.#chars
    out.clear()
    this.#goodArgument = true
    this.#afterIndex = false
    for (; this.#at < chars.length; this.#at++) if (!out.flag(chars[this.#at] as string)) break
    this.#index()
    this.#width()
    if (chars[this.#at] === '.') this.#precision()
    if (!this.#afterIndex) this.#index()
    const verb = chars[this.#at++]
    if (verb === undefined) out.raw('%!(NOVERB)')
    else if (verb === '%') out.raw('%')
    else if (!this.#goodArgument) out.raw(`%!${verb}(BADINDEX)`)
    else if (this.#argument >= this.#args.length) out.raw(`%!${verb}(MISSING)`)
    else out.argument(this.#args[this.#argument++] as V, verb)
  }

  /** An argument number in brackets, `%[2]d`. */
  #index(): void {
    const chars = this.#chars
    this.#afterIndex = false
    if (chars[this.#at] !== '[') return
    this.#reordered = true
    const close = chars.indexOf(']', this.#at)
    if (close < 0) {
      this.#goodArgument = false
      this.#at++
      return
    }
    const text = chars.slice(this.#at + 1, close).join('')
    this.#at = close + 1
    const number = /^\d+$/.test(text) ? Number(text) : 0
    this.#afterIndex = number > 0 && number <= numberMax
    if (this.#afterIndex && number <= this.#args.length) this.#argument = number - 1
    else this.#goodArgument = false
  }

  #width(): void {
    const out = this.#out
    if (this.#chars[this.#at] === '*') {
      this.#at++
      const width = this.#integerArgument()
      if (width === undefined) out.raw('%!(BADWIDTH)')
      else out.setWidth(width)
      this.#afterIndex = false
      return
    }
    const width = this.#digits()
    if (width === undefined) return
    out.setWidth(width)
    if (this.#afterIndex) this.#goodArgument = false
  }

  #precision(): void {
    const out = this.#out
    this.#at++
    if (this.#afterIndex) this.#goodArgument = false
    this.#index()
    if (this.#chars[this.#at] === '*') {
      this.#at++
      const precision = this.#integerArgument()
      if (precision === undefined || precision < 0) out.raw('%!(BADPREC)')
      else out.precision = precision
      this.#afterIndex = false
      return
    }
    out.precision = this.#digits() ?? 0
  }

  #digits(): number | undefined {
    const start = this.#at
    let value = 0
    for (; /^\d$/.test(this.#chars[this.#at] ?? ''); this.#at++) {
      if (value > numberMax) {
        // Go gives up on the whole rest of the template.
        this.#at = this.#chars.length
        return undefined
      }
      value = value * 10 + Number(this.#chars[this.#at])
    }
    return this.#at === start ? undefined : value
  }

  #integerArgument(): number | undefined {
    if (this.#argument >= this.#args.length) return undefined
    const value = this.#args[this.#argument++]
    return typeof value === 'bigint' && value >= -numberMax && value <= numberMax ? Number(value) : undefined
  }
}

/** Writes values under the flags of one directive. */
export class GoPrinter<V> {
  readonly #parts: string[] = []
  readonly #values: GoValues<V>
  #length = 0
  #plus = false
  #minus = false
  #sharp = false
  #space = false
  #zero = false
  #sharpValue = false
  #width: number | undefined
  precision: number | undefined

  constructor(values: GoValues<V>) {
    this.#values = values
  }

  finish(): string {
    return this.#parts.join('')
  }

  raw(text: string): void {
    this.#length += text.length
    if (this.#length > formattedLengthMax) throw new FormatLengthError()
    this.#parts.push(text)
  }

  clear(): void {
    this.#plus = this.#minus = this.#sharp = this.#space = this.#zero = this.#sharpValue = false
    this.#width = undefined
    this.precision = undefined
  }

  /** False: `char` is no flag. */
  flag(char: string): boolean {
    switch (char) {
      case '+':
        this.#plus = true
        return true
      case '-':
        this.#minus = true
        return true
      case '#':
        this.#sharp = true
        return true
      case ' ':
        this.#space = true
        return true
      case '0':
        this.#zero = true
        return true
      default:
        return false
    }
  }

  setWidth(width: number): void {
    if (width < 0) this.#minus = true
    this.#width = Math.abs(width)
  }

  argument(value: V, verb: string): void {
    if (verb === 'v') {
      this.#sharpValue = this.#sharp
      this.#sharp = this.#plus = false
    }
    if (verb === 'T') this.#padded(value === null ? '<nil>' : this.#cut(this.#values.typeName(value)))
    else if (value === null && verb === 'v') this.#padded('<nil>')
    else if (verb === 'p' && !this.#values.isPointer(value)) this.#bad(value, verb)
    else this.value(value, verb, 0)
  }

  /** `depth` is 0 for an argument, more inside a list or map. */
  value(value: V, verb: string, depth: number): void {
    if (value === null) {
      if (depth === 0) this.#bad(value, verb)
      else this.raw(this.#sharpValue ? 'interface {}(nil)' : '<nil>')
    } else if (typeof value === 'boolean') this.boolean(value, verb)
    else if (typeof value === 'bigint') this.integer(value, verb)
    else if (typeof value === 'number') this.float(value, verb)
    else if (typeof value === 'string') this.string(value, verb)
    else if (!this.#values.special(value, verb, this)) this.#composed(value, verb, depth)
  }

  #composed(value: V, verb: string, depth: number): void {
    const items = this.#values.items(value)
    if (items !== undefined) {
      this.list(items, verb, depth)
      return
    }
    const entries = this.#values.entries(value)
    if (entries === undefined) this.#bad(value, verb)
    else this.#map(entries, verb, depth)
  }

  /** The sharp flag of `%#v`: a value as Go's source would have it. */
  get isSource(): boolean {
    return this.#sharpValue
  }

  list(items: readonly V[], verb: string, depth: number): void {
    this.raw(this.#sharpValue ? '[]interface {}{' : '[')
    for (const [i, item] of items.entries()) {
      if (i > 0) this.raw(this.#sharpValue ? ', ' : ' ')
      this.value(item, verb, depth + 1)
    }
    this.raw(this.#sharpValue ? '}' : ']')
  }

  #map(entries: ReadonlyMap<string, V>, verb: string, depth: number): void {
    this.raw(this.#sharpValue ? 'map[string]interface {}{' : 'map[')
    const keys = [...entries.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    for (const [i, key] of keys.entries()) {
      if (i > 0) this.raw(this.#sharpValue ? ', ' : ' ')
      this.string(key, verb)
      this.raw(':')
      this.value(entries.get(key) as V, verb, depth + 1)
    }
    this.raw(this.#sharpValue ? '}' : ']')
  }

  #bad(value: V | null | boolean | bigint | number | string, verb: string): void {
    this.raw(`%!${verb}(`)
    if (value === null) this.raw('<nil>')
    else {
      this.raw(`${this.#typeName(value)}=`)
      this.value(value as V, 'v', 0)
    }
    this.raw(')')
  }

  #typeName(value: V | boolean | bigint | number | string): string {
    return this.#values.typeName(value as V)
  }

  boolean(value: boolean, verb: string): void {
    if (verb === 't' || verb === 'v') this.#padded(String(value))
    else this.#bad(value, verb)
  }

  // ------------------------------------------------------------------------------------------- integers

  integer(value: bigint, verb: string): void {
    switch (verb) {
      case 'v':
        if (this.#sharpValue && value > int64Max) {
          this.#sharp = true
          this.#digits(value, 16, verb)
          this.#sharp = false
        } else this.#digits(value, 10, verb)
        return
      case 'd':
        this.#digits(value, 10, verb)
        return
      case 'b':
        this.#digits(value, 2, verb)
        return
      case 'o':
      case 'O':
        this.#digits(value, 8, verb)
        return
      case 'x':
      case 'X':
        this.#digits(value, 16, verb)
        return
      case 'c':
        this.#padded(runeOf(value))
        return
      case 'q':
        this.#padded(quotedRune(runeOf(value), this.#plus))
        return
      case 'U':
        this.#unicode(value)
        return
      default:
        this.#bad(value, verb)
    }
  }

  #digits(value: bigint, base: 2 | 8 | 10 | 16, verb: string): void {
    const negative = value < 0n
    let length = 0
    if (this.precision !== undefined) {
      length = this.precision
      if (length === 0 && value === 0n) {
        this.raw(' '.repeat(this.#width ?? 0))
        return
      }
    } else if (this.#zero && !this.#minus && this.#width !== undefined) {
      length = this.#width - (negative || this.#plus || this.#space ? 1 : 0)
    }
    let digits = (negative ? -value : value).toString(base).padStart(length, '0')
    if (this.#sharp) {
      if (base === 2) digits = `0b${digits}`
      else if (base === 8 && !digits.startsWith('0')) digits = `0${digits}`
      else if (base === 16) digits = `0x${digits}`
    }
    if (verb === 'X') digits = digits.toUpperCase()
    if (verb === 'O') digits = `0o${digits}`
    const sign = negative ? '-' : this.#plus ? '+' : this.#space ? ' ' : ''
    this.#padded(sign + digits, false)
  }

  #unicode(value: bigint): void {
    const code = BigInt.asUintN(64, value)
    let text = `U+${code
      .toString(16)
      .toUpperCase()
      .padStart(Math.max(4, this.precision ?? 0), '0')}`
    if (this.#sharp && code <= 0x10ffffn && isPrintable(runeOf(value))) text += ` '${runeOf(value)}'`
    this.#padded(text, false)
  }

  // --------------------------------------------------------------------------------------------- floats

  float(value: number, verb: string): void {
    switch (verb) {
      case 'v':
        this.#decimal(value, 'g', -1)
        return
      case 'e':
      case 'E':
      case 'f':
        this.#decimal(value, verb, 6)
        return
      case 'F':
        this.#decimal(value, 'f', 6)
        return
      case 'b':
      case 'g':
      case 'G':
      case 'x':
      case 'X':
        this.#decimal(value, verb, -1)
        return
      default:
        this.#bad(value, verb)
    }
  }

  #decimal(value: number, verb: 'b' | 'e' | 'E' | 'f' | 'g' | 'G' | 'x' | 'X', precision: number): void {
    const text = floatText(value, verb, this.precision ?? precision)
    const signed = /^[+-]/.test(text)
    let sign = signed ? (text[0] as string) : '+'
    let digits = signed ? text.slice(1) : text
    if (this.#space && sign === '+' && !this.#plus) sign = ' '
    if (!Number.isFinite(value)) {
      const bare = Number.isNaN(value) && !this.#space && !this.#plus
      this.#padded(bare ? digits : sign + digits, false)
      return
    }
    if (this.#sharp && verb !== 'b') digits = withPoint(digits, verb, this.precision ?? precision)
    const shown = sign === '+' && !this.#plus ? digits : sign + digits
    if (shown.length > digits.length && this.#zero && !this.#minus && this.#width !== undefined) {
      this.raw(sign + digits.padStart(this.#width - 1, '0'))
    } else this.#padded(shown)
  }

  // -------------------------------------------------------------------------------------------- strings

  string(value: string, verb: string): void {
    switch (verb) {
      case 'v':
        if (this.#sharpValue) this.#quoted(value)
        else this.#padded(this.#cut(value))
        return
      case 's':
        this.#padded(this.#cut(value))
        return
      case 'q':
        this.#quoted(value)
        return
      case 'x':
      case 'X':
        this.#hex(Buffer.from(value), verb)
        return
      default:
        this.#bad(value, verb)
    }
  }

  #quoted(value: string): void {
    const text = this.#cut(value)
    // In back quotes nothing can be escaped; tabs need not be.
    if (this.#sharp && /^(?:[^`\ufeff\p{Cc}]|[\t\x80-\x9f])*$/u.test(text)) this.#padded(`\`${text}\``)
    else this.#padded(this.#plus ? asciiOnly(quote(text)) : quote(text))
  }

  /** Bytes that are a text under `%s`, `%q`, `%x` and `%X`. */
  bytes(value: Uint8Array, verb: 's' | 'q' | 'x' | 'X'): void {
    if (verb === 'x' || verb === 'X') this.#hex(value, verb)
    else this.string(Buffer.from(value).toString(), verb)
  }

  #hex(bytes: Uint8Array, verb: string): void {
    const cut = this.precision === undefined ? bytes : bytes.subarray(0, this.precision)
    const pairs = [...cut].map((byte) => byte.toString(16).padStart(2, '0'))
    const prefix = this.#sharp ? '0x' : ''
    const text = this.#space ? pairs.map((p) => prefix + p).join(' ') : pairs.length > 0 ? prefix + pairs.join('') : ''
    this.#padded(verb === 'X' ? text.toUpperCase() : text)
  }

  #cut(text: string): string {
    return this.precision === undefined ? text : [...text].slice(0, this.precision).join('')
  }

  #padded(text: string, zeros = this.#zero): void {
    const missing = (this.#width ?? 0) - (text.length < (this.#width ?? 0) * 2 ? [...text].length : text.length)
    if (missing <= 0) this.raw(text)
    else if (this.#minus) this.raw(text + ' '.repeat(missing))
    else this.raw((zeros ? '0' : ' ').repeat(missing) + text)
  }
}

function runeOf(value: bigint): string {
  const known = value >= 0n && value <= 0x10ffffn && (value < 0xd800n || value > 0xdfffn)
  return known ? String.fromCodePoint(Number(value)) : '\ufffd'
}

function quotedRune(rune: string, ascii: boolean): string {
  if (rune === "'") return "'\\''"
  const inner = rune === '"' ? '"' : quote(rune).slice(1, -1)
  return `'${ascii ? asciiOnly(inner) : inner}'`
}

function asciiOnly(text: string): string {
  return text.replace(/\P{ASCII}/gu, (char) => {
    const code = (char.codePointAt(0) ?? 0).toString(16)
    return code.length <= 4 ? `\\u${code.padStart(4, '0')}` : `\\U${code.padStart(8, '0')}`
  })
}

/** The sharp flag on floats: always a point, and zeros up to the precision. */
function withPoint(digits: string, verb: string, precision: number): string {
  const at = /x/i.test(verb) ? digits.search(/p/i) : digits.search(/e/i)
  const tail = at < 0 ? '' : digits.slice(at)
  let head = at < 0 ? digits : digits.slice(0, at)
  let missing = 0
  if (/[gGx]/.test(verb)) {
    const wanted = precision < 0 ? 6 : precision
    // Go counts the `x` of the prefix as a digit, and what follows it as significant.
    const significant = head.replace('.', '').replace(/^0+/, '')
    missing = wanted - significant.length
  }
  if (!head.includes('.')) {
    if (head === '0') missing--
    head += '.'
  }
  return head + '0'.repeat(Math.max(0, missing)) + tail
}
