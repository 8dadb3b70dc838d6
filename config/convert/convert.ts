// Converts configurations of other programs to Alloy's language.
import type { ComponentRegistry } from '../plan.ts'
import { parseYaml } from '../yaml/parser.ts'
import { isNull, kindOfNode } from '../yaml/tree.ts'
import { type AlloyBlock, printDocument } from './document.ts'
import { type ConversionDiagnostic, Writer } from './writer.ts'

export const SourceFormat = {
  otelcol: 'otelcol',
  prometheus: 'prometheus',
  promtail: 'promtail',
  static: 'static',
} as const
export type SourceFormat = (typeof SourceFormat)[keyof typeof SourceFormat]

export interface ConversionOptions {
  /** Arguments that the original program was given. */
  readonly args?: readonly string[]
  /** What `-config.expand-env` reads. */
  readonly environment?: Readonly<Record<string, string | undefined>>
}

export interface Conversion {
  /** The configuration; empty where nothing could be converted. */
  readonly text: string
  /** In the order of the source. */
  readonly diagnostics: readonly ConversionDiagnostic[]
}

/**
 * Convert `text`, the content of the file `name`. Never throws for a bad one: the diagnostics say what is wrong, and with a
 * critical one there is no text.
 */
export async function convertConfiguration(
  format: SourceFormat,
  name: string,
  text: string,
  registry: ComponentRegistry,
  options: ConversionOptions = {},
): Promise<Conversion> {
  const given = argumentsOf(format, options.args ?? [])
  if (typeof given === 'string') return refused(given)
  const expanded = given.expandEnvironment
    ? (await import('./expand_env.ts')).expandEnvironment(text, options.environment ?? {})
    : { text, unknown: [] }
  if (expanded.unknown.length > 0) return refused(`cannot expand ${expanded.unknown.join(', ')}`)
  const parsed = parseYaml(name, expanded.text)
  if (!parsed.root) {
    const diagnostics = parsed.diagnostics.map(
      ({ range, message }) => ({ severity: 'critical', range, message }) as const,
    )
    return { text: '', diagnostics }
  }
  const { root } = parsed
  if (root.kind !== 'map') {
    if (isNull(root)) return { text: '', diagnostics: [] }
    const message = `a configuration should be a map, got ${kindOfNode(root)}`
    return { text: '', diagnostics: [{ severity: 'critical', range: root.range, message }] }
  }
  const { absentComponents, inAlloyOrder } = await import('../alloy_shapes/catalog.ts')
  const collector = await import('./collector.ts')
  const texts = format === 'otelcol' ? { text: collector.referenceText } : {}
  const writer = new Writer(registry, absentComponents, texts)
  const blocks: AlloyBlock[] = []
  switch (format) {
    case 'prometheus':
      blocks.push(...(await (await import('./prometheus.ts')).convertPrometheus(writer, root)))
      break
    case 'promtail':
      blocks.push(...(await (await import('./promtail.ts')).convertPromtail(writer, root)))
      break
    case 'otelcol':
      blocks.push(...(await collector.convertCollector(writer, root, registry)))
      break
    case 'static':
      blocks.push(...(await (await import('./static_agent.ts')).convertStatic(writer, root, registry, given)))
      break
  }
  const twice = doubled(blocks)
  for (const id of twice) writer.report('critical', undefined, `two components would be named ${id}`)
  const critical = writer.diagnostics.some(({ severity }) => severity === 'critical')
  return { text: critical ? '' : printDocument(blocks.map(inAlloyOrder)), diagnostics: inOrder(writer.diagnostics) }
}

function refused(message: string): Conversion {
  return { text: '', diagnostics: [{ severity: 'critical', message }] }
}

interface Arguments {
  readonly integrationsNext: boolean
  readonly expandEnvironment: boolean
}

/** Flags of the Agent's that have a value, and nothing to do with its configuration. */
const otherFlags = /^(config\.(file|file\.type|url\..*|enable-read-api)|server\..*|metrics\..*|disable-reporting)$/

/** A text: why they are refused. Only the Agent's can be given. */
function argumentsOf(format: SourceFormat, args: readonly string[]): Arguments | string {
  const found = { integrationsNext: false, expandEnvironment: false }
  if (args.length === 0) return found
  if (format !== 'static') {
    return `extra arguments are not supported for ${format}: current value is ${JSON.stringify(args.join(' '))}`
  }
  const rest = args.flatMap((arg) => {
    const at = arg.indexOf('=')
    return at < 0 ? [arg] : [arg.slice(0, at), arg.slice(at + 1)]
  })
  for (let i = 0; i < rest.length; i++) {
    const flag = (rest[i] as string).replace(/^--?/, '')
    const value = rest[i + 1]?.startsWith('-') ? undefined : rest[i + 1]
    if (!(rest[i] as string).startsWith('-')) return `invalid argument ${JSON.stringify(rest[i])}: flags begin with -`
    if (flag === 'config.expand-env') found.expandEnvironment = value !== 'false'
    else if (flag === 'enable-features') {
      if (value === undefined) return 'the flag -enable-features needs a value'
      const features = value.split(',')
      found.integrationsNext = features.includes('integrations-next')
    } else if (!otherFlags.test(flag)) return `the flag -${flag} is not one of the Agent's that can be converted`
    if (value !== undefined) i++
  }
  return found
}

/** `registry` with the components that only Alloy has, which can be checked but not run. */
export async function withAbsentComponents(registry: ComponentRegistry): Promise<ComponentRegistry> {
  return (await import('../alloy_shapes/registry.ts')).registryWithAbsent(registry)
}

function doubled(blocks: readonly AlloyBlock[]): string[] {
  const ids = blocks.map(({ name, label }) => `${name}.${label}`)
  return [...new Set(ids.filter((id, i) => ids.indexOf(id) < i))]
}

function inOrder(diagnostics: readonly ConversionDiagnostic[]): ConversionDiagnostic[] {
  const offset = ({ range }: ConversionDiagnostic): number => range?.start.offset ?? Number.POSITIVE_INFINITY
  return [...diagnostics].sort((a, b) => offset(a) - offset(b) || 0)
}

const words = { critical: 'Critical', error: 'Error', warning: 'Warning', info: 'Info' } as const

/** One line for each: `(Error) prometheus.yml:3:5: …`. */
export function conversionReport(diagnostics: readonly ConversionDiagnostic[]): string {
  return diagnostics
    .map(({ severity, range, message }) => {
      const place = range ? `${range.start.file}:${range.start.line}:${range.start.column}: ` : ''
      return `(${words[severity]}) ${place}${message}\n`
    })
    .join('')
}
