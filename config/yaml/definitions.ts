// Puts a YAML component behind the contract that the graph runs: one definition for each way it is connected.
import type { Component, ComponentDefinition, OtelOutput, YamlDefinition } from '#component'
import type { Wired } from './wiring.ts'

/** Where the settings of a node carry what its pipelines say. */
const outputOf = Symbol('output')

/** `settings` with the output that `create` of a definition from here hands on. */
export function withOutput(settings: object, output: OtelOutput): object {
  return { ...settings, [outputOf]: output }
}

/**
 * By what they wrap and where it sends. The graph keeps a node as long as its definition is the same object: a node that is
 * connected otherwise is made anew, since `update` knows of settings alone.
 */
const known = new WeakMap<YamlDefinition, Map<string, ComponentDefinition>>()

/** `output`: ids of nodes by signal; `begins`: by pipeline. */
export function componentDefinition(
  yaml: YamlDefinition,
  { output, begins }: Pick<Wired, 'output' | 'begins'>,
): ComponentDefinition {
  const key = JSON.stringify([output.metrics, output.logs, output.traces, ...begins])
  let definitions = known.get(yaml)
  if (!definitions) known.set(yaml, (definitions = new Map()))
  let definition = definitions.get(key)
  if (!definition) definitions.set(key, (definition = wrap(yaml)))
  return definition
}

function wrap(yaml: YamlDefinition): ComponentDefinition {
  const consumes = yaml.kind === 'receiver' || yaml.kind === 'extension' ? [] : yaml.signals
  return {
    name: `${yaml.kind}/${yaml.types[0]}`,
    stability: yaml.stability,
    doc: yaml.doc,
    input: 'otelcol',
    consumes,
    ...(yaml.kind === 'extension'
      ? { exports: { handler: { type: 'otelcol.Handler', doc: 'What others refer to by its id.' } } }
      : {}),
    settings: yaml.settings,
    ...(yaml.stateless ? { stateless: true } : {}),
    create(host, settings): Component | Promise<Component> {
      const output = (settings as { readonly [outputOf]?: OtelOutput })[outputOf]
      return yaml.create(host, settings, output ?? { metrics: [], logs: [], traces: [] })
    },
  }
}
