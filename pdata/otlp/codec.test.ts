import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { test } from 'node:test'
import fc from 'fast-check'
import { forEachFace } from './testdata/faces.ts'
import { judgedAgain, judgedBytes, judgedJson } from './testdata/judge.ts'
import { countWire } from './wire.ts'

const runs = { interruptAfterTimeLimit: 1500, numRuns: 200 }

forEachFace((face) => {
  const { signal } = face
  const joined = (batch: Parameters<typeof face.wire>[0]): Uint8Array => new Uint8Array(Buffer.concat(face.wire(batch)))

  test(`${signal}: a tree that is encoded and read again is the same tree`, () => {
    fc.assert(
      fc.property(face.trees, (tree) => {
        const bytes = joined(face.fromTree(tree))
        const batch = face.read(bytes)
        assert.equal(batch.count, face.items(tree).length)
        assert.equal(batch.count, countWire(bytes, face.levels))
        assert.deepEqual(face.tree(batch), tree)
        assert.equal(face.wire(batch)[0], bytes, 'a request is kept as it is')
      }),
      runs,
    )
  })

  test(`${signal}: protobufjs reads what we write, and would write the same bytes`, () => {
    fc.assert(
      fc.property(face.trees, (tree) => {
        const bytes = joined(face.fromTree(tree))
        assert.deepEqual(face.tree(face.fromJson(judgedJson(signal, bytes))), tree)
        assert.deepEqual(judgedAgain(signal, bytes), bytes)
      }),
      runs,
    )
  })

  test(`${signal}: we read what protobufjs writes`, () => {
    fc.assert(
      fc.property(face.trees, (tree) => {
        const bytes = judgedBytes(signal, face.toJson(face.fromTree(tree)))
        assert.deepEqual(face.tree(face.read(bytes)), tree)
      }),
      runs,
    )
  })

  test(`${signal}: JSON that is written and read again is the same tree`, () => {
    fc.assert(
      fc.property(face.trees, (tree) => {
        assert.deepEqual(face.tree(face.fromJson(face.toJson(face.fromTree(tree)))), tree)
      }),
      runs,
    )
  })

  test(`${signal}: parts keep every item, are full and can be joined again`, () => {
    fc.assert(
      fc.property(
        fc.array(face.trees, { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 1, max: 12 }),
        (trees, max) => {
          const whole = face.merge(trees.map((tree) => face.read(joined(face.fromTree(tree)))))
          const items = trees.flatMap(face.items)
          assert.equal(whole.count, items.length)
          const parts = face.split(whole, max)
          parts.forEach((part, i) => {
            assert.equal(part.count, i < parts.length - 1 ? max : part.count)
            assert.ok(part.count <= max)
            assert.equal(face.read(joined(part)).count, part.count)
          })
          assert.deepEqual(
            parts.flatMap((part) => face.items(face.tree(part))),
            items,
          )
          assert.deepEqual(face.items(face.tree(face.merge(parts))), items)
        },
      ),
      runs,
    )
  })

  test(`${signal}: batches that are trees are joined as trees`, () => {
    fc.assert(
      fc.property(fc.array(face.trees, { minLength: 1, maxLength: 3 }), (trees) => {
        const whole = face.merge(trees.map(face.fromTree))
        assert.deepEqual(face.items(face.tree(whole)), trees.flatMap(face.items))
        assert.equal(face.read(joined(whole)).count, whole.count)
      }),
      { ...runs, numRuns: 50 },
    )
  })

  test(`${signal}: an own tree is the batch's own one only where nobody else has the batch`, () => {
    fc.assert(
      fc.property(face.trees, (tree) => {
        assert.equal(face.own(face.fromTree(tree)), tree)
        const decoded = face.read(joined(face.fromTree(tree)))
        const first = face.tree(decoded)
        assert.equal(face.own(decoded), first)
        assert.notEqual(face.tree(decoded), first, 'the wire form is still what it was')
        const shared = face.fromTree(tree)
        face.share(shared)
        const own = face.own(shared)
        assert.notEqual(own, tree)
        assert.deepEqual(own, tree)
        const wire = face.read(joined(face.fromTree(tree)))
        face.share(wire)
        assert.notEqual(face.own(wire), face.tree(wire))
      }),
      { ...runs, numRuns: 50 },
    )
  })
})
