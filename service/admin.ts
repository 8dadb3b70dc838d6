// The admin server's pages: readiness, reload, own metrics, components' pages, and the graph as JSON.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { isIP } from 'node:net'
import { HealthState } from '#component'
import { renderDiagnostics } from '#config'
import { TextSink, textContentType } from '#component/scrape'
import type { Health, RunningNode } from './node.ts'
import { exportsJson, shownJson } from './json.ts'
import type { LoadResult, Service } from './service.ts'
import type { NodeState, WorkerState } from './worker_messages.ts'

type Page = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>

const apiComponent = /^\/api\/v0\/component\/(.+)$/
const webComponent = /^\/api\/v0\/web\/components\/(.+)$/

/** Answers requests to the admin server. One per service; whoever owns the socket calls `handle`. */
export class AdminPages {
  readonly #service: Service
  readonly #pages: ReadonlyMap<string, Page>

  constructor(service: Service) {
    this.#service = service
    this.#pages = new Map<string, Page>([
      ['/metrics', (_, response) => this.#metrics(response)],
      ['/-/ready', (_, response) => this.#ready(response)],
      ['/-/healthy', async (_, response) => this.#healthy(response, await this.#service.workers())],
      ['/-/reload', (request, response) => this.#reload(request, response)],
      [
        '/api/v0/web/components',
        async (_, response) => sendJson(response, this.#componentsJson(await this.#service.workers())),
      ],
      ['/api/v0/web/graph', async (_, response) => sendJson(response, this.#graphJson(await this.#service.workers()))],
      ['/api/v0/web/peers', (_, response) => sendJson(response, [])],
      ['/', (_, response) => this.#index(response)],
    ])
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await this.#route(request, response)
    } catch (error) {
      this.#service.log.error('Cannot answer a request', { path: request.url, err: (error as Error).message })
      if (!response.headersSent) sendText(response, 500, `${(error as Error).message}\n`)
      else response.destroy()
    }
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = pathOf(request)
    if (path === undefined) {
      sendText(response, 400, 'the request has no path that can be read\n')
      return
    }
    const page = this.#pages.get(path) ?? this.#nodePage(path)
    if (page) {
      await page(request, response)
      return
    }
    const component = apiComponent.exec(path)?.[1]
    if (component !== undefined && (await this.#componentPage(component, request, response))) return
    const web = webComponent.exec(path)?.[1]
    const node = web === undefined ? undefined : this.#service.graph.nodes.get(web)
    if (node) sendJson(response, this.#componentJson(node, true, await this.#service.workers()))
    else sendText(response, 404, '404 page not found\n')
  }

  #nodePage(path: string): Page | undefined {
    for (const node of this.#service.graph.nodes.values()) {
      const page = node.component?.pages?.get(path)
      if (page) return page
    }
    return undefined
  }

  /** `<component id>/<path>`, where ids of nodes in modules hold slashes themselves: the longest id wins. */
  async #componentPage(rest: string, request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    for (let cut = rest.length; cut > 0; cut = rest.lastIndexOf('/', cut - 1)) {
      const node = this.#service.graph.nodes.get(rest.slice(0, cut))
      if (!node?.component) continue
      const path = rest.slice(cut) || '/'
      if (node.component.http) {
        await node.component.http(request, response, path)
        return true
      }
      if (!node.component.source || path !== '/metrics') return false
      const sink = new TextSink()
      await node.component.source.collect(sink, AbortSignal.timeout(sourceTimeoutMs))
      sendMetrics(response, sink)
      return true
    }
    return false
  }

  async #metrics(response: ServerResponse): Promise<void> {
    const sink = new TextSink()
    await this.#service.telemetry.collect(sink)
    sendMetrics(response, sink)
  }

  #ready(response: ServerResponse): void {
    const { ready } = this.#service
    sendText(response, ready ? 200 : 503, ready ? 'Solder is ready.\n' : 'Solder is not ready.\n')
  }

  #healthy(response: ServerResponse, workers: WorkerState): void {
    const unhealthy = [...this.#service.graph.nodes.values()].filter(
      (node) => healthOf(node, workers).state === HealthState.unhealthy,
    )
    if (unhealthy.length === 0) sendText(response, 200, 'All Solder components are healthy.\n')
    else sendText(response, 500, `unhealthy components: ${unhealthy.map((n) => n.id).join(', ')}\n`)
  }

  async #reload(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'POST' && request.method !== 'GET') {
      response.setHeader('Allow', 'GET, POST')
      sendText(response, 405, 'reload takes POST or GET\n')
      return
    }
    const refused = foreignRequest(request, [
      this.#service.globals.hostname,
      hostOf(this.#service.globals.listenAddress),
    ])
    if (refused !== undefined) {
      sendText(response, 403, `Cannot reload: ${refused}\n`)
      return
    }
    const result = await this.#service.reload()
    if (result.ok) sendText(response, 200, 'config reloaded\n')
    else sendText(response, 400, problemText(result))
  }

  #index(response: ServerResponse): void {
    const { version } = this.#service.globals
    const paths = [...this.#pages.keys()].filter((path) => path !== '/')
    for (const node of this.#service.graph.nodes.values()) paths.push(...(node.component?.pages?.keys() ?? []))
    sendText(response, 200, `Solder ${version}\n\n${paths.join('\n')}\n`)
  }

  // ---------------------------------------------------------------------------------------------- JSON

  #componentsJson(workers: WorkerState): unknown {
    return [...this.#service.graph.nodes.values()].map((node) => this.#componentJson(node, false, workers))
  }

  #componentJson(node: RunningNode, whole: boolean, workers: WorkerState): Record<string, unknown> {
    const { graph } = this.#service
    const dependents = [...graph.nodes.values()].filter((n) => n.plan.dependsOn.has(node.id)).map((n) => n.id)
    const { state, message, updatedTimeMs } = healthOf(node, workers)
    const json: Record<string, unknown> = {
      name: node.componentName,
      type: 'block',
      localID: node.plan.localId,
      moduleID: node.plan.moduleId,
      label: node.label,
      referencesTo: [...node.plan.dependsOn],
      referencedBy: dependents,
      dataFlowEdgesTo: this.#edgesFrom(node),
      health: { state, message, updatedTime: new Date(updatedTimeMs).toISOString() },
    }
    if (!whole) return json
    return {
      ...json,
      arguments: shownJson(node.settings),
      exports: exportsJson(node.exports),
      debugInfo: shownJson(node.component?.debug?.()),
      counters: countersJson(node, workers.nodes.get(node.id)),
    }
  }

  /** The nodes that this one refers to and that take telemetry. */
  #edgesFrom(node: RunningNode): string[] {
    const { graph } = this.#service
    return [...node.plan.dependsOn].filter((id) => graph.nodes.get(id)?.definition.consumes?.length)
  }

