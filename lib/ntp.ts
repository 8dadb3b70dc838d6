// A question to an NTP server and what its answer says (RFC 5905; RFC 4330 for clients).
import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import { systemClock } from './clock.ts'
import type { Clock } from './clock.ts'

export interface NtpQuery {
  readonly host: string
  /** Default 123. */
  readonly port?: number
  /** 2 to 4. */
  readonly version: number
  /** Hops that the request may take. */
  readonly ttl: number
  /** Default 1 s. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
  readonly clock?: Clock
}

/** Times in seconds since 1970, durations in seconds. */
export interface NtpAnswer {
  readonly stratum: number
  /** 0 none, 1 a second more, 2 a second less at the end of the day, 3 not synchronised. */
  readonly leap: number
  readonly time: number
  /** When the server's clock was last set; undefined: never. */
  readonly referenceTime: number | undefined
  readonly rtt: number
  /** To be added to this host's clock. */
  readonly offset: number
  readonly rootDelay: number
  readonly rootDispersion: number
  /** Half the way to the primary source and back, and the error on it. */
  readonly rootDistance: number
  /** How far the clocks are apart at least. */
  readonly errorMin: number
}

const packetBytes = 48
const modeClient = 3
const modeServer = 4
const unixEpochInNtp = 2208988800
const timeoutMsDefault = 1000
const stratumMax = 16
/** MAXPOLL of RFC 5905 as others have it: 2^17 s. */
const freshnessMax = 131072
/** MAXDISP. */
const dispersionMax = 16

/** Ask once. Throws when nothing comes in time, or what comes is no answer to the question. */
export function queryNtp(query: NtpQuery): Promise<NtpAnswer> {
  const { host, port = 123, version, ttl, timeoutMs = timeoutMsDefault, signal, clock = systemClock } = query
  // What is sent as the time of sending is random: only who got the request can give it back, and this host's clock is
  // nobody's business.
  const cookie = randomBytes(8)
  const request = Buffer.alloc(packetBytes)
  request[0] = (version << 3) | modeClient
  cookie.copy(request, 40)
  return new Promise((resolve, reject) => {
    let isDone = false
    const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4')
    const done = (error: Error | undefined, answer?: NtpAnswer): void => {
      if (isDone) return
      isDone = true
      timer.cancel()
      signal?.removeEventListener('abort', onAbort)
      socket.close()
      if (error) reject(error)
      else resolve(answer as NtpAnswer)
    }
    const onAbort = (): void => done(new Error('Cannot ask NTP server: aborted'))
    const timer = clock.setTimeout(
      () => done(new Error(`Cannot ask NTP server: no answer within ${timeoutMs} ms`)),
      timeoutMs,
    )
    signal?.addEventListener('abort', onAbort, { once: true })
    let sentAt = 0
    let sentMonotonic = 0
    socket.on('error', (error) => done(new Error(`Cannot ask NTP server: ${error.message}`)))
    socket.on('message', (message) => {
      // The time of sending and what has passed since by the clock that nobody sets.
      const receivedAt = sentAt + clock.monotonic() - sentMonotonic
      try {
        done(undefined, readAnswer(message, cookie, sentAt, receivedAt))
      } catch (error) {
        done(error as Error)
      }
    })
    socket.connect(port, host, () => {
      if (isDone) return
      try {
        socket.setTTL(ttl)
      } catch (error) {
        return done(new Error(`Cannot ask NTP server: TTL of ${ttl}: ${(error as Error).message}`))
      }
      sentAt = clock.now()
      sentMonotonic = clock.monotonic()
      socket.send(request)
    })
    if (signal?.aborted === true) onAbort()
  })
}

/** The datagram `message` as an answer to `cookie`, sent and received at these milliseconds since 1970. */
function readAnswer(message: Buffer, cookie: Buffer, sentAt: number, receivedAt: number): NtpAnswer {
  const refuse = (why: string): never => {
    throw new Error(`Cannot read NTP answer: ${why}`)
  }
  if (message.length < packetBytes) refuse(`48 bytes needed: current value is ${message.length}`)
  const first = message[0] as number
  if ((first & 7) !== modeServer) refuse(`not a server's: current value is mode ${first & 7}`)
  if (message.compare(cookie, 0, 8, 24, 32) !== 0) refuse('to another question')
  const received = message.readBigUInt64BE(32)
  const transmitted = message.readBigUInt64BE(40)
  if (transmitted === 0n) refuse('without a time')
  if (received > transmitted) refuse('sent before the request came')
  const sent = toNtp(sentAt)
  const arrived = toNtp(receivedAt)
  const rtt = Math.max(0, seconds(arrived - sent - (transmitted - received)))
  const rootDelay = message.readUInt32BE(4) / 65536
  const rootDispersion = message.readUInt32BE(8) / 65536
  const reference = message.readBigUInt64BE(16)
  return {
    leap: first >> 6,
    stratum: message[1] as number,
    time: toUnix(transmitted),
    referenceTime: reference === 0n ? undefined : toUnix(reference),
    rtt,
    offset: (seconds(received - sent) + seconds(transmitted - arrived)) / 2,
    rootDelay,
    rootDispersion,
    rootDistance: (rtt + rootDelay) / 2 + rootDispersion,
    errorMin: Math.max(0, seconds(sent - received), seconds(transmitted - arrived)),
  }
}

/** Why the server's clock is not to be trusted; undefined: it is (the checks that RFC 4330, section 5, has). */
export function ntpFault(answer: NtpAnswer): string | undefined {
  if (answer.stratum === 0) return 'it wants no questions'
  if (answer.stratum >= stratumMax) return 'its stratum is none'
  const age = answer.time - (answer.referenceTime ?? -unixEpochInNtp)
  if (age > freshnessMax) return 'its clock was not set for long'
  if (answer.rootDelay / 2 + answer.rootDispersion > dispersionMax) return 'it is too far from the source'
  if (age < 0) return 'its clock was set in the future'
  if (answer.leap === 3) return 'it is not synchronised'
  return undefined
}

/** Milliseconds since 1970 as a time stamp: seconds since 1900 and their 2^32nds. */
function toNtp(ms: number): bigint {
  const whole = Math.floor(ms / 1000)
  const fraction = Math.round((ms / 1000 - whole) * 2 ** 32)
  return (BigInt(whole + unixEpochInNtp) << 32n) + BigInt(fraction)
}

/** A time stamp of which the highest bit is 0 is of the era after 2036 (RFC 4330, section 3). */
function toUnix(stamp: bigint): number {
  const era = stamp >> 63n === 0n ? 2 ** 32 : 0
  return Number(stamp >> 32n) + era - unixEpochInNtp + Number(stamp & 0xffff_ffffn) / 2 ** 32
}

/** A difference of time stamps in seconds, right across the end of an era. */
function seconds(difference: bigint): number {
  return Number(BigInt.asIntN(64, difference)) / 2 ** 32
}
