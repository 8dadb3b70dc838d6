import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { Capsule } from '#component'
import { AuthError, type OtelExtension } from '#component/otel_extension'
import { decoded, TestHost, type Written } from '#component/test_host'
import { bearerTokenAuthExtension } from './component.ts'

const directory = mkdtempSync(join(tmpdir(), 'solder-bearer-'))
after(() => rmSync(directory, { recursive: true }))

async function extension(written: Written): Promise<OtelExtension> {
  const host = new TestHost()
  const settings = decoded(bearerTokenAuthExtension.settings, written)
  await bearerTokenAuthExtension.create(host, settings, { metrics: [], logs: [], traces: [] })
  return (host.exports['handler'] as Capsule).value as OtelExtension
}

test('clients send the token, servers compare it', async () => {
  const { clientAuth, serverAuth } = await extension({ token: 'abc' })
  assert.deepEqual(await clientAuth?.headers(null, {}), { authorization: 'Bearer abc' })
  assert.ok(await serverAuth?.authenticate({ authorization: 'Bearer abc' }))
  for (const value of ['Bearer abd', 'abc', 'bearer abc', '']) {
    await assert.rejects(async () => serverAuth?.authenticate({ authorization: value }), AuthError, value)
  }
})

test('another header, another scheme, several tokens, a file that changes', async () => {
  const keyed = await extension({ header: 'X-Api-Key', scheme: '', tokens: ['a', 'b'] })
  assert.deepEqual(await keyed.clientAuth?.headers(null, {}), { 'x-api-key': 'a' })
  assert.ok(await keyed.serverAuth?.authenticate({ 'x-api-key': 'b' }))
  const file = join(directory, 'tokens')
  writeFileSync(file, 'one\n')
  const fromFile = await extension({ filename: file })
  assert.deepEqual(await fromFile.clientAuth?.headers(null, {}), { authorization: 'Bearer one' })
  writeFileSync(file, 'two\none\n')
  assert.deepEqual(await fromFile.clientAuth?.headers(null, {}), { authorization: 'Bearer two' })
  assert.ok(await fromFile.serverAuth?.authenticate({ authorization: 'Bearer one' }))
})

test('credentials that are missing, doubled or unreadable are refused', async () => {
  await assert.rejects(() => extension({}), /no bearer token provided/)
  await assert.rejects(() => extension({ token: 'a', tokens: ['b'] }), /not both/)
  await assert.rejects(() => extension({ filename: join(directory, 'none') }), /Cannot read the tokens: ENOENT/)
})
