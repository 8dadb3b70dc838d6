import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { readAlloyService } from './alloy_service.ts'

const main = join(import.meta.dirname, '../main.ts')

const unit = `[Unit]
Description=Alloy
[Service]
User=alloy
Environment=HOSTNAME=%H
Environment=ALLOY_DEPLOY_MODE=deb
EnvironmentFile=/etc/default/alloy
WorkingDirectory=/var/lib/alloy
ExecStart=/usr/bin/alloy run $CUSTOM_ARGS --storage.path=/var/lib/alloy/data $CONFIG_FILE
Restart=always
`
const options = `# Options
CONFIG_FILE="/etc/alloy/config.alloy"
CUSTOM_ARGS="--server.http.listen-addr=127.0.0.1:9999 --cluster.enabled --disable-reporting"
RESTART_ON_UPGRADE=false
LOKI_PASSWORD='p$ "w'
GOMEMLIMIT=100MiB
`
const config = `import.file "m" {
	filename = module_path + "/modules/write.alloy"
}

m.write "default" { }

local.file_match "logs" {
	path_targets = [{__path__ = "/var/log/*.log"}]
}

loki.source.file "logs" {
	targets    = local.file_match.logs.targets
	forward_to = [m.write.default.receiver]
}

// Not this one: "/etc/alloy/comment", nor the next: they are not Alloy's.
local.file "key" {
	filename = "/etc/alloy/key"
}

local.file "other" {
	filename = "/srv/etc/alloy/key"
}
`
const module = `declare "write" {
	loki.write "default" {
		endpoint {
			url = "http://loki/loki/api/v1/push"

			basic_auth {
				username = "u"
				password = sys.env("LOKI_PASSWORD")
			}
		}
	}

	export "receiver" {
		value = loki.write.default.receiver
	}
}
`
const positions = 'positions:\n  ? path: /var/log/a.log\n    labels: \'{}\'\n  : "42"\n'

