import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import {
  type MetricFamily,
  type MetricSink,
  attr,
  bool,
  type Component,
  type ComponentDefinition,
  ConsumeError,
  defineSettings,
  type Host,
  int,
  list,
  metricsReceiver,
  type Port,
  string,
} from '#component'
import { type Metrics, Metrics as MetricsBatch, Series, SeriesBatch, SeriesLayout } from '#pdata'
import { systemClock } from '#lib/clock'
import { LineLoggerProvider } from './logging.ts'
import { Service } from './service.ts'

/** What the components of these tests did, in order. */
let journal: string[] = []
const instances = new Map<string, Probe>()

const settings = defineSettings({
  word: attr(string, 'A word.', { default: '' }),
  number: attr(int, 'A number.', { default: 0 }),
  fail: attr(string, 'Where to fail: create, start.', { default: '' }),
  forward_to: attr(list(metricsReceiver), 'Where to send.', { default: [] }),
  waits: attr(bool, 'Consuming takes until it is let go.', { default: false }),
})
type ProbeSettings = {
  readonly word: string
  readonly number: bigint | number
  readonly fail: string
  readonly forward_to: readonly Port<Metrics>[]
  readonly waits: boolean
}

class Probe implements Component<ProbeSettings> {
  readonly host: Host
  settings: ProbeSettings
  letGo: () => void = () => {}
  refuse = false
  readonly metrics = { consume: (batch: Metrics) => this.#consume(batch) }

  constructor(host: Host, from: ProbeSettings) {
    this.host = host
    this.settings = from
    if (from.fail === 'create') throw new Error('it will not be made')
    host.setExports({ word: `${from.word}!`, targets: [from.word, `${from.word}2`] })
  }
  #started = false
  start(): void {
    this.#started = true
    journal.push(`start ${this.host.id}`)
    instances.set(this.host.id, this)
    if (this.settings.fail === 'start') throw new Error('it will not start')
  }
  /** Staged instances that were never started are stopped too: nothing to write down. */
  stop(): void {
    if (this.#started) journal.push(`stop ${this.host.id}`)
  }
  #consume(batch: Metrics): void | Promise<void> {
    if (this.refuse) throw new ConsumeError('not now', { retryable: true })
    const out = this.host.outlet(this.settings.forward_to)
    if (this.settings.waits) return new Promise((resolve) => (this.letGo = () => resolve(out.consume(batch))))
    return out.consume(batch)
  }
}

class UpdatingProbe extends Probe {
  update(next: ProbeSettings): void {
    journal.push(`update ${this.host.id} ${next.word}`)
    this.settings = next
    this.host.setExports({ word: `${next.word}!`, targets: [next.word, `${next.word}2`] })
  }
}

function definition(name: string, make: typeof Probe): ComponentDefinition {
  return {
    name,
    stability: 'generally-available',
    doc: 'For tests.',
    consumes: ['metrics'],
    exports: {
      word: { type: 'string', doc: 'The word, louder.' },
      targets: { type: 'list(string)', doc: 'The word twice.' },
    },
    settings,
    create: (host, from) => new make(host, from as ProbeSettings),
  }
}

const known = new Map([
  ['test.plain', definition('test.plain', Probe)],
  ['test.updating', definition('test.updating', UpdatingProbe)],
])

const running: Service[] = []
after(() => Promise.all(running.map((service) => service.stop(1000))))

function serviceOf(text: string): { service: Service; change(text: string): void } {
  journal = []
  instances.clear()
  let current = text
  const service = new Service({
    registry: {
      yamlNames: () => [],
      loadYaml: () => Promise.resolve(undefined),
      names: () => [...known.keys()],
      load: (name) => Promise.resolve(known.get(name)),
    },
    stability: 'generally-available',
    environment: {},
    globals: {
      hostname: 'host',
      version: '1',
      listenAddress: '127.0.0.1:0',
      memoryAddress: 'alloy.internal:12345',
      storagePath: 'unused',
      durability: 'spill',
      userAgent: 'test',
    },
    clock: systemClock,
    logging: new LineLoggerProvider({ level: 'error', format: 'logfmt', clock: systemClock, write: () => {} }),
    readConfiguration: () => ({ sources: [{ name: 'test.alloy', text: current }], directory: '.' }),
  })
  running.push(service)
  return { service, change: (next) => void (current = next) }
}

const forward = (to: string): string => `forward_to = [${to}.receiver]`

function batch(items: number): Metrics {
  const series = Array.from({ length: items }, (_, i) => new Series(['__name__', `m${i}`], null))
  return MetricsBatch.fromSeries(
    new SeriesBatch({
      layout: new SeriesLayout(series),
      values: new Float64Array(items),
      flags: null,
      timestampMs: 1,
      timestampsMs: null,
      startsMs: null,
      exemplars: null,
      histograms: null,
    }),
  )
}

async function settled(check: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !check(); i++) await new Promise((resolve) => setImmediate(resolve))
  assert.ok(check(), journal.join(', '))
}

