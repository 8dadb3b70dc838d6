// `solder --config=…`: runs the collector's YAML, as the upstream collector's command does.
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { HostGlobals, Logger } from '#component'
import { parseGoDuration } from '#component'
import { compileYaml, readYamlConfiguration, type TelemetrySettings } from '#config'
import { systemClock } from '#lib/clock'
import {
  CollectorTelemetry,
  collectorLogging,
  LineLoggerProvider,
  LogOutput,
  observeProcessor,
  resourceOf,
  Service,
  type ServiceOptions,
} from '#service'
import { checkCollectorFlags, collectorFlagsText, type CollectorFlags, parseCollectorFlags } from './collector_flags.ts'
import { registry } from './components.ts'
import { UsageError } from './flags.ts'
import { keepMemory } from './memory.ts'
import { adminServer, onSignals, report } from './run.ts'
import { version } from './version.ts'
import { withWorkers, work, workerRole, workersOf } from './workers.ts'

const otherFlags = [
  'storage.path',
  'storage.durability',
  'shutdown-deadline',
  'workers',
  'server.http.listen-addr',
] as const

/** Any time will do. */
const aliveMs = 3_600_000

export async function collectorCommand(args: readonly string[]): Promise<number> {
  const flags = parseCollectorFlags(args, otherFlags)
  if (flags.help) {
    process.stdout.write(`Usage:\n  solder --config=LOCATION [flags]\n\nFlags:\n${collectorFlagsText}`)
    return 0
  }
  checkCollectorFlags(flags)
  const stopDeadlineMs = parseGoDuration(flags.others.get('shutdown-deadline') ?? '20s')
  if (stopDeadlineMs === undefined) {
    throw new UsageError('invalid argument for "--shutdown-deadline" flag: not a duration')
  }
  // Nothing else may be there that keeps the process running: no admin server, no socket of a component.
  const alive = setInterval(() => {}, aliveMs)
  try {
    return await serve(flags, globalsOf(flags), stopDeadlineMs)
  } finally {
    clearInterval(alive)
  }
}

function globalsOf(flags: CollectorFlags): HostGlobals {
  const durability = flags.others.get('storage.durability') ?? 'spill'
  if (durability !== 'spill' && durability !== 'always') {
    throw new UsageError(
      `invalid argument ${JSON.stringify(durability)} for "--storage.durability" flag: it is one of spill, always`,
    )
  }
  return {
    hostname: hostname(),
    version,
    listenAddress: flags.others.get('server.http.listen-addr') ?? '',
    memoryAddress: 'solder.internal',
    storagePath: flags.others.get('storage.path') ?? 'data-solder/',
    durability,
    userAgent: `Solder/${version}`,
  }
}

async function serve(flags: CollectorFlags, globals: HostGlobals, stopDeadlineMs: number): Promise<number> {
  const output = new LogOutput()
  const instanceId = randomUUID()
  const logging = new LineLoggerProvider({
    level: 'info',
    format: 'console',
    clock: systemClock,
    write: (line) => output.write(line),
  })
  const options: ServiceOptions = {
    registry,
    stability: 'experimental', // upstream has no levels to choose from
    environment: process.env,
    globals,
    clock: systemClock,
    logging,
    readConfiguration: () => readYamlConfiguration(flags.configs, flags.sets, process.env),
    compile: (text, view, options) => compileYaml(text.sources, view, options),
    nodeAttributes,
    observeNode: observeProcessor,
  }
  const settingsOf = (process: ReadonlyMap<string, object>): TelemetrySettings => {
    return process.get('telemetry') as TelemetrySettings
  }
  const role = workerRole()
  const applyLogging = (settings: TelemetrySettings, log: Logger): void => {
    try {
      collectorLogging(logging, output, settings, {
        resource: resourceOf(settings, version, instanceId),
        clock: systemClock,
        more: role ? { worker: role.index } : {},
      })
    } catch (error) {
      log.error('Cannot change where log lines go', { err: (error as Error).message })
    }
  }
  if (role) {
    const code = await work(role, options, (worker) =>
      worker.onSettings((process) => applyLogging(settingsOf(process), worker.log)),
    )
    output.close()
    return code
  }
  const count = workersOf(flags.others.get('workers'))
  const { pool, options: all } = withWorkers(count, options)
  const service = new Service(all)
  if (count > 1) service.includeWorkers(() => pool.state())
  const telemetry = new CollectorTelemetry({
    telemetry: service.telemetry,
    clock: systemClock,
    log: service.log,
    version,
    instanceId,
    userAgent: globals.userAgent,
  })
  const stopped = onSignals(service)
  service.onSettings(
    (process) => {
      const settings = settingsOf(process)
      applyLogging(settings, service.log)
      void telemetry.apply(settings)
    },
    (process) => output.check(settingsOf(process).logs.output_paths),
  )
  const server = globals.listenAddress === '' ? undefined : adminServer(service)
  await server?.start()
  server?.apply(new Map())
  const result = await service.start()
  report(result)
  if (!result.ok) {
    process.stderr.write('Error: the configuration is not valid\n')
    await Promise.all([service.stop(0), pool.stop(0), server?.stop(0)])
    return 1
  }
  service.log.info('Everything is ready. Begin running and processing data.', {
    components: service.graph.nodes.size,
  })
  const memory = keepMemory()
  const signal = await stopped
  memory.stop()
  service.log.info('Stopping', { signal })
  await Promise.all([service.stop(stopDeadlineMs), pool.stop(stopDeadlineMs)])
  await telemetry.stop()
  await server?.stop(0)
  output.close()
  return 0
}

/** `processor/batch@traces/main` is the processor `batch` of the pipeline `traces/main`. */
export function nodeAttributes(nodeId: string) {
  const cut = nodeId.indexOf('/')
  const kind = nodeId.slice(0, cut)
  const rest = nodeId.slice(cut + 1)
  const processor = kind === 'processor' ? /^(.*)@((?:traces|metrics|logs)(?:\/.*)?)$/.exec(rest) : null
  const [id, pipeline] = processor ? [processor[1] as string, processor[2] as string] : [rest, undefined]
  return {
    metrics: { [kind]: id, ...(pipeline === undefined ? {} : { pipeline }) },
    logs: {
      'otelcol.component.id': id,
      'otelcol.component.kind': kind,
      ...(pipeline === undefined ? {} : { 'otelcol.pipeline.id': pipeline }),
    },
  }
}
