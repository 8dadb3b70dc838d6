import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  attr,
  block,
  blocks,
  Capsule,
  type Clock,
  type ComponentDefinition,
  defineSettings,
  duration,
  list,
  type Logger,
  metricsReceiver,
  secret,
  type Settings,
  string,
  target,
} from '#component'
import { systemClock } from '#lib/clock'
import { type CompileOptions, type ExportsView, type Plan } from '../plan.ts'
import { compileAlloy } from './compile.ts'
import { ImportStore } from './imports.ts'
import { annotate, readCases, unannotated, updateCases } from './testdata/case_file.ts'

type Definition = Pick<ComponentDefinition, 'consumes' | 'exports' | 'stability' | 'singleton'>

function define(name: string, settings: Settings<never>, more: Partial<Definition> = {}): ComponentDefinition {
  const create = (): never => {
    throw new Error('a configuration that is checked runs nothing')
  }
  const definition = { name, stability: 'generally-available', doc: 'For tests.', settings, create, ...more }
  return definition as unknown as ComponentDefinition
}

const basicAuth = defineSettings({ username: attr(string, 'User.'), password: attr(secret, 'Password.') })
const endpoint = defineSettings({
  url: attr(string, 'Where to.', { required: true }),
  basic_auth: block(basicAuth, 'Authentication.'),
})
const output = { output: { type: 'list(target)', doc: 'Targets.' } }
const definitions = [
  define('local.file', defineSettings({ filename: attr(string, 'Path.', { required: true }) }), {
    exports: { content: { type: 'optional_secret', doc: 'Content.' } },
  }),
  define('discovery.relabel', defineSettings({ targets: attr(list(target), 'Targets.', { required: true }) }), {
    exports: output,
  }),
  define(
    'prometheus.scrape',
    defineSettings({
      targets: attr(list(target), 'Targets.', { required: true }),
      forward_to: attr(list(metricsReceiver), 'Receivers.', { required: true }),
      scrape_interval: attr(duration, 'How often.', { default: '60s' }),
    }),
  ),
  define('prometheus.remote_write', defineSettings({ endpoint: blocks(endpoint, 'Endpoints.') }), {
    consumes: ['metrics'],
  }),
  define('test.experimental', defineSettings({}), { stability: 'experimental' }),
]
const registry = new Map(definitions.map((definition) => [definition.name, definition]))

const silent: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
const clock: Clock = systemClock

function nothingRuns(): ExportsView {
  const ports = new Map<string, Capsule>()
  return {
    exports: () => undefined,
    receiver(nodeId) {
      const port = ports.get(nodeId) ?? new Capsule('MetricsReceiver', { nodeId })
      ports.set(nodeId, port)
      return port
    },
  }
}

function compile(source: string | Uint8Array, more: Partial<CompileOptions> = {}): Promise<Plan> {
  const imports = new ImportStore({ clock, log: silent, userAgent: 'test', storagePath: '/nowhere' })
  return compileAlloy([{ name: 'f', text: source }], '/etc', nothingRuns(), imports, {
    registry: {
      yamlNames: () => [],
      loadYaml: () => Promise.resolve(undefined),
      names: () => [...registry.keys()],
      load: async (name) => registry.get(name),
    },
    stability: 'public-preview',
    environment: {},
    hostname: 'host',
    version: 'v1',
    ...more,
  })
}

describe('Errors of a configuration appear where they are marked', async () => {
  const url = new URL('testdata/errors/compile.txt', import.meta.url)
  const cases = await Promise.all(
    readCases(url).map(async ({ name, text }) => {
      const source = unannotated(text)
      const stability = source.includes('foreach ') ? 'experimental' : 'public-preview'
      const { diagnostics } = await compile(source, { stability, thorough: true })
      return { name, text, marked: annotate('f', source, diagnostics), count: diagnostics.length }
    }),
  )
  for (const { name, text, marked, count } of cases) {
    test(name, () => {
      if (process.env['UPDATE'] !== '1') assert.equal(marked, text)
      assert.ok(count > 0, 'there is an error')
    })
  }
  updateCases(
    url,
    cases.map(({ name, marked }) => ({ name, text: marked })),
  )
})

/** Node ids in their order, each with what it depends on. */
function shape(plan: Plan): string[] {
  return [...plan.nodes.values()].map(({ id, dependsOn }) => {
    const dependencies = [...dependsOn].sort().join(', ')
    return dependencies === '' ? id : `${id} <- ${dependencies}`
  })
}

function texts(plan: Plan): string[] {
  return plan.diagnostics.map(({ range, message }) => `${range.start.line}:${range.start.column}: ${message}`)
}

