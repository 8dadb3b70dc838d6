// `solder components`: the components of this build, as a table or as JSON.
import type { Stability, YamlDefinition } from '#component'
import { registry } from './components.ts'
import { parseFlags, UsageError } from './flags.ts'
import { version } from './version.ts'

export async function componentsCommand(args: readonly string[]): Promise<number> {
  const { values, rest } = parseFlags(args, [
    { name: 'json', kind: 'bool', default: false, doc: 'As JSON' },
    { name: 'otelcol', kind: 'bool', default: false, doc: "The collector's components, as its own command lists them" },
    { name: 'help', short: 'h', kind: 'bool', default: false, doc: 'Print this page' },
  ])
  if (rest.length > 0) throw new UsageError(`accepts 0 arg(s), received ${rest.length}`)
  if (values.get('help')) {
    process.stdout.write('Usage:\n  solder components [--json | --otelcol]\n')
    return 0
  }
  if (values.get('otelcol')) {
    process.stdout.write(await collectorComponents())
    return 0
  }
  const rows: { name: string; stability: string; doc: string }[] = []
  for (const name of registry.names()) {
    const definition = await registry.load(name)
    if (definition) rows.push({ name, stability: definition.stability, doc: definition.doc })
  }
  if (values.get('json')) {
    process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`)
    return 0
  }
  const width = Math.max(...rows.map((row) => row.name.length))
  for (const { name, stability, doc } of rows) {
    process.stdout.write(`${name.padEnd(width)}  ${stability.padEnd(19)}  ${doc}\n`)
  }
  return 0
}

const levels: Readonly<Record<Stability, string>> = {
  experimental: 'Development',
  'public-preview': 'Beta',
  'generally-available': 'Stable',
}
const signals = ['logs', 'metrics', 'traces'] as const

/** The listing of `otelcol components`: kinds, types and the stability of what they support, as YAML. */
async function collectorComponents(): Promise<string> {
  const { stringify } = await import('yaml')
  const byKind: Record<string, { name: string; module: string; stability: Record<string, string> }[]> = {}
  for (const kind of ['receiver', 'processor', 'exporter', 'connector', 'extension'] as const) {
    const found = new Map<string, YamlDefinition>()
    for (const name of registry.yamlNames().filter((one) => one.startsWith(`${kind}/`))) {
      const definition = await registry.loadYaml(kind, name.slice(kind.length + 1))
      if (definition) found.set(definition.types[0], definition)
    }
    byKind[`${kind}s`] = [...found.keys()].sort().map((name) => {
      return { name, module: `solder ${version}`, stability: stabilityOf(found.get(name) as YamlDefinition) }
    })
  }
  const providers = ['env', 'file', 'http', 'https', 'yaml'].map((scheme) => ({ scheme, module: `solder ${version}` }))
  const buildinfo = { command: 'solder', description: 'Solder, an OpenTelemetry collector distribution', version }
  return stringify({ buildinfo, ...byKind, providers }, { indent: 4 })
}

function stabilityOf({ kind, signals: supported, produces, stability }: YamlDefinition): Record<string, string> {
  const level = (known: boolean): string => (known ? levels[stability] : 'Undefined')
  if (kind === 'extension') return { extension: levels[stability] }
  if (kind !== 'connector') return Object.fromEntries(signals.map((s) => [s, level(supported.includes(s))]))
  return Object.fromEntries(
    signals.flatMap((from) =>
      signals.map((to) => [`${from}-to-${to}`, level(produces?.[from]?.includes(to) ?? false)]),
    ),
  )
}
