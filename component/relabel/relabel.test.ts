import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { decodeBody, defineSettings } from '#component'
import type { AttributeInput, Value } from '#component'
import { labelsFrom } from '#pdata'
import { relabel, RelabelRules, relabelRuleBlocks, relabelTarget } from './door.ts'

const settings = defineSettings({ rule: relabelRuleBlocks('Rules.') })

type RuleText = Readonly<Record<string, string | number | bigint | readonly string[]>>

/** Rules decoded as from a configuration, or the messages that refuse them. */
function decoded(...rules: RuleText[]): RelabelRules | string[] {
  const messages: string[] = []
  const blocks = rules.map((rule) => {
    const attributes: AttributeInput[] = Object.entries(rule).map(([name, value]) => ({
      name,
      value: (typeof value === 'number' && Number.isInteger(value) ? BigInt(value) : value) as Value,
    }))
    return { name: 'rule', body: { attributes, blocks: [] } }
  })
  const found = decodeBody(settings, { attributes: [], blocks }, (issue) => messages.push(issue.message))
  return found === undefined ? messages : new RelabelRules(found.rule)
}

function rulesOf(...rules: RuleText[]): RelabelRules {
  const found = decoded(...rules)
  assert.ok(found instanceof RelabelRules, String(found))
  return found
}

const foo = { a: 'foo', b: 'bar', c: 'baz' }
const replaceA = (rest: RuleText): RuleText => ({ source_labels: ['a'], ...rest })

