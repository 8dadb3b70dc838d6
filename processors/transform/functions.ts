// The functions that statements of each context may call.
import type { ContextName, FunctionTable } from '#component/ottl'
import { functionTable } from '#component/ottl'
import { allFunctions, isRootSpan } from '#component/ottl_functions'
import { aggregateFunctions } from './aggregate.ts'
import { histogramMetricFunctions, histogramPointFunctions } from './histogram_functions.ts'
import { dataPointFunctions, metricFunctions } from './metric_functions.ts'
import { spanFunctions } from './span_name.ts'

const standard = [...allFunctions.values()]
const metric = functionTable(standard, metricFunctions, aggregateFunctions, histogramMetricFunctions(Math.random))
const dataPoint = functionTable(standard, dataPointFunctions, histogramPointFunctions)
const span = functionTable(standard, spanFunctions, [isRootSpan])

export function functionsOf(context: ContextName): FunctionTable {
  switch (context) {
    case 'metric':
      return metric
    case 'datapoint':
      return dataPoint
    case 'span':
      return span
    default:
      return allFunctions
  }
}
