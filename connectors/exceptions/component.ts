// The collector's exceptions connector: metrics and log records of the exceptions that spans recorded.
import {
  attr,
  blocks,
  block,
  bool,
  customType,
  defineSettings,
  int,
  type SettingsOf,
  string,
  type YamlDefinition,
} from '#component'
import { ExceptionsConnector } from './connector.ts'

/** A text that may be absent: '' is something else. */
const optionalString = customType<string | undefined>({ ...string, zero: undefined })

const dimension = defineSettings({
  name: attr(string, 'The attribute of the span, or else of the event, or else of the resource.', { required: true }),
  default: attr(optionalString, 'The value where the attribute is missing; without one, so is the dimension.'),
})

const builtIn = ['service.name', 'span.name', 'span.kind', 'status.code']
const settings = defineSettings(
  {
    dimensions: blocks(
      dimension,
      'Dimensions beside the built-in ones; none are written: `exception.type` and `exception.message`.',
    ),
    aggregation_cardinality_limit: attr(
      int,
      'How many series are kept; exceptions of others count in one that is marked `otel.metric.overflow`. 0: no limit.',
      { default: 10_000 },
    ),
    exemplars: block(
      defineSettings({
        enabled: attr(bool, 'Attach trace and span ids to data points.', { default: false }),
        max_per_data_point: attr(int, 'How many a data point has; further ones are left out.', { default: 100 }),
      }),
      'Exemplars.',
      { whenAbsent: 'defaults' },
    ),
  },
  {
    check(s, report) {
      const names = new Set(builtIn)
      for (const [i, { name }] of s.dimensions.entries()) {
        if (names.has(name)) report(`duplicate dimension name ${name}`, ['dimensions', i])
        names.add(name)
      }
      if (s.aggregation_cardinality_limit < 0) {
        report('aggregation_cardinality_limit must not be negative', ['aggregation_cardinality_limit'])
      }
      if (s.exemplars.max_per_data_point < 0) {
        report('max_per_data_point must not be negative', ['exemplars', 'max_per_data_point'])
      }
    },
  },
)

export const exceptionsConnector: YamlDefinition<SettingsOf<typeof settings>> = {
  kind: 'connector',
  types: ['exceptions'],
  stability: 'experimental',
  doc: 'Counts the exceptions that spans recorded, and writes log records of them.',
  signals: ['traces'],
  produces: { traces: ['metrics', 'logs'] },
  settings,
  create(host, s, output) {
    const none = [
      { name: 'exception.type', default: undefined },
      { name: 'exception.message', default: undefined },
    ]
    const dimensions = s.dimensions.length === 0 ? none : s.dimensions
    const { aggregation_cardinality_limit: seriesMax, exemplars } = s
    const exemplarsMax = exemplars.enabled ? exemplars.max_per_data_point : 0
    return new ExceptionsConnector(host, { dimensions, exemplarsMax, seriesMax }, output)
  },
}
