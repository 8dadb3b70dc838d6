// The settings of `include` and `exclude` in both languages, and what they come to.
import type { SettingsOf, Value } from '#component'
import { anyValue, attr, block, blocks, bool, customType, defineSettings, int, list, oneOf, string } from '#component'
import { anyValueFrom } from '#component/otel_attributes'
import type { MatchAttribute, MatchProperties, MatchSettings } from './match.ts'

/** A string that may be absent: '' is something else. */
const optionalString = customType<string | undefined>({ ...string, zero: undefined })

const attributeMatch = {
  key: attr(string, 'The key that must be there.', { required: true }),
  value: attr(anyValue, 'The value that it must have; absent: any.'),
} as const
const libraryMatch = {
  name: attr(string, 'Name of the instrumentation scope.', { required: true }),
  version: attr(optionalString, 'Its version; absent: any.'),
} as const

const names = {
  services: attr(list(string), "Values of the resource's `service.name`; one of them must match. For spans.", {
    default: [],
  }),
  span_names: attr(list(string), 'Names of spans.', { default: [] }),
  span_kinds: attr(list(string), 'Kinds of spans, as in `SPAN_KIND_SERVER`.', { default: [] }),
  log_bodies: attr(
    list(string),
    'Bodies of log records; of those that are no strings the text is looked at, of maps and lists JSON.',
    { default: [] },
  ),
  log_severity_texts: attr(list(string), 'Severity texts of log records.', { default: [] }),
  metric_names: attr(list(string), 'Names of metrics.', { default: [] }),
} as const

const severities = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'].flatMap((name) =>
  ['', '2', '3', '4'].map((level) => name + level),
)

/** Alloy's `include` and `exclude` blocks. */
export const alloyMatch = defineSettings({
  match_type: attr(string, '`strict` or `regexp`.', { required: true }),
  regexp: block(
    defineSettings({
      cache_enabled: attr(bool, 'Remember which texts matched.', { default: false }),
      cache_max_num_entries: attr(int, 'How many texts to remember.', { default: 0 }),
    }),
    'For `regexp`.',
  ),
  ...names,
  attribute: blocks(defineSettings(attributeMatch), 'Attributes, all of which must match.'),
  resource: blocks(defineSettings(attributeMatch), "The resource's attributes, all of which must match."),
  library: blocks(defineSettings(libraryMatch), 'Instrumentation scopes, one of which must match.'),
  log_severity: block(
    defineSettings({
      min: attr(oneOf(...severities), 'The lowest severity that matches.', { required: true }),
      match_undefined: attr(bool, 'Do records without a severity match?', { required: true }),
    }),
    'Severity of log records.',
  ),
})

/** The collector's `include` and `exclude`. */
export const yamlMatch = defineSettings({
  match_type: attr(string, '`strict` or `regexp`.', { default: '' }),
  regexp: block(
    defineSettings({
      cacheenabled: attr(bool, 'Remember which texts matched.', { default: false }),
      cachemaxnumentries: attr(int, 'How many texts to remember.', { default: 0 }),
    }),
    'For `regexp`.',
  ),
  ...names,
  attributes: blocks(
    defineSettings({ ...attributeMatch, key: attr(string, 'The key that must be there.', { default: '' }) }),
    'Attributes, all of which must match.',
  ),
  resources: blocks(
    defineSettings({ ...attributeMatch, key: attr(string, 'The key that must be there.', { default: '' }) }),
    "The resource's attributes, all of which must match.",
  ),
  libraries: blocks(
    defineSettings({ ...libraryMatch, name: attr(string, 'Name of the instrumentation scope.', { default: '' }) }),
    'Instrumentation scopes, one of which must match.',
  ),
  log_severity_number: block(
    defineSettings({
      min: attr(int, 'The lowest severity number that matches.', { default: 0 }),
      match_undefined: attr(bool, 'Do records without a severity match?', { default: false }),
    }),
    'Severity of log records.',
  ),
})

export const alloyMatchFields = {
  include: block(alloyMatch, 'What is worked on; absent: everything.'),
  exclude: block(alloyMatch, 'What of that is passed on as it is.'),
} as const

export const yamlMatchFields = {
  include: block(yamlMatch, 'What is worked on; absent: everything.'),
  exclude: block(yamlMatch, 'What of that is passed on as it is.'),
} as const

type AlloyMatch = SettingsOf<typeof alloyMatch>
type YamlMatch = SettingsOf<typeof yamlMatch>
interface Both<M> {
  readonly include: M | undefined
  readonly exclude: M | undefined
}

export function matchOfAlloy({ include, exclude }: Both<AlloyMatch>): MatchSettings {
  return { include: include && ofAlloy(include), exclude: exclude && ofAlloy(exclude) }
}

export function matchOfYaml({ include, exclude }: Both<YamlMatch>): MatchSettings {
  return { include: include && ofYaml(include), exclude: exclude && ofYaml(exclude) }
}

function ofAlloy(match: AlloyMatch): MatchProperties {
  const { regexp, log_severity: severity } = match
  return {
    ...named(match),
    cacheEntries: regexp?.cache_enabled ? cacheEntries(regexp.cache_max_num_entries) : 0,
    attributes: match.attribute.map(matchAttributeOf),
    resources: match.resource.map(matchAttributeOf),
    libraries: match.library,
    logSeverity: severity && { min: severities.indexOf(severity.min) + 1, matchUndefined: severity.match_undefined },
  }
}

function ofYaml(match: YamlMatch): MatchProperties {
  const { regexp, log_severity_number: severity } = match
  return {
    ...named(match),
    cacheEntries: regexp?.cacheenabled ? cacheEntries(regexp.cachemaxnumentries) : 0,
    attributes: match.attributes.map(matchAttributeOf),
    resources: match.resources.map(matchAttributeOf),
    libraries: match.libraries,
    logSeverity: severity && { min: severity.min, matchUndefined: severity.match_undefined },
  }
}

/** Upstream's cache without a number of entries has no bound; this one has. */
const cacheEntriesDefault = 10_000

function cacheEntries(given: number): number {
  return given > 0 ? given : cacheEntriesDefault
}

function named(
  match: AlloyMatch | YamlMatch,
): Pick<
  MatchProperties,
  'matchType' | 'services' | 'spanNames' | 'spanKinds' | 'logBodies' | 'logSeverityTexts' | 'metricNames'
> {
  return {
    matchType: match.match_type,
    services: match.services,
    spanNames: match.span_names,
    spanKinds: match.span_kinds,
    logBodies: match.log_bodies,
    logSeverityTexts: match.log_severity_texts,
    metricNames: match.metric_names,
  }
}

/** An attribute as written. */
export function matchAttributeOf({
  key,
  value,
}: {
  readonly key: string
  readonly value: Value | undefined
}): MatchAttribute {
  return { key, value: value === undefined || value === null ? undefined : anyValueFrom(value) }
}
