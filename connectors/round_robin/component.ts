// The collector's round_robin connector: gives each batch to one of the pipelines that begin with it, in turn.
import {
  type Batch,
  type Component,
  type Consumer,
  defineSettings,
  type Host,
  type OtelOutput,
  pipelinePorts,
  type PipelineStart,
  type Signal,
  type YamlDefinition,
} from '#component'

const settings = defineSettings({})

export const roundRobinConnector: YamlDefinition<object> = {
  kind: 'connector',
  types: ['round_robin', 'roundrobin'],
  stability: 'public-preview',
  doc: 'Gives each batch to one of the pipelines that begin with it, in turn.',
  signals: ['traces', 'metrics', 'logs'],
  produces: { traces: ['traces'], metrics: ['metrics'], logs: ['logs'] },
  settings,
  create: (host, _, output) => roundRobin(host, output),
}

function roundRobin(host: Host, output: OtelOutput): Component {
  const { pipelines = [] } = output
  const of = <B extends Batch>(signal: Signal, outletOf: (pipeline: PipelineStart) => Consumer<B>): Turns<B> =>
    new Turns(pipelines.filter((pipeline) => pipeline.signal === signal).map(outletOf))
  return {
    traces: of('traces', (pipeline) => host.outlet(pipelinePorts(pipeline).traces)),
    metrics: of('metrics', (pipeline) => host.outlet(pipelinePorts(pipeline).metrics)),
    logs: of('logs', (pipeline) => host.outlet(pipelinePorts(pipeline).logs)),
    stop: () => {},
  }
}

/** What one pipeline refuses is refused: none of the others has it after. */
class Turns<B extends Batch> implements Consumer<B> {
  readonly #outlets: readonly Consumer<B>[]
  #next = 0

  constructor(outlets: readonly Consumer<B>[]) {
    this.#outlets = outlets
  }

  consume(batch: B): void | Promise<void> {
    const outlet = this.#outlets[this.#next]
    this.#next = (this.#next + 1) % this.#outlets.length
    return outlet?.consume(batch)
  }
}
