// The stage that takes the time of a line from an extracted value.
import { attr, type Clock, defineSettings, list, oneOf, type SettingsOf, string } from '#component'
import { type TimeReader, timeReader } from '#lib/go_time'
import { labelsKey, type Line } from './line.ts'
import { LineStage, type StageContext } from './stage.ts'

/** Streams whose last time is remembered. */
const streamsMax = 10_000

const formats: readonly string[] = []

export const timestampSettings = defineSettings(
  {
    source: attr(string, 'The extracted value that holds the time.', { required: true }),
    format: attr(string, 'Its layout as Go writes it, or the name of one: `RFC3339Nano`, `Unix`, `UnixMs`.', {
      required: true,
    }),
    fallback_formats: attr(list(string), 'Other formats, tried in turn.', { default: formats }),
    location: attr(string, 'Where times without an offset are, as in `Europe/Berlin`; absent: UTC.'),
    action_on_failure: attr(
      oneOf('fudge', 'skip'),
      'Where there is no time: one nanosecond after the line before, or the time when it was read.',
      { default: 'fudge' },
    ),
    action_on_duplicate_timestamp: attr(
      oneOf('fudge', 'keep'),
      'Where the time is that of the line before: one nanosecond later, or the same.',
      { default: 'fudge' },
    ),
  },
  {
    check({ source, format, location }, report) {
      if (source === '') report('timestamp source value is required if timestamp is specified', ['source'])
      if (format === '') report('timestamp format is required', ['format'])
      try {
        timeReader('Unix', location)
      } catch (error) {
        if (!(error instanceof RangeError)) throw error
        report(`invalid location specified: unknown time zone ${location}`, ['location'])
      }
    },
  },
)

interface Last {
  readonly parsedNs: bigint
  readonly givenNs: bigint
}

export class TimestampStage extends LineStage {
  readonly #settings: SettingsOf<typeof timestampSettings>
  readonly #clock: Clock
  readonly #readers: readonly TimeReader[]
  /** By label set, least recently used first. */
  readonly #last: Map<string, Last>

  constructor(settings: SettingsOf<typeof timestampSettings>, { clock }: StageContext) {
    super()
    this.#settings = settings
    this.#clock = clock
    this.#readers = [settings.format, ...settings.fallback_formats].map((f) => timeReader(f, settings.location))
    this.#last = new Map()
  }

  change(line: Line): void {
    const { action_on_failure: onFailure, action_on_duplicate_timestamp: onDuplicate } = this.#settings
    const parsedNs = this.#read(line.extractedText(this.#settings.source))
    const key = labelsKey(line.labels)
    const last = this.#last.get(key)
    if (parsedNs === undefined) {
      if (onFailure !== 'fudge' || last === undefined) return
      line.timestampNs = last.givenNs + 1n
      this.#remember(key, { parsedNs: last.parsedNs, givenNs: line.timestampNs })
      return
    }
    line.timestampNs = onDuplicate === 'fudge' && last?.parsedNs === parsedNs ? last.givenNs + 1n : parsedNs
    if (onFailure === 'fudge' || onDuplicate === 'fudge') {
      this.#remember(key, { parsedNs, givenNs: line.timestampNs })
    }
  }

  #read(text: string | undefined): bigint | undefined {
    if (text === undefined) return undefined
    for (const reader of this.#readers) {
      const ns = reader(text, this.#clock.now())
      if (ns !== undefined) return ns
    }
    return undefined
  }

  #remember(key: string, last: Last): void {
    this.#last.delete(key)
    this.#last.set(key, last)
    if (this.#last.size <= streamsMax) return
    for (const oldest of this.#last.keys()) {
      this.#last.delete(oldest)
      return
    }
  }
}
