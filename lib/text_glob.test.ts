import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compileGlob, GlobError } from './text_glob.ts'

test('globs match whole texts', () => {
  const cases = [
    { pattern: '/user/*/list/*', text: '/user/1/list/2/3', want: true },
    { pattern: 'a?c', text: 'abc', want: true },
    { pattern: 'a?c', text: 'ac', want: false },
    { pattern: 'b', text: 'abc', want: false },
    { pattern: '*', text: 'a\nb', want: true },
    { pattern: '[abc]x', text: 'bx', want: true },
    { pattern: '[!a-c]x', text: 'bx', want: false },
    { pattern: '{a,b*}c', text: 'bzzc', want: true },
    { pattern: '{a,{b,c}}', text: 'c', want: true },
    { pattern: '{a,b', text: 'b', want: true },
    { pattern: '\\*', text: '*', want: true },
    { pattern: 'a.c+', text: 'abcc', want: false },
    { pattern: '', text: '', want: true },
  ]
  for (const { pattern, text, want } of cases) assert.equal(compileGlob(pattern).test(text), want, `${pattern} ${text}`)
})

test('brackets that cannot be are refused', () => {
  for (const pattern of ['[', '[a', '[a-', '[b-a]', '[a-bc]', '[]', '[!]']) {
    assert.throws(() => compileGlob(pattern), GlobError, pattern)
  }
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'ab*?[]{}!-,\\^.é') }), fc.string(), (pattern, text) => {
      try {
        compileGlob(pattern).test(text)
      } catch (error) {
        assert.ok(error instanceof GlobError)
      }
    }),
  )
})
