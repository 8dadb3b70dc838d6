// A fake Docker daemon for tests: a few requests of the Engine API over a Unix socket, and container logs in frames.
import { createServer, type Server, type ServerResponse } from 'node:http'

export interface FakeLine {
  readonly stream: 'stdout' | 'stderr'
  readonly timestampNs: bigint
  readonly text: string
}

export class FakeContainer {
  readonly tty: boolean
  readonly lines: FakeLine[] = []
  running = true
  finishedAt = '0001-01-01T00:00:00Z'
  readonly followers = new Set<ServerResponse>()
  constructor(tty = false) {
    this.tty = tty
  }

  log(stream: 'stdout' | 'stderr', timestampNs: bigint, text: string): void {
    const line = { stream, timestampNs, text }
    this.lines.push(line)
    for (const follower of this.followers) follower.write(this.#bytes(line))
  }

  /** The container ends: so do the streams of its log. */
  exit(finishedAt: string): void {
    this.running = false
    this.finishedAt = finishedAt
    for (const follower of this.followers) follower.end()
    this.followers.clear()
  }

  follow(response: ServerResponse, sinceNs: bigint): void {
    response.writeHead(200, { 'content-type': 'application/vnd.docker.raw-stream' })
    response.flushHeaders()
    for (const line of this.lines) if (line.timestampNs >= sinceNs) response.write(this.#bytes(line))
    if (!this.running) response.end()
    this.followers.add(response)
    response.on('close', () => this.followers.delete(response))
  }

  /** What is longer than 16 KiB comes in pieces, each with the line's time, as the daemon does it. */
  #bytes({ stream, timestampNs, text }: FakeLine): Buffer {
    const time = `${new Date(Number(timestampNs / 1_000_000n)).toISOString().slice(0, 19)}.${String(timestampNs % 1_000_000_000n).padStart(9, '0')}Z `
    const whole = Buffer.from(text)
    const parts: Buffer[] = []
    for (let at = 0; at === 0 || at < whole.length; at += 16_384) {
      const isLast = at + 16_384 >= whole.length
      const end = isLast ? (this.tty ? '\r\n' : '\n') : ''
      const payload = Buffer.concat([Buffer.from(time), whole.subarray(at, at + 16_384), Buffer.from(end)])
      const header = Buffer.alloc(8)
      header[0] = stream === 'stdout' ? 1 : 2
      header.writeUInt32BE(payload.length, 4)
      parts.push(...(this.tty ? [payload] : [header, payload]))
    }
    return Buffer.concat(parts)
  }
}

export class FakeDocker {
  readonly containers = new Map<string, FakeContainer>()
  /** What `GET /containers/json` and `GET /networks` answer. */
  list: unknown = []
  networks: unknown = []
  /** Paths asked for, in order. */
  readonly asked: string[] = []
  /** Answers everything with this status where it is not 0. */
  failure = 0
  #server: Server | undefined

  /** Listen at `path`, a Unix socket. */
  async start(path: string): Promise<void> {
    const server = createServer((request, response) => this.#answer(request.url ?? '/', response))
    await new Promise<void>((resolve) => server.listen(path, resolve))
    this.#server = server
  }

  #answer(url: string, response: ServerResponse): void {
    this.asked.push(url)
    const { pathname, searchParams } = new URL(url, 'http://docker')
    const json = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    }
    if (this.failure !== 0) return json(this.failure, { message: 'it fails' })
    if (pathname === '/containers/json') return json(200, this.list)
    if (pathname === '/networks') return json(200, this.networks)
    const found = /^\/containers\/([^/]+)\/(json|logs)$/.exec(pathname)
    const container = this.containers.get(found?.[1] ?? '')
    if (container === undefined) return json(404, { message: `No such container: ${found?.[1]}` })
    if (found?.[2] === 'json') {
      const State = { Running: container.running, FinishedAt: container.finishedAt }
      return json(200, { Config: { Tty: container.tty }, State })
    }
    const [seconds = '0', fraction = ''] = (searchParams.get('since') ?? '0').split('.')
    container.follow(response, BigInt(seconds) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0')))
  }

  stop(): void {
    this.#server?.closeAllConnections()
    this.#server?.close()
  }
}
