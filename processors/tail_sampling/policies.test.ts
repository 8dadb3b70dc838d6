// What each policy says of a trace, read from its bytes.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Written } from '#component/test_host'
import { decoded, problemsOf, TestHost } from '#component/test_host'
import { ManualClock } from '#lib/clock'
import type { AnyValue } from '#pdata/otlp'
import { wireBytes } from '#pdata/otlp'
import type { SpanText } from './fixture_traces.ts'
import { spanOf, traceId, wireOf } from './fixture_traces.ts'
import { Splitter, TraceView } from './pending.ts'
import type { NamedPolicy } from './combined.ts'
import type { Policy } from './policies.ts'
import { parseTraceState, shareOf64Bits, Verdict } from './policies.ts'
import { namedPolicies, policySettings } from './settings.ts'

const yaml = policySettings('yaml')
const alloy = policySettings('alloy')

interface TraceText {
  readonly spans: readonly SpanText[]
  readonly resource?: Readonly<Record<string, AnyValue>>
}

/** A trace as it waits: each text came in a request of its own. */
function traceOf(id: Uint8Array, texts: readonly TraceText[]): TraceView {
  const view = new TraceView(Buffer.from(id).toString('latin1'))
  const splitter = new Splitter(true, 0)
  for (const { spans, resource } of texts) {
    for (const part of splitter.split(
      wireOf(
        spans.map((span) => spanOf(id, span)),
        resource,
      ),
    )) {
      view.append(part)
      view.spans += part.spans
    }
  }
  return view
}

async function policy(written: Written, clock: ManualClock = new ManualClock()): Promise<Policy> {
  const [made] = await namedPolicies([decoded(yaml, { name: 'p', ...written })], new TestHost({ clock }))
  return (made as NamedPolicy).policy
}

const verdictNames = Object.fromEntries(Object.entries(Verdict).map(([name, value]) => [value, name]))

const ms = 1_000_000n
/** A time whose nanoseconds do not fit into a number. */
const t0 = 1_700_000_000_123_456_789n

