// otelcol.exporter.prometheus: hands OTLP metrics on as Prometheus series.
import {
  attr,
  bool,
  type Component,
  type ComponentDefinition,
  type Consumer,
  defineSettings,
  duration,
  type Host,
  list,
  metricsReceiver,
  type SettingsOf,
  type Timer,
} from '#component'
import { handOn } from '#component/bridge'
import { debugMetricsField } from '#component/debug_metrics'
import { Metrics } from '#pdata'
import { metricsTree } from '#pdata/otlp'
import { OtlpToSeries } from '#pdata/prometheus_otlp'

const settings = defineSettings(
  {
    forward_to: attr(list(metricsReceiver), 'Where the series go.', { required: true }),
    include_target_info: attr(bool, 'Make the series `target_info` of every resource.', { default: true }),
    include_scope_info: attr(bool, 'Make the series `otel_scope_info` of every scope.', { default: false }),
    include_scope_labels: attr(
      bool,
      'Add the labels `otel_scope_name` and `otel_scope_version`. Alloy’s default is true, and has no effect: they are added only where this is written.',
    ),
    gc_frequency: attr(duration, 'How often series that were not seen for five minutes are forgotten.', {
      default: '5m',
    }),
    add_metric_suffixes: attr(bool, 'Add type and unit to names.', { default: true }),
    resource_to_telemetry_conversion: attr(bool, 'Add all attributes of the resource as labels.', { default: false }),
    honor_metadata: attr(bool, 'Hand on type, help and unit.', { default: false, stability: 'experimental' }),
    convert_classic_histograms_to_nhcb: attr(bool, 'Make native histograms with custom buckets of histograms.', {
      default: false,
      stability: 'experimental',
    }),
    keep_identifying_resource_attributes: attr(bool, 'Keep service.* on `target_info`.', { default: false }),
    start_timestamp_zero_ingestion: attr(bool, 'Begin counters with a zero at their start time.', {
      default: false,
      stability: 'experimental',
    }),
    ...debugMetricsField,
  },
  {
    check: (s, report) => {
      if (s.gc_frequency <= 0) report('gc_frequency must be greater than 0', ['gc_frequency'])
    },
  },
)
type ExporterSettings = SettingsOf<typeof settings>

export const otelcolExporterPrometheus: ComponentDefinition<ExporterSettings> = {
  name: 'otelcol.exporter.prometheus',
  stability: 'generally-available',
  doc: 'Turns OTLP metrics into Prometheus series and hands them to Prometheus components.',
  consumes: ['metrics'],
  input: 'otelcol',
  settings,
  create: (host, decoded) => new PrometheusBridge(host, decoded),
}

/** Series not seen for this long are forgotten, as in Alloy. */
const staleMs = 5 * 60_000

class PrometheusBridge implements Component<ExporterSettings> {
  readonly #host: Host
  #settings: ExporterSettings
  #converter: OtlpToSeries
  #next: Consumer<Metrics>
  #timer: Timer | undefined

  readonly metrics = { consume: (batch: Metrics) => this.#consume(batch) }

  constructor(host: Host, decoded: ExporterSettings) {
    this.#host = host
    this.#settings = decoded
    this.#converter = converterFor(decoded)
    this.#next = host.outlet(decoded.forward_to)
  }

  start(): void {
    this.#schedule()
  }

  update(decoded: ExporterSettings): void {
    this.#settings = decoded
    this.#converter = converterFor(decoded)
    this.#next = this.#host.outlet(decoded.forward_to)
    this.#schedule()
  }

  #schedule(): void {
    this.#timer?.cancel()
    this.#timer = this.#host.clock.setTimeout(() => {
      this.#converter.collect(this.#host.clock.now() - staleMs)
      this.#schedule()
    }, this.#settings.gc_frequency)
  }

  #consume(batch: Metrics): void | Promise<void> {
    const { batch: series, dropped } = this.#converter.convert(metricsTree(batch), Math.trunc(this.#host.clock.now()))
    return handOn(this.#host.counters, this.#next, batch.count, dropped, Metrics.fromSeries(series))
  }

  stop(): void {
    this.#timer?.cancel()
  }

  debug(): unknown {
    return { series: this.#converter.size }
  }
}

function converterFor(s: ExporterSettings): OtlpToSeries {
  return new OtlpToSeries({
    suffixes: s.add_metric_suffixes,
    keepsLetters: true,
    targetInfo: s.include_target_info ? 'always' : 'none',
    scopeInfo: s.include_scope_info,
    scopeLabels: s.include_scope_labels === true ? 'name' : 'none',
    resourceToTelemetry: s.resource_to_telemetry_conversion,
    keepIdentifying: s.keep_identifying_resource_attributes,
    metadata: s.honor_metadata,
    customBuckets: s.convert_classic_histograms_to_nhcb,
    zeroSamples: s.start_timestamp_zero_ingestion,
  })
}
