import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Capsule, ConsumeError, type LogsPort } from '#component'
import { decoded, problemsOf, TestHost, type Written } from '#component/test_host'
import { ManualClock } from '#lib/clock'
import { labelsFrom, labelsText, Logs, LogStream } from '#pdata'
import { lokiProcess } from './component.ts'

class Sink implements LogsPort {
  readonly nodeId = 'test.sink.x'
  readonly signal = 'logs'
  /** `{labels} line`, with `metadata @time` behind it where there is one. */
  readonly taken: string[] = []
  refusals = 0
  consume({ streams }: Logs): void {
    if (this.refusals-- > 0) throw new ConsumeError('full', { retryable: true })
    for (const { labels, lines, timestampsNs, metadata } of streams ?? []) {
      for (const [i, line] of lines.entries()) {
        const time = timestampsNs[i] === 0n ? '' : ` @${timestampsNs[i]}`
        const more = metadata?.[i] ? ` ${labelsText(metadata[i])}` : ''
        this.taken.push(`${labelsText(labels)} ${line}${more}${time}`)
      }
    }
  }
}

const map = (values: Record<string, string>): Map<string, string> => new Map(Object.entries(values))

function batchOf(lines: readonly string[], labels: Record<string, string> = { job: 'a' }): Logs {
  const stream = new LogStream(labelsFrom(Object.entries(labels)), new BigInt64Array(lines.length), lines, null)
  return Logs.fromStreams([stream])
}

async function started(stages: Written, options: { clock?: ManualClock } = {}) {
  const clock = options.clock ?? new ManualClock()
  const host = new TestHost({ clock })
  const sink = new Sink()
  const body = { forward_to: [new Capsule('LogsReceiver', sink)], ...stages }
  const component = await lokiProcess.create(host, decoded(lokiProcess.settings, body))
  const check = (): void => {
    const { counters } = host
    assert.equal(counters.in, counters.out + counters.dropped + counters.waiting, 'items are accounted for')
  }
  const consume = (batch: Logs): void | Promise<void> => {
    host.counters.in += batch.count
    return component.logs?.consume(batch)
  }
  return { clock, host, sink, component, consume, check }
}

interface Case {
  readonly name: string
  readonly stages: Written
  readonly lines: readonly string[]
  readonly want: readonly string[]
  readonly labels?: Record<string, string>
}

const level = { 'stage.labels': { values: map({ level: '' }) } }
const json = (expressions: Record<string, string>): Written => ({ 'stage.json': { expressions: map(expressions) } })

