// For tests: `solder migrate` on a machine with a systemd of its own, beside a package that is laid out as Alloy's.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Machine } from '../machine/door.ts'
import { received } from './service_in_machine.ts'

const slow = { timeout: 600_000 }

/**
 * A fake: there is no Alloy here. It does the one thing that a migration has to wait for: it notes how far it has read its
 * file only when it stops. systemd ends all of a service's processes, so what it starts for that has to ignore it.
 */
const fakeAlloy = `#!/bin/sh
echo "fake Alloy: $*"
trap 'trap "" TERM
  mkdir -p /var/lib/alloy/data/loki.source.file.app
  sed "s/SIZE/$(stat -c %s /var/log/app/app.log)/" /usr/share/alloy/positions >/var/lib/alloy/data/loki.source.file.app/positions.yml
  exit 0' TERM
while :; do sleep 1 & wait $!; done
`
const positions = `positions:
  ? path: /var/log/app/app.log
    labels: '{app="from the unit"}'
  : "SIZE"
`
/** As Alloy's package for Debian has it, at 1.18: what systemd reads, users, groups and modes. */
const unit = `[Unit]
Description=Alloy
Wants=network-online.target
After=network-online.target

[Service]
Restart=always
User=alloy
Environment=HOSTNAME=%H
Environment=ALLOY_DEPLOY_MODE=deb
EnvironmentFile=/etc/default/alloy
WorkingDirectory=/var/lib/alloy
ExecStart=/usr/bin/alloy run $CUSTOM_ARGS --storage.path=/var/lib/alloy/data $CONFIG_FILE
ExecReload=/usr/bin/env kill -HUP $MAINPID
TimeoutStopSec=20s

[Install]
WantedBy=multi-user.target
`
const options = `CONFIG_FILE="/etc/alloy/config.alloy"
CUSTOM_ARGS="--server.http.listen-addr=127.0.0.1:12399"
RESTART_ON_UPGRADE=true
`
/** Somebody's own, by `systemctl edit alloy`. */
const dropIn = `[Service]
Environment=APP_LABEL="from the unit"
`
const configuration = `local.file "key" {
  filename = "/etc/alloy/key"
}
loki.source.file "app" {
  targets    = [{ __path__ = "/var/log/app/app.log", app = sys.env("APP_LABEL") }]
  forward_to = [loki.write.out.receiver]
}
loki.write "out" {
  endpoint {
    url = "http://127.0.0.1:3100/loki/api/v1/push"

    basic_auth {
      username = "me"
      password = local.file.key.content
    }
  }
}
`

async function installFakeAlloy(machine: Machine): Promise<void> {
  await machine.write('/usr/bin/alloy', fakeAlloy)
  await machine.write('/usr/share/alloy/positions', positions)
  await machine.write('/lib/systemd/system/alloy.service', unit)
  await machine.write('/etc/systemd/system/alloy.service.d/override.conf', dropIn)
  await machine.write('/etc/default/alloy', options)
  await machine.write('/etc/alloy/config.alloy', configuration)
  await machine.write('/etc/alloy/key', 'secret')
  await machine.does(`set -e
    chmod 0755 /usr/bin/alloy
    groupadd -r alloy; useradd -m -r -g alloy -d /var/lib/alloy -s /sbin/nologin alloy
    mkdir -p /var/lib/alloy/data; chown -R alloy:alloy /var/lib/alloy; chmod 770 /var/lib/alloy /var/lib/alloy/data
    chown -R root:alloy /etc/alloy; chmod 770 /etc/alloy; chmod 640 /etc/alloy/key
    mkdir -p /var/log/app; echo "line that Alloy sent" >/var/log/app/app.log
    systemctl daemon-reload; systemctl enable --now alloy`)
  await machine.until('journalctl --no-pager -u alloy', /fake Alloy: run --server/)
}

/** Solder's package is installed, with a configuration that is somebody's, and what takes logs runs. */
export function migrationTests(machine: () => Machine): void {
  test('a migration shows what it would do, with what still points to Alloy', slow, async () => {
    await machine().does('systemctl disable --now solder')
    await installFakeAlloy(machine())
    const said = await machine().does('solder migrate')
    assert.match(said, /^ {2}\/etc\/systemd\/system\/alloy\.service\.d\/override\.conf$/m)
    assert.match(said, /\/etc\/alloy\/config\.alloy:2:15: \/etc\/alloy\/key is still read where it is/)
    assert.match(await machine().does('systemctl is-active alloy'), /^active/)
  })

  test('a migration stops Alloy, and Solder goes on where it was', slow, async () => {
    await machine().does('solder migrate --yes')
    assert.match((await machine().run('systemctl is-active alloy')).output, /^inactive/)
    assert.match((await machine().run('systemctl is-enabled alloy')).output, /^disabled/)
    assert.match(await machine().does('systemctl is-enabled solder'), /^enabled/)
    await machine().until('wget -qO- http://127.0.0.1:12399/-/ready', /Solder is ready/)
    await machine().does('echo "line after the migration" >>/var/log/app/app.log')
    const log = await machine().until(received, /line after the migration/)
    assert.match(log, /from the unit/)
    assert.doesNotMatch(log, /line that Alloy sent/)
    assert.match(
      await machine().does('stat -c "%U %G %a" /etc/solder /etc/solder/config.alloy /etc/solder/key'),
      /^root solder 750\n(root solder 640\n){2}$/,
    )
    assert.match(await machine().does('stat -c "%U %G" /var/lib/solder/data/loki.source.file.app'), /^solder solder$/m)
    // What Alloy had is as it was.
    assert.equal(await machine().does('cat /etc/alloy/config.alloy'), configuration)
    assert.equal((await machine().does('stat -c "%U %G %a" /etc/alloy/key')).trim(), 'root alloy 640')
  })

  test('the way back starts Alloy again', slow, async () => {
    await machine().does('sh /etc/solder/back-to-alloy.sh')
    assert.match(await machine().does('systemctl is-active alloy'), /^active/)
    assert.match(await machine().does('systemctl is-enabled alloy'), /^enabled/)
    assert.match((await machine().run('systemctl is-active solder')).output, /^inactive/)
    await machine().does('systemctl disable --now alloy')
  })
}