describe('A configuration becomes nodes', () => {
  const cases: readonly { name: string; source: string; want: readonly string[] }[] = [
    { name: 'none for nothing', source: '// nothing\n', want: [] },
    {
      name: 'in an order in which everything comes after what it refers to, wherever it is written',
      source: `
        prometheus.scrape "s" {
          targets    = discovery.relabel.r.output
          forward_to = [prometheus.remote_write.w.receiver]
        }
        discovery.relabel "r" { targets = [] }
        prometheus.remote_write "w" { }`,
      want: [
        'discovery.relabel.r',
        'prometheus.remote_write.w',
        'prometheus.scrape.s <- discovery.relabel.r, prometheus.remote_write.w',
      ],
    },
    {
      name: 'of modules, once for each instance, arguments and exports leading in and out',
      source: `
        declare "m" {
          argument "targets" { }
          argument "interval" {
            optional = true
            default  = "5s"
          }
          prometheus.scrape "s" {
            targets         = argument.targets.value
            forward_to      = []
            scrape_interval = argument.interval.value
          }
          discovery.relabel "r" { targets = argument.targets.value }
          export "out" { value = discovery.relabel.r.output }
        }
        m "a" { targets = [{"__address__" = "x"}] }
        m "b" { targets = m.a.out }`,
      want: [
        'm.a/prometheus.scrape.s',
        'm.a/discovery.relabel.r',
        'm.b/prometheus.scrape.s <- m.a/discovery.relabel.r',
        'm.b/discovery.relabel.r <- m.a/discovery.relabel.r',
      ],
    },
    {
      name: 'of declarations in declarations',
      source: `
        declare "outer" {
          declare "inner" {
            local.file "f" { filename = "x" }
          }
          inner "i" { }
        }
        outer "o" { }`,
      want: ['outer.o/inner.i/local.file.f'],
    },
    {
      name: 'of modules that are imported',
      source: `
        import.string "lib" {
          content = "declare \\"m\\" {\\n  local.file \\"f\\" {\\n    filename = \\"x\\"\\n  }\\n}\\n"
        }
        lib.m "a" { }`,
      want: ['lib.m.a/local.file.f'],
    },
    {
      name: 'of each item of a collection',
      source: `
        foreach "f" {
          collection = ["one", "two"]
          var        = "item"
          template {
            local.file "x" { filename = item }
          }
        }`,
      want: ['foreach.f/foreach_one_1/local.file.x', 'foreach.f/foreach_two_1/local.file.x'],
    },
  ]
  for (const { name, source, want } of cases) {
    test(name, async () => {
      const plan = await compile(source, { stability: 'experimental' })
      assert.deepEqual(texts(plan), [])
      assert.deepEqual(shape(plan), want)
    })
  }

  test('Settings are evaluated with what the others export', async () => {
    const plan = await compile(`
      local.file "f" { filename = module_path + "/name" }
      local.file "g" { filename = "/dir/" + local.file.f.content }`)
    assert.deepEqual(texts(plan), [])
    const file = plan.nodes.get('local.file.f')?.evaluate(nothingRuns())
    assert.deepEqual({ ...file?.settings }, { filename: '/etc/name' })
    const view = { ...nothingRuns(), exports: () => new Map([['content', 'x']]) }
    const other = plan.nodes.get('local.file.g')?.evaluate(view)
    assert.deepEqual({ ...other?.settings }, { filename: '/dir/x' })
    assert.deepEqual([...(other?.reads ?? [])], ['local.file.f'])
  })

  test('Settings of the process are those of its blocks', async () => {
    const plan = await compile('logging {\n  level = "debug"\n}\n')
    assert.deepEqual(texts(plan), [])
    assert.equal((plan.process.get('logging') as { level: string }).level, 'debug')
  })

  test('Where a file has syntax errors, only those are reported', async () => {
    const plan = await compile('unknown.thing "x" { }\na = )\n')
    assert.deepEqual(texts(plan), ['2:5: expected expression, got )'])
    assert.equal(plan.nodes.size, 0)
  })

  test('Bytes that are no UTF-8 are refused', async () => {
    const plan = await compile(Buffer.from('// \xff\n', 'latin1'))
    assert.deepEqual(texts(plan), ['1:4: illegal UTF-8 encoding'])
  })
})

test('A declaration that nothing instantiates stops no run, and is wrong for who looks thoroughly', async () => {
  const source = 'declare "m" {\n  local.file "x" { }\n}\n'
  const messages = async (thorough: boolean) => (await compile(source, { thorough })).diagnostics.map((d) => d.message)
  assert.deepEqual(await messages(false), [])
  assert.deepEqual(await messages(true), ['missing required attribute "filename"'])
})

test('An import that cannot be read stops a run, and is a warning where a configuration is only checked', async () => {
  const source = 'import.file "m" {\n  filename = "/nowhere/m.alloy"\n}\n\nm.thing "x" { }\n'
  const severities = async (thorough: boolean) =>
    (await compile(source, { thorough })).diagnostics.map((d) => d.severity)
  assert.deepEqual(await severities(false), ['error'])
  assert.deepEqual(await severities(true), ['warning'])
})
