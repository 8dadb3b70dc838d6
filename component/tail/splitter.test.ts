import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { compileRegexp } from '#lib/regexp'
import { lineEncoding, nopEncoding } from './encoding.ts'
import { type EntryPattern, splitEntries } from './splitter.ts'

const pattern = (kind: 'start' | 'end', source: string, isOmitted = false): EntryPattern => ({
  kind,
  regexp: compileRegexp(`(?m)${source}`),
  isOmitted,
})

/** Read as a file is read: whole entries of growing pieces, then the rest. */
function all(bytes: Buffer, encoding: string, by: EntryPattern | undefined, step: number): string[] {
  const out: string[] = []
  let start = 0
  for (let end = Math.min(step, bytes.length); ; end = Math.min(end + step, bytes.length)) {
    const isLast = end === bytes.length
    const split = splitEntries(by, lineEncoding(encoding), bytes, { start, end, isLast })
    out.push(...split.entries)
    if (split.end > 0) start = split.end
    if (isLast) return out
  }
}

describe('entries of a file', () => {
  const cases: { name: string; text: string; by: EntryPattern | undefined; want: string[] }[] = [
    { name: 'lines', text: 'a\r\nb\n\nc', by: undefined, want: ['a', 'b', '', 'c'] },
    {
      name: 'by what they begin with',
      text: '#1\nx\n#2\n#3',
      by: pattern('start', '^#'),
      want: ['#1\nx\n', '#2\n', '#3'],
    },
    { name: 'with something before', text: 'x\n#1\n', by: pattern('start', '^#'), want: ['x\n', '#1\n'] },
    {
      name: 'without what they begin with',
      text: '#1\nx\n#2',
      by: pattern('start', '^#', true),
      want: ['1\nx\n', '2'],
    },
    { name: 'by what they end with', text: 'a;b\nc;d', by: pattern('end', ';'), want: ['a;', 'b\nc;', 'd'] },
    { name: 'without what they end with', text: 'a;b;', by: pattern('end', ';', true), want: ['a', 'b'] },
    { name: 'by a pattern that does not match', text: 'a\nb', by: pattern('start', '^#'), want: ['a\nb'] },
    { name: 'by a pattern that matches nothing', text: 'ab', by: pattern('end', 'x*'), want: ['ab'] },
  ]
  for (const { name, text, by, want } of cases) {
    it(`${name}: ${JSON.stringify(text)}`, () => {
      assert.deepEqual(all(Buffer.from(text), 'utf-8', by, 1000), want)
    })
  }

  it('are the same however the file is read, and none of its bytes is lost', () => {
    const text = fc.string({ unit: fc.constantFrom('#', '\n', 'a', 'é', '€', '😀', ' '), maxLength: 30 })
    const kinds = fc.constantFrom(pattern('start', '#'), pattern('end', '\\n'))
    const encodings = fc.constantFrom('utf-8', 'utf-16le')
    fc.assert(
      fc.property(text, kinds, encodings, fc.integer({ min: 1, max: 9 }), (given, by, encoding, step) => {
        const bytes = Buffer.from(given, encoding === 'utf-8' ? 'utf8' : 'utf16le')
        const pieces = all(bytes, encoding, by, step)
        assert.equal(pieces.join(''), given)
        assert.deepEqual(pieces, all(bytes, encoding, by, 1000))
      }),
      { numRuns: 500 },
    )
  })

  it('end where they do in bytes that are not valid, or of another encoding', () => {
    const bytes = Buffer.from([0x61, 0xff, 0xc3, 0x23, 0x62, 0x80, 0x23, 0x63])
    const split = splitEntries(pattern('start', '#'), lineEncoding('utf-8'), bytes, { start: 0, end: 8, isLast: false })
    assert.deepEqual([split.end, split.entries.length], [6, 2])
    const japanese = Buffer.from([0x93, 0xfa, 0x96, 0x7b, 0x23, 0x8c, 0xea, 0x23]) // Shift_JIS: 日本#語#
    const other = splitEntries(pattern('end', '#'), lineEncoding('shift_jis'), japanese, {
      start: 0,
      end: 8,
      isLast: false,
    })
    assert.deepEqual(other, { entries: ['日本#', '語#'], end: 8, starts: null })
  })

  it('begin at the bytes that are told', () => {
    const text = fc.string({ unit: fc.constantFrom('#', '\n', 'a', 'é', '€', '😀'), maxLength: 30 })
    const kinds = fc.constantFrom(undefined, pattern('start', '#'), pattern('end', '\\n'))
    const damage = fc.constantFrom(Buffer.alloc(0), Buffer.from([0xff, 0xc3]))
    fc.assert(
      fc.property(text, kinds, fc.constantFrom('utf-8', 'utf-16le', 'shift_jis'), damage, (given, by, name, before) => {
        const encoding = lineEncoding(name)
        const bytes = Buffer.concat([before, Buffer.from(given, name === 'utf-16le' ? 'utf16le' : 'utf8')])
        const range = { start: 0, end: bytes.length, isLast: true, wantsStarts: true }
        const { entries, starts } = splitEntries(by, encoding, bytes, range)
        assert.equal(starts?.length ?? 0, entries.length)
        for (const [i, start] of (starts ?? []).entries()) {
          const end = starts?.[i + 1] ?? bytes.length
          assert.equal(encoding.decode(bytes, start, end).replace(by === undefined ? /\n$/ : '', ''), entries[i])
        }
      }),
      { numRuns: 500 },
    )
  })

  it('are all there is of bytes that are no text', () => {
    const bytes = Buffer.from([0x0a, 0xff, 0x0a])
    const split = splitEntries(undefined, nopEncoding, bytes, { start: 0, end: 3, isLast: false })
    assert.deepEqual(split, { entries: ['\n\xff\n'], end: 3, starts: [0] })
  })

  it('a character of several bytes before the next entry stays whole, also where others are not valid', () => {
    const bytes = Buffer.concat([Buffer.from([0xff]), Buffer.from('a€😀#b😀#c€')])
    const want = ['\ufffda€😀#', 'b😀#', 'c€']
    for (let step = 1; step <= bytes.length; step++) assert.deepEqual(all(bytes, '', pattern('end', '#'), step), want)
    const starts = ['\ufffda€😀', '#b😀', '#c€']
    for (let step = 1; step <= bytes.length; step++)
      assert.deepEqual(all(bytes, '', pattern('start', '#'), step), starts)
  })
})
