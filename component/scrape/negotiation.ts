// Which formats are asked for, and which one came.
import { ExpositionFormat } from '#pdata/exposition'
import { ScrapeProtocol } from './config.ts'

const mediaTypes: Readonly<Record<ScrapeProtocol, string>> = {
  PrometheusProto: 'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited',
  'PrometheusText0.0.4': 'text/plain;version=0.0.4',
  'PrometheusText1.0.0': 'text/plain;version=1.0.0',
  'OpenMetricsText0.0.1': 'application/openmetrics-text;version=0.0.1',
  'OpenMetricsText1.0.0': 'application/openmetrics-text;version=1.0.0',
}

const formats: Readonly<Record<string, ExpositionFormat>> = {
  'application/openmetrics-text': ExpositionFormat.openmetrics,
  'application/vnd.google.protobuf': ExpositionFormat.protobuf,
  'text/plain': ExpositionFormat.text,
}

/** The `Accept` header for `protocols`, the first being liked best. `escaping` goes to those that know of it. */
export function acceptHeader(protocols: readonly ScrapeProtocol[], escaping: string): string {
  let weight = Object.keys(mediaTypes).length + 1
  const parts = protocols.map((protocol) => {
    const escapes = protocol === 'PrometheusText1.0.0' || protocol === 'OpenMetricsText1.0.0'
    return `${mediaTypes[protocol]}${escapes ? `;escaping=${escaping}` : ''};q=0.${weight--}`
  })
  return [...parts, `*/*;q=0.${weight}`].join(',')
}

/** The format of a body. Throws where neither its type nor the fallback tells. */
export function formatOf(contentType: string | undefined, fallback: ScrapeProtocol | ''): ExpositionFormat {
  const type = (contentType ?? '').split(';', 1)[0] as string
  const format = formats[type.trim().toLowerCase()]
  if (format) return format
  if (fallback !== '') return formats[mediaTypes[fallback].split(';', 1)[0] as string] as ExpositionFormat
  if (!contentType) {
    throw new Error(
      'non-compliant scrape target sending blank Content-Type and no fallback_scrape_protocol specified for target',
    )
  }
  const shown = JSON.stringify(contentType.slice(0, 100))
  throw new Error(`received unsupported Content-Type ${shown} and no fallback_scrape_protocol specified for target`)
}
