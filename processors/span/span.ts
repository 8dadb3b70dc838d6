// Renames spans, takes attributes out of their names, and sets their status.
import type { Component, Host, OtelOutput, TracesConsumer } from '#component'
import { outputPorts } from '#component'
import type { MatchSettings } from '#component/otel_filter'
import { SpanFilter } from '#component/otel_filter'
import type { Regexp } from '#lib/regexp'
import { compileRegexp } from '#lib/regexp'
import { Traces } from '#pdata'
import type { AnyValue, Span } from '#pdata/otlp'
import { anyValueText, attributeValue, ownTracesTree, setAttribute } from '#pdata/otlp'

export interface SpanSettings {
  /** Keys whose values make the new name; all must be there. */
  readonly fromAttributes: readonly string[]
  readonly separator: string
  /** Regular expressions; undefined: names are left as they are. */
  readonly toAttributes: ToAttributes | undefined
  readonly status: { readonly code: 'Ok' | 'Error' | 'Unset'; readonly description: string } | undefined
}

export interface ToAttributes {
  readonly rules: readonly string[]
  readonly breakAfterMatch: boolean
  readonly keepOriginalName: boolean
}

/** Status.StatusCode of opentelemetry.proto.trace.v1. */
const statusCodes = { Unset: 0, Ok: 1, Error: 2 } as const

/** Throws `SettingsError` where `match` does not fit spans. */
export class SpanProcessor implements Component {
  readonly traces: TracesConsumer
  readonly #settings: SpanSettings
  readonly #rules: readonly Regexp[]
  readonly #filter: SpanFilter

  constructor(host: Host, settings: SpanSettings, match: MatchSettings, output: OtelOutput) {
    const next = host.outlet(outputPorts(output).traces)
    this.#settings = settings
    this.#rules = settings.toAttributes?.rules.map((rule) => compileRegexp(rule)) ?? []
    this.#filter = new SpanFilter(match)
    this.traces = { consume: (batch) => next.consume(this.#changed(batch)) }
  }

  stop(): void {}

  #changed(batch: Traces): Traces {
    const tree = ownTracesTree(batch)
    for (const { resource, scopeSpans } of tree.resourceSpans) {
      for (const { scope, spans } of scopeSpans) {
        for (const span of spans) if (this.#filter.accepts(span, scope, resource)) this.#change(span)
      }
    }
    return Traces.fromTree(tree, batch.context)
  }

  #change(span: Span): void {
    const { fromAttributes, toAttributes, status } = this.#settings
    if (fromAttributes.length > 0) this.#nameFromAttributes(span)
    if (toAttributes !== undefined && span.name !== '') this.#attributesFromName(span, toAttributes)
    if (status !== undefined) {
      span.status.code = statusCodes[status.code]
      span.status.message = status.code === 'Error' ? status.description : ''
    }
  }

  #nameFromAttributes(span: Span): void {
    const { fromAttributes, separator } = this.#settings
    let name = ''
    for (const [i, key] of fromAttributes.entries()) {
      const value = attributeValue(span.attributes, key)
      if (value === undefined) return
      if (i > 0) name += separator
      name += namePart(value)
    }
    span.name = name
  }

  /** Each rule works on the name that the one before it left. */
  #attributesFromName(span: Span, { breakAfterMatch, keepOriginalName }: ToAttributes): void {
    for (const rule of this.#rules) {
      const name = span.name
      const found = rule.exec(name)
      if (found === null) continue
      let renamed = ''
      let copied = 0
      for (let i = 1; i < rule.subexpNames.length; i++) {
        const key = rule.subexpNames[i] as string
        setAttribute(span.attributes, key, found.groups[i] ?? '')
        const [start, end] = [found.offsets[2 * i] as number, found.offsets[2 * i + 1] as number]
        // A group that took no part has no place in the name, and one inside of another none of its own.
        if (start < copied) continue
        renamed += `${name.slice(copied, start)}{${key}}`
        copied = end
      }
      if (!keepOriginalName) span.name = renamed + name.slice(copied)
      if (breakAfterMatch) return
    }
  }
}

function namePart(value: AnyValue): string {
  return value === null || typeof value === 'object' ? '<unknown-attribute-type>' : anyValueText(value)
}
