// Asks metadata services: small answers over plain HTTP, a Unix socket or TLS with a given authority.
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'

/** Longer answers are refused. */
const answerBytesMax = 4 << 20

export interface GetOptions {
  readonly method?: 'GET' | 'PUT'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** Instead of the URL's host: a Unix socket. */
  readonly socketPath?: string
  /** Certificates to trust, PEM. */
  readonly ca?: string | undefined
  readonly insecureSkipVerify?: boolean
}

export class HttpStatusError extends Error {
  override readonly name = 'HttpStatusError'
  readonly status: number
  constructor(url: string, status: number) {
    super(`Cannot read ${url}: the answer's status is ${status}`)
    this.status = status
  }
}

/** The body as text. Rejects with `HttpStatusError` for a status other than 200 … 299, and when `signal` says so. */
export function httpGet(url: string, signal: AbortSignal, options: GetOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const send = url.startsWith('https:') ? httpsRequest : httpRequest
    const request = send(url, {
      method: options.method ?? 'GET',
      headers: { ...options.headers },
      signal,
      agent: false,
      ...(options.socketPath === undefined ? {} : { socketPath: options.socketPath }),
      ...(options.ca === undefined ? {} : { ca: options.ca }),
      ...(options.insecureSkipVerify ? { rejectUnauthorized: false } : {}),
    })
    request.on('error', reject)
    request.on('response', (response) => {
      const chunks: Buffer[] = []
      let bytes = 0
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes > answerBytesMax) request.destroy(new Error(`Cannot read ${url}: the answer is too long`))
        else chunks.push(chunk)
      })
      response.on('error', reject)
      response.on('end', () => {
        const status = response.statusCode ?? 0
        if (status < 200 || status > 299) reject(new HttpStatusError(url, status))
        else resolve(Buffer.concat(chunks).toString('utf8'))
      })
    })
    request.end(options.body)
  })
}
