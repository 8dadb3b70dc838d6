// Units of systemd, over D-Bus (org.freedesktop.systemd1(5)).
import type { MetricFamily, MetricSink } from '#component'
import { connectDbus, DbusError, systemBusSocket } from '#lib/dbus'
import type { DbusConnection, DbusValue } from '#lib/dbus'
import type { Collector, CollectorDefinition, CollectorHost } from '../collector.ts'
import { counter, gauge } from '../families.ts'
import { compileSetting } from '../filter.ts'
import type { UnixSettings } from '../settings.ts'

const name = ['name']
const unitState = gauge('node_systemd_unit_state', 'Systemd unit', ['name', 'state', 'type'])
const startTime = gauge(
  'node_systemd_unit_start_time_seconds',
  'Start time of the unit since unix epoch in seconds.',
  name,
)
const tasksCurrent = gauge('node_systemd_unit_tasks_current', 'Current number of tasks per Systemd unit', name)
const tasksMax = gauge('node_systemd_unit_tasks_max', 'Maximum number of tasks per Systemd unit', name)
const systemRunning = gauge(
  'node_systemd_system_running',
  "Whether the system is operational (see 'systemctl is-system-running')",
)
const summary = gauge('node_systemd_units', 'Summary of systemd unit states', ['state'])
const restarts = counter('node_systemd_service_restart_total', 'Service unit count of Restart triggers', name)
const timerLastTrigger = gauge('node_systemd_timer_last_trigger_seconds', 'Seconds since epoch of last trigger.', name)
const socketAccepted = counter(
  'node_systemd_socket_accepted_connections_total',
  'Total number of accepted socket connections',
  name,
)
const socketCurrent = gauge('node_systemd_socket_current_connections', 'Current number of socket connections', name)
/** A counter by its nature; a gauge by what others have always shown. */
const socketRefused = gauge(
  'node_systemd_socket_refused_connections_total',
  'Total number of refused socket connections',
  name,
)
const version = gauge('node_systemd_version', 'Detected systemd version', ['version'])
const virtualization = gauge('node_systemd_virtualization_info', 'Detected virtualization technology', [
  'virtualization_type',
])

const service = 'org.freedesktop.systemd1'
const managerPath = '/org/freedesktop/systemd1'
const managerInterface = `${service}.Manager`
const privateSocket = '/run/systemd/private'
const states = ['active', 'activating', 'deactivating', 'inactive', 'failed']
/** `SystemState` and `LastTriggerUSec` came with this version. */
const versionWithState = 212
/** Calls under way at a time; a bus refuses clients that have too many. */
const callsAtOnce = 32
/** The longest wait for one answer; the scrape's own timeout usually comes first. */
const callTimeoutMs = 10_000
const unset = 0xffff_ffff_ffff_ffffn

interface Unit {
  readonly name: string
  readonly loadState: string
  readonly activeState: string
  readonly path: string
}

export const collector: CollectorDefinition = {
  name: 'systemd',
  enabledByDefault: false,
  create: (settings, host) => new SystemdCollector(settings.systemd, host),
}

class SystemdCollector implements Collector {
  readonly name = 'systemd'
  readonly #settings: UnixSettings['systemd']
  readonly #host: CollectorHost
  readonly #isWanted: (unit: Unit) => boolean

  constructor(settings: UnixSettings['systemd'], host: CollectorHost) {
    this.#settings = settings
    this.#host = host
    const include = compileSetting(`^(?:${settings.unit_include})$`, ['systemd', 'unit_include'])
    const exclude = compileSetting(`^(?:${settings.unit_exclude})$`, ['systemd', 'unit_exclude'])
    this.#isWanted = (unit) => unit.loadState === 'loaded' && include.test(unit.name) && !exclude.test(unit.name)
  }

