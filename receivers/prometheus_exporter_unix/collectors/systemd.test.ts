import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { SettingsError } from '#component'
import { DbusVariant } from '#lib/dbus'
import type { DbusValue } from '#lib/dbus'
import { hasDbusDaemon, startDbusDaemon } from '#lib/dbus_daemon'
import { FakeDbusService } from '#lib/dbus_fake_service'
import type { FakeHandler } from '#lib/dbus_fake_service'
import { collectOnce } from '../fixture_host.ts'
import type { FixtureOptions } from '../fixture_host.ts'
import { collector as logind } from './logind.ts'
import { collector as systemd } from './systemd.ts'

const directory = mkdtempSync(join(tmpdir(), 'systemd-'))
let stopBus: () => Promise<void> = async () => undefined
const socketPath = join(directory, 'bus')

before(async () => {
  process.env['DBUS_SYSTEM_BUS_ADDRESS'] = `unix:path=${socketPath}`
  if (hasDbusDaemon()) stopBus = (await startDbusDaemon(directory)).stop
})
after(async () => {
  await stopBus()
  rmSync(directory, { recursive: true })
})

/** A fake of `name`: on a real bus where there is one, else it plays the bus as well. */
async function fake(name: string, handler: FakeHandler): Promise<FakeDbusService> {
  const service = new FakeDbusService(handler)
  if (hasDbusDaemon()) await service.join(socketPath, name)
  else await service.listen(socketPath)
  return service
}

/** `path interface.property` to what the service says. */
type Properties = Readonly<Record<string, DbusVariant>>

const text = (value: string): DbusVariant => new DbusVariant('s', value)
const u32 = (value: number): DbusVariant => new DbusVariant('u', value)
const u64 = (value: bigint): DbusVariant => new DbusVariant('t', value)

function unit(name: string, active: string, load = 'loaded'): DbusValue {
  return [name, 'About it', load, active, 'sub', '', `/u/${name.replaceAll('.', '_2e')}`, 0, '', '/']
}

const units = [
  unit('ssh.service', 'active'),
  unit('old.service', 'failed'),
  unit('a.socket', 'active'),
  unit('b.timer', 'active'),
  unit('home.mount', 'active'),
  unit('gone.service', 'inactive', 'not-found'),
]
const manager = '/org/freedesktop/systemd1 Manager'
const properties: Properties = {
  [`${manager}.Version`]: text('252.22-1~deb12u1'),
  [`${manager}.Virtualization`]: text('kvm'),
  [`${manager}.SystemState`]: text('running'),
  '/u/ssh_2eservice Service.Type': text('notify'),
  '/u/ssh_2eservice Service.NRestarts': u32(3),
  '/u/ssh_2eservice Service.TasksCurrent': u64(5n),
  '/u/ssh_2eservice Service.TasksMax': u64(2n ** 64n - 1n),
  '/u/ssh_2eservice Unit.ActiveEnterTimestamp': u64(1700000000500000n),
  '/u/a_2esocket Socket.NAccepted': u32(7),
  '/u/a_2esocket Socket.NConnections': u32(2),
  '/u/b_2etimer Timer.LastTriggerUSec': u64(1600000000000000n),
}

function systemdHandler(known: Properties): FakeHandler {
  return (call) => {
    if (call.member === 'ListUnits') return { signature: 'a(ssssssouso)', body: [units] }
    const [interfaceName, property] = call.body as [string, string]
    const value = known[`${call.path} ${interfaceName.replace('org.freedesktop.systemd1.', '')}.${property}`]
    if (value === undefined) return { errorName: 'org.freedesktop.DBus.Error.UnknownProperty' }
    return { signature: 'v', body: [value] }
  }
}

