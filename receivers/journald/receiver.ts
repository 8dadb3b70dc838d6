// Follows the journal from where the last start left off, and hands its entries on.
import { join } from 'node:path'
import { type Component, ConsumeError, HealthState, type Host, type LogsPort } from '#component'
import { type JournalEntry, JournalReader } from '#component/journal'
import { Delivery, Entry, EntryMaker, type EntryMap } from '#component/stanza'
import { Positions } from '#component/tail'
import type { JournaldSettings } from './component.ts'

export class JournaldReceiver implements Component<never> {
  readonly #host: Host
  readonly #settings: JournaldSettings
  readonly #maker: EntryMaker
  readonly #delivery: Delivery
  readonly #positions: Positions
  #reader: JournalReader | undefined
  #cursor = ''
  /** Without a cursor and from the end: what came since. */
  #sinceMs = 0
  #started = false
  #stopped = false

  constructor(host: Host, settings: JournaldSettings, ports: readonly LogsPort[]) {
    this.#host = host
    this.#settings = settings
    this.#maker = new EntryMaker(settings)
    const { operators, retry_on_failure: retry, storage } = settings
    this.#delivery = new Delivery(host, { operators, retry, comesAgain: true }, ports)
    host.counters.observeWaiting(() => this.#delivery.waiting)
    const directory = storage?.storage?.directoryFor(host.id)
    const path = directory === undefined ? undefined : join(directory, 'positions.yml')
    this.#positions = new Positions({ path, clock: host.clock, log: host.log })
  }

  get #key(): string {
    return `cursor-${this.#host.id}`
  }

  async start(): Promise<void> {
    const { clock, log } = this.#host
    this.#started = true
    await this.#positions.load()
    this.#cursor = this.#positions.get(this.#key, '')?.offset ?? ''
    this.#sinceMs = clock.now()
    this.#reader = new JournalReader({
      clock,
      log,
      command: this.#settings.journalctl_path,
      rootPath: this.#settings.root_path,
      arguments: () => this.#arguments(),
      entries: (batch) => this.#take(batch),
      state: (failure) => {
        if (this.#stopped) return
        if (failure === '') this.#host.setHealth(HealthState.healthy, 'started component')
        else this.#host.setHealth(HealthState.unhealthy, failure)
      },
      fault: (why) => log.warn('Left out a part of the journal', { why }),
    })
    this.#reader.start()
  }

  #arguments(): string[] {
    const s = this.#settings
    const args = [
      ...s.units.map((unit) => `--unit=${unit}`),
      ...s.identifiers.map((identifier) => `--identifier=${identifier}`),
      `--priority=${s.priority}`,
      ...(s.grep === '' ? [] : [`--grep=${s.grep}`]),
      ...(s.dmesg ? ['--dmesg'] : []),
      ...(s.namespace === '' ? [] : [`--namespace=${s.namespace}`]),
      ...(s.directory === '' ? s.files.map((file) => `--file=${file}`) : [`--directory=${s.directory}`]),
      ...(s.merge ? ['--merge'] : []),
    ]
    if (this.#cursor !== '') args.push(`--after-cursor=${this.#cursor}`)
    else if (s.start_at === 'end') args.push(`--since=@${(this.#sinceMs / 1000).toFixed(6)}`)
    const matches = s.matches.map((match) => [...match].sort().map(([name, value]) => `${name}=${value}`))
    return [...args, '--', ...matches.flatMap((match, i) => (i === 0 ? match : ['+', ...match]))]
  }

  async #take(batch: readonly JournalEntry[]): Promise<void> {
    const { counters, clock } = this.#host
    const observedNs = BigInt(Math.trunc(clock.now() * 1000)) * 1000n
    const entries = batch.map((one) => this.#entry(one, observedNs))
    counters.in += entries.length
    try {
      await this.#delivery.take(entries)
    } catch (error) {
      if (!(error instanceof ConsumeError)) throw error
      // Given up at the stop: read again after the next start.
      counters.in -= entries.length
      return
    }
    const cursor = batch.at(-1)?.cursor ?? ''
    if (cursor === '') return
    this.#cursor = cursor
    this.#positions.set(this.#key, '', cursor, '')
  }

  #entry(from: JournalEntry, observedNs: bigint): Entry {
    const entry = this.#maker.make(bodyOf(from), {}, observedNs)
    entry.timestampNs = from.realtimeMicroseconds * 1000n
    return entry
  }

  async stop(deadlineMs: number): Promise<void> {
    if (this.#stopped) return
    this.#stopped = true
    this.#delivery.giveUp()
    await this.#reader?.stop(deadlineMs)
    await this.#delivery.stop()
    if (this.#started) await this.#positions.stop()
  }

  debug(): unknown {
    return { cursor: this.#cursor }
  }
}

/** All fields but the time; one that comes more than once is a list. */
function bodyOf(entry: JournalEntry): EntryMap {
  const body: EntryMap = {}
  for (const [i, name] of entry.names.entries()) {
    if (name === '__REALTIME_TIMESTAMP') continue
    const value = entry.value(i)
    const known = Object.hasOwn(body, name) ? body[name] : undefined
    if (known === undefined) body[name] = value
    else if (Array.isArray(known)) known.push(value)
    else body[name] = [known, value]
  }
  if (entry.cursor !== '' && body['__CURSOR'] === undefined) body['__CURSOR'] = entry.cursor
  return body
}
