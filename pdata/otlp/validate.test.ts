import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { test } from 'node:test'
import fc from 'fast-check'
import { ByteWriter } from '#lib/byte_writer'
import {
  readLogsRequest,
  readMetricsRequest,
  readTracesRequest,
  splitTraces,
  tracesFromJson,
  tracesTree,
} from './batches.ts'
import { encodeTraces } from './encode.ts'
import { OtlpError } from './error.ts'
import { forEachFace } from './testdata/faces.ts'
import { anyValueDepthMax, messagesMax } from './validate.ts'

/** A length-delimited field. */
function field(number: number, ...content: (Uint8Array | string | number[])[]): Uint8Array {
  const parts = content.map((part) => (typeof part === 'string' ? Buffer.from(part) : Uint8Array.from(part)))
  const writer = new ByteWriter()
  writer.varint(number * 8 + 2)
  const body = Buffer.concat(parts)
  writer.varint(body.length)
  writer.bytes(body)
  return writer.take()
}

const inSpan = (...content: (Uint8Array | number[])[]): Uint8Array => field(1, field(2, field(2, ...content)))
const attribute = (key: string, value: Uint8Array | number[]): Uint8Array => field(9, field(1, key), field(2, value))
const spanOf = (bytes: Uint8Array) => tracesTree(readTracesRequest(bytes)).resourceSpans[0]!.scopeSpans[0]!.spans[0]!

/** A span's attribute whose value is in `depth` arrays. */
function nested(depth: number): Uint8Array {
  let value = field(1, 'x')
  for (let i = 0; i < depth; i++) value = field(5, field(1, value))
  return inSpan(attribute('k', value))
}

const refused: { name: string; bytes: Uint8Array; why: RegExp }[] = [
  {
    name: 'a resource longer than the request',
    bytes: Uint8Array.of(0x0a, 0x05, 0x01),
    why: /5 bytes goes beyond.*byte 2/,
  },
  { name: 'a tag without a value', bytes: Uint8Array.of(0x0a), why: /a length is missing/ },
  { name: 'a length without an end', bytes: Uint8Array.of(0x0a, 0xff), why: /has no end/ },
  { name: 'a length above 2^32', bytes: Uint8Array.of(0x0a, 0xff, 0xff, 0xff, 0xff, 0x7f), why: /too large/ },
  { name: 'a field with the number 0', bytes: Uint8Array.of(0x02, 0x00), why: /number 0/ },
  { name: 'the wire type 6', bytes: Uint8Array.of(0x26, 0x00), why: /wire type 6/ },
  { name: 'a resource that is a varint', bytes: Uint8Array.of(0x08, 0x01), why: /field 1 has the wire type 0/ },
  { name: 'a group that ends alone', bytes: Uint8Array.of(0x24), why: /did not begin/ },
  { name: 'a group that does not end', bytes: Uint8Array.of(0x23), why: /no end/ },
  { name: 'groups in groups', bytes: new Uint8Array(1000).fill(0x23), why: /nested deeper/ },
  { name: 'a trace id of 15 bytes', bytes: inSpan(field(1, new Uint8Array(15))), why: /15 bytes instead of 16/ },
  { name: 'a span id of 9 bytes', bytes: inSpan(field(2, new Uint8Array(9))), why: /9 bytes instead of 8/ },
  { name: 'a parent of one byte', bytes: inSpan(field(4, new Uint8Array(1))), why: /1 bytes instead of 8/ },
  { name: 'a time cut short', bytes: inSpan([0x39, 1, 2, 3]), why: /beyond its end in Span/ },
  {
    name: 'a varint of eleven bytes',
    bytes: inSpan([0x30, ...new Array<number>(10).fill(0x80), 0]),
    why: /has no end/,
  },
  { name: 'a name that is not UTF-8', bytes: inSpan(field(5, [0x61, 0xff])), why: /not UTF-8 in Span/ },
  { name: 'a key that is not UTF-8', bytes: inSpan(field(9, field(1, [0xc0, 0x80]))), why: /UTF-8 in KeyValue/ },
  {
    name: 'half a surrogate pair',
    bytes: inSpan(attribute('k', field(1, [0xed, 0xa0, 0x80]))),
    why: /UTF-8 in AnyValue/,
  },
  { name: 'values in too many arrays', bytes: nested(anyValueDepthMax), why: /deeper than 64/ },
  { name: 'values in very many arrays', bytes: nested(5000), why: /deeper than 64/ },
]

for (const { name, bytes, why } of refused) {
  test(`refuses ${name}`, () => {
    assert.throws(
      () => readTracesRequest(bytes),
      (error) => error instanceof OtlpError && why.test(error.message) && error.offset >= 0,
    )
  })
}

