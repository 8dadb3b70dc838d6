// Texts in other encodings than UTF-8, by the names that IANA registers.
import { Buffer } from 'node:buffer'
import { codePages } from './code_pages.ts'

/** A name that no encoding has, or one whose mapping is not known. */
export class TextEncodingError extends Error {
  override readonly name = 'TextEncodingError'
}

/**
 * Names and their aliases, first the one that this file or the runtime's `TextDecoder` goes by. `utf-16` is little-endian
 * and keeps a byte order mark, and ASCII is read as UTF-8, as the collector has it.
 */
const names: readonly string[] = [
  'utf-8 utf8 utf-8-raw utf8-raw nop csutf8 ascii us-ascii ansi_x3.4-1968 ansi_x3.4-1986 cp367 csascii ibm367 iso-ir-6 iso646-us iso_646.irv:1991 us',
  'utf-16le csutf16le utf-16 utf16',
  'utf-16be csutf16be',
  'utf-16-marked csutf16',
  'ibm037 cp037 csibm037 ebcdic-cp-ca ebcdic-cp-nl ebcdic-cp-us ebcdic-cp-wt',
  'ibm437 437 cp437 cspc8codepage437',
  'ibm850 850 cp850 cspc850multilingual',
  'ibm852 852 cp852 cspcp852',
  'ibm855 855 cp855 csibm855',
  'ibm858 ccsid00858 cp00858 csibm00858 ibm00858 pc-multilingual-850+euro',
  'ibm860 860 cp860 csibm860',
  'ibm862 862 cp862 cspc862latinhebrew',
  'ibm863 863 cp863 csibm863',
  'ibm865 865 cp865 csibm865',
  'ibm866 866 cp866 csibm866',
  'ibm1047 csibm1047 ibm-1047',
  'ibm1140 ccsid01140 cp01140 csibm01140 ebcdic-us-37+euro ibm01140',
  'latin1 iso-8859-1 cp819 csisolatin1 ibm819 iso-ir-100 iso_8859-1 iso_8859-1:1987 l1',
  'iso-8859-2 csisolatin2 iso-ir-101 iso_8859-2 iso_8859-2:1987 l2 latin2',
  'iso-8859-3 csisolatin3 iso-ir-109 iso_8859-3 iso_8859-3:1988 l3 latin3',
  'iso-8859-4 csisolatin4 iso-ir-110 iso_8859-4 iso_8859-4:1988 l4 latin4',
  'iso-8859-5 csisolatincyrillic cyrillic iso-ir-144 iso_8859-5 iso_8859-5:1988',
  'iso-8859-6 arabic asmo-708 csisolatinarabic ecma-114 iso-ir-127 iso_8859-6 iso_8859-6:1987 csiso88596e iso-8859-6-e iso_8859-6-e csiso88596i iso-8859-6-i iso_8859-6-i',
  'iso-8859-7 csisolatingreek ecma-118 elot_928 greek greek8 iso-ir-126 iso_8859-7 iso_8859-7:1987',
  'iso-8859-8 csisolatinhebrew hebrew iso-ir-138 iso_8859-8 iso_8859-8:1988 csiso88598e iso-8859-8-e iso_8859-8-e csiso88598i iso-8859-8-i iso_8859-8-i',
  'latin5 iso-8859-9 csisolatin5 iso-ir-148 iso_8859-9 iso_8859-9:1989 l5',
  'iso-8859-10 csisolatin6 iso-ir-157 iso_8859-10:1992 l6 latin6',
  'iso-8859-13 csiso885913',
  'iso-8859-14 csiso885914 iso-celtic iso-ir-199 iso_8859-14 iso_8859-14:1998 l8 latin8',
  'iso-8859-15 csiso885915 iso_8859-15 latin-9',
  'iso-8859-16 csiso885916 iso-ir-226 iso_8859-16 iso_8859-16:2001 l10 latin10',
  'koi8-r cskoi8r',
  'koi8-u cskoi8u',
  'macintosh csmacintosh mac',
  'windows-874 cswindows874',
  ...[0, 1, 2, 3, 4, 5, 6, 7, 8].map((n) => `windows-125${n} cswindows125${n}`),
  'euc-jp cseucpkdfmtjapanese extended_unix_code_packed_format_for_japanese',
  'iso-2022-jp csiso2022jp',
  'shift_jis csshiftjis ms_kanji',
  'euc-kr cseuckr',
  'gb18030 csgb18030',
  'gbk cp936 csgbk ms936 windows-936',
  'hz-gb-2312',
  'big5 csbig5',
]
const canonical: ReadonlyMap<string, string> = new Map(
  names.flatMap((line) => line.split(' ').map((alias, _, all) => [alias, all[0] as string] as const)),
)

