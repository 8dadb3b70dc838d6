// `solder validate`: finds everything that `solder run` would refuse, without starting anything.
import { mkdtemp, rm } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { Capsule, type ComponentDefinition, inputExports, type Stability, Stability as Stabilities } from '#component'
import {
  compileAlloy,
  type ComponentRegistry,
  type ExportsView,
  hasErrors,
  ImportStore,
  type Plan,
  readConfiguration,
  renderDiagnostics,
} from '#config'
import { type ConfigurationText, LineLoggerProvider, loggerFor } from '#service'
import { systemClock } from '#lib/clock'
import { isCollectorFlag } from './collector_flags.ts'
import { registry } from './components.ts'
import { flagsText, type FlagValues, parseFlags, UsageError } from './flags.ts'
import { formatFlags, stabilityFlags } from './run_flags.ts'
import { version } from './version.ts'

export const validateFlags = [
  ...formatFlags,
  ...stabilityFlags,
  { name: 'help', short: 'h', kind: 'bool', default: false, doc: 'Print this page' } as const,
]

export async function validateCommand(args: readonly string[]): Promise<number> {
  if (args.some(isCollectorFlag)) return (await import('./collector_check.ts')).validateYamlCommand(args)
  const { values, rest } = parseFlags(args, validateFlags)
  if (values.get('help')) {
    process.stdout.write(
      `Usage:\n  solder validate [flags] PATH\n  solder validate --config=LOCATION\n\nFlags:\n${flagsText(validateFlags)}\n`,
    )
    return 0
  }
  const [path] = rest
  if (path === undefined || rest.length > 1) throw new UsageError(`accepts 1 arg(s), received ${rest.length}`)
  checkFormat(values)
  // For clones of imported repositories. A place of its own: whoever shares the machine must not be able to prepare it.
  const storagePath = await mkdtemp(join(tmpdir(), 'solder-validate-'))
  try {
    const text = await readFormat(path, values)
    return await validate(text, stabilityLevel(values), storagePath)
  } finally {
    await rm(storagePath, { recursive: true, force: true })
  }
}

async function validate(text: ConfigurationText, stability: Stability, storagePath: string): Promise<number> {
  const plan = await checkAlloy(text, stability, storagePath)
  if (plan.diagnostics.length > 0) {
    const color = process.stderr.isTTY && process.stderr.hasColors()
    process.stderr.write(renderDiagnostics(plan.diagnostics, plan.sources, { color }))
  }
  if (!hasErrors(plan.diagnostics)) return 0
  process.stderr.write('\nError: validation failed\n')
  return 1
}

/**
 * What a run of a configuration in Alloy's language would be. `storagePath`: for clones of imported repositories; `components`:
 * those that it may name.
 */
export function checkAlloy(
  { sources, directory }: ConfigurationText,
  stability: Stability,
  storagePath: string,
  components: ComponentRegistry = registry,
): Promise<Plan> {
  const clock = systemClock
  const logging = new LineLoggerProvider({
    level: 'error',
    format: 'logfmt',
    clock,
    write: (line) => void process.stderr.write(line),
  })
  const imports = new ImportStore({
    clock,
    log: loggerFor(logging, {}),
    userAgent: `Solder/${version}`,
    storagePath,
  })
  return compileAlloy(sources, directory, nothingRuns(), imports, {
    registry: components,
    stability,
    environment: process.env,
    hostname: hostname(),
    version,
    thorough: true,
  })
}

/** No exports are known; every node has a port that can be referred to. */
export function nothingRuns(): ExportsView {
  const receivers = new Map<string, Capsule>()
  return {
    exports: () => undefined,
    receiver(nodeId: string, definition: ComponentDefinition) {
      let capsule = receivers.get(nodeId)
      if (!capsule) {
        const port = { nodeId, signal: definition.consumes?.[0] ?? 'metrics', consume: () => undefined }
        capsule = new Capsule(inputExports[definition.input ?? 'prometheus'].type, port)
        receivers.set(nodeId, capsule)
      }
      return capsule
    },
  }
}

export function stabilityLevel(values: FlagValues): Stability {
  const text = String(values.get('stability.level'))
  if (Object.hasOwn(Stabilities, text)) return text as Stability
  throw new UsageError(
    `invalid argument ${JSON.stringify(text)} for "--stability.level" flag: ` +
      `it is one of ${Object.keys(Stabilities).join(', ')}`,
  )
}

const otherFormats = ['otelcol', 'prometheus', 'promtail', 'static']

/** Throws `UsageError` for a `--config.format` that there is not. */
export function checkFormat(values: FlagValues): void {
  const format = String(values.get('config.format'))
  if (format === 'alloy' || otherFormats.includes(format)) return
  throw new UsageError(`unsupported config format ${JSON.stringify(format)}`)
}

/** The configuration at `path`, converted where `--config.format` says so. Throws where it cannot be read or converted. */
export async function readFormat(path: string, values: FlagValues): Promise<ConfigurationText> {
  if (values.get('config.format') === 'alloy') return readConfiguration(path)
  return (await import('./convert.ts')).convertedConfiguration(path, values)
}
