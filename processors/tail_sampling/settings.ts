// The policies of the tail sampler as users write them, in both languages, and as they are made.
import type { AttributeField, Clock, DefaultValue, Host, Report, Settings, Type } from '#component'
import { attr, block, blocks, bool, defineSettings, float, int, list, oneOf, string } from '#component'
import { errorModes } from '#component/ottl'
import type { Regexp } from '#lib/regexp'
import { compileRegexp, RegexpError } from '#lib/regexp'
import { And, Composite, Drop, Not } from './combined.ts'
import type { NamedPolicy } from './combined.ts'
import type { OttlConfig } from './ottl_condition.ts'
import { checkOttl, compileOttl } from './ottl_condition.ts'
import type { Policy } from './policies.ts'
import {
  alwaysSample,
  BooleanAttribute,
  BytesLimiting,
  Latency,
  NumericAttribute,
  Probabilistic,
  RateLimiting,
  RegexpAttribute,
  SpanCount,
  StatusCode,
  StringAttribute,
  TraceFlags,
  TraceState,
} from './policies.ts'

/** YAML has defaults where Alloy wants to be told. */
export type Language = 'alloy' | 'yaml'

/** One policy as decoded. Blocks that its type does not need are not looked at. */
export interface PolicyConfig {
  readonly name: string
  readonly type: string
  readonly latency?: { readonly threshold_ms: number; readonly upper_threshold_ms: number } | undefined
  readonly numeric_attribute?:
    | { readonly key: string; readonly min_value: number; readonly max_value: number; readonly invert_match: boolean }
    | undefined
  readonly probabilistic?: { readonly sampling_percentage: number; readonly hash_salt: string } | undefined
  readonly status_code?: { readonly status_codes: readonly string[] } | undefined
  readonly string_attribute?:
    | {
        readonly key: string
        readonly values: readonly string[]
        readonly enabled_regex_matching: boolean
        readonly cache_max_size: number
        readonly invert_match: boolean
      }
    | undefined
  readonly rate_limiting?: { readonly spans_per_second: number; readonly burst_capacity: number } | undefined
  readonly bytes_limiting?: { readonly bytes_per_second: number; readonly burst_capacity: number } | undefined
  readonly span_count?: { readonly min_spans: number; readonly max_spans: number } | undefined
  readonly trace_state?: { readonly key: string; readonly values: readonly string[] } | undefined
  readonly boolean_attribute?:
    | { readonly key: string; readonly value: boolean; readonly invert_match: boolean }
    | undefined
  readonly ottl_condition?: OttlConfig | undefined
  readonly and?: { readonly and_sub_policy: readonly PolicyConfig[] } | undefined
  readonly drop?: { readonly drop_sub_policy: readonly PolicyConfig[] } | undefined
  readonly not?: { readonly not_sub_policy?: PolicyConfig | undefined } | undefined
  readonly composite?:
    | {
        readonly max_total_spans_per_second: number
        readonly policy_order: readonly string[]
        readonly composite_sub_policy: readonly PolicyConfig[]
        readonly rate_allocation: readonly { readonly policy: string; readonly percent: number }[]
      }
    | undefined
}

const simpleTypes = [
  'always_sample',
  'latency',
  'numeric_attribute',
  'probabilistic',
  'status_code',
  'string_attribute',
  'rate_limiting',
  'bytes_limiting',
  'span_count',
  'trace_state',
  'trace_flags',
  'boolean_attribute',
  'ottl_condition',
]
const statusCodes: Readonly<Record<string, number>> = { UNSET: 0, OK: 1, ERROR: 2 }

/** A setting without which Alloy does not start, and which in YAML has its type's zero. */
function wantedIn(language: Language) {
  return function wanted<T>(type: Type<T>, doc: string, zero: DefaultValue): AttributeField<T> {
    return language === 'alloy' ? attr(type, doc, { required: true }) : attr(type, doc, { default: zero })
  }
}

