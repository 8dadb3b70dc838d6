import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { ManualClock } from './clock.ts'
import { connectDbus, DbusError, DbusFormatError, systemBusSocket } from './dbus.ts'
import { hasDbusDaemon, startDbusDaemon } from './dbus_daemon.ts'
import { FakeDbusService } from './dbus_fake_service.ts'
import {
  dbusMessageLength,
  DbusMessageType,
  DbusVariant,
  decodeDbusMessage,
  encodeDbusMessage,
} from './dbus_message.ts'
import type { DbusValue } from './dbus_message.ts'

const directory = mkdtempSync(join(tmpdir(), 'dbus-'))
after(() => rmSync(directory, { recursive: true }))

function encodeBody(signature: string, body: readonly DbusValue[]): Buffer {
  return encodeDbusMessage({ type: DbusMessageType.methodReturn, serial: 7, replySerial: 3, signature, body })
}

const bodies: { name: string; signature: string; body: DbusValue[] }[] = [
  { name: 'nothing', signature: '', body: [] },
  {
    name: 'numbers of every width',
    signature: 'ynqiuxtd',
    body: [255, -2, 65535, -3, 4294967295, -4n, 2n ** 64n - 1n, 0.5],
  },
  { name: 'texts', signature: 'sogb', body: ['grüß', '/a/b', 'a{sv}', true] },
  { name: 'an empty array of structs, which is padded all the same', signature: 'ya(tt)y', body: [1, [], 2] },
  {
    name: 'structs in arrays',
    signature: 'a(su)',
    body: [
      [
        ['a', 1],
        ['b', 2],
      ],
    ],
  },
  { name: 'a dictionary of variants', signature: 'a{sv}', body: [new Map([['k', new DbusVariant('as', ['x', 'y'])]])] },
  { name: 'bytes', signature: 'ay', body: [new Uint8Array([1, 2, 3])] },
  { name: 'variants in variants', signature: 'v', body: [new DbusVariant('v', new DbusVariant('(sb)', ['z', false]))] },
]

describe('messages', () => {
  for (const { name, signature, body } of bodies) {
    test(`${name} comes back as it was`, () => {
      const bytes = encodeBody(signature, body)
      assert.equal(dbusMessageLength(bytes), bytes.length)
      const message = decodeDbusMessage(bytes)
      assert.deepEqual([message.signature, message.replySerial, message.body], [signature, 3, body])
    })
  }

  test('a big endian message is read too', () => {
    // B, return, flags, version; body of 7 bytes; serial 7; fields of 7 bytes: signature is `s`; padding; the body.
    const parts = ['42020001', '00000007', '00000007', '00000007', '08016700017300', '00', '00000002686900']
    assert.deepEqual(decodeDbusMessage(Buffer.from(parts.join(''), 'hex')).body, ['hi'])
  })

  const wrong: { name: string; signature: string; body: DbusValue[] }[] = [
    { name: 'a text for a number', signature: 'u', body: ['1'] },
    { name: 'too few values', signature: 'uu', body: [1] },
    { name: 'an unknown type', signature: 'z', body: [1] },
    { name: 'a struct that does not end', signature: '(u', body: [[1]] },
    { name: 'a dictionary with a container for a key', signature: 'a{vs}', body: [new Map()] },
  ]
  for (const { name, signature, body } of wrong) {
    test(`${name} cannot be written`, () => assert.throws(() => encodeBody(signature, body), DbusFormatError))
  }

  test('bytes that somebody changed are refused or read, and nothing else', () => {
    const bytes = encodeBody('a(sv)', [bodies.map(({ name }) => [name, new DbusVariant('at', [1n])])])
    const change = fc.tuple(fc.nat(bytes.length - 1), fc.nat(255))
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const changed = Buffer.from(bytes)
        for (const [at, value] of changes) changed[at] = value
        try {
          decodeDbusMessage(changed)
        } catch (error) {
          assert.ok(error instanceof DbusFormatError)
        }
      }),
      { numRuns: 2000 },
    )
  })
})

test('the address of the system bus comes from the environment', () => {
  const cases: [string | undefined, string][] = [
    [undefined, '/run/dbus/system_bus_socket'],
    ['', '/run/dbus/system_bus_socket'],
    ['unix:path=/a%20b,guid=1', '/a b'],
    ['tcp:host=x;unix:abstract=/tmp/x', '\0/tmp/x'],
  ]
  for (const [address, want] of cases) assert.equal(systemBusSocket(address), want)
})

