import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Target } from '#component'
import { TestHost } from '#component/test_host'
import { ManualClock } from '#lib/clock'
import { Refresher, TargetPublisher } from './publisher.ts'
import { readTargetGroups, targetsOf } from './target_groups.ts'

const target = (address: string): Target => new Target(new Map([['__address__', address]]))
const exported = (host: TestHost): string =>
  (host.exports['targets'] as Target[]).map((t) => [...t.labels.values()]).join()

test('the first update is exported at once, later ones every five seconds at most', async () => {
  const clock = new ManualClock()
  const host = new TestHost({ clock })
  const publisher = new TargetPublisher(host)
  assert.equal(exported(host), '')
  publisher.publish([target('a')])
  assert.equal(exported(host), 'a')
  await clock.advance(1000)
  publisher.publish([target('b')])
  publisher.publish([target('c')])
  await clock.advance(3999)
  assert.equal(exported(host), 'a')
  await clock.advance(1)
  assert.equal(exported(host), 'c')
  await clock.advance(60_000)
  publisher.publish([target('c')])
  publisher.publish([target('d')])
  assert.equal(exported(host), 'd', 'what did not change is no update')
  publisher.publish([])
  publisher.stop()
  await clock.advance(60_000)
  assert.equal(exported(host), 'd', 'nothing is exported after the stop')
  assert.equal(clock.pending, 0)
})

test('a refresh that fails is told once and keeps its interval', async () => {
  const clock = new ManualClock()
  const host = new TestHost({ clock })
  const results = ['no', 'no', 'other', '']
  const times: number[] = []
  const refresher = new Refresher(host, 1000, async () => {
    times.push(clock.monotonic())
    const result = results[times.length - 1] ?? ''
    if (result !== '') throw new Error(result)
  })
  refresher.start()
  await clock.advance(2500)
  assert.deepEqual(times, [0, 1000, 2000])
  assert.equal(host.lines.length, 2)
  assert.deepEqual(host.health, { state: 'unhealthy', message: 'other' })
  await clock.advance(500)
  assert.equal(host.health.state, 'healthy')
  refresher.stop()
  refresher.stop()
  await clock.advance(10_000)
  assert.equal(times.length, 4)
})

test('target groups are read strictly', async (t) => {
  const cases: { name: string; json: string; want: unknown }[] = [
    { name: 'none', json: '[]', want: [] },
    { name: 'null', json: 'null', want: [] },
    {
      name: 'labels of their group',
      json: '[{"targets":["a","b"],"labels":{"x":"1"}},{"targets":["c"]}]',
      want: [
        { x: '1', m: 'f', __address__: 'a' },
        { x: '1', m: 'f', __address__: 'b' },
        { m: 'f', __address__: 'c' },
      ],
    },
    { name: 'no targets', json: '[{"labels":{"x":"1"}}]', want: [] },
    { name: 'a null group', json: '[null]', want: 'nil target group item found' },
    { name: 'no list', json: '{}', want: 'Cannot read target groups: the document is no list' },
    { name: 'an unknown field', json: '[{"target":[]}]', want: 'Cannot read target group 0: unknown field "target"' },
    {
      name: 'a target that is no text',
      json: '[{"targets":[1]}]',
      want: 'Cannot read target group 0: "targets" is no list of strings',
    },
    {
      name: 'a label that is no text',
      json: '[{"labels":{"a":1}}]',
      want: 'Cannot read target group 0: label "a" is no string',
    },
  ]
  for (const { name, json, want } of cases) {
    await t.test(name, () => {
      const read = (): unknown =>
        targetsOf(readTargetGroups(JSON.parse(json)), [['m', 'f']]).map((one) => Object.fromEntries(one.labels))
      if (typeof want === 'string') assert.throws(read, { message: want })
      else assert.deepEqual(read(), want)
    })
  }
})

test('whatever JSON comes, groups are read or refused', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      try {
        targetsOf(readTargetGroups(value), [])
      } catch (error) {
        assert.match((error as Error).message, /^Cannot read target group|^nil target group/)
      }
    }),
    { numRuns: 300 },
  )
})
