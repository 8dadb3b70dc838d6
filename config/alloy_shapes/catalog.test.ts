// The tables of what Alloy has and this build lacks can be read, and hold together.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { defaultAsValue, type Settings } from '#component'
import { absentComponents, inAlloyOrder } from './catalog.ts'
import { readShapes } from './shape.ts'

describe('Components that only Alloy has', () => {
  test('There are some of each kind', () => {
    for (const name of ['discovery.ec2', 'loki.source.kafka', 'prometheus.exporter.mysql', 'otelcol.receiver.jaeger']) {
      assert.ok(absentComponents.has(name), name)
    }
  })

  for (const [name, settings] of absentComponents) {
    test(`The defaults of ${name} are of their types`, () => checkDefaults(settings, name))
  }

  function checkDefaults(settings: Settings<object>, place: string): void {
    for (const [name, field] of Object.entries(settings.fields)) {
      if (field.kind === 'block' || field.kind === 'blocks') checkDefaults(field.schema, `${place} > ${name}`)
      else if (field.kind === 'attribute' && field.default !== undefined) {
        const value = defaultAsValue(field.default)
        assert.doesNotThrow(() => value === null || field.type.decode(value as never), `${place} > ${name}`)
      }
    }
  }
})

describe('A table of components', () => {
  const groups = readShapes('pair {\n  a! string\n  b int 3\n}')

  test('Lines are attributes, blocks and groups', () => {
    const table =
      'x.y {\n  n list(string) ["p"]\n  one { @pair }\n  many* {\n    @pair\n    c duration\n  }\n  empty {}\n}'
    const fields = readShapes(table, groups).get('x.y')?.fields ?? {}
    const kinds = Object.entries(fields).map(([name, { kind }]) => `${name} ${kind}`)
    assert.deepEqual(kinds, ['n attribute', 'one block', 'many blocks', 'empty block'])
    const many = fields['many']
    assert.ok(many?.kind === 'blocks')
    assert.deepEqual(Object.keys(many.schema.fields), ['a', 'b', 'c'])
    const { a, b, c } = many.schema.fields
    assert.ok(a?.kind === 'attribute' && a.required && a.default === undefined)
    assert.ok(b?.kind === 'attribute' && !b.required && b.default === 3)
    assert.ok(c?.kind === 'attribute' && c.default === '0s')
  })

  for (const [line, why] of [
    ['a colour', /no type "colour"/],
    ['@nothing', /no group "nothing"/],
    ['?', /what is "\?"/],
  ] as const) {
    test(`The line ${line} is refused`, () => assert.throws(() => readShapes(`x {\n${line}\n}`, groups), why))
  }
})

describe('The order of settings', () => {
  const attribute = (name: string) => ({ name, expression: '1' })
  const cases = [
    {
      name: 'is that of a table for what this build has',
      input: { name: 'discovery.http', label: 'a', body: ['url', 'refresh_interval', 'basic_auth'].map(attribute) },
      want: ['basic_auth', 'refresh_interval', 'url'],
    },
    {
      name: 'is that of its shape for what this build lacks',
      input: { name: 'discovery.gce', label: 'a', body: ['port', 'zone', 'project'].map(attribute) },
      want: ['project', 'zone', 'port'],
    },
    {
      name: 'stays as it is where nothing is known',
      input: { name: 'a.b', body: ['z', 'a'].map(attribute) },
      want: ['z', 'a'],
    },
    {
      name: 'leaves what is not known behind the rest',
      input: { name: 'discovery.http', body: ['new', 'url'].map(attribute) },
      want: ['url', 'new'],
    },
  ]
  for (const { name, input, want } of cases) {
    test(name, () =>
      assert.deepEqual(
        inAlloyOrder(input).body.map((one) => one.name),
        want,
      ),
    )
  }
})
