import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Series } from '../series.ts'
import { SeriesInterner } from './interner.ts'

function intern(interner: SeriesInterner, text: string): Series {
  const key = Buffer.from(`--${text}--`)
  const known = interner.find(key, 2, key.length - 2)
  return known ?? interner.add(key, 2, key.length - 2, ['__name__', text], null)
}

test('the same key gives the same series, another key another', () => {
  const interner = new SeriesInterner({ bytesMax: 1e6 })
  const a = intern(interner, 'a')
  const b = intern(interner, 'b')
  assert.notEqual(a, b)
  assert.equal(intern(interner, 'a'), a)
  assert.equal(intern(interner, 'b'), b)
  assert.equal(interner.size, 2)
})

test('a key outlives the buffer that it was found in', () => {
  const interner = new SeriesInterner({ bytesMax: 1e6 })
  const buffer = Buffer.from('abc')
  const series = interner.add(buffer, 0, 3, ['__name__', 'abc'], null)
  buffer.fill(0)
  assert.equal(intern(interner, 'abc'), series)
})

test('those used least recently are let go when the memory is used up', () => {
  const interner = new SeriesInterner({ bytesMax: 10_000 })
  const kept = intern(interner, 'kept')
  for (let i = 0; i < 1000; i++) {
    intern(interner, `series ${i}`)
    assert.equal(intern(interner, 'kept'), kept)
    assert.ok(interner.bytes <= 10_000)
  }
  assert.ok(interner.size > 5 && interner.size < 30)
})

test('it holds what a plain map holds, in whatever order series come and go', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(40), { maxLength: 300 }), (numbers) => {
      const interner = new SeriesInterner({ bytesMax: 6000 })
      for (const number of numbers) {
        const series = intern(interner, `${number}`)
        assert.deepEqual(series.labels, ['__name__', `${number}`])
        assert.equal(intern(interner, `${number}`), series)
        assert.ok(interner.bytes <= 6000)
        assert.ok(interner.size <= 15)
      }
    }),
    { interruptAfterTimeLimit: 1500 },
  )
})

test('a layout comes again for the same series in the same order only', () => {
  const interner = new SeriesInterner({ bytesMax: 1e6, layoutSlotsMax: 5 })
  const [a, b, c] = ['a', 'b', 'c'].map((name) => intern(interner, name)) as [Series, Series, Series]
  const layout = interner.layoutOf([a, b])
  assert.equal(interner.layoutOf([a, b]), layout)
  assert.notEqual(interner.layoutOf([b, a]), layout)
  assert.equal(interner.layoutOf([a, b]), layout)
  interner.layoutOf([c, c, c])
  // Seven slots are more than five: the layout used least recently went, which began with b.
  assert.equal(interner.layoutOf([a, b]), layout)
  assert.deepEqual(interner.layoutOf([a, a, a, a, a, a]).series.length, 6)
})
