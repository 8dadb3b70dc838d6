// The upstream collector's command line: `--config` and `--set` any number of times, one or two dashes.
import { UsageError } from './flags.ts'

export interface CollectorFlags {
  readonly configs: readonly string[]
  readonly sets: readonly string[]
  readonly featureGates: readonly string[]
  /** Flags that are not the collector's: those with one value, by name without dashes. */
  readonly others: ReadonlyMap<string, string>
  readonly help: boolean
}

export const collectorFlagsText = `  --config LOCATION          Where the configuration is, any number of times: a path, or file:, env:, yaml:, http:, https:
  --set KEY=VALUE            Overrides a property: processors.batch.timeout=2s
  --feature-gates IDS        Accepted without effect
  --storage.path DIR         Directory for queues and other state (default "data-solder/")
  --storage.durability WORD  spill or always (default "spill")
  --shutdown-deadline TIME   How long components may take to stop (default "20s")
  --server.http.listen-addr ADDRESS  Serve the admin pages: the graph, health, metrics, reload (default: nowhere)
  --workers N                How many processes share the ports of receivers whose pipelines keep no state (default 1)
  --help, -h                 Print this page
`

/** Does the command line ask for a run of the collector's YAML? */
export function isCollectorFlag(arg: string | undefined): boolean {
  return arg !== undefined && /^--?(?:config|set|feature-gates)(?:=|$)/.test(arg)
}

/** Throws `UsageError`. `known`: names of further flags with a value. */
export function parseCollectorFlags(args: readonly string[], known: readonly string[]): CollectorFlags {
  const configs: string[] = []
  const sets: string[] = []
  const featureGates: string[] = []
  const others = new Map<string, string>()
  let help = false
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] as string
    const match = /^--?([^-=][^=]*)(?:=(.*))?$/s.exec(arg)
    if (!match) throw new UsageError(`unknown command ${JSON.stringify(arg)} for "solder"`)
    const name = match[1] as string
    if (name === 'help' || name === 'h') {
      help = true
      continue
    }
    const into = { config: configs, set: sets, 'feature-gates': featureGates }[name]
    if (!into && !known.includes(name)) throw new UsageError(`unknown flag: --${name}`)
    const value = match[2] ?? args[++i]
    if (value === undefined) throw new UsageError(`flag needs an argument: --${name}`)
    if (into) into.push(value)
    else others.set(name, value)
  }
  return { configs, sets, featureGates, others, help }
}

/** Throws `UsageError` where there is no configuration, or a `--set` without a value. */
export function checkCollectorFlags(flags: CollectorFlags): void {
  if (flags.configs.length === 0) throw new UsageError('at least one config flag must be provided')
  for (const set of flags.sets) {
    if (!set.includes('='))
      throw new UsageError(`invalid value ${JSON.stringify(set)} for flag --set: missing equal sign`)
  }
}
