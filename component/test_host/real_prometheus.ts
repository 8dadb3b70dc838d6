// A real Prometheus as a part of tests: started, asked, stopped.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventually, Program } from './programs.ts'

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
