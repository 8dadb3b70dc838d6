// prometheus.relabel: rewrites the labels of series and drops some of them.
import type { ComponentDefinition, SettingsOf } from '#component'
import { attr, defineSettings, duration, int, list, metricsReceiver } from '#component'
import { relabelRuleBlocks } from '#component/relabel'
import { goDuration } from './go_duration.ts'
import { PrometheusRelabel } from './relabel.ts'

/** Shorter lives are refused, as in Alloy. */
const cacheTtlMsMin = 60_000

const settings = defineSettings(
  {
    forward_to: attr(list(metricsReceiver), 'Where relabelled metrics go.', { required: true }),
    max_cache_size: attr(int, 'Results worked out before those not used since are forgotten; 0: `cache_ttl` decides.', {
      default: 100_000,
    }),
    cache_ttl: attr(duration, 'How long results are kept without being used; 0: `max_cache_size` decides.', {
      default: '0s',
    }),
    rule: relabelRuleBlocks('Relabelling rules, applied to every series in the order written.'),
  },
  {
    check({ max_cache_size: size, cache_ttl: ttlMs }, report) {
      if (size < 0) report(`max_cache_size must be >= 0; got ${size}`, ['max_cache_size'])
      else if (ttlMs < 0) report(`cache_ttl must be >= 0; got ${goDuration(ttlMs)}`, ['cache_ttl'])
      else if (size > 0 && ttlMs > 0) {
        report(
          'max_cache_size and cache_ttl are mutually exclusive: set max_cache_size = 0 to use cache_ttl, or unset cache_ttl to keep the cache bounded by size',
          ['cache_ttl'],
        )
      } else if (size === 0 && ttlMs === 0) report('one of max_cache_size or cache_ttl must be set', ['max_cache_size'])
      else if (ttlMs > 0 && ttlMs < cacheTtlMsMin) {
        report(`cache_ttl must be at least ${goDuration(cacheTtlMsMin)} when set; got ${goDuration(ttlMs)}`, [
          'cache_ttl',
        ])
      }
    },
  },
)
export type PrometheusRelabelSettings = SettingsOf<typeof settings>

export const prometheusRelabel: ComponentDefinition<PrometheusRelabelSettings> = {
  name: 'prometheus.relabel',
  stability: 'generally-available',
  doc: 'Rewrites the label sets of metrics, and drops some, on their way.',
  consumes: ['metrics'],
  exports: { rules: { type: 'RelabelRules', doc: 'The rules, for other components to use.' } },
  settings,
  create: (host, given) => new PrometheusRelabel(host, given),
}
