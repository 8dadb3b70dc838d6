// Looks for secrets in the lines of batches and hands them on with the secrets replaced.
import { createHash } from 'node:crypto'
import { type Component, ConsumeError, type Host, type LogsConsumer } from '#component'
import { type Labels, labelsFrom, labelValue, Logs, LogStream } from '#pdata'
import type { LokiSecretFilterSettings } from './component.ts'
import { type Detector, type Finding, loadDetector } from './gitleaks.ts'
import { replaceTexts } from './replace.ts'

const timeoutReason = 'processing_timeout'
const timedOutLabel = ['secretfilter', 'timed-out'] as const
const durationBounds = [0.000_01, 0.000_1, 0.001, 0.01, 0.1, 1]

/** Throws `SettingsError` for rules that cannot be read. */
export async function makeLokiSecretFilter(host: Host, settings: LokiSecretFilterSettings): Promise<LokiSecretFilter> {
  return new LokiSecretFilter(host, settings, await loadDetector(settings.gitleaks_config))
}

class LokiSecretFilter implements Component<LokiSecretFilterSettings>, LogsConsumer {
  readonly logs: LogsConsumer
  readonly #host: Host
  #settings: LokiSecretFilterSettings
  #detector: Detector
  #next: LogsConsumer
  /** Values of the origin label that have counts of their own. */
  readonly #origins = new Set<string>()
  /** Lines dropped of batches of which the rest is on its way. */
  #dropping: number

  constructor(host: Host, settings: LokiSecretFilterSettings, detector: Detector) {
    this.logs = this
    this.#host = host
    this.#settings = settings
    this.#detector = detector
    this.#next = host.outlet(settings.forward_to)
    this.#dropping = 0
    host.counters.observeWaiting(() => this.#dropping)
  }

  async update(settings: LokiSecretFilterSettings): Promise<void> {
    this.#detector = await loadDetector(settings.gitleaks_config)
    this.#settings = settings
    this.#next = this.#host.outlet(settings.forward_to)
  }

  /** A batch that the next consumer refuses is refused as a whole, what was dropped of it included. */
  consume(batch: Logs): void | Promise<void> {
    if (batch.streams === null) {
      throw new ConsumeError('Cannot take OTLP logs: a bridge has to make streams of them', { retryable: false })
    }
    const after = this.#filtered(batch, batch.streams)
    const dropped = batch.count - after.count
    const done = after.count > 0 ? this.#next.consume(after) : undefined
    if (done) return this.#settle(done, dropped)
    this.#host.counters.drop(timeoutReason, dropped)
    return undefined
  }

  async #settle(done: Promise<void>, dropped: number): Promise<void> {
    this.#dropping += dropped
    try {
      await done
      this.#host.counters.drop(timeoutReason, dropped)
    } finally {
      this.#dropping -= dropped
    }
  }

  stop(): void {}

  debug(): unknown {
    return { rules: this.#detector.rules }
  }

  /** The same batch where nothing is found. */
  #filtered(batch: Logs, streams: readonly LogStream[]): Logs {
    let isChanged = false
    const out: LogStream[] = []
    for (const stream of streams) {
      const made = this.#stream(stream)
      if (made.length !== 1 || made[0] !== stream) isChanged = true
      out.push(...made)
    }
    return isChanged ? Logs.fromStreams(out, batch.context) : batch
  }

