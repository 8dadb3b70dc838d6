// For tests: a whole machine, emulated by qemu, with Debian's kernel and systemd.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { createConnection, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { eventually } from '#component/test_host'

export interface Kernel {
  readonly image: string
  readonly initrd: string
}

/** The newest kernel of Debian's that is installed here, with the initrd that finds its disk. */
export function installedKernel(): Kernel | undefined {
  const kernels = globSync('/boot/vmlinuz-*')
    .map((image) => ({ image, initrd: image.replace('vmlinuz', 'initrd.img') }))
    .filter(({ initrd }) => existsSync(initrd))
    .sort((a, b) => a.image.localeCompare(b.image, 'en', { numeric: true }))
  return kernels.at(-1)
}

/** Emulation is slow on a busy machine, so everything has minutes. */
const bootMs = 600_000
const commandMs = 300_000

export interface Answer {
  readonly status: number
  readonly output: string
}

function qemuArguments(directory: string, disk: string, { image, initrd }: Kernel): string[] {
  const options = [
    ['machine', 'q35'],
    // Emulated in software: where the processor can be lent, it may be lent badly.
    ['accel', 'tcg,thread=multi'],
    ['cpu', 'max'],
    ['smp', '2'],
    ['m', '1536'],
    ['display', 'none'],
    ['nic', 'none'],
    ['kernel', image],
    ['initrd', initrd],
    ['append', 'root=/dev/vda rw console=ttyS0 panic=1'],
    ['drive', `file=${disk},format=raw,if=virtio,snapshot=on,cache=unsafe`],
    ['serial', `file:${join(directory, 'console')}`],
    ['chardev', `socket,id=agent,path=${join(directory, 'agent')},server=on,wait=on`],
    ['serial', 'chardev:agent'],
  ]
  return ['-nodefaults', ...options.flatMap(([name, value]) => [`-${name}`, `${value}`])]
}

export class Machine {
  readonly #directory: string
  readonly #qemu: ChildProcess
  readonly #socket: Socket
  readonly #lines: string[] = []
  #partial = ''
  #said = ''

  private constructor(directory: string, qemu: ChildProcess, socket: Socket) {
    this.#directory = directory
    this.#qemu = qemu
    this.#socket = socket
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => {
      const lines = (this.#partial + text).split('\n')
      this.#partial = lines.pop() ?? ''
      this.#lines.push(...lines.map((line) => line.trim()))
    })
    socket.on('error', (error) => void (this.#said += error.message))
    qemu.stderr?.on('data', (data: Buffer) => void (this.#said += data.toString()))
  }

  /** `disk` stays as it is: what is written is forgotten. */
  static async boot(directory: string, disk: string, kernel: Kernel): Promise<Machine> {
    const line = join(directory, 'agent')
    const qemu = spawn('qemu-system-x86_64', qemuArguments(directory, disk, kernel), {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    await eventually('qemu listens', () => existsSync(line) || qemu.exitCode !== null || undefined)
    const machine = new Machine(directory, qemu, createConnection(line))
    try {
      while ((await machine.#line(bootMs)) !== 'READY');
      // "degraded" too: what is wrong is said by the test that looks.
      await machine.run('systemctl is-system-running --wait', bootMs)
    } catch (error) {
      await machine.stop()
      throw error
    }
    return machine
  }

  async #line(timeoutMs: number): Promise<string> {
    const end = performance.now() + timeoutMs
    for (;;) {
      const line = this.#lines.shift()
      if (line !== undefined) return line
      const ended = this.#qemu.exitCode !== null || this.#qemu.signalCode !== null
      if (ended || performance.now() > end) {
        throw new Error(`The machine ${ended ? 'ended' : 'does not answer'}: ${this.#said}\n${this.#console()}`)
      }
      await setTimeout(50)
    }
  }

  #console(): string {
    const path = join(this.#directory, 'console')
    return existsSync(path) ? readFileSync(path, 'utf8').slice(-4000) : ''
  }

  /** A script of the shell's, as root. One at a time. */
  async run(script: string, timeoutMs: number = commandMs): Promise<Answer> {
    this.#socket.write(`${Buffer.from(script).toString('base64')}\n`)
    const [status, output = ''] = (await this.#line(timeoutMs)).split(' ')
    return { status: Number(status), output: Buffer.from(output, 'base64').toString() }
  }

  /** What a script says that has to succeed. */
  async does(script: string): Promise<string> {
    const { status, output } = await this.run(script)
    assert.equal(status, 0, `${script}\n${output}`)
    return output
  }

  /** Until what the script says is `wanted`; the script may fail until then. What it said. */
  async until(script: string, wanted: RegExp, timeoutMs: number = commandMs): Promise<string> {
    const end = performance.now() + timeoutMs
    for (;;) {
      const { output } = await this.run(script)
      if (wanted.test(output)) return output
      if (performance.now() > end) {
        const { output: journal } = await this.run('journalctl --no-pager -n 60')
        assert.fail(`${script} never said ${wanted}:\n${output}\n${journal}`)
      }
      await this.run('sleep 0.5')
    }
  }

  async write(path: string, text: string): Promise<void> {
    await this.does(
      `mkdir -p "$(dirname ${path})"; printf %s '${Buffer.from(text).toString('base64')}' | base64 -d >${path}`,
    )
  }

  async stop(): Promise<void> {
    this.#socket.destroy()
    if (this.#qemu.exitCode !== null || this.#qemu.signalCode !== null) return
    const exited = new Promise((resolve) => this.#qemu.once('exit', resolve))
    this.#qemu.kill('SIGKILL')
    await exited
  }
}
