// The program: reads the command line and runs the command.
import { isCollectorFlag } from './collector_flags.ts'
import { parseFlags, UsageError } from './flags.ts'
import { collectorName, collectorProgram, otelCommand } from './programs.ts'
import { version } from './version.ts'

const usage = `Solder ${version}: an OpenTelemetry collector distribution that runs Grafana Alloy's configurations
and the collector's own.

Usage:
  solder <command> [flags]
  solder --config=LOCATION [--set=KEY=VALUE]     Run the collector's YAML

Commands:
  run PATH        Run a configuration file, or a directory of .alloy files
  validate PATH   Say everything that is wrong with a configuration
  fmt [FILE]      Format a configuration file (standard input without FILE)
  convert [FILE]  Convert the configuration of Prometheus, Promtail, the collector or Grafana Agent
  migrate         Take over from Grafana Alloy's service on this machine
  print-config    Print the collector's YAML, merged and with everything put in its place
  otel            The collector's own command line: --config=LOCATION, validate, components, print-config
  components      List the components of this build
  demo            Collect this host's metrics and keep them in memory to look at
  licenses        Print the licences of this program and of what is in it
  completion      Print a completion script for bash, zsh or fish

  --version, -v   Print the version
  --help, -h      Print this page; after a command: its flags
`

/** Commands load their code when they are called. */
const commands: Readonly<Record<string, () => Promise<(args: readonly string[]) => Promise<number>>>> = {
  run: async () => (await import('./run.ts')).runCommand,
  demo: async () => (await import('./run.ts')).demoCommand,
  validate: async () => (await import('./validate.ts')).validateCommand,
  fmt: async () => (await import('./format.ts')).formatCommand,
  format: async () => (await import('./format.ts')).formatCommand,
  'print-config': async () => (await import('./collector_check.ts')).printConfigCommand,
  'print-initial-config': async () => (await import('./collector_check.ts')).printConfigCommand,
  convert: async () => (await import('./convert.ts')).convertCommand,
  migrate: async () => (await import('./migrate/migrate.ts')).migrateCommand,
  otel: () => Promise.resolve(otelCommand),
  components: async () => (await import('./list.ts')).componentsCommand,
  licenses: async () => (await import('./licenses.ts')).licensesCommand,
  completion: async () => (await import('./completion.ts')).completionCommand,
}

async function main(args: readonly string[]): Promise<number> {
  const program = collectorName(process.argv0, process.env)
  if (program !== undefined) return collectorProgram(program, args)
  const [name = '', ...rest] = args
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (isCollectorFlag(name)) return (await import('./collector.ts')).collectorCommand(args)
  if (command) return (await command())(rest)
  if (name === '--version' || name === '-v') {
    process.stdout.write(
      `solder, version ${version}\n  node:     ${process.versions.node}\n  platform: ${process.platform}/${process.arch}\n`,
    )
    return 0
  }
  if (name === '' || name === 'help' || name === '--help' || name === '-h') {
    process.stdout.write(usage)
    return 0
  }
  if (name.startsWith('-')) parseFlags([name], [])
  throw new UsageError(`unknown command ${JSON.stringify(name)} for "solder"`)
}

/** Not awaited at the top: the bundle is CommonJS (distro/build.ts says why). */
async function start(): Promise<void> {
  try {
    process.exitCode = await main(process.argv.slice(2))
  } catch (error) {
    process.stderr.write(`Error: ${(error as Error).message}\n`)
    if (!(error instanceof UsageError) && process.env['SOLDER_DEBUG'])
      process.stderr.write(`${(error as Error).stack}\n`)
    process.exitCode = 1
    // What runs already (sockets, timers) does not keep a process alive that nobody directs any more.
    setTimeout(() => process.exit(1), 1000).unref()
  }
}

void start()
