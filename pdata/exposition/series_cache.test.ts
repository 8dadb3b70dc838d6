import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { labelsFrom, labelsText, SlotFlag } from '#pdata'
import type { Columns } from './columns.ts'
import { formatGoFloat } from './go_float.ts'
import type { ExpositionFormat, SeriesCacheOptions } from './series_cache.ts'
import { SeriesCache } from './series_cache.ts'
import { TextWriter } from './text_writer.ts'

const encoder = new TextEncoder()
const scrapeTimeMs = 1_700_000_000_000

function makeCache(options: Partial<SeriesCacheOptions> = {}): SeriesCache {
  return new SeriesCache({
    makeLabels: (exposed) => {
      const pairs: [string, string][] = []
      for (let i = 0; i < exposed.length; i += 2) pairs.push([exposed[i] as string, exposed[i + 1] as string])
      return labelsFrom(pairs)
    },
    keepMetadata: true,
    typeAndUnitLabels: false,
    startTimestamps: false,
    nativeHistograms: false,
    classicHistograms: false,
    bucketLimit: 0,
    schemaMax: 8,
    sampleLimit: 0,
    honorTimestamps: true,
    trackTimestampsStaleness: false,
    ...options,
  })
}

/** A line per slot: labels, value, timestamp, start, exemplars, metadata. */
function shown(columns: Columns): string[] {
  if (columns.error) return [`error: ${columns.error.message}`]
  const lines: string[] = []
  for (let i = 0; i < columns.count; i++) {
    const series = columns.series[i]
    assert.ok(series)
    const flag = columns.flags[i]
    let line = `${labelsText(series.labels)} ${flag === SlotFlag.absent ? 'absent' : formatGoFloat(columns.values[i] as number)}`
    const timestamp = columns.hasTimestamps ? columns.timestampsMs[i] : scrapeTimeMs
    if (timestamp !== scrapeTimeMs) line += ` @${timestamp}`
    if (columns.hasStarts && columns.startsMs[i] !== 0) line += ` since ${columns.startsMs[i]}`
    for (const exemplar of columns.exemplars) {
      if (exemplar.slot !== i) continue
      const at = exemplar.timestampMs === scrapeTimeMs ? '' : ` @${exemplar.timestampMs}`
      line += ` # ${labelsText(exemplar.labels)} ${exemplar.value}${at}`
    }
    const { metadata } = series
    if (metadata) line += ` (${metadata.family} ${metadata.type} ${JSON.stringify(metadata.help)} ${metadata.unit})`
    lines.push(line)
  }
  return lines
}

function formatOfFile(name: string): ExpositionFormat {
  return name.endsWith('.openmetrics') ? 'openmetrics' : 'text'
}

