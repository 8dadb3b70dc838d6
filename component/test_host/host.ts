// A host for the tests of components: keeps what a component exports, counts and logs, and hands batches straight on.
import { systemClock } from '#lib/clock'
import {
  type AttributeInput,
  type Batch,
  type BlockInput,
  type BodyInput,
  type Clock,
  type Consumer,
  Count,
  decodeBody,
  Distribution,
  HealthState,
  type Host,
  type HostGlobals,
  type Instruments,
  type Logger,
  NodeCounters,
  type Port,
  type Settings,
  type Value,
} from '#component'

/** A body as users write it: plain objects are blocks, lists of plain objects are blocks that come several times. */
export type Written = { readonly [name: string]: Value | Written | readonly Written[] }

function isBlock(value: unknown): value is Written {
  return value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype
}

function bodyOf(written: Written): BodyInput {
  const attributes: AttributeInput[] = []
  const blocks: BlockInput[] = []
  for (const [name, value] of Object.entries(written)) {
    if (isBlock(value)) blocks.push({ name, body: bodyOf(value) })
    else if (Array.isArray(value) && value.length > 0 && value.every(isBlock)) {
      for (const one of value as readonly Written[]) blocks.push({ name, body: bodyOf(one) })
    } else attributes.push({ name, value: value as Value })
  }
  return { attributes, blocks }
}

/** What a front end would say of these settings. */
export function problemsOf(schema: Settings<object>, written: Written): string[] {
  const problems: string[] = []
  decodeBody(schema, bodyOf(written), (issue) => problems.push(issue.message))
  return problems
}

/** Settings as a front end would decode them. Throws where something is wrong with them. */
export function decoded<S extends object>(schema: Settings<S>, written: Written): S {
  const settings = decodeBody(schema, bodyOf(written), (issue) => {
    throw new Error(issue.message)
  })
  return settings as S
}

export class TestHost implements Host {
  readonly id = 'test.component.x'
  readonly componentName = 'test.component'
  readonly label = 'x'
  readonly clock: Clock
  readonly counters = new NodeCounters()
  readonly dataDir: string
  readonly globals: HostGlobals = {
    hostname: 'host',
    version: '1.2.3',
    listenAddress: '127.0.0.1:12345',
    memoryAddress: 'memory:12345',
    storagePath: '/nonexistent',
    durability: 'spill',
    userAgent: 'Solder/test',
  }
  exports: Readonly<Record<string, Value>> = {}
  /** How often the exports were set. */
  exported = 0
  health: { state: HealthState; message: string } = { state: HealthState.unknown, message: '' }
  /** `level: message`, in order. */
  readonly lines: string[] = []
  /** By name and attributes: `name{a="1"}`. */
  readonly counts = new Map<string, Count>()
  readonly distributions = new Map<string, Distribution>()
  readonly readings = new Map<string, () => number | undefined>()
  readonly #waiting: { condition: () => boolean; resolve: () => void }[] = []

  constructor(options: { clock?: Clock; dataDir?: string } = {}) {
    this.clock = options.clock ?? systemClock
    this.dataDir = options.dataDir ?? '/nonexistent'
  }

  readonly log: Logger = {
    debug: (message) => this.#line('debug', message),
    info: (message) => this.#line('info', message),
    warn: (message) => this.#line('warn', message),
    error: (message) => this.#line('error', message),
  }

  #line(level: string, message: string): void {
    this.lines.push(`${level}: ${message}`)
    this.#changed()
  }

  readonly instruments: Instruments = {
    counter: (name, _help, attributes) => kept(this.counts, keyOf(name, attributes), () => new Count()),
    gauge: (name, _help, read, attributes) => void this.readings.set(keyOf(name, attributes), read),
    observedCounter: (name, _help, read, attributes) => void this.readings.set(keyOf(name, attributes), read),
    histogram: (name, _help, bounds, attributes) =>
      kept(this.distributions, keyOf(name, attributes), () => new Distribution(bounds)),
  }

  setExports(exports: Readonly<Record<string, Value>>): void {
    this.exports = exports
    this.exported++
    this.#changed()
  }

  setHealth(state: HealthState, message: string): void {
    this.health = { state, message }
    this.#changed()
  }

  /** Fulfilled once `condition` holds; looked at whenever exports, health or log change. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ condition, resolve })
      this.#changed()
    })
  }

  #changed(): void {
    for (const [i, { condition, resolve }] of [...this.#waiting.entries()].reverse()) {
      if (!condition()) continue
      this.#waiting.splice(i, 1)
      resolve()
    }
  }

  outlet<B extends Batch>(ports: readonly Port<B>[]): Consumer<B> {
    return {
      consume: async (batch: B) => {
        if (ports.length > 1) batch.shared = true
        for (const port of ports) await port.consume(batch)
        this.counters.out += batch.count
      },
    }
  }

  internalSource(): undefined {
    return undefined
  }
}

function keyOf(name: string, attributes: Readonly<Record<string, string>> = {}): string {
  const pairs = Object.entries(attributes).map(([key, value]) => `${key}="${value}"`)
  return pairs.length === 0 ? name : `${name}{${pairs.join(',')}}`
}

function kept<T>(map: Map<string, T>, key: string, make: () => T): T {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  return made
}
