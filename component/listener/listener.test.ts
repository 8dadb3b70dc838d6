// The listener that TCP, gRPC and their TLS share.
import assert from 'node:assert/strict'
import { copyFileSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { connect as connectTls } from 'node:tls'
import type { Logger } from '#component'
import { eventually, temporaryDirectory } from '#component/test_host'
import { ManualClock } from '#lib/clock'
import { Listener, type ListenerSettings } from './listener.ts'
import type { ServerTlsSettings } from './tls.ts'

const certificates = new URL('../http_client/testdata/', import.meta.url)
const pollMs = 10_000

function tlsOf(directory: string, clientAuth = 'NoClientCert'): ServerTlsSettings {
  for (const file of ['server.pem', 'server.key', 'authority.pem'])
    copyFileSync(new URL(file, certificates), join(directory, file))
  return {
    certPem: '',
    certFile: join(directory, 'server.pem'),
    keyPem: '',
    keyFile: join(directory, 'server.key'),
    clientCaPem: '',
    clientCaFile: clientAuth === 'NoClientCert' ? '' : join(directory, 'authority.pem'),
    clientAuth,
    cipherSuites: [],
    curves: [],
    minVersion: '',
    maxVersion: '',
  }
}

async function listening(t: TestContext, settings: Partial<ListenerSettings>) {
  const said: string[] = []
  const say = (text: string): void => void said.push(text)
  const log: Logger = { debug() {}, info: say, warn: say, error: say }
  const clock = new ManualClock()
  const connected: Socket[] = []
  const listener = new Listener(
    { address: { host: '127.0.0.1', port: 0 }, connectionsMax: 0, tls: undefined, tlsReloadMs: pollMs, ...settings },
    { clock, log, connected: (socket) => void connected.push(socket) },
  )
  await listener.start()
  t.after(async () => {
    const closed = listener.close()
    listener.destroyConnections()
    await closed
  })
  return { listener, clock, said, connected }
}

test('After a close nothing is accepted; it waits for connections that there are, and may come twice', async (t) => {
  const { listener, connected } = await listening(t, {})
  const { port } = listener
  assert.equal(listener.isListening, true)
  const client = connect(port, '127.0.0.1')
  await eventually('it is connected', () => connected.length === 1)
  const closed = listener.close()
  assert.equal(listener.isListening, false)
  assert.equal(listener.connections, 1)
  listener.destroyConnections()
  await closed
  await listener.close()
  client.destroy()
  const late = connect(port, '127.0.0.1')
  await new Promise((resolve) => late.once('error', resolve))
  assert.equal(connected.length, 1)
})

test('A client that is refused for its certificate is never handed on', async (t) => {
  const { listener, connected } = await listening(t, {
    tls: tlsOf(temporaryDirectory(t), 'RequireAnyClientCert'),
  })
  const client = connectTls({ host: '127.0.0.1', port: listener.port, rejectUnauthorized: false })
  client.on('error', () => {})
  await new Promise((resolve) => client.once('close', resolve))
  await eventually('the server has let it go', () => listener.connections === 0)
  assert.deepEqual(connected, [])
})

test('A certificate that cannot be read again leaves the old one, is told, and is taken once it can', async (t) => {
  const directory = temporaryDirectory(t)
  const { listener, clock, said } = await listening(t, { tls: tlsOf(directory) })
  const handshake = async (): Promise<string> => {
    const client = connectTls({ host: '127.0.0.1', port: listener.port, rejectUnauthorized: false })
    await new Promise((resolve, reject) => client.once('secureConnect', resolve).once('error', reject))
    const { subject } = client.getPeerCertificate()
    client.destroy()
    return JSON.stringify(subject)
  }
  const before = await handshake()
  writeFileSync(join(directory, 'server.pem'), 'half a certif')
  await clock.advance(pollMs)
  assert.deepEqual(said, ['Cannot read TLS certificates again; the old ones stay'])
  assert.equal(await handshake(), before)
  copyFileSync(new URL('renewed.pem', certificates), join(directory, 'server.pem'))
  copyFileSync(new URL('renewed.key', certificates), join(directory, 'server.key'))
  await clock.advance(pollMs)
  assert.equal(said.at(-1), 'Took over renewed TLS certificates')
  assert.notEqual(await handshake(), before)
})
