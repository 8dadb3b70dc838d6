// The forward connector: hands everything from the pipelines that end in it to those that begin with it.
import {
  type Component,
  defineSettings,
  type Host,
  type OtelOutput,
  outputPorts,
  type YamlDefinition,
} from '#component'

const settings = defineSettings({})

export const forwardConnector: YamlDefinition<object> = {
  kind: 'connector',
  types: ['forward'],
  stability: 'public-preview',
  doc: 'Hands telemetry from the pipelines that end in it to the pipelines that begin with it.',
  signals: ['traces', 'metrics', 'logs'],
  produces: { traces: ['traces'], metrics: ['metrics'], logs: ['logs'] },
  stateless: true,
  settings,
  create: (host, _, output) => forward(host, output),
}

function forward(host: Host, output: OtelOutput): Component {
  const { metrics, logs, traces } = outputPorts(output)
  return {
    metrics: host.outlet(metrics),
    logs: host.outlet(logs),
    traces: host.outlet(traces),
    stop: () => {},
  }
}
