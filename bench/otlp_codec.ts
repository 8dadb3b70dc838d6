// Measures OTLP's codec: nanoseconds of CPU per span of ten attributes, beside protobufjs.
//   node bench/otlp_codec.ts [seconds per measurement, default 0.5]
import { Traces } from '#pdata'
import {
  countWire,
  itemLevels,
  ownTracesTree,
  readTracesRequest,
  splitTraces,
  tracesFromJson,
  tracesToJson,
  tracesWire,
} from '#pdata/otlp'
import { judges } from '../pdata/otlp/testdata/judge.ts'
import { measureSpans, spanCount, spansOf } from './spans.ts'

const tree = spansOf(['orders'])
const bytes = tracesWire(Traces.fromTree(tree))[0]!
const batch = readTracesRequest(bytes)
const json = tracesToJson(batch)
const numbersJson = json.replace(/"(\d{16,})"/g, '$1')
const judge = judges.traces
const judged = judge.decode(bytes)

await measureSpans(
  'validate',
  () => void readTracesRequest(bytes),
  `${(bytes.length / spanCount).toFixed(0)} bytes/span`,
)
await measureSpans('count', () => void countWire(bytes, itemLevels))
await measureSpans('split into 8', () => void splitTraces(batch, spanCount / 8))
await measureSpans('decode', () => void ownTracesTree(Traces.fromWire([bytes], spanCount)))
await measureSpans('encode', () => void tracesWire(Traces.fromTree(tree)))
await measureSpans('JSON decode', () => void tracesFromJson(json), `${(json.length / spanCount).toFixed(0)} bytes/span`)
await measureSpans('JSON decode, times as numbers', () => void tracesFromJson(numbersJson))
await measureSpans('JSON.parse alone', () => void JSON.parse(json))
await measureSpans('JSON.parse alone, reviver', () => void JSON.parse(json, (_key, value: unknown) => value))
await measureSpans('JSON encode', () => void tracesToJson(batch))
await measureSpans('protobufjs decode', () => void judge.decode(bytes))
await measureSpans('protobufjs encode', () => void judge.encode(judged).finish())
