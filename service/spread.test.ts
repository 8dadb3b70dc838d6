import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Plan, PlanNode } from '#config'
import { leftoverPlan, partOfPlan, spreadOf } from './spread.ts'

type Kind = 'receiver' | 'consumer' | 'extension'

/** `name: [kind, stateless, ...what it refers to]` */
function planOf(nodes: Readonly<Record<string, readonly [Kind, boolean, ...string[]]>>): Plan {
  const all = Object.entries(nodes).map(([id, [kind, stateless, ...dependsOn]]) => {
    const definition = { name: id, stateless, consumes: kind === 'consumer' ? ['traces'] : [] }
    return [id, { id, definition, dependsOn: new Set(dependsOn) } as unknown as PlanNode] as const
  })
  return { nodes: new Map(all) } as unknown as Plan
}

const cases: readonly {
  readonly name: string
  readonly nodes: Parameters<typeof planOf>[0]
  readonly spread: readonly string[]
  readonly kept?: Readonly<Record<string, string>>
}[] = [
  {
    name: 'a stateless pipeline is shared',
    nodes: { in: ['receiver', true, 'batch'], batch: ['consumer', true, 'out'], out: ['consumer', true] },
    spread: ['in', 'batch', 'out'],
  },
  {
    name: 'one node that has to see everything keeps all that it is connected with',
    nodes: {
      in: ['receiver', true, 'batch'],
      batch: ['consumer', true, 'rates'],
      rates: ['consumer', false, 'out'],
      out: ['consumer', true],
    },
    spread: [],
    kept: { in: 'rates' },
  },
  {
    name: 'parts that are not connected are judged alone',
    nodes: {
      in: ['receiver', true, 'out'],
      out: ['consumer', true],
      scrape: ['receiver', false, 'write'],
      write: ['consumer', false],
    },
    spread: ['in', 'out'],
  },
  {
    name: 'an authenticator that both use joins them not, and runs in both',
    nodes: {
      auth: ['extension', true],
      in: ['receiver', true, 'out', 'auth'],
      out: ['consumer', true, 'auth'],
      scrape: ['receiver', false, 'write'],
      write: ['consumer', false, 'auth'],
    },
    spread: ['in', 'out', 'auth'],
  },
  {
    name: 'storage that an exporter refers to keeps its pipeline',
    nodes: {
      storage: ['extension', false],
      in: ['receiver', true, 'out'],
      out: ['consumer', true, 'storage'],
    },
    spread: [],
    kept: { in: 'storage' },
  },
  {
    name: 'what nothing is received by is not shared',
    nodes: { batch: ['consumer', true, 'out'], out: ['consumer', true] },
    spread: [],
  },
]

for (const { name, nodes, spread, kept = {} } of cases) {
  test(name, () => {
    const plan = planOf(nodes)
    const found = spreadOf(plan)
    assert.deepEqual([...found.ids].sort(), [...spread].sort())
    assert.deepEqual(Object.fromEntries(found.kept), kept)
    assert.deepEqual([...partOfPlan(plan, found.ids).nodes.keys()].sort(), [...spread].sort())
  })
}

test('what was left is sent by the nodes that have it and what they refer to', () => {
  const plan = planOf({
    auth: ['extension', true],
    in: ['receiver', true, 'batch'],
    batch: ['consumer', true, 'out'],
    out: ['consumer', true, 'auth'],
  })
  const left = leftoverPlan(plan, (id) => id === 'out' || id === 'in')
  assert.deepEqual([...left.nodes.keys()], ['auth', 'out'])
})
