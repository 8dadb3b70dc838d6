// Answers of receivers to what they did not take.
import type { ServerResponse } from 'node:http'
import { ConsumeError } from '#component'
import { RequestRefused } from './body.ts'

/** Where the next component does not say after how long it wants to be asked again. */
const retryAfterDefaultMs = 5000

export function answerText(response: ServerResponse, status: number, text: string): void {
  if (text !== '') {
    if (!response.hasHeader('content-type')) response.setHeader('content-type', 'text/plain; charset=utf-8')
    response.setHeader('content-length', Buffer.byteLength(text))
  }
  response.writeHead(status).end(text)
}

/**
 * Answers with the status that `error` stands for: that of a `RequestRefused`; 503 for a `ConsumeError` after which the
 * sender is to come again, else 400; 400 for errors of the kinds in `invalid`. Throws any other error.
 */
export function answerError(
  response: ServerResponse,
  error: unknown,
  invalid: readonly (abstract new (...parameters: never[]) => Error)[] = [],
): void {
  if (response.destroyed) return
  const message = `${(error as Error).message}\n`
  if (error instanceof RequestRefused) {
    // What is left of a body that nobody reads goes with the connection.
    response.setHeader('connection', 'close')
    answerText(response, error.status, message)
  } else if (error instanceof ConsumeError && error.clientMayRetry) {
    response.setHeader('retry-after', String(Math.ceil((error.retryAfterMs ?? retryAfterDefaultMs) / 1000)))
    answerText(response, 503, message)
  } else if (error instanceof ConsumeError || invalid.some((kind) => error instanceof kind)) {
    answerText(response, 400, message)
  } else throw error
}