const cases: readonly { name: string; policy: Written; trace: readonly TraceText[]; want: keyof typeof Verdict }[] = [
  {
    name: 'always_sample samples',
    policy: { type: 'always_sample' },
    trace: [{ spans: [{}] }],
    want: 'sampled',
  },
  {
    name: 'latency from the earliest start to the latest end, over requests',
    policy: { type: 'latency', latency: { threshold_ms: 100n } },
    trace: [{ spans: [{ times: [t0 + 50n * ms, t0 + 100n * ms] }] }, { spans: [{ times: [t0, t0 + 60n * ms] }] }],
    want: 'sampled',
  },
  {
    name: 'latency of a nanosecond less is not enough',
    policy: { type: 'latency', latency: { threshold_ms: 100n } },
    trace: [{ spans: [{ times: [t0, t0 + 100n * ms - 1n] }] }],
    want: 'notSampled',
  },
  {
    name: 'latency at the lower bound is out where there is an upper one',
    policy: { type: 'latency', latency: { threshold_ms: 100n, upper_threshold_ms: 200n } },
    trace: [{ spans: [{ times: [t0, t0 + 100n * ms] }] }],
    want: 'notSampled',
  },
  {
    name: 'latency at the upper bound is in',
    policy: { type: 'latency', latency: { threshold_ms: 100n, upper_threshold_ms: 200n } },
    trace: [{ spans: [{ times: [t0, t0 + 200n * ms] }] }],
    want: 'sampled',
  },
  {
    name: 'numeric_attribute at its bounds',
    policy: { type: 'numeric_attribute', numeric_attribute: { key: 'k', min_value: 400n, max_value: 599n } },
    trace: [{ spans: [{}, { attributes: { other: 1n, k: 599n } }] }],
    want: 'sampled',
  },
  {
    name: 'numeric_attribute of the resource, with one bound, negative',
    policy: { type: 'numeric_attribute', numeric_attribute: { key: 'k', max_value: -3n } },
    trace: [{ spans: [{}], resource: { k: -7n } }],
    want: 'sampled',
  },
  {
    name: 'numeric_attribute reads what is no integer as 0',
    policy: { type: 'numeric_attribute', numeric_attribute: { key: 'k', min_value: -5n, max_value: 5n } },
    trace: [{ spans: [{ attributes: { k: '300' } }] }],
    want: 'sampled',
  },
  {
    name: 'numeric_attribute turned around: a match is left out',
    policy: {
      type: 'numeric_attribute',
      numeric_attribute: { key: 'k', min_value: 1n, max_value: 2n, invert_match: true },
    },
    trace: [{ spans: [{}, { attributes: { k: 2n } }] }],
    want: 'notSampled',
  },
  {
    name: 'boolean_attribute reads what is no bool as false',
    policy: { type: 'boolean_attribute', boolean_attribute: { key: 'k', value: false } },
    trace: [{ spans: [{ attributes: { k: 'true' } }] }],
    want: 'sampled',
  },
  {
    name: 'boolean_attribute without the attribute',
    policy: { type: 'boolean_attribute', boolean_attribute: { key: 'k', value: false } },
    trace: [{ spans: [{}] }],
    want: 'notSampled',
  },
  {
    name: 'boolean_attribute turned around, without the attribute',
    policy: { type: 'boolean_attribute', boolean_attribute: { key: 'k', value: true, invert_match: true } },
    trace: [{ spans: [{}] }],
    want: 'sampled',
  },
  {
    name: 'string_attribute of the resource',
    policy: { type: 'string_attribute', string_attribute: { key: 'service.name', values: ['a', 'b'] } },
    trace: [{ spans: [{}], resource: { 'service.name': 'b' } }],
    want: 'sampled',
  },
  {
    name: 'string_attribute: an empty value is no value',
    policy: { type: 'string_attribute', string_attribute: { key: 'k', values: [''] } },
    trace: [{ spans: [{ attributes: { k: '' } }], resource: { k: '' } }],
    want: 'notSampled',
  },
  {
    name: 'string_attribute takes a text as a whole',
    policy: { type: 'string_attribute', string_attribute: { key: 'k', values: ['health'] } },
    trace: [{ spans: [{ attributes: { k: '/health' } }] }],
    want: 'notSampled',
  },
  {
    name: 'string_attribute by expression, found anywhere, in other scripts too',
    policy: {
      type: 'string_attribute',
      string_attribute: { key: 'k', values: ['^x$', 'straße/\\d+'], enabled_regex_matching: true },
    },
    trace: [{ spans: [{ attributes: { k: 'y' } }, { attributes: { k: '/straße/12?' } }] }],
    want: 'sampled',
  },
  {
    name: 'string_attribute by expression, turned around',
    policy: {
      type: 'string_attribute',
      string_attribute: { key: 'k', values: ['val.*'], enabled_regex_matching: true, invert_match: true },
    },
    trace: [{ spans: [{ attributes: { k: 'value' } }] }],
    want: 'notSampled',
  },
  {
    name: 'an expression that fits no text does not fit spans without a text',
    policy: { type: 'string_attribute', string_attribute: { key: 'k', values: ['.*'], enabled_regex_matching: true } },
    trace: [{ spans: [{ attributes: { k: 5n } }] }],
    want: 'notSampled',
  },
  {
    name: 'status_code of any span',
    policy: { type: 'status_code', status_code: { status_codes: ['ERROR'] } },
    trace: [{ spans: [{}] }, { spans: [{ status: 2 }] }],
    want: 'sampled',
  },
  {
    name: 'status_code UNSET is one that was not sent',
    policy: { type: 'status_code', status_code: { status_codes: ['OK', 'UNSET'] } },
    trace: [{ spans: [{ status: 2 }, {}] }],
    want: 'sampled',
  },
  {
    name: 'trace_state',
    policy: { type: 'trace_state', trace_state: { key: 'k', values: ['a', 'b'] } },
    trace: [{ spans: [{ traceState: 'x=a' }, { traceState: 'x=1, k=b ' }] }],
    want: 'sampled',
  },
  {
    name: 'trace_state that breaks the rules is not looked at',
    policy: { type: 'trace_state', trace_state: { key: 'k', values: ['a'] } },
    trace: [{ spans: [{ traceState: 'k=a,Upper=1' }] }],
    want: 'notSampled',
  },
  {
    name: 'trace_flags',
    policy: { type: 'trace_flags' },
    trace: [{ spans: [{ flags: 0x102 }, { flags: 0x301 }] }],
    want: 'sampled',
  },
  {
    name: 'trace_flags that are not set',
    policy: { type: 'trace_flags' },
    trace: [{ spans: [{ flags: 0x300 }] }],
    want: 'notSampled',
  },
  {
    name: 'span_count at its most',
    policy: { type: 'span_count', span_count: { min_spans: 2n, max_spans: 3n } },
    trace: [{ spans: [{}, {}] }, { spans: [{}] }],
    want: 'sampled',
  },
  {
    name: 'span_count above its most',
    policy: { type: 'span_count', span_count: { min_spans: 2n, max_spans: 3n } },
    trace: [{ spans: [{}, {}, {}, {}] }],
    want: 'notSampled',
  },
  {
    name: 'span_count without a most',
    policy: { type: 'span_count', span_count: { min_spans: 2n } },
    trace: [{ spans: [{}, {}, {}, {}] }],
    want: 'sampled',
  },
  {
    name: 'ottl_condition on a span, with its own paths bare',
    policy: {
      type: 'ottl_condition',
      ottl_condition: { span: ['attributes["k"] == "no"', 'attributes["k"] == "v" and resource.attributes["r"] == 1'] },
    },
    trace: [{ spans: [{}] }, { spans: [{ attributes: { k: 'v' } }], resource: { r: 1n } }],
    want: 'sampled',
  },
  {
    name: 'ottl_condition on an event',
    policy: { type: 'ottl_condition', ottl_condition: { spanevent: ['name == "exception" and span.name == "b"'] } },
    trace: [
      {
        spans: [
          { name: 'a', events: ['exception'] },
          { name: 'b', events: ['x', 'exception'] },
        ],
      },
    ],
    want: 'sampled',
  },
  {
    name: 'ottl_condition that holds nowhere',
    policy: { type: 'ottl_condition', ottl_condition: { span: ['name == "x"'], spanevent: ['name == "x"'] } },
    trace: [{ spans: [{ name: 'a', events: ['b'] }] }],
    want: 'notSampled',
  },
  {
    name: 'ottl_condition inside of another policy',
    policy: {
      type: 'drop',
      drop: {
        drop_sub_policy: [
          {
            name: 'a',
            type: 'not',
            not: { not_sub_policy: { name: 'b', type: 'ottl_condition', ottl_condition: { span: ['name == "x"'] } } },
          },
        ],
      },
    },
    trace: [{ spans: [{ name: 'y' }] }],
    want: 'dropped',
  },
  {
    name: 'and: all of them, turned around or not',
    policy: {
      type: 'and',
      and: {
        and_sub_policy: [
          { name: 'a', type: 'string_attribute', string_attribute: { key: 'k', values: ['v'], invert_match: true } },
          { name: 'b', type: 'span_count', span_count: { min_spans: 1n } },
        ],
      },
    },
    trace: [{ spans: [{ attributes: { k: 'w' } }] }],
    want: 'sampled',
  },
  {
    name: 'and: one no is enough',
    policy: {
      type: 'and',
      and: {
        and_sub_policy: [
          { name: 'a', type: 'string_attribute', string_attribute: { key: 'k', values: ['v'], invert_match: true } },
        ],
      },
    },
    trace: [{ spans: [{ attributes: { k: 'v' } }] }],
    want: 'notSampled',
  },
  {
    name: 'and with not',
    policy: {
      type: 'and',
      and: {
        and_sub_policy: [
          {
            name: 'a',
            type: 'not',
            not: { not_sub_policy: { name: 'n', type: 'status_code', status_code: { status_codes: ['ERROR'] } } },
          },
        ],
      },
    },
    trace: [{ spans: [{ status: 1 }] }],
    want: 'sampled',
  },
  {
    name: 'not turns around what is turned around',
    policy: {
      type: 'not',
      not: {
        not_sub_policy: {
          name: 'n',
          type: 'boolean_attribute',
          boolean_attribute: { key: 'k', value: true, invert_match: true },
        },
      },
    },
    trace: [{ spans: [{}] }],
    want: 'notSampled',
  },
  {
    name: 'drop drops what all of its policies sample',
    policy: {
      type: 'drop',
      drop: {
        drop_sub_policy: [
          { name: 'a', type: 'string_attribute', string_attribute: { key: 'url.path', values: ['/health'] } },
          { name: 'b', type: 'span_count', span_count: { min_spans: 1n } },
        ],
      },
    },
    trace: [{ spans: [{ attributes: { 'url.path': '/health' } }] }],
    want: 'dropped',
  },
  {
    name: 'drop has nothing against other traces',
    policy: {
      type: 'drop',
      drop: {
        drop_sub_policy: [{ name: 'a', type: 'status_code', status_code: { status_codes: ['ERROR'] } }],
      },
    },
    trace: [{ spans: [{}] }],
    want: 'notSampled',
  },
]

