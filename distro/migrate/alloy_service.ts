// Reads how Grafana Alloy's service runs on a machine: its unit with drop-ins, its options, what they say together.
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { runFlags } from '../run_flags.ts'

export interface AlloyService {
  /** What was read, paths without the root. */
  readonly files: readonly string[]
  readonly configPath: string
  readonly storagePath: string
  /** Flags of `run` without the storage path, as one word each. */
  readonly flags: readonly string[]
  /** Words that cannot stand in an options file, which splits at spaces. */
  readonly spacedFlags: readonly string[]
  /** Variables that are meant for the configuration, in the order written. */
  readonly environment: readonly (readonly [string, string])[]
  readonly restartOnUpgrade: string
}

const optionsFiles = ['/etc/default/alloy', '/etc/sysconfig/alloy']
/** systemd.unit(5): what stands in an earlier directory is in front of the others. */
export const unitDirectories = [
  '/etc/systemd/system',
  '/run/systemd/system',
  '/usr/lib/systemd/system',
  '/lib/systemd/system',
]
const unitName = 'alloy.service'
const defaultConfig = '/etc/alloy/config.alloy'
const defaultStorage = '/var/lib/alloy/data'
/** Of the service itself. */
const ownVariables = ['CONFIG_FILE', 'CUSTOM_ARGS', 'RESTART_ON_UPGRADE', 'HOSTNAME', 'ALLOY_DEPLOY_MODE']

/** Throws where there is neither a unit nor an options file nor a configuration. */
export function readAlloyService(root: string): AlloyService {
  const { text: unit, files } = readUnit(root)
  const settings = serviceSettings(unit)
  const variables = new Map<string, string>()
  for (const line of settings.environment) for (const [key, value] of assignments(line)) variables.set(key, value)
  const named = settings.environmentFiles.map((file) => file.replace(/^-/, ''))
  const options = (named.length > 0 ? named : optionsFiles).filter((file) => existsSync(join(root, file)))
  for (const file of options) {
    for (const [key, value] of environmentFile(readFileSync(join(root, file), 'utf8'))) variables.set(key, value)
  }
  const used = [...files, ...options]
  if (used.length === 0 && !existsSync(join(root, defaultConfig))) {
    throw new Error(`Cannot find Alloy: there is no ${unitName}, no ${optionsFiles.join(' or ')}, no ${defaultConfig}`)
  }
  const words = settings.execStart === '' ? defaultWords(variables) : commandWords(settings.execStart, variables)
  const directory = settings.workingDirectory || '/var/lib/alloy'
  const absolute = (path: string): string => (isAbsolute(path) ? path : join(directory, path))
  const { flags, storagePath, configPath } = runArguments(words)
  return {
    files: used,
    configPath: absolute(configPath ?? variables.get('CONFIG_FILE') ?? defaultConfig),
    storagePath: absolute(storagePath ?? (settings.execStart === '' ? defaultStorage : 'data-alloy')),
    flags: flags.filter((flag) => !/\s/.test(flag)),
    spacedFlags: flags.filter((flag) => /\s/.test(flag)),
    environment: [...variables].filter(([key]) => !ownVariables.includes(key)),
    restartOnUpgrade: variables.get('RESTART_ON_UPGRADE') ?? 'true',
  }
}

/** The unit with its drop-ins as one text. On this machine systemd knows best; elsewhere its files are read. */
function readUnit(root: string): { readonly text: string; readonly files: readonly string[] } {
  if (root === '/') {
    try {
      const text = execFileSync('systemctl', ['cat', unitName], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      })
      return { text, files: [...text.matchAll(/^# (\/\S+)$/gm)].map((match) => match[1] as string) }
    } catch {
      // No systemd, or no such unit for it.
    }
  }
  const unit = unitDirectories
    .map((directory) => join(directory, unitName))
    .find((path) => existsSync(join(root, path)))
  const dropIns = new Map<string, string>()
  for (const directory of unitDirectories.toReversed()) {
    const path = join(directory, `${unitName}.d`)
    if (!existsSync(join(root, path))) continue
    for (const name of readdirSync(join(root, path))) if (name.endsWith('.conf')) dropIns.set(name, join(path, name))
  }
  const sorted = [...dropIns].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, path]) => path)
  const files = [...(unit === undefined ? [] : [unit]), ...sorted]
  return { text: files.map((file) => `${readFileSync(join(root, file), 'utf8')}\n`).join(''), files }
}

