// For tests: what the Debian package's service does on a machine with a systemd of its own, from installation to purge.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Machine } from '../machine/door.ts'

/** Where the other solder is on the machine: the executable of the release that the install script fetches. */
export interface Places {
  readonly package: string
  readonly executable: string
}

const slow = { timeout: 600_000 }
const live = 'wget -qO- http://127.0.0.1:12345/live/metrics'
export const received = 'cat /run/backend.log'
const isReady = 'wget -qO- http://127.0.0.1:12345/-/ready'
const ready = /Solder is ready/

/** What takes metrics and logs, and says them. It writes to a file, or the journal would be sent round and round. */
const backend = `loki.source.api "in" {
  http {
    listen_address = "127.0.0.1"
    listen_port    = 3100
  }
  forward_to = [loki.echo.in.receiver]
}
loki.echo "in" { }
prometheus.receive_http "in" {
  http {
    listen_address = "127.0.0.1"
    listen_port    = 9999
  }
  forward_to = [prometheus.live.in.receiver]
}
prometheus.live "in" { }
`
export const backendLive = 'wget -qO- http://127.0.0.1:9998/live/metrics'

export async function startBackend(machine: Machine, { executable }: Places): Promise<void> {
  await machine.write('/etc/backend.alloy', backend)
  await machine.does(
    'systemd-run --unit=backend -p StandardOutput=append:/run/backend.log -p StandardError=append:/run/backend.log ' +
      `${executable} run --server.http.listen-addr=127.0.0.1:9998 --storage.path=/run/backend /etc/backend.alloy`,
  )
  await machine.until('wget -qO- http://127.0.0.1:9998/-/ready', ready)
}

const configuration = `prometheus.exporter.unix "host" { }
prometheus.scrape "host" {
  targets         = prometheus.exporter.unix.host.targets
  forward_to      = [prometheus.live.host.receiver, prometheus.remote_write.out.receiver]
  scrape_interval = "5s"
  scrape_timeout  = "5s"
}
prometheus.live "host" { }
prometheus.remote_write "out" {
  endpoint {
    url = "http://127.0.0.1:9999/api/v1/metrics/write"
  }
}
loki.source.journal "all" {
  forward_to = [loki.write.out.receiver]
  labels     = { source = "journal" }
}
local.file_match "private" {
  path_targets = [{ __path__ = "/var/log/private/*.log", source = "file" }]
}
loki.source.file "private" {
  targets    = local.file_match.private.targets
  forward_to = [loki.write.out.receiver]
}
loki.write "out" {
  endpoint {
    url = "http://127.0.0.1:3100/loki/api/v1/push"
  }
}
`

const mainPid = async (machine: Machine): Promise<string> =>
  (await machine.does('systemctl show -P MainPID solder')).trim()

export function serviceTests(machine: () => Machine, places: Places): void {
  installationTests(machine, places)
  lifeTests(machine, places)
}

function installationTests(machine: () => Machine, places: Places): void {
  test('the package is installed on a running system, and starts nothing by itself', slow, async () => {
    assert.equal((await machine().does('systemctl is-system-running')).trim(), 'running')
    await machine().does(`dpkg -i ${places.package}`)
    assert.match(await machine().does('id solder'), /adm.*systemd-journal/)
    assert.match(
      await machine().does('stat -c "%U %G %a" /var/lib/solder /etc/solder /etc/solder/config.alloy'),
      /^solder solder 750\nroot solder 750\nroot solder 640\n$/,
    )
    assert.match(await machine().does('cat /usr/share/doc/solder/copyright'), /^ {2}Node\.js /m)
    assert.match((await machine().run('systemctl is-active solder')).output, /^inactive/)
  })

  test('systemd finds nothing wrong with the unit, and little exposed', slow, async () => {
    const { output } = await machine().run('systemd-analyze verify solder.service')
    // There is no man on this machine.
    assert.equal(output.replace(/^.*Command 'man solder\(1\)' failed.*\n/m, ''), '')
    const said = await machine().does('systemd-analyze security --no-pager solder.service')
    const exposure = Number(/Overall exposure level for solder\.service: ([\d.]+)/.exec(said)?.[1])
    assert.ok(exposure <= 2.5, said)
  })

  test('enabled, it runs with the configuration of the package', slow, async () => {
    await machine().does('systemctl enable --now solder')
    await machine().until(isReady, ready)
    assert.match(await machine().does('systemctl is-enabled solder'), /^enabled/)
    assert.match(await machine().does('wget -qO- http://127.0.0.1:12345/metrics'), /^alloy_build_info|^solder_/m)
  })
}