describe('a connection', () => {
  let served = 0
  const serve = async (service: FakeDbusService): Promise<string> => {
    const socketPath = join(directory, `s${++served}`)
    await service.listen(socketPath)
    return socketPath
  }

  test('calls, reads properties and passes errors on', async (t) => {
    const service = new FakeDbusService((call) => {
      if (call.member === 'Get') return { signature: 'v', body: [new DbusVariant('s', `${call.body.join('.')}`)] }
      if (call.member === 'Twice') return { signature: 'ss', body: [call.body[0] as string, call.body[0] as string] }
      return { errorName: 'a.b.Error' }
    })
    const connection = await connectDbus({ socketPath: await serve(service), bus: true })
    t.after(() => service.stop())
    assert.deepEqual(await connection.call('x.y', '/', 'x.y', 'Twice', 's', ['q']), ['q', 'q'])
    assert.equal(await connection.property('x.y', '/', 'x.y', 'P'), 'x.y.P')
    await assert.rejects(connection.call('x.y', '/', 'x.y', 'Other'), (error) => {
      return error instanceof DbusError && error.errorName === 'a.b.Error'
    })
    connection.close()
    connection.close()
    await assert.rejects(connection.call('x.y', '/', 'x.y', 'Twice', 's', ['q']), DbusError)
  })

  test('talks to a service itself, without a bus between', async (t) => {
    let seen: unknown
    const service = new FakeDbusService((call) => {
      seen = [call.member, call.destination]
      return { signature: 's', body: ['here'] }
    })
    const connection = await connectDbus({ socketPath: await serve(service), bus: false })
    t.after(() => service.stop())
    assert.deepEqual(await connection.call('x.y', '/', 'x.y', 'M'), ['here'])
    assert.deepEqual(seen, ['M', undefined])
    connection.close()
  })

  test('gives up a call without an answer when its time is over', async (t) => {
    const service = new FakeDbusService(() => 'silence')
    const clock = new ManualClock()
    const connection = await connectDbus({ socketPath: await serve(service), bus: true, clock, timeoutMs: 500 })
    t.after(() => service.stop())
    const call = connection.call('x.y', '/', 'x.y', 'M')
    clock.advance(500)
    await assert.rejects(call, /no answer within 500 ms/)
    connection.close()
  })

  test('ends all calls when it is aborted', async (t) => {
    const service = new FakeDbusService(() => 'silence')
    const abort = new AbortController()
    const connection = await connectDbus({ socketPath: await serve(service), bus: true, signal: abort.signal })
    t.after(() => service.stop())
    const call = connection.call('x.y', '/', 'x.y', 'M')
    abort.abort()
    await assert.rejects(call, /aborted/)
  })

  test('refuses a message over the limit', async (t) => {
    const service = new FakeDbusService(() => ({ signature: 's', body: ['x'.repeat(2000)] }))
    const connection = await connectDbus({ socketPath: await serve(service), bus: true, messageBytesMax: 1000 })
    t.after(() => service.stop())
    await assert.rejects(connection.call('x.y', '/', 'x.y', 'M'), /message over 1000 bytes/)
  })

  test('says why it was not let in', async (t) => {
    const server = createServer((socket) => socket.once('data', () => socket.write('REJECTED EXTERNAL\r\n')))
    const socketPath = join(directory, 'refusing')
    await new Promise<void>((resolve) => server.listen(socketPath, resolve))
    t.after(() => server.close())
    await assert.rejects(connectDbus({ socketPath, bus: true }), /refused.*REJECTED/)
    await assert.rejects(connectDbus({ socketPath: join(directory, 'none'), bus: true }), /ENOENT/)
  })
})

// A bus that somebody else wrote; systems without D-Bus have none.
if (hasDbusDaemon()) {
  describe('with a real bus', () => {
    let bus: Awaited<ReturnType<typeof startDbusDaemon>>
    before(async () => {
      bus = await startDbusDaemon(directory)
    })
    after(() => bus.stop())

    test('every kind of value goes through it to a service and back', async (t) => {
      const service = new FakeDbusService((call) => ({ signature: call.signature, body: call.body }))
      t.after(() => service.stop())
      await service.join(bus.socketPath, 'test.Echo')
      const connection = await connectDbus({ socketPath: bus.socketPath, bus: true })
      t.after(() => connection.close())
      for (const { signature, body } of bodies) {
        assert.deepEqual(await connection.call('test.Echo', '/', 'test.Echo', 'Echo', signature, body), body)
      }
    })

    test('its own answers are understood', async (t) => {
      const connection = await connectDbus({ socketPath: bus.socketPath, bus: true })
      t.after(() => connection.close())
      const own = 'org.freedesktop.DBus'
      const [names] = await connection.call(own, '/org/freedesktop/DBus', own, 'ListNames')
      assert.ok((names as string[]).includes(own))
      const features = await connection.property(own, '/org/freedesktop/DBus', own, 'Features')
      assert.ok(Array.isArray(features))
      const [about] = await connection.call(own, '/org/freedesktop/DBus', own, 'GetConnectionCredentials', 's', [own])
      assert.equal(((about as Map<string, DbusVariant>).get('ProcessID') as DbusVariant).signature, 'u')
      await assert.rejects(connection.call('no.Such', '/', 'no.Such', 'M'), (error) => {
        return error instanceof DbusError && error.errorName.startsWith('org.freedesktop.DBus.Error.')
      })
    })

    test('what this end writes, dbus-send reads', async (t) => {
      const service = new FakeDbusService(() => ({
        signature: 'a{sv}t',
        body: [new Map([['k', new DbusVariant('ai', [1, -2])]]), 9n],
      }))
      t.after(() => service.stop())
      await service.join(bus.socketPath, 'test.Values')
      const { stdout } = await promisify(execFile)('dbus-send', [
        `--bus=unix:path=${bus.socketPath}`,
        '--print-reply=literal',
        '--dest=test.Values',
        '/',
        'test.Values.Get',
      ])
      assert.equal(
        stdout.replace(/\s+/g, ' ').trim(),
        'array [ dict entry( k variant array [ int32 1 int32 -2 ] ) ] uint64 9',
      )
    })
  })
}
