// `--workers`: this program once more for each worker, with the same command line.
import { fork } from 'node:child_process'
import { systemClock } from '#lib/clock'
import { isSingleExecutable } from '#lib/packaged'
import { loggerFor, runWorker, type Service, type ServiceOptions, WorkerPool, type WorkerRole } from '#service'
import { UsageError } from './flags.ts'
import { keepMemory } from './memory.ts'

/** Tells a process that it is a worker, and which: not a flag, since nobody is to give it. */
const roleVariable = 'SOLDER_WORKER'
const workersMax = 256

/** Throws `UsageError`. */
export function workersOf(value: string | number | boolean | undefined): number {
  const count = Number(value ?? 1)
  if (Number.isInteger(count) && count >= 1 && count <= workersMax) return count
  throw new UsageError(
    `invalid argument ${JSON.stringify(String(value))} for "--workers" flag: it is a whole number from 1 to ${workersMax}`,
  )
}

/** Undefined: this is the main process. */
export function workerRole(): WorkerRole | undefined {
  const found = /^(\d+)(,leftovers)?$/.exec(process.env[roleVariable] ?? '')
  return found ? { index: Number(found[1]), leftovers: found[2] !== undefined } : undefined
}

/** The life of a worker process. */
export async function work(
  role: WorkerRole,
  options: Omit<ServiceOptions, 'readConfiguration'>,
  prepare: (service: Service) => void,
): Promise<number> {
  const { logging } = options
  logging.configure({ fields: { worker: role.index } })
  const memory = keepMemory()
  await runWorker(role, options, prepare)
  memory.stop()
  if (process.connected) process.disconnect?.()
  return 0
}

/** The options of the main process's service, with workers behind it; and the workers. */
export function withWorkers(
  count: number,
  options: ServiceOptions,
): { readonly pool: WorkerPool; readonly options: ServiceOptions } {
  const { storagePath } = options.globals
  const pool = new WorkerPool({ count, storagePath, clock: systemClock, log: loggerFor(options.logging, {}), spawn })
  const globals = count > 1 ? { ...options.globals, workers: { index: 0 } } : options.globals
  return {
    pool,
    options: {
      ...options,
      globals,
      agree: (text, plan) => pool.agree(text, plan),
      taken: (ok) => pool.taken(ok),
    },
  }
}

function spawn({ index, leftovers }: WorkerRole) {
  // A single executable is its own script, and has its V8 flags inside.
  const [script = '', ...args] = process.argv.slice(isSingleExecutable() ? 2 : 1)
  return fork(script, args, {
    ...(isSingleExecutable() ? { execArgv: [] } : {}),
    env: { ...process.env, [roleVariable]: `${index}${leftovers ? ',leftovers' : ''}` },
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
}