function lifeTests(machine: () => Machine, places: Places): void {
  test('a changed configuration is taken with a reload: metrics of the host', slow, async () => {
    await startBackend(machine(), places)
    await machine().does('mkdir -m 0700 /var/log/private; umask 077; echo "line of root" >/var/log/private/a.log')
    await machine().write('/etc/solder/config.alloy', configuration)
    const before = await mainPid(machine())
    await machine().does('systemctl reload solder')
    await machine().until(live, /^node_load1\{.*\} \d/m)
    assert.match(await machine().does(live), /^node_uname_info\{.*nodename="machine"/m)
    await machine().until(backendLive, /^node_load1\{.*\} \d/m)
    assert.equal(await mainPid(machine()), before)
  })

  test('a wrong configuration is refused, with its place, and the old one goes on', slow, async () => {
    await machine().does(
      'cp -p /etc/solder/config.alloy /run/good; echo "prometheus.scrap {" >>/etc/solder/config.alloy',
    )
    const before = await mainPid(machine())
    await machine().does('systemctl reload solder')
    await machine().until(
      'journalctl -u solder --no-pager',
      /the old one goes on[^]*Error: \/etc\/solder\/config\.alloy:\d+:\d+/,
    )
    const at = (text: string): string => /^node_time_seconds\{.*\} (\S+)/m.exec(text)?.[1] ?? ''
    const earlier = at(await machine().does(live))
    await machine().until(`${live} | grep -v -F '${earlier}'`, /^node_time_seconds\{/m)
    assert.equal(await mainPid(machine()), before)
    await machine().does('cp -p /run/good /etc/solder/config.alloy; systemctl reload solder')
  })

  test('it reads the journal and files of others, and can do nothing else', slow, async () => {
    await machine().does('echo "word to the journal" | systemd-cat -t speaker')
    await machine().until(received, /word to the journal/)
    await machine().until(received, /line of root/)
    const pid = await mainPid(machine())
    const status = await machine().does(`cat /proc/${pid}/status`)
    assert.match(status, /^CapEff:\t0000000000000004$/m)
    assert.match(status, /^NoNewPrivs:\t1$/m)
    assert.match(status, /^Seccomp:\t2$/m)
    assert.equal((await machine().does(`stat -c %U /proc/${pid}`)).trim(), 'solder')
    // As root in its name space: what is refused there is refused by the unit.
    const inside = (command: string): string => `nsenter --mount --target ${pid} sh -c '${command}'`
    for (const path of ['/etc/x', '/usr/x', '/var/log/x', '/boot/x', '/proc/sys/kernel/hostname', '/sys/fs/cgroup/x']) {
      const { status: refused, output } = await machine().run(inside(`echo x >${path}`))
      assert.notEqual(refused, 0, path)
      assert.match(output, /Read-only file system/, path)
    }
    await machine().does(inside('echo x >/var/lib/solder/x && echo x >/tmp/only_here'))
    assert.notEqual((await machine().run('test -e /tmp/only_here')).status, 0)
  })

  test('killed, it is started again', slow, async () => {
    const before = await mainPid(machine())
    await machine().does('systemctl kill --signal=KILL solder')
    await machine().until('systemctl show -P NRestarts solder', /^1$/m)
    await machine().until(isReady, ready)
    assert.notEqual(await mainPid(machine()), before)
  })

  test('stopped while nobody takes what it has, it ends in time, and sends that later', slow, async () => {
    await machine().does('systemctl stop backend; systemctl reset-failed backend 2>/dev/null; true')
    await machine().does('echo "word during the outage" | systemd-cat -t speaker')
    await machine().does('echo "line during the outage" >>/var/log/private/a.log; sleep 10')
    await machine().does('systemctl stop solder')
    // Another result when systemd had to kill it.
    assert.equal((await machine().does('systemctl show -P Result solder')).trim(), 'success')
    assert.equal((await machine().does('systemctl show -P ExecMainStatus solder')).trim(), '0')
    await startBackend(machine(), places)
    await machine().does('systemctl start solder')
    await machine().until(received, /word during the outage/)
    await machine().until(received, /line during the outage/)
  })

  test('an upgrade restarts it where the options say so, and keeps what was changed', slow, async () => {
    await machine().until(isReady, ready)
    const before = await mainPid(machine())
    await machine().does(`dpkg -i --force-confold ${places.package}`)
    const upgraded = await mainPid(machine())
    assert.notEqual(upgraded, before)
    await machine().until(isReady, ready)
    assert.equal(await machine().does('cat /etc/solder/config.alloy'), configuration)
    await machine().does("sed -i 's/^RESTART_ON_UPGRADE=.*/RESTART_ON_UPGRADE=false/' /etc/default/solder")
    // What dpkg runs after it put the files there.
    await machine().does('/var/lib/dpkg/info/solder.postinst configure 0.0.1')
    assert.equal(await mainPid(machine()), upgraded)
  })
}

export function removalTests(machine: () => Machine): void {
  test('a removal stops it and keeps configuration and state; a purge keeps nothing', slow, async () => {
    await machine().does('systemctl enable --now solder')
    await machine().does('dpkg -r solder')
    assert.match((await machine().run('systemctl is-active solder')).output, /^(inactive|unknown)/)
    await machine().does(
      'test -e /etc/solder/config.alloy && test -d /var/lib/solder/data && test ! -e /usr/bin/solder',
    )
    await machine().does('dpkg -P solder')
    await machine().does(
      'test ! -e /etc/solder/config.alloy && test ! -e /etc/default/solder && test ! -e /var/lib/solder',
    )
    assert.notEqual((await machine().run('id solder')).status, 0)
    assert.equal(await machine().does("find /etc/systemd -name 'solder*'"), '')
    assert.equal((await machine().does('systemctl is-system-running')).trim(), 'running')
  })
}
