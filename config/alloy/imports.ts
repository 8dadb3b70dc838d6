// Brings in modules from files, HTTP and git, keeps what it read, and notices when it changes.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  watch,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import type { Clock, Logger, SettingsOf, Timer } from '#component'
import { OptionalSecret, Secret } from '#component'
import { createHttpClient } from '#component/http_client'
import type { importBlocks, ImportKind } from './config_blocks.ts'

type SettingsFor<K extends ImportKind> = SettingsOf<(typeof importBlocks)[K]>
type FileSettings = SettingsFor<'import.file'>
type HttpSettings = SettingsFor<'import.http'>
type GitSettings = SettingsFor<'import.git'>

/** The texts of one module and the directory that `module_path` names inside it. */
export interface ModuleText {
  readonly files: readonly { readonly name: string; readonly text: string }[]
  readonly directory: string
}

/** A module is read as a whole: more than this is refused. */
const moduleBytesMax = 16 * 1024 * 1024
/** A git command that takes longer is stopped. */
const gitTimeoutMs = 120_000

interface Entry {
  readonly read: () => Promise<ModuleText>
  readonly pollMs: number
  /** A path to watch besides polling. */
  readonly watched: string | undefined
  content: ModuleText
  fingerprint: string
  timer: Timer | undefined
  unwatch: (() => void) | undefined
  inUse: boolean
}

export interface ImportContext {
  readonly clock: Clock
  readonly log: Logger
  readonly userAgent: string
  /** Where clones are kept. */
  readonly storagePath: string
}

/** Reads imports for the compiler. Content is kept until it changes at its source, so that compiling again is cheap. */
export class ImportStore {
  readonly #context: ImportContext
  readonly #entries = new Map<string, Entry>()
  #onChange: (() => void) | undefined

  constructor(context: ImportContext) {
    this.#context = context
  }

  /** The compiler begins: entries that it does not ask for until `endUse` are let go. */
  beginUse(): void {
    for (const entry of this.#entries.values()) entry.inUse = false
  }

  endUse(): void {
    for (const [key, entry] of this.#entries) {
      if (entry.inUse) continue
      unwatch(entry)
      this.#entries.delete(key)
    }
  }

  /** Rejects with an error that says why, without position. */
  async read(kind: ImportKind, settings: object, modulePath: string): Promise<ModuleText> {
    const key = createHash('sha256')
      .update(`${kind}\0${modulePath}\0${revealed(settings)}`)
      .digest('hex')
    const known = this.#entries.get(key)
    if (known) {
      known.inUse = true
      return known.content
    }
    const made = this.#source(kind, settings, modulePath, key)
    const content = await made.read()
    const entry: Entry = {
      ...made,
      content,
      fingerprint: fingerprint(content),
      timer: undefined,
      unwatch: undefined,
      inUse: true,
    }
    this.#entries.set(key, entry)
    if (this.#onChange) this.#watch(entry)
    return content
  }

  #source(
    kind: ImportKind,
    settings: object,
    modulePath: string,
    key: string,
  ): Pick<Entry, 'read' | 'pollMs' | 'watched'> {
    switch (kind) {
      case 'import.file': {
        const { filename, detector, poll_frequency } = settings as FileSettings
        const watched = detector === 'fsnotify' ? filename : undefined
        return { read: async () => readModule(filename), pollMs: poll_frequency, watched }
      }
      case 'import.http': {
        const http = settings as HttpSettings
        return { read: () => this.#readHttp(http), pollMs: http.poll_frequency, watched: undefined }
      }
      case 'import.git': {
        const git = settings as GitSettings
        const clone = join(this.#context.storagePath, 'import.git', key.slice(0, 16))
        return { read: () => readGit(git, clone), pollMs: git.pull_frequency, watched: undefined }
      }
      case 'import.string':
        throw new Error('a string is not read from anywhere')
    }
  }

  async #readHttp(settings: HttpSettings): Promise<ModuleText> {
    const { userAgent, log, clock } = this.#context
    const client = createHttpClient(settings.client, { userAgent, log, clock })
    try {
      const response = await client.request({
        method: settings.method,
        url: settings.url,
        headers: Object.fromEntries(settings.headers),
        timeoutMs: settings.poll_timeout,
        ...(settings.body === '' ? {} : { body: settings.body }),
      })
      const body = await response.bytes(moduleBytesMax)
      if (response.status !== 200) throw new Error(`Cannot get ${settings.url}: the server answered ${response.status}`)
      // Up to the last slash: what files beside it are addressed from.
      const directory = settings.url.slice(0, settings.url.lastIndexOf('/') + 1)
      return { files: [{ name: settings.url, text: body.toString() }], directory }
    } finally {
      client.close()
    }
  }

  /** From now on call `onChange` when the content of an import in use has changed. */
  start(onChange: () => void): void {
    this.#onChange = onChange
    for (const entry of this.#entries.values()) this.#watch(entry)
  }

  stop(): void {
    this.#onChange = undefined
    for (const entry of this.#entries.values()) unwatch(entry)
  }

  #watch(entry: Entry): void {
    const poll = (): void => {
      entry.timer = this.#context.clock.setTimeout(
        () => void this.#refresh(entry).finally(poll),
        Math.max(entry.pollMs, 100),
      )
    }
    if (entry.pollMs > 0) poll()
    if (entry.watched === undefined) return
    try {
      const directory = statSync(entry.watched).isDirectory() ? entry.watched : dirname(entry.watched)
      const watcher = watch(directory, () => void this.#refresh(entry))
      watcher.on('error', () => watcher.close())
      entry.unwatch = () => watcher.close()
    } catch {
      // Polling goes on where the directory cannot be watched.
    }
  }

  async #refresh(entry: Entry): Promise<void> {
    try {
      const content = await entry.read()
      const now = fingerprint(content)
      if (now === entry.fingerprint || !entry.inUse) return
      entry.content = content
      entry.fingerprint = now
      this.#onChange?.()
    } catch (error) {
      this.#context.log.warn('Cannot read an imported module again; the last content stays', {
        err: (error as Error).message,
      })
    }
  }
}