for (const { name, policy: written, trace, want } of cases) {
  test(name, async () => {
    const verdict = (await policy(written)).evaluate(traceOf(traceId(1), trace))
    assert.equal(verdictNames[verdict], want)
  })
}

test('probabilistic decides as Go does with the same salt', async () => {
  const { ids, cases: recorded } = JSON.parse(
    readFileSync(join(import.meta.dirname, 'testdata/probabilistic.json'), 'utf8'),
  ) as {
    ids: string[]
    cases: { salt: string; percentage: number; threshold: string; sampled: string }[]
  }
  for (const { salt, percentage, threshold, sampled } of recorded) {
    assert.equal(String(shareOf64Bits(percentage / 100)), threshold, `${percentage} %`)
    const sampler = await policy({
      type: 'probabilistic',
      // The default is used where there is no salt.
      probabilistic: {
        sampling_percentage: percentage,
        ...(salt === 'default-hash-seed' ? {} : { hash_salt: salt }),
      },
    })
    const got = ids.map((id) => sampler.evaluate(new TraceView(Buffer.from(id, 'hex').toString('latin1')))).join('')
    assert.equal(got, sampled, `${percentage} % with ${salt}`)
  }
})

test('rate_limiting lets a burst pass and then what the rate allows', async () => {
  const clock = new ManualClock()
  const limit = await policy({ type: 'rate_limiting', rate_limiting: { spans_per_second: 4n } }, clock)
  const trace = traceOf(traceId(1), [{ spans: [{}, {}] }])
  const passes = (): boolean => limit.evaluate(trace) === Verdict.sampled
  assert.deepEqual([passes(), passes(), passes(), passes(), passes()], [true, true, true, true, false])
  await clock.advance(499)
  assert.equal(passes(), false)
  await clock.advance(1)
  assert.deepEqual([passes(), passes()], [true, false])
  await clock.advance(60_000)
  assert.equal(
    limit.evaluate(traceOf(traceId(2), [{ spans: Array.from({ length: 9 }, () => ({})) }])),
    Verdict.notSampled,
  )
  assert.equal(passes(), true)
})