const testdata = new URL('testdata/', import.meta.url)
for (const name of readdirSync(testdata).filter((file) => /\.(text|openmetrics)$/.test(file))) {
  test(`${name} is read as its .want file says, the second time as well`, () => {
    const body = readFileSync(new URL(name, testdata))
    const cache = makeCache()
    const lines = shown(cache.read(body, formatOfFile(name), scrapeTimeMs))
    const wantFile = new URL(`${name}.want`, testdata)
    if (process.env['UPDATE']) writeFileSync(wantFile, `${lines.join('\n')}\n`)
    assert.deepEqual(lines, readFileSync(wantFile, 'utf8').trimEnd().split('\n'))
    const again = cache.read(body, formatOfFile(name), scrapeTimeMs)
    // An exemplar that is the same again is not told again.
    const withoutExemplars = lines.map((line) => line.replace(/ # \{.*?\} [^ ]+( @\d+)?/g, ''))
    if (again.error) assert.deepEqual(shown(again), lines)
    else {
      assert.deepEqual(shown(again), withoutExemplars)
      assert.equal(again.changed, false)
      assert.equal(again.seriesAdded, 0)
    }
  })
}

const refused: readonly { name: string; format?: ExpositionFormat; input: string; error: string }[] = [
  { name: 'no value', input: 'a 1\nb\n', error: 'line 2, column 2: expected a value, got the end of the line' },
  { name: 'a word as a value', input: 'a x\n', error: 'line 1, column 3: expected a value, got "x"' },
  { name: 'an underscore in a value', input: 'a 1_0\n', error: 'line 1, column 3: expected a value, got "1_0"' },
  { name: 'a hexadecimal value', input: 'a 0x1p2', error: 'line 1, column 3: expected a value, got "0x1p2"' },
  { name: 'a line break of Windows', input: 'a 1\r\n', error: 'line 1, column 3: expected a value, got "1\\r"' },
  {
    name: 'a digit in front',
    input: '# x\n1a 1\n',
    error: 'line 2, column 1: expected a metric name or a comment, got "1a 1"',
  },
  {
    name: 'a blank in front',
    input: ' a 1\n',
    error: 'line 1, column 1: expected a metric name or a comment, got " a 1"',
  },
  {
    name: 'a byte of zero',
    input: 'a 1\n\0b 1\n',
    error: 'line 2, column 1: expected a metric name or a comment, got "\\u0000b 1"',
  },
  { name: 'braces left open', input: 'a{b="c" 1\n', error: 'line 1, column 9: expected a label name or "}", got "1"' },
  {
    name: 'a quote left open',
    input: 'a{b="c} 1\n',
    error: 'line 1, column 5: expected a closing quote, got "\\"c} 1"',
  },
  {
    name: 'a label without a value',
    input: 'a{b} 1\n',
    error: 'line 1, column 4: expected "=" behind the label name, got "} 1"',
  },
  {
    name: 'a label value without quotes',
    input: 'a{b=c} 1\n',
    error: 'line 1, column 5: expected a quoted label value, got "c} 1"',
  },
  {
    name: 'a colon in a label name',
    input: 'a{b:c="d"} 1\n',
    error: 'line 1, column 4: expected "=" behind the label name, got ":c=\\"d\\"} 1"',
  },
  {
    name: 'no name',
    input: '{a="b"} 1\n',
    error: 'line 1, column 1: expected a metric name in the braces, got "{a=\\"b\\"} 1"',
  },
  {
    name: 'two names',
    input: 'a{"b"} 1\n',
    error: 'line 1, column 3: expected one metric name only, got "\\"b\\"} 1"',
  },
  {
    name: 'a fraction of a millisecond',
    input: 'a 1 1.5\n',
    error: 'line 1, column 6: expected the end of the line, got ".5"',
  },
  {
    name: 'a time before the epoch',
    input: 'a 1 -5\n',
    error: 'line 1, column 5: expected a timestamp in milliseconds, got "-5"',
  },
  {
    name: 'something behind the timestamp',
    input: 'a 1 5 6\n',
    error: 'line 1, column 7: expected the end of the line, got "6"',
  },
  {
    name: 'an exemplar in the text format',
    input: 'a 1 # {a="b"} 1\n',
    error: 'line 1, column 5: expected a timestamp in milliseconds, got "# {a=\\"b\\"} 1"',
  },
  {
    name: 'an unknown type',
    input: '# TYPE a info\n',
    error: 'line 1, column 1: expected a metric type, not "info", got "# TYPE a info"',
  },
  {
    name: 'a type with a blank behind',
    input: '# TYPE a gauge \n',
    error: 'line 1, column 1: expected a metric type, not "gauge ", got "# TYPE a gauge "',
  },
  {
    name: 'a help without a name',
    input: '# HELP \n',
    error: 'line 1, column 8: expected a metric name, got the end of the line',
  },
  { name: 'no end', format: 'openmetrics', input: 'a 1\n', error: 'line 2, column 1: expected "# EOF"' },
  { name: 'nothing', format: 'openmetrics', input: '', error: 'line 1, column 1: expected "# EOF"' },
  {
    name: 'an end in the middle',
    format: 'openmetrics',
    input: '# EOF\na 1\n',
    error: 'line 2, column 1: expected nothing behind "# EOF", got "a 1"',
  },
  {
    name: 'an empty line',
    format: 'openmetrics',
    input: 'a 1\n\n# EOF\n',
    error: 'line 2, column 1: expected a metric name or a comment, got the end of the line',
  },
  {
    name: 'two blanks',
    format: 'openmetrics',
    input: 'a  1\n# EOF\n',
    error: 'line 1, column 3: expected a value, got " 1"',
  },
  {
    name: 'a comment that says nothing',
    format: 'openmetrics',
    input: '# hello\n# EOF\n',
    error: 'line 1, column 1: expected "# HELP", "# TYPE", "# UNIT" or "# EOF", got "# hello"',
  },
  {
    name: 'a unit that is no suffix',
    format: 'openmetrics',
    input: '# UNIT a seconds\n# EOF\n',
    error: 'line 1, column 1: expected the unit "seconds" to be a suffix of the family\'s name, got "# UNIT a seconds"',
  },
  {
    name: 'an exemplar without a value',
    format: 'openmetrics',
    input: 'a_total 1 # {a="b"}\n# EOF\n',
    error: 'line 1, column 20: expected a blank and the exemplar’s value, got the end of the line',
  },
  {
    name: 'an infinite timestamp',
    format: 'openmetrics',
    input: 'a 1 Inf\n# EOF\n',
    error: 'line 1, column 5: expected a timestamp, got "Inf"',
  },
  {
    name: 'a line break in a label value',
    format: 'openmetrics',
    input: 'a{b="c\nd"} 1\n# EOF\n',
    error: 'line 1, column 5: expected a closing quote on the same line, got "\\"c"',
  },
]

for (const { name, format = 'text', input, error } of refused) {
  test(`an exposition with ${name} (${format}) is refused with its place`, () => {
    const cache = makeCache()
    assert.equal(cache.read(encoder.encode(input), format, scrapeTimeMs).error?.message, error)
    // The same after a good one that begins alike.
    const good = format === 'text' ? 'a 1\n' : 'a 1\n# EOF\n'
    assert.equal(cache.read(encoder.encode(good), format, scrapeTimeMs).error, null)
    assert.equal(cache.read(encoder.encode(input), format, scrapeTimeMs).error?.message, error)
  })
}

test('invalid UTF-8 is refused in label values, help and names', () => {
  for (const parts of ['a{b="', '# HELP a ', '{"']) {
    const body = Buffer.concat([Buffer.from(parts), Buffer.from([0xc3, 0x28]), Buffer.from('"} 1\n')])
    assert.match(makeCache().read(body, 'text', scrapeTimeMs).error?.message ?? '', /expected valid UTF-8/)
  }
})

interface Step {
  readonly input: string
  readonly changed: boolean
  readonly added: number
  readonly error?: boolean
}
const stories: readonly { name: string; options?: Partial<SeriesCacheOptions>; steps: readonly Step[] }[] = [
  {
    name: 'a series that comes and goes counts as added each time',
    steps: [
      { input: 'a 1\n', changed: true, added: 1 },
      { input: 'a 1\nb 2\n', changed: true, added: 1 },
      { input: 'a 2\nb 3\n', changed: false, added: 0 },
      { input: 'a 1\n', changed: true, added: 0 },
      { input: 'a 1\nb 2\n', changed: true, added: 1 },
    ],
  },
  {
    name: 'another order is another layout, but nothing is added',
    steps: [
      { input: 'a 1\nb 1\n', changed: true, added: 2 },
      { input: 'b 1\na 1\n', changed: true, added: 0 },
    ],
  },
  {
    name: 'another help makes other series objects, but nothing is added',
    steps: [
      { input: '# HELP a x\na 1\n', changed: true, added: 1 },
      { input: '# HELP a y\na 1\n', changed: true, added: 0 },
    ],
  },
  {
    name: 'what a failed scrape showed is known the next time',
    options: { sampleLimit: 2 },
    steps: [
      { input: 'a 1\nb 1\nc 1\n', changed: false, added: 2, error: true },
      { input: 'a 1\nb 1\nc 1\n', changed: false, added: 0, error: true },
      { input: 'a 1\nb 1\n', changed: true, added: 0 },
    ],
  },
  {
    name: 'a line that becomes longer is another one',
    steps: [
      { input: 'a 1\n', changed: true, added: 1 },
      { input: 'a 1\na{b="c"} 1\n', changed: true, added: 1 },
      { input: 'a{b="c"} 1\na 1\n', changed: true, added: 0 },
    ],
  },
  {
    name: 'an exposition that becomes empty has changed',
    steps: [
      { input: '# TYPE a gauge\na 1\n', changed: true, added: 1 },
      { input: '# TYPE a gauge\n', changed: true, added: 0 },
      { input: '# TYPE a gauge\n', changed: false, added: 0 },
    ],
  },
]

for (const { name, options, steps } of stories) {
  test(name, () => {
    const cache = makeCache(options)
    for (const { input, changed, added, error = false } of steps) {
      const columns = cache.read(encoder.encode(input), 'text', scrapeTimeMs)
      assert.deepEqual(
        { changed: columns.changed, added: columns.seriesAdded, error: columns.error !== null },
        { changed, added, error },
        input,
      )
    }
  })
}

test('a series that is exposed twice is a duplicate unless both have their own time', () => {
  const cache = makeCache()
  for (let i = 0; i < 2; i++) {
    const columns = cache.read(
      encoder.encode('a{x="1",y="2"} 1\na{y="2",x="1"} 2\na{x="1",y="2"} 3 5\n'),
      'text',
      scrapeTimeMs,
    )
    assert.equal(columns.duplicates, 1)
    assert.deepEqual([...columns.flags.subarray(0, 3)], [SlotFlag.value, SlotFlag.absent, SlotFlag.value])
    assert.equal(columns.series[0], columns.series[2])
  }
})

test('a sample far in the future is refused', () => {
  const columns = makeCache().read(
    encoder.encode(`a 1 ${scrapeTimeMs + 600_001}\nb 1 ${scrapeTimeMs + 600_000}\n`),
    'text',
    scrapeTimeMs,
  )
  assert.equal(columns.outOfBounds, 1)
  assert.deepEqual([...columns.flags.subarray(0, 2)], [SlotFlag.absent, SlotFlag.value])
})

test('created series become starts where they are asked for', () => {
  const body = encoder.encode(
    '# TYPE a counter\na_total{x="1"} 1\na_created{x="1"} 1000.5\n# TYPE h histogram\nh_bucket{le="+Inf"} 2\nh_count 2\nh_sum 1\nh_created 20\n# EOF\n',
  )
  const cache = makeCache({ startTimestamps: true, keepMetadata: false })
  for (let i = 0; i < 2; i++) {
    const columns = cache.read(body, 'openmetrics', scrapeTimeMs)
    assert.deepEqual(shown(columns), [
      '{__name__="a_total", x="1"} 1 since 1000500',
      '{__name__="a_created", x="1"} absent',
      '{__name__="h_bucket", le="+Inf"} 2 since 20000',
      '{__name__="h_count"} 2 since 20000',
      '{__name__="h_sum"} 1 since 20000',
      '{__name__="h_created"} absent',
    ])
    assert.equal(columns.samplesScraped, 4)
  }
})

test('type and unit become labels where they are asked for', () => {
  const body = '# TYPE a_seconds gauge\n# UNIT a_seconds seconds\na_seconds{__unit__="x"} 1\n# EOF\n'
  const cache = makeCache({ typeAndUnitLabels: true, keepMetadata: false })
  const want = ['{__name__="a_seconds", __type__="gauge", __unit__="seconds"} 1']
  assert.deepEqual(shown(cache.read(encoder.encode(body), 'openmetrics', scrapeTimeMs)), want)
})

// ------------------------------------------------------------------------------------------------------- fuzz

const lineOfText = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(
        fc.constantFrom('a', 'b_total', 'h_bucket', 'c:d'),
        fc.constantFrom('', '{}', '{x="1"}', '{x="1",le="1"}', '{y="\\n",x="é"}', ' {x="1"} '),
        fc.constantFrom('1', '2.5', 'NaN', '+Inf', '1e3', 'x'),
        fc.constantFrom('', ' 5', ' 1700000000001'),
      )
      .map((parts) => `${parts[0]}${parts[1]} ${parts[2]}${parts[3]}`),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      '# TYPE a counter',
      '# TYPE h histogram',
      '# HELP a x',
      '# HELP a y',
      '# a comment',
      '',
      '   ',
    ),
  },
)

