import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { lineEncoding } from '#component/tail'
import { EntryFrames, type FrameSettings } from './frames.ts'

const lines: FrameSettings = {
  encoding: lineEncoding('utf-8'),
  pattern: undefined,
  isWhole: false,
  bytesMax: 50,
  hasLengths: false,
  trailer: undefined,
}

function framed(settings: Partial<FrameSettings>, bytes: Buffer, step: number): string[] {
  const frames = new EntryFrames({ ...lines, ...settings })
  const out: string[] = []
  for (let at = 0; at < bytes.length; at += step) out.push(...frames.push(bytes.subarray(at, at + step)))
  return [...out, ...frames.finish()]
}

describe('frames of entries', () => {
  const cases: { name: string; text: string; settings?: Partial<FrameSettings>; want: string[] }[] = [
    { name: 'lines', text: 'a\nb\r\n\nc', want: ['a', 'b', '', 'c'] },
    { name: 'lengths, which stay', text: '3 abc4 d\nef', settings: { hasLengths: true }, want: ['3 abc', '4 d\nef'] },
    { name: 'no length: a line', text: 'abc\n2 de', settings: { hasLengths: true }, want: ['abc\n', '2 de'] },
    { name: 'a length that is cut off', text: '9 ab', settings: { hasLengths: true }, want: ['9 ab'] },
    { name: 'another trailer', text: 'a\nb\0c', settings: { trailer: 0 }, want: ['a\nb', 'c'] },
    { name: 'all of it', text: 'a\nb\n', settings: { isWhole: true }, want: ['a\nb\n'] },
  ]
  for (const { name, text, settings = {}, want } of cases) {
    it(`${name}, however they are cut`, () => {
      const bytes = Buffer.from(text)
      for (let step = 1; step <= bytes.length; step++) assert.deepEqual(framed(settings, bytes, step), want)
    })
  }

  it('long entries come in parts', () => {
    const bytes = Buffer.from(`${'x'.repeat(120)}\ny\n`)
    assert.equal(framed({}, bytes, 1).join('|'), `${'x'.repeat(50)}|${'x'.repeat(50)}|${'x'.repeat(20)}|y`)
  })

  it('lines without a length, however many', () => {
    const frames = new EntryFrames({ ...lines, hasLengths: true, bytesMax: 1_000_000 })
    assert.equal(frames.push(Buffer.from('a\n'.repeat(300_000))).length, 300_000)
  })

  it('no bytes are lost, and none make it throw', () => {
    const some = fc.string({ unit: fc.constantFrom(...'12 \n\0ab'), maxLength: 60 })
    const settings = fc.constantFrom<Partial<FrameSettings>>(
      { hasLengths: true },
      { trailer: 0 },
      { isWhole: true },
      {},
    )
    fc.assert(
      fc.property(some, settings, fc.integer({ min: 1, max: 20 }), (text, given, step) => {
        const plain = (joined: string): string => joined.replaceAll(/[\s\0]/g, '')
        const out = framed({ ...given, bytesMax: 1000 }, Buffer.from(text), step)
        assert.equal(plain(out.join('')), plain(text))
      }),
      { numRuns: 500 },
    )
  })
})
