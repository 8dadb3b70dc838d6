import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { ManualClock } from './clock.ts'
import { ntpFault, queryNtp } from './ntp.ts'
import type { NtpAnswer } from './ntp.ts'

const nowMs = 1_700_000_000_000
const nowInNtp = 1_700_000_000 + 2_208_988_800

/** A server's answer to `request`, synchronised 10 s ago, half a second ahead of the client. */
function answerTo(request: Buffer): Buffer {
  const answer = Buffer.alloc(48)
  answer[0] = (1 << 6) | (4 << 3) | 4
  answer[1] = 2
  answer.writeUInt32BE(0x00018000, 4) // 1.5 s to the source and back
  answer.writeUInt32BE(0x00004000, 8) // a quarter of a second of error
  answer.writeUInt32BE(nowInNtp - 10, 16)
  request.copy(answer, 24, 40, 48)
  answer.writeUInt32BE(nowInNtp, 32)
  answer.writeUInt32BE(0x80000000, 36)
  answer.writeUInt32BE(nowInNtp, 40)
  answer.writeUInt32BE(0x80000000, 44)
  return answer
}

/** A server on a free port that sends what `reply` makes of a request; undefined: nothing. */
async function serve(t: TestContext, reply: (request: Buffer) => Buffer | undefined): Promise<number> {
  const socket = createSocket('udp4')
  t.after(() => socket.close())
  socket.on('message', (request, from) => {
    const answer = reply(request)
    if (answer) socket.send(answer, from.port, from.address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return socket.address().port
}

const query = { host: '127.0.0.1', version: 4, ttl: 1 }

test('an answer says how the server and the two clocks stand', async (t) => {
  let request = Buffer.alloc(0)
  const port = await serve(t, (message) => answerTo((request = Buffer.from(message))))
  assert.deepEqual(await queryNtp({ ...query, port, clock: new ManualClock(nowMs) }), {
    leap: 1,
    stratum: 2,
    time: 1_700_000_000.5,
    referenceTime: 1_699_999_990,
    rtt: 0,
    offset: 0.5,
    rootDelay: 1.5,
    rootDispersion: 0.25,
    rootDistance: 1,
    errorMin: 0.5,
  })
  assert.deepEqual([request.length, request[0]], [48, (4 << 3) | 3])
})

test('what is no answer to the question is refused', async (t) => {
  const cases: { name: string; change: (answer: Buffer) => Buffer; message: RegExp }[] = [
    { name: 'too short', change: (answer) => answer.subarray(0, 47), message: /48 bytes/ },
    { name: 'a question', change: (answer) => (answer.writeUInt8(0x23, 0), answer), message: /mode 3/ },
    { name: 'to another question', change: (answer) => answer.fill(7, 24, 32), message: /another question/ },
    { name: 'without a time', change: (answer) => answer.fill(0, 40, 48), message: /without a time/ },
    { name: 'sent before it came', change: (answer) => answer.fill(255, 32, 40), message: /before the request/ },
  ]
  for (const { name, change, message } of cases) {
    const port = await serve(t, (request) => change(answerTo(request)))
    await assert.rejects(queryNtp({ ...query, port }), message, name)
  }
})

test('nothing is waited for longer than allowed', async (t) => {
  const clock = new ManualClock()
  const port = await serve(t, () => {
    clock.advance(700)
    return undefined
  })
  await assert.rejects(queryNtp({ ...query, port, clock, timeoutMs: 700 }), /no answer within 700 ms/)
  await assert.rejects(queryNtp({ ...query, port, signal: AbortSignal.abort() }), /aborted/)
})

test('a server is trusted unless something speaks against it', () => {
  const good: NtpAnswer = {
    leap: 0,
    stratum: 2,
    time: 1000,
    referenceTime: 990,
    rtt: 0,
    offset: 0,
    rootDelay: 0,
    rootDispersion: 0,
    rootDistance: 0,
    errorMin: 0,
  }
  assert.equal(ntpFault(good), undefined)
  const cases: [Partial<NtpAnswer>, RegExp][] = [
    [{ stratum: 0 }, /no questions/],
    [{ stratum: 16 }, /stratum/],
    [{ referenceTime: 1000 - 131073 }, /not set for long/],
    [{ rootDelay: 20, rootDispersion: 7 }, /too far/],
    [{ referenceTime: 1001 }, /in the future/],
    [{ leap: 3 }, /not synchronised/],
  ]
  for (const [change, fault] of cases) assert.match(ntpFault({ ...good, ...change }) ?? '', fault)
  assert.match(ntpFault({ ...good, referenceTime: undefined }) ?? '', /not set for long/)
})
