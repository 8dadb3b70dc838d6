import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { bunzip2, Bzip2Error } from './bzip2.ts'

async function out(bytes: Uint8Array, chunkBytes = 1 << 16): Promise<Buffer> {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes)
  }
  const parts: Buffer[] = []
  for await (const part of bunzip2(chunks())) parts.push(part)
  return Buffer.concat(parts)
}

const packed = 'QlpoOTFBWSZTWfVzUGYAAArBgYAQJkSQgACAAAggADEA000CUhk2R13kTQQl5uTFVhou5IpwoSHq5qDM'
const text = `hello\nworld\n${'a'.repeat(1000)}\n`

test('What the reference implementation made comes out again, in whatever chunks it comes', async () => {
  const bytes = Buffer.from(packed, 'base64')
  for (const chunkBytes of [1, 7, 1000]) assert.equal((await out(bytes, chunkBytes)).toString(), text)
  assert.equal((await out(Buffer.concat([bytes, bytes]))).toString(), text + text, 'streams one after the other')
})

test('What breaks off or was changed is told', async () => {
  const bytes = Buffer.from(packed, 'base64')
  for (let length = 0; length < bytes.length; length++) {
    await assert.rejects(out(bytes.subarray(0, length)), Bzip2Error, `after ${length} bytes`)
  }
  for (let at = 0; at < bytes.length - 10; at++) {
    const changed = Buffer.from(bytes)
    changed[at] = (changed[at] as number) ^ 0x41
    // A bit in a table that no symbol uses changes nothing.
    await out(changed).then(
      (got) => assert.equal(got.toString(), text),
      (error: unknown) => assert.ok(error instanceof Bzip2Error, String(error)),
    )
  }
})

test('Many blocks of the program bzip2 come out again, where there is that program', async () => {
  let seed = 1
  const lines: string[] = []
  for (let i = 0; i < 30_000; i++) {
    seed = (seed * 48_271) % 2_147_483_647
    lines.push(`${i} ${seed} ${'='.repeat(seed % 300)}\n`)
  }
  const all = Buffer.from(lines.join(''))
  const made = spawnSync('bzip2', ['-1c'], { input: all, maxBuffer: 1 << 28 })
  if (made.error !== undefined) return // Not everybody has it; the bytes above are its too.
  assert.ok((await out(made.stdout)).equals(all))
})
