// The older settings `include` and `exclude` of the collector's `filter`, for spans, metrics and logs.
import type { SettingsOf } from '#component'
import {
  anyValue,
  attr,
  block,
  blocks,
  bool,
  customType,
  defineSettings,
  int,
  list,
  ConsumeError,
  SettingsError,
  string,
  ValueError,
} from '#component'
import { compileCondition, type ExprCalls, ExprError, type ExprVariables } from '#component/expr'
import type { MatchProperties, MatchSettings } from '#component/otel_filter'
import {
  LogFilter,
  matchAttributeOf,
  matchOfYaml,
  MetricFilter,
  SpanFilter,
  yamlMatchFields,
} from '#component/otel_filter'
import type { DataPoint, ResourceHolder, ScopeHolder, TransformContext } from '#component/ottl'
import type { Attributes, LogRecord, Metric, Span } from '#pdata/otlp'
import { attributeValue } from '#pdata/otlp'
import type { Rule } from './filter.ts'

const attribute = defineSettings({
  key: attr(string, 'The key that must be there.', { default: '' }),
  value: attr(anyValue, 'The value that it must have; absent: any.'),
})
const matchType = attr(string, '`strict` or `regexp`.', { default: '' })
const resourceAttributes = blocks(attribute, "The resource's attributes, all of which must match.")
const regexpBlock = block(
  defineSettings({
    cacheenabled: attr(bool, 'Remember which texts matched.', { default: false }),
    cachemaxnumentries: attr(int, 'How many texts to remember.', { default: 0 }),
  }),
  'For `regexp`.',
)

const severities = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'].flatMap((name) =>
  ['', '2', '3', '4'].map((level) => name + level),
)

const metricMatch = defineSettings({
  match_type: attr(string, '`strict` or `regexp` for the names, or `expr`.', { default: '' }),
  regexp: regexpBlock,
  metric_names: attr(list(string), 'Names of metrics.', { default: [] }),
  expressions: attr(
    list(string),
    'For `expr`: expressions of expr-lang, of which one must hold for one of the data points. They may use `MetricName`, `MetricType` (`Gauge`, `Sum`, `Histogram`, `ExponentialHistogram`, `Summary`), `HasLabel("key")` and `Label("key")`.',
    { default: [] },
  ),
  resource_attributes: resourceAttributes,
})

const logMatch = defineSettings({
  match_type: matchType,
  resource_attributes: resourceAttributes,
  record_attributes: blocks(attribute, 'Attributes of the record, all of which must match.'),
  severity_texts: attr(list(string), 'Severity texts.', { default: [] }),
  severity_number: block(
    defineSettings({
      min: attr(severityType(), 'The lowest severity that matches: a name as `INFO2`, or a number.', { default: '' }),
      match_undefined: attr(bool, 'Do records without a severity match?', { default: false }),
    }),
    'Severity of the record.',
  ),
  bodies: attr(list(string), 'The body, or its text where it is no string.', { default: [] }),
})

/** Decoded: the number; 0: none given. */
function severityType() {
  return customType<number>({
    name: 'string',
    zero: 0,
    decode(value) {
      const written = string.decode(value).toUpperCase()
      if (written === '') return 0
      const number = /^\d+$/.test(written) ? Number(written) : severities.indexOf(written) + 1
      if (number >= 1 && number <= severities.length) return number
      throw new ValueError(`"${written}" is not a valid severity`)
    },
    accepts: string.accepts,
    json: { type: 'string' },
  })
}

export const spanMatchFields = yamlMatchFields
export const metricMatchFields = {
  include: block(metricMatch, 'Only these metrics are kept.'),
  exclude: block(metricMatch, 'Of these the ones that are dropped.'),
  regexp: regexpBlock,
} as const
export const logMatchFields = {
  include: block(logMatch, 'Only these records are kept.'),
  exclude: block(logMatch, 'Of these the ones that are dropped.'),
} as const

type MetricMatch = SettingsOf<typeof metricMatch>
type LogMatch = SettingsOf<typeof logMatch>
export interface Sides<M> {
  readonly include: M | undefined
  readonly exclude: M | undefined
}

const none: MatchProperties = {
  matchType: 'strict',
  cacheEntries: 0,
  services: [],
  spanNames: [],
  spanKinds: [],
  logBodies: [],
  logSeverityTexts: [],
  logSeverity: undefined,
  metricNames: [],
  attributes: [],
  resources: [],
  libraries: [],
}

/** Throws `SettingsError`. */
export function spanRules(sides: Parameters<typeof matchOfYaml>[0]): Rule[] {
  if (sides.include === undefined && sides.exclude === undefined) return []
  const filter = new SpanFilter(matchOfYaml(sides))
  const drops = (at: TransformContext): boolean =>
    !filter.accepts(at.span as Span, (at.scope as ScopeHolder).scope, (at.resource as ResourceHolder).resource)
  return [{ level: 'span', drops }]
}

function metricProperties(match: MetricMatch): MatchProperties {
  const { match_type: type, metric_names: names, resource_attributes: written } = match
  const resources = written.map(matchAttributeOf)
  const metricNames = type === 'expr' ? [] : names
  // Keys alone match in the same way whatever the type.
  const isKeysOnly = metricNames.length === 0 && resources.every(({ value }) => value === undefined)
  return { ...none, matchType: isKeysOnly ? 'strict' : type, metricNames, resources }
}

// ----------------------------------------------------------------------------------------------------- expressions

/** What an expression sees: one data point with its metric. */
class PointSubject {
  name = ''
  type = ''
  attributes: Attributes = []
}

const variables: ExprVariables<PointSubject> = {
  MetricName: ({ name }) => name,
  MetricType: ({ type }) => type,
}

