import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { base64Decoded, base64Encoded, type Base64Form } from './base64.ts'

const forms: readonly Base64Form[] = ['base64', 'base64-raw', 'base64-url', 'base64-raw-url']

test('texts decode as strictly as in Go, or name the first wrong byte', () => {
  const cases: readonly { text: string; form: Base64Form; want: string | number }[] = [
    { text: 'YWI=', form: 'base64', want: 'ab' },
    { text: 'YW\r\nI=\n', form: 'base64', want: 'ab' },
    { text: 'YWI', form: 'base64', want: 0 },
    { text: 'YWI', form: 'base64-raw', want: 'ab' },
    { text: 'YWI=', form: 'base64-raw', want: 3 },
    { text: 'YQ=x', form: 'base64', want: 2 },
    { text: 'YQ==YQ==', form: 'base64', want: 4 },
    { text: 'Y===', form: 'base64', want: 1 },
    { text: 'éYWI', form: 'base64', want: 0 },
    { text: 'Pz4_', form: 'base64', want: 3 },
    { text: 'Pz4_', form: 'base64-url', want: '?>?' },
    { text: 'Pz4/', form: 'base64-raw-url', want: 3 },
  ]
  for (const { text, form, want } of cases) {
    const got = base64Decoded(text, form)
    assert.equal(typeof got === 'number' ? got : got.toString(), want, `${text} as ${form}`)
  }
})

test('bytes come back from every form, and any text is decoded or refused', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.constantFrom(...forms), fc.string(), (bytes, form, text) => {
      assert.deepEqual(base64Decoded(base64Encoded(Buffer.from(bytes), form), form), Buffer.from(bytes))
      base64Decoded(text, form)
    }),
  )
})
