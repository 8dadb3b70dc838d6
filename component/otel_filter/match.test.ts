// Include and exclude matching of spans, log records and metrics.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SettingsOf } from '#component'
import { decoded } from '#component/test_host'
import type { Written } from '#component/test_host'
import type { AnyValue, LogRecord, Resource, Scope, Span } from '#pdata/otlp'
import { emptyResource, emptyScope } from '#pdata/otlp'
import type { MatchSettings } from './door.ts'
import { alloyMatch, LogFilter, matchOfAlloy, matchOfYaml, MetricFilter, SpanFilter, yamlMatch } from './door.ts'

const noBytes = new Uint8Array()

function attributes(values: Readonly<Record<string, AnyValue>>): { key: string; value: AnyValue }[] {
  return Object.entries(values).map(([key, value]) => ({ key, value }))
}

const resource: Resource = { ...emptyResource(), attributes: attributes({ 'service.name': 'shop', env: 'prod' }) }
const scope: Scope = { ...emptyScope(), name: 'lib', version: '1.2' }
const span: Span = {
  traceId: noBytes,
  spanId: noBytes,
  traceState: '',
  parentSpanId: noBytes,
  flags: 0,
  name: 'GET /orders',
  kind: 2,
  startTimeUnixNano: 0n,
  endTimeUnixNano: 0n,
  attributes: attributes({ method: 'GET', code: 500n, ratio: 1.5, list: ['a', 1n] }),
  droppedAttributesCount: 0,
  events: [],
  droppedEventsCount: 0,
  links: [],
  droppedLinksCount: 0,
  status: { message: '', code: 0, unknown: null },
  unknown: null,
}
const record: LogRecord = {
  timeUnixNano: 0n,
  observedTimeUnixNano: 0n,
  severityNumber: 9,
  severityText: 'INFO',
  body: 'all is well',
  attributes: attributes({ file: 'a.log' }),
  droppedAttributesCount: 0,
  flags: 0,
  traceId: noBytes,
  spanId: noBytes,
  eventName: '',
  unknown: null,
}

function include(written: Written): MatchSettings {
  return matchOfAlloy({ include: decoded(alloyMatch, written) as SettingsOf<typeof alloyMatch>, exclude: undefined })
}

const strict = { match_type: 'strict' }
const regexp = { match_type: 'regexp' }
const spanCases: readonly (readonly [Written, boolean])[] = [
  [{ ...strict, services: ['x', 'shop'] }, true],
  [{ ...strict, services: ['sho'] }, false],
  [{ ...regexp, services: ['^s.op'] }, true],
  [{ ...strict, span_names: ['GET /orders'] }, true],
  [{ ...strict, span_names: ['GET'] }, false],
  [{ ...regexp, span_names: ['orders'] }, true],
  [{ ...regexp, regexp: { cache_enabled: true, cache_max_num_entries: 1n }, span_names: ['^GET'] }, true],
  [{ ...strict, span_kinds: ['SPAN_KIND_SERVER'] }, true],
  [{ ...strict, span_kinds: ['SPAN_KIND_CLIENT'] }, false],
  [{ ...regexp, span_kinds: ['SERVER|CLIENT'] }, true],
  [{ ...strict, attribute: { key: 'method' } }, true],
  [{ ...strict, attribute: { key: 'missing' } }, false],
  [{ ...strict, attribute: { key: 'method', value: 'GET' } }, true],
  [{ ...strict, attribute: { key: 'method', value: 'POST' } }, false],
  [{ ...strict, attribute: { key: 'code', value: 500n } }, true],
  [{ ...strict, attribute: { key: 'code', value: '500' } }, false],
  [{ ...strict, attribute: { key: 'code', value: 500.5 } }, false],
  [{ ...strict, attribute: { key: 'ratio', value: 1.5 } }, true],
  [{ ...strict, attribute: { key: 'list', value: ['a', 1n] } }, true],
  [
    {
      ...strict,
      attribute: [
        { key: 'method', value: 'GET' },
        { key: 'code', value: 1n },
      ],
    },
    false,
  ],
  [{ ...regexp, attribute: { key: 'code', value: '^5..$' } }, true],
  [{ ...regexp, attribute: { key: 'ratio', value: '1\\.5' } }, true],
  [{ ...regexp, attribute: { key: 'list', value: '.*' } }, false],
  [{ ...strict, resource: [{ key: 'env', value: 'prod' }, { key: 'service.name' }] }, true],
  [{ ...strict, resource: [{ key: 'env', value: 'prod' }, { key: 'other' }] }, false],
  [{ ...strict, library: { name: 'lib' } }, true],
  [{ ...strict, library: { name: 'lib', version: '1.2' } }, true],
  [{ ...strict, library: { name: 'lib', version: '' } }, false],
  [{ ...strict, library: [{ name: 'x' }, { name: 'lib' }] }, true],
  [{ ...regexp, library: { name: 'l.b', version: '^1' } }, true],
  [{ ...strict, services: ['shop'], span_names: ['other'] }, false],
]

test('spans match by service, name, kind, attributes, resource and library', () => {
  for (const [written, want] of spanCases) {
    const filter = new SpanFilter(include(written))
    assert.equal(
      filter.accepts(span, scope, resource),
      want,
      JSON.stringify(written, (_, v: unknown) => (typeof v === 'bigint' ? `${v}n` : v)),
    )
    assert.equal(filter.accepts(span, scope, resource), want, 'the second time too')
  }
})

