// `solder completion` and the manual page: what the command line takes, for shells and for readers.
import { convertFlags } from './convert.ts'
import { UsageError, type FlagSpec } from './flags.ts'
import { formatCommandFlags } from './format.ts'
import { migrateFlags } from './migrate/migrate.ts'
import { runFlags } from './run_flags.ts'
import { validateFlags } from './validate.ts'

interface Command {
  readonly name: string
  readonly argument: string
  readonly doc: string
  readonly flags: readonly FlagSpec[]
}

const help: FlagSpec = { name: 'help', short: 'h', kind: 'bool', default: false, doc: 'Print what the command takes' }
const json: FlagSpec = { name: 'json', kind: 'bool', default: false, doc: 'As JSON' }
const otelcol: FlagSpec = { name: 'otelcol', kind: 'bool', default: false, doc: "The collector's components" }

const commands: readonly Command[] = [
  {
    name: 'run',
    argument: 'PATH',
    doc: 'Run a configuration file, or a directory of .alloy files',
    flags: [...runFlags, help],
  },
  {
    name: 'validate',
    argument: 'PATH',
    doc: 'Say everything that is wrong with a configuration',
    flags: validateFlags,
  },
  { name: 'fmt', argument: '[FILE]', doc: 'Format a configuration file', flags: formatCommandFlags },
  { name: 'convert', argument: '[FILE]', doc: 'Convert a configuration of another program', flags: convertFlags },
  { name: 'migrate', argument: '', doc: "Take over from Grafana Alloy's service", flags: migrateFlags },
  { name: 'print-config', argument: '--config=LOCATION', doc: "Print the collector's YAML, merged", flags: [help] },
  { name: 'components', argument: '', doc: 'List the components of this build', flags: [json, otelcol, help] },
  {
    name: 'demo',
    argument: '',
    doc: "Collect this host's metrics and keep them in memory",
    flags: [...runFlags, help],
  },
  { name: 'licenses', argument: '', doc: 'Print the licences of this program', flags: [help] },
  { name: 'completion', argument: 'bash|zsh|fish', doc: 'Print a completion script for a shell', flags: [help] },
]

/** Without flags that have no effect: they are taken for the sake of scripts that give them. */
function offered(command: Command): FlagSpec[] {
  return command.flags.filter((flag) => flag.inert === undefined)
}

export async function completionCommand(args: readonly string[]): Promise<number> {
  const [shell = '', ...rest] = args
  if (shell === '--help' || shell === '-h') {
    process.stdout.write('Usage:\n  solder completion bash|zsh|fish\n')
    return 0
  }
  const text = Object.hasOwn(scripts, shell) && rest.length === 0 ? scripts[shell as keyof typeof scripts]() : undefined
  if (text === undefined)
    throw new UsageError(`completion is for one of bash, zsh, fish: current value is ${args.join(' ')}`)
  process.stdout.write(text)
  return 0
}

const scripts = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion }

export function bashCompletion(): string {
  const cases = commands
    .filter(({ name }) => name !== 'completion')
    .map((command) => {
      const flags = offered(command).map(({ name }) => `--${name}`)
      return `    ${command.name}) flags='${flags.join(' ')}' ;;\n`
    })
  return `# bash completion for solder
_solder() {
  local current="\${COMP_WORDS[COMP_CWORD]}" flags=''
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '${commands.map(({ name }) => name).join(' ')} --config= --version --help' -- "$current"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases.join('')}    completion) COMPREPLY=($(compgen -W 'bash zsh fish' -- "$current")); return ;;
  esac
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$flags" -- "$current")) ;;
    *) COMPREPLY=($(compgen -f -- "$current")) ;;
  esac
}
complete -o filenames -F _solder solder
`
}

export function zshCompletion(): string {
  const quoted = (text: string): string => text.replaceAll("'", "'\\''").replaceAll(/[[\]:]/g, '\\$&')
  const list = commands.map(({ name, doc }) => `    '${name}:${quoted(doc)}'\n`)
  const cases = commands.map((command) => {
    const flags = offered(command).map(
      ({ name, kind, doc }) => `        '--${name}${kind === 'bool' ? '' : '='}[${quoted(doc)}]' \\\n`,
    )
    const rest = command.name === 'completion' ? "'1:shell:(bash zsh fish)'" : "'*:file:_files'"
    return `    ${command.name})\n      _arguments \\\n${flags.join('')}        ${rest} ;;\n`
  })
  return `#compdef solder
_solder() {
  local -a commands
  commands=(
${list.join('')}  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  shift words
  (( CURRENT-- ))
  case "\${words[1]}" in
${cases.join('')}  esac
}
_solder "$@"
`
}

export function fishCompletion(): string {
  const quoted = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")
  const names = commands.map(({ name }) => name).join(' ')
  const lines = commands.flatMap((command) => [
    `complete -c solder -n 'not __fish_seen_subcommand_from ${names}' -f -a ${command.name} -d '${quoted(command.doc)}'\n`,
    ...offered(command).map(({ name, short, kind, doc }) => {
      const form = `-l ${name}${short === undefined ? '' : ` -s ${short}`}${kind === 'bool' ? '' : ' -r'}`
      return `complete -c solder -n '__fish_seen_subcommand_from ${command.name}' ${form} -d '${quoted(doc)}'\n`
    }),
  ])
  return `# fish completion for solder\n${lines.join('')}complete -c solder -n '__fish_seen_subcommand_from completion' -f -a 'bash zsh fish'\n`
}

/** solder(1), in man(7)'s language. `day`: of the release, as `2026-11-28`. */
export function manualPage(version: string, day: string): string {
  const text = (given: string): string => given.replaceAll('\\', '\\e').replaceAll('-', '\\-').replace(/^[.']/, '\\&$&')
  const sections = commands.map((command) => {
    const head = `.SS solder ${text(`${command.name} ${command.argument}`.trim())}\n${text(command.doc)}.\n`
    const flags = offered(command).map((flag) => {
      const preset = flag.kind === 'bool' || flag.default === '' ? '' : ` (default ${String(flag.default)})`
      const short = flag.short === undefined ? '' : `, \\fB\\-${flag.short}\\fR`
      return `.TP\n\\fB\\-\\-${text(flag.name)}\\fR${short}\n${text(`${flag.doc}${preset}`)}.\n`
    })
    return head + flags.join('')
  })
  return `.TH SOLDER 1 ${day} "solder ${text(version)}" "User Commands"
.SH NAME
solder \\- collects metrics, logs and traces, and sends them on
.SH SYNOPSIS
.B solder
.I command
.RI [ flags ]
.br
.B solder
.BI \\-\\-config= LOCATION
.RB [ \\-\\-set=\\fIKEY=VALUE ]
.SH DESCRIPTION
Runs configurations of Grafana Alloy and of the OpenTelemetry Collector. With
.B \\-\\-config
it takes the Collector's command line.
.SH COMMANDS
${sections.join('')}.SH SIGNALS
.TP
SIGHUP
Read the configuration again. Where it is wrong, the old one goes on.
.TP
SIGTERM, SIGINT
Stop: what cannot be sent any more goes to disk.
.SH FILES
.TP
.I /etc/solder/config.alloy
The configuration of the service.
.TP
.I /etc/default/solder
The options of the service.
.TP
.I /var/lib/solder
Queues and positions.
`
}
