import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { connect as connectTls } from 'node:tls'
import type { Logger } from '#component'
import { ManualClock, systemClock } from '#lib/clock'
import { PeerNames } from './peer_names.ts'
import { type StreamHandler, TcpServer, type TcpServerSettings } from './tcp.ts'
import { type Datagram, UdpServer } from './udp.ts'

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} }
const settings: TcpServerSettings = {
  address: { host: '127.0.0.1', port: 0 },
  connectionsMax: 0,
  idleTimeoutMs: 0,
  tls: undefined,
}

function directory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'socket-server-'))
  t.after(() => rmSync(path, { recursive: true }))
  return path
}

/** What each connection sent, in the order of their beginnings; `.` behind it once it has ended. */
async function serve(
  t: TestContext,
  more: Partial<TcpServerSettings>,
  data?: StreamHandler['data'],
  clock = systemClock,
) {
  const got: string[] = []
  const server = new TcpServer(
    { ...settings, ...more },
    {
      clock,
      log: silent,
      accept: () => {
        const at = got.push('') - 1
        return {
          data: (chunk) => {
            got[at] += chunk.toString()
            return data ? data(chunk) : true
          },
          end: () => void (got[at] += '.'),
        }
      },
    },
  )
  await server.start()
  t.after(() => server.stop(0))
  return { server, got, dial: (): Socket => connect(server.port, '127.0.0.1').on('error', () => {}) }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}

test('What cannot be taken of a connection is told, and closes it; that a client breaks off is not', async (t) => {
  const errors: unknown[] = []
  const log: Logger = { ...silent, error: (message, fields) => void errors.push([message, fields?.['err']]) }
  const ends: string[] = []
  const accept = (): StreamHandler => ({
    data: () => {
      throw new Error('broken')
    },
    end: () => void ends.push('end'),
  })
  const server = new TcpServer(settings, { clock: systemClock, log, accept })
  await server.start()
  t.after(() => server.stop(0))
  const idle = connect(server.port, '127.0.0.1')
  await until(() => server.connections === 1)
  idle.resetAndDestroy()
  await until(() => ends.length === 1)
  assert.deepEqual(errors, [])
  connect(server.port, '127.0.0.1')
    .on('error', () => {})
    .write('x')
  await until(() => ends.length === 2)
  assert.deepEqual(errors, [['Cannot take what came', 'broken']])
})

test('More connections than allowed are closed at once', async (t) => {
  const { server, got, dial } = await serve(t, { connectionsMax: 1 })
  const first = dial()
  first.write('a')
  await until(() => got[0] === 'a')
  const second = dial()
  await new Promise((resolve) => second.on('close', resolve).resume())
  assert.equal(server.connections, 1)
  first.end('b')
  await until(() => got[0] === 'ab.')
  await until(() => server.connections === 0)
  dial().end('c')
  await until(() => got[1] === 'c.')
})

test('While bytes are being taken nothing more is read, and the client does not count as silent', async (t) => {
  let go: () => void = () => {}
  const gate = new Promise<void>((resolve) => (go = resolve))
  const { got, dial } = await serve(t, { idleTimeoutMs: 20 }, () => gate.then(() => true))
  const socket = dial()
  socket.write('a')
  await until(() => got[0] === 'a')
  socket.write('b')
  await new Promise((resolve) => setTimeout(resolve, 60))
  assert.deepEqual(got, ['a'])
  go()
  await until(() => got[0] === 'ab.')
})

test('A connection whose handler wants nothing more is closed', async (t) => {
  const { got, dial } = await serve(t, {}, () => false)
  const socket = dial()
  socket.write('a')
  await new Promise((resolve) => socket.on('close', resolve).resume())
  assert.deepEqual(got, ['a.'])
})

test('The stop ends connections and waits for their handlers', async (t) => {
  const { server, got, dial } = await serve(t, {})
  dial().write('a')
  await until(() => got[0] === 'a')
  await server.stop(5000)
  assert.deepEqual(got, ['a.'])
  await server.stop(0)
})

