import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, describe, it } from 'node:test'
import fc from 'fast-check'
import { ManualClock } from '#lib/clock'
import { decodeBody, NodeCounters } from '#component'
import type { Component, Host, Value } from '#component'
import { labelsFrom, labelsText, Metadata, Metrics, Series, SeriesBatch, SeriesLayout, SlotFlag } from '#pdata'
import type { MetricType, NativeHistogram } from '#pdata'
import { prometheusLive } from './component.ts'
import { exposition } from './exposition.ts'
import { SeriesStore } from './store.ts'

type Labels = Readonly<Record<string, string>>

const series = (labels: Labels, type?: MetricType, help = ''): Series =>
  new Series(labelsFrom(Object.entries(labels)), type === undefined ? null : new Metadata('family', type, help, ''))

function batchOf(layout: SeriesLayout, values: readonly number[], more: Partial<SeriesBatch> = {}): SeriesBatch {
  return new SeriesBatch({
    layout,
    values: Float64Array.from(values),
    flags: null,
    timestampMs: 1000,
    timestampsMs: null,
    startsMs: null,
    exemplars: null,
    histograms: null,
    ...more,
  })
}

const bounds = { seriesMax: 100, staleAfterMs: 300_000 }
const textOf = (store: SeriesStore): string => [...exposition(store)].join('')
/** What is kept, by labels. */
const kept = (store: SeriesStore): Record<string, number> =>
  Object.fromEntries([...store.entries()].map((e) => [labelsText(e.labels), store.valueOf(e)]))
const m = (name: string): Series => series({ __name__: name })
const [a, b, c] = [m('a'), m('b'), m('c')]

