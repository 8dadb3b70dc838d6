// Components of all kinds for tests: they take settings of every type and do nothing but hand on.
import {
  anyValue,
  attr,
  block,
  blocks,
  bool,
  Capsule,
  customType,
  defineSettings,
  duration,
  float,
  type Host,
  int,
  list,
  map,
  oneOf,
  type OtelOutput,
  otelPipeline,
  outputPorts,
  secret,
  type Signal,
  string,
  uint,
  type Value,
  type YamlDefinition,
  type YamlKind,
} from '#component'
import { otelHandler } from '#component/otel_extension'
import type { ComponentRegistry } from '../../plan.ts'

const inner = defineSettings({
  name: attr(string, 'A name.', { default: 'preset' }),
  size: attr(int, 'A size.', { default: 7 }),
})

/** A type of a component's own that is named after what it is like. */
const pairs = customType<Value>({ name: 'map(secret)', zero: null, decode: (value) => value })

export const probeSettings = defineSettings(
  {
    text: attr(string, 'A text.', { default: 'preset' }),
    word: attr(oneOf('one', 'two'), 'A word.', { default: 'one' }),
    on: attr(bool, 'A switch.', { default: false }),
    count: attr(int, 'A number.', { default: 1 }),
    size: attr(uint, 'A number of 0 or more.', { default: 1 }),
    ratio: attr(float, 'A fraction.', { default: 0.5 }),
    interval: attr(duration, 'A duration.', { default: '1s' }),
    token: attr(secret, 'A secret.'),
    names: attr(list(string), 'Texts.', { default: ['preset'] }),
    numbers: attr(list(int), 'Numbers.', { default: [] }),
    labels: attr(map(string), 'Texts by name.', { default: {} }),
    tokens: attr(map(secret), 'Secrets by name.', { default: {} }),
    headers: attr(pairs, 'Texts by name, or pairs.'),
    anything: attr(anyValue, 'Anything.'),
    section: block(inner, 'A section that may be absent.'),
    pointer: block(inner, 'A section that null leaves absent.', { whenNull: 'absent' }),
    preset: block(inner, 'A section that is always there.', { whenAbsent: 'defaults' }),
    items: blocks(inner, 'Sections.'),
    auth: block(defineSettings({ authenticator: attr(otelHandler, 'Who.', { required: true }) }), 'Authentication.'),
    storage: attr(otelHandler, 'Where.'),
  },
  {
    check(settings, report) {
      if (settings.count > 100) report(`count must be at most 100: current value is ${settings.count}`, ['count'])
    },
  },
)
const routing = defineSettings({ to: attr(list(otelPipeline), 'Where to.', { default: [] }) })
const needing = defineSettings({ endpoint: attr(string, 'Where to.', { required: true }) })

/** What the instances did, in order. */
export const journal: string[] = []

function probe(kind: YamlKind, types: readonly [string, ...string[]], more: Partial<YamlDefinition> = {}): YamlDefinition {
  const definition: YamlDefinition = {
    kind,
    types,
    stability: 'experimental',
    doc: 'For tests.',
    signals: kind === 'extension' ? [] : ['traces', 'metrics', 'logs'],
    settings: probeSettings,
    create: (host, settings, output) => instance(host, settings, output),
    ...more,
  }
  return definition
}

function instance(host: Host, _: object, output: OtelOutput) {
  const { metrics, logs, traces } = outputPorts(output)
  const consumers = { metrics: host.outlet(metrics), logs: host.outlet(logs), traces: host.outlet(traces) }
  if (host.componentName === 'extension/auth') {
    host.setExports({ handler: new Capsule('otelcol.Handler', { id: host.id }) })
  }
  let started = false
  return {
    ...consumers,
    start() {
      started = true
      journal.push(`start ${host.id}`)
    },
    stop() {
      if (started) journal.push(`stop ${host.id}`)
      started = false
    },
  }
}

function updating(host: Host, settings: object, output: OtelOutput) {
  const made = instance(host, settings, output)
  return { ...made, update: () => void journal.push(`update ${host.id}`) }
}

const toMetrics: Readonly<Partial<Record<Signal, readonly Signal[]>>> = { traces: ['metrics'], logs: ['metrics'] }
const same: Readonly<Partial<Record<Signal, readonly Signal[]>>> = {
  traces: ['traces'],
  metrics: ['metrics'],
  logs: ['logs'],
}

export const probes: readonly YamlDefinition[] = [
  probe('receiver', ['in']),
  probe('receiver', ['metrics_in'], { signals: ['metrics'] }),
  probe('processor', ['step', 'oldstep']),
  probe('processor', ['changing'], { create: updating }),
  probe('exporter', ['out']),
  probe('exporter', ['needing'], { settings: needing }),
  probe('connector', ['pass'], { produces: same }),
  probe('connector', ['count'], { signals: ['traces', 'logs'], produces: toMetrics }),
  probe('connector', ['routing'], { produces: same, settings: routing }),
  probe('extension', ['auth']),
  probe('extension', ['plain']),
]

export const probeRegistry: ComponentRegistry = {
  names: () => [],
  load: () => Promise.resolve(undefined),
  yamlNames: () => probes.flatMap(({ kind, types }) => types.map((type) => `${kind}/${type}`)),
  loadYaml: (kind, type) => Promise.resolve(probes.find((p) => p.kind === kind && p.types.includes(type))),
}
