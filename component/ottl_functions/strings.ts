// Converters of texts.
import { Buffer } from 'node:buffer'
import {
  boolLiteral,
  bytesLikeGetter,
  defineConverter,
  type FunctionDefinition,
  type Getter,
  getter,
  hexText,
  intGetter,
  list,
  literalOf,
  optional,
  OttlError,
  stringGetter,
  stringLikeGetter,
  stringLiteral,
  typeName,
} from '#component/ottl'
import { base64Decoded, base64Encoded, type Base64Form, isBase64Form } from '#lib/base64'
import { camelCase, lowerCase, snakeCase, upperCase } from '#lib/letter_case'
import { textDecoder, TextEncodingError } from '#lib/text_encoding'
import { regexpOf } from './patterns.ts'
import { formatValues } from './value_text.ts'

const concat = defineConverter({
  name: 'Concat',
  parameters: { vals: list(stringLikeGetter), delimiter: stringGetter },
  create({ vals, delimiter }) {
    return (context) => {
      const between = delimiter(context)
      let out = ''
      for (let i = 0; i < vals.length; i++) {
        if (i > 0) out += between
        out += (vals[i] as Getter<string | null>)(context) ?? '<nil>'
      }
      return out
    }
  },
})

const split = defineConverter({
  name: 'Split',
  parameters: { target: stringGetter, delimiter: stringGetter },
  create({ target, delimiter }) {
    return (context) => {
      const text = target(context)
      const between = delimiter(context)
      return between === '' ? [...text] : text.split(between)
    }
  },
})

const format = defineConverter({
  name: 'Format',
  parameters: { format: stringLiteral, vals: list(getter) },
  create({ format: template, vals }) {
    return (context) =>
      formatValues(
        template,
        vals.map((value) => value(context)),
      )
  },
})

// ------------------------------------------------------------------------------------------------------ parts

/** What of `text` fits into `bytes` of UTF-8, cut before a character that does not. */
export function byteCut(text: string, bytes: number): string {
  return byteSlice(text, 0, bytes)
}

/** The whole characters of `text` that lie between two offsets in its UTF-8. */
function byteSlice(text: string, start: number, end: number): string {
  const buffer = Buffer.from(text)
  let from = start
  let to = end
  while (from < buffer.length && isWithin(buffer, from)) from++
  while (from < to && to < buffer.length && isWithin(buffer, to)) to--
  return buffer.toString('utf8', from, Math.max(from, to))
}

/** Does a character go on at `at`? */
function isWithin(buffer: Buffer, at: number): boolean {
  return ((buffer[at] ?? 0) & 0xc0) === 0x80
}

const substring = defineConverter({
  name: 'Substring',
  parameters: { target: stringGetter, start: intGetter, length: intGetter, utf8_safe: optional(boolLiteral) },
  create({ target, start, length, utf8_safe = false }) {
    return (context) => {
      const from = start(context)
      if (from < 0n) throw new OttlError(`invalid start for substring function, ${from} cannot be negative`)
      const count = length(context)
      if (count <= 0n) {
        throw new OttlError(`invalid length for substring function, ${count} cannot be negative or zero`)
      }
      const text = target(context)
      const bytes = Buffer.byteLength(text)
      if (from + count > BigInt(bytes)) {
        throw new OttlError(
          `invalid range for substring function, start(${from})+length(${count}) cannot be greater than the length of target string(${bytes})`,
        )
      }
      const first = Number(from)
      const end = first + Number(count)
      if (bytes === text.length) return text.slice(first, end)
      // Of a character that is cut through, U+FFFD stays: texts cannot hold a part of one.
      return utf8_safe ? byteSlice(text, first, end) : Buffer.from(text).toString('utf8', first, end)
    }
  },
})

const hasPrefix = defineConverter({
  name: 'HasPrefix',
  parameters: { target: stringGetter, prefix: stringGetter },
  create:
    ({ target, prefix }) =>
    (context) =>
      target(context).startsWith(prefix(context)),
})

const hasSuffix = defineConverter({
  name: 'HasSuffix',
  parameters: { target: stringGetter, suffix: stringGetter },
  create:
    ({ target, suffix }) =>
    (context) =>
      target(context).endsWith(suffix(context)),
})

const trim = defineConverter({
  name: 'Trim',
  parameters: { target: stringGetter, replacement: optional(stringLiteral) },
  create({ target, replacement = ' ' }) {
    const dropped = new Set(replacement)
    return (context) => {
      const chars = [...target(context)]
      let start = 0
      let end = chars.length
      while (start < end && dropped.has(chars[start] as string)) start++
      while (start < end && dropped.has(chars[end - 1] as string)) end--
      return chars.slice(start, end).join('')
    }
  },
})