test('a resource without a name of its service has none that is ordinary', () => {
  const nameless = emptyResource()
  assert.equal(new SpanFilter(include({ ...regexp, services: ['nil-service'] })).accepts(span, scope, nameless), true)
  assert.equal(new SpanFilter(include({ ...strict, services: [''] })).accepts(span, scope, nameless), false)
})

const logCases: readonly (readonly [Written, Partial<LogRecord>, boolean])[] = [
  [{ ...regexp, log_bodies: ['well$'] }, {}, true],
  [{ ...strict, log_bodies: ['well'] }, {}, false],
  [{ ...strict, log_bodies: ['well'] }, { body: 7n }, false],
  [{ ...strict, log_bodies: ['7'] }, { body: 7n }, true],
  [{ ...strict, log_severity_texts: ['INFO'] }, {}, true],
  [{ ...strict, log_severity_texts: ['WARN'] }, {}, false],
  [{ ...strict, log_severity: { min: 'INFO', match_undefined: false } }, {}, true],
  [{ ...strict, log_severity: { min: 'INFO2', match_undefined: false } }, {}, false],
  [{ ...strict, log_severity: { min: 'FATAL4', match_undefined: true } }, { severityNumber: 0 }, true],
  [{ ...strict, log_severity: { min: 'TRACE', match_undefined: false } }, { severityNumber: 0 }, false],
  [{ ...strict, attribute: { key: 'file', value: 'a.log' } }, {}, true],
  [{ ...strict, attribute: { key: 'file', value: 'a.log' } }, { attributes: [] }, false],
]

test('log records match by body, severity and attributes', () => {
  for (const [written, changes, want] of logCases) {
    const filter = new LogFilter(include(written))
    assert.equal(filter.accepts({ ...record, ...changes }, scope, resource), want, JSON.stringify(written))
  }
})

test('metrics match by name alone', () => {
  const of = (side: 'include' | 'exclude', written: Written): MetricFilter => {
    const settings = include(written)
    return new MetricFilter(side === 'include' ? settings : { include: undefined, exclude: settings.include })
  }
  assert.equal(of('include', { ...regexp, metric_names: ['^http'] }).accepts('http.server'), true)
  assert.equal(of('include', { ...strict, metric_names: ['http'] }).accepts('http.server'), false)
  assert.equal(of('exclude', { ...strict, metric_names: ['http'] }).accepts('http'), false)
  assert.equal(of('include', { ...strict, resource: { key: 'nothing' } }).accepts('http'), true)
})

test('exclude takes away from what include lets in', () => {
  const settings: MatchSettings = {
    include: include({ ...strict, services: ['shop'] }).include,
    exclude: include({ ...regexp, span_names: ['^GET'] }).include,
  }
  const filter = new SpanFilter(settings)
  assert.equal(filter.accepts(span, scope, resource), false)
  assert.equal(filter.accepts({ ...span, name: 'POST' }, scope, resource), true)
  assert.equal(filter.isOpen, false)
  assert.equal(new SpanFilter({ include: undefined, exclude: undefined }).isOpen, true)
})

test("the collector's YAML says the same in other words", () => {
  const match = decoded(yamlMatch, {
    match_type: 'regexp',
    regexp: { cacheenabled: true, cachemaxnumentries: 5n },
    attributes: [{ key: 'code', value: '^5' }],
    resources: [{ key: 'env' }],
    libraries: [{ name: 'lib' }],
  })
  const settings = matchOfYaml({ include: match, exclude: undefined })
  assert.equal(settings.include?.cacheEntries, 5)
  assert.equal(new SpanFilter(settings).accepts(span, scope, resource), true)
  const severity = decoded(yamlMatch, {
    match_type: 'strict',
    log_severity_number: { min: 10n, match_undefined: true },
  })
  const logs = new LogFilter(matchOfYaml({ include: severity, exclude: undefined }))
  assert.deepEqual(
    [9, 10, 0].map((severityNumber) => logs.accepts({ ...record, severityNumber }, scope, resource)),
    [false, true, true],
  )
})

test('what does not fit a signal is refused', () => {
  const wrong: readonly (readonly ['span' | 'log' | 'metric', Written, RegExp])[] = [
    ['span', { match_type: 'glob', services: ['x'] }, /unrecognized match_type "glob"/],
    ['span', strict, /include needs services/],
    ['span', { ...strict, log_bodies: ['x'] }, /log_bodies should not be specified/],
    ['span', { ...strict, log_severity_texts: ['x'] }, /log_severity_texts should not be specified/],
    ['span', { ...strict, span_kinds: ['server'] }, /span_kinds must be one of/],
    ['span', { ...regexp, span_names: ['('] }, /missing closing \)/],
    ['span', { ...regexp, attribute: { key: 'a', value: 1n } }, /needs a string: current value is 1/],
    ['span', { ...strict, attribute: { key: '' } }, /needs a key/],
    ['log', { ...strict, services: ['x'] }, /not valid for log records/],
    ['log', strict, /include needs attributes/],
    ['metric', { match_type: 'expr', metric_names: ['x'] }, /unrecognized match_type/],
  ]
  for (const [signal, written, message] of wrong) {
    const settings = include(written)
    const make = (): unknown =>
      signal === 'span'
        ? new SpanFilter(settings)
        : signal === 'log'
          ? new LogFilter(settings)
          : new MetricFilter(settings)
    assert.throws(
      make,
      (error: Error) => error.name === 'SettingsError' && message.test(error.message),
      JSON.stringify(signal) + message,
    )
  }
})