test('refuses packed numbers of 8 bytes that are cut short, and takes them one by one', () => {
  const points = (content: Uint8Array): Uint8Array => field(1, field(2, field(2, field(9, field(1, content)))))
  assert.throws(() => readMetricsRequest(points(field(6, new Uint8Array(12)))), /have 12 bytes/)
  assert.equal(readMetricsRequest(points(field(6, new Uint8Array(16)))).count, 1)
  assert.equal(readMetricsRequest(points(Uint8Array.of(0x31, 1, 0, 0, 0, 0, 0, 0, 0))).count, 1)
})

test('refuses more messages than would fit into memory as objects', () => {
  const spans = new Uint8Array(messagesMax * 2)
  for (let i = 0; i < spans.length; i += 2) spans[i] = 0x12
  assert.throws(
    () => readTracesRequest(field(1, field(2, spans))),
    /more messages than 4000000: current value is 4000002/,
  )
  assert.equal(readTracesRequest(field(1, field(2, spans.subarray(4)))).count, messagesMax - 2)
  assert.throws(() => tracesFromJson(`{"resourceSpans":[${'0,'.repeat(messagesMax)}0]}`), /above 4000000 messages/)
})

test('takes what is empty, and the deepest values allowed', () => {
  assert.equal(readTracesRequest(new Uint8Array(0)).count, 0)
  assert.equal(readLogsRequest(field(1)).count, 0)
  assert.equal(readTracesRequest(nested(anyValueDepthMax - 1)).count, 1)
})

test('fields that are not known are kept at every level, in order', () => {
  const unknown = Buffer.concat([
    Uint8Array.of(0xc0, 0x3e, 0x05),
    field(1000, 'old'),
    Uint8Array.of(0xf9, 0x3e, 1, 2, 3, 4, 5, 6, 7, 8),
    Uint8Array.of(0xfd, 0x3e, 1, 2, 3, 4),
    Uint8Array.of(0xc3, 0x3e, 0x08, 0x01, 0xc4, 0x3e),
  ])
  const bytes = Buffer.concat([
    field(
      1,
      field(1, unknown),
      field(
        2,
        field(1, unknown),
        field(2, field(11, unknown), field(13, unknown), field(15, unknown), unknown),
        unknown,
      ),
      unknown,
    ),
  ])
  const tree = tracesTree(readTracesRequest(bytes))
  const group = tree.resourceSpans[0]!
  const span = group.scopeSpans[0]!.spans[0]!
  for (const message of [
    group,
    group.resource,
    group.scopeSpans[0]!,
    group.scopeSpans[0]!.scope,
    span,
    span.events[0]!,
    span.links[0]!,
    span.status,
  ]) {
    assert.deepEqual(Buffer.from(message.unknown!), unknown)
  }
  assert.deepEqual(Buffer.from(encodeTraces(tree)), bytes)
})

test('very many fields that are not known are kept in time in proportion to them', () => {
  // Each between two known fields: copying what was kept before for each of them would take minutes.
  const pairs = new Uint8Array(1_000_000)
  for (let i = 0; i < pairs.length; i += 5) pairs.set([0x4a, 0x00, 0x98, 0x06, 0x01], i)
  const span = spanOf(inSpan(pairs))
  assert.equal(span.unknown!.length, (pairs.length / 5) * 3)
})

test('keys that look alike are told apart', () => {
  const keys = ['a', 'a', 'Ã©', 'é', 'a', 'b', '', 'é']
  for (const key of keys) {
    const spans = [key, ...keys].map((each) => field(2, attribute(each, field(1, each))))
    const { scopeSpans } = tracesTree(readTracesRequest(field(1, field(2, ...spans)))).resourceSpans[0]!
    assert.deepEqual(
      scopeSpans[0]!.spans.map(({ attributes }) => attributes[0]),
      [key, ...keys].map((each) => ({ key: each, value: each })),
    )
  }
})

test('numbers at their limits', () => {
  const int = (...bytes: number[]): unknown => spanOf(inSpan(attribute('k', [0x18, ...bytes]))).attributes[0]!.value
  assert.equal(int(0x00), 0n)
  assert.equal(int(...new Array<number>(9).fill(0xff), 0x01), -1n)
  assert.equal(int(...new Array<number>(9).fill(0x80), 0x01), -(2n ** 63n))
  assert.equal(int(...new Array<number>(8).fill(0xff), 0x7f), 2n ** 63n - 1n)
  assert.equal(int(0x80, 0x00), 0n, 'longer than needed')
  const bool = (...bytes: number[]): unknown => spanOf(inSpan(attribute('k', [0x10, ...bytes]))).attributes[0]!.value
  assert.equal(bool(0x80, 0x80, 0x80, 0x80, 0x80, 0x01), true, 'only a high bit is set')
  const { kind, droppedAttributesCount } = spanOf(
    inSpan([0x30, ...new Array<number>(9).fill(0xff), 0x01, 0x50, 0xff, 0x01]),
  )
  assert.equal(kind, -1)
  assert.equal(droppedAttributesCount, 255)
})

