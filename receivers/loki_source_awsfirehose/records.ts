// Reads requests of Amazon Data Firehose, and the events of CloudWatch Logs in them.
// docs.aws.amazon.com/firehose/latest/dev/httpdeliveryrequestresponse.html
import { inflated } from '#lib/inflate'

export interface FirehoseRequest {
  /** Milliseconds since the epoch. */
  readonly timestampMs: number
  /** Base64. */
  readonly records: readonly string[]
}

/** Events that CloudWatch Logs sends through a subscription. */
export interface CloudWatchRecord {
  readonly owner: string
  readonly logGroup: string
  readonly logStream: string
  readonly subscriptionFilters: readonly string[]
  readonly messageType: string
  readonly events: readonly { readonly timestampMs: number; readonly message: string }[]
}

/** A request that is none. */
export class FirehoseError extends Error {
  override readonly name = 'FirehoseError'
}

/** A record that is left out; `reason` is one of the metric's. */
export class RecordError extends Error {
  override readonly name = 'RecordError'
  readonly reason: string
  constructor(reason: string) {
    super(`a record is no ${reason}`)
    this.reason = reason
  }
}

/** Throws `FirehoseError`. */
export function readRequest(text: string): FirehoseRequest {
  const body = objectOf(text)
  if (body === undefined) throw new FirehoseError('the body is no JSON object')
  const records = body['records'] ?? []
  if (!Array.isArray(records)) throw new FirehoseError('the records are no list')
  return {
    timestampMs: numberOf(body['timestamp']),
    records: records.map((record: unknown) => {
      const data = record !== null && typeof record === 'object' ? (record as { data?: unknown }).data : undefined
      if (data !== undefined && typeof data !== 'string') throw new FirehoseError('the data of a record is no text')
      return data ?? ''
    }),
  }
}

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/**
 * A record's bytes: as they are (a line), or, where they are gzip, what they unpack to (events of CloudWatch Logs).
 * Throws `RecordError`.
 */
export async function decodeRecord(
  data: string,
  bytesMax: number,
): Promise<{ readonly bytes: Buffer; readonly isCloudWatch: boolean }> {
  const plain = data.replace(/[\r\n]/g, '')
  if (!base64.test(plain)) throw new RecordError('base64-decode')
  const bytes = Buffer.from(plain, 'base64')
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b || bytes[2] !== 8) return { bytes, isCloudWatch: false }
  try {
    const out = await inflated(bytes, 'gzip', bytesMax)
    return { bytes: Buffer.from(out.buffer, out.byteOffset, out.length), isCloudWatch: true }
  } catch {
    throw new RecordError('gzip-deflate')
  }
}

/** Throws `RecordError`. */
export function readCloudWatch(bytes: Buffer): CloudWatchRecord {
  const body = objectOf(bytes.toString('utf8'))
  if (body === undefined) throw new RecordError('cw-json-decode')
  const filters = body['subscriptionFilters'] ?? []
  const events = body['logEvents'] ?? []
  if (!Array.isArray(filters) || !Array.isArray(events)) throw new RecordError('cw-json-decode')
  return {
    owner: textOf(body['owner']),
    logGroup: textOf(body['logGroup']),
    logStream: textOf(body['logStream']),
    subscriptionFilters: filters.map(textOf),
    messageType: textOf(body['messageType']),
    events: events.map((event: unknown) => {
      const fields = event !== null && typeof event === 'object' ? (event as Record<string, unknown>) : {}
      return { timestampMs: numberOf(fields['timestamp']), message: textOf(fields['message']) }
    }),
  }
}

/** Undefined for what is no JSON object. */
export function objectOf(text: string): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(text)
    return parsed !== null && typeof parsed === 'object' && !Array.isArray(parsed)
      ? (parsed as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function numberOf(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? Math.trunc(value) : 0
}
