import assert from 'node:assert/strict'
import { test } from 'node:test'
import { boundText, labelName, metricName, type NameKind, type NameOptions, unitFromName, unitName } from './names.ts'

const plain: NameOptions = { suffixes: true, utf8: false, keepsLetters: false, namespace: '' }
const names: [name: string, unit: string, kind: NameKind, want: string | undefined, options?: Partial<NameOptions>][] =
  [
    ['http.server.requests', '{request}', 'counter', 'http_server_requests_total'],
    ['requests_total', '1', 'counter', 'requests_total'],
    ['total_requests', '', 'counter', 'requests_total'],
    ['memory.usage', 'By', 'gauge', 'memory_usage_bytes'],
    ['memory_usage_bytes', 'By', 'gauge', 'memory_usage_bytes'],
    ['cpu', '1', 'gauge', 'cpu_ratio'],
    ['ratio.of.cpu', '1', 'gauge', 'of_cpu_ratio'],
    ['cpu', '1', 'other', 'cpu'],
    ['io', 'By/s', 'gauge', 'io_bytes_per_second'],
    ['io', '{packet}/s', 'gauge', 'io_per_second'],
    ['io', 'By/{x}', 'gauge', 'io_bytes'],
    ['speed', 'm/s', 'gauge', 'speed_meters_per_second'],
    ['speed', 'foo/bar', 'gauge', 'speed_foo_per_bar'],
    ['a..b--c', '', 'gauge', 'a_b_c'],
    ['a:b', '', 'gauge', 'a:b'],
    ['3d', '', 'gauge', '_3d'],
    ['ж', '', 'gauge', undefined],
    ['', '', 'gauge', undefined],
    ['temp.größe', 'By', 'gauge', 'temp_größe_bytes', { keepsLetters: true }],
    ['ns:rule', '', 'gauge', 'ns_rule', { keepsLetters: true }],
    ['ns:ж.b', '', 'gauge', 'ns:ж_b', { keepsLetters: true, suffixes: false }],
    ['x', 's', 'other', 'ns_x_seconds', { namespace: 'ns' }],
    ['a.b', 's', 'counter', 'a_b', { suffixes: false }],
    ['a__b', 's', 'counter', 'a__b', { suffixes: false }],
    ['a.b', 's', 'counter', 'a.b', { suffixes: false, utf8: true }],
    ['a.b', 's', 'counter', 'a.b_seconds_total', { utf8: true }],
    ['a.total', 'By/s', 'counter', 'a_bytes_per_second_total', { utf8: true }],
    ['a.ratio', '1', 'gauge', 'a_ratio', { utf8: true }],
  ]
for (const [name, unit, kind, want, options] of names) {
  test(`the name of the ${kind} "${name}" in "${unit}" ${JSON.stringify(options ?? {})}`, () => {
    assert.equal(metricName(name, unit, kind, { ...plain, ...options }), want)
  })
}

test('names of labels', () => {
  const cases = { 'a.b': 'a_b', '1a': 'key_1a', _a: 'key_a', __a: '__a', ж: '', '': '', 'a-ж': 'a__' }
  for (const [key, want] of Object.entries(cases)) assert.equal(labelName(key, plain), want, key)
  assert.equal(labelName('a.ж', { ...plain, utf8: true }), 'a.ж')
  const kept = { 'a.ж:b': 'a_ж_b', '٣a': '٣a', '1a': 'key_1a', '.': 'key_', _a: 'key_a' }
  for (const [key, want] of Object.entries(kept)) {
    assert.equal(labelName(key, { ...plain, keepsLetters: true }), want, key)
  }
})

test('units as words, and back', () => {
  for (const [unit, word] of [
    ['By', 'bytes'],
    ['By/s', 'bytes_per_second'],
    ['s', 'seconds'],
    ['/s', 'per_second'],
    ['widgets', 'widgets'],
    ['Cel', 'celsius'],
  ] as const) {
    assert.equal(unitName(unit), word)
    assert.equal(unitFromName(word), unit)
  }
  assert.equal(unitName('{request}'), '')
})

test('bounds are written without an exponent', () => {
  const cases: [number, string][] = [
    [0, '0'],
    [0.5, '0.5'],
    [-2.25, '-2.25'],
    [1e21, '1000000000000000000000'],
    [1.25e22, '12500000000000000000000'],
    [1e-7, '0.0000001'],
    [-1.5e-9, '-0.0000000015'],
    [Infinity, '+Inf'],
  ]
  for (const [bound, want] of cases) {
    assert.equal(boundText(bound), want)
    if (Number.isFinite(bound)) assert.equal(Number(boundText(bound)), bound)
  }
})
