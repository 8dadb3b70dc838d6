// Real programs as parts of tests: found, started on free ports, stopped.
import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventually, Program } from '#component/test_host'

export { eventually, freePort, hasProgram, Program, temporaryDirectory } from '#component/test_host'

export const launcher = join(import.meta.dirname, '..', 'distro', 'solder')

/** Debian's Prometheus, taking remote write. Keeps its data and port over restarts. */
export class RealPrometheus {
  readonly directory: string
  readonly port: number
  #program: Program | undefined

  constructor(directory: string, port: number) {
    this.directory = directory
    this.port = port
    writeFileSync(join(directory, 'prometheus.yml'), 'global: {}\n')
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  async start(): Promise<void> {
    this.#program = new Program('prometheus', [
      `--config.file=${join(this.directory, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(this.directory, 'tsdb')}`,
      `--web.listen-address=127.0.0.1:${this.port}`,
      '--web.enable-remote-write-receiver',
      '--enable-feature=exemplar-storage',
      '--log.level=warn',
    ])
    await eventually('Prometheus is ready', async () => ((await fetch(`${this.url}/-/ready`)).ok ? true : undefined))
  }

  async stop(): Promise<void> {
    await this.#program?.stop()
  }

  get output(): string {
    return this.#program?.output ?? ''
  }

  /** The result of an instant query. */
  async query(promql: string): Promise<{ metric: Record<string, string>; value: [number, string] }[]> {
    const result = (await this.#get(`query?query=${encodeURIComponent(promql)}`)) as {
      result: { metric: Record<string, string>; value: [number, string] }[]
    }
    return result.result
  }

  /** The raw samples behind a selector over the last `range`, oldest first, one list a series. */
  async samples(
    selector: string,
    range = '10m',
  ): Promise<{ metric: Record<string, string>; values: [number, string][] }[]> {
    const result = (await this.#get(`query?query=${encodeURIComponent(`${selector}[${range}]`)}`)) as {
      result: { metric: Record<string, string>; values: [number, string][] }[]
    }
    return result.result
  }

  async #get(path: string): Promise<unknown> {
    const response = await fetch(`${this.url}/api/v1/${path}`)
    const body = (await response.json()) as { status: string; data: unknown; error?: string }
    if (body.status !== 'success') throw new Error(`Cannot query: ${body.error}`)
    return body.data
  }
}

/** Solder as users start it. */
export async function startSolder(
  port: number,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Program> {
  const program = new Program(launcher, ['run', `--server.http.listen-addr=127.0.0.1:${port}`, ...args], {
    env: { ...process.env, ...env },
  })
  await eventually(
    'Solder is ready',
    async () => {
      if (program.child.exitCode !== null) throw new Error(`Solder ended: ${program.output}`)
      return (await fetch(`http://127.0.0.1:${port}/-/ready`)).ok ? true : undefined
    },
    60_000,
  )
  return program
}

export interface NodeState {
  readonly health: { readonly state: string; readonly message: string }
  readonly counters: Readonly<Record<'in' | 'out' | 'refused' | 'waiting', number>> & {
    readonly dropped: Readonly<Record<string, number>>
  }
  readonly debugInfo: { readonly targets?: readonly Record<string, unknown>[] } | null
}

/** What a node of a running Solder says of itself. */
export async function nodeState(port: number, id: string): Promise<NodeState> {
  return (await (await fetch(`http://127.0.0.1:${port}/api/v0/web/components/${id}`)).json()) as NodeState
}

/** All that went in came out, waits, or is counted. */
export function assertBalance({ counters }: NodeState, what: string): void {
  const dropped = Object.values(counters.dropped).reduce((sum, n) => sum + n, 0)
  assert.equal(counters.in, counters.out + counters.refused + counters.waiting + dropped, what)
}

/** The most memory that the process has had resident. Undefined where the system does not tell. */
export function residentPeak(program: Program): number | undefined {
  const path = `/proc/${program.child.pid}/status`
  if (!existsSync(path)) return undefined
  const kilobytes = /VmHWM:\s+(\d+) kB/.exec(readFileSync(path, 'utf8'))?.[1]
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024
}
