// The packages as users get them: the Debian one on a machine of its own, the RPM's content.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { hasProgram, isThere } from '#component/test_host'
import { installedKernel, type Kernel, Machine, makeDisk } from '../machine/door.ts'
import { version } from '../version.ts'
import { installTests } from './install_in_machine.ts'
import { migrationTests } from './migration_in_machine.ts'
import { buildPackages } from './packages.ts'
import { removalTests, serviceTests } from './service_in_machine.ts'

const plain = version.slice(1)
const directory = mkdtempSync(join(tmpdir(), 'solder-packages-'))
after(() => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }))
const dist = join(directory, 'dist')

const canBuild = process.arch === 'x64' && hasProgram('dpkg-deb') && hasProgram('rpmbuild')
const kernel = installedKernel()
const canBoot =
  canBuild &&
  hasProgram('debootstrap') &&
  hasProgram('mke2fs') &&
  hasProgram('qemu-system-x86_64') &&
  isThere('a kernel in /boot', kernel !== undefined) &&
  isThere('root', process.getuid?.() === 0)

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

  machineTests()
})

function machineTests(): void {
  describe('On a machine with systemd', { skip: !canBoot && 'debootstrap, root, qemu and a kernel are needed' }, () => {
    let machine: Machine
    before(
      async () => {
        const files = new Map([[dist, `/srv/releases/v${plain}`]])
        machine = await Machine.boot(directory, makeDisk(directory, files), kernel as Kernel)
      },
      { timeout: 1_200_000 },
    )
    after(() => machine.stop())

    const places = {
      package: `/srv/releases/v${plain}/solder_${plain}_amd64.deb`,
      executable: `/srv/releases/v${plain}/solder-${plain}-linux-x64`,
    }
    serviceTests(() => machine, places)
    migrationTests(() => machine)
    removalTests(() => machine)
    installTests(() => machine, `/srv/releases/v${plain}`, plain)
  })
}
