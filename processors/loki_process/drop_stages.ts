// Stages that drop lines: drop, sampling, limit.
import {
  attr,
  bool,
  byteSize,
  type Clock,
  defineSettings,
  duration,
  float,
  int,
  type SettingsOf,
  string,
} from '#component'
import { compileRegexp, type Regexp } from '#lib/regexp'
import { labelValue } from '#pdata'
import { checkExpression, quoteMeta } from './expression.ts'
import type { Line } from './line.ts'
import { SieveStage, type Stage, type StageContext } from './stage.ts'

const dropReason = 'drop_stage'
const defaultSeparator = ';'

export const dropSettings = defineSettings(
  {
    source: attr(string, 'Extracted values, names separated by commas; "": the line.', { default: '' }),
    value: attr(string, 'The source must be this.', { default: '' }),
    expression: attr(string, 'The source must match this.', { default: '' }),
    separator: attr(string, 'What several sources are joined with.', { default: defaultSeparator }),
    older_than: attr(duration, 'Lines must be older.', { default: '0s' }),
    longer_than: attr(byteSize, 'Lines must be longer.', { default: '0' }),
    drop_counter_reason: attr(string, 'The reason under which dropped lines are counted.', { default: dropReason }),
  },
  {
    check({ source, value, expression, older_than: olderMs, longer_than: bytes }, report) {
      if (source === '' && expression === '' && olderMs === 0 && bytes === 0) {
        report('drop stage config must contain at least one of `source`, `expression`, `older_than` or `longer_than`')
      }
      if (value !== '' && expression !== '') {
        report('drop stage config error, `value` and `expression` cannot both be defined at the same time', ['value'])
      }
      if (value !== '' && source === '') {
        report('drop stage config must contain `source` if `value` is specified', ['value'])
      }
      checkExpression(expression, 'expression', report)
    },
  },
)

/** Drops lines for which every condition that is set holds. */
export class DropStage extends SieveStage {
  readonly #clock: Clock
  readonly #settings: SettingsOf<typeof dropSettings>
  readonly #sources: readonly string[]
  readonly #regexp: Regexp | null

  constructor(settings: SettingsOf<typeof dropSettings>, context: StageContext) {
    super(context, settings.drop_counter_reason || dropReason)
    this.#clock = context.clock
    this.#settings = settings
    this.#sources = settings.source === '' ? [] : settings.source.split(',')
    const pattern = settings.value === '' ? settings.expression : `^${quoteMeta(settings.value)}$`
    this.#regexp = pattern === '' ? null : compileRegexp(pattern)
  }

