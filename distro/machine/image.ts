// For tests: makes the disk of a machine: a Debian with a systemd of its own, files of the test's, and an agent.
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** wget is what the install script fetches with, busybox serves it. What is not named here, a package has to ask for. */
const packages = 'systemd-sysv,udev,dbus,libatomic1,wget,busybox'

/**
 * Runs what comes over the second serial line: a line is a script in base64, the answer a line with its status and what it
 * said in base64.
 */
const agent = `stty raw -echo
echo READY
while IFS= read -r line; do
  printf %s "$line" | base64 -d >/run/agent.script
  sh /run/agent.script >/run/agent.output 2>&1 </dev/null
  printf '%s ' $?
  base64 -w0 /run/agent.output
  echo
done
`
const agentUnit = `[Unit]
Description=Runs what the test on the other side of the serial line says
After=basic.target
[Service]
StandardInput=tty-force
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS1
ExecStart=/bin/sh /agent.sh
`

/** In `directory`, with `files`: from paths here to paths there. The path of the disk. Needs root and debootstrap. */
export function makeDisk(directory: string, files: ReadonlyMap<string, string>): string {
  const tree = join(directory, 'tree')
  // The disk is thrown away: nothing has to survive a power cut, and waiting for it takes longer than the rest.
  put(tree, '/etc/dpkg/dpkg.cfg.d/unsafe_io', 'force-unsafe-io\n')
  execFileSync('debootstrap', ['--variant=minbase', `--include=${packages}`, 'bookworm', tree], {
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: 580_000,
  })
  const archives = join(tree, 'var/cache/apt/archives')
  for (const name of readdirSync(archives)) if (name.endsWith('.deb')) rmSync(join(archives, name))
  put(tree, '/etc/hostname', 'machine\n')
  put(tree, '/agent.sh', agent)
  put(tree, '/etc/systemd/system/agent.service', agentUnit)
  const wants = join(tree, 'etc/systemd/system/multi-user.target.wants')
  mkdirSync(wants, { recursive: true })
  symlinkSync('../agent.service', join(wants, 'agent.service'))
  for (const [from, to] of files) {
    mkdirSync(dirname(join(tree, to)), { recursive: true })
    cpSync(from, join(tree, to), { recursive: true })
  }
  const disk = join(directory, 'disk')
  execFileSync('mke2fs', ['-q', '-F', '-t', 'ext4', '-d', tree, disk, '2G'], { timeout: 300_000 })
  rmSync(tree, { recursive: true, force: true })
  return disk
}

function put(tree: string, path: string, text: string): void {
  mkdirSync(dirname(join(tree, path)), { recursive: true })
  writeFileSync(join(tree, path), text)
}
