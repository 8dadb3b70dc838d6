import assert from 'node:assert/strict'
import { test } from 'node:test'
import { textDecoder, TextEncodingError } from './text_encoding.ts'

test('bytes are read in the encoding that is named', () => {
  const cases = [
    { name: 'UTF-8', hex: 'c3a9ff', want: 'é\ufffd' },
    { name: '', hex: '61', want: 'a' },
    { name: ' Latin1 ', hex: '80e9', want: '\x80é' },
    { name: 'l5', hex: 'd0fd', want: 'Ğı' },
    { name: 'iso-8859-2', hex: '80b1', want: '\ufffdą' },
    { name: 'windows-1252', hex: '8081', want: '€\ufffd' },
    { name: 'utf-16', hex: 'fffe4100', want: '\ufeffA' },
    { name: 'csutf16', hex: '0041', want: 'A' },
    { name: 'csutf16', hex: 'fffe4100', want: 'A' },
    { name: 'shift_jis', hex: '82a041', want: 'あA' },
    { name: 'gbk', hex: 'b0a1', want: '啊' },
    { name: 'ibm437', hex: '8041e0ff', want: 'ÇAα\xa0' },
    { name: 'ibm858', hex: 'd5', want: '€' },
    { name: 'ibm037', hex: 'c1814b', want: 'Aa.' },
    { name: 'ibm1047', hex: 'adbd', want: '[]' },
    { name: 'ibm1140', hex: '9f', want: '€' },
  ]
  for (const { name, hex, want } of cases) {
    assert.equal(textDecoder(name)(Buffer.from(hex, 'hex')), want, `${name} ${hex}`)
  }
  assert.equal(textDecoder('iso-2022-jp')(Buffer.from('1b244224221b284241', 'hex')), 'あA')
  assert.equal(textDecoder('hz-gb-2312')(Buffer.from('7e7b30217e7d7e7e', 'hex')), '啊~')
})

test('names that no encoding has are refused', () => {
  assert.throws(() => textDecoder('no-such'), new TextEncodingError("unsupported encoding 'no-such'"))
})
