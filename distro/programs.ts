// Drop-in names: called by the name of another program, through a link, Solder has that program's command line.
import { basename } from 'node:path'
import { UsageError } from './flags.ts'
import { version } from './version.ts'

/** Set by the launcher, which knows by which name it was called, and handed on to workers. */
const nameVariable = 'SOLDER_PROGRAM'
const collectorNames: readonly string[] = ['otelcol', 'otelcol-contrib']

/**
 * The collector's program whose command line is meant; undefined: Solder's own, which is Alloy's. `argv0`: what the process was
 * called by, which tells of links to the single executable.
 */
export function collectorName(argv0: string, environment: NodeJS.ProcessEnv): string | undefined {
  const found = [argv0, environment[nameVariable] ?? ''].map((path) => basename(path))
  const name = found.find((one) => collectorNames.includes(one))
  // A worker is the executable itself, called by its path.
  if (name !== undefined) environment[nameVariable] = name
  return name
}

const usage = (name: string): string => `Usage:
  ${name} --config=LOCATION [flags]      Run the collector's YAML
  ${name} <command> [flags]

Commands:
  validate      Say everything that is wrong with a configuration
  print-config  Print the configuration, merged and with everything put in its place
  components    List the components of this build

  --version, -v  Print the version
  --help, -h     Print this page
`

/** The collector's command line. `name`: how the program was called, for messages. Throws `UsageError`. */
export async function collectorProgram(name: string, args: readonly string[]): Promise<number> {
  const [command = '', ...rest] = args
  switch (command) {
    case 'validate':
      return (await import('./collector_check.ts')).validateYamlCommand(rest)
    case 'print-config':
    case 'print-initial-config':
      return (await import('./collector_check.ts')).printConfigCommand(rest)
    case 'components':
      return (await import('./list.ts')).componentsCommand(['--otelcol', ...rest])
    case '--version':
    case '-v':
      process.stdout.write(`${name} version ${version}\n`)
      return 0
    case 'help':
    case '--help':
    case '-h':
      process.stdout.write(usage(name))
      return 0
  }
  if (command !== '' && !command.startsWith('-')) {
    throw new UsageError(`unknown command ${JSON.stringify(command)} for ${JSON.stringify(name)}`)
  }
  return (await import('./collector.ts')).collectorCommand(args)
}

/** `solder otel`, as `alloy otel`: the collector's command line with `--disable-reporting`, which has nothing to switch off. */
export function otelCommand(args: readonly string[]): Promise<number> {
  return collectorProgram(
    'solder otel',
    args.filter((arg) => !/^--?disable-reporting(?:=|$)/.test(arg)),
  )
}
