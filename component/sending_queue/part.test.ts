import assert from 'node:assert/strict'
import { test } from 'node:test'
import { anyLane, decodePart, encodePart, partBytes, type QueuePart } from './part.ts'

const part: QueuePart = {
  kind: 17,
  bytes: Uint8Array.of(1, 2),
  items: 3,
  extra: 4,
  mergeable: true,
  lane: anyLane,
  createdMs: 1_700_000_000_000.5,
}

const cases: readonly { name: string; given: QueuePart; bytes: readonly number[] }[] = [
  { name: 'one piece', given: part, bytes: [1, 2] },
  {
    name: 'several pieces, of which one is empty',
    given: { ...part, rest: [Uint8Array.of(3), new Uint8Array(0), Uint8Array.of(4, 5)] },
    bytes: [1, 2, 3, 4, 5],
  },
  { name: 'nothing', given: { ...part, bytes: new Uint8Array(0), mergeable: false }, bytes: [] },
]

for (const { name, given, bytes } of cases) {
  test(`a part of ${name} comes back from disk in one`, () => {
    assert.equal(partBytes(given), bytes.length)
    const back = decodePart(encodePart(given))
    assert.ok(back)
    const { rest: _, ...whole } = given
    assert.deepEqual({ ...back, bytes: [...back.bytes] }, { ...whole, bytes })
  })
}

test('a record of another version is none', () => {
  const record = encodePart(part)
  record[0] = 99
  assert.equal(decodePart(record), undefined)
  assert.equal(decodePart(new Uint8Array(3)), undefined)
})
