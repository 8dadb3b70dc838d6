// Export requests over HTTP, in protobuf or JSON.
import type { Host, Signal } from '#component'
import { type HttpResponse, retryAfterMs } from '#component/http_client'
import { OtelHttpClient, type OtelHttpClientSettings } from '#component/otel_client'
import type { ExportOutcome, OtelTransport, Payload } from '#component/otel_exporter'
import { Logs, Metrics, Traces } from '#pdata'
import {
  decodeExportResponse,
  decodeRpcStatus,
  exportResponseFromJson,
  logsToJson,
  metricsToJson,
  tracesToJson,
} from '#pdata/otlp'

export type OtlpEncoding = 'proto' | 'json'

export interface HttpTransportSettings {
  readonly client: OtelHttpClientSettings
  readonly encoding: OtlpEncoding
  /** '': the signal is not sent. */
  readonly urls: Readonly<Record<Signal, string>>
}

const contentTypes = { proto: 'application/x-protobuf', json: 'application/json' } as const
/** OTLP specification, "Retryable Response Codes". */
const retryable: ReadonlySet<number> = new Set([429, 502, 503, 504])
/** Answers are read up to so many bytes. */
const answerBytesMax = 64 * 1024

export class HttpTransport implements OtelTransport {
  readonly #settings: HttpTransportSettings
  readonly #client: OtelHttpClient
  readonly #host: Host

  constructor(settings: HttpTransportSettings, host: Host) {
    this.#settings = settings
    this.#host = host
    this.#client = new OtelHttpClient(settings.client, host)
  }

  async export(payload: Payload, abort: AbortSignal): Promise<ExportOutcome> {
    const { encoding, urls } = this.#settings
    const url = urls[payload.signal]
    if (url === '') {
      return { kind: 'rejected', reason: 'no endpoint', message: `no endpoint is configured for ${payload.signal}` }
    }
    const response = await this.#client.post({
      url,
      contentType: contentTypes[encoding],
      body: encoding === 'json' ? [Buffer.from(jsonOf(payload))] : payload.chunks,
      context: payload.context,
      signal: abort,
    })
    const body = await response.bytes(answerBytesMax).catch(() => undefined)
    return this.#outcome(payload.signal, response, body)
  }

  #outcome(signal: Signal, response: HttpResponse, body: Uint8Array | undefined): ExportOutcome {
    const { status, headers } = response
    const json = String(headers['content-type'] ?? '').startsWith('application/json')
    if (status >= 200 && status < 300) {
      // The request was taken; only what the answer says of it may be missing.
      return body === undefined ? { kind: 'sent', rejected: 0, message: '' } : accepted(signal, body, json)
    }
    const text = body === undefined ? '' : refusalText(body, json)
    const message = `the backend answered ${status}${text === '' ? '' : `: ${text}`}`
    if (status === 413) return { kind: 'too large', message }
    if (!retryable.has(status)) return { kind: 'rejected', reason: 'rejected by the backend', message }
    const waitMs = retryAfterMs(headers['retry-after'], this.#host.clock.now())
    return { kind: 'retry', message, ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }) }
  }

  close(): void {
    this.#client.close()
  }
}

function jsonOf({ signal, chunks, items }: Payload): string {
  switch (signal) {
    case 'traces':
      return tracesToJson(Traces.fromWire(chunks, items))
    case 'metrics':
      return metricsToJson(Metrics.fromWire(chunks, items))
    case 'logs':
      return logsToJson(Logs.fromWire(chunks, items))
  }
}

function accepted(signal: Signal, body: Uint8Array, json: boolean): ExportOutcome {
  try {
    const answer = json ? exportResponseFromJson(signal, Buffer.from(body).toString()) : decodeExportResponse(body)
    return { kind: 'sent', ...answer }
  } catch {
    return { kind: 'sent', rejected: 0, message: '' } // another server's idea of an answer
  }
}

const textMax = 512

/** A google.rpc.Status in protobuf or JSON, or else the text as it is. */
function refusalText(body: Uint8Array, json: boolean): string {
  const text = Buffer.from(body).toString()
  try {
    const message = json
      ? String((JSON.parse(text) as { message?: unknown }).message ?? '')
      : decodeRpcStatus(body).message
    if (message !== '') return message.slice(0, textMax)
  } catch {
    // It is plain text.
  }
  return text
    .replace(/[\p{Cc}\ufffd]+/gu, ' ')
    .trim()
    .slice(0, textMax)
}
