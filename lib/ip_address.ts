// IP addresses and networks as Go's package net reads them.
import { isIPv4 } from 'node:net'

/** The bytes of an address, four or sixteen; an IPv4 address in IPv6's clothes (`::ffff:1.2.3.4`) gives four. Undefined: none. */
export function parseIp(text: string): Uint8Array | undefined {
  if (isIPv4(text)) return Uint8Array.from(text.split('.'), Number)
  const bytes = parseIpv6(text)
  return bytes !== undefined && isMapped(bytes) ? bytes.subarray(12) : bytes
}

/** Sixteen bytes, or undefined. Zones (`fe80::1%eth0`) belong to no address here. */
function parseIpv6(text: string): Uint8Array | undefined {
  if (text.length > 45 || !/^[0-9a-fA-F:.]*:[0-9a-fA-F:.]*$/.test(text)) return undefined
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const head = groups(halves[0] as string, halves.length === 1)
  const tail = halves.length === 2 ? groups(halves[1] as string, true) : []
  if (head === undefined || tail === undefined) return undefined
  const missing = 16 - head.length - tail.length
  if (halves.length === 1 ? missing !== 0 : missing < 2) return undefined
  return Uint8Array.from([...head, ...Array.from({ length: missing }, () => 0), ...tail])
}

/** Two bytes for each group of hexadecimal digits; an IPv4 address may stand at the very end. */
function groups(text: string, mayEndInIpv4: boolean): number[] | undefined {
  if (text === '') return []
  const bytes: number[] = []
  const parts = text.split(':')
  for (const [i, part] of parts.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      const value = Number.parseInt(part, 16)
      bytes.push(value >> 8, value & 0xff)
    } else if (mayEndInIpv4 && i === parts.length - 1 && isIPv4(part)) bytes.push(...part.split('.').map(Number))
    else return undefined
  }
  return bytes
}

function isMapped(bytes: Uint8Array): boolean {
  for (let i = 0; i < 10; i++) if (bytes[i] !== 0) return false
  return bytes[10] === 0xff && bytes[11] === 0xff
}

/** A network: an address and how many of its first bits count. */
export class IpNetwork {
  readonly #address: Uint8Array
  readonly #bits: number

  constructor(address: Uint8Array, bits: number) {
    this.#address = address
    this.#bits = bits
  }

  /** Addresses of the other family are never in it. */
  contains(address: Uint8Array): boolean {
    if (address.length !== this.#address.length) return false
    const whole = this.#bits >> 3
    for (let i = 0; i < whole; i++) if (address[i] !== this.#address[i]) return false
    const rest = this.#bits & 7
    if (rest === 0) return true
    return (((address[whole] ?? 0) ^ (this.#address[whole] ?? 0)) & (0xff << (8 - rest)) & 0xff) === 0
  }
}

/** `10.0.0.0/8`, `2001:db8::/32`; undefined for anything else. */
export function parseNetwork(text: string): IpNetwork | undefined {
  const slash = text.indexOf('/')
  if (slash < 0) return undefined
  const head = text.slice(0, slash)
  const address = isIPv4(head) ? parseIp(head) : parseIpv6(head)
  const bits = text.slice(slash + 1)
  if (address === undefined || !/^\d{1,3}$/.test(bits) || Number(bits) > address.length * 8) return undefined
  // A network of addresses in IPv6's clothes is one of IPv4 when all of the clothes count.
  if (address.length === 16 && isMapped(address) && Number(bits) >= 96) {
    return new IpNetwork(address.subarray(12), Number(bits) - 96)
  }
  return new IpNetwork(address, Number(bits))
}
