// What a metric is made of: which records count, by which attributes, with which value.
import type { Host, Report } from '#component'
import { SettingsError } from '#component'
import type { ConditionSequence, ContextName, FunctionTable, Getter } from '#component/ottl'
import {
  calledNames,
  checkGroup,
  compileGroup,
  compileValue,
  contexts,
  defineConverter,
  functionTable,
  loadFunctions,
  OttlProblem,
  problemText,
  type Recorder,
} from '#component/ottl'
import { converterFunctions } from '#component/ottl_functions'
import { adjustedCount } from '#component/span_scan'
import type { AnyValue } from '#pdata/otlp'

/** The records that metrics are made of, each an OTTL context. */
export type RecordKind = 'span' | 'spanevent' | 'metric' | 'datapoint' | 'log'

/** An attribute to take over. */
export interface AttributeRule {
  readonly key: string
  /** Undefined: none. */
  readonly fallback: AnyValue | undefined
  /** Records without it count all the same. */
  readonly isOptional: boolean
}

/** Attributes whose keys an expression gives; all of them are optional. */
export interface KeysRule {
  readonly keysExpression: string
}

export type MeasureSettings =
  | { readonly kind: 'count' }
  /** The number that an attribute holds, or that its text says; where there is none, 0. */
  | { readonly kind: 'attribute'; readonly key: string }
  | { readonly kind: 'sum'; readonly value: string; readonly isMonotonic: boolean }
  | { readonly kind: 'gauge'; readonly value: string }
  | { readonly kind: 'histogram'; readonly value: string; readonly count: string; readonly bounds: readonly number[] }
  | {
      readonly kind: 'exponential_histogram'
      readonly value: string
      readonly count: string
      readonly bucketsMax: number
    }

export interface MetricSettings {
  readonly record: RecordKind
  readonly name: string
  readonly description: string
  readonly unit: string
  /** Joined with `or`; none: every record. */
  readonly conditions: readonly string[]
  readonly attributes: readonly (AttributeRule | KeysRule)[]
  /** Undefined: all of the resource's attributes. */
  readonly resourceAttributes: readonly (AttributeRule | KeysRule)[] | undefined
  readonly measure: MeasureSettings
  /** Leads to it in the settings, and to its conditions below that. */
  readonly path: readonly (string | number)[]
}

/** Where a record's attributes are looked for, and what else the metrics of a connector have in common. */
export interface RecordMetrics {
  readonly scopeName: string
  /** Are attributes that a record lacks taken from its scope, and then its resource? */
  readonly looksAbove: boolean
  /** Put on every resource. */
  readonly resourceExtras: readonly { readonly key: string; readonly value: string }[]
  /** Are points dated by their records, as far as these have times? Otherwise by now. */
  readonly isDatedByRecords: boolean
  /** What an attribute's value becomes on a point; undefined: as if the record lacked it, without a fallback. Absent: itself. */
  readonly shownAs?: (value: AnyValue) => AnyValue | undefined
}

export interface CompiledRule {
  readonly key: string
  readonly fallback: AnyValue | undefined
  readonly isOptional: boolean
  /** Null: the key is `key`. */
  readonly keys: Getter | null
}

/** Ready to run. */
export interface MetricDefinition {
  readonly settings: MetricSettings
  readonly conditions: ConditionSequence | undefined
  readonly attributes: readonly CompiledRule[]
  readonly resourceAttributes: readonly CompiledRule[] | undefined
  /** Null: what `measure` says is no expression. */
  readonly value: Getter | null
  readonly count: Getter | null
  readonly recorder: Recorder
}

/** `AdjustedCount()`: how many spans a sampled span stands for; 1 where it does not say. */
const adjustedCountConverter = defineConverter({
  name: 'AdjustedCount',
  parameters: {},
  create: () => (context) => adjustedCount(context.span?.traceState ?? '') ?? 1,
})
const spanFunctions: FunctionTable = functionTable([...converterFunctions.values(), adjustedCountConverter])

function functionsOf(context: ContextName): FunctionTable {
  return context === 'span' ? spanFunctions : converterFunctions
}

function groupOf({ record, conditions }: MetricSettings): { context: string; conditions: readonly string[] } {
  return { context: record, conditions }
}

function groupOptions({ record }: MetricSettings) {
  return { contexts: [record], functions: functionsOf }
}

/** The expressions of a definition, with where they stand below it. */
function expressionsOf({ measure, attributes, resourceAttributes }: MetricSettings) {
  const out: { text: string; path: readonly (string | number)[] }[] = []
  const add = (text: string, ...path: (string | number)[]): void => void out.push({ text, path })
  if ('value' in measure) add(measure.value, measure.kind, 'value')
  if ('count' in measure && measure.count !== '') add(measure.count, measure.kind, 'count')
  for (const [name, rules] of [
    ['attributes', attributes],
    ['include_resource_attributes', resourceAttributes ?? []],
  ] as const) {
    for (const [i, rule] of rules.entries()) {
      if ('keysExpression' in rule) add(rule.keysExpression, name, i, 'keys_expression')
    }
  }
  return out
}

/** For a schema's `check`: reports all that is wrong with conditions and expressions. */
export function checkDefinitions(all: readonly MetricSettings[], report: Report): void {
  for (const settings of all) {
    const { record, path } = settings
    if (settings.conditions.length > 0) {
      checkGroup(groupOf(settings), groupOptions(settings), { conditions: [...path, 'conditions'] }, report)
    }
    const scope = { context: contexts[record], functions: functionsOf(record), isBare: true, loaded: null }
    for (const { text, path: below } of expressionsOf(settings)) {
      try {
        compileValue(text, scope)
      } catch (error) {
        if (!(error instanceof OttlProblem)) throw error
        report(problemText(error.message, text, error.at), [...path, ...below])
      }
    }
  }
}

/** Compile definitions, loading what their functions need. Throws `SettingsError`. */
export async function compileDefinitions(
  host: Host,
  all: readonly MetricSettings[],
  recorderOf: (host: Host, group: string) => Recorder,
): Promise<MetricDefinition[]> {
  const out: MetricDefinition[] = []
  for (const settings of all) {
    const { record, path, measure } = settings
    const recorder = recorderOf(host, path.join('.'))
    // What errors of expressions for attributes are counted under.
    recorder.watch(settings.name)
    const paths = { conditions: [...path, 'conditions'] }
    const { conditions } =
      settings.conditions.length === 0
        ? { conditions: undefined }
        : await compileGroup(groupOf(settings), groupOptions(settings), paths, recorder)
    const functions = functionsOf(record)
    const texts = expressionsOf(settings).map(({ text }) => text)
    const loaded = await loadFunctions(functions, calledNames([], [], texts))
    const scope = { context: contexts[record], functions, isBare: true, loaded }
    const compile = (text: string): Getter => {
      recorder.watch(text)
      try {
        return compileValue(text, scope)
      } catch (error) {
        if (error instanceof OttlProblem) throw new SettingsError(problemText(error.message, text, error.at), path)
        throw error
      }
    }
    const ruleOf = (rule: AttributeRule | KeysRule): CompiledRule =>
      'keysExpression' in rule
        ? { key: '', fallback: undefined, isOptional: true, keys: compile(rule.keysExpression) }
        : { ...rule, keys: null }
    out.push({
      settings,
      conditions,
      attributes: settings.attributes.map(ruleOf),
      resourceAttributes: settings.resourceAttributes?.map(ruleOf),
      value: 'value' in measure ? compile(measure.value) : null,
      count: 'count' in measure && measure.count !== '' ? compile(measure.count) : null,
      recorder,
    })
  }
  return out
}
