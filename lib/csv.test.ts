import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { CsvError, type CsvOptions, CsvReader, isCsvDelimiter, readCsvRow } from './csv.ts'

const strict: CsvOptions = { delimiter: ',', lazyQuotes: false }
const lazy: CsvOptions = { delimiter: ',', lazyQuotes: true }

function all(text: string, options: CsvOptions): string[][] {
  const reader = new CsvReader(text, options)
  const records: string[][] = []
  for (let record = reader.read(); record !== undefined; record = reader.read()) records.push(record)
  return records
}

describe('CSV', () => {
  const cases: { name: string; text: string; options?: CsvOptions; want: string[][] | RegExp }[] = [
    { name: 'plain fields', text: 'a,b,c\n', want: [['a', 'b', 'c']] },
    { name: 'no newline at the end', text: 'a,b', want: [['a', 'b']] },
    { name: 'empty fields', text: ',,\n', want: [['', '', '']] },
    { name: 'CRLF, and empty lines between', text: 'a,b\r\n\r\n\nc\r\n', want: [['a', 'b'], ['c']] },
    { name: 'quotes', text: '"a ""b""","c,d",""\n', want: [['a "b"', 'c,d', '']] },
    { name: 'a newline in quotes', text: '"a\r\nb",c\n"d\n\ne"', want: [['a\nb', 'c'], ['d\n\ne']] },
    { name: 'another delimiter', text: 'a|"b|c"', options: { ...strict, delimiter: '|' }, want: [['a', 'b|c']] },
    { name: 'a quote in a plain field', text: 'x\na,b"c', want: /line 2: bare " in non-quoted field/ },
    { name: 'text after a quoted field', text: '"a"b,c', want: /line 1: extraneous or missing "/ },
    { name: 'a quoted field without an end', text: '"a\nb', want: /line 2: extraneous or missing "/ },
    { name: 'a lazy quote in a plain field', text: 'a "b" c,d', options: lazy, want: [['a "b" c', 'd']] },
    { name: 'a lazy quote in a quoted field', text: '"a "b" c",d', options: lazy, want: [['a "b" c', 'd']] },
    { name: 'a lazy quoted field without an end', text: '"a,b\n', options: lazy, want: [['a,b']] },
    { name: 'nothing', text: '', want: [] },
  ]
  for (const { name, text, options = strict, want } of cases) {
    it(`${name}: ${JSON.stringify(text)}`, () => {
      if (want instanceof RegExp) assert.throws(() => all(text, options), want)
      else assert.deepEqual(all(text, options), want)
    })
  }

  it('keeps newlines of a row in their fields', () => {
    assert.deepEqual(readCsvRow('aa,b\nb,cc,d\nd,ee', strict), ['aa', 'b\nb', 'cc', 'd\nd', 'ee'])
    assert.throws(() => readCsvRow('', strict), /no csv lines found/)
  })

  it('takes one character as delimiter, but no quote or newline', () => {
    const given = [',', '\t', 'é', '😀', '', ',,', '"', '\n']
    assert.deepEqual(given.map(isCsvDelimiter), [true, true, true, true, false, false, false, false])
  })

  it('reads what was written, and reads or refuses anything', () => {
    const field = fc.string({ unit: fc.constantFrom(...'ab",\n é'), maxLength: 8 })
    fc.assert(
      fc.property(fc.array(fc.array(field, { minLength: 2, maxLength: 4 }), { maxLength: 4 }), (records) => {
        const text = records.map((r) => r.map((f) => `"${f.replaceAll('"', '""')}"`).join(',')).join('\n')
        assert.deepEqual(all(text, strict), records)
      }),
      { numRuns: 300 },
    )
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...'a",\r\n'), maxLength: 20 }),
        fc.boolean(),
        (text, lazyQuotes) => {
          try {
            all(text, { delimiter: ',', lazyQuotes })
          } catch (error) {
            assert.ok(error instanceof CsvError && !lazyQuotes, String(error))
          }
        },
      ),
      { numRuns: 500 },
    )
  })
})
