// Real programs as parts of tests: found, started on free ports, stopped.
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventually, Program } from '#component/test_host'

export { eventually, freePort, hasProgram, Program, RealPrometheus, temporaryDirectory } from '#component/test_host'

export const launcher = join(import.meta.dirname, '..', 'distro', 'solder')

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
