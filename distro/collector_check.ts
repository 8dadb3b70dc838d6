// `solder validate --config=…` and `solder print-config --config=…`: what a run would do, without starting anything.
import { hostname } from 'node:os'
import {
  compileYaml,
  hasErrors,
  type Plan,
  readYamlConfiguration,
  redactedYaml,
  renderDiagnostics,
  resolveYaml,
} from '#config'
import { checkCollectorFlags, collectorFlagsText, type CollectorFlags, parseCollectorFlags } from './collector_flags.ts'
import { registry } from './components.ts'
import { UsageError } from './flags.ts'
import { nothingRuns } from './validate.ts'
import { version } from './version.ts'

const unused = ['storage.path', 'storage.durability', 'shutdown-deadline'] as const

/** Everything that is wrong goes to standard error. */
export async function validateYamlCommand(args: readonly string[]): Promise<number> {
  const flags = parseCollectorFlags(args, unused)
  if (flags.help) {
    process.stdout.write(`Usage:\n  solder validate --config=LOCATION [flags]\n\nFlags:\n${collectorFlagsText}`)
    return 0
  }
  checkCollectorFlags(flags)
  const plan = await check(flags)
  if (!hasErrors(plan.diagnostics)) return 0
  process.stderr.write('\nError: validation failed\n')
  return 1
}

/** The configuration after merging and expanding, without its secrets, on standard output. */
export async function printConfigCommand(args: readonly string[]): Promise<number> {
  const flags = parseCollectorFlags(args, [...unused, 'format', 'mode', 'validate'])
  if (flags.help) {
    process.stdout.write(
      `Usage:\n  solder print-config --config=LOCATION [flags]\n\nFlags:\n${collectorFlagsText}` +
        '  --format yaml|json         How it is printed (default "yaml")\n' +
        '  --mode redacted            The only mode: secrets are never shown\n' +
        '  --validate true|false      Refuse what is wrong (default "true")\n',
    )
    return 0
  }
  checkCollectorFlags(flags)
  const format = flags.others.get('format') ?? 'yaml'
  if (format !== 'yaml' && format !== 'json') throw new UsageError(`unrecognized print format: ${format}`)
  const mode = flags.others.get('mode') ?? 'redacted'
  if (mode !== 'redacted') throw new UsageError(`invalid mode ${JSON.stringify(mode)}: secrets are never shown`)
  if (flags.others.get('validate') !== 'false') {
    const plan = await check(flags)
    if (hasErrors(plan.diagnostics)) {
      process.stderr.write('\nError: invalid configuration\n')
      return 1
    }
  }
  const { sources } = await readYamlConfiguration(flags.configs, flags.sets, process.env)
  const { root, diagnostics, sources: texts } = await resolveYaml(sources, process.env)
  if (!root) {
    process.stderr.write(renderDiagnostics(diagnostics, texts, { color: false }))
    return 1
  }
  process.stdout.write(await redactedYaml(root, registry, format))
  return 0
}

async function check(flags: CollectorFlags): Promise<Plan> {
  const { sources } = await readYamlConfiguration(flags.configs, flags.sets, process.env)
  const plan = await compileYaml(sources, nothingRuns(), {
    registry,
    stability: 'experimental',
    environment: process.env,
    hostname: hostname(),
    version,
  })
  if (plan.diagnostics.length > 0) {
    const color = process.stderr.isTTY && process.stderr.hasColors()
    process.stderr.write(renderDiagnostics(plan.diagnostics, plan.sources, { color }))
  }
  return plan
}
