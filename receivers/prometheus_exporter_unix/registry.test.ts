import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { defaultSettings } from '#component'
import { systemClock } from '#lib/clock'
import type { CollectorHost } from './collector.ts'
import { collectorEntries, createCollectors, selectCollectors } from './registry.ts'
import { unixSettings } from './settings.ts'

const everyName = Object.keys(collectorEntries)
const byDefault = everyName.filter((name) => collectorEntries[name]?.enabledByDefault).sort()

test('there is one line for every file in collectors/, and it says what the file says', async () => {
  const files = readdirSync(join(import.meta.dirname, 'collectors'))
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map((file) => file.slice(0, -3))
    .sort()
  assert.deepEqual([...everyName].sort(), files)
  for (const [name, { enabledByDefault, load }] of Object.entries(collectorEntries)) {
    const { collector } = await load()
    assert.equal(collector.name, name)
    assert.equal(collector.enabledByDefault, enabledByDefault, name)
  }
})

test('every collector is made from the default settings, under its own name', async () => {
  const silent = { debug() {}, info() {}, warn() {}, error() {} }
  const host: CollectorHost = { log: silent, clock: systemClock, enabled: new Set(everyName) }
  const collectors = await createCollectors(everyName, defaultSettings(unixSettings), host)
  assert.deepEqual(
    collectors.map(({ name }) => name),
    everyName,
  )
})

const without = (...names: string[]): string[] => byDefault.filter((name) => !names.includes(name))

const cases = [
  { name: 'nothing said: the default ones', set: [], enable: [], disable: [], want: byDefault, unknown: [] },
  { name: 'some taken away', set: [], enable: [], disable: ['cpu', 'time'], want: without('cpu', 'time'), unknown: [] },
  { name: 'one added', set: [], enable: ['ksmd'], disable: [], want: [...byDefault, 'ksmd'].sort(), unknown: [] },
  { name: 'others instead', set: ['time', 'cpu'], enable: [], disable: [], want: ['cpu', 'time'], unknown: [] },
  {
    name: 'others instead, one more, one less',
    set: ['time', 'cpu'],
    enable: ['os'],
    disable: ['cpu'],
    want: ['os', 'time'],
    unknown: [],
  },
  { name: 'what is in both lists runs', set: [], enable: ['cpu'], disable: ['cpu'], want: byDefault, unknown: [] },
  {
    name: 'names of nothing are given back',
    set: [],
    enable: ['cpuu'],
    disable: ['nope'],
    want: byDefault,
    unknown: ['cpuu', 'nope'],
  },
  {
    name: 'collectors of other systems may be named',
    set: ['cpu'],
    enable: ['thermal', 'exec'],
    disable: ['devstat'],
    want: ['cpu'],
    unknown: [],
  },
  {
    name: 'names that every object has are names of nothing',
    set: ['toString'],
    enable: [],
    disable: [],
    want: [],
    unknown: ['toString'],
  },
]
for (const { name, set, enable, disable, want, unknown } of cases) {
  test(`selection: ${name}`, () => {
    const selection = selectCollectors({ set_collectors: set, enable_collectors: enable, disable_collectors: disable })
    assert.deepEqual(selection, { names: want, unavailable: [], unknown })
  })
}

test('collectors of Alloy that are not here are told when they are asked for, and are no names of nothing', () => {
  const ofAlloy = ['ethtool', 'perf', 'qdisc', 'wifi']
  const { names, unavailable, unknown } = selectCollectors({
    set_collectors: ['time'],
    enable_collectors: ofAlloy,
    disable_collectors: [],
  })
  assert.deepEqual([...names, ...unavailable].sort(), [...ofAlloy, 'time'].sort())
  assert.deepEqual(unknown, [])
})
