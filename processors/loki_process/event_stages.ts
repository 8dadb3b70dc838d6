// Stages that take the messages of Windows events apart: eventlogmessage, windowsevent.
import { attr, bool, defineSettings, type SettingsOf, string } from '#component'
import { isLegacyLabelName } from '#component/relabel'
import { withoutOuterSpace } from '#lib/trailing'
import type { Line } from './line.ts'
import { SieveStage, type StageContext } from './stage.ts'

const fields = {
  source: attr(string, 'The extracted value that is the message.', { default: 'message' }),
  drop_invalid_labels: attr(bool, 'Leave out keys that are no label names; else they are made such.', {
    default: false,
  }),
  overwrite_existing: attr(bool, 'Set extracted values anew; else `_extracted` is put behind the key.', {
    default: false,
  }),
} as const

export const eventLogMessageSettings = defineSettings(fields, {
  check: ({ source }, report) => !isLegacyLabelName(source) && report(`invalid label name: ${source}`, ['source']),
})

export const windowsEventSettings = defineSettings(fields, {
  check: ({ source }, report) => source === '' && report('invalid label name: ""', ['source']),
})
type EventSettings = SettingsOf<typeof eventLogMessageSettings>

/** Letters, digits and underscores, no digit first. */
function asLabelName(key: string): string {
  const name = [...key]
    .map((char, i) => (/[a-zA-Z_]/.test(char) || (/[0-9]/.test(char) && i > 0) ? char : '_'))
    .join('')
  return name === '' ? '_' : name
}

/** A line whose message is null or a list is dropped, as in Alloy. */
abstract class EventStage extends SieveStage {
  readonly #settings: EventSettings

  constructor(settings: EventSettings, context: StageContext, reason: string) {
    super(context, reason)
    this.#settings = settings
  }

  isDropped(line: Line): boolean {
    const { source } = this.#settings
    if (!line.extracted.has(source)) return false
    const message = line.extractedText(source)
    if (message === undefined) return true
    this.read(message, line)
    return false
  }

  protected abstract read(message: string, line: Line): void

  /** Set `key`, made a name that there is not yet, unless it is to be left out. */
  protected set(line: Line, key: string, value: string, isName: boolean): void {
    const { drop_invalid_labels: leavesOut, overwrite_existing: overwrites } = this.#settings
    if (!isName && leavesOut) return
    let name = isName ? key : asLabelName(key)
    if (!overwrites && line.extracted.has(name)) name += '_extracted'
    line.extracted.set(name, value)
  }
}

/** Lines `key: value`. */
export class EventLogMessageStage extends EventStage {
  constructor(settings: EventSettings, context: StageContext) {
    super(settings, context, 'eventlogmessage_stage')
  }

  protected read(message: string, line: Line): void {
    for (const one of message.split('\r\n')) {
      const colon = one.indexOf(':')
      if (colon < 0) continue
      const key = one.slice(0, colon)
      this.set(line, key, withoutOuterSpace(one.slice(colon + 1)), isLegacyLabelName(key))
    }
  }
}

/**
 * A description, then sections after empty lines: keys with values, which may go on over lines without a colon. A section's
 * title, its first line where that has no value, is put before its keys.
 */
export class WindowsEventStage extends EventStage {
  constructor(settings: EventSettings, context: StageContext) {
    super(settings, context, 'windowsevent_stage')
  }

  protected read(message: string, line: Line): void {
    const [description = '', ...sections] = message.split('\r\n\r\n')
    this.#set(line, 'Description', description)
    for (const section of sections) this.#section(line, section.split('\r\n'))
  }

  #section(line: Line, rows: readonly string[]): void {
    let title = ''
    let at = 0
    while (at < rows.length) {
      const row = rows[at++] as string
      const colon = row.indexOf(':')
      if (colon < 0) continue
      const key = row.slice(0, colon)
      let value = row.slice(colon + 1)
      if (value === '') {
        if (at === 1) title = key
        continue
      }
      for (let next = rows[at]; next !== undefined && next !== '' && !next.includes(':'); next = rows[++at]) {
        value += `,${next}`
      }
      this.#set(line, title === '' ? key : `${title}_${key}`, value)
    }
  }

  /** Any text is a label name, but for the empty one. */
  #set(line: Line, key: string, value: string): void {
    const name = key.replace(/[\t\r\n ]/g, '')
    this.set(line, name, withoutOuterSpace(value.replace(/[\t\r\n]/g, '')), name !== '')
  }
}
