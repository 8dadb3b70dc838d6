// For tests: the install script on a machine with a systemd of its own, from a server of releases on that machine.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Machine } from '../machine/door.ts'
import { backendLive } from './service_in_machine.ts'

const slow = { timeout: 600_000 }
const port = 8000
const cloud =
  'GCLOUD_RW_API_KEY=glc_secret GCLOUD_HOSTED_METRICS_ID=123 GCLOUD_SCRAPE_INTERVAL=10s ' +
  'GCLOUD_HOSTED_METRICS_URL=http://127.0.0.1:9999/api/v1/metrics/write'

/** The package is not installed, what takes metrics runs. `release`: the directory with the files of the release. */
export function installTests(machine: () => Machine, release: string, version: string): void {
  const install = (variables: string, ...args: readonly string[]): Promise<string> =>
    machine().does(`${variables} SOLDER_BASE_URL=http://127.0.0.1:${port} sh ${release}/install.sh ${args.join(' ')}`)
  const isReady = () => machine().until('wget -qO- http://127.0.0.1:12345/-/ready', /Solder is ready/)
  const pid = () => machine().does('systemctl show -P MainPID solder')

  test('the install script makes a service that runs, and again a newer one of it', slow, async () => {
    await machine().does(`echo v${version} >"$(dirname ${release})/latest"`)
    await machine().does(`systemd-run --unit=releases busybox httpd -f -p 127.0.0.1:${port} -h "$(dirname ${release})"`)
    await machine().until(`wget -qO- http://127.0.0.1:${port}/latest`, /^v/)
    assert.match(await install(''), /is installed: \/usr\/local\/bin\/solder/)
    await isReady()
    assert.match(await machine().does('systemctl is-enabled solder'), /^enabled/)
    assert.match(await machine().does('systemctl show -P ExecStart solder'), /path=\/usr\/local\/bin\/solder /)
    const first = await pid()
    assert.equal((await machine().does(`stat -c %U /proc/${first.trim()}`)).trim(), 'solder')
    await install('')
    assert.notEqual(await pid(), first)
    await isReady()
  })

  test(
    'with the variables of Grafana Cloud it sends metrics there, and only the service has the key',
    slow,
    async () => {
      await install(cloud)
      await isReady()
      await machine().until(backendLive, /^node_load1\{.*job="integrations\/node_exporter".*\} \d/m)
      assert.equal((await machine().does('stat -c "%U %a" /etc/solder/api_key')).trim(), 'solder 600')
      assert.equal((await machine().run('grep -r glc_secret /etc/solder/config.alloy')).status, 1)
      assert.doesNotMatch(await machine().does('journalctl --no-pager -u solder'), /glc_secret/)
    },
  )

  test('uninstalled, it keeps configuration and state; purged, nothing', slow, async () => {
    await machine().does(`sh ${release}/install.sh --uninstall`)
    assert.match((await machine().run('systemctl is-active solder')).output, /^(inactive|unknown)/)
    await machine().does('test ! -e /usr/local/bin/solder && test -e /etc/solder/config.alloy && id solder')
    await machine().does(`sh ${release}/install.sh --uninstall --purge`)
    await machine().does('test ! -e /etc/solder && test ! -e /var/lib/solder && test ! -e /etc/default/solder')
    assert.equal(await machine().does("find /etc/systemd -name 'solder*'"), '')
    assert.notEqual((await machine().run('id solder')).status, 0)
    assert.equal((await machine().does('systemctl is-system-running')).trim(), 'running')
  })
}
