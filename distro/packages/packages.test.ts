// The packages as users get them: the Debian one in a Debian of its own, the RPM's content, the unit.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { appendFileSync, copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { hasProgram, isThere } from '#component/test_host'
import { version } from '../version.ts'
import { buildPackages } from './packages.ts'

const plain = version.slice(1)
const directory = mkdtempSync(join(tmpdir(), 'solder-packages-'))
after(() => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }))
const dist = join(directory, 'dist')
const executable = join(dist, `solder-${plain}-linux-x64`)

const canBuild = process.arch === 'x64' && hasProgram('dpkg-deb') && hasProgram('rpmbuild')
const canBootstrap = canBuild && hasProgram('debootstrap') && isThere('root', process.getuid?.() === 0)

describe('The packages', { skip: !canBuild && 'they are built on Linux x64 with dpkg-deb and rpmbuild' }, () => {
  before(async () => void (await buildPackages(['linux-x64'], dist)), { timeout: 600_000 })

  test('the RPM has the files and the scripts', () => {
    const rpm = join(dist, `solder-${plain}-1.x86_64.rpm`)
    const query = (...args: string[]): string =>
      execFileSync('rpm', ['-qp', ...args, rpm], { encoding: 'utf8', timeout: 60_000 })
    assert.match(query('--list'), /^\/usr\/bin\/solder$/m)
    assert.match(query('--configfiles'), /\/etc\/solder\/config\.alloy\n/)
    assert.match(query('--scripts'), /useradd --system/)
    assert.match(query('--licensefiles'), /^\/usr\/share\/licenses\/solder\/notices\.txt$/m)
  })

  debianTests()
})

function debianTests(): void {
  describe('In a Debian of its own', { skip: !canBootstrap && 'debootstrap and root are needed' }, () => {
    const tree = join(directory, 'debian')
    const inside = (script: string): { status: number | null; output: string } => {
      const { status, stdout, stderr } = spawnSync('chroot', [tree, 'sh', '-c', script], {
        encoding: 'utf8',
        timeout: 120_000,
        env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
      })
      return { status, output: stdout + stderr }
    }

    before(
      () => {
        execFileSync('debootstrap', ['--variant=minbase', '--include=libatomic1', 'bookworm', tree], {
          stdio: ['ignore', 'ignore', 'inherit'],
          timeout: 500_000,
        })
        copyFileSync(join(dist, `solder_${plain}_amd64.deb`), join(tree, 'solder.deb'))
      },
      { timeout: 520_000 },
    )

    test('the package is installed, and its service has what it needs', () => {
      const { status, output } = inside('dpkg -i /solder.deb')
      assert.equal(status, 0, output)
      assert.equal(inside('solder --version').status, 0)
      assert.match(readFileSync(join(tree, 'usr/share/doc/solder/copyright'), 'utf8'), /^ {2}Node\.js /m)
      assert.match(inside('id solder').output, /uid=.*adm/)
      assert.match(
        inside('stat -c "%U %G %a" /var/lib/solder /etc/solder /etc/solder/config.alloy').output,
        /^solder solder 750\nroot solder 750\nroot solder 640\n$/,
      )
    })

    test("the unit's command line runs as its user, is reloaded and stops", () => {
      const unit = readFileSync(join(tree, 'usr/lib/systemd/system/solder.service'), 'utf8')
      const command = (/^ExecStart=(.*)$/m.exec(unit)?.[1] ?? '').replace(
        'run ',
        'run --server.http.listen-addr=127.0.0.1:0 ',
      )
      const script = `. /etc/default/solder; cd /var/lib/solder
        setpriv --reuid=solder --regid=solder --init-groups ${command} >/tmp/said 2>&1 & pid=$!
        for i in $(seq 100); do grep -q 'is ready' /tmp/said && break; sleep 0.2; done
        kill -HUP $pid; for i in $(seq 100); do grep -q 'Reloaded the configuration' /tmp/said && break; sleep 0.2; done
        kill -TERM $pid; (sleep 30; kill -KILL $pid) >/dev/null 2>&1 & wait $pid; echo "ended with $?"; cat /tmp/said`
      const { output } = inside(script)
      assert.match(output, /ended with 0/)
      assert.match(output, /Reloaded the configuration/)
    })

    test('an upgrade keeps a changed configuration; a removal keeps it too, a purge nothing', () => {
      appendFileSync(join(tree, 'etc/solder/config.alloy'), '// mine\n')
      writeFileSync(join(tree, 'var/lib/solder/kept'), '')
      assert.equal(inside('dpkg -i --force-confold /solder.deb').status, 0)
      assert.match(readFileSync(join(tree, 'etc/solder/config.alloy'), 'utf8'), /\/\/ mine/)
      assert.equal(inside('dpkg -r solder').status, 0)
      assert.ok(existsSync(join(tree, 'etc/solder/config.alloy')))
      assert.ok(existsSync(join(tree, 'var/lib/solder/kept')))
      assert.ok(!existsSync(join(tree, 'usr/bin/solder')))
      assert.equal(inside('dpkg -P solder').status, 0)
      assert.ok(!existsSync(join(tree, 'etc/solder')))
      assert.ok(!existsSync(join(tree, 'var/lib/solder')))
      assert.notEqual(inside('id solder').status, 0)
    })
  })

  test(
    'systemd finds nothing wrong with the unit',
    { skip: !hasProgram('systemd-analyze') && 'systemd is not installed' },
    () => {
      // What it runs is not installed on this machine.
      const unit = readFileSync(join(import.meta.dirname, 'files', 'solder.service'), 'utf8')
      const path = join(directory, 'solder.service')
      writeFileSync(path, unit.replaceAll('/usr/bin/solder', executable).replace('Documentation=man:solder(1)\n', ''))
      const { status, stderr } = spawnSync('systemd-analyze', ['verify', path], { encoding: 'utf8', timeout: 60_000 })
      assert.equal(status, 0, stderr)
      assert.equal(
        stderr
          .split('\n')
          .filter((line) => line.includes('solder.service'))
          .join('\n'),
        '',
      )
    },
  )
}
