// A ring that endpoints stand on (consistent hashing): most keys keep their endpoint when others come and go.
import { crc32 } from 'node:zlib'

/** As many positions, and places on them for each endpoint, as in upstream's exporter: gateways of both kinds agree. */
const positions = 36_000
const placesPerEndpoint = 100

export class Ring {
  readonly endpoints: readonly string[]
  readonly #positions: Uint16Array
  readonly #owners: readonly string[]

  /** The order of `endpoints` does not matter. */
  constructor(endpoints: readonly string[]) {
    this.endpoints = [...new Set(endpoints)].toSorted()
    const owners = new Map<number, string>()
    for (const endpoint of this.endpoints) {
      const hash = crc32(endpoint)
      for (let i = 0; i < placesPerEndpoint; i++) {
        const at = crc32(Uint8Array.of(i), hash) % positions
        if (!owners.has(at)) owners.set(at, endpoint)
      }
    }
    this.#positions = Uint16Array.from(owners.keys()).toSorted()
    this.#owners = Array.from(this.#positions, (at) => owners.get(at) as string)
  }

  /** The endpoint that stands at the key's position or next after it; undefined: there is none at all. */
  endpointOf(key: Uint8Array | string): string | undefined {
    if (this.#owners.length < 2) return this.#owners[0]
    const at = crc32(key) % positions
    let low = 0
    let high = this.#positions.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#positions[middle] as number) < at) low = middle + 1
      else high = middle
    }
    return this.#owners[low === this.#owners.length ? 0 : low]
  }
}
