import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Capsule, decodeBody, Target, valuesEqual } from '#component'
import type { AttributeInput, BodyInput, Host, SettingsOf, Value } from '#component'
import { RelabelRules } from '#component/relabel'
import { discoveryRelabel } from './component.ts'

type Body = Readonly<Record<string, Value>>
type Labels = Readonly<Record<string, string>>

function settingsOf(targets: readonly Labels[], rules: readonly Body[]): SettingsOf<typeof discoveryRelabel.settings> {
  const attributes = (from: Body): AttributeInput[] => Object.entries(from).map(([name, value]) => ({ name, value }))
  const body: BodyInput = {
    attributes: [{ name: 'targets', value: targets.map((labels) => new Map(Object.entries(labels))) }],
    blocks: rules.map((rule) => ({ name: 'rule', body: { attributes: attributes(rule), blocks: [] } })),
  }
  const settings = decodeBody(discoveryRelabel.settings, body, (issue) => assert.fail(issue.message))
  assert.ok(settings)
  return settings
}

function hostOf() {
  const exported: Readonly<Record<string, Value>>[] = []
  const host = { setExports: (exports: Readonly<Record<string, Value>>) => void exported.push(exports) }
  const output = (): Labels[] =>
    ((exported.at(-1)?.output ?? []) as Target[]).map((target) => Object.fromEntries([...target.labels].sort()))
  return { host: host as unknown as Host, exported, output }
}

const addresses = [{ __address__: 'a', zone: 'eu' }, { __address__: 'b', zone: 'us' }, { __address__: 'c' }]

describe('discovery.relabel', () => {
  const cases: { name: string; rules: Body[]; want: Labels[] }[] = [
    { name: 'passes targets on without rules', rules: [], want: addresses },
    {
      name: 'keeps the order of targets, and drops some',
      rules: [{ source_labels: ['zone'], regex: 'us', action: 'drop' }],
      want: [{ __address__: 'a', zone: 'eu' }, { __address__: 'c' }],
    },
    {
      name: 'writes labels',
      rules: [
        { source_labels: ['zone'], regex: '(..)', target_label: 'region', replacement: '${1}-1' },
        { regex: 'zone', action: 'labeldrop' },
      ],
      want: [{ __address__: 'a', region: 'eu-1' }, { __address__: 'b', region: 'us-1' }, { __address__: 'c' }],
    },
    {
      name: 'hashes as Prometheus does',
      rules: [{ source_labels: ['__address__'], target_label: 'shard', action: 'hashmod', modulus: 8n }],
      want: [
        { ...addresses[0], shard: '1' },
        { ...addresses[1], shard: '7' },
        { ...addresses[2], shard: '3' },
      ],
    },
    { name: 'may leave nothing', rules: [{ source_labels: ['zone'], regex: 'x', action: 'keep' }], want: [] },
  ]
  for (const { name, rules, want } of cases) {
    it(name, async () => {
      const { host, output } = hostOf()
      const component = await discoveryRelabel.create(host, settingsOf(addresses, rules))
      assert.deepEqual(output(), want)
      await component.stop(0)
      await component.stop(0)
    })
  }

  it('exports its rules, and takes new targets in place', async () => {
    const { host, exported, output } = hostOf()
    const rules: Body[] = [{ target_label: 'x', replacement: '1' }]
    const component = await discoveryRelabel.create(host, settingsOf(addresses, rules))
    await component.update?.(settingsOf(addresses, rules))
    const [first, second] = exported
    assert.ok(first && second && first.rules instanceof Capsule && first.rules.value instanceof RelabelRules)
    for (const name of ['output', 'rules']) assert.ok(valuesEqual(first[name] ?? null, second[name] ?? null), name)
    await component.update?.(settingsOf([{ __address__: 'd', gone: '' }], rules))
    assert.deepEqual(output(), [{ __address__: 'd', x: '1' }])
    assert.deepEqual(component.debug?.(), { targets: 1, dropped: 0 })
  })
})
