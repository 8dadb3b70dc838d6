// The collector's routing connector: sends telemetry to pipelines by conditions of OTTL.
import {
  attr,
  blocks,
  defineSettings,
  list,
  oneOf,
  otelPipeline,
  type PipelineStart,
  type Report,
  type SettingsOf,
  string,
  type YamlDefinition,
} from '#component'
import { errorModes } from '#component/ottl'
import { checkRule, type Rule } from './rule.ts'
import { createRouting, type Route } from './routing.ts'

const pipelines = attr(list(otelPipeline), 'The pipelines that get what matches.', { required: true })

const settings = defineSettings(
  {
    default_pipelines: attr(list(otelPipeline), 'The pipelines that get what no route takes; none: it is dropped.', {
      default: [],
    }),
    error_mode: attr(
      oneOf(...errorModes),
      'What becomes of errors of conditions: `propagate` refuses the batch, `ignore` logs them and goes on as if nothing matched, `silent` only goes on.',
      { default: 'ignore' },
    ),
    table: blocks(
      defineSettings({
        context: attr(
          string,
          '`resource`, `span`, `metric`, `datapoint`, `log`, `otelcol` for what is known of the client, or, deprecated, `request` for what it sent along; empty: told from the paths, or `resource`.',
          { default: '' },
        ),
        condition: attr(string, 'A condition of OTTL; for `request`: `request["name"] == "value"`, or `!=`.', {
          default: '',
        }),
        statement: attr(
          string,
          'Instead of a condition: `route() where …`, or one that deletes attributes, of which the condition decides.',
          { default: '' },
        ),
        pipelines,
        action: attr(oneOf('move', 'copy'), '`copy` leaves what matches to the routes behind.', { default: 'move' }),
      }),
      'Routes, tried in this order.',
      { required: true },
    ),
  },
  {
    check(s, report) {
      for (const [i, route] of routesOf(s).entries()) checkRoute(route, ['table', i], report)
      if (new Set(known(s.default_pipelines).map(({ signal }) => signal)).size > 1)
        report('default_pipelines are of several signals', ['default_pipelines'])
    },
  },
)
type RoutingSettings = SettingsOf<typeof settings>

function routesOf(s: RoutingSettings): Route[] {
  return s.table.map(({ context, condition, statement, pipelines: to, action }) => ({
    rule: { context, condition, statement, signal: known(to)[0]?.signal ?? 'traces' },
    pipelines: to,
    isCopy: action === 'copy',
  }))
}

/** Those that were not reported already. */
function known(all: readonly PipelineStart[]): readonly PipelineStart[] {
  return all.filter(({ id }) => id !== '')
}

function checkRoute({ rule, pipelines: to }: Route, path: readonly (string | number)[], report: Report): void {
  if (to.length === 0) return report('invalid route: no pipelines defined', [...path, 'pipelines'])
  const other = known(to).find(({ signal }) => signal !== rule.signal)
  if (other) report(`a route has pipelines of ${rule.signal} and ${other.signal}`, [...path, 'pipelines'])
  // Of which signal it is, and so which contexts there are, only its pipelines say.
  if (known(to).length > 0) checkRule(rule satisfies Rule, path, report)
}

export const routingConnector: YamlDefinition<RoutingSettings> = {
  kind: 'connector',
  types: ['routing'],
  stability: 'experimental',
  doc: 'Sends telemetry to pipelines by conditions of OTTL.',
  signals: ['traces', 'metrics', 'logs'],
  produces: { traces: ['traces'], metrics: ['metrics'], logs: ['logs'] },
  stateless: true,
  settings,
  create: (host, s) => createRouting(host, routesOf(s), s.default_pipelines, s.error_mode),
}
