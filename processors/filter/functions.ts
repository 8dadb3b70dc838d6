// The functions that conditions of each context may call.
import type { ContextName, DataPoint, FunctionTable, TransformContext } from '#component/ottl'
import { defineConverter, functionTable, OttlError, stringLiteral } from '#component/ottl'
import { converterFunctions, isRootSpan } from '#component/ottl_functions'
import type { AnyValue, Metric } from '#pdata/otlp'
import { attributeValue } from '#pdata/otlp'

/** The attribute of the first data point that has it. */
function firstOnPoints(context: TransformContext, key: string): AnyValue | undefined {
  const { data } = context.metric as Metric
  if (data.kind === 'empty') throw new OttlError('unknown metric type')
  for (const point of data.points as DataPoint[]) {
    const value = attributeValue(point.attributes, key)
    if (value !== undefined) return value
  }
  return undefined
}

/** `HasAttrKeyOnDatapoint(key)`: has one of the metric's data points the attribute? */
const hasKey = defineConverter({
  name: 'HasAttrKeyOnDatapoint',
  readsContext: true,
  parameters: { key: stringLiteral },
  create:
    ({ key }) =>
    (context) =>
      firstOnPoints(context, key) !== undefined,
})

/** `HasAttrOnDatapoint(key, expected_val)`: has the first data point with the attribute this text there? */
const hasValue = defineConverter({
  name: 'HasAttrOnDatapoint',
  readsContext: true,
  parameters: { key: stringLiteral, expected_val: stringLiteral },
  create:
    ({ key, expected_val: expected }) =>
    (context) => {
      const value = firstOnPoints(context, key)
      return value !== undefined && (typeof value === 'string' ? value : '') === expected
    },
})

const metric = functionTable([...converterFunctions.values(), hasKey, hasValue])
const span = functionTable([...converterFunctions.values(), isRootSpan])

export function functionsOf(context: ContextName): FunctionTable {
  if (context === 'span') return span
  return context === 'metric' ? metric : converterFunctions
}
