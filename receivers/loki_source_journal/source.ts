// Entries of the journal as lines with labels, from where the last start left off.
import { join } from 'node:path'
import { type Component, type Count, HealthState, type Host } from '#component'
import { cursorMicroseconds, type JournalEntry, JournalReader } from '#component/journal'
import {
  GatheredLines,
  LabelSets,
  LogDelivery,
  relabelledReason,
  sourceLabels,
  UsedLabels,
} from '#component/log_source'
import { Positions, readLegacyPositions } from '#component/tail'
import { goJson } from '#lib/go_json'
import type { Labels } from '#pdata'
import { type LokiSourceJournalSettings, matchesOf } from './component.ts'

const noMessageReason = 'no message'
const noLabelsReason = 'no labels'

const priorities = ['emerg', 'alert', 'crit', 'error', 'warning', 'notice', 'info', 'debug']

interface FieldLabel {
  readonly name: string
  readonly isUsed: boolean
}

export class LokiSourceJournal implements Component<LokiSourceJournalSettings> {
  readonly #host: Host
  #settings: LokiSourceJournalSettings
  readonly #delivery: LogDelivery
  readonly #positions: Positions
  readonly #positionsPath: string
  #reader: JournalReader | undefined
  #legacy = ''
  #cursor = ''
  readonly #gathered = new GatheredLines()
  #sets = new LabelSets()
  #fields = new Map<string, FieldLabel>()
  #used: UsedLabels
  readonly #lines: Count
  readonly #noMessage: Count
  readonly #noLabels: Count
  /** A reader is to follow once what the one before it read is taken. */
  #isNext = false
  #started = false
  #stopped = false