/** The blocks of the simple policies. */
function simpleFields(language: Language) {
  const wanted = wantedIn(language)
  const key = wanted(string, 'The attribute, of the span or of its resource.', '')
  const invert = attr(bool, 'Turn the answer around: sample traces without a match.', {
    default: false,
  })
  const burst = (what: string): AttributeField<number> =>
    attr(int, `How many ${what} may come at once; 0: those of two seconds.`, { default: 0 })
  return {
    latency: block(
      defineSettings({
        threshold_ms: wanted(int, 'Sample traces that take this many milliseconds or more.', 0),
        upper_threshold_ms: attr(int, 'And at most so many; 0: however many.', { default: 0 }),
      }),
      'For `latency`: from the earliest start to the latest end.',
    ),
    numeric_attribute: block(
      defineSettings({
        key,
        min_value: wanted(int, 'The smallest value that counts; 0: no bound.', 0),
        max_value: wanted(int, 'The largest value that counts; 0: no bound.', 0),
        invert_match: invert,
      }),
      'For `numeric_attribute`: by the value of an integer attribute.',
    ),
    probabilistic: block(
      defineSettings({
        sampling_percentage: wanted(float, 'The share of traces that is sampled.', 0),
        hash_salt: attr(string, 'Layers of collectors with different shares should have different salts.', {
          default: '',
        }),
      }),
      'For `probabilistic`: by the trace id.',
    ),
    status_code: block(
      defineSettings({ status_codes: wanted(list(string), '`OK`, `ERROR`, `UNSET`: those of a span that count.', []) }),
      'For `status_code`.',
    ),
    string_attribute: block(
      defineSettings({
        key,
        values: wanted(list(string), 'The values, or expressions for them.', []),
        enabled_regex_matching: attr(bool, 'Are the values regular expressions, to be found anywhere?', {
          default: false,
        }),
        cache_max_size: attr(int, 'Texts for which the answer of the expressions is kept; 0: 128.', { default: 0 }),
        invert_match: invert,
      }),
      'For `string_attribute`: by the value of a text attribute.',
    ),
    rate_limiting: block(
      defineSettings({
        spans_per_second: wanted(int, 'Spans that may pass per second.', 0),
        burst_capacity: burst('spans'),
      }),
      'For `rate_limiting`.',
    ),
    bytes_limiting: block(
      defineSettings({
        bytes_per_second: wanted(int, 'Bytes (of OTLP, not compressed) that may pass per second.', 0),
        burst_capacity: burst('bytes'),
      }),
      'For `bytes_limiting`.',
    ),
    span_count: block(
      defineSettings({
        min_spans: wanted(int, 'The fewest spans that a sampled trace has.', 0),
        max_spans: attr(int, 'The most that it has; 0: any number.', { default: 0 }),
      }),
      'For `span_count`.',
    ),
    trace_state: block(
      defineSettings({
        key: wanted(string, 'The key in the tracestate of a span.', ''),
        values: wanted(list(string), 'The values that count.', []),
      }),
      'For `trace_state`.',
    ),
    boolean_attribute: block(
      defineSettings({ key, value: wanted(bool, 'The value that counts.', false), invert_match: invert }),
      'For `boolean_attribute`.',
    ),
    ottl_condition: block(
      defineSettings({
        error_mode: wanted(
          oneOf(...errorModes),
          'What becomes of errors of conditions: `ignore` logs them and takes them for false, `silent` only does that, with `propagate` the policy has no say.',
          'ignore',
        ),
        span: attr(list(string), 'Conditions of OTTL on spans; one that holds is enough.', { default: [] }),
        spanevent: attr(list(string), 'Conditions on events of spans.', { default: [] }),
      }),
      'For `ottl_condition`.',
    ),
  }
}

