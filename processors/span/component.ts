// otelcol.processor.span and the collector's `span`: renames spans and sets their status.
import type { ComponentDefinition, Report, SettingsOf, YamlDefinition } from '#component'
import { attr, block, bool, defineSettings, list, otelOutput, string } from '#component'
import { debugMetricsField } from '#component/debug_metrics'
import { alloyMatchFields, matchOfAlloy, matchOfYaml, yamlMatchFields } from '#component/otel_filter'
import { compileRegexp, RegexpError } from '#lib/regexp'
import type { SpanSettings } from './span.ts'
import { SpanProcessor } from './span.ts'

const rulesDoc = 'Regular expressions; their named groups become attributes, and `{name}` in the name.'
const toAttributesFields = {
  break_after_match: attr(bool, 'Stop after the first rule that matches.', { default: false }),
  keep_original_name: attr(bool, 'Leave the name as it is.', { default: false }),
} as const
const nameFields = {
  from_attributes: attr(list(string), 'Keys whose values make the new name; where one is missing, the name stays.', {
    default: [],
  }),
  separator: attr(string, 'What is put between these values.', { default: '' }),
} as const

const alloyName = defineSettings({
  ...nameFields,
  to_attributes: block(
    defineSettings({ ...toAttributesFields, rules: attr(list(string), rulesDoc, { required: true }) }),
    'Takes attributes out of the name.',
  ),
})
const yamlName = defineSettings({
  ...nameFields,
  to_attributes: block(
    defineSettings({ ...toAttributesFields, rules: attr(list(string), rulesDoc, { default: [] }) }),
    'Takes attributes out of the name.',
  ),
})
const codeDoc = '`Ok`, `Error` or `Unset`.'
const statusFields = {
  code: attr(string, codeDoc, { required: true }),
  description: attr(string, 'For `Error`.', { default: '' }),
} as const
const alloyStatus = defineSettings(statusFields)
const yamlStatus = defineSettings({ ...statusFields, code: attr(string, codeDoc, { default: '' }) })

interface Written {
  readonly name: SettingsOf<typeof yamlName> | undefined
  readonly status: SettingsOf<typeof yamlStatus> | undefined
}

function check({ name, status }: Written, report: Report): void {
  if (status !== undefined && !['Ok', 'Error', 'Unset'].includes(status.code)) {
    report(`status code is set to an invalid value of ${JSON.stringify(status.code)}`, ['status', 'code'])
  } else if (status !== undefined && status.code !== 'Error' && status.description !== '') {
    report('status description should be empty for non-error status codes', ['status', 'description'])
  }
  const toAttributes = name?.to_attributes
  if ((name?.from_attributes.length ?? 0) === 0 && toAttributes === undefined && status === undefined) {
    report('one of "from_attributes" and "to_attributes" of "name", or "status", must be set')
  }
  if (toAttributes === undefined) return
  if (toAttributes.rules.length === 0) report('"rules" needs at least one rule', ['name', 'to_attributes'])
  for (const [i, rule] of toAttributes.rules.entries()) {
    const problem = problemOfRule(rule)
    if (problem !== undefined) report(problem, ['name', 'to_attributes', 'rules', i])
  }
}

function problemOfRule(rule: string): string | undefined {
  try {
    const [, ...names] = compileRegexp(rule).subexpNames
    return names.includes('') ? `every group of a rule needs a name: current value is ${rule}` : undefined
  } catch (error) {
    if (error instanceof RegexpError) return error.message
    throw error
  }
}

const settings = defineSettings(
  {
    ...alloyMatchFields,
    name: block(alloyName, 'How spans are renamed.'),
    status: block(alloyStatus, 'The status to set.'),
    output: block(otelOutput, 'Where it goes.', { required: true }),
    ...debugMetricsField,
  },
  { check },
)
const yamlSettings = defineSettings(
  {
    ...yamlMatchFields,
    name: block(yamlName, 'How spans are renamed.'),
    status: block(yamlStatus, 'The status to set.'),
  },
  { check },
)

function engineSettings({ name, status }: Written): SpanSettings {
  const toAttributes = name?.to_attributes
  return {
    fromAttributes: name?.from_attributes ?? [],
    separator: name?.separator ?? '',
    toAttributes: toAttributes && {
      rules: toAttributes.rules,
      breakAfterMatch: toAttributes.break_after_match,
      keepOriginalName: toAttributes.keep_original_name,
    },
    status: status && { code: status.code as 'Ok' | 'Error' | 'Unset', description: status.description },
  }
}

const doc = 'Renames spans by their attributes, takes attributes out of their names, sets their status.'

export const otelcolProcessorSpan: ComponentDefinition<SettingsOf<typeof settings>> = {
  name: 'otelcol.processor.span',
  stability: 'generally-available',
  doc,
  consumes: ['traces'],
  input: 'otelcol',
  stateless: true,
  settings,
  create: (host, given) => new SpanProcessor(host, engineSettings(given), matchOfAlloy(given), given.output),
}

export const spanProcessor: YamlDefinition<SettingsOf<typeof yamlSettings>> = {
  kind: 'processor',
  types: ['span'],
  stability: 'experimental',
  doc,
  signals: ['traces'],
  stateless: true,
  settings: yamlSettings,
  create: (host, given, output) => new SpanProcessor(host, engineSettings(given), matchOfYaml(given), output),
}
