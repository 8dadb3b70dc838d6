// A fake of a container engine, for tests: does what the Containerfile says in folders, with this machine as the base.
import { execFileSync, spawn } from 'node:child_process'
import { chownSync, cpSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'

export interface Image {
  readonly root: string
  readonly user: string
  /** ENTRYPOINT and CMD. */
  readonly command: readonly string[]
}

interface Stage {
  readonly base: string
  readonly steps: (readonly [name: string, rest: string])[]
}

/** Stages by their name; the last one is ''. `FROM` has `AS` but in the last one. */
function readStages(text: string): Map<string, Stage> {
  const stages = new Map<string, Stage>()
  let steps: Stage['steps'] = []
  for (const line of text
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll('\\\n', ' ')
    .split('\n')) {
    const [, name, rest = ''] = /^([A-Z]+) (.*)$/.exec(line) ?? []
    if (name === undefined) {
      if (line.trim() !== '') throw new Error(`Cannot read an instruction: current value is ${line}`)
    } else if (name === 'FROM') {
      const [base = '', , as = ''] = rest.replace(`\${TARGETARCH}`, 'amd64').split(' ')
      steps = []
      stages.set(as, { base, steps })
    } else steps.push([name, rest])
  }
  return stages
}

/**
 * The image of linux/amd64 in `directory`, from the build context `context`. What the base installs by apt-get has to be
 * on this machine already. The stage that makes the image writes below its variable `root`, so nothing is written elsewhere.
 */
export function unpackImage(text: string, context: string, directory: string): Image {
  const stages = readStages(text)
  const made = join(directory, 'made')
  const target = join(directory, 'root')
  const chain: Stage[] = []
  for (let name = 'image'; stages.has(name); name = (stages.get(name) as Stage).base)
    chain.unshift(stages.get(name) as Stage)
  for (const [name, rest] of chain.flatMap(({ steps }) => steps)) {
    if (name === 'COPY') {
      const [from = '', to = ''] = rest.split(' ')
      mkdirSync(dirname(to.replace(`\${root}`, made)), { recursive: true })
      cpSync(join(context, from), to.replace(`\${root}`, made))
    } else if (name === 'RUN' && !rest.startsWith('apt-get')) {
      execFileSync('sh', ['-c', rest], { env: { PATH: process.env['PATH'] ?? '', root: made }, timeout: 60_000 })
    }
  }
  const said = new Map<string, string>()
  for (const [name, rest] of stages.get('')?.steps ?? []) {
    said.set(name, rest)
    if (name === 'COPY') copyFromStage(rest, made, target)
  }
  const list = (name: string): string[] => JSON.parse(said.get(name) ?? '[]') as string[]
  const command = [...list('ENTRYPOINT'), ...list('CMD')]
  return { root: target, user: said.get('USER') ?? '', command }
}

/** `--from=image [--chown=UID:GID] /image/FROM TO`. */
function copyFromStage(rest: string, made: string, target: string): void {
  const [from = '', to = ''] = rest.split(' ').filter((word) => !word.startsWith('--'))
  const source = from.replace('/image', made)
  cpSync(source, join(target, to), { recursive: true, preserveTimestamps: true })
  const [, uid, gid] = /--chown=(\d+):(\d+)/.exec(rest) ?? []
  if (uid !== undefined) chownSync(join(target, to), Number(uid), Number(gid))
}

/** Run a command inside until its standard error says `wanted`, or it ends; then SIGTERM. What it said. */
export async function runImage(image: Image, command: readonly string[], wanted: RegExp): Promise<string> {
  const child = spawn('chroot', [`--userspec=${image.user}`, image.root, ...command], {
    env: { PATH: process.env['PATH'] ?? '' },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  const exited = new Promise<void>((resolve) => child.on('exit', () => resolve()))
  const timer = setTimeout(() => child.kill('SIGKILL'), 90_000)
  child.stderr.on('data', (data: Buffer) => {
    said += data.toString()
    if (wanted.test(said)) child.kill('SIGTERM')
  })
  await exited
  clearTimeout(timer)
  return said
}