test('bytes_limiting counts the bytes of the request that the trace would be', async () => {
  const clock = new ManualClock()
  const trace = traceOf(traceId(1), [{ spans: [{ name: 'n'.repeat(300) }], resource: { k: 'v' } }])
  const whole = wireOf([spanOf(traceId(1), { name: 'n'.repeat(300) })], { k: 'v' })
  const bytes = wireBytes(whole.wire ?? [])
  assert.equal(trace.requestBytes, bytes)
  const limit = (burst: number) =>
    policy({ type: 'bytes_limiting', bytes_limiting: { bytes_per_second: 10n, burst_capacity: BigInt(burst) } }, clock)
  assert.equal((await limit(bytes - 1)).evaluate(trace), Verdict.notSampled)
  assert.equal((await limit(bytes)).evaluate(trace), Verdict.sampled)
})

test('an ottl_condition that fails has no say with propagate, and is false otherwise', async () => {
  const span = ['Concat(["a", attributes["k"]], 5) == "x"', 'attributes["k"] > 4 and Int(name) == 1']
  assert.notDeepEqual(problemsOf(yaml, { name: 'p', type: 'ottl_condition', ottl_condition: { span } }), [])
  const fails = { span: ['resource.attributes["list"][7] == 1', 'name == "a"'] }
  const trace = traceOf(traceId(1), [{ spans: [{ name: 'a' }], resource: { list: 'no list' } }])
  const ignoring = await policy({ type: 'ottl_condition', ottl_condition: { ...fails, error_mode: 'ignore' } })
  assert.equal(ignoring.evaluate(trace), Verdict.sampled)
  const propagating = await policy({ type: 'ottl_condition', ottl_condition: { ...fails, error_mode: 'propagate' } })
  assert.throws(() => propagating.evaluate(trace), /Cannot run an OTTL statement/)
})

