// The settings of attribute actions: what users write to change attributes, and the checks on it.
import type { Report, Value } from '#component'
import { anyValue, attr, string, ValueError } from '#component'
import { compileRegexp, RegexpError } from '#lib/regexp'
import { anyValueFrom } from './values.ts'

/** One action as decoded. `value` and `default_value`: null and undefined both mean that there is none. */
export interface ActionSettings {
  readonly key: string
  readonly action: string
  readonly value: Value | undefined
  readonly default_value?: Value | undefined
  readonly pattern: string
  readonly from_attribute: string
  readonly from_context: string
  readonly converted_type: string
}

/** The fields of Alloy's `action` block. */
export const actionFields = {
  key: attr(string, 'The attribute to act upon; `delete` and `hash` can do with `pattern` alone.', { default: '' }),
  action: attr(string, '`insert`, `update`, `upsert`, `delete`, `hash`, `extract` or `convert`.', { required: true }),
  value: attr(anyValue, 'The value to set.'),
  pattern: attr(
    string,
    'A regular expression: for `extract`, whose named groups become attributes; for `delete` and `hash`, of keys.',
    { default: '' },
  ),
  from_attribute: attr(string, 'The attribute to take the value from.', { default: '' }),
  from_context: attr(
    string,
    'What to take the value from of what is known of the client: `metadata.<name>`, `auth.<name>` or `client.address`.',
    { default: '' },
  ),
  converted_type: attr(string, '`int`, `double` or `string`, for `convert`.', { default: '' }),
} as const

/** The fields of an action in the collector's YAML. */
export const yamlActionFields = {
  ...actionFields,
  action: attr(string, '`insert`, `update`, `upsert`, `delete`, `hash`, `extract` or `convert`.', { default: '' }),
  default_value: attr(anyValue, 'The value where `from_attribute` or `from_context` leads to nothing.'),
} as const

const sets = ['insert', 'update', 'upsert']

/** Report what cannot work in `actions`. `name`: of the field that holds them. */
export function checkActions(actions: readonly ActionSettings[], name: string, report: Report): void {
  for (const [i, action] of actions.entries()) {
    const kind = action.action.toLowerCase()
    const problem = kind === 'delete' || kind === 'hash' ? problemOfKeyed(action, kind) : problemOf(action, kind)
    if (problem !== undefined) report(problem, [name, i])
  }
}

function isSet(value: Value | undefined): boolean {
  return value !== undefined && value !== null
}

function sources(action: ActionSettings): number {
  return Number(isSet(action.value)) + Number(action.from_attribute !== '') + Number(action.from_context !== '')
}

/** `delete` and `hash`: what acts on keys. */
function problemOfKeyed(action: ActionSettings, kind: string): string | undefined {
  if (action.key === '' && action.pattern === '') return `the action ${kind} needs "key", "pattern" or both`
  if (isSet(action.value) || action.from_attribute !== '')
    return `the action ${kind} does not use "value" or "from_attribute"`
  if (action.converted_type !== '') return `the action ${kind} does not use "converted_type"`
  return action.pattern === '' ? undefined : problemOfPattern(action.pattern)
}

function problemOf(action: ActionSettings, kind: string): string | undefined {
  const isSetting = sets.includes(kind)
  if (!isSetting && kind !== 'extract' && kind !== 'convert') {
    return `there is no action ${JSON.stringify(action.action)}: there are insert, update, upsert, delete, hash, extract and convert`
  }
  if (action.key === '') return `the action ${kind} requires the key argument to be set`
  if (isSetting) return problemOfSetting(action, kind)
  if (sources(action) > 0) return `the action ${kind} does not use "value", "from_attribute" or "from_context"`
  if (kind === 'convert') {
    if (action.pattern !== '') return 'the action convert does not use "pattern"'
    if (['int', 'double', 'string'].includes(action.converted_type)) return undefined
    return `the action convert needs "converted_type" to be int, double or string, got ${JSON.stringify(action.converted_type)}`
  }
  if (action.converted_type !== '') return 'the action extract does not use "converted_type"'
  if (action.pattern === '') return 'the action extract needs "pattern"'
  return problemOfPattern(action.pattern) ?? problemOfGroups(action.pattern)
}

function problemOfSetting(action: ActionSettings, kind: string): string | undefined {
  const count = sources(action)
  if (count === 0) return `the action ${kind} needs "value", "from_attribute" or "from_context"`
  if (count > 1) return `the action ${kind} takes one of "value", "from_attribute" and "from_context", got ${count}`
  if (action.pattern !== '') return `the action ${kind} does not use "pattern"`
  if (action.converted_type !== '') return `the action ${kind} does not use "converted_type"`
  try {
    for (const value of [action.value, action.default_value]) if (value !== undefined) anyValueFrom(value)
    return undefined
  } catch (error) {
    if (error instanceof ValueError) return `"value" ${error.message}`
    throw error
  }
}

function problemOfPattern(pattern: string): string | undefined {
  try {
    compileRegexp(pattern)
    return undefined
  } catch (error) {
    if (error instanceof RegexpError) return `"pattern" is invalid: ${error.message}`
    throw error
  }
}

function problemOfGroups(pattern: string): string | undefined {
  const [, ...names] = compileRegexp(pattern).subexpNames
  if (names.length === 0) return `"pattern" needs a named group, as in (?P<name>.*): current value is ${pattern}`
  if (names.includes('')) return `every group of "pattern" needs a name: current value is ${pattern}`
  return undefined
}
