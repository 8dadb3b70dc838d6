import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { withoutOuterSpace, withoutTrailing } from './trailing.ts'

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

describe('texts without white space around them', () => {
  const cases = [
    { name: 'of all kinds', text: ' \t\u0085\u00a0a b\u2028\r\n', want: 'a b' },
    { name: 'but no byte order mark', text: '\ufeffa ', want: '\ufeffa' },
    { name: 'nothing else', text: ' \n ', want: '' },
  ]
  for (const { name, text, want } of cases) it(name, () => assert.equal(withoutOuterSpace(text), want))

  it('a long run of it inside takes no time', () => {
    const text = `a${' '.repeat(8 * 1024 * 1024)}x`
    assert.equal(withoutOuterSpace(text), text)
  })
})
