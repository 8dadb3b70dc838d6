// The cookies of one server, as load balancers set them to keep a client at one backend.

/** More than a load balancer ever sets. */
const cookiesMax = 50

export class CookieJar {
  readonly #cookies = new Map<string, string>()

  /** What to send; '': nothing. */
  header(): string {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  /** Take the `Set-Cookie` headers of an answer: one with an age of 0 or an empty value takes its cookie away. */
  keep(headers: readonly string[] | undefined): void {
    for (const header of headers ?? []) {
      const m = /^\s*([^=;\s]+)\s*=\s*("?)([^;]*?)\2\s*(;|$)/.exec(header)
      if (!m) continue
      const [name, value] = [m[1] as string, m[3] as string]
      this.#cookies.delete(name)
      if (value === '' || /;\s*max-age\s*=\s*(0|-\d+)\s*(;|$)/i.test(header)) continue
      this.#cookies.set(name, value)
      const [oldest] = this.#cookies.keys()
      if (this.#cookies.size > cookiesMax && oldest !== undefined) this.#cookies.delete(oldest)
    }
  }
}
