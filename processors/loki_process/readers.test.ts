import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { timeReader } from '#lib/go_time'
import { compileJmesPath, JmesPathError, type Json } from './jmespath.ts'
import { eachPair } from './logfmt.ts'
import { compileSelector, SelectorError } from './logql.ts'
import { compileTemplate, TemplateError } from './template.ts'

describe('times', () => {
  const now = Date.UTC(2026, 0, 5)
  const cases: [format: string, text: string, zone: string | undefined, want: string | undefined][] = [
    ['RFC3339', '2026-01-02T03:04:05+01:00', undefined, '2026-01-02T02:04:05.000Z'],
    ['RFC1123', 'Fri, 02 Jan 2026 03:04:05 GMT', undefined, '2026-01-02T03:04:05.000Z'],
    ['ANSIC', 'Fri Jan  2 03:04:05 2026', undefined, '2026-01-02T03:04:05.000Z'],
    ['UnixMs', '1767323045678', undefined, '2026-01-02T03:04:05.678Z'],
    ['Unix', '1767323045.5', undefined, '2026-01-02T03:04:05.500Z'],
    ['2006-01-02 15:04:05', '2026-07-01 12:00:00,250', 'Europe/Berlin', '2026-07-01T10:00:00.250Z'],
    ['02/Jan/2006:15:04:05 -0700', '10/Oct/2000:13:55:36 -0700', undefined, '2000-10-10T20:55:36.000Z'],
    ['Jan _2 15:04:05', 'Dec 31 23:59:59', undefined, '2025-12-31T23:59:59.000Z'],
    ['3:04PM 2006', '3:04AM 2026', undefined, '2026-01-01T03:04:00.000Z'],
    ['2006-01-02', '2026-02-30', undefined, undefined],
    ['2006-01-02', '2026-02-03x', undefined, undefined],
    ['RFC3339', '2026-01-02 03:04:05Z', undefined, undefined],
  ]
  for (const [format, text, zone, want] of cases) {
    it(`${text} as ${format} is ${want}`, () => {
      const ns = timeReader(format, zone)(text, now)
      assert.equal(ns === undefined ? undefined : new Date(Number(ns / 1_000_000n)).toISOString(), want)
    })
  }
})

describe('JMESPath', () => {
  const document: Json = { a: { 'b-c': [1, 2, 3], d: [{ e: 1 }, { e: 2 }, {}] }, n: [[1], [2, 3]], s: 'x' }
  const cases: [expression: string, want: Json][] = [
    ['a."b-c"[0]', 1],
    ['a."b-c"[-1]', 3],
    ['a."b-c"[1:]', [2, 3]],
    ['a."b-c"[::-1]', [3, 2, 1]],
    ['a.d[*].e', [1, 2]],
    ['a.d[?e == `2`].e | [0]', 2],
    ['n[]', [1, 2, 3]],
    ['a.d[].e', [1, 2]],
    ['none || s', 'x'],
    ["s == 'x' && !none", true],
    ['{x: s, y: a.d[0]}', { x: 'x', y: { e: 1 } }],
    ['[s, none]', ['x', null]],
    ['n[*][0]', [1, 2]],
    ['a.*[0]', [1, { e: 1 }]],
    ['s.t', null],
    ['@.s', 'x'],
  ]
  for (const [expression, want] of cases) {
    it(expression, () => assert.deepEqual(compileJmesPath(expression)(document), want))
  }
  for (const wrong of ['a.', 'a[', 'a b', '{a}', 'sort(a)', 'a[0', '"a', '&a', 'a-b']) {
    it(`refuses ${wrong}`, () => assert.throws(() => compileJmesPath(wrong), JmesPathError))
  }
})

describe('what users write', () => {
  it('is read or refused, never worse', () => {
    const some = fc.string({ unit: fc.constantFrom(...'{}[]()|.,"`\'$:=-*@&!<> \\a1n{{}}end if'), maxLength: 20 })
    fc.assert(
      fc.property(some, (text) => {
        for (const [compile, Refusal] of [
          [compileJmesPath, JmesPathError],
          [compileSelector, SelectorError],
          [compileTemplate, TemplateError],
        ] as const) {
          try {
            compile(text)
          } catch (error) {
            assert.ok(error instanceof Refusal || error instanceof SelectorError, String(error))
          }
        }
        eachPair(text, () => {})
      }),
      { numRuns: 500 },
    )
  })
})
