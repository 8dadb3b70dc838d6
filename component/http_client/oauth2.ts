// OAuth 2.0 client credentials (RFC 6749, 4.4): tokens are had when needed, kept, and renewed before they expire.
import type { Clock } from '#component'
import type { HttpClient, HttpResponse } from './client.ts'
import { readCredential } from './credentials.ts'
import { RequestError, shownUrl } from './errors.ts'
import { basic } from './proxy.ts'
import type { OAuth2Settings } from './settings.ts'

/** A token is renewed so long before it expires. */
const earlyMs = 10_000
const tokenTimeoutMs = 30_000
const tokenBytesMax = 1024 * 1024

/** What a token is asked for with; of several values of a parameter all are sent. */
export interface OAuth2Credentials extends Pick<
  OAuth2Settings,
  'client_id' | 'client_secret' | 'client_secret_file' | 'scopes' | 'token_url'
> {
  readonly endpoint_params: ReadonlyMap<string, string | readonly string[]>
}

interface Token {
  readonly header: string
  /** On the monotonic clock; infinite where the server names no end. */
  readonly endMs: number
  readonly secret: string
}

export class TokenSource {
  readonly #settings: OAuth2Credentials
  readonly #renewMs: number
  readonly #client: HttpClient
  readonly #clock: Clock
  #token: Token | undefined
  #asking: Promise<Token> | undefined
  /** Whether the server wants the credentials in the body instead of the header; found out with the first token. */
  #inBody: boolean | undefined

  /** `renewMs`: a token is renewed so long before it expires. */
  constructor(settings: OAuth2Credentials, client: HttpClient, clock: Clock, renewMs = earlyMs) {
    this.#renewMs = renewMs
    this.#settings = settings
    this.#client = client
    this.#clock = clock
  }

  /** The `Authorization` header to send. Many callers share one token request. */
  async header(): Promise<string> {
    const s = this.#settings
    const secret =
      s.client_secret_file === '' ? (s.client_secret?.reveal() ?? '') : readCredential(s.client_secret_file)
    const token = this.#token
    if (token && token.secret === secret && this.#clock.monotonic() < token.endMs - this.#renewMs) return token.header
    this.#asking ??= this.#ask(secret).finally(() => (this.#asking = undefined))
    return (await this.#asking).header
  }

  /** The server does not take the token: get another one next time. */
  refused(header: string): void {
    if (this.#token?.header === header) this.#token = undefined
  }

  async #ask(secret: string): Promise<Token> {
    const startMs = this.#clock.monotonic()
    // Servers differ in where they want the credentials: first as the RFC prefers, then in the body.
    const places = this.#inBody === undefined ? [false, true] : [this.#inBody]
    let refusal = ''
    for (const inBody of places) {
      const response = await this.#post(secret, inBody)
      const text = (await response.bytes(tokenBytesMax)).toString()
      if (response.status >= 200 && response.status < 300) {
        const token = this.#read(text, response, startMs, secret)
        this.#inBody = inBody
        this.#token = token
        return token
      }
      refusal = `the token server answered ${response.status}${errorCode(text)}`
    }
    throw new RequestError(`Cannot get a token from ${shownUrl(this.#settings.token_url)}: ${refusal}`, 'failed')
  }

  #post(secret: string, inBody: boolean): Promise<HttpResponse> {
    const s = this.#settings
    const form = new URLSearchParams({ grant_type: 'client_credentials' })
    if (s.scopes.length > 0) form.set('scope', s.scopes.join(' '))
    for (const [name, value] of s.endpoint_params) {
      form.delete(name)
      for (const one of typeof value === 'string' ? [value] : value) form.append(name, one)
    }
    const headers: Record<string, string> = { 'content-type': 'application/x-www-form-urlencoded' }
    if (inBody) {
      form.set('client_id', s.client_id)
      form.set('client_secret', secret)
    } else {
      headers['authorization'] = basic(formEncoded(s.client_id), formEncoded(secret))
    }
    return this.#client.request({
      method: 'POST',
      url: s.token_url,
      headers,
      body: form.toString(),
      timeoutMs: tokenTimeoutMs,
    })
  }

  #read(text: string, response: HttpResponse, startMs: number, secret: string): Token {
    const fields = tokenFields(text, String(response.headers['content-type'] ?? ''))
    const token = fields['access_token']
    if (typeof token !== 'string' || token === '') {
      const from = shownUrl(this.#settings.token_url)
      throw new RequestError(`Cannot get a token from ${from}: the answer holds no access_token`, 'failed')
    }
    const seconds = Number(fields['expires_in'] ?? 0)
    const endMs = Number.isFinite(seconds) && seconds > 0 ? startMs + seconds * 1000 : Infinity
    const type = typeof fields['token_type'] === 'string' ? fields['token_type'] : ''
    return { header: `${tokenType(type)} ${token}`, endMs, secret }
  }
}

function tokenFields(text: string, contentType: string): Record<string, unknown> {
  if (/^(application\/x-www-form-urlencoded|text\/plain)/i.test(contentType)) {
    return Object.fromEntries(new URLSearchParams(text))
  }
  try {
    const parsed: unknown = JSON.parse(text)
    return parsed !== null && typeof parsed === 'object' ? (parsed as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

function tokenType(type: string): string {
  const lower = type.toLowerCase()
  if (lower === 'mac') return 'MAC'
  if (lower === 'basic') return 'Basic'
  return type === '' || lower === 'bearer' ? 'Bearer' : type
}

/** The `error` of a refusal (RFC 6749, 5.2): a fixed word, safe to show. */
function errorCode(text: string): string {
  const code = tokenFields(text, '')['error']
  return typeof code === 'string' && /^[\x20-\x7e]{1,64}$/.test(code) ? ` (${code})` : ''
}

function formEncoded(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1)
}
