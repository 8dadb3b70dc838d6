// `solder migrate`: takes over what Grafana Alloy's service does on this machine, and leaves a way back.
import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { type FlagSpec, flagsText, parseFlags, UsageError } from '../flags.ts'
import { type AlloyService, readAlloyService } from './alloy_service.ts'
import { checkMigration, type Finding } from './migration_check.ts'

export const migrateFlags: readonly FlagSpec[] = [
  { name: 'yes', short: 'y', kind: 'bool', default: false, doc: 'Do it, instead of only showing it' },
  {
    name: 'force',
    kind: 'bool',
    default: false,
    doc: 'With --yes: do it even if Solder cannot run the configuration as it is',
  },
  {
    name: 'root',
    kind: 'string',
    default: '/',
    doc: "Where the machine's files are; services are left alone elsewhere",
  },
  { name: 'help', short: 'h', kind: 'bool', default: false, doc: 'Print this page' },
]

const configDirectory = '/etc/solder'
const optionsFile = '/etc/default/solder'
const storagePath = '/var/lib/solder/data'
const wayBackFile = '/etc/solder/back-to-alloy.sh'
const wayBack = `#!/bin/sh
# Written by solder migrate: stops Solder and starts Alloy again. What was copied stays; nothing of Alloy's was changed.
set -e
systemctl disable --now solder
systemctl enable --now alloy
`

interface Step {
  readonly text: string
  run(): void
}

export type RunCommand = (command: string, args: readonly string[]) => void

/** Shows the plan; with `--yes` carries it out. Exit status 1 where Solder cannot run the configuration. */
export async function migrateCommand(args: readonly string[]): Promise<number> {
  const { values, rest } = parseFlags(args, migrateFlags)
  if (values.get('help')) {
    process.stdout.write(`Usage:\n  solder migrate [flags]\n\nFlags:\n${flagsText(migrateFlags)}\n`)
    return 0
  }
  if (rest.length > 0) throw new UsageError(`accepts 0 arg(s), received ${rest.length}`)
  const root = String(values.get('root'))
  if (root === '/' && values.get('yes') && process.getuid?.() !== 0) {
    throw new UsageError('only root can do this: try sudo solder migrate --yes')
  }
  const options = { root, yes: values.get('yes') === true, force: values.get('force') === true }
  return migrate(options, (text) => void process.stdout.write(text), runCommand)
}

function runCommand(command: string, args: readonly string[]): void {
  execFileSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] })
}

export interface MigrateOptions {
  readonly root: string
  readonly yes: boolean
  readonly force: boolean
}

/** Throws where there is no Alloy, or where a step fails; the steps before it stay, and nothing of Alloy's is changed. */
export async function migrate(
  { root, yes, force }: MigrateOptions,
  say: (text: string) => void,
  run: RunCommand,
): Promise<number> {
  const service = readAlloyService(root)
  say(found(service))
  const findings = await checkMigration(root, service)
  const steps = stepsOf(root, service, run)
  say(`\n${yes ? 'Doing' : 'To do'}:\n`)
  const blocked = findings.some(({ severity }) => severity === 'error')
  if (yes && blocked && !force) {
    say(findingsText(findings))
    say('\nNothing was done: Solder cannot run this configuration as it is. --force does it all the same.\n')
    return 1
  }
  for (const [i, step] of steps.entries()) {
    say(`  ${i + 1}. ${step.text}\n`)
    if (yes) carryOut(step)
  }
  say(findingsText(findings))
  say(`\nThe way back: sh ${wayBackFile}\n`)
  if (!yes) say(blocked ? '\nNothing was done yet.\n' : '\nNothing was done yet: solder migrate --yes does it.\n')
  return blocked && !yes ? 1 : 0
}

function carryOut(step: Step): void {
  try {
    step.run()
  } catch (error) {
    throw new Error(`Cannot ${step.text}: ${(error as Error).message}\nThe way back: sh ${wayBackFile}`, {
      cause: error,
    })
  }
}

function found(service: AlloyService): string {
  const files = service.files.map((file) => `  ${file}\n`).join('')
  return (
    `Alloy's service, from\n${files}` +
    `  configuration: ${service.configPath}\n  storage:       ${service.storagePath}\n` +
    `  flags:         ${service.flags.join(' ') || 'none'}\n`
  )
}

function findingsText(findings: readonly Finding[]): string {
  if (findings.length === 0) return '\nSolder knows every component of the configuration.\n'
  const lines = findings.map(({ severity, text }) => `  ${severity === 'error' ? 'Error: ' : ''}${text}\n`)
  return `\nTo know:\n${lines.join('')}`
}

