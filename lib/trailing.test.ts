import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { withoutTrailing } from './trailing.ts'

describe('texts without what they end with', () => {
  const cases = [
    { name: 'nothing to take off', text: 'a\rb', characters: '\r\n', want: 'a\rb' },
    { name: 'any of the characters', text: 'a\r\n\n', characters: '\r\n', want: 'a' },
    { name: 'all of it', text: '\0\0', characters: '\0', want: '' },
    { name: 'empty', text: '', characters: '\0', want: '' },
  ]
  for (const { name, text, characters, want } of cases) {
    it(name, () => assert.equal(withoutTrailing(text, characters), want))
  }

  it('a long run of them with something behind takes no time', () => {
    const text = `${'\r'.repeat(8 * 1024 * 1024)}x`
    assert.equal(withoutTrailing(text, '\r'), text)
  })
})