const cases: Case[] = [
  {
    name: 'json calls the functions of JMESPath, and extracts nothing where they do not suit',
    stages: {
      ...json({ n: 'length(msgs)', last: 'sort(msgs)[-1]', bad: 'abs(who)' }),
      'stage.template': { source: 'out', template: '{{ .n }} {{ .last }} {{ .bad }}' },
      'stage.output': { source: 'out' },
    },
    lines: ['{"msgs":["b","c","a"],"who":"x"}'],
    want: ['{job="a"} 3 c <no value>'],
  },
  {
    name: "template knows Sprig's functions and Alloy's",
    stages: {
      'stage.template': {
        source: 'out',
        template:
          '{{ $w := splitList " " .Entry }}{{ range $i, $x := $w }}{{ $i }}{{ $x | upper }}{{ end }} {{ Trim "xax" "x" }}',
      },
      'stage.output': { source: 'out' },
    },
    lines: ['a b'],
    want: ['{job="a"} 0A1B a'],
  },
  {
    name: 'pattern extracts captures, as labels too where told so',
    stages: { 'stage.pattern': { pattern: '<method> <path> <_> <status>', labels_from_groups: true } },
    lines: ['GET /x HTTP/1.1 200', ''],
    want: ['{job="a", method="GET", path="/x", status="200"} GET /x HTTP/1.1 200', '{job="a"} '],
  },
  {
    name: 'split_json makes a line of every element, as written',
    stages: { 'stage.split_json': {} },
    lines: [' [ {"a" : [1, "]"]} , 2,"x,\\"" ] ', '[]', '{"a":[1]}', '[1', '[null]'],
    want: [
      '{job="a"} {"a" : [1, "]"]}',
      '{job="a"} 2',
      '{job="a"} "x,\\""',
      '{job="a"} {"a":[1]}',
      '{job="a"} [1',
      '{job="a"} null',
    ],
  },
  {
    name: 'eventlogmessage extracts keys of a message',
    stages: {
      ...json({ message: '' }),
      'stage.eventlogmessage': {},
      'stage.labels': { values: map({ Image: '', Process_Id: '', job_extracted: '' }) },
      'stage.output': { source: 'Image' },
    },
    lines: [
      '{"message":"Process Create:\\r\\nImage: C:\\\\a.exe\\r\\nProcess Id: 4\\r\\njob: b\\r\\nnothing"}',
      '{"message":null}',
    ],
    want: ['{Image="C:\\\\a.exe", Process_Id="4", job="a", job_extracted="b"} C:\\a.exe'],
  },
  {
    name: 'windowsevent extracts a description and the keys of sections',
    stages: {
      ...json({ message: '' }),
      'stage.windowsevent': {},
      'stage.template': {
        source: 'out',
        template: '{{ .Description }}|{{ .Subject_SecurityID }}|{{ .Subject_Rights }}|{{ .Network }}',
      },
      'stage.output': { source: 'out' },
    },
    lines: [
      '{"message":"It ran.\\r\\n\\r\\nSubject:\\r\\n\\tSecurity ID:\\t\\tS-1\\r\\n\\tRights:\\tRead\\r\\n\\t\\tWrite\\r\\n\\r\\nNetwork:\\tno"}',
    ],
    want: ['{job="a"} It ran.|S-1|Read,Write|no'],
  },
  {
    name: 'json extracts by JMESPath, labels and output use it',
    stages: { ...json({ level: '', who: 'user.name', out: 'msgs[-1]' }), ...level, 'stage.output': { source: 'out' } },
    lines: ['{"level":"warn","user":{"name":"ana"},"msgs":["a","b"]}', 'no json'],
    want: ['{job="a", level="warn"} b', '{job="a"} no json'],
  },
  {
    name: 'json gives objects as JSON with sorted keys and numbers without exponents',
    stages: { ...json({ out: '[o, n]' }), 'stage.output': { source: 'out' } },
    lines: ['{"o":{"b":"<","a":1},"n":1.5}'],
    want: ['{job="a"} [{"a":1,"b":"\\u003c"},1.5]'],
  },
  {
    name: 'json drops what is malformed where told so, and takes fields by name',
    stages: { 'stage.json': { regex: '^l', drop_malformed: true }, ...level },
    lines: ['{"level":true}', '[1]'],
    want: ['{job="a", level="true"} {"level":true}'],
  },
  {
    name: 'logfmt extracts mapped keys',
    stages: {
      'stage.logfmt': { mapping: map({ level: 'lvl', text: 'msg' }) },
      ...level,
      'stage.output': { source: 'text' },
    },
    lines: ['lvl=error msg="it \\"broke\\"" dur=3s alone'],
    want: ['{job="a", level="error"} it "broke"'],
  },
  {
    name: 'regex extracts named groups, as labels too where told so',
    stages: { 'stage.regex': { expression: '(?P<method>[A-Z]+) (?P<path>\\S+)', labels_from_groups: true } },
    lines: ['GET /x', 'nothing'],
    want: ['{job="a", method="GET", path="/x"} GET /x', '{job="a"} nothing'],
  },
  {
    name: 'labels are set, dropped and kept',
    stages: {
      'stage.static_labels': { values: map({ env: 'test', none: '' }) },
      'stage.label_drop': { values: ['job'] },
      'stage.label_keep': { values: ['env', 'b'] },
    },
    labels: { job: 'a', b: 'c', d: 'e' },
    lines: ['x'],
    want: ['{b="c", env="test"} x'],
  },
  {
    name: 'structured metadata comes of extracted values and takes labels away',
    stages: {
      ...json({ id: '' }),
      'stage.structured_metadata': { values: map({ user_id: 'id', job: '', pod: '' }) },
      'stage.structured_metadata_drop': { values: ['pod'] },
    },
    labels: { job: 'a', pod: 'p', x: 'y' },
    lines: ['{"id":7}'],
    want: ['{x="y"} {"id":7} {job="a", user_id="7"}'],
  },
  {
    name: 'timestamp reads layouts, falls back, and moves on by a nanosecond where there is no time',
    stages: {
      ...json({ t: '' }),
      'stage.timestamp': { source: 't', format: 'RFC3339Nano', fallback_formats: ['Unix'] },
      'stage.output': { source: 't' },
    },
    lines: ['{"t":"2026-01-02T03:04:05.678Z"}', '{"t":"x"}', '{"t":"1767323045"}', '{"t":"1767323045"}'],
    want: [
      '{job="a"} 2026-01-02T03:04:05.678Z @1767323045678000000',
      '{job="a"} x @1767323045678000001',
      '{job="a"} 1767323045 @1767323045000000000',
      '{job="a"} 1767323045 @1767323045000000001',
    ],
  },
  {
    name: 'drop looks at the line, or at a source',
    stages: { 'stage.drop': [{ expression: 'healthz' }, { source: 'job', value: 'b' }, { longer_than: '5B' }] },
    lines: ['/healthz', 'short', 'too long'],
    want: ['{job="a"} short'],
  },
  {
    name: 'match runs stages on selected lines only, and keeps the order',
    stages: {
      'stage.match': {
        selector: '{job=~"a|b"} |= "x" !~ "no"',
        'stage.static_labels': { values: map({ m: '1' }) },
        'stage.match': { selector: '{m="1"}', 'stage.tenant': { value: 't' } },
      },
    },
    lines: ['x', 'y', 'x no'],
    want: ['{__tenant_id__="t", job="a", m="1"} x', '{job="a"} y', '{job="a"} x no'],
  },
  {
    name: 'match drops',
    stages: { 'stage.match': { selector: '{job="a"} |~ "^x"', action: 'drop' } },
    lines: ['x', 'yx'],
    want: ['{job="a"} yx'],
  },
  {
    name: 'replace changes groups, by text or template',
    stages: {
      'stage.replace': [
        { expression: 'password=(\\S+)', replace: '****' },
        { expression: '(ip\\S+)', replace: '{{ .Value | ToUpper }}' },
      ],
    },
    lines: ['password=a ip=b password=c'],
    want: ['{job="a"} password=**** IP=B password=****'],
  },
  {
    name: 'template works on values and missing ones',
    stages: {
      ...json({ msg: '', name: '' }),
      'stage.template': {
        source: 'out',
        template:
          '{{ .msg | ToUpper }} by {{ if .name }}{{ .name }}{{ else }}nobody{{ end }}{{- /* c */ -}} ! {{ .none }}',
      },
      'stage.output': { source: 'out' },
    },
    lines: ['{"msg":"hi","name":"bo"}', '{"msg":"hi"}', '{}'],
    want: ['{job="a"} HI by bo! <no value>', '{job="a"} HI by nobody! <no value>', '{job="a"} {}'],
  },
  {
    name: 'cri joins partial lines by stream',
    stages: { 'stage.cri': {} },
    lines: [
      '1970-01-01T00:00:01Z stdout F full line',
      '1970-01-01T00:00:01Z stderr P part one ',
      '1970-01-01T00:00:02Z stderr F part two',
      'something else',
      'xstdout F y',
      'stdout F y',
    ],
    want: [
      '{job="a", stream="stdout"} full line @1000000000',
      '{job="a", stream="stderr"} part one part two @2000000000',
      '{job="a"} something else',
      '{job="a"} xstdout F y',
      '{job="a"} stdout F y',
    ],
  },
  {
    name: 'cri hands on what never ends once it is long',
    stages: { 'stage.cri': { max_joined_bytes: '8B' } },
    lines: [
      '1970-01-01T00:00:01Z stdout P four',
      '1970-01-01T00:00:01Z stdout P five5',
      '1970-01-01T00:00:01Z stdout P six',
      '1970-01-01T00:00:01Z stdout F !',
    ],
    want: ['{job="a", stream="stdout"} fourfive5 @1000000000', '{job="a", stream="stdout"} six! @1000000000'],
  },
  {
    name: 'docker unpacks',
    stages: { 'stage.docker': {} },
    lines: ['{"log":"text\\n","stream":"stdout","time":"1970-01-01T00:00:01Z"}', '{"log":1}'],
    want: ['{job="a", stream="stdout"} text\n @1000000000', '{job="a"} {"log":1}'],
  },
  {
    name: 'decolorize takes escape sequences off',
    stages: { 'stage.decolorize': {} },
    lines: ['\u001b[1;31mred\u001b[0m', '[31m'],
    want: ['{job="a"} red', '{job="a"} [31m'],
  },
  {
    name: 'pack puts labels into the line',
    stages: { 'stage.pack': { labels: ['job', 'none'], ingest_timestamp: false } },
    labels: { job: 'a', b: 'c' },
    lines: ['say "x"'],
    want: ['{b="c"} {"job":"a","_entry":"say \\"x\\""}'],
  },
  {
    name: 'truncate cuts whole characters and says so',
    stages: {
      'stage.truncate': {
        rule: [
          { limit: '4B', suffix: '!' },
          { limit: '1B', source_type: 'label' },
        ],
      },
      'stage.labels': { values: map({ cut: 'truncated' }) },
    },
    labels: { job: 'abc' },
    lines: ['aéé', 'abc'],
    want: ['{cut="label,line", job="a"} aé!', '{cut="label", job="a"} abc'],
  },
  {
    name: 'luhn replaces card numbers',
    stages: { 'stage.luhn': { delimiters: ' -', skip_regex: 'id=\\d+' } },
    lines: ['card 4539-1488 0343 6467 ok', '4539148803436468', 'id=4539148803436467'],
    want: ['{job="a"} card **REDACTED** ok', '{job="a"} 4539148803436468', '{job="a"} id=4539148803436467'],
  },
  {
    name: 'sampling at the ends of its range',
    stages: {
      'stage.match': { selector: '{job="a"} |= "x"', 'stage.sampling': { rate: 0 } },
      'stage.sampling': { rate: 1 },
    },
    lines: ['x', 'y'],
    want: ['{job="a"} y'],
  },
]