describe('relabel', () => {
  const cases: {
    name: string
    labels: Record<string, string>
    rules: RuleText[]
    want: Record<string, string> | null
  }[] = [
    {
      name: 'replace expands groups',
      labels: foo,
      rules: [replaceA({ regex: 'f(.*)', target_label: 'd', replacement: 'ch${1}-ch${1}' })],
      want: { ...foo, d: 'choo-choo' },
    },
    {
      name: 'rules see what rules before them wrote',
      labels: foo,
      rules: [
        { source_labels: ['a', 'b'], regex: 'f(.*);(.*)r', target_label: 'a', replacement: 'b${1}${2}m' },
        { source_labels: ['c', 'a'], regex: '(b).*b(.*)ba(.*)', target_label: 'd', replacement: '$1$2$2$3' },
      ],
      want: { a: 'boobam', b: 'bar', c: 'baz', d: 'boooom' },
    },
    {
      name: 'replace without a match changes nothing',
      labels: { a: 'boo' },
      rules: [replaceA({ regex: 'f', target_label: 'b', replacement: 'bar' })],
      want: { a: 'boo' },
    },
    {
      name: 'replace with nothing deletes',
      labels: { a: 'foo', f: 'baz' },
      rules: [replaceA({ regex: '(f).*', target_label: '$1', replacement: '$2' })],
      want: { a: 'foo' },
    },
    {
      name: 'replace with a target that is not a label name is skipped',
      labels: { a: 'some-name-0' },
      rules: [
        replaceA({ regex: 'some-([^-]+)-([^,]+)', target_label: '${3}', replacement: '${1}' }),
        replaceA({ regex: 'some-([^-]+)(-[^,]+)', target_label: '${3}', replacement: '${1}' }),
      ],
      want: { a: 'some-name-0' },
    },
    {
      name: 'replace may take its target from the value',
      labels: { tags: 'path:/secret,job:some-job,label:foo=bar' },
      rules: [
        { source_labels: ['tags'], regex: '(?:.+,|^)path:(/[^,]+).*', target_label: '__metrics_path__' },
        { source_labels: ['tags'], regex: '(?:.+,|^)job:([^,]+).*', target_label: 'job' },
        {
          source_labels: ['tags'],
          regex: '(?:.+,|^)label:([^=]+)=([^,]+).*',
          target_label: '${1}',
          replacement: '${2}',
        },
      ],
      want: {
        tags: 'path:/secret,job:some-job,label:foo=bar',
        __metrics_path__: '/secret',
        job: 'some-job',
        foo: 'bar',
      },
    },
    {
      name: 'replace without source labels matches the empty value',
      labels: foo,
      rules: [
        { target_label: 'd', replacement: 'x$1' },
        { target_label: 'b', replacement: '' },
      ],
      want: { a: 'foo', c: 'baz', d: 'x' },
    },
    {
      name: 'separators join what is there and what is not',
      labels: { a: '1', c: '3' },
      rules: [{ source_labels: ['a', 'b', 'c'], separator: '-', target_label: 'all' }],
      want: { a: '1', c: '3', all: '1--3' },
    },
    { name: 'drop', labels: foo, rules: [replaceA({ regex: '.*o.*', action: 'drop' })], want: null },
    { name: 'drop needs the whole value', labels: foo, rules: [replaceA({ regex: 'f|o', action: 'drop' })], want: foo },
    { name: 'keep', labels: foo, rules: [replaceA({ regex: 'f.*', action: 'keep' })], want: foo },
    { name: 'keep drops the rest', labels: foo, rules: [replaceA({ regex: 'no', action: 'keep' })], want: null },
    {
      name: 'nothing after a drop',
      labels: foo,
      rules: [replaceA({ regex: 'foo', action: 'drop' }), { target_label: 'd', replacement: 'x' }],
      want: null,
    },
    {
      name: 'a dot matches a newline',
      labels: { a: 'foo\nbar' },
      rules: [replaceA({ regex: 'foo.bar', action: 'keep' })],
      want: { a: 'foo\nbar' },
    },
    {
      name: 'hashmod takes the last eight bytes of the MD5',
      labels: foo,
      rules: [{ source_labels: ['c'], target_label: 'd', action: 'hashmod', modulus: 1000 }],
      want: { ...foo, d: '976' },
    },
    {
      name: 'hashmod hashes newlines',
      labels: { a: 'foo\nbar' },
      rules: [replaceA({ target_label: 'b', action: 'hashmod', modulus: 1000 })],
      want: { a: 'foo\nbar', b: '734' },
    },
    {
      name: 'labelmap',
      labels: { a: 'foo', b1: 'bar', b2: 'baz' },
      rules: [{ regex: '(b.*)', replacement: 'bar_${1}', action: 'labelmap' }],
      want: { a: 'foo', b1: 'bar', b2: 'baz', bar_b1: 'bar', bar_b2: 'baz' },
    },
    {
      name: 'labelmap onto labels that are there',
      labels: { a1: 'x', b: 'y' },
      rules: [{ regex: '([ab]).*', replacement: 'b', action: 'labelmap' }],
      want: { a1: 'x', b: 'y' },
    },
    {
      name: 'labelmap makes no label without a name',
      labels: { tmp_: 'x', tmp_a: 'y' },
      rules: [{ regex: 'tmp_(.*)', action: 'labelmap' }],
      want: { tmp_: 'x', tmp_a: 'y', a: 'y' },
    },
    {
      name: 'labeldrop',
      labels: { a: 'foo', b1: 'bar', b2: 'baz' },
      rules: [{ regex: '(b.*)', action: 'labeldrop' }],
      want: { a: 'foo' },
    },
    {
      name: 'labelkeep',
      labels: { a: 'foo', b1: 'bar', b2: 'baz' },
      rules: [{ regex: '(b.*)', action: 'labelkeep' }],
      want: { b1: 'bar', b2: 'baz' },
    },
    { name: 'labelkeep may leave nothing', labels: foo, rules: [{ regex: 'x', action: 'labelkeep' }], want: {} },
    {
      name: 'a deleted label may come back',
      labels: { port_name: 'foo', port: '9091' },
      rules: [
        { regex: '^port_name$', action: 'labeldrop' },
        { source_labels: ['port'], regex: '(.+)', replacement: 'metrics', target_label: 'port_name' },
        { source_labels: ['port_name'], regex: '^metrics$', action: 'keep' },
      ],
      want: { port_name: 'metrics', port: '9091' },
    },
    {
      name: 'lowercase and uppercase',
      labels: { a: 'bAr123Foo' },
      rules: [
        replaceA({ action: 'uppercase', target_label: 'up' }),
        replaceA({ action: 'lowercase', target_label: 'low' }),
      ],
      want: { a: 'bAr123Foo', up: 'BAR123FOO', low: 'bar123foo' },
    },
    {
      name: 'letters change case one for one',
      labels: { a: 'straße İΣ ŉ' },
      rules: [
        replaceA({ action: 'uppercase', target_label: 'up' }),
        replaceA({ action: 'lowercase', target_label: 'low' }),
      ],
      want: { a: 'straße İΣ ŉ', up: 'STRAßE İΣ ŉ', low: 'straße iσ ŉ' },
    },
    {
      name: 'one rule after the other',
      labels: { __meta_zone: 'eu-1', keepme: 'yes', tmp_a: '1', tmp_b: '2', name: 'Pi-Four', same: 'x', same2: 'x' },
      rules: [
        { source_labels: ['keepme'], regex: 'yes', action: 'keep' },
        { source_labels: ['dropme'], regex: '.+', action: 'drop' },
        { source_labels: ['__meta_zone'], regex: '([a-z]+)-(\\d)', replacement: '${1}_zone_$2', target_label: 'zone' },
        { regex: 'tmp_(.)', action: 'labelmap', replacement: 'mapped_$1' },
        { regex: 'tmp_.*', action: 'labeldrop' },
        { source_labels: ['name'], target_label: 'lower', action: 'lowercase' },
        { source_labels: ['name'], target_label: 'upper', action: 'uppercase' },
        { source_labels: ['name', 'keepme'], target_label: 'shard', modulus: 8, action: 'hashmod' },
        { source_labels: ['same'], target_label: 'same2', action: 'keepequal' },
        { source_labels: ['nothing'], target_label: 'empty', replacement: '$1-x' },
        { regex: '__meta_.*', action: 'labeldrop' },
      ],
      want: {
        empty: '-x',
        keepme: 'yes',
        lower: 'pi-four',
        mapped_a: '1',
        mapped_b: '2',
        name: 'Pi-Four',
        same: 'x',
        same2: 'x',
        shard: '5',
        upper: 'PI-FOUR',
        zone: 'eu_zone_1',
      },
    },
    {
      name: 'a metric renamed by a label, and the labels of the others left alone',
      labels: { __name__: 'node_cpu_seconds_total', cpu: '0', mode: 'idle', secret: 'x', path: '/a/b/c' },
      rules: [
        { source_labels: ['__name__'], regex: 'node_scrape_collector_.+', action: 'drop' },
        {
          source_labels: ['__name__', 'mode'],
          separator: '@',
          regex: 'node_(.+)@(.+)',
          target_label: '__name__',
          replacement: 'host_${1}_$2',
        },
        { regex: 'secret', action: 'labeldrop' },
        { source_labels: ['path'], regex: '/([^/]+)/.*', target_label: 'path' },
      ],
      want: { __name__: 'host_cpu_seconds_total_idle', cpu: '0', mode: 'idle', path: 'a' },
    },
    {
      name: 'keepequal',
      labels: { p: '1', q: '1', r: '2' },
      rules: [{ source_labels: ['p'], target_label: 'q', action: 'keepequal' }],
      want: { p: '1', q: '1', r: '2' },
    },
    {
      name: 'keepequal drops the rest',
      labels: { p: '1', r: '2' },
      rules: [{ source_labels: ['p'], target_label: 'r', action: 'keepequal' }],
      want: null,
    },
    {
      name: 'dropequal',
      labels: { p: '1', q: '1' },
      rules: [{ source_labels: ['p'], target_label: 'q', action: 'dropequal' }],
      want: null,
    },
    {
      name: 'dropequal keeps the rest',
      labels: { p: '1', r: '2' },
      rules: [{ source_labels: ['p'], target_label: 'r', action: 'dropequal' }],
      want: { p: '1', r: '2' },
    },
  ]
  for (const { name, labels, rules, want } of cases) {
    it(name, () => {
      const compiled = rulesOf(...rules)
      const from = labelsFrom(Object.entries(labels))
      // Twice: results of rules are remembered.
      for (let i = 0; i < 2; i++) {
        assert.deepEqual(relabel(from, compiled.rules), want && labelsFrom(Object.entries(want)))
        const target = relabelTarget(new Map(Object.entries(labels)), compiled.rules)
        assert.deepEqual(target && labelsFrom(target), want && labelsFrom(Object.entries(want)))
      }
    })
  }

  it('gives the same object where nothing changes', () => {
    const { rules } = rulesOf(
      { source_labels: ['a'], target_label: 'a' },
      { regex: 'x.*', action: 'labeldrop' },
      { source_labels: ['b'], regex: 'bar', action: 'keep' },
    )
    const labels = labelsFrom(Object.entries(foo))
    assert.equal(relabel(labels, rules), labels)
    const target = new Map(Object.entries(foo))
    assert.equal(relabelTarget(target, rules), target)
  })

  it('takes any label name on targets, Prometheus’s old character set on series', () => {
    const { rules } = rulesOf({ target_label: 'host.name', replacement: 'pi' })
    assert.deepEqual(relabel(['a', '1'], rules), ['a', '1'])
    assert.deepEqual(
      relabelTarget(new Map([['a', '1']]), rules),
      new Map([
        ['a', '1'],
        ['host.name', 'pi'],
      ]),
    )
  })

  it('takes labels without a value off targets', () => {
    const target = new Map([
      ['a', ''],
      ['b', '1'],
    ])
    assert.deepEqual(relabelTarget(target, []), new Map([['b', '1']]))
    const { rules } = rulesOf({ regex: '(a)', replacement: 'c_$1', action: 'labelmap' })
    assert.deepEqual(relabelTarget(target, rules), new Map([['b', '1']]))
  })

  it('hashes by all 64 bits of a modulus', () => {
    const modulus = 2n ** 64n - 1n
    const { rules } = rulesOf({ source_labels: ['a'], target_label: 'h', action: 'hashmod', modulus })
    const last = createHash('md5').update('é').digest().readBigUInt64BE(8)
    assert.deepEqual(relabel(['a', 'é'], rules), ['a', 'é', 'h', String(last % modulus)])
  })

  it('comes out sorted and without empty values, whatever the rules', () => {
    const name = fc.constantFrom('a', 'b', 'c', 'd', '__name__')
    const rule = fc.oneof(
      fc.record({
        source_labels: fc.array(name, { maxLength: 2 }),
        target_label: name,
        replacement: fc.constantFrom('$1', '', 'x'),
      }),
      fc.record({
        action: fc.constantFrom('labeldrop', 'labelkeep'),
        regex: fc.constantFrom('[ab]', 'a|c|__name__', '.*'),
      }),
      fc.record({
        action: fc.constant('labelmap'),
        regex: fc.constantFrom('(a)', '([bc])'),
        replacement: fc.constantFrom('d', 'a', 'z$1'),
      }),
    )
    const labels = fc.dictionary(name, fc.constantFrom('x', 'y', '')).map((d) => labelsFrom(Object.entries(d)))
    fc.assert(
      fc.property(labels, fc.array(rule, { maxLength: 4 }), (from, texts) => {
        const { rules } = rulesOf(...(texts as RuleText[]))
        const out = relabel(from, rules)
        assert.ok(out !== null)
        const pairs: [string, string][] = []
        for (let i = 0; i < out.length; i += 2) pairs.push([out[i] as string, out[i + 1] as string])
        assert.deepEqual(out, labelsFrom(pairs))
        const fromPairs: [string, string][] = []
        for (let i = 0; i < from.length; i += 2) fromPairs.push([from[i] as string, from[i + 1] as string])
        const target = relabelTarget(new Map(fromPairs), rules)
        assert.deepEqual(target && labelsFrom(target), out)
      }),
      { numRuns: 500 },
    )
  })
})

