// The process's own log: lines through the OpenTelemetry logs API to standard error, as logfmt, JSON or columns.
import type { Logger as LogsLogger, LoggerProvider, LogRecord } from '@opentelemetry/api-logs'
import { SeverityNumber } from '@opentelemetry/api-logs'
import type { Clock, Logger } from '#component'
import type { Sampler } from '#lib/sampler'

export const LogLevel = { debug: 'debug', info: 'info', warn: 'warn', error: 'error' } as const
export type LogLevel = (typeof LogLevel)[keyof typeof LogLevel]

const severity: Readonly<Record<LogLevel, SeverityNumber>> = {
  debug: SeverityNumber.DEBUG,
  info: SeverityNumber.INFO,
  warn: SeverityNumber.WARN,
  error: SeverityNumber.ERROR,
}

export interface LoggingOptions {
  readonly level: LogLevel
  /** `console`: time, level and message between tabs, then the fields as JSON, as the upstream collector writes. */
  readonly format: 'logfmt' | 'json' | 'console'
  /** What every line carries. */
  readonly fields?: Readonly<Record<string, unknown>>
  /** Leaves out some of the lines of the same level and message. */
  readonly sampler?: Sampler | undefined
  readonly clock: Clock
  write(line: string): void
  /** Gets every line too, without its end, and the fields of whoever logged it. */
  readonly forward?: ((line: string, attributes: Readonly<Record<string, unknown>>) => void) | undefined
}

/** A provider of the OpenTelemetry logs API that writes each record as one line. Level and format can change. */
export class LineLoggerProvider implements LoggerProvider {
  #options: LoggingOptions

  constructor(options: LoggingOptions) {
    this.#options = options
  }

  configure(options: Partial<LoggingOptions>): void {
    this.#options = { ...this.#options, ...options }
  }

  getLogger(name: string): LogsLogger {
    return {
      enabled: (options) => this.#wanted(options?.severityNumber ?? SeverityNumber.INFO),
      emit: (record) => this.#emit(name, record),
    }
  }

  #wanted(number: SeverityNumber): boolean {
    return number >= severity[this.#options.level]
  }

  #emit(_name: string, record: LogRecord): void {
    if (!this.#wanted(record.severityNumber ?? SeverityNumber.INFO)) return
    const { format, clock, sampler, write, forward } = this.#options
    if (sampler?.passes(`${record.severityText ?? 'info'} ${String(record.body)}`) === false) return
    const fields: [string, unknown][] = [
      ['ts', new Date(clock.now()).toISOString()],
      ['level', record.severityText ?? 'info'],
      ['msg', record.body],
      ...Object.entries(this.#options.fields ?? {}),
      ...Object.entries(record.attributes ?? {}),
    ]
    const line = format === 'json' ? jsonLine(fields) : format === 'console' ? consoleLine(fields) : logfmtLine(fields)
    write(line)
    forward?.(line.slice(0, -1), record.attributes ?? {})
  }
}

/** The logger that components get: constant sentences with fields. */
export function loggerFor(provider: LoggerProvider, fields: Readonly<Record<string, string>>): Logger {
  const logger = provider.getLogger('solder')
  const at =
    (level: LogLevel) =>
    (message: string, more: Readonly<Record<string, unknown>> = {}): void => {
      if (!logger.enabled({ severityNumber: severity[level] })) return
      const attributes: Record<string, string | number | boolean> = { ...fields }
      for (const [key, value] of Object.entries(more)) attributes[key] = shown(value)
      logger.emit({ severityNumber: severity[level], severityText: level, body: message, attributes })
    }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

/** A field's value for a line. Secrets print themselves as `(secret)`. */
function shown(value: unknown): string | number | boolean {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value
  if (value instanceof Error) return value.message
  if (typeof value === 'bigint') return value.toString()
  if (value === null || value === undefined) return ''
  if (typeof value === 'object' && 'toJSON' in value) return String(value)
  return JSON.stringify(value, (_, v: unknown) => (typeof v === 'bigint' ? v.toString() : v)) ?? ''
}

function jsonLine(fields: readonly (readonly [string, unknown])[]): string {
  return `${JSON.stringify(Object.fromEntries(fields))}\n`
}

/** Time, level and message first. Control characters never reach the terminal. */
function consoleLine(fields: readonly (readonly [string, unknown])[]): string {
  const columns = fields
    .slice(0, 3)
    .map(([, value]) => JSON.stringify(String(value)).slice(1, -1).replaceAll('\\"', '"'))
  if (fields.length > 3) columns.push(JSON.stringify(Object.fromEntries(fields.slice(3))))
  return `${columns.join('\t')}\n`
}

function logfmtLine(fields: readonly (readonly [string, unknown])[]): string {
  return `${fields.map(([key, value]) => `${key.replace(/[\s="]/g, '_')}=${logfmtValue(String(value))}`).join(' ')}\n`
}

function logfmtValue(text: string): string {
  return text !== '' && /^[^\s="\\\p{Cc}]+$/u.test(text) ? text : JSON.stringify(text)
}
