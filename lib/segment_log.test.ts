import assert from 'node:assert/strict'
import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import fc from 'fast-check'
import { SegmentLog, type SegmentLogOptions } from '#lib/segment_log'

let directory: string
let damage: string[]

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'segment-log-'))
  damage = []
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const options = (more: Partial<SegmentLogOptions> = {}): SegmentLogOptions => ({
  directory,
  segmentBytesMax: 200,
  recordBytesMax: 1000,
  onDamage: (message) => damage.push(message),
  ...more,
})
const payload = (text: string): Uint8Array => Buffer.from(text)
const segments = (): string[] =>
  readdirSync(directory)
    .filter((name) => name.endsWith('.seg'))
    .sort()

async function readAll(log: SegmentLog): Promise<string[]> {
  const out: string[] = []
  for (let record = await log.read(); record; record = await log.read())
    out.push(Buffer.from(record.payload).toString())
  return out
}

describe('a segment log', () => {
  it('gives back records in order, over segments and over a restart', async () => {
    const log = await SegmentLog.open(options())
    const texts = Array.from({ length: 50 }, (_, i) => `record ${i}`)
    for (const text of texts) await log.append([payload(text)])
    assert.ok(segments().length > 3)
    await log.close()
    const again = await SegmentLog.open(options())
    assert.deepEqual(await readAll(again), texts)
    assert.equal(again.drained, true)
    await again.close()
  })

  it('goes on behind what was committed, and deletes segments that are done with', async () => {
    const log = await SegmentLog.open(options())
    for (let i = 0; i < 50; i++) await log.append([payload(`record ${i}`)])
    const before = segments().length
    for (let i = 0; i < 30; i++) {
      const record = await log.read()
      assert.ok(record)
      await log.commit(record.end)
    }
    assert.ok(segments().length < before)
    await log.close()
    const again = await SegmentLog.open(options())
    assert.equal((await readAll(again))[0], 'record 30')
    await again.close()
  })

  it('leaves no file behind when everything is committed', async () => {
    const log = await SegmentLog.open(options())
    const [end] = await log.append([payload('one')])
    assert.ok(end)
    assert.equal(log.bytes, 8 + 3)
    await log.read()
    await log.commit(end)
    assert.equal(log.bytes, 0)
    await log.close()
    assert.deepEqual(readdirSync(directory), [])
  })

  it('cuts off a torn tail and keeps what stands before it', async () => {
    const log = await SegmentLog.open(options({ segmentBytesMax: 10_000 }))
    await log.append([payload('whole'), payload('also whole')])
    await log.close()
    appendFileSync(join(directory, segments()[0] as string), Buffer.from([9, 0, 0, 0, 1, 2, 3, 4, 5]))
    const again = await SegmentLog.open(options())
    assert.deepEqual(await readAll(again), ['whole', 'also whole'])
    assert.match(damage.join(), /Cut 9 bytes off/)
    await again.close()
  })

  it('sets a file that is no segment aside and reads the others', async () => {
    const log = await SegmentLog.open(options({ segmentBytesMax: 15 }))
    for (const text of ['one', 'two', 'three']) await log.append([payload(text)])
    await log.close()
    const [first] = segments()
    writeFileSync(join(directory, first as string), 'garbage that is no segment')
    const again = await SegmentLog.open(options())
    assert.deepEqual(await readAll(again), ['two', 'three'])
    assert.ok(existsSync(join(directory, `${first}.damaged`)))
    assert.equal(damage.length, 1)
    await again.close()
  })

  it('cuts a segment at the first record whose checksum is wrong', async () => {
    const log = await SegmentLog.open(options({ segmentBytesMax: 10_000 }))
    await log.append([payload('good'), payload('flipped'), payload('behind')])
    await log.close()
    const path = join(directory, segments()[0] as string)
    const bytes = readFileSync(path)
    bytes[bytes.indexOf('flipped')] = 0
    writeFileSync(path, bytes)
    const again = await SegmentLog.open(options())
    assert.deepEqual(await readAll(again), ['good'])
    assert.equal(damage.length, 1)
    await again.close()
  })

  it('drops the oldest segment whole and hands out what was in it', async () => {
    const log = await SegmentLog.open(options({ segmentBytesMax: 40 }))
    for (const text of ['a'.repeat(30), 'b'.repeat(30), 'c'.repeat(30)]) await log.append([payload(text)])
    const dropped = await log.dropOldest()
    assert.deepEqual(
      dropped.payloads.map((p) => Buffer.from(p).toString()[0]),
      ['a'],
    )
    assert.equal((await readAll(log)).length, 2)
    await log.close()
  })

  it('does not read again what the caller skipped', async () => {
    const log = await SegmentLog.open(options({ segmentBytesMax: 10_000 }))
    const ends = await log.append([payload('kept'), payload('read')])
    log.skipTo(ends[0] as (typeof ends)[number])
    assert.deepEqual(await readAll(log), ['read'])
    await log.close()
  })

  it('survives any damage to any byte without throwing', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 12 }),
        fc.nat(),
        fc.nat(255),
        async (payloads, where, byte) => {
          for (const name of readdirSync(directory)) rmSync(join(directory, name))
          const log = await SegmentLog.open(options())
          for (const p of payloads) await log.append([p])
          await log.close()
          const names = segments()
          const path = join(directory, names[where % names.length] as string)
          const bytes = readFileSync(path)
          bytes[where % bytes.length] = byte
          writeFileSync(path, bytes)
          const again = await SegmentLog.open(options())
          const read = await readAll(again)
          assert.ok(read.length <= payloads.length)
          await again.close()
        },
      ),
      { numRuns: 60 },
    )
  })
})