  constructor(host: Host, settings: LokiSourceJournalSettings) {
    this.#host = host
    this.#settings = settings
    this.#delivery = new LogDelivery(host, settings.forward_to, { readAgain: true })
    this.#positionsPath = join(host.dataDir, 'positions.yml')
    this.#positions = new Positions({ path: this.#positionsPath, clock: host.clock, log: host.log })
    this.#used = new UsedLabels(settings.relabel_rules)
    const { instruments } = host
    this.#lines = instruments.counter(
      'loki_source_journal_target_lines_total',
      'Total number of successful journal lines read',
    )
    const errors = (error: string): Count =>
      instruments.counter(
        'loki_source_journal_target_parsing_errors_total',
        'Total number of parsing errors while reading journal messages',
        { error },
      )
    this.#noMessage = errors('no_message')
    this.#noLabels = errors('empty_labels')
  }

  /** Throws where the older agent's file is there and cannot be read. */
  async readLegacy(): Promise<void> {
    const legacy = this.#settings.legacy_position
    if (!legacy) return
    const positions = await readLegacyPositions(legacy.file, this.#positionsPath, this.#host.log)
    this.#legacy = positions.get(`cursor-${legacy.name}`) ?? ''
  }

  get #key(): string {
    return `cursor-${this.#host.id}`
  }

  async start(): Promise<void> {
    await this.#positions.load()
    const kept = this.#positions.get(this.#key, '') ?? this.#positions.get(this.#key, '{}')
    this.#cursor = kept?.offset ?? this.#legacy
    this.#started = true
    this.#follow()
  }

  #follow(): void {
    if (this.#stopped) return
    const { clock, log } = this.#host
    this.#reader = new JournalReader({
      clock,
      log,
      arguments: () => this.#arguments(),
      entries: (batch) => this.#take(batch),
      state: (failure) => {
        if (this.#stopped) return
        if (failure === '') this.#host.setHealth(HealthState.healthy, 'journal tailer is running')
        else this.#host.setHealth(HealthState.unhealthy, failure)
      },
      fault: (why) => log.warn('Left out a part of the journal', { why }),
    })
    this.#reader.start()
  }

  #arguments(): string[] {
    const { path, matches, max_age: ageMs } = this.#settings
    const args = path === '' ? [] : [`--directory=${path}`]
    const sinceMs = ageMs > 0 ? this.#host.clock.now() - ageMs : 0
    const takenUs = cursorMicroseconds(this.#cursor)
    const isOld = takenUs !== undefined && Number(takenUs / 1000n) < sinceMs
    if (this.#cursor !== '' && !isOld) args.push(`--after-cursor=${this.#cursor}`)
    else if (sinceMs > 0) args.push(`--since=@${(sinceMs / 1000).toFixed(3)}`)
    return [...args, '--', ...matchesOf(matches)]
  }

  async #take(batch: readonly JournalEntry[]): Promise<void> {
    for (const entry of batch) this.#add(entry)
    const { count } = this.#gathered
    if (count > 0) {
      const taken = await this.#delivery.handOn(this.#gathered.take(this.#host.clock.now()), count)
      if (taken) this.#lines.add(count)
      // Given up at the stop: read again after the next start.
      else if (this.#delivery.gaveUp) return
    }
    const last = batch[batch.length - 1]
    if (last === undefined || last.cursor === '') return
    this.#cursor = last.cursor
    this.#positions.set(this.#key, '', last.cursor, '')
  }

  #add(entry: JournalEntry): void {
    const line = this.#settings.format_as_json ? goJson(fieldsOf(entry)) : (entry.get('MESSAGE') ?? '')
    if (line === '') {
      this.#noMessage.add(1)
      this.#drop(noMessageReason)
      return
    }
    const labels = this.#labels(entry)
    if (labels === null || labels.length === 0) {
      this.#noLabels.add(1)
      this.#drop(labels === null ? relabelledReason : noLabelsReason)
      return
    }
    const us = entry.realtimeMicroseconds
    this.#gathered.add(labels, line, us === 0n ? null : us * 1000n)
  }

  #drop(reason: string): void {
    this.#host.counters.in++
    this.#host.counters.drop(reason, 1)
  }

  /** Only fields that rules look at make a difference. */
  #labels(entry: JournalEntry): Labels | null {
    let key = ''
    const { names } = entry
    for (let i = 0; i < names.length; i++) {
      const name = names[i] as string
      if (this.#field(name).isUsed) key += `${name}\0${entry.value(i)}\0`
    }
    const known = this.#sets.get(key)
    if (known !== undefined) return known
    return this.#sets.set(key, sourceLabels(this.#pairs(entry), this.#settings.relabel_rules))
  }

  #field(name: string): FieldLabel {
    let field = this.#fields.get(name)
    if (field === undefined) {
      const label = `__journal_${name.toLowerCase()}`
      const keyword = name === 'PRIORITY' && this.#used.has('__journal_priority_keyword')
      field = { name: label, isUsed: keyword || this.#used.has(label) }
      this.#fields.set(name, field)
    }
    return field
  }

  #pairs(entry: JournalEntry): [string, string][] {
    const pairs: [string, string][] = [...this.#settings.labels, ['job', this.#host.id]]
    for (const [i, name] of entry.names.entries()) {
      const field = this.#field(name)
      if (!field.isUsed) continue
      const value = entry.value(i)
      if (name === 'PRIORITY') {
        const keyword = /^[0-7]$/.test(value) ? priorities[Number(value)] : value
        pairs.push(['__journal_priority_keyword', keyword as string])
      }
      pairs.push([field.name, value])
    }
    return pairs
  }

  /** Another journal, other matches or another age start the reading anew, from where it is. */
  async update(settings: LokiSourceJournalSettings): Promise<void> {
    const before = this.#settings
    this.#settings = settings
    this.#delivery.forwardTo(settings.forward_to)
    this.#used = new UsedLabels(settings.relabel_rules)
    this.#fields = new Map()
    this.#sets = new LabelSets()
    if (!this.#started || selection(before) === selection(settings)) return
    const reader = this.#reader
    await reader?.stop(updateDeadlineMs)
    if (this.#isNext) return
    this.#isNext = true
    // What is being handed on still moves the cursor: a reader from where it is now would read that again.
    const next = (reader?.settled ?? Promise.resolve()).then(() => {
      this.#isNext = false
      this.#follow()
    })
    if (this.#delivery.waiting === 0) await next
  }

  async stop(deadlineMs: number): Promise<void> {
    if (this.#stopped) return
    this.#stopped = true
    this.#delivery.stopping(deadlineMs)
    await this.#reader?.stop(deadlineMs)
    await this.#delivery.stop(deadlineMs)
    if (this.#started) await this.#positions.stop()
  }

  debug(): unknown {
    return { cursor: this.#cursor }
  }
}

/** Of a field that comes twice the later value. */
function fieldsOf(entry: JournalEntry): Map<string, string> {
  const fields = new Map<string, string>()
  for (const [i, name] of entry.names.entries()) fields.set(name, entry.value(i))
  return fields
}

/** What is being handed on has so long to be taken when the reading starts anew. */
const updateDeadlineMs = 5000

function selection({ path, matches, max_age: age }: LokiSourceJournalSettings): string {
  return JSON.stringify([path, matches, age])
}