  #stream(stream: LogStream): LogStream[] {
    const lines: string[] = []
    const kept: number[] = []
    const late: number[] = []
    const lateLines: string[] = []
    let isChanged = false
    for (const [i, line] of stream.lines.entries()) {
      const { text, isLate } = this.#line(line, stream.labels)
      if (text === null) isChanged = true
      else if (isLate && this.#settings.label_timed_out) {
        late.push(i)
        lateLines.push(text)
      } else {
        kept.push(i)
        lines.push(text)
        if (text !== line) isChanged = true
      }
    }
    if (!isChanged && late.length === 0) return [stream]
    const made: LogStream[] = []
    if (kept.length > 0) made.push(part(stream, stream.labels, kept, lines))
    if (late.length > 0) made.push(part(stream, withTimedOut(stream.labels), late, lateLines))
    return made
  }

  /** Null: dropped. */
  #line(line: string, labels: Labels): { text: string | null; isLate: boolean } {
    const { rate, processing_timeout: timeoutMs, drop_on_timeout: dropsLate } = this.#settings
    const { clock, instruments } = this.#host
    if (rate < 1 && clock.random() >= rate) {
      const help = 'Total number of entries forwarded without processing due to sampling.'
      instruments.counter('loki_secretfilter_entries_bypassed_total', help).add(1)
      return { text: line, isLate: false }
    }
    const startMs = clock.monotonic()
    const isOver = timeoutMs > 0 ? (): boolean => clock.monotonic() - startMs >= timeoutMs : (): boolean => false
    const findings = this.#detector.find(line, isOver)
    const help = 'Summary of the time taken to process and redact logs in seconds.'
    const name = 'loki_secretfilter_processing_duration_seconds'
    instruments.histogram(name, help, durationBounds).observe((clock.monotonic() - startMs) / 1000)
    const isLate = isOver()
    if (isLate) this.#countLate(dropsLate)
    if (isLate && dropsLate) return { text: null, isLate }
    return { text: findings.length === 0 ? line : this.#redacted(line, findings, labels), isLate }
  }

  #countLate(isDropped: boolean): void {
    const { instruments } = this.#host
    const help = 'Total number of log lines that exceeded the processing timeout'
    instruments.counter('loki_secretfilter_lines_timed_out_total', help).add(1)
    if (!isDropped) return
    const dropHelp = 'Total number of log lines dropped due to processing timeout.'
    instruments.counter('loki_secretfilter_lines_dropped_total', dropHelp).add(1)
  }

  #redacted(line: string, findings: readonly Finding[], labels: Labels): string {
    const { redact_with: text, redact_percent: percent, origin_label: originLabel } = this.#settings
    const { instruments } = this.#host
    const origin = originLabel === '' ? '' : this.#originOf(labelValue(labels, originLabel))
    const by = new Map<string, string>()
    for (const { rule, secret } of findings) {
      if (!by.has(secret)) by.set(secret, text === '' ? masked(secret, percent) : named(text, rule, secret))
      const help = 'Total number of secrets that have been redacted.'
      instruments.counter('loki_secretfilter_secrets_redacted_total', help).add(1)
      const byHelp = 'Number of secrets redacted, partitioned by rule name and origin label value.'
      instruments.counter('loki_secretfilter_secrets_redacted_by_category_total', byHelp, { rule, origin }).add(1)
    }
    return replaceTexts(line, by)
  }

  /** What lines say is no bound on how many series there are. */
  #originOf(value: string): string {
    if (this.#origins.has(value)) return value
    if (this.#origins.size >= this.#settings.origin_limit) return otherOrigin
    this.#origins.add(value)
    return value
  }
}

/** Stands for the values of the origin label that are too many. */
const otherOrigin = 'other'

function named(text: string, rule: string, secret: string): string {
  return text
    .replaceAll('$SECRET_NAME', () => rule)
    .replaceAll('$SECRET_HASH', () => createHash('sha1').update(secret).digest('hex'))
}

const percentDefault = 80

/** The beginning of a secret and `...`; at 100 percent nothing of it. Halves round to even, as in gitleaks. */
function masked(secret: string, percent: number): string {
  const gone = percent >= 1 && percent <= 100 ? percent : percentDefault
  if (gone === 100) return 'REDACTED'
  const exact = (secret.length * (100 - gone)) / 100
  const floor = Math.floor(exact)
  const length = exact - floor === 0.5 ? floor + (floor % 2) : Math.round(exact)
  return `${secret.slice(0, length)}...`
}

function part(stream: LogStream, labels: Labels, kept: readonly number[], lines: readonly string[]): LogStream {
  const metadata = stream.metadata === null ? null : kept.map((i) => stream.metadata?.[i] ?? null)
  return new LogStream(
    labels,
    BigInt64Array.from(kept, (i) => stream.timestampsNs[i] as bigint),
    lines,
    metadata,
  )
}

function withTimedOut(labels: Labels): Labels {
  const all = new Map<string, string>()
  for (let i = 0; i < labels.length; i += 2) all.set(labels[i] as string, labels[i + 1] as string)
  return labelsFrom([...all.set(...timedOutLabel)])
}