const calls: ExprCalls<PointSubject> = {
  HasLabel: ({ attributes }, key) => attributeValue(attributes, key) !== undefined,
  // Only strings are shown, as upstream does it.
  Label({ attributes }, key) {
    const value = attributeValue(attributes, key)
    return typeof value === 'string' ? value : ''
  },
}

const metricTypes = {
  empty: '',
  gauge: 'Gauge',
  sum: 'Sum',
  histogram: 'Histogram',
  exponential_histogram: 'ExponentialHistogram',
  summary: 'Summary',
} as const

/** Everything that is wrong with the expressions, with its place below `metrics`. */
export function expressionProblems(sides: Sides<MetricMatch>): readonly SettingsError[] {
  const found: SettingsError[] = []
  for (const side of ['include', 'exclude'] as const) {
    const match = sides[side]
    if (match?.match_type !== 'expr') continue
    for (const [i, text] of match.expressions.entries()) {
      try {
        compileCondition(text, variables, calls)
      } catch (error) {
        if (!(error instanceof ExprError)) throw error
        found.push(new SettingsError(`Cannot compile the expression: ${error.message}`, [side, 'expressions', i]))
      }
    }
  }
  return found
}

/** Does one of the expressions hold for one of the metric's data points? Undefined: there are none. Throws `ExprError`. */
function expressionTest(match: MetricMatch | undefined): ((metric: Metric) => boolean) | undefined {
  if (match?.match_type !== 'expr' || match.expressions.length === 0) return undefined
  const tests = match.expressions.map((text) => ({ text, holds: compileCondition(text, variables, calls) }))
  const subject = new PointSubject()
  return ({ name, data }) => {
    if (data.kind === 'empty') return false
    subject.name = name
    subject.type = metricTypes[data.kind]
    for (const { text, holds } of tests) if (anyPoint(data.points, subject, text, holds)) return true
    return false
  }
}

/** Throws `ConsumeError` where the expression fails: that refuses the batch, whatever the error mode, as upstream does it. */
function anyPoint(
  points: readonly DataPoint[],
  subject: PointSubject,
  text: string,
  holds: (subject: PointSubject) => boolean,
): boolean {
  try {
    for (const { attributes } of points) {
      subject.attributes = attributes
      if (holds(subject)) return true
    }
    return false
  } catch (error) {
    if (!(error instanceof ExprError)) throw error
    throw new ConsumeError(`Cannot run the expression ${JSON.stringify(text)}: ${error.message}`, {
      retryable: false,
      clientMayRetry: true,
    })
  }
}

/** By the resource, then by name or expressions, which `expressionProblems` found right. Throws `SettingsError`. */
export function metricRules({ include, exclude }: Sides<MetricMatch>): Rule[] {
  const match: MatchSettings = {
    include: include && metricProperties(include),
    exclude: exclude && metricProperties(exclude),
  }
  const rules: Rule[] = []
  const onResource = resourceSides(match)
  if (onResource.include !== undefined || onResource.exclude !== undefined) {
    // A log without anything stands for the resource alone.
    const resources = new LogFilter(onResource)
    rules.push({
      level: 'resource',
      drops: (at) => !resources.accepts(nothing, noScope, (at.resource as ResourceHolder).resource),
    })
  }
  const names = new MetricFilter(match)
  if (!names.isOpen) rules.push({ level: 'metric', drops: (at) => !names.accepts((at.metric as Metric).name) })
  const [included, excluded] = [expressionTest(include), expressionTest(exclude)]
  if (included !== undefined) rules.push({ level: 'metric', drops: (at) => !included(at.metric as Metric) })
  if (excluded !== undefined) rules.push({ level: 'metric', drops: (at) => excluded(at.metric as Metric) })
  return rules
}

function resourceSides({ include, exclude }: MatchSettings): MatchSettings {
  const only = (side: MatchProperties | undefined): MatchProperties | undefined =>
    side === undefined || side.resources.length === 0
      ? undefined
      : { ...none, matchType: side.matchType, resources: side.resources }
  return { include: only(include), exclude: only(exclude) }
}

const noScope = { name: '', version: '', attributes: [], droppedAttributesCount: 0, unknown: null }
const noBytes = new Uint8Array(0)
const nothing: LogRecord = {
  timeUnixNano: 0n,
  observedTimeUnixNano: 0n,
  severityNumber: 0,
  severityText: '',
  body: null,
  attributes: [],
  droppedAttributesCount: 0,
  flags: 0,
  traceId: noBytes,
  spanId: noBytes,
  eventName: '',
  unknown: null,
}

function logProperties(match: LogMatch): MatchProperties | undefined {
  const { match_type: type, resource_attributes: resources, record_attributes: attributes, bodies } = match
  const { severity_texts: logSeverityTexts, severity_number: severity } = match
  const isEmpty = [resources, attributes, bodies, logSeverityTexts].every((each) => each.length === 0)
  if (isEmpty && severity === undefined) return undefined
  return {
    ...none,
    matchType: type,
    resources: resources.map(matchAttributeOf),
    attributes: attributes.map(matchAttributeOf),
    logBodies: bodies,
    logSeverityTexts,
    logSeverity: severity && { min: severity.min, matchUndefined: severity.match_undefined },
  }
}

/** A side without anything takes no part. Throws `SettingsError`. */
export function logRules({ include, exclude }: Sides<LogMatch>): Rule[] {
  const match = { include: include && logProperties(include), exclude: exclude && logProperties(exclude) }
  if (match.include === undefined && match.exclude === undefined) return []
  const filter = new LogFilter(match)
  const drops = (at: TransformContext): boolean =>
    !filter.accepts(at.log as LogRecord, (at.scope as ScopeHolder).scope, (at.resource as ResourceHolder).resource)
  return [{ level: 'log', drops }]
}