/** Gives the text that bytes spell; what is none becomes U+FFFD. */
export type TextDecode = (bytes: Buffer) => string

const decoders = new Map<string, TextDecode>()

/** The decoder of `encoding`, however its name is written. Throws `TextEncodingError`. */
export function textDecoder(encoding: string): TextDecode {
  const name = encoding === '' ? 'utf-8' : canonical.get(encoding.trim().toLowerCase())
  if (name === undefined) throw new TextEncodingError(`unsupported encoding '${encoding}'`)
  let decoder = decoders.get(name)
  if (decoder === undefined) {
    decoder = newDecoder(name)
    decoders.set(name, decoder)
  }
  return decoder
}

function newDecoder(name: string): TextDecode {
  const page = codePages.get(name)
  if (page !== undefined) return (bytes) => Array.from(bytes, (byte) => page[byte]).join('')
  switch (name) {
    case 'utf-8':
      return (bytes) => bytes.toString('utf8')
    case 'latin1':
      return (bytes) => bytes.toString('latin1')
    case 'latin5':
      return (bytes) => bytes.toString('latin1').replace(/[ÐÝÞðýþ]/g, (char) => turkish[char] as string)
    case 'utf-16-marked':
      return markedUtf16
    case 'hz-gb-2312':
      return hzDecoded
    default: {
      const decoder = new TextDecoder(name, { ignoreBOM: true })
      // Bytes without a character: the runtime gives them control characters, as the Encoding standard says.
      if (/^(iso-8859|windows)/.test(name)) return (bytes) => decoder.decode(bytes).replace(/[\x80-\x9f]/g, '\ufffd')
      return (bytes) => decoder.decode(bytes)
    }
  }
}

/** Where ISO 8859-9 is not ISO 8859-1. */
const turkish: Readonly<Record<string, string>> = { Ð: 'Ğ', Ý: 'İ', Þ: 'Ş', ð: 'ğ', ý: 'ı', þ: 'ş' }

/** Big-endian, unless a mark says otherwise. */
function markedUtf16(bytes: Buffer): string {
  const isLittle = bytes[0] === 0xff && bytes[1] === 0xfe
  const isMarked = isLittle || (bytes[0] === 0xfe && bytes[1] === 0xff)
  return textDecoder(isLittle ? 'utf-16le' : 'utf-16be')(isMarked ? bytes.subarray(2) : bytes)
}

/** RFC 1843: between `~{` and `~}` stand pairs of GB 2312 with seven bits; `~~` is a tilde, `~` goes before a line's end. */
function hzDecoded(bytes: Buffer): string {
  const out: number[] = []
  let isChinese = false
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number
    const next = bytes[i + 1]
    if (byte === 0x7e && (next === 0x7b || next === 0x7d || next === 0x7e || next === 0x0a)) {
      if (next === 0x7e) out.push(byte)
      else if (next !== 0x0a) isChinese = next === 0x7b
      i++
    } else if (isChinese && byte > 0x20 && next !== undefined) {
      out.push(byte | 0x80, next | 0x80)
      i++
    } else {
      if (byte === 0x0a) isChinese = false
      // 0xff is what no mapping takes.
      out.push(byte < 0x80 ? byte : 0xff)
    }
  }
  return textDecoder('gbk')(Buffer.from(out))
}
