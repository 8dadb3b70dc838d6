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
): Promise<Conversion> {
  const parsed = parseYaml(name, text)
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
      blocks.push(...(await (await import('./static_agent.ts')).convertStatic(writer, root)))
      break
  }
  const twice = doubled(blocks)
  for (const id of twice) writer.report('critical', undefined, `two components would be named ${id}`)
  const critical = writer.diagnostics.some(({ severity }) => severity === 'critical')
  return { text: critical ? '' : printDocument(blocks.map(inAlloyOrder)), diagnostics: inOrder(writer.diagnostics) }
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
