// Names of the hosts that send: those of the hosts file, else what their addresses lead back to in the DNS.
import { Resolver } from 'node:dns/promises'
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import type { Clock } from '#component'

/** An address without a name is asked for again after so long. */
const namelessMs = 60_000
const lookupMs = 3000

export interface PeerNamesOptions {
  readonly clock: Clock
  /** Addresses whose names are kept. */
  readonly sizeMax: number
  readonly hostsFile?: string
}

interface Known {
  readonly name: string
  readonly untilMs: number
}

export class PeerNames {
  readonly #options: PeerNamesOptions
  readonly #resolver = new Resolver({ timeout: lookupMs, tries: 1 })
  /** Least recently used first. */
  readonly #known = new Map<string, Known>()
  readonly #asking = new Map<string, Promise<string>>()

  constructor(options: PeerNamesOptions) {
    this.#options = options
  }

  /** The names of `address` with commas between, those of the DNS with a dot at their end; '': none. Never rejects. */
  nameOf(address: string): string | Promise<string> {
    const known = this.#known.get(address)
    if (known !== undefined && this.#options.clock.monotonic() < known.untilMs) {
      this.#known.delete(address)
      this.#known.set(address, known)
      return known.name
    }
    if (isIP(address) === 0) return ''
    const before = this.#asking.get(address)
    if (before !== undefined) return before
    const asking = this.#ask(address).finally(() => this.#asking.delete(address))
    this.#asking.set(address, asking)
    return asking
  }

  async #ask(address: string): Promise<string> {
    const names = this.#inHostsFile(address)
    if (names.length === 0) {
      const found = await this.#resolver.reverse(address).catch(() => [])
      names.push(...found.map((name) => (name.endsWith('.') ? name : `${name}.`)))
    }
    const name = names.join(',')
    const { clock, sizeMax } = this.#options
    this.#known.set(address, { name, untilMs: name === '' ? clock.monotonic() + namelessMs : Infinity })
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= sizeMax) break
      this.#known.delete(oldest)
    }
    return name
  }

  #inHostsFile(address: string): string[] {
    let text: string
    try {
      text = readFileSync(this.#options.hostsFile ?? '/etc/hosts', 'utf8')
    } catch {
      return []
    }
    const names: string[] = []
    for (const line of text.split('\n')) {
      const [at, ...hosts] = (line.split('#', 1)[0] as string).trim().split(/\s+/)
      if (at === address) for (const host of hosts) if (!names.includes(host)) names.push(host)
    }
    return names
  }

  /** Ends questions that are under way. */
  stop(): void {
    this.#resolver.cancel()
  }
}