function unwatch(entry: Entry): void {
  entry.timer?.cancel()
  entry.unwatch?.()
  entry.timer = undefined
  entry.unwatch = undefined
}

/** One file, or every `.alloy` file of a directory in the order of their names. */
function readModule(path: string): ModuleText {
  if (!statSync(path).isDirectory()) return { files: [{ name: path, text: readText(path) }], directory: dirname(path) }
  const names = readdirSync(path)
    .filter((name) => name.endsWith('.alloy'))
    .sort()
  return { files: names.map((name) => ({ name: join(path, name), text: readText(join(path, name)) })), directory: path }
}

function readText(path: string): string {
  const { size } = statSync(path)
  if (size > moduleBytesMax) throw new Error(`Cannot read ${path}: it has ${size} bytes, ${moduleBytesMax} are allowed`)
  return readFileSync(path, 'utf8')
}

/** Clone or fetch with the `git` program, then read the path at the revision. The module's directory is the clone's. */
async function readGit(settings: GitSettings, clone: string): Promise<ModuleText> {
  const access = gitAccess(settings)
  const git = async (...args: string[]): Promise<string> => {
    try {
      const { stdout } = await promisify(execFile)('git', args, {
        timeout: gitTimeoutMs,
        maxBuffer: moduleBytesMax,
        env: { ...process.env, GIT_TERMINAL_PROMPT: '0', ...access.env },
      })
      return stdout
    } catch (error) {
      const { stderr, message } = error as Error & { stderr?: string }
      const why = (stderr ?? message).trim().split('\n').at(-1)
      throw new Error(`Cannot read ${settings.repository}: git ${args[0] === '-C' ? args[2] : args[0]}: ${why}`)
    }
  }
  try {
    if (existsSync(join(clone, '.git'))) await git('-C', clone, 'fetch', '--quiet', '--tags', '--prune', 'origin')
    else {
      mkdirSync(dirname(clone), { recursive: true })
      await git('clone', '--quiet', '--', settings.repository, clone)
    }
    await git('-C', clone, 'checkout', '--quiet', '--force', '--detach', await revision(git, clone, settings.revision))
  } finally {
    access.forget()
  }
  // Links in the repository could lead anywhere.
  const root = realpathSync(clone)
  const path = realpathSync(resolve(clone, settings.path))
  if (path !== root && !path.startsWith(`${root}/`)) {
    throw new Error(`Cannot read ${settings.path}: it leads out of the repository`)
  }
  return { ...readModule(path), directory: clone }
}