const trimPrefix = defineConverter({
  name: 'TrimPrefix',
  parameters: { target: stringGetter, prefix: stringGetter },
  create({ target, prefix }) {
    return (context) => {
      const text = target(context)
      const start = prefix(context)
      return text.startsWith(start) ? text.slice(start.length) : text
    }
  },
})

const trimSuffix = defineConverter({
  name: 'TrimSuffix',
  parameters: { target: stringGetter, suffix: stringGetter },
  create({ target, suffix }) {
    return (context) => {
      const text = target(context)
      const end = suffix(context)
      return text.endsWith(end) ? text.slice(0, text.length - end.length) : text
    }
  },
})

// ------------------------------------------------------------------------------------------------------ cases

const cases: Readonly<Record<string, (text: string) => string>> = {
  lower: lowerCase,
  upper: upperCase,
  snake: snakeCase,
  camel: camelCase,
}

const convertCase = defineConverter({
  name: 'ConvertCase',
  parameters: { target: stringGetter, to_case: stringLiteral },
  create({ target, to_case }) {
    const convert = Object.hasOwn(cases, to_case) ? cases[to_case] : undefined
    if (convert === undefined) {
      throw new OttlError(`invalid case: ${to_case}, allowed cases are: lower, upper, snake, camel`)
    }
    return (context) => convert(target(context))
  },
})

function caseConverter(name: string, convert: (text: string) => string): FunctionDefinition {
  return defineConverter({
    name,
    parameters: { target: stringGetter },
    create:
      ({ target }) =>
      (context) =>
        convert(target(context)),
  })
}

// --------------------------------------------------------------------------------------------------- encodings

const base64Encode = defineConverter({
  name: 'Base64Encode',
  parameters: { target: stringGetter, variant: optional(stringGetter) },
  create({ target, variant }) {
    return (context) => {
      const text = target(context)
      const form = variant === undefined ? 'base64' : variant(context)
      if (!isBase64Form(form)) throw new OttlError(`unsupported base64 variant: ${form}`)
      return base64Encoded(Buffer.from(text), form)
    }
  },
})

const base64Decode = defineConverter({
  name: 'Base64Decode',
  parameters: { target: stringGetter },
  create:
    ({ target }) =>
    (context) =>
      base64Text(target(context), 'base64', ''),
})

function base64Text(text: string, form: Base64Form, prefix: string): string {
  const bytes = base64Decoded(text, form)
  if (typeof bytes === 'number') throw new OttlError(`${prefix}illegal base64 data at input byte ${bytes}`)
  return bytes.toString()
}

/** Gives the text that bytes spell in some encoding. */
type Decoder = (bytes: Buffer) => string

function decoderOf(encoding: string): Decoder {
  if (isBase64Form(encoding)) return (bytes) => base64Text(bytes.toString('latin1'), encoding, 'could not decode: ')
  try {
    return textDecoder(encoding)
  } catch (error) {
    throw error instanceof TextEncodingError ? new OttlError(error.message) : error
  }
}

const decode = defineConverter({
  name: 'Decode',
  parameters: { target: getter, encoding: stringGetter },
  create({ target, encoding }) {
    const known = literalOf(encoding)
    const decoder = known === undefined ? undefined : decoderOf(known.value)
    return (context) => {
      const value = target(context)
      const decodeBytes = decoder ?? decoderOf(encoding(context))
      if (typeof value === 'string') return decodeBytes(Buffer.from(value))
      if (value instanceof Uint8Array) return decodeBytes(Buffer.from(value.buffer, value.byteOffset, value.length))
      throw new OttlError(`unsupported type provided to Decode function: ${value === null ? '<nil>' : typeName(value)}`)
    }
  },
})

const hex = defineConverter({
  name: 'Hex',
  parameters: { target: bytesLikeGetter },
  create({ target }) {
    return (context) => {
      const bytes = target(context)
      return bytes === null ? '' : hexText(bytes)
    }
  },
})

// ----------------------------------------------------------------------------------------------------- patterns

const isMatch = defineConverter({
  name: 'IsMatch',
  parameters: { target: stringLikeGetter, pattern: stringGetter },
  create({ target, pattern }) {
    const regexpFor = regexpOf('IsMatch', pattern)
    return (context) => {
      const regexp = regexpFor(context)
      const text = target(context)
      return text !== null && regexp.test(text)
    }
  },
})

export const stringConverters: readonly FunctionDefinition[] = [
  base64Decode,
  base64Encode,
  concat,
  convertCase,
  decode,
  format,
  hasPrefix,
  hasSuffix,
  hex,
  isMatch,
  split,
  substring,
  caseConverter('ToCamelCase', camelCase),
  caseConverter('ToLowerCase', lowerCase),
  caseConverter('ToSnakeCase', snakeCase),
  caseConverter('ToUpperCase', upperCase),
  trim,
  trimPrefix,
  trimSuffix,
]
