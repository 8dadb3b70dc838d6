// Two configurations that say the same, in Alloy's language and in the collector's YAML, compile to the same plan.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Secret } from '#component'
import { compileAlloy, compileYaml, type ExportsView, ImportStore, type Plan } from '#config'
import { systemClock } from '#lib/clock'
import { registry } from '../distro/components.ts'
import { nothingRuns } from '../distro/validate.ts'

const folder = join(import.meta.dirname, 'testdata/pairs')
const options = { registry, stability: 'experimental', environment: {}, hostname: 'host', version: '1' } as const
const silent = { debug() {}, info() {}, warn() {}, error() {} }

/** By the node's id in YAML: its id in Alloy. */
const pairs = [
  {
    name: 'gateway',
    nodes: {
      'receiver/otlp': 'otelcol.receiver.otlp.default',
      'processor/attributes@traces': 'otelcol.processor.attributes.default',
      'processor/batch@traces': 'otelcol.processor.batch.traces',
      'processor/batch@logs': 'otelcol.processor.batch.logs',
      'exporter/otlp_http': 'otelcol.exporter.otlphttp.default',
      'exporter/otlp_grpc': 'otelcol.exporter.otlp.default',
    },
  },
]

/** Words by which one face groups what the other does not, and what only one of them has. */
const grouping = new Set(['client', 'protocols'])
const renamed: Readonly<Record<string, string>> = { actions: 'action', server_name_override: 'server_name' }

/** Every setting by its path, the output left out. */
function flat(value: unknown, path: readonly string[] = [], into = new Map<string, unknown>()): Map<string, unknown> {
  if (value instanceof Secret) into.set(path.join('.'), value.reveal())
  else if (value instanceof Map) flat(Object.fromEntries(value), path, into)
  else if (Array.isArray(value) && value.every((item) => item === null || typeof item !== 'object')) {
    into.set(path.join('.'), value)
  } else if (value !== null && typeof value === 'object') {
    for (const [key, inside] of Object.entries(value)) {
      if (path.length === 0 && key === 'output') continue
      flat(inside, grouping.has(key) ? path : [...path, renamed[key] ?? key], into)
    }
  } else if (value !== undefined) into.set(path.join('.'), value)
  return into
}

function settingsOf(plan: Plan, id: string, view: ExportsView): Map<string, unknown> {
  const node = plan.nodes.get(id)
  assert.ok(node, `there is no ${id} among ${[...plan.nodes.keys()].join(', ')}`)
  const { settings, diagnostics } = node.evaluate(view)
  assert.deepEqual(diagnostics, [])
  return flat(settings)
}

for (const { name, nodes } of pairs) {
  test(`${name}.alloy and ${name}.yaml are the same plan`, async () => {
    const source = (extension: string) => {
      const file = `${name}.${extension}`
      return [{ name: file, text: readFileSync(join(folder, file), 'utf8') }]
    }
    const view = nothingRuns()
    const imports = new ImportStore({ clock: systemClock, log: silent, userAgent: 'test', storagePath: 'unused' })
    const alloy = await compileAlloy(source('alloy'), '.', view, imports, options)
    const yaml = await compileYaml(source('yaml'), view, options)
    assert.deepEqual([...alloy.diagnostics, ...yaml.diagnostics], [])
    assert.deepEqual([...yaml.nodes.keys()].toSorted(), Object.keys(nodes).toSorted())
    assert.deepEqual([...alloy.nodes.keys()].toSorted(), Object.values(nodes).toSorted())
    const ids = new Map(Object.entries(nodes))
    let compared = 0
    for (const [yamlId, alloyId] of ids) {
      const edges = [...(yaml.nodes.get(yamlId)?.dependsOn ?? [])].map((id) => ids.get(id))
      assert.deepEqual(edges.toSorted(), [...(alloy.nodes.get(alloyId)?.dependsOn ?? [])].toSorted(), yamlId)
      const other = settingsOf(alloy, alloyId, view)
      for (const [path, value] of settingsOf(yaml, yamlId, view)) {
        if (!other.has(path)) continue
        assert.deepEqual(value, other.get(path), `${yamlId} ${path}`)
        compared++
      }
    }
    assert.ok(compared > 100, `only ${compared} settings were compared`)
  })
}
