// Puts consecutive entries together: lines of a stack trace, parts of a long line.
import { attr, defineSettings, duration, oneOf, type SettingsOf, string, uint } from '#component'
import { compileCondition } from '#component/expr'
import { type Entry, entryVariables } from '../entry.ts'
import { type Condition, EntryError, Operator, type OperatorBase } from '../operator.ts'
import type { Field } from '../field.ts'
import { size } from '../size.ts'
import { compiled, field, type Problem } from './settings.ts'

export const recombineSettings = defineSettings({
  is_first_entry: attr(string, 'An expression: does the entry begin another one?', { default: '' }),
  is_last_entry: attr(string, 'An expression: does the entry end one?', { default: '' }),
  combine_field: attr(field, 'The field that is put together.', { required: true }),
  combine_with: attr(string, 'What is put between.', { default: '\n' }),
  max_batch_size: attr(uint, 'Entries put together at most; 0: no limit.', { default: 1000 }),
  max_unmatched_batch_size: attr(uint, 'The same before the expression is true the first time.', { default: 100 }),
  overwrite_with: attr(oneOf('oldest', 'newest'), 'The entry that has all the other fields.', { default: 'oldest' }),
  force_flush_period: attr(duration, 'How long an entry waits for more.', { default: '5s' }),
  source_identifier: attr(field, 'Only entries with the same value here are put together.', {
    default: 'attributes["log.file.path"]',
  }),
  max_sources: attr(uint, 'Values of it at once.', { default: 1000 }),
  max_log_size: attr(size, 'Bytes after which what is there goes on; 0: no limit.', { default: 0 }),
})
export type RecombineSettings = SettingsOf<typeof recombineSettings>

export function recombineRule(
  settings: RecombineSettings,
  problem: Problem,
): { readonly isFirst: boolean; readonly matches: Condition } {
  const { is_first_entry: first, is_last_entry: last } = settings
  if ((first === '') === (last === '')) {
    problem('exactly one of is_first_entry and is_last_entry must be set', last === '' ? [] : ['is_last_entry'])
  }
  const isFirst = first !== ''
  const matches = compiled(() => compileCondition(isFirst ? first : last, entryVariables), problem, [
    isFirst ? 'is_first_entry' : 'is_last_entry',
  ])
  return { isFirst, matches: matches ?? (() => false) }
}

/** What is put together of one source. */
class Batch {
  base: Entry
  readonly texts: string[] = []
  bytes = 0
  entries = 1
  hasMatched = false
  readonly sinceMs: number

  constructor(base: Entry, sinceMs: number) {
    this.base = base
    this.sinceMs = sinceMs
  }
}

export interface RecombineOptions {
  readonly isFirst: boolean
  readonly matches: Condition
  readonly field: Field
  readonly joinedWith: string
  readonly entriesMax: number
  readonly unmatchedMax: number
  readonly keepsNewest: boolean
  readonly flushMs: number
  readonly source: Field
  readonly sourcesMax: number
  readonly bytesMax: number
}

export function recombineOptions(s: RecombineSettings, problem: Problem): RecombineOptions {
  return {
    ...recombineRule(s, problem),
    field: s.combine_field,
    joinedWith: s.combine_with,
    entriesMax: s.max_batch_size,
    unmatchedMax: s.max_unmatched_batch_size,
    keepsNewest: s.overwrite_with === 'newest',
    flushMs: s.force_flush_period,
    source: s.source_identifier,
    sourcesMax: s.max_sources,
    bytesMax: s.max_log_size,
  }
}

export class Recombine extends Operator {
  readonly #options: RecombineOptions
  readonly #batches = new Map<string, Batch>()

  constructor(base: OperatorBase, options: RecombineOptions) {
    super(base)
    this.#options = options
  }

  protected apply(entry: Entry): void {
    const { isFirst, matches, source: from } = this.#options
    const isMatch = matches(entry)
    const id = from.get(entry)
    const source = typeof id === 'string' ? id : ''
    if (isMatch && isFirst) this.#flushSource(source)
    this.#add(entry, source, isMatch)
    if (isMatch && !isFirst) this.#flushSource(source)
  }

  /** Entries go on when they are whole. */
  protected override after(): void {}

  #add(entry: Entry, source: string, isMatch: boolean): void {
    const { sourcesMax, keepsNewest, field: at, joinedWith } = this.#options
    const text = at.get(entry)
    if (typeof text !== 'string')
      throw new EntryError(`entry does not contain the combine_field ${at.toString()} as text`)
    let batch = this.#batches.get(source)
    if (batch === undefined) {
      if (this.#batches.size >= Math.max(sourcesMax, 1)) this.flush(Infinity)
      batch = new Batch(entry, this.context.clock.monotonic())
      this.#batches.set(source, batch)
    } else {
      batch.entries++
      if (keepsNewest) batch.base = entry
      batch.bytes += joinedWith.length
    }
    this.held++
    batch.hasMatched ||= isMatch
    batch.texts.push(text)
    batch.bytes += Buffer.byteLength(text)
    if (this.#isFull(batch)) this.#flushSource(source)
  }

  #isFull({ bytes, entries, hasMatched }: Batch): boolean {
    const { bytesMax, entriesMax, unmatchedMax } = this.#options
    return (
      (bytesMax > 0 && bytes > bytesMax) ||
      (entriesMax > 0 && entries >= entriesMax) ||
      (!hasMatched && unmatchedMax > 0 && entries >= unmatchedMax)
    )
  }

  #flushSource(source: string): void {
    const batch = this.#batches.get(source)
    if (batch === undefined) return
    this.#batches.delete(source)
    this.held -= batch.entries
    this.context.drop('combined', batch.entries - 1)
    this.#options.field.set(batch.base, batch.texts.join(this.#options.joinedWith))
    this.write(batch.base)
  }

  override flush(nowMs: number): void {
    for (const [source, { sinceMs }] of this.#batches) {
      if (nowMs - sinceMs >= this.#options.flushMs) this.#flushSource(source)
    }
  }
}
