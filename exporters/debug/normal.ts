// Verbosity normal: one line for each item, in upstream's layout.
import {
  type AnyValue,
  anyValueText,
  type Attributes,
  type LogsTree,
  type Metric,
  type MetricsTree,
  type Scope,
  type TracesTree,
} from '#pdata/otlp'
import { hex, pairs, shortest } from './words.ts'

export function normalTraces(tree: TracesTree): string {
  let out = ''
  tree.resourceSpans.forEach((r, i) => {
    out += resourceLine('ResourceTraces', i, r.schemaUrl, r.resource.attributes)
    r.scopeSpans.forEach((s, j) => {
      out += scopeLine('ScopeTraces', j, s.scope, s.schemaUrl)
      for (const span of s.spans) {
        out += `${span.name} ${hex(span.traceId)} ${hex(span.spanId)}${joined(span.attributes)}\n`
      }
    })
  })
  return out
}

export function normalLogs(tree: LogsTree): string {
  let out = ''
  tree.resourceLogs.forEach((r, i) => {
    out += resourceLine('ResourceLog', i, r.schemaUrl, r.resource.attributes)
    r.scopeLogs.forEach((s, j) => {
      out += scopeLine('ScopeLog', j, s.scope, s.schemaUrl)
      for (const record of s.logRecords) out += `${anyValueText(record.body)} ${pairs(record.attributes).join(' ')}\n`
    })
  })
  return out
}

export function normalMetrics(tree: MetricsTree): string {
  let out = ''
  tree.resourceMetrics.forEach((r, i) => {
    out += resourceLine('ResourceMetrics', i, r.schemaUrl, r.resource.attributes)
    r.scopeMetrics.forEach((s, j) => {
      out += scopeLine('ScopeMetrics', j, s.scope, s.schemaUrl)
      for (const metric of s.metrics) {
        for (const [attributes, value] of pointsOf(metric)) {
          out += `${metric.name}{${pairs(attributes).join(',')}} ${value}\n`
        }
      }
    })
  })
  return out
}

function joined(attributes: Attributes): string {
  return attributes.length === 0 ? '' : ` ${pairs(attributes).join(' ')}`
}

function resourceLine(what: string, i: number, schemaUrl: string, attributes: Attributes): string {
  return `${what} #${i}${schemaUrl === '' ? '' : ` [${schemaUrl}]`}${joined(attributes)}\n`
}

function scopeLine(what: string, i: number, { name, version, attributes }: Scope, schemaUrl: string): string {
  const named = `${name}${version === '' ? '' : `@${version}`}`
  const details = [named, schemaUrl === '' ? '' : `[${schemaUrl}]`].filter((part) => part !== '').join(' ')
  return `${what} #${i}${details === '' ? '' : ` ${details}`}${joined(attributes)}\n`
}

/** Attributes and what is shown of the value, for each data point. */
function pointsOf({ data }: Metric): [Attributes, string][] {
  switch (data.kind) {
    case 'empty':
      return []
    case 'gauge':
    case 'sum':
      return data.points.map((p) => [p.attributes, numberText(p.value)])
    case 'histogram':
      return data.points.map((p) => {
        const buckets = p.bucketCounts.map((count, i) => {
          const bound = p.explicitBounds[i]
          return ` ${bound === undefined ? '' : `le${shortest(bound)}=`}${count}`
        })
        return [p.attributes, `${summed(p)}${buckets.join('')}`]
      })
    case 'exponential_histogram':
      return data.points.map((p) => {
        const factor = Math.LN2 * 2 ** -p.scale
        let text = summed(p)
        for (let i = p.negative.bucketCounts.length - 1; i >= 0; i--) {
          text += ` le${shortest(-Math.exp((p.negative.offset + i) * factor))}=${p.negative.bucketCounts[i]}`
        }
        if (p.zeroCount !== 0n) text += ` zero=${p.zeroCount}`
        p.positive.bucketCounts.forEach((count, i) => {
          text += ` le${shortest(Math.exp((p.positive.offset + i + 1) * factor))}=${count}`
        })
        return [p.attributes, text]
      })
    case 'summary':
      return data.points.map((p) => {
        const quantiles = p.quantiles.map((q) => ` q${shortest(q.quantile)}=${shortest(q.value)}`)
        return [p.attributes, `count=${p.count} sum=${p.sum.toFixed(6)}${quantiles.join('')}`]
      })
  }
}

function numberText(value: AnyValue): string {
  return typeof value === 'number' ? shortest(value) : typeof value === 'bigint' ? String(value) : ''
}

function summed(p: { count: bigint; sum: number | null; min: number | null; max: number | null }): string {
  let text = `count=${p.count}`
  for (const name of ['sum', 'min', 'max'] as const) {
    const value = p[name]
    if (value !== null) text += ` ${name}=${shortest(value)}`
  }
  return text
}