  isDropped(line: Line): boolean {
    const { longer_than: bytes, older_than: olderMs, separator } = this.#settings
    if (bytes > 0 && Buffer.byteLength(line.text) <= bytes) return false
    if (olderMs !== 0 && line.timestampNs >= BigInt(Math.trunc(this.#clock.now() - olderMs)) * 1_000_000n) return false
    if (this.#sources.length === 0) return this.#regexp === null || this.#regexp.test(line.text)
    const { extracted } = line
    if (this.#regexp === null) return this.#sources.every((name) => extracted.has(name))
    const texts: string[] = []
    for (const name of this.#sources) {
      if (!extracted.has(name)) continue
      const text = line.extractedText(name)
      if (text === undefined) return false
      texts.push(text)
    }
    return this.#regexp.test(texts.join(separator || defaultSeparator))
  }
}

export const samplingSettings = defineSettings(
  {
    rate: attr(float, 'The share of lines that go on, from 0 to 1.', { required: true }),
    drop_counter_reason: attr(string, 'The reason under which dropped lines are counted.', {
      default: 'sampling_stage',
    }),
  },
  {
    check({ rate }, report) {
      if (!(rate >= 0 && rate <= 1)) {
        const message = 'sampling stage failed to parse rate,Sampling Rate must be between 0.0 and 1.0'
        report(`${message}, received ${rate.toFixed(6)}`, ['rate'])
      }
    },
  },
)

export class SamplingStage extends SieveStage {
  readonly #clock: Clock
  readonly #rate: number

  constructor(settings: SettingsOf<typeof samplingSettings>, context: StageContext) {
    super(context, settings.drop_counter_reason)
    this.#clock = context.clock
    this.#rate = settings.rate
  }

  isDropped(): boolean {
    return this.#clock.random() >= this.#rate
  }
}

const limitReason = 'ratelimit_drop_stage'
const distinctLabelsMin = 10_000

export const limitSettings = defineSettings(
  {
    rate: attr(float, 'Lines per second.', { required: true }),
    burst: attr(int, 'Lines at once.', { required: true }),
    drop: attr(bool, 'Drop what is more; else senders wait.', { default: false }),
    by_label_name: attr(string, 'A label for each value of which the limit holds.', { default: '' }),
    max_distinct_labels: attr(int, 'Values of the label that are told apart, at least 10000.', {
      default: distinctLabelsMin,
    }),
  },
  {
    check({ rate, burst, drop, by_label_name: label }, report) {
      if (rate <= 0 || burst <= 0) report('limit stage failed to parse rate or burst')
      if (label !== '' && !drop) report('when ratelimiting by label, drop must be true', ['by_label_name'])
    },
  },
)

/** Tokens that come at a rate and are kept up to a number. */
class TokenBucket {
  readonly #perMs: number
  readonly #burst: number
  #tokens: number
  #atMs: number

  constructor(perSecond: number, burst: number, nowMs: number) {
    this.#perMs = perSecond / 1000
    this.#burst = burst
    this.#tokens = burst
    this.#atMs = nowMs
  }

  /** Take one if there is one. */
  allow(nowMs: number): boolean {
    this.#refill(nowMs)
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }

  /** Take one now or in advance; gives when it is there. */
  reserve(nowMs: number): number {
    this.#refill(nowMs)
    this.#tokens--
    return this.#tokens >= 0 ? nowMs : nowMs - this.#tokens / this.#perMs
  }

  #refill(nowMs: number): void {
    this.#tokens = Math.min(this.#burst, this.#tokens + (nowMs - this.#atMs) * this.#perMs)
    this.#atMs = nowMs
  }
}

export class LimitStage implements Stage {
  readonly #settings: SettingsOf<typeof limitSettings>
  readonly #context: StageContext
  readonly #bucket: TokenBucket
  /** By the label's value, in two generations: full, the younger becomes the older, and that is forgotten. */
  #buckets: Map<string, TokenBucket>
  #olderBuckets: Map<string, TokenBucket>
  /** Lines that wait for their token, with when it is there. */
  #queue: { readonly line: Line; readonly atMs: number }[]

  constructor(settings: SettingsOf<typeof limitSettings>, context: StageContext) {
    this.#settings = settings
    this.#context = context
    this.#bucket = this.#newBucket()
    this.#buckets = new Map()
    this.#olderBuckets = new Map()
    this.#queue = []
  }

  process(lines: Line[]): Line[] {
    const { drop, by_label_name: label } = this.#settings
    const nowMs = this.#context.clock.monotonic()
    const out: Line[] = []
    for (const line of lines) {
      if (label !== '') {
        if (this.#allowsByLabel(line, label, nowMs)) out.push(line)
      } else if (drop) {
        if (this.#bucket.allow(nowMs)) out.push(line)
        else this.#context.drop(limitReason)
      } else {
        const atMs = this.#bucket.reserve(nowMs)
        if (atMs <= nowMs && this.#queue.length === 0) out.push(line)
        else this.#queue.push({ line, atMs })
      }
    }
    return out
  }

  due(nowMs: number): Line[] {
    let ready = 0
    while (ready < this.#queue.length && (this.#queue[ready]?.atMs ?? Infinity) <= nowMs) ready++
    return this.#queue.splice(0, ready).map(({ line }) => line)
  }

  deadlineMs(): number {
    return this.#queue[0]?.atMs ?? Infinity
  }

  drain(): Line[] {
    return this.#queue.splice(0).map(({ line }) => line)
  }

  get held(): number {
    return this.#queue.length
  }

  get isCongested(): boolean {
    return this.#queue.length > 0
  }

  /** Lines without the label are not limited. */
  #allowsByLabel(line: Line, label: string, nowMs: number): boolean {
    const value = labelValue(line.labels, label)
    if (value === '' || this.#bucketOf(value).allow(nowMs)) return true
    this.#context.drop(limitReason)
    const help = 'A count of all log lines dropped as a result of a pipeline stage'
    const attributes = { label_name: label, label_value: value }
    this.#context.instruments.counter('loki_process_dropped_lines_by_label_total', help, attributes).add(1)
    return false
  }

  #bucketOf(value: string): TokenBucket {
    const known = this.#buckets.get(value)
    if (known !== undefined) return known
    const bucket = this.#olderBuckets.get(value) ?? this.#newBucket()
    this.#buckets.set(value, bucket)
    if (this.#buckets.size >= Math.max(distinctLabelsMin, this.#settings.max_distinct_labels)) this.#turnOver()
    return bucket
  }

  #turnOver(): void {
    const name = 'loki_process_dropped_lines_by_label_total'
    for (const value of this.#olderBuckets.keys()) {
      this.#context.instruments.forget?.(name, { label_name: this.#settings.by_label_name, label_value: value })
    }
    this.#olderBuckets = this.#buckets
    this.#buckets = new Map()
  }

  #newBucket(): TokenBucket {
    return new TokenBucket(this.#settings.rate, this.#settings.burst, this.#context.clock.monotonic())
  }
}
