// For tests: operators run on entries that are written as JSON.
import type { Clock, Logger, Value } from '#component'
import type { ExprValue } from '#component/expr'
import { Entry, type EntryMap } from './entry.ts'
import { checkOperators, Pipeline, type PipelineOutput } from './pipeline.ts'

export type Json = string | number | boolean | null | bigint | readonly Json[] | { readonly [key: string]: Json }

/** As a configuration gives it: whole numbers are integers. */
export function valueOf(json: Json): Value {
  if (typeof json === 'number') return Number.isInteger(json) ? BigInt(json) : json
  if (json === null || typeof json !== 'object') return json
  if (Array.isArray(json)) return (json as readonly Json[]).map(valueOf)
  return new Map(Object.entries(json).map(([key, item]) => [key, valueOf(item)]))
}

export interface Given {
  readonly body?: Json
  readonly attributes?: Json
  readonly resource?: Json
}

/** What of an entry is not empty. */
export type Seen = { [key: string]: unknown }

export const nowMs = Date.UTC(2026, 0, 5, 12)

export class RunFixture {
  readonly logged: { readonly message: string; readonly fields: Readonly<Record<string, unknown>> | undefined }[] = []
  readonly pipeline: Pipeline
  monotonicMs = 0
  random = 0

  constructor(operators: readonly Json[]) {
    const clock: Clock = {
      now: () => nowMs,
      monotonic: () => this.monotonicMs,
      setTimeout: () => ({ cancel: () => {} }),
      random: () => this.random,
    }
    const note = (message: string, fields?: Readonly<Record<string, unknown>>): void => {
      this.logged.push({ message, fields })
    }
    const log: Logger = { debug: note, info: note, warn: note, error: note }
    const settings = operators.map((one) => valueOf(one) as ReadonlyMap<string, Value>)
    const problems: string[] = []
    checkOperators(settings, (message, path = []) => problems.push(`${path.join('.')}: ${message}`))
    if (problems.length > 0) throw new Error(problems.join('\n'))
    this.pipeline = new Pipeline(settings, { clock, log })
  }

  run(given: readonly Given[]): PipelineOutput {
    return this.pipeline.run(given.map(entryOf))
  }
}

export function problemsOf(operators: readonly Json[]): string[] {
  const problems: string[] = []
  const settings = operators.map((one) => valueOf(one) as ReadonlyMap<string, Value>)
  checkOperators(settings, (message, path = []) => problems.push(`${path.join('.')}: ${message}`))
  return problems
}

function entryOf({ body = '', attributes = {}, resource = {} }: Given): Entry {
  // JSON's own numbers are floats in entries; integers are written as bigints.
  return new Entry(
    structuredClone(body) as ExprValue,
    structuredClone(attributes) as EntryMap,
    structuredClone(resource) as EntryMap,
    0n,
  )
}

export function seen(entry: Entry): Seen {
  const out: Seen = { body: entry.body }
  if (Object.keys(entry.attributes).length > 0) out['attributes'] = entry.attributes
  if (Object.keys(entry.resource).length > 0) out['resource'] = entry.resource
  if (entry.timestampNs !== 0n) out['time'] = timeText(entry.timestampNs)
  if (entry.severity !== 0) out['severity'] = entry.severity
  if (entry.severityText !== '') out['severityText'] = entry.severityText
  if (entry.traceId.length > 0) out['traceId'] = Buffer.from(entry.traceId).toString('hex')
  if (entry.spanId.length > 0) out['spanId'] = Buffer.from(entry.spanId).toString('hex')
  if (entry.flags !== 0) out['flags'] = entry.flags
  if (entry.scopeName !== '') out['scope'] = entry.scopeName
  return out
}

function timeText(ns: bigint): string {
  const text = new Date(Number(ns / 1_000_000n)).toISOString()
  return `${text.slice(0, 19)}.${String(ns % 1_000_000_000n).padStart(9, '0')}Z`
}