interface ServiceSettings {
  execStart: string
  workingDirectory: string
  environment: string[]
  environmentFiles: string[]
}

/** An empty value takes back what was said before. */
function serviceSettings(unit: string): ServiceSettings {
  const settings: ServiceSettings = { execStart: '', workingDirectory: '', environment: [], environmentFiles: [] }
  for (const line of unit.replaceAll(/\\\r?\n\s*/g, ' ').split('\n')) {
    const match = /^\s*(ExecStart|WorkingDirectory|Environment|EnvironmentFile)\s*=\s*(.*?)\s*$/.exec(line)
    if (!match) continue
    const value = match[2] as string
    switch (match[1]) {
      case 'ExecStart':
        settings.execStart = value
        break
      case 'WorkingDirectory':
        settings.workingDirectory = value.replace(/^-/, '')
        break
      case 'Environment':
        settings.environment = value === '' ? [] : [...settings.environment, value]
        break
      case 'EnvironmentFile':
        settings.environmentFiles = value === '' ? [] : [...settings.environmentFiles, value]
        break
    }
  }
  return settings
}

/** Words with quotes taken off. */
function wordsOf(text: string): string[] {
  const words: string[] = []
  for (const match of text.matchAll(/(?:[^\s"']+|"(?:\\.|[^"\\])*"|'[^']*')+/g)) {
    words.push(
      match[0].replaceAll(
        /"((?:\\.|[^"\\])*)"|'([^']*)'/g,
        (_, double: string | undefined, single: string | undefined) =>
          double === undefined ? (single ?? '') : double.replaceAll(/\\(.)/g, '$1'),
      ),
    )
  }
  return words
}

function assignments(line: string): [string, string][] {
  return wordsOf(line).flatMap((word): [string, string][] => {
    const at = word.indexOf('=')
    return at > 0 ? [[word.slice(0, at), word.slice(at + 1)]] : []
  })
}

/** `KEY=value` lines, as systemd reads them: a value is in quotes or goes to the end of the line. */
function environmentFile(text: string): [string, string][] {
  return text.split('\n').flatMap((line): [string, string][] => {
    const match = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*?)\s*$/.exec(line)
    if (!match) return []
    const value = match[2] as string
    return [[match[1] as string, /^["']/.test(value) ? (wordsOf(value)[0] ?? '') : value]]
  })
}

/** A command line with its variables in place: `$X` is split at spaces, `${X}` is one word (systemd.service(5)). */
function commandWords(command: string, variables: ReadonlyMap<string, string>): string[] {
  return wordsOf(command.replace(/^[-@:+!]+/, '')).flatMap((word) => {
    const whole = /^\$([A-Za-z_][A-Za-z0-9_]*)$/.exec(word)
    if (whole) return wordsOf(variables.get(whole[1] as string) ?? '')
    return word.replaceAll(/\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g, (_, name: string) => variables.get(name) ?? '')
  })
}

function defaultWords(variables: ReadonlyMap<string, string>): string[] {
  return ['alloy', 'run', ...wordsOf(variables.get('CUSTOM_ARGS') ?? '')]
}

interface RunArguments {
  readonly flags: readonly string[]
  readonly storagePath: string | undefined
  readonly configPath: string | undefined
}

/** Flags come as `--name=value` or bare; a bare one is taken together with a value behind it that is no flag. */
function runArguments(words: readonly string[]): RunArguments {
  const from = words.indexOf('run')
  const args = words.slice(from + 1)
  const flags: string[] = []
  let storagePath: string | undefined
  let configPath: string | undefined
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] as string
    if (!arg.startsWith('-')) {
      configPath = arg
      continue
    }
    const hasValue = arg.includes('=') || isSwitch(arg) || (args[i + 1] ?? '-').startsWith('-')
    const flag = hasValue ? arg : `${arg}=${args[++i]}`
    if (flag.startsWith('--storage.path=')) storagePath = flag.slice('--storage.path='.length)
    else flags.push(flag)
  }
  return { flags, storagePath, configPath }
}

const switches = new Set(runFlags.filter(({ kind }) => kind === 'bool').map(({ name }) => `--${name}`))

function isSwitch(flag: string): boolean {
  return switches.has(flag)
}