test('nodes start before those that send to them, and stop after them', async () => {
  const { service } = serviceOf(`
    test.plain "a" { ${forward('test.plain.b')} }
    test.plain "b" { ${forward('test.plain.c')} }
    test.plain "c" { }
  `)
  assert.deepEqual((await service.start()).diagnostics, [])
  assert.deepEqual(journal, ['start test.plain.c', 'start test.plain.b', 'start test.plain.a'])
  journal = []
  await service.stop(1000)
  assert.deepEqual(journal, ['stop test.plain.a', 'stop test.plain.b', 'stop test.plain.c'])
})

test('a broken configuration starts nothing and shows everything that is wrong', async () => {
  const { service } = serviceOf(`
    test.plain "ok" { }
    test.plain "a" { wrd = "x" }
    test.plain "b" { number = "x" }
    test.missing "c" { }
    test.plain "d" { word = test.plain.nobody.word }
  `)
  const { ok, diagnostics } = await service.start()
  assert.equal(ok, false)
  assert.deepEqual(diagnostics.map((d) => d.range.start.line).sort(), [3, 4, 5, 6])
  assert.deepEqual(journal, [])
})

test('an instance that cannot be made is a diagnostic, and nothing starts', async () => {
  const { service } = serviceOf(`test.plain "a" { }\ntest.plain "b" { fail = "create" }`)
  const { ok, diagnostics } = await service.start()
  assert.equal(ok, false)
  assert.match(diagnostics[0]?.message ?? '', /it will not be made/)
  assert.deepEqual(journal, [])
})

test('an instance that does not start is unhealthy, the rest runs', async () => {
  const { service } = serviceOf(`test.plain "a" { fail = "start" }\ntest.plain "b" { }`)
  assert.equal((await service.start()).ok, true)
  assert.equal(service.graph.nodes.get('test.plain.a')?.health.state, 'unhealthy')
  assert.match(service.graph.nodes.get('test.plain.a')?.health.message ?? '', /it will not start/)
  assert.equal(service.graph.nodes.get('test.plain.b')?.health.state, 'healthy')
  // States that no component is in have no series.
  const states: unknown[] = []
  const sink = {
    sample: ({ name, labelNames }: MetricFamily, value: number, ...values: string[]) => {
      if (name.endsWith('_running_components')) states.push([values[labelNames.indexOf('health_type')], value])
    },
    histogram() {},
    summary() {},
  }
  await service.telemetry.collect(sink as unknown as MetricSink)
  assert.deepEqual(states, [
    ['healthy', 1],
    ['unhealthy', 1],
  ])
})

test('a reload touches what changed only', async () => {
  const { service, change } = serviceOf(`
    test.plain "same" { ${forward('test.updating.u')} }
    test.updating "u" { word = "one" }
    test.plain "changed" { word = "one" }
    test.plain "gone" { }
  `)
  await service.start()
  journal = []
  const same = instances.get('test.plain.same')
  change(`
    test.plain "new" { }
    test.updating "u" { word = "two" }
    test.plain "changed" { word = "two" }
    // moved, and with a comment
    test.plain "same" { ${forward('test.updating.u')} }
  `)
  assert.equal((await service.reload()).ok, true)
  assert.deepEqual(journal.toSorted(), [
    'start test.plain.changed',
    'start test.plain.new',
    'stop test.plain.changed',
    'stop test.plain.gone',
    'update test.updating.u two',
  ])
  assert.equal(instances.get('test.plain.same'), same)
  assert.deepEqual([...service.graph.nodes.keys()].toSorted(), [
    'test.plain.changed',
    'test.plain.new',
    'test.plain.same',
    'test.updating.u',
  ])
})