const cases: {
  name: string
  properties: Properties
  settings?: FixtureOptions['settings']
  pattern: RegExp
  want: string[]
}[] = [
  {
    name: 'the manager itself',
    properties,
    pattern: /version|virtual|running|units/,
    want: [
      'node_systemd_version{version="252.22-1~deb12u1"} 252.22',
      'node_systemd_virtualization_info{virtualization_type="kvm"} 1',
      'node_systemd_units{state="active"} 4',
      'node_systemd_units{state="activating"} 0',
      'node_systemd_units{state="deactivating"} 0',
      'node_systemd_units{state="inactive"} 1',
      'node_systemd_units{state="failed"} 1',
      'node_systemd_system_running 1',
    ],
  },
  {
    name: 'units that are wanted and loaded, in the state they are in, with the type that services have',
    properties,
    pattern: /unit_state.* 1$/,
    want: [
      'node_systemd_unit_state{name="a.socket",state="active"} 1',
      'node_systemd_unit_state{name="b.timer",state="active"} 1',
      'node_systemd_unit_state{name="old.service",state="failed"} 1',
      'node_systemd_unit_state{name="ssh.service",state="active",type="notify"} 1',
    ],
  },
  {
    name: 'sockets and timers, without what a version does not know',
    properties,
    pattern: /socket_|timer_/,
    want: [
      'node_systemd_socket_accepted_connections_total{name="a.socket"} 7',
      'node_systemd_socket_current_connections{name="a.socket"} 2',
      'node_systemd_timer_last_trigger_seconds{name="b.timer"} 1600000000',
    ],
  },
  {
    name: 'restarts, start times and tasks when asked for, no limit not shown',
    properties,
    settings: { systemd: { enable_restarts: true, start_time: true, task_metrics: true, unit_include: '.*service' } },
    pattern: /restart|start_time|tasks/,
    want: [
      'node_systemd_service_restart_total{name="ssh.service"} 3',
      'node_systemd_unit_start_time_seconds{name="old.service"} 0',
      'node_systemd_unit_start_time_seconds{name="ssh.service"} 1700000000.5',
      'node_systemd_unit_tasks_current{name="ssh.service"} 5',
    ],
  },
  {
    name: 'an old manager, which has neither a state nor trigger times',
    properties: { ...properties, [`${manager}.Version`]: text('systemd 204'), [`${manager}.Virtualization`]: text('') },
    pattern: /version|virtual|running|timer_last/,
    want: [
      'node_systemd_version{version="systemd 204"} 204',
      'node_systemd_virtualization_info{virtualization_type="none"} 1',
    ],
  },
]
for (const { name, properties: known, settings, pattern, want } of cases) {
  test(`systemd: ${name}`, async (t) => {
    const service = await fake('org.freedesktop.systemd1', systemdHandler(known))
    t.after(() => service.stop())
    const lines = (await collectOnce(systemd, {}, settings ? { settings } : {})).filter((line) => pattern.test(line))
    const isManager = /version|virtual|running|units/.test(pattern.source)
    assert.deepEqual(isManager ? lines : lines.sort(), want)
  })
}

test('systemd: without a bus and without a manager the collector fails', async () => {
  process.env['DBUS_SYSTEM_BUS_ADDRESS'] = `unix:path=${join(directory, 'none')}`
  try {
    await assert.rejects(collectOnce(systemd, {}), /Cannot talk to D-Bus/)
  } finally {
    process.env['DBUS_SYSTEM_BUS_ADDRESS'] = `unix:path=${socketPath}`
  }
})

test('systemd: a regular expression that does not compile is an error of its setting', async () => {
  await assert.rejects(collectOnce(systemd, {}, { settings: { systemd: { unit_include: '(' } } }), (error) => {
    return error instanceof SettingsError && error.path.join('.') === 'systemd.unit_include'
  })
})

test('logind: sessions by seat, type and class', async (t) => {
  const known: Properties = {
    '/s/1 Session.Remote': new DbusVariant('b', true),
    '/s/1 Session.Type': text('tty'),
    '/s/1 Session.Class': text('user'),
    '/s/2 Session.Remote': new DbusVariant('b', false),
    '/s/2 Session.Type': text('hologram'),
    '/s/2 Session.Class': text('greeter'),
  }
  const service = await fake('org.freedesktop.login1', (call) => {
    if (call.member === 'ListSeats') return { signature: 'a(so)', body: [[['seat0', '/seat0']]] }
    if (call.member === 'ListSessions') {
      const sessions = [
        ['1', 1000, 'me', '', '/s/1'],
        ['2', 0, 'root', 'seat0', '/s/2'],
        ['3', 0, 'ended', 'seat0', '/s/3'],
      ]
      return { signature: 'a(susso)', body: [sessions] }
    }
    const [interfaceName, property] = call.body as [string, string]
    const value = known[`${call.path} ${interfaceName.replace('org.freedesktop.login1.', '')}.${property}`]
    return value === undefined
      ? { errorName: 'org.freedesktop.DBus.Error.UnknownObject' }
      : { signature: 'v', body: [value] }
  })
  t.after(() => service.stop())
  const lines = await collectOnce(logind, {})
  assert.equal(lines.length, 2 * 7 * 5 * 2)
  assert.deepEqual(lines.filter((line) => !line.endsWith(' 0')).sort(), [
    'node_logind_sessions{remote="true",type="tty",class="user"} 1',
    'node_logind_sessions{seat="seat0",remote="false",type="other",class="greeter"} 1',
  ])
})