describe('solder migrate', () => {
  let root = ''
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'solder-migrate-test-'))
    put('/lib/systemd/system/alloy.service', unit)
    put('/etc/default/alloy', options)
    put('/etc/alloy/config.alloy', config)
    put('/etc/alloy/modules/write.alloy', module)
    put('/var/lib/alloy/data/loki.source.file.logs/positions.yml', positions)
    put('/var/lib/alloy/data/prometheus.remote_write.default/wal/00000000', 'x')
  })
  afterEach(() => rmSync(root, { recursive: true }))

  function put(path: string, text: string): void {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  const at = (path: string): string => readFileSync(join(root, path), 'utf8')
  const migrate = (...args: readonly string[]) =>
    spawnSync(process.execPath, [main, 'migrate', '--root', root, ...args], { encoding: 'utf8' })

  test('Shows what it would do, and does nothing', () => {
    const { stdout, stderr, status } = migrate()
    assert.deepEqual([stderr, status], ['', 0])
    for (const line of [
      '  /lib/systemd/system/alloy.service',
      '  /etc/default/alloy',
      '  configuration: /etc/alloy/config.alloy',
      '  storage:       /var/lib/alloy/data',
      '  1. copy /etc/alloy to /etc/solder',
      '  2. write /etc/default/solder',
      '  4. systemctl disable --now alloy (left out: --root is another machine)',
      '  5. copy the positions of log files from /var/lib/alloy/data to /var/lib/solder/data: loki.source.file.logs/positions.yml',
      '  9. systemctl enable --now solder (left out: --root is another machine)',
      '  /etc/alloy/config.alloy:18:14: /etc/alloy/key is still read where it is, and cannot be written to: change it before Alloy is removed',
      '  the flag --cluster.enabled has no effect: clustering is not supported yet',
      '  the variable GOMEMLIMIT has no effect: there is no Go runtime',
      '  what Alloy has not sent of prometheus.remote_write.default when it stops stays in /var/lib/alloy/data/prometheus.remote_write.default: the formats differ',
      'The way back: sh /etc/solder/back-to-alloy.sh',
      'Nothing was done yet: solder migrate --yes does it.',
    ]) {
      assert.ok(stdout.split('\n').includes(line), `${line}\nis not in\n${stdout}`)
    }
    assert.equal(existsSync(join(root, '/etc/solder')), false)
    assert.equal(existsSync(join(root, '/etc/default/solder')), false)
  })

  test('Does it with --yes: keeps what was there, and leaves everything of Alloy as it was', () => {
    put('/etc/solder/config.alloy', 'prometheus.echo "sample" { }\n')
    const { stderr, status } = migrate('--yes')
    assert.deepEqual([stderr, status], ['', 0])
    assert.equal(at('/etc/solder/config.alloy'), config)
    assert.equal(at('/etc/solder/config.alloy.before-migration'), 'prometheus.echo "sample" { }\n')
    assert.equal(at('/etc/solder/modules/write.alloy'), module)
    assert.equal(at('/var/lib/solder/data/loki.source.file.logs/positions.yml'), positions)
    assert.match(at('/etc/solder/back-to-alloy.sh'), /^systemctl disable --now solder\nsystemctl enable --now alloy$/m)
    assert.equal(
      at('/etc/default/solder').split('\n').slice(2).join('\n'),
      'CONFIG_FILE="/etc/solder/config.alloy"\n' +
        'CUSTOM_ARGS="--server.http.listen-addr=127.0.0.1:9999 --cluster.enabled --disable-reporting"\n' +
        'RESTART_ON_UPGRADE=false\n\nLOKI_PASSWORD="p\\$ \\"w"\nGOMEMLIMIT="100MiB"\n',
    )
    assert.equal(at('/etc/alloy/config.alloy'), config)
    assert.equal(at('/etc/default/alloy'), options)
    assert.equal(at('/var/lib/alloy/data/loki.source.file.logs/positions.yml'), positions)
    // Once more: the copy of what was there first is not lost.
    assert.equal(migrate('--yes').status, 0)
    assert.equal(at('/etc/solder/config.alloy.before-migration'), 'prometheus.echo "sample" { }\n')
    // What was taken over is what a shell and systemd read.
    const read = spawnSync('sh', ['-c', `. ${join(root, '/etc/default/solder')}; printf %s "$LOKI_PASSWORD"`])
    assert.equal(read.stdout.toString(), 'p$ "w')
    const validated = spawnSync(process.execPath, [main, 'validate', join(root, '/etc/solder/config.alloy')])
    assert.equal(validated.status, 0, validated.stderr.toString())
  })

  test('Names what Solder does not know, and does nothing then without --force', () => {
    put('/etc/alloy/config.alloy', `${config}\nmimir.rules.kubernetes "x" { }\n`)
    const shown = migrate()
    assert.equal(shown.status, 1)
    assert.match(shown.stdout, /Error: \/etc\/alloy\/config\.alloy:25:1: .*mimir\.rules\.kubernetes/)
    const refused = migrate('--yes')
    assert.equal(refused.status, 1)
    assert.match(refused.stdout, /Nothing was done: Solder cannot run this configuration/)
    assert.equal(existsSync(join(root, '/etc/solder')), false)
    assert.equal(migrate('--yes', '--force').status, 0)
    assert.match(at('/etc/solder/config.alloy'), /mimir/)
  })

  test('Without Alloy there is nothing to do', () => {
    const empty = mkdtempSync(join(root, 'empty-'))
    const result = spawnSync(process.execPath, [main, 'migrate', '--root', empty], { encoding: 'utf8' })
    assert.equal(result.status, 1)
    assert.match(result.stderr, /^Error: Cannot find Alloy: there is no alloy\.service/)
  })

  test('Drop-ins change the unit, RPM has its options elsewhere, and directories are configurations', () => {
    rmSync(join(root, '/etc/default/alloy'))
    put('/etc/sysconfig/alloy', 'CONFIG_FILE=/srv/alloy.d\nCUSTOM_ARGS="--stability.level experimental"\n')
    put('/srv/alloy.d/a.alloy', 'prometheus.echo "x" { }\n')
    put(
      '/etc/systemd/system/alloy.service.d/override.conf',
      '[Service]\nEnvironmentFile=\nEnvironmentFile=-/etc/sysconfig/alloy\nEnvironment="A=b c" D=e\nExecStart=\n' +
        'ExecStart=/usr/bin/alloy run \\\n  --storage.path /data/alloy $CUSTOM_ARGS --server.http.ui-path-prefix="/a b" ${CONFIG_FILE}\n',
    )
    const service = readAlloyService(root)
    assert.deepEqual(service, {
      files: [
        '/lib/systemd/system/alloy.service',
        '/etc/systemd/system/alloy.service.d/override.conf',
        '/etc/sysconfig/alloy',
      ],
      configPath: '/srv/alloy.d',
      storagePath: '/data/alloy',
      flags: ['--stability.level=experimental'],
      spacedFlags: ['--server.http.ui-path-prefix=/a b'],
      environment: [
        ['A', 'b c'],
        ['D', 'e'],
      ],
      restartOnUpgrade: 'true',
    })
    const { stdout, status } = migrate('--yes')
    assert.equal(status, 0, stdout)
    assert.match(stdout, /the flag --server\.http\.ui-path-prefix is left out/)
    assert.equal(at('/etc/solder/alloy.d/a.alloy'), 'prometheus.echo "x" { }\n')
    assert.match(at('/etc/default/solder'), /^CONFIG_FILE="\/etc\/solder\/alloy\.d"$/m)
  })
})
