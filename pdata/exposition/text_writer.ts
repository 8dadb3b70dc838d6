// Writes the text format 0.0.4 and OpenMetrics 1.0.
import type { MetricType } from '#pdata'
import { formatGoFloat, formatOpenMetricsFloat } from './go_float.ts'

export const TextFormat = { text: 'text', openmetrics: 'openmetrics' } as const
export type TextFormat = (typeof TextFormat)[keyof typeof TextFormat]

/** The `Content-Type` of what a `TextWriter` writes, by format. */
export const textContentTypes: Readonly<Record<TextFormat, string>> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
}

const legacyMetricName = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/
const legacyLabelName = /^[a-zA-Z_][a-zA-Z0-9_]*$/

/** The types that the text format 0.0.4 has; the others are `untyped` there. */
const plainTypes: ReadonlySet<MetricType> = new Set(['counter', 'gauge', 'histogram', 'summary'])

/**
 * Appends families and samples to a text. The caller keeps the order that the formats ask for: a family's lines together,
 * its header in front. In OpenMetrics the sample's name, suffixes included, is the caller's business as well.
 */
export class TextWriter {
  readonly format: TextFormat
  #text = ''

  constructor(format: TextFormat) {
    this.format = format
  }

  /** The header of a family. An empty help or unit is left out. */
  family(name: string, type: MetricType, help: string, unit = ''): void {
    const shown = legacyMetricName.test(name) ? name : quoted(name)
    if (this.format === TextFormat.openmetrics) {
      this.#text += `# TYPE ${shown} ${type}\n`
      if (unit !== '') this.#text += `# UNIT ${shown} ${unit}\n`
      if (help !== '') this.#text += `# HELP ${shown} ${escapeValue(help)}\n`
      return
    }
    if (help !== '') this.#text += `# HELP ${shown} ${escapeHelp(help)}\n`
    this.#text += `# TYPE ${shown} ${plainTypes.has(type) ? type : 'untyped'}\n`
  }

  /**
   * A sample. `names` and `values` parallel, empty values left out; `extraName` is one more label (`le`, `quantile`), `''`
   * for none. `timestampMs` undefined: none. `exemplar` is what OpenMetrics puts behind the sample (see `exemplarText`).
   */
  sample(
    name: string,
    names: readonly string[],
    values: readonly string[],
    extraName: string,
    extraValue: string,
    value: number,
    timestampMs?: number,
    exemplar = '',
  ): void {
    const legacy = legacyMetricName.test(name)
    let line = legacy ? name : ''
    let separator = '{'
    if (!legacy) {
      line = `{${quoted(name)}`
      separator = ','
    }
    for (let i = 0; i < names.length; i++) {
      const labelValue = values[i]
      if (labelValue === undefined || labelValue === '') continue
      line += `${separator}${labelNameText(names[i] as string)}="${escapeValue(labelValue)}"`
      separator = ','
    }
    if (extraName !== '') {
      line += `${separator}${extraName}="${escapeValue(extraValue)}"`
      separator = ','
    }
    if (separator === ',') line += '}'
    const open = this.format === TextFormat.openmetrics
    line += ` ${open ? formatOpenMetricsFloat(value) : formatGoFloat(value)}`
    if (timestampMs !== undefined) line += ` ${open ? timestampMs / 1000 : Math.trunc(timestampMs)}`
    if (open && exemplar !== '') line += ` # ${exemplar}`
    this.#text += `${line}\n`
  }

  /** What was written, closed with `# EOF` in OpenMetrics. */
  text(): string {
    return this.format === TextFormat.openmetrics ? `${this.#text}# EOF\n` : this.#text
  }
}

/** An exemplar of OpenMetrics: labels (names and values in turn), value and time (0: none). */
export function exemplarText(labels: readonly string[], value: number, timestampMs: number): string {
  const pairs: string[] = []
  for (let i = 0; i < labels.length; i += 2) {
    pairs.push(`${labelNameText(labels[i] as string)}="${escapeValue(labels[i + 1] as string)}"`)
  }
  const text = `{${pairs.join(',')}} ${formatOpenMetricsFloat(value)}`
  return timestampMs > 0 ? `${text} ${timestampMs / 1000}` : text
}

function labelNameText(name: string): string {
  return legacyLabelName.test(name) ? name : quoted(name)
}

function quoted(name: string): string {
  return `"${escapeValue(name)}"`
}

function escapeValue(text: string): string {
  return /[\\"\n]/.test(text) ? text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n') : text
}

function escapeHelp(text: string): string {
  return /[\\\n]/.test(text) ? text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n') : text
}
