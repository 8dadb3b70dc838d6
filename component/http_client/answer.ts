// What exporters read off an answer that is not the one they hoped for.
import type { HttpResponse } from './response.ts'

/** As much of a refusal's text is shown. */
const messageBytesMax = 512

/** The text of a refusal for messages, trimmed; empty where it is too long or cannot be read. */
export async function bodyText(
  response: Pick<HttpResponse, 'bytes' | 'discard'>,
  bytesMax = messageBytesMax,
): Promise<string> {
  try {
    return new TextDecoder().decode(await response.bytes(bytesMax)).trim()
  } catch {
    void response.discard()
    return ''
  }
}

/** `Retry-After` (RFC 9110, 10.2.3), seconds or a date, as milliseconds from now; undefined where it says nothing. */
export function retryAfterMs(header: string | readonly string[] | undefined, nowMs: number): number | undefined {
  const text = typeof header === 'string' ? header : header?.[0]
  if (text === undefined) return undefined
  if (/^\d+$/.test(text.trim())) return Number(text) * 1000
  const date = Date.parse(text)
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs)
}