test('A certificate that is renewed on disk is taken over', async (t) => {
  const files = new URL('../http_client/testdata/', import.meta.url)
  const [certFile, keyFile] = ['cert.pem', 'key.pem'].map((name) => join(directory(t), name)) as [string, string]
  const put = (name: string): void => {
    copyFileSync(new URL(`${name}.pem`, files), certFile)
    copyFileSync(new URL(`${name}.key`, files), keyFile)
  }
  put('server')
  const rest = { clientCaPem: '', clientCaFile: '', cipherSuites: [], curves: [], minVersion: '', maxVersion: '' }
  const tls = { certPem: '', keyPem: '', certFile, keyFile, clientAuth: 'NoClientCert', ...rest }
  const clock = new ManualClock()
  const { server } = await serve(t, { tls }, undefined, clock)
  const shown = (): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connectTls({ port: server.port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
        resolve(socket.getPeerCertificate().raw.toString('hex'))
        socket.destroy()
      }).on('error', reject)
    })
  const first = await shown()
  put('renewed')
  await clock.advance(10_000)
  const second = await shown()
  assert.notEqual(first, second)
  writeFileSync(certFile, 'nonsense')
  await clock.advance(10_000)
  assert.equal(await shown(), second)
  assert.ok(readFileSync(certFile, 'utf8') === 'nonsense')
})

test('Datagrams come in their order, with their sender; those that wait at the stop are handed on', async (t) => {
  const got: Datagram[] = []
  let go: () => void = () => {}
  const gate = new Promise<void>((resolve) => (go = resolve))
  const server = new UdpServer(
    { address: { host: '', port: 0 }, queueBytesMax: 1_000_000 },
    {
      clock: systemClock,
      log: silent,
      dropped: () => {},
      datagrams: (batch) => gate.then(() => void got.push(...batch)),
    },
  )
  await server.start()
  t.after(() => server.stop(0))
  const socket = createSocket('udp4')
  t.after(() => socket.close())
  for (let i = 0; i < 20; i++) {
    await new Promise<void>((resolve) => socket.send(String(i), server.port, '127.0.0.1', () => resolve()))
    if (i === 0) await until(() => server.waiting === 0)
  }
  await until(() => server.waiting >= 19)
  const stopped = server.stop(5000)
  go()
  await stopped
  assert.deepEqual(
    got.map(({ bytes }) => bytes.toString()),
    Array.from({ length: 20 }, (_, i) => String(i)),
  )
  assert.ok(got.every(({ peer, peerPort }) => peer === '127.0.0.1' && peerPort === socket.address().port))
})

test('An address that cannot be bound is named', async (t) => {
  const { server } = await serve(t, {})
  const address = { host: '127.0.0.1', port: server.port }
  const second = new TcpServer(
    { ...settings, address },
    { clock: systemClock, log: silent, accept: () => assert.fail() },
  )
  await assert.rejects(second.start(), new RegExp(`Cannot listen on 127.0.0.1:${server.port}`))
  const options = { clock: systemClock, log: silent, dropped: () => {}, datagrams: () => {} }
  const elsewhere = new UdpServer({ address: { host: '192.0.2.1', port: 1 }, queueBytesMax: 1 }, options)
  await assert.rejects(elsewhere.start(), /Cannot listen on 192.0.2.1:1: /)
})

test('Names come from the hosts file, and are kept up to a number of addresses', async (t) => {
  const hostsFile = join(directory(t), 'hosts')
  writeFileSync(hostsFile, '127.0.0.1 localhost\n# no\n10.0.0.1  a.example a # b\n10.0.0.1 a c\n')
  const names = new PeerNames({ clock: new ManualClock(), sizeMax: 1, hostsFile })
  assert.equal(await names.nameOf('10.0.0.1'), 'a.example,a,c')
  writeFileSync(hostsFile, '10.0.0.1 other\n127.0.0.1 here\n')
  assert.equal(names.nameOf('10.0.0.1'), 'a.example,a,c')
  assert.equal(await names.nameOf('127.0.0.1'), 'here')
  assert.equal(await names.nameOf('10.0.0.1'), 'other')
  assert.equal(names.nameOf('no address'), '')
})
