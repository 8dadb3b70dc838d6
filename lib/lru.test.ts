// The bounded map: what it forgets, and when.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Lru } from './lru.ts'

test('what was not asked for longest goes first', () => {
  const lru = new Lru<string, number>(2)
  lru.set('a', 1)
  lru.set('b', 2)
  assert.equal(lru.get('a'), 1)
  lru.set('c', 3)
  assert.equal(lru.get('b'), undefined)
  assert.deepEqual([lru.get('a'), lru.get('c'), lru.size], [1, 3, 2])
})

test('setting again makes recent and takes no more room', () => {
  const lru = new Lru<string, number>(2)
  lru.set('a', 1)
  lru.set('b', 2)
  lru.set('a', 4)
  lru.set('c', 3)
  assert.deepEqual([lru.get('a'), lru.get('b'), lru.get('c')], [4, undefined, 3])
})

test('a smaller size forgets the oldest', () => {
  const lru = new Lru<string, number>(3)
  for (const [i, key] of ['a', 'b', 'c'].entries()) lru.set(key, i)
  lru.resize(1)
  assert.deepEqual([lru.get('a'), lru.get('c'), lru.size], [undefined, 2, 1])
  lru.resize(2)
  lru.set('d', 3)
  assert.equal(lru.size, 2)
})

test('with a size of 0 nothing is held', () => {
  const lru = new Lru<string, number>(0)
  lru.set('a', 1)
  assert.deepEqual([lru.get('a'), lru.size], [undefined, 0])
})
