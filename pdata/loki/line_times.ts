// Times of lines that were read together: none comes twice, so that Loki keeps lines that are the same.

const nsPerMs = 1_000_000n
const wrap = 2 ** 32

export class LineTimes {
  #lastNs = 0n

  /**
   * `count` times in nanoseconds, one nanosecond apart, from `nowMs` on; later than all that were given before. Written
   * in halves: a bigint for each would be an allocation for each line.
   */
  take(nowMs: number, count: number): BigInt64Array {
    const now = BigInt(Math.floor(nowMs * 1000)) * (nsPerMs / 1000n)
    const first = now > this.#lastNs ? now : this.#lastNs + 1n
    this.#lastNs = first + BigInt(Math.max(count - 1, 0))
    const times = new BigInt64Array(count)
    const halves = new Uint32Array(times.buffer)
    let low = Number(first & 0xffffffffn)
    let high = Number(first >> 32n)
    for (let i = 0; i < halves.length; i += 2) {
      halves[i] = low
      halves[i + 1] = high
      if (++low === wrap) {
        low = 0
        high++
      }
    }
    return times
  }
}
