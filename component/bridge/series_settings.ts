// Settings of the YAML exporters that turn OTLP metrics into Prometheus series.
import { attr, bool, defineSettings, oneOf, type Report, string } from '#component'
import type { OtlpToSeriesOptions } from '#pdata/prometheus_otlp'

const resourceConversion = defineSettings({
  enabled: attr(bool, 'Add all attributes of the resource as labels.', { default: false }),
  exclude_service_attributes: attr(bool, 'All but service.name, service.namespace and service.instance.id.', {
    default: false,
  }),
})

/** How names are translated: with or without suffixes, escaped or not. */
const strategies = {
  UnderscoreEscapingWithSuffixes: { suffixes: true, utf8: false },
  UnderscoreEscapingWithoutSuffixes: { suffixes: false, utf8: false },
  NoUTF8EscapingWithSuffixes: { suffixes: true, utf8: true },
  NoTranslation: { suffixes: false, utf8: true },
} as const

export const seriesFields = {
  namespace: attr(string, 'Stands in front of the names of metrics.', { default: '' }),
  add_metric_suffixes: attr(bool, 'Add type and unit to names.', { default: true }),
  translation_strategy: attr(
    oneOf('', ...(Object.keys(strategies) as (keyof typeof strategies)[])),
    'How names are translated; goes before `add_metric_suffixes`.',
    { default: '' },
  ),
}

export { resourceConversion }

interface Written {
  readonly namespace: string
  readonly add_metric_suffixes: boolean
  readonly translation_strategy: string
  readonly resource_to_telemetry_conversion: {
    readonly enabled: boolean
    readonly exclude_service_attributes: boolean
  }
}

/** The names and labels that the settings ask for. */
export function seriesOptions(s: Written): Partial<OtlpToSeriesOptions> {
  const strategy = Object.hasOwn(strategies, s.translation_strategy)
    ? strategies[s.translation_strategy as keyof typeof strategies]
    : { suffixes: s.add_metric_suffixes, utf8: false }
  return {
    ...strategy,
    namespace: s.namespace,
    resourceToTelemetry: s.resource_to_telemetry_conversion.enabled,
    excludeServiceAttributes: s.resource_to_telemetry_conversion.exclude_service_attributes,
  }
}

/** Series not seen for this long are forgotten by exporters that have no setting for it. */
export const seriesStaleMs = 10 * 60_000

/** Reports settings that were accepted once and mean nothing here. */
export function reportUnsupported(report: Report, given: Readonly<Record<string, boolean>>): void {
  for (const [name, isGiven] of Object.entries(given)) {
    if (isGiven) report(`Cannot use ${name}: it is not supported yet`, [name])
  }
}