test('with a memory or without, the same is read, whatever came before', () => {
  const expositions = fc.array(fc.array(lineOfText, { maxLength: 8 }), { minLength: 1, maxLength: 6 })
  fc.assert(
    fc.property(expositions, fc.boolean(), (bodies, keepMetadata) => {
      const cache = makeCache({ keepMetadata })
      for (const lines of bodies) {
        const body = encoder.encode(lines.join('\n'))
        const fresh = makeCache({ keepMetadata }).read(body, 'text', scrapeTimeMs)
        const cached = cache.read(body, 'text', scrapeTimeMs)
        assert.deepEqual(shown(cached), shown(fresh))
        assert.equal(cached.duplicates, fresh.duplicates)
        assert.equal(cached.samplesScraped, fresh.samplesScraped)
        assert.deepEqual([...cached.tracked.subarray(0, cached.count)], [...fresh.tracked.subarray(0, fresh.count)])
      }
    }),
    { numRuns: 1500 },
  )
})

const lineOfOpenMetrics = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(
        fc.constantFrom('a_total', 'a_created', 'h_bucket', 'h_count', 'h_created', 'u'),
        fc.constantFrom('', '{}', '{x="1"}', '{x="1",le="1"}'),
        fc.constantFrom('1', '2.5', 'x'),
        fc.constantFrom('', ' 5', ' 1.5'),
        fc.constantFrom('', ' # {a="b"} 1', ' # {a="c"} 1 2', ' # {a="c"}'),
      )
      .map((parts) => `${parts[0]}${parts[1]} ${parts[2]}${parts[3]}${parts[4]}`),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom('# TYPE a counter', '# TYPE h histogram', '# HELP a x', '# HELP a y', '# UNIT a '),
  },
)