describe('SeriesStore', () => {
  it('keeps the newest value, whatever the order in which samples come', () => {
    const store = new SeriesStore(bounds)
    const layout = new SeriesLayout([a, b])
    store.take(batchOf(layout, [1, 2], { timestampMs: 1000 }), 0)
    store.take(batchOf(layout, [3, 4], { timestampsMs: Float64Array.of(500, 2000) }), 0)
    assert.deepEqual(kept(store), { '{__name__="a"}': 1, '{__name__="b"}': 4 })
    store.take(batchOf(new SeriesLayout([a, a]), [5, 6], { timestampsMs: Float64Array.of(4000, 3000) }), 0)
    assert.equal(kept(store)['{__name__="a"}'], 5)
  })

  it('leaves series alone that a batch says nothing of', () => {
    const store = new SeriesStore(bounds)
    const layout = new SeriesLayout([a, b])
    store.take(batchOf(layout, [1, 2]), 0)
    const flags = Uint8Array.of(SlotFlag.absent, SlotFlag.value)
    assert.equal(store.take(batchOf(layout, [9, 3], { flags }), 0), 0)
    assert.deepEqual(kept(store), { '{__name__="a"}': 1, '{__name__="b"}': 3 })
  })

  it('knows equal label sets of different producers as one series', () => {
    const store = new SeriesStore(bounds)
    store.take(batchOf(new SeriesLayout([m('a')]), [1]), 0)
    store.take(batchOf(new SeriesLayout([m('a')]), [2]), 0)
    assert.deepEqual([store.size, kept(store)], [1, { '{__name__="a"}': 2 }])
  })

  it('shows no series before it has a sample, and the form that came last', () => {
    const store = new SeriesStore(bounds)
    const layout = new SeriesLayout([a])
    store.take(batchOf(layout, [7], { flags: Uint8Array.of(SlotFlag.absent) }), 0)
    assert.equal(textOf(store), '')
    store.take(batchOf(layout, [7], { flags: Uint8Array.of(SlotFlag.histogram), histograms: [histogram] }), 0)
    store.take(batchOf(layout, [8], { timestampMs: 2000 }), 0)
    assert.equal(textOf(store), '# TYPE a untyped\na 8\n')
  })

  it('tells label sets with the same hash apart', () => {
    const pairs = [['s9h5kto', 'sb2yzyf'] as const, ['smae8qn', 's1bl43r2'] as const]
    for (const [first, second] of pairs) {
      for (const gone of [0, 1]) {
        const store = new SeriesStore(bounds)
        const layout = new SeriesLayout([m(first), m(second)])
        store.take(batchOf(layout, [1, 2]), 0)
        assert.deepEqual(Object.values(kept(store)), [1, 2])
        const flags = Uint8Array.from([0, 1], (slot) => (slot === gone ? SlotFlag.stale : SlotFlag.value))
        store.take(batchOf(layout, [3, 4], { flags }), 0)
        assert.deepEqual(Object.values(kept(store)), [gone === 0 ? 4 : 3])
        store.take(batchOf(new SeriesLayout([m(second), m(first)]), [6, 5]), 0)
        assert.deepEqual(kept(store), { [`{__name__="${first}"}`]: 5, [`{__name__="${second}"}`]: 6 })
      }
    }
  })

  it('ends a series at its staleness marker, and begins it anew', () => {
    const store = new SeriesStore(bounds)
    const layout = new SeriesLayout([a, b])
    store.take(batchOf(layout, [1, 2]), 0)
    const flags = Uint8Array.of(SlotFlag.stale, SlotFlag.value)
    assert.equal(store.take(batchOf(layout, [0, 3], { flags, timestampMs: 2000 }), 0), 0)
    assert.deepEqual(kept(store), { '{__name__="b"}': 3 })
    store.take(batchOf(new SeriesLayout([c]), [4], { timestampMs: 1 }), 0) // takes the place that a had
    store.take(batchOf(layout, [5, 6], { timestampMs: 3000 }), 0)
    assert.deepEqual(kept(store), { '{__name__="a"}': 5, '{__name__="b"}': 6, '{__name__="c"}': 4 })
  })

  it('forgets series that get no sample', () => {
    const store = new SeriesStore(bounds)
    store.take(batchOf(new SeriesLayout([a, b]), [1, 2]), 0)
    store.take(batchOf(new SeriesLayout([a]), [3], { timestampMs: 2000 }), 200_000)
    store.sweep(299_999)
    assert.equal(store.size, 2)
    store.sweep(300_000)
    assert.deepEqual(kept(store), { '{__name__="a"}': 3 })
    store.take(batchOf(new SeriesLayout([c]), [4]), 600_000)
    assert.deepEqual(kept(store), { '{__name__="c"}': 4 })
  })

  it('takes no more series than it may, and says how many samples it refused', () => {
    const store = new SeriesStore({ ...bounds, seriesMax: 2 })
    const layout = new SeriesLayout([a, b, c])
    assert.equal(store.take(batchOf(layout, [1, 2, 3]), 0), 1)
    assert.equal(store.take(batchOf(layout, [1, 2, 3]), 0), 1)
    const flags = Uint8Array.of(SlotFlag.stale, SlotFlag.value, SlotFlag.absent)
    assert.equal(store.take(batchOf(layout, [0, 2, 0], { flags }), 0), 0)
    assert.equal(store.take(batchOf(new SeriesLayout([b, c]), [5, 6]), 0), 0)
    assert.deepEqual(kept(store), { '{__name__="b"}': 5, '{__name__="c"}': 6 })
    assert.equal(store.take(batchOf(layout, [1, 2, 3]), 0), 1)
    store.bound(bounds)
    assert.equal(store.take(batchOf(layout, [1, 2, 3]), 0), 0)
    assert.equal(store.size, 3)
  })

  it('grows past its first columns', () => {
    const store = new SeriesStore({ ...bounds, seriesMax: 5000 })
    const many = Array.from({ length: 3000 }, (_, i) => m(`s${i}`))
    for (let round = 0; round < 2; round++) {
      store.take(
        batchOf(
          new SeriesLayout(many),
          many.map((_, i) => i + round),
          { timestampMs: 1000 + round },
        ),
        0,
      )
    }
    assert.equal(store.size, 3000)
    assert.equal(kept(store)['{__name__="s2999"}'], 3000)
    store.clear()
    assert.deepEqual(kept(store), {})
  })

  it('holds what a map of series would hold, whatever comes', () => {
    const pool = Array.from({ length: 6 }, (_, i) => [m(`s${i}`), m(`s${i}`)] as const)
    const slot = fc.record({ name: fc.nat(5), twin: fc.nat(1), flag: fc.constantFrom(0, 0, 0, 1, 2) })
    const layouts = fc.array(fc.uniqueArray(slot, { selector: (s) => s.name, minLength: 1, maxLength: 6 }), {
      minLength: 1,
      maxLength: 12,
    })
    fc.assert(
      fc.property(layouts, (batches) => {
        const store = new SeriesStore(bounds)
        const want = new Map<string, number>()
        const made = new Map<string, SeriesLayout>()
        let time = 0
        for (const slots of batches) {
          const key = slots.map((s) => `${s.name}.${s.twin}`).join()
          const layout =
            made.get(key) ??
            new SeriesLayout(slots.map((s) => (pool[s.name] as readonly [Series, Series])[s.twin === 0 ? 0 : 1]))
          made.set(key, layout)
          time++
          const flags = Uint8Array.from(slots, (s) => s.flag)
          store.take(
            batchOf(
              layout,
              slots.map((_, i) => time * 10 + i),
              { flags, timestampMs: time },
            ),
            time,
          )
          for (const [i, s] of slots.entries()) {
            const name = `{__name__="s${s.name}"}`
            if (s.flag === SlotFlag.value) want.set(name, time * 10 + i)
            if (s.flag === SlotFlag.stale) want.delete(name)
          }
          assert.deepEqual(new Map(Object.entries(kept(store)).sort()), new Map([...want].sort()))
        }
      }),
      { numRuns: 300 },
    )
  })
})