  async collect(sink: MetricSink, _files: unknown, signal: AbortSignal): Promise<void> {
    const connection = await connect(this.#host, signal)
    try {
      const versionNumber = await giveVersion(connection, sink)
      const virtual = await tryProperty(connection, managerPath, managerInterface, 'Virtualization')
      // Nothing detected is bare metal.
      sink.sample(virtualization, 1, virtual === undefined ? 'unknown' : String(virtual) || 'none')
      const units = await listUnits(connection)
      giveSummary(sink, units)
      const withState = versionNumber >= versionWithState
      await eachAtOnce(units.filter(this.#isWanted), (unit) => this.#giveUnit(connection, sink, unit, withState))
      if (withState) {
        const state = await connection.property(service, managerPath, managerInterface, 'SystemState')
        sink.sample(systemRunning, state === 'running' ? 1 : 0)
      }
    } finally {
      connection.close()
    }
  }

  async #giveUnit(connection: DbusConnection, sink: MetricSink, unit: Unit, withState: boolean): Promise<void> {
    const kind = unit.name.slice(unit.name.lastIndexOf('.') + 1)
    const read = (interfaceName: string, property: string) =>
      tryProperty(connection, unit.path, `${service}.${interfaceName}`, property)
    const give = async (family: MetricFamily, interfaceName: string, property: string, scale = 1): Promise<boolean> => {
      const value = await read(interfaceName, property)
      if (value === undefined) return false
      if (value !== unset) sink.sample(family, Number(value) / scale, unit.name)
      return true
    }
    const kindInterface = kind === 'service' ? 'Service' : kind === 'mount' ? 'Mount' : undefined
    const type = kindInterface === undefined ? '' : String((await read(kindInterface, 'Type')) ?? '')
    for (const state of states) sink.sample(unitState, state === unit.activeState ? 1 : 0, unit.name, state, type)
    if (kind === 'service' && this.#settings.enable_restarts) await give(restarts, 'Service', 'NRestarts')
    if (this.#settings.start_time) {
      if (unit.activeState === 'active') await give(startTime, 'Unit', 'ActiveEnterTimestamp', 1e6)
      else sink.sample(startTime, 0, unit.name)
    }
    if (kind === 'service' && this.#settings.task_metrics) {
      await give(tasksCurrent, 'Service', 'TasksCurrent')
      await give(tasksMax, 'Service', 'TasksMax')
    }
    if (kind === 'timer' && withState) await give(timerLastTrigger, 'Timer', 'LastTriggerUSec', 1e6)
    if (kind === 'socket') {
      const isThere =
        (await give(socketAccepted, 'Socket', 'NAccepted')) && (await give(socketCurrent, 'Socket', 'NConnections'))
      if (isThere) await give(socketRefused, 'Socket', 'NRefused')
    }
  }
}

/** The system bus, or, where there is none (early boot, a container with systemd's directory only), systemd itself. */
async function connect({ clock }: CollectorHost, signal: AbortSignal): Promise<DbusConnection> {
  const socketPath = systemBusSocket(process.env['DBUS_SYSTEM_BUS_ADDRESS'])
  const options = { timeoutMs: callTimeoutMs, clock, signal }
  try {
    return await connectDbus({ ...options, socketPath, bus: true })
  } catch (error) {
    try {
      return await connectDbus({ ...options, socketPath: privateSocket, bus: false })
    } catch {
      throw error
    }
  }
}

/** The property, or undefined when the other end has none; a failure of the connection is thrown. */
async function tryProperty(
  connection: DbusConnection,
  path: string,
  interfaceName: string,
  property: string,
): Promise<DbusValue | undefined> {
  try {
    return await connection.property(service, path, interfaceName, property)
  } catch (error) {
    // A unit that is gone by now, or a property that came with a later version.
    if (error instanceof DbusError && error.errorName !== '') return undefined
    throw error
  }
}

/** `252 (252.22-1~deb12u1)`: the number is the sample, the text the label. 0 where it cannot be told. */
async function giveVersion(connection: DbusConnection, sink: MetricSink): Promise<number> {
  const text = String((await tryProperty(connection, managerPath, managerInterface, 'Version')) ?? '')
  const found = /[0-9]{3,}(\.[0-9]+)?/.exec(text)?.[0]
  const number = found === undefined ? 0 : Number(found)
  sink.sample(version, number, found === undefined ? '' : text)
  return number
}

async function listUnits(connection: DbusConnection): Promise<Unit[]> {
  const [list] = await connection.call(service, managerPath, managerInterface, 'ListUnits')
  if (!Array.isArray(list)) throw new Error('Cannot list units: no array came')
  // Name, description, load state, active state, sub state, followed unit, path, job's number, type and path.
  return (list as readonly (readonly string[])[]).map((fields) => ({
    name: fields[0] ?? '',
    loadState: fields[2] ?? '',
    activeState: fields[3] ?? '',
    path: fields[6] ?? '',
  }))
}

function giveSummary(sink: MetricSink, units: readonly Unit[]): void {
  const counts = new Map(states.map((state) => [state, 0]))
  for (const { activeState } of units) counts.set(activeState, (counts.get(activeState) ?? 0) + 1)
  for (const [state, count] of counts) sink.sample(summary, count, state)
}

/** `work` for every item, `callsAtOnce` at a time. The first failure is thrown, and no more is begun. */
async function eachAtOnce<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < items.length) await work(items[next++] as T)
  }
  const workers = Array.from({ length: Math.min(callsAtOnce, items.length) }, worker)
  try {
    await Promise.all(workers)
  } catch (error) {
    next = items.length
    throw error
  }
}
