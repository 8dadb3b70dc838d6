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
    registry: { names: () => [...registry.keys()], load: async (name) => registry.get(name) },
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
      const stability = name === 'foreach' ? 'experimental' : 'public-preview'
      const { diagnostics } = await compile(source, { stability })
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
