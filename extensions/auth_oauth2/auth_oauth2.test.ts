import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import type { Capsule } from '#component'
import type { OtelExtension } from '#component/otel_extension'
import { decoded, problemsOf, TestHost } from '#component/test_host'
import { oauth2ClientExtension } from './component.ts'

test('a token is had once from the (fake) token server, with the parameters given, and sent until it expires', async (t) => {
  const asked: string[] = []
  const server = createServer((request, response) => {
    let text = ''
    request.on('data', (data: Buffer) => void (text += data.toString()))
    request.on('end', () => {
      asked.push(`${request.headers.authorization} ${text}`)
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ access_token: `t${asked.length}`, expires_in: 400 }))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const create = async (more: Record<string, string>): Promise<OtelExtension> => {
    const host = new TestHost()
    const component = await oauth2ClientExtension.create(
      host,
      decoded(oauth2ClientExtension.settings, {
        client_id: 'me',
        client_secret: 's',
        token_url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
        scopes: ['a', 'b'],
        endpoint_params: new Map([['audience', ['x', 'y']]]),
        ...more,
      }),
      { metrics: [], logs: [], traces: [] },
    )
    t.after(() => component.stop(100))
    return (host.exports['handler'] as Capsule).value as OtelExtension
  }
  const extension = await create({})
  assert.deepEqual(await extension.clientAuth?.headers(null, { a: 'b' }), { a: 'b', authorization: 'Bearer t1' })
  assert.deepEqual(await extension.clientAuth?.headers(null, {}), { authorization: 'Bearer t1' })
  assert.deepEqual(asked, ['Basic bWU6cw== grant_type=client_credentials&scope=a+b&audience=x&audience=y'])
  const early = await create({ expiry_buffer: '500s' })
  await early.clientAuth?.headers(null, {})
  await early.clientAuth?.headers(null, {})
  assert.equal(asked.length, 3, 'a token that is about to expire is renewed')
})

test('what is missing is said', () => {
  assert.deepEqual(problemsOf(oauth2ClientExtension.settings, {}), [
    'no ClientID provided in the OAuth2 extension configuration',
    'no TokenURL provided in OAuth2 extension configuration',
    'no ClientSecret provided in OAuth2 extension configuration',
  ])
})