describe('the rule block', () => {
  const cases: { rule: RuleText; want: string | undefined }[] = [
    { rule: { target_label: 'a' }, want: undefined },
    { rule: {}, want: "relabel configuration for replace action requires 'target_label' value" },
    { rule: { action: 'Drop' }, want: 'unrecognized action type "Drop"' },
    { rule: { action: 'drop' }, want: undefined },
    {
      rule: { action: 'hashmod', target_label: 'a' },
      want: 'relabel configuration for hashmod requires non-zero modulus',
    },
    {
      rule: { action: 'hashmod', modulus: 3 },
      want: "relabel configuration for hashmod action requires 'target_label' value",
    },
    { rule: { action: 'hashmod', modulus: -1 }, want: 'should be a number from 0 to 2^64-1, got -1' },
    { rule: { target_label: '${3}' }, want: undefined },
    { rule: { target_label: 'a$1b${x}' }, want: undefined },
    { rule: { target_label: 'some-name' }, want: undefined },
    { rule: { target_label: '0${3}' }, want: `"0\${3}" is invalid 'target_label' for replace action` },
    { rule: { target_label: '-${3}' }, want: `"-\${3}" is invalid 'target_label' for replace action` },
    {
      rule: { target_label: `${'$aaaaaaaaaaaaaaaaaaaa'.repeat(20)}-` },
      want: `"${'$aaaaaaaaaaaaaaaaaaaa'.repeat(20)}-" is invalid 'target_label' for replace action`,
    },
    { rule: { action: 'lowercase' }, want: "relabel configuration for lowercase action requires 'target_label' value" },
    {
      rule: { action: 'lowercase', target_label: 'a', replacement: 'b' },
      want: "'replacement' can not be set for lowercase action",
    },
    { rule: { action: 'keepequal' }, want: "relabel configuration for keepequal action requires 'target_label' value" },
    {
      rule: { action: 'dropequal', target_label: 'a', replacement: 'b' },
      want: "'replacement' can not be set for dropequal action",
    },
    {
      rule: { action: 'keepequal', target_label: 'a', regex: 'b' },
      want: "keepequal action requires only 'source_labels' and 'target_label', and no other fields",
    },
    { rule: { action: 'labelmap', replacement: '$1' }, want: undefined },
    { rule: { action: 'labelmap', replacement: '0$1' }, want: `"0$1" is invalid 'replacement' for labelmap action` },
    { rule: { action: 'labeldrop', regex: 'a' }, want: undefined },
    {
      rule: { action: 'labeldrop', source_labels: [] },
      want: "labeldrop action requires only 'regex', and no other fields",
    },
    {
      rule: { action: 'labelkeep', separator: ',' },
      want: "labelkeep action requires only 'regex', and no other fields",
    },
    { rule: { action: 'keep', regex: '(a' }, want: 'error parsing regexp: missing closing ): `^(?s:(a)$`' },
    { rule: { target_label: 'a', foo: 'b' }, want: 'unrecognized attribute name "foo"' },
  ]
  for (const { rule, want } of cases) {
    it(`${want === undefined ? 'takes' : 'refuses'} ${JSON.stringify(rule).slice(0, 100)}`, () => {
      const found = decoded(rule)
      if (want === undefined) assert.ok(found instanceof RelabelRules, String(found))
      else assert.deepEqual(found, [want])
    })
  }

  it('gives exports that say the same one identity', () => {
    const first = rulesOf({ target_label: 'a', regex: 'x' })
    assert.equal(rulesOf({ target_label: 'a', regex: 'x' }).unlessEqual(first), first)
    const other = rulesOf({ target_label: 'a', regex: 'y' })
    assert.equal(other.unlessEqual(first), other)
  })
})
