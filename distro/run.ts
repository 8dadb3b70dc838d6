// `solder run`: the process around a service, with its admin server, signals and exit status.
import { hostname } from 'node:os'
import type { HostGlobals } from '#component'
import { parseGoDuration } from '#component'
import { systemClock } from '#lib/clock'
import {
  AdminPages,
  AdminServer,
  AlloyLogging,
  type ConfigurationText,
  LineLoggerProvider,
  type LoadResult,
  problemText,
  Service,
  type ServiceOptions,
} from '#service'
import { registry } from './components.ts'
import { defaultConfig, defaultConfigName } from './default_config.ts'
import { flagsText, type FlagValues, parseFlags, UsageError } from './flags.ts'
import { keepMemory } from './memory.ts'
import { runFlags } from './run_flags.ts'
import { checkFormat, readFormat, stabilityLevel } from './validate.ts'
import { version } from './version.ts'
import { withWorkers, work, workerRole, workersOf } from './workers.ts'

const help = { name: 'help', short: 'h', kind: 'bool', default: false, doc: 'Print this page' } as const
const flags = [...runFlags, help]

export async function runCommand(args: readonly string[]): Promise<number> {
  const { values, given, rest } = parseFlags(args, flags)
  if (values.get('help')) {
    process.stdout.write(`Usage:\n  solder run [flags] PATH\n\nFlags:\n${flagsText(flags)}\n`)
    return 0
  }
  const [path] = rest
  if (path === undefined || rest.length > 1) throw new UsageError(`accepts 1 arg(s), received ${rest.length}`)
  checkFormat(values)
  checkExperimental(values, given)
  return serve(values, given, () => readFormat(path, values))
}

/** The main job on an embedded configuration: no file, no account, no server. */
export async function demoCommand(args: readonly string[]): Promise<number> {
  const { values, given, rest } = parseFlags(args, flags)
  if (rest.length > 0) throw new UsageError(`accepts 0 arg(s), received ${rest.length}`)
  const address = String(values.get('server.http.listen-addr'))
  // The page is nicer with types and help, and handing those on is experimental.
  const lenient = given.has('stability.level') ? values : new Map(values).set('stability.level', 'experimental')
  const text: ConfigurationText = { sources: [{ name: defaultConfigName, text: defaultConfig }], directory: '.' }
  return serve(
    lenient,
    given,
    () => text,
    () => {
      process.stdout.write(
        `Collecting: metrics of this host (CPU, memory, disks, network, …), every 15 seconds.\n` +
          `Look here:  http://${address}/live/metrics has the current value of every series.\n` +
          `Send it on: prometheus.remote_write "default" { endpoint { url = "https://YOUR-PROMETHEUS/api/v1/write" } } ` +
          `in a file of your own (see README.md), then: distro/solder run FILE\n`,
      )
    },
  )
}

function checkExperimental(values: FlagValues, given: ReadonlySet<string>): void {
  if (stabilityLevel(values) === 'experimental') return
  for (const spec of runFlags) {
    if (!spec.experimental || !given.has(spec.name)) continue
    throw new UsageError(
      `'${spec.name}' can only be used at experimental stability level. ` +
        'Use --stability.level=experimental to enable experimental features',
    )
  }
}

function globalsOf(values: FlagValues): HostGlobals {
  const durability = String(values.get('storage.durability'))
  if (durability !== 'spill' && durability !== 'always') {
    throw new UsageError(
      `invalid argument ${JSON.stringify(durability)} for "--storage.durability" flag: it is one of spill, always`,
    )
  }
  return {
    hostname: hostname(),
    version,
    listenAddress: String(values.get('server.http.listen-addr')),
    memoryAddress: String(values.get('server.http.memory-addr')),
    storagePath: String(values.get('storage.path')),
    durability,
    userAgent: `Solder/${version}`,
  }
}

