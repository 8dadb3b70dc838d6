// One GELF message: read strictly, and written again as Alloy writes it.
import { goJson } from '#lib/go_json'
import { withoutTrailing } from '#lib/trailing'

export interface GelfMessage {
  readonly version: string
  readonly host: string
  readonly facility: string
  /** A syslog severity; 0 where the message has none. */
  readonly level: number
  /** Seconds since the epoch; 0: none. */
  readonly timestamp: number
  /** The message as JSON: the fields of the format in their order, then those with an underscore in front. */
  readonly line: string
}

const texts = ['version', 'host', 'short_message', 'full_message', 'facility'] as const
const numbers = ['timestamp', 'level'] as const

/** Throws an error that says what is wrong. Fields that the format does not have are left out. */
export function readGelf(text: string): GelfMessage {
  // Senders over TCP end messages with a zero byte, and some do so over UDP.
  const parsed: unknown = JSON.parse(withoutTrailing(text, '\0 \t\r\n'))
  if (parsed === null || typeof parsed !== 'object' || Array.isArray(parsed)) throw new Error('it is no object')
  const fields = parsed as Record<string, unknown>
  const own = (name: string): unknown => (Object.hasOwn(fields, name) ? fields[name] : undefined)
  for (const name of texts) checkType(name, own(name), 'string')
  for (const name of numbers) checkType(name, own(name), 'number')
  const textOf = (name: (typeof texts)[number]): string => (own(name) as string | undefined) ?? ''
  const level = Math.trunc((own('level') as number | undefined) ?? 0)
  const timestamp = (own('timestamp') as number | undefined) ?? 0
  const pairs: [string, unknown][] = [
    ['version', textOf('version')],
    ['host', textOf('host')],
    ['short_message', textOf('short_message')],
  ]
  if (textOf('full_message') !== '') pairs.push(['full_message', textOf('full_message')])
  pairs.push(['timestamp', timestamp])
  if (level !== 0) pairs.push(['level', level])
  if (textOf('facility') !== '') pairs.push(['facility', textOf('facility')])
  const extra = Object.keys(fields).filter((name) => name.startsWith('_'))
  for (const name of extra.sort()) pairs.push([name, fields[name]])
  const line = `{${pairs.map(([name, value]) => `${goJson(name)}:${goJson(value)}`).join(',')}}`
  return { version: textOf('version'), host: textOf('host'), facility: textOf('facility'), level, timestamp, line }
}

function checkType(name: string, value: unknown, type: 'string' | 'number'): void {
  if (value !== undefined && typeof value !== type) throw new Error(`the field ${name} is no ${type}`)
}