test('the same in OpenMetrics, with starts, but for exemplars that were told already', () => {
  const expositions = fc.array(fc.array(lineOfOpenMetrics, { maxLength: 8 }), { minLength: 1, maxLength: 6 })
  const withoutExemplars = (columns: Columns): string[] => {
    if (columns.error === null) columns.exemplars = []
    return shown(columns)
  }
  fc.assert(
    fc.property(expositions, fc.boolean(), fc.boolean(), (bodies, startTimestamps, honorTimestamps) => {
      const cache = makeCache({ startTimestamps, honorTimestamps })
      for (const lines of bodies) {
        const body = encoder.encode([...lines, '# EOF'].join('\n'))
        const fresh = makeCache({ startTimestamps, honorTimestamps }).read(body, 'openmetrics', scrapeTimeMs)
        const cached = cache.read(body, 'openmetrics', scrapeTimeMs)
        assert.deepEqual(withoutExemplars(cached), withoutExemplars(fresh))
        assert.equal(cached.duplicates, fresh.duplicates)
        assert.equal(cached.samplesScraped, fresh.samplesScraped)
      }
    }),
    { numRuns: 1500 },
  )
})

test('any bytes are read or refused, in every format, and a good exposition is read after them', () => {
  const pieces = fc.constantFrom(
    'a',
    '{',
    '}',
    '"',
    '\\',
    '=',
    ',',
    ' ',
    '\n',
    '#',
    '# TYPE a ',
    'counter',
    '# EOF',
    '1',
    '.5',
    'é',
    '\0',
    '# {',
  )
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc.array(pieces, { maxLength: 30 }).map((parts) => encoder.encode(parts.join(''))),
  )
  const cache = makeCache({ nativeHistograms: true, startTimestamps: true })
  const good = encoder.encode('a{b="c"} 1\n# EOF\n')
  fc.assert(
    fc.property(bytes, fc.constantFrom<ExpositionFormat>('text', 'openmetrics', 'protobuf'), (body, format) => {
      cache.read(body, format, scrapeTimeMs)
      assert.equal(cache.read(good, 'openmetrics', scrapeTimeMs).error, null)
      assert.deepEqual(shown(cache.columns), ['{__name__="a", b="c"} 1'])
    }),
    { numRuns: 3000 },
  )
})

