// Data points as lines, for the tests of components that make metrics.
import type { Metrics } from '#pdata'
import { anyValueText, type Attributes } from '#pdata/otlp'

function textOf(attributes: Attributes): string {
  return attributes.map(({ key, value }) => `${key}=${anyValueText(value)}`).join(',')
}

/** `[resource] metric{attributes} value`; histograms have count and sum. In the order of the text. */
export function pointLines(batch: Metrics | undefined): string[] {
  const lines: string[] = []
  for (const { resource, scopeMetrics } of batch?.tree?.resourceMetrics ?? []) {
    for (const { name, data } of scopeMetrics.flatMap(({ metrics }) => metrics)) {
      if (data.kind === 'empty') continue
      for (const point of data.points) {
        const value = 'value' in point ? point.value : `${point.count}/${point.sum}`
        lines.push(`[${textOf(resource.attributes)}] ${name}{${textOf(point.attributes)}} ${value}`)
      }
    }
  }
  return lines.sort()
}
