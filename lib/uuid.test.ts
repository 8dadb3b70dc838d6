import assert from 'node:assert/strict'
import { test } from 'node:test'
import { uuid4, uuid7 } from './uuid.ts'

test('UUIDs carry their version, variant and time', () => {
  assert.equal(uuid4(new Uint8Array(16)), '00000000-0000-4000-8000-000000000000')
  assert.equal(uuid4(new Uint8Array(16).fill(255)), 'ffffffff-ffff-4fff-bfff-ffffffffffff')
  assert.equal(uuid7(new Uint8Array(16), 1_700_000_000_123.9), '018bcfe5-687b-7000-8000-000000000000')
})