function stepsOf(root: string, service: AlloyService, run: RunCommand): Step[] {
  const config = configTarget(root, service)
  const onMachine = root === '/'
  const command = (name: string, ...args: string[]): Step => ({
    text: `${name} ${args.join(' ')}${onMachine ? '' : ' (left out: --root is another machine)'}`,
    run: () => {
      if (onMachine) run(name, args)
    },
  })
  const copy = (from: string, to: string): Step => ({
    text: `copy ${from} to ${to}`,
    run: () => copyOver(join(root, from), join(root, to)),
  })
  return [
    copy(config.from, config.to),
    {
      text: `write ${optionsFile}`,
      run: () => writeOver(join(root, optionsFile), optionsText(service, config.path)),
    },
    {
      text: `write ${wayBackFile}`,
      run: () => {
        writeOver(join(root, wayBackFile), wayBack)
        chmodSync(join(root, wayBackFile), 0o755)
      },
    },
    command('systemctl', 'disable', '--now', 'alloy'),
    positionsStep(root, service),
    command('chown', '-R', 'root:solder', configDirectory),
    command('chmod', '-R', 'u=rwX,g=rX,o=', configDirectory),
    command('chown', '-R', 'solder:solder', dirname(storagePath)),
    command('systemctl', 'enable', '--now', 'solder'),
  ]
}

interface ConfigTarget {
  readonly from: string
  readonly to: string
  /** Where the configuration is afterwards. */
  readonly path: string
}

/** In Alloy's own directory everything is copied: modules and keys stand beside the configuration. */
function configTarget(root: string, { configPath }: AlloyService): ConfigTarget {
  const alloyDirectory = '/etc/alloy'
  if (configPath === alloyDirectory || configPath.startsWith(`${alloyDirectory}/`)) {
    const path = join(configDirectory, relative(alloyDirectory, configPath))
    return { from: alloyDirectory, to: configDirectory, path }
  }
  const isDirectory = statSync(join(root, configPath)).isDirectory()
  const path = join(configDirectory, isDirectory ? basename(configPath) : 'config.alloy')
  return { from: configPath, to: path, path }
}

/** Alloy writes its positions when it stops, so which files there are is asked again then. */
function positionsStep(root: string, service: AlloyService): Step {
  const known = positionsFiles(root, service.storagePath).map((file) => relative(service.storagePath, file))
  const what = known.length === 0 ? 'as Alloy leaves them' : known.join(', ')
  return {
    text: `copy the positions of log files from ${service.storagePath} to ${storagePath}: ${what}`,
    run: () => {
      mkdirSync(join(root, storagePath), { recursive: true })
      for (const file of positionsFiles(root, service.storagePath))
        copyOver(join(root, file), join(root, storagePath, relative(service.storagePath, file)))
    },
  }
}

function positionsFiles(root: string, directory: string): string[] {
  const base = join(root, directory)
  if (!existsSync(base)) return []
  return readdirSync(base, { recursive: true, encoding: 'utf8' })
    .filter((path) => basename(path) === 'positions.yml' && basename(dirname(path)).startsWith('loki.source.'))
    .sort()
    .map((path) => join(directory, path))
}

function optionsText(service: AlloyService, configPath: string): string {
  const kept = service.environment.map(([key, value]) => `${key}=${quoted(value)}\n`).join('')
  return (
    `# Options of the service solder, taken over from Alloy's by solder migrate. After a change: systemctl restart solder\n\n` +
    `CONFIG_FILE=${quoted(configPath)}\nCUSTOM_ARGS=${quoted(service.flags.join(' '))}\n` +
    `RESTART_ON_UPGRADE=${service.restartOnUpgrade}\n${kept === '' ? '' : `\n${kept}`}`
  )
}

/** As systemd.exec(5) reads values: in double quotes with a backslash before what would be special. */
function quoted(text: string): string {
  return `"${text.replaceAll(/["\\$`]/g, '\\$&')}"`
}

const backupSuffix = '.before-migration'

/** Copies a file, or a directory with all that is in it. What was there before is kept beside, the first time. */
function copyOver(from: string, to: string): void {
  if (statSync(from).isDirectory()) {
    mkdirSync(to, { recursive: true })
    for (const name of readdirSync(from)) copyOver(join(from, name), join(to, name))
    return
  }
  mkdirSync(dirname(to), { recursive: true })
  keep(to, readFileSync(from))
  cpSync(from, to, { preserveTimestamps: true })
}

function writeOver(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  keep(path, Buffer.from(text))
  writeFileSync(path, text)
}

function keep(path: string, next: Buffer): void {
  if (!existsSync(path) || existsSync(path + backupSuffix) || readFileSync(path).equals(next)) return
  cpSync(path, path + backupSuffix, { preserveTimestamps: true })
}
