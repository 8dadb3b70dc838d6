import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseXmlRpc, XmlRpcError } from './xml_rpc.ts'

/** Texts that Python's xmlrpc.client wrote. */
function written(name: string): string {
  return readFileSync(new URL(`testdata/${name}`, import.meta.url), 'utf8')
}

test('every kind of value is read as Python writes it', () => {
  assert.deepEqual(parseXmlRpc(written('xml_rpc_values.xml')), [
    new Map<string, unknown>([
      ['name', 'a<b>&"c'],
      ['f', 1.5],
      ['b', true],
      ['n', null],
      ['l', [1, 'x', []]],
      ['empty', ''],
      ['gr', 'grüß'],
    ]),
  ])
})

const wrap = (value: string): string => `<methodResponse><params><param>${value}</param></params></methodResponse>`

test('values without a type, empty values and numbered characters are read', () => {
  const cases: [string, unknown][] = [
    ['<value>x &#65;&#x42;&lt;&unknown;</value>', 'x AB<&unknown;'],
    ['<value></value>', ''],
    ['<value/>', ''],
    ['<value>\n <i4>7</i4>\n</value>', 7],
    ['<value><array><data/></array></value>', []],
    ['<value><struct/></value>', new Map()],
    ['<value><base64>AA==</base64></value>', 'AA=='],
  ]
  for (const [xml, want] of cases) assert.deepEqual(parseXmlRpc(wrap(xml)), want, xml)
})

test('a fault is an error with its text', () => {
  assert.throws(() => parseXmlRpc(written('xml_rpc_fault.xml')), /1 UNKNOWN_METHOD/)
})

test('what is no answer is refused', () => {
  const nested = '<value><array><data>'.repeat(100) + '</data></array></value>'.repeat(100)
  for (const xml of [
    '',
    '<html></html>',
    '<',
    wrap('<value><int>1</value>'),
    wrap(nested),
    wrap('<value><![CDATA[x]]></value>'),
  ]) {
    assert.throws(() => parseXmlRpc(xml), XmlRpcError, xml.slice(0, 60))
  }
})

test('an answer that somebody changed is refused or read, and nothing else', () => {
  const xml = written('xml_rpc_values.xml')
  const change = fc.tuple(fc.nat(xml.length), fc.nat(20), fc.string({ maxLength: 5 }))
  fc.assert(
    fc.property(change, ([at, length, text]) => {
      try {
        parseXmlRpc(xml.slice(0, at) + text + xml.slice(at + length))
      } catch (error) {
        assert.ok(error instanceof XmlRpcError)
      }
    }),
    { numRuns: 1000 },
  )
})
