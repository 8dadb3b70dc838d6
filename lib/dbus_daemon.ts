// For tests: a real `dbus-daemon` on a socket of its own.
import { spawn } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { join } from 'node:path'

const program = '/usr/bin/dbus-daemon'

/** Is there a `dbus-daemon` on this machine (Debian's package `dbus-daemon`, part of any system with D-Bus)? */
export function hasDbusDaemon(): boolean {
  return existsSync(program)
}

/** Start one in `directory`; every name may be owned and every message sent. */
export async function startDbusDaemon(directory: string): Promise<{ socketPath: string; stop: () => Promise<void> }> {
  const socketPath = join(directory, 'bus')
  const config = join(directory, 'bus.conf')
  writeFileSync(
    config,
    `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=${socketPath}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_type="method_call" send_destination="*"/>
    <allow send_type="signal" send_destination="*"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
  </policy>
</busconfig>
`,
  )
  const child = spawn(program, [`--config-file=${config}`, '--nofork', '--nopidfile', '--print-address=1'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const exited = once(child, 'exit')
  // The address is printed once the socket listens.
  await Promise.race([
    once(child.stdout, 'data'),
    exited.then(() => Promise.reject(new Error('Cannot start dbus-daemon: it ended'))),
  ])
  return {
    socketPath,
    async stop() {
      child.kill()
      await exited
    },
  }
}