function named(types: readonly string[]) {
  return {
    name: attr(string, 'Its name, in metrics and messages.', { required: true }),
    type: attr(string, `${types.map((type) => `\`${type}\``).join(', ')}.`, { required: true }),
  }
}

function policySchema<F extends Parameters<typeof defineSettings>[0]>(types: readonly string[], fields: F) {
  return defineSettings(
    { ...named(types), ...fields },
    { check: (given, report) => checkPolicy(given as unknown as PolicyConfig, types, report) },
  )
}

/** The schema of one policy. Its fields are those of `PolicyConfig`. */
export function policySettings(language: Language): Settings<PolicyConfig> {
  const wanted = wantedIn(language)
  const simple = simpleFields(language)
  const notFields = {
    not: block(
      defineSettings({
        not_sub_policy: block(policySchema(simpleTypes, simple), 'The policy whose answer is turned around.', {
          required: true,
        }),
      }),
      'For `not`.',
    ),
  }
  const inner =
    language === 'yaml'
      ? policySchema([...simpleTypes, 'not'], { ...simple, ...notFields })
      : policySchema(simpleTypes, simple)
  const isRequired = { required: language === 'alloy' }
  const andFields = {
    and: block(
      defineSettings({ and_sub_policy: blocks(inner, 'A policy that has to sample the trace, too.', isRequired) }),
      'For `and`.',
    ),
  }
  const composite = defineSettings({
    max_total_spans_per_second: wanted(int, 'Spans that may pass per second.', 0),
    policy_order: wanted(list(string), 'Accepted; policies are asked in the order in which they are written.', []),
    composite_sub_policy: blocks(
      policySchema([...simpleTypes, 'and'], { ...simple, ...andFields }),
      'A policy that has a share.',
    ),
    rate_allocation: blocks(
      defineSettings({
        policy: attr(string, 'The name of a policy.', { required: true }),
        percent: wanted(int, 'Its share of the spans per second; 0: the same as each would have.', 0),
      }),
      'The share of a policy; those without have none.',
    ),
  })
  return policySchema([...simpleTypes, 'and', 'not', 'drop', 'composite'], {
    ...simple,
    ...andFields,
    ...notFields,
    drop: block(
      defineSettings({ drop_sub_policy: blocks(inner, 'A policy that has to sample the trace, too.', isRequired) }),
      'For `drop`: leaves out what all of its policies sample, whatever others say.',
    ),
    composite: block(composite, 'For `composite`: policies that share the spans per second.'),
  }) as Settings<PolicyConfig>
}

function checkPolicy(given: PolicyConfig, types: readonly string[], report: Report): void {
  if (given.name === '') report('policy name cannot be empty', ['name'])
  if (!types.includes(given.type)) {
    report(`unknown sampling policy type ${JSON.stringify(given.type)}, expected one of ${types.join(', ')}`, ['type'])
  }
  if (given.type === 'status_code') checkStatusCodes(given.status_code?.status_codes ?? [], report)
  else if (given.type === 'string_attribute') checkExpressions(given.string_attribute, report)
  else if (given.type === 'ottl_condition') checkOttl(given.ottl_condition, ['ottl_condition'], report)
  else if (given.type === 'not' && given.not === undefined)
    report('a policy of type not needs a not_sub_policy', ['not'])
  else if (given.type === 'numeric_attribute') {
    const { min_value: min = 0, max_value: max = 0 } = given.numeric_attribute ?? {}
    if (min === 0 && max === 0) report('min_value or max_value has to be set: 0 is no bound', ['numeric_attribute'])
    else if (min !== 0 && max !== 0 && min > max) {
      report(`min_value must not be above max_value, got ${min} and ${max}`, ['numeric_attribute', 'min_value'])
    }
  }
}

function checkStatusCodes(codes: readonly string[], report: Report): void {
  if (codes.length === 0) report('expected at least one status code to filter on', ['status_code'])
  for (const [i, code] of codes.entries()) {
    if (statusCodes[code] !== undefined) continue
    report(`unknown status code ${JSON.stringify(code)}, supported: OK, ERROR, UNSET`, [
      'status_code',
      'status_codes',
      i,
    ])
  }
}

function checkExpressions(given: PolicyConfig['string_attribute'], report: Report): void {
  if (!given?.enabled_regex_matching) return
  for (const [i, value] of given.values.entries()) {
    try {
      compileRegexp(value)
    } catch (error) {
      if (!(error instanceof RegexpError)) throw error
      report(error.message, ['string_attribute', 'values', i])
    }
  }
}

/** Names that come twice, and policies that cannot decide early where they have to. */
export function checkPolicies(
  policies: readonly PolicyConfig[],
  isEarly: boolean,
  field: string,
  report: Report,
): void {
  const names = new Set<string>()
  for (const [i, given] of policies.entries()) {
    if (names.has(given.name)) report(`duplicate policy name ${JSON.stringify(given.name)}`, [field, i, 'name'])
    names.add(given.name)
    if (isEarly && policyOf(given, { now: () => 0, monotonic: () => 0 }, () => alwaysSample).isStateful) {
      const message = `sampling_strategy "span-ingest" requires all policies to be stateless, but policy ${JSON.stringify(given.name)} is stateful`
      report(message, [field, i])
    }
  }
}

type Clocks = Pick<Clock, 'now' | 'monotonic'>
/** Gives the policy for a config of type `ottl_condition`. */
type Ottl = (given: PolicyConfig) => Policy

/** Policies out of settings that were checked. Throws `SettingsError`: see `compileOttl`. */
export async function namedPolicies(policies: readonly PolicyConfig[], host: Host): Promise<NamedPolicy[]> {
  const compiled = new Map<PolicyConfig, Policy>()
  for (const given of policies) {
    for (const one of flat(given)) {
      if (one.ottl_condition === undefined || one.type !== 'ottl_condition') continue
      compiled.set(one, await compileOttl(one.ottl_condition, one.name, host))
    }
  }
  return policies.map((given) => ({
    name: given.name,
    policy: policyOf(given, host.clock, (one) => compiled.get(one) ?? alwaysSample),
    isDrop: given.type === 'drop',
  }))
}

/** A policy and all that are inside. */
function flat(given: PolicyConfig): PolicyConfig[] {
  const inside = [
    ...(given.and?.and_sub_policy ?? []),
    ...(given.drop?.drop_sub_policy ?? []),
    ...(given.composite?.composite_sub_policy ?? []),
    ...(given.not?.not_sub_policy === undefined ? [] : [given.not.not_sub_policy]),
  ]
  return [given, ...inside.flatMap(flat)]
}

function policyOf(given: PolicyConfig, clock: Clocks, ottl: Ottl): Policy {
  switch (given.type) {
    case 'and':
      return new And((given.and?.and_sub_policy ?? []).map((one) => policyOf(one, clock, ottl)))
    case 'drop':
      return new Drop((given.drop?.drop_sub_policy ?? []).map((one) => policyOf(one, clock, ottl)))
    case 'not':
      return new Not(
        given.not?.not_sub_policy === undefined ? alwaysSample : policyOf(given.not.not_sub_policy, clock, ottl),
      )
    case 'composite':
      return compositeOf(given.composite, clock, ottl)
    case 'ottl_condition':
      return ottl(given)
    default:
      return simplePolicy(given, () => clock.monotonic())
  }
}

function compositeOf(given: PolicyConfig['composite'], clock: Clocks, ottl: Ottl): Policy {
  const { composite_sub_policy: policies = [], rate_allocation: shares = [] } = given ?? {}
  const perSecond = given?.max_total_spans_per_second ?? 0
  const parts = policies.map((one) => {
    const share = shares.findLast(({ policy }) => policy === one.name)
    const allotted =
      share === undefined ? 0 : share.percent > 0 ? (share.percent / 100) * perSecond : perSecond / policies.length
    return { policy: policyOf(one, clock, ottl), spansPerSecond: Math.trunc(allotted) }
  })
  return new Composite(parts, perSecond, () => clock.now())
}

function simplePolicy(given: PolicyConfig, nowMs: () => number): Policy {
  switch (given.type) {
    case 'latency':
      return new Latency(given.latency?.threshold_ms ?? 0, given.latency?.upper_threshold_ms ?? 0)
    case 'numeric_attribute': {
      const {
        key = '',
        min_value: min = 0,
        max_value: max = 0,
        invert_match: invert = false,
      } = given.numeric_attribute ?? {}
      return new NumericAttribute(key, min, max, invert)
    }
    case 'probabilistic':
      return new Probabilistic(given.probabilistic?.hash_salt ?? '', given.probabilistic?.sampling_percentage ?? 0)
    case 'status_code':
      return new StatusCode(new Set(given.status_code?.status_codes.map((code) => statusCodes[code] as number)))
    case 'string_attribute':
      return stringPolicy(given.string_attribute)
    case 'rate_limiting':
      return new RateLimiting(
        given.rate_limiting?.spans_per_second ?? 0,
        given.rate_limiting?.burst_capacity ?? 0,
        nowMs,
      )
    case 'bytes_limiting':
      return new BytesLimiting(
        given.bytes_limiting?.bytes_per_second ?? 0,
        given.bytes_limiting?.burst_capacity ?? 0,
        nowMs,
      )
    case 'span_count':
      return new SpanCount(given.span_count?.min_spans ?? 0, given.span_count?.max_spans ?? 0)
    case 'trace_state':
      return new TraceState(given.trace_state?.key ?? '', given.trace_state?.values ?? [])
    case 'trace_flags':
      return new TraceFlags()
    case 'boolean_attribute': {
      const { key = '', value = false, invert_match: invert = false } = given.boolean_attribute ?? {}
      return new BooleanAttribute(key, value, invert)
    }
    default:
      return alwaysSample
  }
}

function stringPolicy(given: PolicyConfig['string_attribute']): Policy {
  if (given === undefined) return new StringAttribute('', [], false)
  if (!given.enabled_regex_matching) return new StringAttribute(given.key, given.values, given.invert_match)
  const expressions: Regexp[] = given.values.map((value) => compileRegexp(value))
  return new RegexpAttribute(given.key, expressions, given.cache_max_size, given.invert_match)
}
