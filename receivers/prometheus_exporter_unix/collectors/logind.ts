// Sessions of logind, over D-Bus (org.freedesktop.login1(5)).
import { connectDbus, DbusError, systemBusSocket } from '#lib/dbus'
import type { DbusConnection } from '#lib/dbus'
import type { CollectorDefinition } from '../collector.ts'
import { gauge } from '../families.ts'

const sessions = gauge('node_logind_sessions', 'Number of sessions registered in logind.', [
  'seat',
  'remote',
  'type',
  'class',
])
const service = 'org.freedesktop.login1'
const managerPath = '/org/freedesktop/login1'
const remotes = ['true', 'false']
/** What logind has; `other` stands for what later versions may add. */
const types = ['other', 'unspecified', 'tty', 'x11', 'wayland', 'mir', 'web']
const classes = ['other', 'user', 'greeter', 'lock-screen', 'background']
const callTimeoutMs = 10_000

export const collector: CollectorDefinition = {
  name: 'logind',
  enabledByDefault: false,
  create: (_settings, { clock }) => ({
    name: 'logind',
    async collect(sink, _files, signal) {
      const socketPath = systemBusSocket(process.env['DBUS_SYSTEM_BUS_ADDRESS'])
      const connection = await connectDbus({ socketPath, bus: true, timeoutMs: callTimeoutMs, clock, signal })
      try {
        // Sessions without a seat (SSH) have the empty one.
        const seats = [...(await list(connection, 'ListSeats')).map((seat) => seat[0] as string), '']
        const counts = new Map<string, number>()
        for (const [, , , seat = '', path = ''] of await list(connection, 'ListSessions')) {
          const key = await describe(connection, seat, path)
          if (key !== undefined) counts.set(key, (counts.get(key) ?? 0) + 1)
        }
        for (const remote of remotes) {
          for (const type of types) {
            for (const className of classes) {
              for (const seat of seats) {
                sink.sample(
                  sessions,
                  counts.get(keyOf(seat, remote, type, className)) ?? 0,
                  seat,
                  remote,
                  type,
                  className,
                )
              }
            }
          }
        }
      } finally {
        connection.close()
      }
    },
  }),
}

async function list(connection: DbusConnection, method: string): Promise<readonly (readonly string[])[]> {
  const [rows] = await connection.call(service, managerPath, `${service}.Manager`, method)
  if (!Array.isArray(rows)) throw new Error(`Cannot read sessions: ${method} gave no array`)
  return rows as readonly (readonly string[])[]
}

/** What the session counts as; undefined for one that ended since it was listed. */
async function describe(connection: DbusConnection, seat: string, path: string): Promise<string | undefined> {
  const read = async (property: string): Promise<string> =>
    String(await connection.property(service, path, `${service}.Session`, property))
  try {
    const [remote, type, className] = await Promise.all([read('Remote'), read('Type'), read('Class')])
    return keyOf(seat, remote, knownOr(type, types), knownOr(className, classes))
  } catch (error) {
    if (error instanceof DbusError && error.errorName !== '') return undefined
    throw error
  }
}

function knownOr(value: string, known: readonly string[]): string {
  return known.includes(value) ? value : 'other'
}

function keyOf(...parts: readonly string[]): string {
  return parts.join('\0')
}
