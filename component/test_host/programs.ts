// Programs as parts of tests: whether they are installed, started, waited for, stopped.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

/** False skips the test; with SOLDER_REQUIRE_REAL=1 what is missing is a failure instead. */
export function isThere(what: string, found: boolean): boolean {
  if (!found && process.env['SOLDER_REQUIRE_REAL'] === '1') throw new Error(`Cannot run this test: ${what} is missing`)
  return found
}

/** Is there such a program in PATH? As `isThere` says. */
export function hasProgram(name: string): boolean {
  return isThere(name, spawnSync('sh', ['-c', `command -v ${name}`]).status === 0)
}

export function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'solder-test-'))
  t.after(() => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }))
  return directory
}

/** Wait until `check` gives something, at most `timeoutMs`, and what a check of its own takes. */
export async function eventually<T>(
  what: string,
  check: () => Promise<T | undefined> | T | undefined,
  timeoutMs = 90_000,
): Promise<T> {
  const end = performance.now() + timeoutMs
  let last: unknown
  for (;;) {
    try {
      const value = await check()
      if (value !== undefined && value !== false) return value
    } catch (error) {
      last = error
    }
    if (performance.now() > end) throw new Error(`Never came true: ${what}`, { cause: last })
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/** A process of a real program, with all that it says. */
export class Program {
  readonly child: ChildProcess
  output = ''
  readonly exited: Promise<number | null>

  /** `env`: the whole environment; without it that of this process. */
  constructor(command: string, args: readonly string[], options: { env?: NodeJS.ProcessEnv; cwd?: string } = {}) {
    this.child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on('data', (data: Buffer) => void (this.output += data.toString()))
    }
    this.exited = new Promise((resolve) => this.child.on('exit', resolve))
  }

  /** Ends it with `signal`; killed when it does not end in time. The exit status. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', timeoutMs = 20_000): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill(signal)
    const timer = setTimeout(() => this.child.kill('SIGKILL'), timeoutMs)
    const status = await this.exited
    clearTimeout(timer)
    return status
  }
}