const histogram = { count: 7, sum: 2.5 } as NativeHistogram

describe('exposition', () => {
  const cases: { name: string; series: [Series, number | NativeHistogram][]; want: string }[] = [
    { name: 'nothing', series: [], want: '' },
    {
      name: 'families by name with their help and type, series by labels',
      series: [
        [series({ __name__: 'z', i: '2' }, 'gauge', 'Last.'), 2],
        [series({ __name__: 'z', i: '1' }, 'gauge', 'Last.'), 1],
        [series({ __name__: 'a_total' }, 'counter', 'First.'), 1234567],
        [series({ __name__: 'm' }), 0.25],
      ],
      want: [
        '# HELP a_total First.',
        '# TYPE a_total counter',
        'a_total 1.234567e+06',
        '# TYPE m untyped',
        'm 0.25',
        '# HELP z Last.',
        '# TYPE z gauge',
        'z{i="1"} 1',
        'z{i="2"} 2',
        '',
      ].join('\n'),
    },
    {
      name: 'a histogram in one piece, buckets by bound',
      series: [
        ...(['+Inf', '10', '2', '0.5'] as const).map((le): [Series, number] => [
          series({ __name__: 'h_bucket', le, x: 'b' }, 'histogram', 'H.'),
          Number(le === '+Inf' ? 9 : le),
        ]),
        [series({ __name__: 'h_count', x: 'b' }, 'histogram', 'H.'), 9],
        [series({ __name__: 'h_sum', x: 'b' }, 'histogram', 'H.'), Infinity],
        [series({ __name__: 'h_sum', x: 'a' }, 'histogram', 'H.'), NaN],
      ],
      want: [
        '# HELP h H.',
        '# TYPE h histogram',
        'h_sum{x="a"} NaN',
        ...['0.5"} 0.5', '2"} 2', '10"} 10', '+Inf"} 9'].map(
          (rest) => `h_bucket{le="${rest.replace('"}', '",x="b"}')}`,
        ),
        'h_sum{x="b"} +Inf',
        'h_count{x="b"} 9',
        '',
      ].join('\n'),
    },
    {
      name: 'a summary in one piece, renamed by relabelling',
      series: [
        [series({ __name__: 'new_count' }, 'summary'), 2],
        [series({ __name__: 'new_sum' }, 'summary'), 3],
        [series({ __name__: 'new', quantile: '0.99' }, 'summary'), 2.5],
        [series({ __name__: 'new', quantile: '0.5' }, 'summary'), 0.5],
      ],
      want: '# TYPE new summary\nnew{quantile="0.5"} 0.5\nnew{quantile="0.99"} 2.5\nnew_sum 3\nnew_count 2\n',
    },
    {
      name: 'histograms and summaries that came without a type',
      series: [
        [series({ __name__: 'h_count' }), 3],
        [series({ __name__: 'h_bucket', le: '+Inf' }), 3],
        [series({ __name__: 'h_sum' }), 4],
        [series({ __name__: 's_count' }), 3],
        [series({ __name__: 's', quantile: '0.5' }), 4],
        [series({ __name__: 's' }), 5],
        [series({ __name__: 's_bucket' }), 6],
        [series({ __name__: 'other_count' }), 7],
      ],
      want: [
        '# TYPE h histogram\nh_bucket{le="+Inf"} 3\nh_sum 4\nh_count 3',
        '# TYPE other_count untyped\nother_count 7',
        '# TYPE s summary\ns 5\ns{quantile="0.5"} 4\ns_count 3',
        '# TYPE s_bucket untyped\ns_bucket 6\n',
      ].join('\n'),
    },
    {
      name: 'what needs escaping',
      series: [[series({ __name__: 'e', l: 'a"b\\c\nd' }, 'gauge', 'one\\two\n"three"'), -0]],
      want: '# HELP e one\\\\two\\n"three"\n# TYPE e gauge\ne{l="a\\"b\\\\c\\nd"} -0\n',
    },
    {
      name: 'count and sum of a native histogram',
      series: [[series({ __name__: 'n', x: '1' }, 'histogram'), histogram]],
      want: '# TYPE n histogram\nn_bucket{x="1",le="+Inf"} 7\nn_sum{x="1"} 2.5\nn_count{x="1"} 7\n',
    },
    {
      name: 'a histogram that is there in both forms, once',
      series: [
        [series({ __name__: 'n' }, 'histogram'), histogram],
        [series({ __name__: 'n_bucket', le: '+Inf' }, 'histogram'), 7],
        [series({ __name__: 'n_count' }, 'histogram'), 7],
      ],
      want: '# TYPE n histogram\nn_bucket{le="+Inf"} 7\nn_count 7\n',
    },
    {
      name: 'types that the format has no word for',
      series: [
        [series({ __name__: 'i_info' }, 'info'), 1],
        [series({ __name__: 's' }, 'stateset'), 1],
        [series({ __name__: 'u' }, 'unknown'), 1],
        [series({ __name__: 'c_created' }, 'counter'), 1.7e9],
        [series({ __name__: 'odd' }, 'histogram'), 1],
      ],
      want: [
        '# TYPE c_created gauge\nc_created 1.7e+09',
        '# TYPE i_info gauge\ni_info 1',
        '# TYPE odd untyped\nodd 1',
        '# TYPE s gauge\ns 1',
        '# TYPE u untyped\nu 1\n',
      ].join('\n'),
    },
  ]
  for (const { name, series: given, want } of cases) {
    it(`writes ${name}`, () => {
      const store = new SeriesStore(bounds)
      const layout = new SeriesLayout(given.map(([s]) => s))
      const values = given.map(([, value]) => (typeof value === 'number' ? value : 0))
      const flags = Uint8Array.from(given, ([, value]) =>
        typeof value === 'number' ? SlotFlag.value : SlotFlag.histogram,
      )
      const histograms = given.map(([, value]) => (typeof value === 'number' ? null : value))
      store.take(batchOf(layout, values, { flags, histograms }), 0)
      assert.equal(textOf(store), want)
    })
  }

  it('leaves out what goes away while it is written', () => {
    const store = new SeriesStore({ ...bounds, seriesMax: 2000 })
    const many = Array.from({ length: 1200 }, (_, i) =>
      series({ __name__: 'm', i: String(i).padStart(4, '0') }, 'gauge'),
    )
    const layout = new SeriesLayout(many)
    store.take(
      batchOf(
        layout,
        many.map((_, i) => i),
      ),
      0,
    )
    const chunks = exposition(store)
    let text = chunks.next().value as string
    const flags = new Uint8Array(many.length).fill(SlotFlag.stale)
    store.take(
      batchOf(
        layout,
        many.map(() => 0),
        { flags },
      ),
      0,
    )
    store.take(batchOf(new SeriesLayout([a]), [1]), 0)
    for (const chunk of chunks) text += chunk
    assert.equal(text.split('\n').length, 1 + 500 + 1)
    assert.ok(!text.includes('a 1'))
  })
})

