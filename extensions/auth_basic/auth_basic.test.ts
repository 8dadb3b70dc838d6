import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import bcrypt from 'bcryptjs'
import type { Capsule } from '#component'
import { AuthError, type OtelExtension } from '#component/otel_extension'
import { decoded, TestHost, type Written } from '#component/test_host'
import { basicAuthExtension, otelcolAuthBasic } from './component.ts'
import { apacheMd5, parseHtpasswd, passwordMatches } from './htpasswd.ts'

const directory = mkdtempSync(join(tmpdir(), 'solder-basic-'))
after(() => rmSync(directory, { recursive: true }))

const none = { metrics: [], logs: [], traces: [] }

async function yaml(written: Written): Promise<OtelExtension> {
  const host = new TestHost()
  await basicAuthExtension.create(host, decoded(basicAuthExtension.settings, written), none)
  return (host.exports['handler'] as Capsule).value as OtelExtension
}

async function alloy(written: Written): Promise<OtelExtension> {
  const host = new TestHost()
  await otelcolAuthBasic.create(host, decoded(otelcolAuthBasic.settings, written))
  return (host.exports['handler'] as Capsule).value as OtelExtension
}

const header = (user: string, password: string): { authorization: string } => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
})

test('passwords match their hashes of every kind, and no others', async () => {
  const openssl = (salt: string, password: string): string =>
    execFileSync('openssl', ['passwd', '-apr1', '-salt', salt, password]).toString().trim()
  const hashes = {
    plain: 's3cret',
    sha: '{SHA}' + execFileSync('sh', ['-c', 'printf s3cret | openssl dgst -sha1 -binary | base64']).toString().trim(),
    apr1: openssl('abcdefgh', 's3cret'),
    bcrypt: bcrypt.hashSync('s3cret', 4),
  }
  for (const [name, hash] of Object.entries(hashes)) {
    assert.equal(await passwordMatches('s3cret', hash), true, name)
    assert.equal(await passwordMatches('s3cret ', hash), false, name)
    assert.equal(await passwordMatches('', hash), false, name)
  }
  for (const password of ['a', 'sixteen letters.', 'a password that is longer than sixteen bytes', 'päss']) {
    assert.equal(apacheMd5(password, 'Xy12'), openssl('Xy12', password))
  }
})

test('htpasswd texts', () => {
  assert.deepEqual(
    [...parseHtpasswd('# users\n\na:x\nb:y:z\na:w\n')],
    [
      ['a', 'w'],
      ['b', 'y:z'],
    ],
  )
  assert.throws(() => parseHtpasswd('a:x\nnobody'), /Cannot read line 2 of the htpasswd text/)
})

test('clients send what is configured, files are read for every request', async () => {
  const file = join(directory, 'password')
  writeFileSync(file, 'one\n')
  const extension = await yaml({ client_auth: { username: 'u', password_file: file } })
  assert.deepEqual(await extension.clientAuth?.headers(null, { a: 'b' }), { a: 'b', ...header('u', 'one') })
  writeFileSync(file, 'two\n')
  assert.deepEqual(await extension.clientAuth?.headers(null, {}), header('u', 'two'))
  assert.equal(extension.serverAuth, undefined)
})

test('servers let in whom the htpasswd names', async () => {
  const { serverAuth } = await yaml({ htpasswd: { inline: 'alice:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\nbob:pw' } })
  assert.equal((await serverAuth?.authenticate(header('alice', 'secret')))?.get('username'), 'alice')
  assert.equal((await serverAuth?.authenticate(header('bob', 'pw')))?.get('username'), 'bob')
  for (const headers of [header('alice', 'x'), header('eve', 'pw'), {}, { authorization: 'Bearer x' }]) {
    await assert.rejects(async () => serverAuth?.authenticate(headers), AuthError)
  }
})

test("Alloy's plain user name and password are for both sides", async () => {
  const extension = await alloy({ username: 'u', password: 'p' })
  assert.deepEqual(await extension.clientAuth?.headers(null, {}), header('u', 'p'))
  assert.equal((await extension.serverAuth?.authenticate(header('u', 'p')))?.get('username'), 'u')
})

test('an extension without any credentials is refused', async () => {
  await assert.rejects(() => yaml({}), /no credential source provided/)
  await assert.rejects(() => yaml({ htpasswd: { file: join(directory, 'none') } }), /Cannot use htpasswd: ENOENT/)
})
