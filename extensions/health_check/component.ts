// The YAML extension health_check: answers on a port whether the process runs.
import { createServer, type Server } from 'node:http'
import { attr, block, type Component, defineSettings, type Host, string, type YamlDefinition } from '#component'
import { listenAddress } from '#component/otel_server'

const settings = defineSettings({
  endpoint: attr(string, 'Where to listen.', { default: 'localhost:13133' }),
  path: attr(string, 'The path that answers.', { default: '/' }),
  response_body: block(
    defineSettings({
      healthy: attr(string, 'Body of the answer while the process is up.', { default: '' }),
      unhealthy: attr(string, 'Body of the answer while it is not.', { default: '' }),
    }),
    'Bodies instead of the usual ones.',
  ),
})

interface HealthCheckSettings {
  readonly endpoint: string
  readonly path: string
  readonly response_body: { readonly healthy: string; readonly unhealthy: string } | undefined
}

class HealthCheck implements Component<HealthCheckSettings> {
  readonly #host: Host
  readonly #settings: HealthCheckSettings
  readonly #upSinceMs: number
  #server: Server | undefined

  constructor(host: Host, from: HealthCheckSettings) {
    this.#host = host
    this.#settings = from
    this.#upSinceMs = host.clock.now()
  }

  async start(): Promise<void> {
    const { endpoint, path, response_body: bodies } = this.#settings
    const server = createServer((request, response) => {
      if ((request.url ?? '/').split('?')[0] !== path) {
        response.writeHead(404).end()
        return
      }
      response.writeHead(200, { 'content-type': bodies?.healthy ? 'text/plain' : 'application/json' })
      response.end(bodies?.healthy || this.#body())
    })
    server.headersTimeout = 10_000
    server.requestTimeout = 10_000
    const at = listenAddress(endpoint, 'tcp')
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => reject(new Error(`Cannot listen on ${endpoint}: ${error.message}`)))
      server.listen(at, resolve)
    })
    this.#server = server
  }

  /** As upstream's contrib extension answers. */
  #body(): string {
    const { clock } = this.#host
    const upSince = new Date(this.#upSinceMs).toISOString()
    const seconds = (clock.now() - this.#upSinceMs) / 1000
    return JSON.stringify({ status: 'Server available', upSince, uptime: `${seconds.toFixed(3)}s` })
  }

  async stop(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    if (!server) return
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
}

export const healthCheckExtension: YamlDefinition = {
  kind: 'extension',
  types: ['health_check'],
  stability: 'generally-available',
  doc: 'Answers on a port whether the process runs.',
  signals: [],
  settings,
  create: (host, from) => new HealthCheck(host, from as HealthCheckSettings),
}
