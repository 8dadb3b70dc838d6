// The collector's failover connector: sends to the first of several levels of pipelines that takes what it is sent.
import {
  attr,
  block,
  type Batch,
  type Component,
  type Consumer,
  defineSettings,
  duration,
  type Host,
  int,
  list,
  otelPipeline,
  pipelinePorts,
  type PipelineStart,
  type SettingsOf,
  type Signal,
  type YamlDefinition,
} from '#component'
import { otelExporterSettings, yamlQueue } from '#component/otel_exporter'
import type { Logs, Metrics, Traces } from '#pdata'
import { Levels } from './levels.ts'
import { QueuedLevels } from './queued_levels.ts'

const settings = defineSettings(
  {
    priority_levels: attr(list(list(otelPipeline)), 'Pipelines, the best first; those of one level get everything.', {
      required: true,
    }),
    retry_interval: attr(duration, 'How often better levels are tried again; 0: never.', { default: '10m' }),
    retry_gap: attr(duration, 'Accepted, without effect: all better levels are tried one after the other.', {
      default: '0s',
    }),
    max_retries: attr(int, 'Accepted, without effect: better levels are tried until one takes what it is sent.', {
      default: 0,
    }),
    sending_queue: block(
      yamlQueue,
      'What waits to be sent to the levels; what none of them takes is dropped. Without it senders wait until a level took what they sent, and are told when none did.',
      { whenAbsent: 'defaults' },
    ),
  },
  {
    check(s, report) {
      if (s.priority_levels.length === 0) report('priority_levels needs at least one level', ['priority_levels'])
      for (const [i, level] of s.priority_levels.entries()) {
        if (level.length === 0) report('a level needs at least one pipeline', ['priority_levels', i])
        // What has no id was reported already.
        const [first, ...others] = level.filter(({ id }) => id !== '')
        const other = others.find(({ signal }) => signal !== first?.signal)
        if (other) report(`a level has pipelines of ${first?.signal} and ${other.signal}`, ['priority_levels', i])
      }
      if (s.retry_interval < 0) report('retry_interval must not be negative', ['retry_interval'])
    },
  },
)
/** What no level takes is not tried again: that is what levels are for. */
const once = {
  enabled: false,
  initial_interval: 5000,
  max_elapsed_time: 300_000,
  max_interval: 30_000,
  multiplier: 1.5,
  randomization_factor: 0.5,
}
type FailoverSettings = SettingsOf<typeof settings>

export const failoverConnector: YamlDefinition<FailoverSettings> = {
  kind: 'connector',
  types: ['failover'],
  stability: 'experimental',
  doc: 'Sends to the first of several levels of pipelines that takes what it is sent.',
  signals: ['traces', 'metrics', 'logs'],
  produces: { traces: ['traces'], metrics: ['metrics'], logs: ['logs'] },
  settings,
  create: (host, s) => failover(host, s),
}

function failover(host: Host, s: FailoverSettings): Component {
  const of = <B extends Batch>(
    signal: Signal,
    outletOf: (level: readonly PipelineStart[]) => Consumer<B>,
  ): Levels<B> => {
    const levels = s.priority_levels.filter(([first]) => first?.signal === signal)
    return new Levels(host, signal, levels.map(outletOf), s.retry_interval)
  }
  const levels = {
    traces: of<Traces>('traces', (level) => host.outlet(level.flatMap((pipeline) => pipelinePorts(pipeline).traces))),
    metrics: of<Metrics>('metrics', (level) =>
      host.outlet(level.flatMap((pipeline) => pipelinePorts(pipeline).metrics)),
    ),
    logs: of<Logs>('logs', (level) => host.outlet(level.flatMap((pipeline) => pipelinePorts(pipeline).logs))),
  }
  const { sending_queue } = s
  if (sending_queue.enabled) {
    return new QueuedLevels(host, levels, otelExporterSettings({ retry_on_failure: once, sending_queue }))
  }
  return {
    ...levels,
    stop: () => {},
    debug: () => ({ traces: levels.traces.level, metrics: levels.metrics.level, logs: levels.logs.level }),
  }
}