  #graphJson(workers: WorkerState): unknown {
    const nodes = [...this.#service.graph.nodes.values()]
    return {
      nodes: nodes.map((node) => ({ id: node.id, ...this.#componentJson(node, true, workers) })),
      edges: nodes.flatMap((node) =>
        this.#edgesFrom(node).map((to) => ({
          from: node.id,
          to,
          signals: this.#service.graph.nodes.get(to)?.definition.consumes ?? [],
        })),
      ),
    }
  }
}

/** A page waits this long for a node's own metrics. */
const sourceTimeoutMs = 30_000

/** `others`: what workers add. */
function countersJson(node: RunningNode, others: NodeState | undefined): Record<string, unknown> {
  const { counters } = node
  const dropped = new Map(counters.droppedByReason)
  for (const [reason, items] of others?.dropped ?? []) dropped.set(reason, (dropped.get(reason) ?? 0) + items)
  return {
    in: counters.in + (others?.in ?? 0),
    out: counters.out + (others?.out ?? 0),
    refused: counters.refused + (others?.refused ?? 0),
    waiting: node.waiting + (others?.waiting ?? 0),
    dropped: Object.fromEntries(dropped),
  }
}

/** Of the main process's node, unless it is well and a worker's is not. */
function healthOf(node: RunningNode, workers: WorkerState): Health {
  const other = workers.nodes.get(node.id)?.health
  return node.health.state === HealthState.healthy && other?.state === HealthState.unhealthy ? other : node.health
}

/** All diagnostics of a failed load, as they are shown on a terminal without colour. */
export function problemText(result: LoadResult): string {
  return renderDiagnostics(result.diagnostics, result.sources, { color: false })
}

/**
 * Why a request is not to change anything: it comes from a page of another origin, or by a name that is not this host's
 * (a browser that was led here by a foreign DNS name). Undefined: nothing against it.
 */
export function foreignRequest(request: IncomingMessage, ownNames: readonly string[]): string | undefined {
  const { host, origin } = request.headers
  if (host !== undefined) {
    const name = hostOf(host)
    if (isIP(name) === 0 && name !== 'localhost' && !ownNames.includes(name)) {
      return `the Host ${JSON.stringify(host)} is none of this machine's names`
    }
  }
  if (origin === undefined) return undefined
  let originHost: string
  try {
    originHost = new URL(origin).host
  } catch {
    return `the Origin ${JSON.stringify(origin)} is foreign`
  }
  return originHost === host ? undefined : `the Origin ${JSON.stringify(origin)} is foreign`
}

/** The host of `host:port`, brackets of IPv6 addresses taken off. */
function hostOf(address: string): string {
  const bracketed = /^\[(.+)\](?::\d+)?$/.exec(address)
  if (bracketed) return bracketed[1] as string
  return address.replace(/:\d+$/, '').toLowerCase()
}

function pathOf(request: IncomingMessage): string | undefined {
  const raw = (request.url ?? '/').split('?', 1)[0] as string
  try {
    return decodeURIComponent(raw)
  } catch {
    return undefined
  }
}

function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' })
  response.end(text)
}

function sendJson(response: ServerResponse, json: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end(JSON.stringify(json))
}

function sendMetrics(response: ServerResponse, sink: TextSink): void {
  response.writeHead(200, { 'content-type': textContentType })
  response.end(sink.text())
}
