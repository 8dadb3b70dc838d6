import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { eachPair, logfmtLine } from './logfmt.ts'

function pairs(text: string): { pairs: [string, string][]; isWhole: boolean } {
  const found: [string, string][] = []
  const isWhole = eachPair(text, (key, value) => found.push([key, value]))
  return { pairs: found, isWhole }
}

describe('reading logfmt', () => {
  const cases: { text: string; want: [string, string][]; isWhole?: false }[] = [
    { text: '', want: [] },
    {
      text: 'a=1 b="x\\ny" c= done',
      want: [
        ['a', '1'],
        ['b', 'x\ny'],
        ['c', ''],
        ['done', ''],
      ],
    },
    { text: `a="it\\'s \\\\'x"`, want: [['a', `it's \\'x`]] },
    { text: 'a="tab\there"', want: [['a', 'tab\there']] },
    { text: 'a=1 b="tab\there \\n"', want: [['a', '1']], isWhole: false },
    { text: 'a=1 b="\\q"', want: [['a', '1']], isWhole: false },
    { text: 'a=1" b=2', want: [], isWhole: false },
    { text: '=1', want: [], isWhole: false },
    { text: 'a=1 \ufffd=2', want: [['a', '1']], isWhole: false },
  ]
  for (const { text, want, isWhole = true } of cases) {
    it(JSON.stringify(text), () => assert.deepEqual(pairs(text), { pairs: want, isWhole }))
  }

  it('goes as far as it is logfmt, never worse', () => {
    const some = fc.string({ unit: fc.constantFrom(...'ab="\\ \n\té1'), maxLength: 20 })
    fc.assert(
      fc.property(some, (text) => {
        eachPair(text, (key) => assert.notEqual(key, ''))
      }),
      { numRuns: 500 },
    )
  })
})

describe('writing logfmt', () => {
  it('quotes what needs it', () => {
    const line = logfmtLine([
      ['a b', 'c"d'],
      ['', 'x'],
      ['n', null],
      ['t', 'null'],
      ['e', ''],
      ['c', '\u0008\u007f\ufffd\\'],
    ])
    assert.equal(line, 'ab="c\\"d" n=null t="null" e= c="\\u0008\\u007f\\ufffd\\\\"')
  })

  it('writes what is read back', () => {
    const text = fc.string({ unit: fc.constantFrom(...'ab="\\ \n\té1'), maxLength: 10 })
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom('a', 'b', 'é'), text), { maxLength: 4 }), (all) => {
        assert.deepEqual(pairs(logfmtLine(all)), { pairs: all, isWhole: true })
      }),
      { numRuns: 500 },
    )
  })
})