test('what is written is read back', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 12 }).filter((s) => s.isWellFormed())
  const name = fc.oneof(
    fc.constantFrom('a', 'b_c:d'),
    text.filter((s) => s !== ''),
  )
  const sample = fc.record({
    name,
    labels: fc.uniqueArray(
      fc.tuple(
        name.filter((n) => n !== '__name__'),
        text,
      ),
      { maxLength: 3, selector: (pair) => pair[0] },
    ),
    value: fc.double(),
  })
  fc.assert(
    fc.property(
      fc.uniqueArray(sample, { maxLength: 5, selector: (s) => s.name }),
      fc.constantFrom('text', 'openmetrics'),
      (samples, format) => {
        const writer = new TextWriter(format as 'text')
        const want: string[] = []
        for (const { name: metric, labels, value } of samples) {
          writer.family(metric, 'gauge', 'Help \\ "quoted"\nfor it.')
          const pairs = labels.filter(([key]) => key !== '')
          const names = pairs.map(([key]) => key)
          writer.sample(
            metric,
            names,
            pairs.map(([, content]) => content),
            '',
            '',
            value,
          )
          const help = JSON.stringify('Help \\ "quoted"\nfor it.')
          want.push(
            `${labelsText(labelsFrom([['__name__', metric], ...pairs]))} ${formatGoFloat(value)} (${metric} gauge ${help} )`,
          )
        }
        const columns = makeCache().read(encoder.encode(writer.text()), format as 'text', scrapeTimeMs)
        assert.deepEqual(shown(columns), want)
      },
    ),
    { numRuns: 1000 },
  )
})
