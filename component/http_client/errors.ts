// What can go wrong with a request before or while its response arrives.

/** Why a request failed: `timeout`, `aborted` (by the caller's signal), `closed` (the client), or the exchange itself. */
export type RequestFailure = 'timeout' | 'aborted' | 'closed' | 'failed'

/** No whole response: the server cannot be reached, is too slow, or broke off. Messages hold no credentials. */
export class RequestError extends Error {
  override readonly name = 'RequestError'
  readonly reason: RequestFailure
  /** The system's code (`ECONNREFUSED`), where there is one. */
  readonly code: string | undefined
  constructor(message: string, reason: RequestFailure, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.reason = reason
    const code = (cause as { code?: unknown } | undefined)?.code
    this.code = typeof code === 'string' ? code : undefined
  }
}

/** The body has more bytes than allowed: those that arrive, or those they decompress to. */
export class BodyTooLargeError extends Error {
  override readonly name = 'BodyTooLargeError'
  readonly limitBytes: number
  constructor(limitBytes: number) {
    super(`Cannot read the body: it has more than the ${limitBytes} bytes allowed`)
    this.limitBytes = limitBytes
  }
}

/** A URL as messages may show it: without user, password and query, which can hold keys. */
export function shownUrl(url: URL | string): string {
  const parsed = typeof url === 'string' ? URL.parse(url) : url
  return parsed === null ? '(not a URL)' : `${parsed.protocol}//${parsed.host}${parsed.pathname}`
}

/** Why, in a few words: the deepest message, several attempts (one per address) joined. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) {
    return [...new Set(error.errors.map((e: unknown) => reasonOf(e)))].join('; ')
  }
  return error instanceof Error ? error.message || error.name : String(error)
}
