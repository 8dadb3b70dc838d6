// A short text of the record that a statement stood at, for the log.
import type { AnyValue } from '#pdata/otlp'
import { anyValueText, KeyValueList } from '#pdata/otlp'
import type { TransformContext } from './transform_context.ts'

/** Longer samples are cut. */
const sampleLengthMax = 512

/** The record as JSON, cut to 512 characters: the lowest level that the context stands at, without its ids. */
export function sampleOf(context: TransformContext): string {
  const entries: [string, AnyValue][] = []
  const { event, span, log, metric, point, scope, resource } = context
  if (log !== null) entries.push(['body', log.body], ['attributes', new KeyValueList(log.attributes)])
  else if (event !== null) entries.push(['event', event.name], ['attributes', new KeyValueList(event.attributes)])
  else if (span !== null) entries.push(['span', span.name], ['attributes', new KeyValueList(span.attributes)])
  else if (metric !== null) {
    entries.push(['metric', metric.name])
    if (point !== null) entries.push(['attributes', new KeyValueList(point.attributes)])
  } else if (scope !== null) {
    entries.push(['scope', scope.scope.name], ['attributes', new KeyValueList(scope.scope.attributes)])
  } else if (resource !== null) {
    entries.push(['attributes', new KeyValueList(resource.resource.attributes)])
  }
  const text = anyValueText(new KeyValueList(entries.map(([key, value]) => ({ key, value }))))
  return text.length > sampleLengthMax ? `${text.slice(0, sampleLengthMax)}…` : text
}