test('a reload with an error anywhere changes nothing', async () => {
  const { service, change } = serviceOf(`test.updating "u" { word = "one" }`)
  await service.start()
  const before = instances.get('test.updating.u')
  for (const text of [
    `test.updating "u" { word = "two" }\ntest.plain "x" { number = "no" }`,
    `test.updating "u" { word = "two" }\ntest.plain "x" { fail = "create" }`,
    `test.updating "u" { word = "two"`,
    `test.updating "u" { word = test.updating.v.word }\ntest.updating "v" { word = test.updating.u.word }`,
  ]) {
    change(text)
    journal = []
    const result = await service.reload()
    assert.equal(result.ok, false, text)
    assert.deepEqual(journal, [], text)
    assert.equal(instances.get('test.updating.u'), before)
    assert.equal(before?.settings.word, 'one')
  }
  change(`test.updating "u" { word = "three" }`)
  assert.equal((await service.reload()).ok, true)
  assert.equal(before?.settings.word, 'three')
})

test('exports that change update those that read them, and no others', async () => {
  const { service } = serviceOf(`
    test.updating "a" { word = "one" }
    test.updating "b" { word = test.updating.a.word }
    test.updating "c" { word = test.updating.b.word + "?" }
    test.updating "d" { word = "alone" }
  `)
  await service.start()
  assert.equal(instances.get('test.updating.c')?.settings.word, 'one!!?')
  journal = []
  instances.get('test.updating.a')?.host.setExports({ word: 'changed', targets: [] })
  await settled(() => journal.length >= 2)
  assert.deepEqual(journal, ['update test.updating.b changed', 'update test.updating.c changed!?'])
  journal = []
  instances.get('test.updating.a')?.host.setExports({ word: 'changed', targets: [] })
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(journal, [], 'the same values again are no change')
})

test('an export of the wrong type makes its reader unhealthy and leaves it running as it was', async () => {
  const { service } = serviceOf(`
    test.updating "a" { word = "one" }
    test.updating "b" { word = test.updating.a.word }
  `)
  await service.start()
  instances.get('test.updating.a')?.host.setExports({ word: ['no', 'word'], targets: [] })
  await settled(() => service.graph.nodes.get('test.updating.b')?.health.state === 'unhealthy')
  assert.equal(instances.get('test.updating.b')?.settings.word, 'one!')
  instances.get('test.updating.a')?.host.setExports({ word: 'two', targets: [] })
  await settled(() => service.graph.nodes.get('test.updating.b')?.health.state === 'healthy')
  assert.equal(instances.get('test.updating.b')?.settings.word, 'two')
})

test('modules run their components under their own ids, with arguments and exports', async () => {
  const { service } = serviceOf(`
    declare "twice" {
      argument "word" { }
      test.updating "first" { word = argument.word.value }
      test.updating "second" { word = test.updating.first.word }
      export "result" { value = test.updating.second.word }
    }
    test.updating "source" { word = "hey" }
    twice "x" { word = test.updating.source.word }
    test.updating "sink" { word = twice.x.result }
  `)
  const result = await service.start()
  assert.deepEqual(result.diagnostics, [])
  assert.equal(instances.get('twice.x/test.updating.second')?.settings.word, 'hey!!')
  assert.equal(instances.get('test.updating.sink')?.settings.word, 'hey!!!')
  instances.get('test.updating.source')?.host.setExports({ word: 'ho', targets: [] })
  await settled(() => instances.get('test.updating.sink')?.settings.word === 'ho!!')
})

test('every node accounts for every item, whatever happens to it', async () => {
  const { service } = serviceOf(`
    test.plain "in" { forward_to = [test.plain.left.receiver, test.plain.right.receiver] }
    test.plain "left" { waits = true }
    test.plain "right" { ${forward('test.plain.end')} }
    test.plain "end" { }
  `)
  await service.start()
  const agree = (): void => {
    for (const node of service.graph.nodes.values()) {
      const { counters } = node
      assert.equal(counters.in, counters.out + counters.dropped + counters.refused + node.waiting, node.id)
    }
  }
  const into = instances.get('test.plain.in') as Probe
  // Sent through a port, as another node would.
  const port = (instances.get('test.plain.in') as Probe).settings.forward_to[1] as Port<Metrics>
  port.consume(batch(3))
  agree()
  const first = into.host.outlet(into.settings.forward_to).consume(batch(5))
  service.graph.nodes.get('test.plain.in')!.counters.in += 5
  assert.ok(first)
  assert.equal(service.graph.nodes.get('test.plain.in')?.waiting, 5)
  instances.get('test.plain.left')?.letGo()
  await first
  agree()
  ;(instances.get('test.plain.end') as Probe).refuse = true
  assert.throws(() => port.consume(batch(2)), ConsumeError)
  agree()
  assert.equal(service.graph.nodes.get('test.plain.end')?.counters.refused, 2)
  assert.equal(service.graph.nodes.get('test.plain.end')?.counters.in, 10)
})