async function serve(
  values: FlagValues,
  given: ReadonlySet<string>,
  readText: () => ConfigurationText | Promise<ConfigurationText>,
  onStarted: () => void = () => {},
): Promise<number> {
  const stopDeadlineMs = parseGoDuration(String(values.get('feature.component-shutdown-deadline')))
  if (stopDeadlineMs === undefined) {
    throw new UsageError('invalid argument for "--feature.component-shutdown-deadline" flag: not a duration')
  }
  const logging = new LineLoggerProvider({
    level: 'info',
    format: 'logfmt',
    clock: systemClock,
    write: (line) => void process.stderr.write(line),
  })
  const options: ServiceOptions = {
    registry,
    stability: stabilityLevel(values),
    environment: process.env,
    globals: globalsOf(values),
    clock: systemClock,
    logging,
    readConfiguration: readText,
  }
  const role = workerRole()
  if (role) {
    return work(role, options, (worker) => {
      const lines = new AlloyLogging(logging, worker, systemClock)
      worker.onSettings((settings) => lines.apply(settings))
    })
  }
  const count = workersOf(values.get('workers'))
  const { pool, options: all } = withWorkers(count, options)
  const service = new Service(all)
  if (count > 1) service.includeWorkers(() => pool.state())
  for (const spec of runFlags) {
    if (spec.inert && given.has(spec.name) && spec.name !== 'disable-reporting') {
      service.log.warn('A flag has no effect', { flag: `--${spec.name}`, why: spec.inert })
    }
  }
  const stopped = onSignals(service)
  const server = adminServer(service)
  await server.start()
  const warnOfBlocks = blockWarner(service)
  const lines = new AlloyLogging(logging, service, systemClock)
  service.onSettings(
    (settings) => {
      lines.apply(settings)
      server.apply(settings)
      warnOfBlocks(settings)
    },
    (settings) => server.check(settings),
  )
  const result = await service.start()
  report(result)
  if (!result.ok) {
    process.stderr.write('Error: could not perform the initial load successfully\n')
    await server.stop(0)
    await Promise.all([service.stop(0), pool.stop(0)])
    return 1
  }
  service.log.info('Solder is ready', { components: service.graph.nodes.size, address: service.globals.listenAddress })
  onStarted()
  const memory = keepMemory()
  const signal = await stopped
  memory.stop()
  service.log.info('Stopping', { signal })
  await lines.stop()
  await Promise.all([service.stop(stopDeadlineMs), pool.stop(stopDeadlineMs)])
  await server.stop(0)
  return 0
}

/** Says once which configuration blocks are taken, so that the file runs, and have no effect yet. */
function blockWarner(service: Service): (settings: ReadonlyMap<string, object>) => void {
  const said = new Set<string>()
  const warn = (message: string): void => {
    if (!said.has(message)) service.log.warn(message)
    said.add(message)
  }
  return (settings) => {
    if (settings.has('tracing')) warn('The tracing block has no effect yet: Solder traces nothing of itself')
  }
}

/** What is wrong with a configuration, to standard error. */
export function report(result: LoadResult): void {
  if (result.diagnostics.length > 0) process.stderr.write(problemText(result))
}

/** SIGHUP reloads. The promise is kept with the name of the first signal that asks to stop; the second one ends at once. */
export function onSignals(service: Service): Promise<string> {
  process.on('SIGHUP', () => {
    service.reload().then(report, (error: Error) => service.log.error('Cannot reload', { err: error.message }))
  })
  return new Promise((resolve) => {
    let stopping = false
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        if (stopping) process.exit(130)
        stopping = true
        resolve(signal)
      })
    }
  })
}

/** Serves the pages of `service` on its listen address, once started. Throws `UsageError` for an address that is none. */
export function adminServer(service: Service): AdminServer {
  const pages = new AdminPages(service)
  return new AdminServer({
    ...parseAddress(service.globals.listenAddress),
    clock: systemClock,
    log: service.log,
    handle: (request, response) => pages.handle(request, response),
  })
}

function parseAddress(address: string): { host: string; port: number } {
  const m = /^(?:\[([^\]]+)\]|([^:]*)):(\d+)$/.exec(address)
  if (!m) throw new UsageError(`Cannot listen on ${JSON.stringify(address)}: it is not of the form host:port`)
  return { host: m[1] ?? m[2] ?? '', port: Number(m[3]) }
}
