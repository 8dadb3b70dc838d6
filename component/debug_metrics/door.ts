// Alloy's `debug_metrics` block: every otelcol component accepts it, and it changes nothing.
import { attr, block, bool, defineSettings, oneOf } from '#component'

const debugMetrics = defineSettings({
  disable_high_cardinality_metrics: attr(bool, 'Accepted; own metrics have no high-cardinality attributes.', {
    default: true,
  }),
  level: attr(oneOf('none', 'basic', 'normal', 'detailed'), 'Accepted; own metrics are always detailed.', {
    default: 'detailed',
  }),
})

/** Spread into the settings of a component in Alloy's language. */
export const debugMetricsField = {
  debug_metrics: block(debugMetrics, 'Accepted, without effect.'),
}