/** The commit that a branch on the remote, a tag or a commit names. */
async function revision(git: (...args: string[]) => Promise<string>, clone: string, name: string): Promise<string> {
  for (const candidate of [`refs/remotes/origin/${name}`, name]) {
    try {
      const commit = `${candidate}^{commit}`
      return (await git('-C', clone, 'rev-parse', '--verify', '--quiet', '--end-of-options', commit)).trim()
    } catch {
      // The next candidate may be it.
    }
  }
  throw new Error(`Cannot find revision ${JSON.stringify(name)}`)
}

/**
 * How git is told user, password and key: through its environment and files of its own, never on a command line that
 * others can read. `forget` removes the files.
 */
function gitAccess(settings: GitSettings): { env: Record<string, string>; forget(): void } {
  const env: Record<string, string> = {}
  let directory: string | undefined
  const write = (name: string, text: string, mode: number): string => {
    directory ??= mkdtempSync(join(tmpdir(), 'solder-git-'))
    const path = join(directory, name)
    writeFileSync(path, text, { mode })
    return path
  }
  if (settings.basic_auth) {
    const { username, password } = settings.basic_auth
    const token = Buffer.from(`${username}:${password.reveal()}`).toString('base64')
    env['GIT_CONFIG_COUNT'] = '1'
    env['GIT_CONFIG_KEY_0'] = 'http.extraHeader'
    env['GIT_CONFIG_VALUE_0'] = `Authorization: Basic ${token}`
  } else if (settings.ssh_key) {
    const { key, key_file, passphrase, username } = settings.ssh_key
    const text = key?.reveal() ?? ''
    const file = text === '' ? key_file : write('key', text.endsWith('\n') ? text : `${text}\n`, 0o600)
    const options = [`-l ${shellQuoted(username)}`, '-o StrictHostKeyChecking=yes']
    if (file !== '') options.push(`-i ${shellQuoted(file)}`, '-o IdentitiesOnly=yes')
    if (passphrase === undefined || passphrase.reveal() === '') options.push('-o BatchMode=yes')
    else {
      env['SSH_ASKPASS'] = write('passphrase', '#!/bin/sh\nprintf %s "$SOLDER_GIT_PASSPHRASE"\n', 0o700)
      env['SSH_ASKPASS_REQUIRE'] = 'force'
      env['SOLDER_GIT_PASSPHRASE'] = passphrase.reveal()
    }
    env['GIT_SSH_COMMAND'] = `ssh ${options.join(' ')}`
  }
  return {
    env,
    forget() {
      if (directory !== undefined) rmSync(directory, { recursive: true, force: true })
    },
  }
}

function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}

/** Settings as text that tells two of them apart, secrets included: only ever hashed. */
function revealed(settings: unknown): string {
  return (
    JSON.stringify(settings, (_, value: unknown) => {
      if (value instanceof Map) return [...(value as ReadonlyMap<string, unknown>)]
      return value
    }) + secretsOf(settings).join('\0')
  )
}

function secretsOf(value: unknown): string[] {
  if (value instanceof Secret || value instanceof OptionalSecret) return [value.reveal()]
  if (value === null || typeof value !== 'object') return []
  const inside = value instanceof Map ? [...(value as ReadonlyMap<string, unknown>).values()] : Object.values(value)
  return inside.flatMap((v: unknown) => secretsOf(v))
}

function fingerprint(content: ModuleText): string {
  const hash = createHash('sha256')
  for (const file of content.files) hash.update(`${basename(file.name)}\0${file.text.length}\0${file.text}`)
  return hash.digest('hex')
}
