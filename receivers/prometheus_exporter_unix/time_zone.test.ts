import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseZone, zoneAbbreviation } from './time_zone.ts'

/** One TZif block: header, transitions (`timeBytes` each) with their types, local time types, names. */
function block(version: string, timeBytes: number, offsets: readonly (readonly [number, string])[]): Buffer {
  const names = Buffer.from(offsets.map(([, name]) => `${name}\0`).join(''))
  const header = Buffer.alloc(44)
  header.write(`TZif${version}`)
  const counts = [0, 0, 0, offsets.length, offsets.length, names.length]
  for (const [i, count] of counts.entries()) header.writeUInt32BE(count, 20 + 4 * i)
  const times = Buffer.alloc(timeBytes * offsets.length)
  const indexes = Buffer.from(offsets.map((_, i) => i))
  let at = 0
  const types = offsets.map(([offset, name]) => {
    const type = Buffer.alloc(6)
    type.writeInt32BE(offset)
    type[5] = at
    at += name.length + 1
    return type
  })
  return Buffer.concat([header, times, indexes, ...types, names])
}

test('a file of the first version gives the names of its last types', () => {
  const zone = parseZone(
    block('\0', 4, [
      [0, 'LMT'],
      [3600, 'CET'],
      [0, 'GMT'],
    ]),
  )
  assert.deepEqual(
    [...zone.byOffset],
    [
      [0, 'GMT'],
      [3600, 'CET'],
    ],
  )
})

const footers: readonly (readonly [string, readonly (readonly [number, string])[]])[] = [
  [
    'CET-1CEST,M3.5.0,M10.5.0/3',
    [
      [3600, 'CET'],
      [7200, 'CEST'],
    ],
  ],
  ['<+0330>-3:30', [[12_600, '+0330']]],
  [
    'EST5EDT,M3.2.0,M11.1.0',
    [
      [-18_000, 'EST'],
      [-14_400, 'EDT'],
    ],
  ],
  [
    'IST-1GMT0,M10.5.0,M3.5.0/1',
    [
      [3600, 'IST'],
      [0, 'GMT'],
    ],
  ],
  ['UTC0', [[0, 'UTC']]],
]
for (const [footer, want] of footers) {
  test(`the rule ${footer} at the end of a later version wins`, () => {
    const file = Buffer.concat([block('2', 4, []), block('2', 8, [[3600, 'old']]), Buffer.from(`\n${footer}\n`)])
    const zone = parseZone(file)
    for (const [offset, name] of want) assert.equal(zone.byOffset.get(offset), name)
    if (!want.some(([offset]) => offset === 3600)) assert.equal(zone.byOffset.get(3600), 'old')
  })
}

test('what is no zone is UTC', () => {
  assert.throws(() => parseZone(Buffer.from('hello')), /not a TZif file/)
  assert.equal(zoneAbbreviation(0, ''), 'UTC')
  assert.equal(zoneAbbreviation(3600, '/nonexistent/zone'), 'UTC')
  assert.equal(zoneAbbreviation(0, ':No/Such'), 'UTC')
})