describe('loki.process', () => {
  for (const { name, stages, lines, want, labels } of cases) {
    it(name, async () => {
      const { sink, consume, component, check } = await started(stages)
      await consume(batchOf(lines, labels))
      assert.deepEqual([...sink.taken].sort(), [...want].sort())
      check()
      await component.stop(0)
      await component.stop(0)
    })
  }

  it('joins lines until one begins anew or time is up', async () => {
    const { clock, sink, consume, check, component, host } = await started({
      'stage.multiline': { firstline: '^\\[', max_wait_time: '1s' },
    })
    await consume(batchOf(['before', '[1', ' a\r', '[2']))
    assert.deepEqual(sink.taken, ['{job="a"} before', '{job="a"} [1\n a'])
    assert.equal(host.counters.waiting, 1)
    check()
    clock.advance(1000)
    await new Promise(setImmediate)
    assert.deepEqual(sink.taken.slice(2), ['{job="a"} [2'])
    await consume(batchOf(['[3', 'b']))
    await component.stop(0)
    assert.deepEqual(sink.taken.slice(3), ['{job="a"} [3\nb'])
    check()
  })

  it('drops what is above a limit, or lets senders wait', async () => {
    const dropping = await started({ 'stage.limit': { rate: 1, burst: 2n, drop: true } })
    await dropping.consume(batchOf(['1', '2', '3']))
    assert.equal(dropping.sink.taken.length, 2)
    assert.equal(dropping.host.counts.get('loki_process_dropped_lines_total{reason="ratelimit_drop_stage"}')?.value, 1)
    dropping.check()
    const waiting = await started({ 'stage.limit': { rate: 1, burst: 2n } })
    let isDone = false
    const done = Promise.resolve(waiting.consume(batchOf(['1', '2', '3']))).then(() => (isDone = true))
    await new Promise(setImmediate)
    assert.deepEqual([waiting.sink.taken.length, isDone, waiting.host.counters.waiting], [2, false, 1])
    waiting.clock.advance(1001)
    await done
    assert.equal(waiting.sink.taken.length, 3)
  })

  it('makes metrics of lines', async () => {
    const { host, consume, component } = await started({
      ...json({ ms: '', ok: '' }),
      'stage.metrics': {
        'metric.counter': [
          { name: 'lines', action: 'inc', match_all: true },
          { name: 'bytes', action: 'add', match_all: true, count_entry_bytes: true, prefix: 'my_' },
          { name: 'ok', action: 'inc', value: 'true' },
        ],
        'metric.gauge': { name: 'last', source: 'ms', action: 'set' },
        'metric.histogram': { name: 'time', source: 'ms', buckets: [1, 10] },
      },
    })
    await consume(batchOf(['{"ms":5,"ok":true}', '{"ms":"2s","ok":false}', 'é']))
    const counts = [...host.counts].map(([name, { value }]) => `${name} ${value}`)
    assert.deepEqual(counts.sort(), [
      'loki_process_custom_lines{job="a"} 3',
      'loki_process_custom_ok{job="a"} 1',
      'my_bytes{job="a"} 42',
    ])
    assert.equal(host.readings.get('loki_process_custom_last{job="a"}')?.(), 2)
    assert.deepEqual(host.distributions.get('loki_process_custom_time{job="a"}')?.counts, [0, 2, 0])
    await component.stop(0)
  })

  it('tries again what the next consumer refuses for now', async () => {
    const { clock, sink, consume, check } = await started({ 'stage.drop': { expression: 'x' } })
    sink.refusals = 1
    const done = consume(batchOf(['x', 'y']))
    await new Promise(setImmediate)
    check()
    clock.advance(1000)
    await done
    assert.deepEqual(sink.taken, ['{job="a"} y'])
    check()
  })

  const refusals: { body: Written; want: string }[] = [
    { body: { 'stage.geoip': { db: 'x', source: 'y' } }, want: 'db type or values need to be set' },
    { body: { 'stage.pattern': { pattern: '<a><b>' } }, want: "found consecutive capture '<a><b>' at 4" },
    { body: { 'stage.eventlogmessage': { source: 'a b' } }, want: 'invalid label name: a b' },
    { body: { 'stage.jsn': {} }, want: 'unrecognized block name "stage.jsn"' },
    { body: { 'stage.json': {} }, want: 'JMES expressions or regex is required' },
    { body: json({ a: 'longth(b)' }), want: 'unknown function: longth() at 1' },
    { body: json({ a: 'b[' }), want: 'could not compile JMES expression: unexpected end' },
    { body: { 'stage.regex': { expression: '(' } }, want: 'could not compile regular expression' },
    { body: { 'stage.match': { selector: '{a=b}' } }, want: 'expected a text in quotes, got `b`' },
    {
      body: { 'stage.template': { source: 'a', template: '{{ dicct 1 }}' } },
      want: 'line 1, column 4: function "dicct" not defined',
    },
    { body: { 'stage.template': { source: 'a', template: '{{ if .x }}' } }, want: '{{if}} without {{end}}' },
    {
      body: { 'stage.timestamp': { source: 'a', format: 'x', location: 'No/Where' } },
      want: 'unknown time zone No/Where',
    },
    { body: { 'stage.limit': { rate: 0, burst: 1n } }, want: 'failed to parse rate or burst' },
  ]
  for (const { body, want } of refusals) {
    it(`refuses: ${want}`, () => {
      const problems = problemsOf(lokiProcess.settings, { forward_to: [], ...body })
      assert.ok(
        problems.some((problem) => problem.includes(want)),
        String(problems),
      )
    })
  }
})
