import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { test } from 'node:test'
import fc from 'fast-check'
import { readTracesRequest, tracesTree, tracesWire } from './batches.ts'
import { Traces } from '../signals.ts'
import { tracesTrees } from './testdata/trees.ts'
import { WireCursor, wireVarint } from './wire.ts'
import { WireBuilder } from './wire_builder.ts'

test('cursors find every span and its attributes without decoding', () => {
  const group = new WireCursor()
  const scope = new WireCursor()
  const span = new WireCursor()
  const field = new WireCursor()
  const entry = new WireCursor()
  fc.assert(
    fc.property(tracesTrees, (tree) => {
      const names: string[] = []
      const keys: string[] = []
      for (const chunk of tracesWire(Traces.fromTree(tree))) {
        group.reset(chunk)
        while (group.next()) {
          scope.enter(group)
          while (scope.seek(0x12)) {
            span.enter(scope)
            while (span.seek(0x12)) {
              let name = ''
              field.enter(span)
              while (field.next()) {
                if (field.tag === 0x2a) name = Buffer.from(field.value()).toString()
                if (field.tag !== 0x4a) continue
                entry.enter(field)
                keys.push(entry.seek(0x0a) ? Buffer.from(entry.value()).toString() : '')
              }
              names.push(name)
            }
          }
        }
      }
      const spans = tree.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((each) => each.spans))
      assert.deepEqual(
        names,
        spans.map(({ name }) => name),
      )
      assert.deepEqual(
        keys,
        spans.flatMap(({ attributes }) => attributes.map(({ key }) => key)),
      )
    }),
    { interruptAfterTimeLimit: 1500, numRuns: 200 },
  )
})

test('a cursor tells the tag, the value and the bytes of a field of any wire type', () => {
  const fields = [
    [0x30, 0x83, 0x01],
    [0x85, 0x01, 1, 2, 3, 4],
    [0x39, 1, 2, 3, 4, 5, 6, 7, 8],
    [0x2a, 0x02, 0x61, 0x62],
    [0xc3, 0x3e, 0x08, 0x01, 0xc4, 0x3e],
    [0x12, 0x00],
  ]
  const bytes = Uint8Array.from(fields.flat())
  const cursor = new WireCursor()
  cursor.reset(bytes)
  const seen: number[][] = []
  while (cursor.next()) {
    seen.push([cursor.tag, cursor.fieldStart, cursor.start, cursor.end])
    if (cursor.tag === 0x30) assert.equal(cursor.uint32(), 131)
    if (cursor.tag === 0x2a) {
      assert.ok(cursor.equals(Buffer.from('ab')))
      assert.ok(!cursor.equals(Buffer.from('ac')))
      assert.ok(!cursor.equals(Buffer.from('a')))
    }
  }
  assert.deepEqual(seen, [
    [0x30, 0, 1, 3],
    [0x85, 3, 5, 9],
    [0x39, 9, 10, 18],
    [0x2a, 18, 20, 22],
    [0x1f43, 22, 24, 28],
    [0x12, 28, 30, 30],
  ])
  assert.equal(wireVarint(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0f), 0), 0xffffffff)
})

test('a chunk that is a view of larger memory is read as itself', () => {
  const memory = new Uint8Array(20).fill(0xff)
  memory.set([0x0a, 0x04, 0x12, 0x02, 0x12, 0x00], 7)
  const batch = readTracesRequest(memory.subarray(7, 13))
  assert.equal(batch.count, 1)
})

/** Every span of a chunk without the attributes called `GET` and with another one in front. */
function edited(chunk: Uint8Array): Uint8Array {
  const [group, scope, span, field, entry] = Array.from({ length: 5 }, () => new WireCursor()) as [
    WireCursor,
    WireCursor,
    WireCursor,
    WireCursor,
    WireCursor,
  ]
  const builder = new WireBuilder()
  const dropped = Buffer.from('GET')
  group.reset(chunk)
  while (group.next()) {
    builder.open(group.tag)
    scope.enter(group)
    while (scope.next()) {
      if (scope.tag !== 0x12) {
        builder.copy(scope)
        continue
      }
      builder.open(scope.tag)
      span.enter(scope)
      while (span.next()) {
        if (span.tag !== 0x12) {
          builder.copy(span)
          continue
        }
        builder.open(span.tag)
        builder.attribute(0x4a, 'new', ['x', 1n])
        field.enter(span)
        while (field.next()) {
          entry.enter(field)
          if (field.tag === 0x4a && entry.seek(0x0a) && entry.equals(dropped)) continue
          builder.copy(field)
        }
        builder.close()
      }
      builder.close()
    }
    builder.close()
  }
  return builder.take()
}

test('what is edited on the wire is what editing the tree gives', () => {
  fc.assert(
    fc.property(tracesTrees, (tree) => {
      const bytes = edited(tracesWire(Traces.fromTree(tree))[0]!)
      for (const { scopeSpans } of tree.resourceSpans) {
        for (const { spans } of scopeSpans) {
          for (const span of spans) {
            span.attributes = [{ key: 'new', value: ['x', 1n] }, ...span.attributes.filter(({ key }) => key !== 'GET')]
          }
        }
      }
      assert.deepEqual(tracesTree(readTracesRequest(bytes)), tree)
    }),
    { interruptAfterTimeLimit: 1500, numRuns: 200 },
  )
})

test('a builder says what is open', () => {
  const builder = new WireBuilder()
  assert.throws(() => builder.close(), /none is open/)
  builder.open(0x0a)
  assert.throws(() => builder.take(), /1 fields are open/)
})