function makeLive(settings: Readonly<Record<string, Value>> = {}) {
  const counters = new NodeCounters()
  const clock = new ManualClock()
  const gauges = new Map<string, () => number | undefined>()
  const host = {
    clock,
    counters,
    instruments: { gauge: (name: string, _: string, read: () => number | undefined) => void gauges.set(name, read) },
  } as unknown as Host
  const messages: string[] = []
  const attributes = Object.entries(settings).map(([name, value]) => ({ name, value }))
  const decoded = decodeBody(prometheusLive.settings, { attributes, blocks: [] }, (issue) =>
    messages.push(issue.message),
  )
  const component = decoded === undefined ? undefined : (prometheusLive.create(host, decoded) as Component)
  return { component, counters, clock, gauges, messages }
}

describe('prometheus.live', () => {
  const closing: (() => void)[] = []
  after(() => closing.forEach((close) => close()))

  async function serve(component: Component | undefined): Promise<string> {
    const server = createServer((request, response) => {
      const page = component?.pages?.get(request.url ?? '')
      if (page) void page(request, response)
      else response.writeHead(404).end()
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    closing.push(() => server.close())
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/live/metrics`
  }

  it('shows the current values on its page', async () => {
    const { component, clock, counters, gauges } = makeLive()
    const url = await serve(component)
    const layout = new SeriesLayout([series({ __name__: 'up', job: 'x' }, 'gauge', 'Up.')])
    for (const value of [0, 1]) void component?.metrics?.consume(Metrics.fromSeries(batchOf(layout, [value])))
    const response = await fetch(url)
    assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
    assert.equal(await response.text(), '# HELP up Up.\n# TYPE up gauge\nup{job="x"} 1\n')
    assert.deepEqual([counters.out, counters.dropped, gauges.get('prometheus_live_series')?.()], [2, 0, 1])
    assert.equal((await fetch(url, { method: 'HEAD' })).status, 200)
    assert.equal((await fetch(url, { method: 'POST' })).status, 405)
    await clock.advance(300_000)
    assert.equal(await (await fetch(url)).text(), '')
    await component?.stop(0)
    await component?.stop(0)
  })

  it('counts what it has no room for', () => {
    const { component, counters } = makeLive({ max_series: 1n })
    const batch = Metrics.fromSeries(batchOf(new SeriesLayout([a, b]), [1, 2]))
    void component?.metrics?.consume(batch)
    assert.deepEqual([counters.out, [...counters.droppedByReason]], [1, [['too many series', 1]]])
    assert.deepEqual(component?.debug?.(), { series: 1, max_series: 1 })
  })

  it('shows more than a client takes at once, and survives clients that leave', async () => {
    const { component } = makeLive()
    const url = await serve(component)
    const many = Array.from({ length: 20_000 }, (_, i) => series({ __name__: 'm', i: String(i), text: 'x'.repeat(50) }))
    void component?.metrics?.consume(
      Metrics.fromSeries(
        batchOf(
          new SeriesLayout(many),
          many.map((_, i) => i),
        ),
      ),
    )
    const abort = new AbortController()
    const left = await fetch(url, { signal: abort.signal })
    await left.body?.getReader().read()
    abort.abort()
    const text = await (await fetch(url)).text()
    assert.equal(text.split('\n').length, 20_002)
  })

  it('refuses bounds that leave nothing', () => {
    assert.deepEqual(makeLive({ max_series: 0n }).messages, ['max_series must be greater than 0'])
    assert.deepEqual(makeLive({ stale_after: '0s' }).messages, ['stale_after must be greater than 0'])
  })
})
