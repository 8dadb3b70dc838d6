// Starting collectors for benchmarks, and reading what the kernel says of them.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { join } from 'node:path'

const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK']).toString())

/** CPU seconds of a process and of the children it has now, user and system. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

/**
 * Resident and private memory in MB (2^20), from smaps_rollup. Private is what is dirty: clean pages are the executable,
 * which the kernel shares between processes and can drop.
 */
export function memory(pid: number): { resident: number; private: number; peak: number } {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const kb = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(rollup)?.[1] ?? 0)
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const peak = Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0)
  return { resident: kb('Rss') / 1024, private: kb('Private_Dirty') / 1024, peak: peak / 1024 }
}

/** Bytes the process caused to be written to storage. */
export function writtenBytes(pid: number): number {
  return Number(/^write_bytes:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1] ?? 0)
}

export function directoryBytes(directory: string): number {
  let bytes = 0
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += readFileSync(join(entry.parentPath, entry.name)).length
  }
  return bytes
}

export class Backend {
  readonly #child: ChildProcess
  readonly port: number
  private constructor(child: ChildProcess, port: number) {
    this.#child = child
    this.port = port
  }

  static async start(targets: number, series: number): Promise<Backend> {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'backend.ts'), String(targets), String(series)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const line = await new Promise<string>((resolve, reject) => {
      createInterface({ input: child.stdout }).once('line', resolve)
      child.once('exit', () => reject(new Error('Cannot start the backend')))
    })
    return new Backend(child, (JSON.parse(line) as { port: number }).port)
  }

  async stats(): Promise<{ scrapes: number; requests: number; bytes: number }> {
    const response = await fetch(`http://127.0.0.1:${this.port}/stats`)
    return (await response.json()) as { scrapes: number; requests: number; bytes: number }
  }

  stop(): void {
    this.#child.kill()
  }
}

/** Run a collector; its output goes nowhere unless `BENCH_VERBOSE` is set. */
export function startCollector(command: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
  const [program = '', ...args] = command
  return spawn(program, args, {
    env: { ...process.env, ...env },
    stdio: process.env['BENCH_VERBOSE'] ? 'inherit' : 'ignore',
  })
}

export async function stopCollector(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 15_000)
  await gone
  clearTimeout(timer)
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}