test('composite gives each of its policies a share of the spans of each second', async () => {
  const clock = new ManualClock(1_700_000_000_000)
  const composite = await policy(
    {
      type: 'composite',
      composite: {
        max_total_spans_per_second: 10n,
        policy_order: ['errors', 'rest'],
        composite_sub_policy: [
          { name: 'errors', type: 'status_code', status_code: { status_codes: ['ERROR'] } },
          {
            name: 'both',
            type: 'and',
            and: {
              and_sub_policy: [{ name: 'x', type: 'boolean_attribute', boolean_attribute: { key: 'k', value: true } }],
            },
          },
          { name: 'rest', type: 'always_sample' },
        ],
        rate_allocation: [
          { policy: 'errors', percent: 50n },
          { policy: 'both', percent: 0n },
        ],
      },
    },
    clock,
  )
  const passes = (span: SpanText, count: number): boolean =>
    composite.evaluate(traceOf(traceId(1), [{ spans: Array.from({ length: count }, () => span) }])) === Verdict.sampled
  assert.deepEqual([passes({ status: 2 }, 4), passes({ status: 2 }, 2), passes({ status: 2 }, 1)], [true, false, true])
  // A third of ten, cut to an integer; and nothing for the policy without a share.
  assert.deepEqual([passes({ attributes: { k: true } }, 3), passes({ attributes: { k: true } }, 1)], [true, false])
  assert.equal(passes({}, 1), false)
  await clock.advance(1000)
  assert.equal(passes({ status: 2 }, 5), true)
})

const traceStates: readonly { text: string; want: Readonly<Record<string, string>> | undefined }[] = [
  { text: '', want: {} },
  { text: 'a=1,b=2', want: { a: '1', b: '2' } },
  { text: ' a=1 ,, \tb=2\t', want: { a: '1', b: '2' } },
  { text: 'a=x y', want: { a: 'x y' } },
  { text: 'tenant@system=1', want: { 'tenant@system': '1' } },
  { text: '1tenant@system=1', want: { '1tenant@system': '1' } },
  { text: '1a=1', want: undefined },
  { text: 'a=1,a=2', want: undefined },
  { text: 'a', want: undefined },
  { text: 'a=', want: undefined },
  { text: 'a=b=c', want: undefined },
  { text: Array.from({ length: 33 }, (_, i) => `k${i}=1`).join(), want: undefined },
]

for (const { text, want } of traceStates) {
  test(`the tracestate ${JSON.stringify(text.slice(0, 40))} is ${want === undefined ? 'refused' : 'read'}`, () => {
    const members = parseTraceState(text)
    assert.deepEqual(members === undefined ? undefined : Object.fromEntries(members), want)
  })
}

const wrong: readonly { name: string; written: Written; want: RegExp }[] = [
  {
    name: 'an unknown type',
    written: { type: 'sometimes' },
    want: /unknown sampling policy type "sometimes", expected/,
  },
  { name: 'no status', written: { type: 'status_code' }, want: /at least one status code/ },
  {
    name: 'an unknown status',
    written: { type: 'status_code', status_code: { status_codes: ['Error'] } },
    want: /unknown status code "Error", supported/,
  },
  {
    name: 'a broken expression',
    written: { type: 'string_attribute', string_attribute: { values: ['('], enabled_regex_matching: true } },
    want: /missing closing \)/,
  },
  {
    name: 'a range without bounds',
    written: { type: 'numeric_attribute' },
    want: /min_value or max_value has to be set/,
  },
  {
    name: 'a range upside down',
    written: { type: 'numeric_attribute', numeric_attribute: { key: 'k', min_value: 3n, max_value: 2n } },
    want: /min_value must not be above max_value, got 3 and 2/,
  },
  { name: 'no condition', written: { type: 'ottl_condition' }, want: /expected at least one OTTL condition/ },
  {
    name: 'a broken condition',
    written: { type: 'ottl_condition', ottl_condition: { span: ['name == '], spanevent: ['nam == "x"'] } },
    want: /name ==[^]*nam/,
  },
  {
    name: 'a wrong policy inside of another',
    written: { type: 'and', and: { and_sub_policy: [{ name: 'x', type: 'composite' }] } },
    want: /unknown sampling policy type "composite"/,
  },
]

for (const { name, written, want } of wrong) {
  test(`${name} is found when the configuration is read`, () => {
    assert.match(problemsOf(yaml, { name: 'p', ...written }).join('\n'), want)
  })
}

test('Alloy wants to be told what YAML has defaults for', () => {
  assert.deepEqual(problemsOf(alloy, { name: 'p', type: 'latency', latency: {} }), [
    'missing required attribute "threshold_ms"',
  ])
  assert.deepEqual(problemsOf(yaml, { name: 'p', type: 'latency', latency: {} }), [])
})
