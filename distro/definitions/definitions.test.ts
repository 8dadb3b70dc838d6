// The formula and the image over a real executable: what they name is there, and runs.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { hasProgram, isThere } from '#component/test_host'
import { buildExecutables, noticesName } from '../executable/door.ts'
import { version } from '../version.ts'
import { writeDefinitions } from './definitions.ts'
import { runImage, unpackImage } from './fake_image_build.ts'

const plain = version.slice(1)
const directory = mkdtempSync(join(tmpdir(), 'solder-definitions-'))
after(() => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }))
const dist = join(directory, 'dist')
const canBuild = process.platform === 'linux' && process.arch === 'x64'

describe('What others install it by', { skip: !canBuild && 'it is built on Linux x64' }, () => {
  before(async () => void (await buildExecutables(['linux-x64'], dist)), { timeout: 300_000 })

  test(
    'the formula asks for the files of the release, each with its checksum, and is Ruby',
    { skip: !hasProgram('ruby') && 'ruby is not installed' },
    () => {
      const executables = new Map([['linux-x64', `solder-${plain}-linux-x64`]])
      writeDefinitions(dist, { version: plain, executables, notices: noticesName }, 'https://releases.example/solder/')
      const path = join(dist, 'solder.rb')
      const asked = [...readFileSync(path, 'utf8').matchAll(/url "(.*)".*\n +sha256 "(.*)"/g)]
      const files = asked.map(([, url = '', checksum]) => {
        assert.ok(url.startsWith(`https://releases.example/solder/v${plain}/`), url)
        const name = url.slice(url.lastIndexOf('/') + 1)
        const bytes = readFileSync(join(dist, name))
        assert.equal(checksum, createHash('sha256').update(bytes).digest('hex'), name)
        return name
      })
      assert.ok(files.includes(`solder-${plain}-linux-x64`) && files.includes('config.alloy'), files.join(', '))
      execFileSync('ruby', ['-c', path], { stdio: ['ignore', 'ignore', 'inherit'], timeout: 60_000 })
    },
  )

  test(
    'the image has what the executable needs, and runs its configuration as a user of its own',
    { skip: !isThere('root', process.getuid?.() === 0) && 'chroot needs root' },
    async () => {
      const image = unpackImage(readFileSync(join(dist, 'Containerfile'), 'utf8'), dist, join(directory, 'image'))
      assert.equal(image.user, '10001:10001')
      assert.match(readFileSync(join(image.root, 'usr/share/doc/solder/copyright'), 'utf8'), /^ {2}Node\.js /m)
      assert.equal(statSync(join(image.root, 'var/lib/solder')).uid, 10_001)
      assert.deepEqual(image.command.slice(0, 2), ['/usr/bin/solder', 'run'])
      // The port is this machine's.
      const command = image.command.map((word) => word.replace('0.0.0.0:12345', '127.0.0.1:0'))
      const said = await runImage(image, command, /is ready/)
      assert.match(said, /is ready/)
      assert.ok(!said.includes('level=error'), said)
    },
  )
})
