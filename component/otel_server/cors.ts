// Cross-origin requests: which browsers' pages may send here (Fetch Standard, "CORS protocol").
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { CorsSettings } from './settings.ts'

/** Allowed whether or not they are listed: the safelisted ones, and the body's type. */
const headersAlways = ['accept', 'accept-language', 'content-type', 'content-language', 'origin']
const methods = ['GET', 'POST', 'HEAD']

export class Cors {
  readonly #origins: readonly RegExp[]
  readonly #anyOrigin: boolean
  readonly #headers: ReadonlySet<string>
  readonly #anyHeader: boolean
  readonly #exposed: string
  readonly #maxAgeSeconds: number

  constructor(settings: CorsSettings) {
    this.#anyOrigin = settings.allowed_origins.includes('*')
    this.#origins = settings.allowed_origins.map(
      (origin) => new RegExp(`^${origin.split('*').map(literal).join('[^]*')}$`, 'i'),
    )
    const given = settings.allowed_headers.length > 0 ? settings.allowed_headers : ['X-Requested-With']
    this.#anyHeader = given.includes('*')
    this.#headers = new Set([...given.map((name) => name.toLowerCase()), ...headersAlways])
    this.#exposed = settings.exposed_headers.join(', ')
    this.#maxAgeSeconds = settings.max_age
  }

  /** Sets the headers of the answer. True: it was a preflight, and is answered. */
  handle(request: IncomingMessage, response: ServerResponse): boolean {
    const { origin } = request.headers
    const asked = request.headers['access-control-request-method']
    if (request.method === 'OPTIONS' && asked !== undefined) {
      response.setHeader('vary', 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers')
      if (origin !== undefined && this.#allows(origin)) this.#preflight(request, response, origin, asked)
      response.writeHead(204).end()
      return true
    }
    response.setHeader('vary', 'Origin')
    if (origin !== undefined && this.#allows(origin)) {
      this.#allowOrigin(response, origin)
      if (this.#exposed !== '') response.setHeader('access-control-expose-headers', this.#exposed)
    }
    return false
  }

  #allows(origin: string): boolean {
    return this.#anyOrigin || this.#origins.some((pattern) => pattern.test(origin))
  }

  #allowOrigin(response: ServerResponse, origin: string): void {
    response.setHeader('access-control-allow-origin', this.#anyOrigin ? '*' : origin)
    response.setHeader('access-control-allow-credentials', 'true')
  }

  #preflight(request: IncomingMessage, response: ServerResponse, origin: string, method: string): void {
    if (!methods.includes(method.toUpperCase())) return
    const wanted = String(request.headers['access-control-request-headers'] ?? '')
    const names = wanted.split(',').flatMap((name) => name.trim().toLowerCase() || [])
    if (!this.#anyHeader && names.some((name) => !this.#headers.has(name))) return
    this.#allowOrigin(response, origin)
    response.setHeader('access-control-allow-methods', method.toUpperCase())
    if (names.length > 0) response.setHeader('access-control-allow-headers', wanted)
    if (this.#maxAgeSeconds > 0) response.setHeader('access-control-max-age', String(this.#maxAgeSeconds))
  }
}

const literal = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')
