import assert from 'node:assert/strict'
import { utimesSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { FixtureHost } from '../fixture_host.ts'
import type { FixtureFiles } from '../fixture_host.ts'
import { parseTextFamilies } from '../text_families.ts'
import { collector } from './textfile.ts'

interface Case {
  readonly name: string
  readonly files: FixtureFiles
  /** Below the fixture's directory; `text` where nothing is said. */
  readonly directory?: string
  /** Without the times of files. `%` stands for the fixture's directory. */
  readonly want: readonly string[]
  readonly help?: Readonly<Record<string, string>>
}

const cases: readonly Case[] = [
  { name: 'no directory is no error', files: {}, directory: '', want: ['node_textfile_scrape_error 0'] },
  { name: 'a directory that is not there is', files: {}, directory: 'none', want: ['node_textfile_scrape_error 1'] },
  {
    name: 'only *.prom counts',
    files: { 'text/a.txt': 'a 1\n', 'text/b.prom': 'b 1\n' },
    want: ['b 1', 'node_textfile_scrape_error 0'],
  },
  {
    name: 'types, label sets that differ, special values',
    files: {
      'text/a.prom':
        '# HELP up_total Some \\\\ help\\n.\n# TYPE up_total counter\nup_total{b="2",a="x\\"y\\\\z\\n"} 1e3\nup_total 5\n' +
        '# TYPE g gauge\ng{k="v",} NaN\n# a comment\nu +Inf\n',
    },
    want: [
      'up_total{a="x"y\\z\n",b="2"} 1000',
      'up_total 5',
      'g{k="v"} NaN',
      'u Infinity',
      'node_textfile_scrape_error 0',
    ],
    help: { up_total: 'Some \\ help\n.', u: 'Metric read from %/text/a.prom' },
  },
  {
    name: 'histograms and summaries keep their parts together',
    files: {
      'text/a.prom':
        '# TYPE h histogram\nh_bucket{l="1",le="5"} 3\nh_bucket{l="1",le="0.5"} 2\nh_bucket{l="1",le="+Inf"} 4\nh_sum{l="1"} 9.5\n' +
        'h_count{l="1"} 4\nh_bucket{l="2",le="1"} 1\nh_count{l="2"} 2\n# TYPE s summary\ns{quantile="0.5"} 7\ns_sum 8\ns_count 1\n',
    },
    want: [
      'h{l="1"} count=4 sum=9.5 0.5:2 5:3 Infinity:4',
      'h{l="2"} count=2 sum=0 1:1 Infinity:2',
      's count=1 sum=8 0.5:7',
      'node_textfile_scrape_error 0',
    ],
  },
  {
    name: 'a family of two files has the help of the one that gives it',
    files: { 'text/a.prom': 'x{f="a"} 1\n', 'text/b.prom': '# HELP x Help.\nx{f="b"} 2\n' },
    want: ['x{f="a"} 1', 'x{f="b"} 2', 'node_textfile_scrape_error 0'],
    help: { x: 'Help.' },
  },
  {
    name: 'a family that says something else in a second file is left out there',
    files: { 'text/a.prom': '# HELP x One.\nx{f="a"} 1\n', 'text/b.prom': '# HELP x Two.\nx{f="b"} 2\ny 1\n' },
    want: ['x{f="a"} 1', 'y 1', 'node_textfile_scrape_error 1'],
  },
  {
    name: 'a family of another type in a second file is left out there',
    files: { 'text/a.prom': '# TYPE x gauge\nx{f="a"} 1\n', 'text/b.prom': '# TYPE x counter\nx{f="b"} 2\n' },
    want: ['x{f="a"} 1', 'node_textfile_scrape_error 1'],
  },
  {
    name: 'the same series twice is shown once',
    files: { 'text/a.prom': 'x{a="1",b="2"} 1\n', 'text/b.prom': 'x{b="2",a="1",c=""} 2\n' },
    want: ['x{a="1",b="2"} 1', 'node_textfile_scrape_error 1'],
  },
  {
    name: 'a file with timestamps is left out, the others are read',
    files: { 'text/a.prom': 'x 1 1500000000000\n', 'text/b.prom': 'y 1\n' },
    want: ['y 1', 'node_textfile_scrape_error 1'],
  },
  {
    name: 'a directory may be a pattern',
    files: { 'texts/one/a.prom': 'x 1\n', 'texts/two/b.prom': 'y 1\n', 'other/c.prom': 'z 1\n' },
    directory: 'texts/*',
    want: ['x 1', 'y 1', 'node_textfile_scrape_error 0'],
  },
]

const isTime = (line: string): boolean => line.startsWith('node_textfile_mtime_seconds')

for (const { name, files, directory = 'text', want, help = {} } of cases) {
  test(`textfile: ${name}`, async () => {
    const host = new FixtureHost(files)
    try {
      const path = directory === '' ? '' : join(host.directory, directory)
      const { lines, families } = await host.collector(collector, { settings: { textfile: { directory: path } } })()
      assert.deepEqual(
        lines.filter((line) => !isTime(line)),
        want,
      )
      for (const [family, text] of Object.entries(help)) {
        assert.equal(families.get(family)?.help, text.replace('%', host.directory))
      }
    } finally {
      host.remove()
    }
  })
}

test('a file is read again when it has changed, keeps its families while it has not, and its time is told', async () => {
  const host = new FixtureHost({ 'text/a.prom': 'x 1\n' })
  try {
    const path = join(host.directory, 'text/a.prom')
    utimesSync(path, 1_700_000_000, 1_700_000_000.9)
    const scrape = host.collector(collector, { settings: { textfile: { directory: join(host.directory, 'text') } } })
    const first = await scrape()
    assert.ok(first.lines.includes(`node_textfile_mtime_seconds{file="${path}"} 1700000000`))
    assert.equal((await scrape()).families.get('x'), first.families.get('x'))
    host.write('text/a.prom', 'x 27\n')
    assert.ok((await scrape()).lines.includes('x 27'))
  } finally {
    host.remove()
  }
})

const broken: readonly (readonly [string, RegExp])[] = [
  ['x 1', /the last line has no end/],
  ['x one\n', /line 1: not a number: "one"/],
  ['x\n', /line 1: not a number: ""/],
  ['1x 1\n', /not a metric name: "1x"/],
  ['x{a="1" b="2"} 1\n', /not a label: "b/],
  ['x{a="1\n', /not a label/],
  ['x{a="1",a="2"} 1\n', /label a stands there twice/],
  ['x{__name__="y"} 1\n', /must not be named __name__/],
  ['x 1 2 3\n', /surplus text "3"/],
  ['x 1 now\n', /not a timestamp: "now"/],
  ['# TYPE x gauge\n# TYPE x gauge\n', /line 2: second TYPE line for x/],
  ['# HELP x a\n# HELP x b\n', /line 2: second HELP line for x/],
  ['x 1\n# TYPE x gauge\n', /TYPE line for x after its samples/],
  ['# TYPE x thing\n', /unknown type "thing"/],
  ['# TYPE h histogram\nh 1\n', /is a histogram/],
  ['# TYPE h histogram\nh_bucket 1\n', /lacks the label le/],
  ['# TYPE s summary\ns 1\n', /lacks the label quantile/],
]
for (const [text, error] of broken) {
  test(`text is refused: ${JSON.stringify(text)}`, () => {
    assert.throws(() => parseTextFamilies(text), error)
  })
}

test('whatever is in a file, it is read or refused, and what was written is read', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'ax_{}="\\,# \n1.e+NHELPTY') }), (text) => {
      try {
        parseTextFamilies(text)
      } catch (error) {
        assert.ok(error instanceof Error && error.constructor === Error, String(error))
      }
    }),
    { numRuns: 300 },
  )
  const labels = fc.uniqueArray(fc.tuple(fc.constantFrom('a', 'b', 'c_1'), fc.string()), { selector: ([name]) => name })
  fc.assert(
    fc.property(labels, fc.double(), (pairs, value) => {
      const escape = (label: string): string => label.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n')
      const written = pairs.map(([name, label]) => `${name}="${escape(label)}"`).join(',')
      const text = Object.is(value, -0) ? '-0' : String(value).replace('Infinity', 'Inf')
      const [family] = parseTextFamilies(`x{${written}} ${text}\n`).families
      assert.deepEqual([...(family?.metrics[0]?.labels ?? [])], pairs)
      assert.ok(Object.is(family?.metrics[0]?.value, value))
    }),
    { numRuns: 200 },
  )
})
