// What a network device's driver says of itself: the ioctl SIOCETHTOOL (include/uapi/linux/ethtool.h of the kernel).
import type { KernelCalls } from './kernel_calls.ts'

export interface EthtoolLink {
  /** Bits ETHTOOL_LINK_MODE_*, the first 32. */
  readonly supported: number
  readonly advertised: number
  readonly autonegotiate: number
}

export interface EthtoolDriver {
  readonly driver: string
  readonly version: string
  readonly firmwareVersion: string
  readonly busInfo: string
  readonly expansionRomVersion: string
  readonly statisticsCount: number
}

const familyInet = 2
const typeDatagram = 2
const requestEthtool = 0x8946n
/** `struct ifreq`: 16 bytes of name, then here the pointer; 40 bytes in all. */
const ifreqBytes = 40
const nameBytes = 16

const commandSettings = 0x1
const commandDriver = 0x3
const commandStrings = 0x1b
const commandStatistics = 0x1d
/** ETH_SS_STATS: the strings that name the statistics. */
const stringsOfStatistics = 1
const stringBytes = 32
/** `struct ethtool_cmd` and `struct ethtool_drvinfo`. */
const settingsBytes = 44
const driverBytes = 196
/** Drivers with thousands of queues have some 100 000. */
const statisticsMax = 1 << 20

/** Asks devices. Close it. Throws when there is no socket to ask through. */
export class Ethtool {
  readonly #calls: KernelCalls
  readonly #socket: number

  constructor(calls: KernelCalls) {
    this.#calls = calls
    this.#socket = calls.socket(familyInet, typeDatagram, 0)
    if (this.#socket < 0) throw new Error('Cannot ask network devices: no socket')
  }

  close(): void {
    this.#calls.close(this.#socket)
  }

  /** Undefined where the driver does not say. */
  link(device: string): EthtoolLink | undefined {
    const answer = stableBuffer(settingsBytes)
    if (!this.#ask(device, commandSettings, answer)) return undefined
    return {
      supported: answer.readUInt32LE(4),
      advertised: answer.readUInt32LE(8),
      autonegotiate: answer.readUInt8(18),
    }
  }

  driver(device: string): EthtoolDriver | undefined {
    const answer = stableBuffer(driverBytes)
    if (!this.#ask(device, commandDriver, answer)) return undefined
    const text = (at: number): string => textAt(answer, at)
    return {
      driver: text(4),
      version: text(36),
      firmwareVersion: text(68),
      busInfo: text(100),
      expansionRomVersion: text(132),
      statisticsCount: answer.readUInt32LE(180),
    }
  }

  /** The driver's `count` statistics by name, in its order; empty where it has none. Names may come twice. */
  statistics(device: string, count: number): [string, number][] {
    if (count === 0 || count > statisticsMax) return []
    const names = stableBuffer(12 + count * stringBytes)
    names.writeUInt32LE(stringsOfStatistics, 4)
    names.writeUInt32LE(count, 8)
    const values = stableBuffer(8 + count * 8)
    values.writeUInt32LE(count, 4)
    if (!this.#ask(device, commandStrings, names) || !this.#ask(device, commandStatistics, values)) return []
    // A driver that has fewer by now says so.
    const there = Math.min(count, names.readUInt32LE(8), values.readUInt32LE(4))
    return Array.from({ length: there }, (_, i) => [
      textAt(names, 12 + i * stringBytes),
      Number(values.readBigUInt64LE(8 + i * 8)),
    ])
  }

  #ask(device: string, command: number, answer: Buffer): boolean {
    if (Buffer.byteLength(device) >= nameBytes) return false
    answer.writeUInt32LE(command, 0)
    const request = Buffer.alloc(ifreqBytes)
    request.write(device, 0)
    request.writeBigUInt64LE(this.#calls.addressOf(answer), nameBytes)
    return this.#calls.ioctl(this.#socket, requestEthtool, request) === 0
  }
}

/** Zeros that stay where they are: small buffers of `Buffer.alloc` may lie where the garbage collector moves things. */
function stableBuffer(bytes: number): Buffer {
  return Buffer.from(new ArrayBuffer(bytes))
}

function textAt(bytes: Buffer, at: number): string {
  const end = bytes.indexOf(0, at)
  return bytes.toString('latin1', at, end < 0 || end > at + stringBytes ? at + stringBytes : end)
}
