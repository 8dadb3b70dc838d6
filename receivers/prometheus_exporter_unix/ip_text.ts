// IP addresses of kernel files as people write them.

/** `address`, a number in host order with the first octet highest: `192.168.0.22`. */
export function ipv4Text(address: number): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`
}

/** Any text of an IPv6 address in the form of RFC 5952, by way of the URL parser. Throws when it is none. */
export function ipv6Text(address: string): string {
  try {
    return new URL(`http://[${address}]`).hostname.slice(1, -1)
  } catch {
    throw new Error(`Cannot read IPv6 address: current value is ${JSON.stringify(address)}`)
  }
}