test('where a field comes twice the last one counts, messages are joined, and the wire form is plain', () => {
  const resource = (name: string): Uint8Array => field(1, field(1, field(1, name), field(2, field(1, 'v'))))
  const span = field(
    2,
    field(5, 'first'),
    field(5, 'second'),
    field(9, field(1, 'k'), field(2, field(1, 'text'), [0x18, 0x07])),
    field(9, field(1, 'm'), field(2, field(1, 'text')), field(2)),
  )
  const bytes = field(1, resource('a'), field(2, span), resource('b'))
  const batch = readTracesRequest(bytes)
  const { resource: joined, scopeSpans } = tracesTree(batch).resourceSpans[0]!
  assert.deepEqual(
    joined.attributes.map(({ key }) => key),
    ['a', 'b'],
  )
  const { name, attributes } = scopeSpans[0]!.spans[0]!
  assert.equal(name, 'second')
  assert.deepEqual(attributes, [
    { key: 'k', value: 7n },
    { key: 'm', value: 'text' },
  ])
  assert.notDeepEqual(batch.wire![0], bytes)
  assert.equal(readTracesRequest(batch.wire![0]!).wire![0], batch.wire![0])
})

test('of a metric with two kinds of data the last one counts', () => {
  const point = field(1, Uint8Array.of(0x19, 1, 0, 0, 0, 0, 0, 0, 0))
  const batch = readMetricsRequest(field(1, field(2, field(2, field(5, point, point), field(7, point)))))
  assert.equal(batch.count, 1)
})

forEachFace((face) => {
  const { signal } = face

  test(`${signal}: whatever the bytes are, they are refused or can be used`, () => {
    fc.assert(
      fc.property(face.trees, fc.array(fc.tuple(fc.nat(), fc.nat(255), fc.nat(3)), { maxLength: 4 }), (tree, edits) => {
        let bytes = new Uint8Array(Buffer.concat(face.wire(face.fromTree(tree))))
        for (const [at, byte, kind] of edits) {
          const place = bytes.length === 0 ? 0 : at % bytes.length
          if (kind === 0) bytes = bytes.slice(0, place)
          else if (kind === 1) bytes = Uint8Array.from([...bytes.slice(0, place), byte, ...bytes.slice(place)])
          else if (place < bytes.length) bytes[place] = byte
        }
        useIfValid(bytes)
      }),
      { interruptAfterTimeLimit: 1500, numRuns: 1000 },
    )
  })

  test(`${signal}: random bytes are refused or can be used`, () => {
    const likely = fc.constantFrom(0x0a, 0x12, 0x1a, 0x10, 0x02, 0x04, 0x08, 0x00, 0x80, 0x23, 0x24, 0x21, 0x31)
    fc.assert(
      fc.property(fc.array(fc.oneof(likely, fc.nat(255)), { maxLength: 60 }), (bytes) => {
        useIfValid(Uint8Array.from(bytes))
      }),
      { interruptAfterTimeLimit: 1500, numRuns: 5000 },
    )
  })

  function useIfValid(bytes: Uint8Array): void {
    let batch
    try {
      batch = face.read(bytes)
    } catch (error) {
      assert.ok(error instanceof OtlpError, String(error))
      return
    }
    const tree = face.tree(batch)
    assert.equal(face.items(tree).length, batch.count)
    const parts = face.split(batch, 2)
    assert.deepEqual(
      parts.flatMap((part) => face.items(face.tree(part))),
      face.items(tree),
    )
    const again = face.read(new Uint8Array(Buffer.concat(face.wire(face.fromTree(tree)))))
    assert.deepEqual(face.tree(again), tree)
  }
})

test('splitting takes time in proportion to the bytes, not to the parts', () => {
  // 200,000 empty spans: with a walk for each part this would take minutes.
  const spans = new Uint8Array(400_000)
  for (let i = 0; i < spans.length; i += 2) spans[i] = 0x12
  const batch = readTracesRequest(field(1, field(2, spans)))
  assert.equal(batch.count, 200_000)
  assert.equal(splitTraces(batch, 1).length, 200_000)
})
