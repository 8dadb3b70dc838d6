// For tests: random traces and logs in OTLP/JSON, with what encoded bytes make hard, and scopes to compile expressions in.
import fc from 'fast-check'
import { type ContextName, contexts, type FunctionTable, type Scope } from '#component/ottl'

/** The scope of each context, with these functions. */
export function scopesWith(functions: FunctionTable): (context: ContextName) => Scope {
  return (context) => ({ context: contexts[context], functions, isBare: false, loaded: new Map() })
}

/** Lengths of two bytes among them. */
const key = fc.constantFrom('a', 'b', 'é', 'k'.repeat(130))
const word = fc.oneof(fc.constantFrom('x', 'y', 'é', '', 'v'.repeat(140)), fc.string({ maxLength: 3 }))
const anyValue: fc.Arbitrary<object> = fc.oneof(
  word.map((stringValue) => ({ stringValue })),
  fc.integer({ min: -3, max: 3 }).map((value) => ({ intValue: String(value) })),
  fc.constantFrom(
    { doubleValue: 1.5 },
    { boolValue: true },
    {},
    { bytesValue: 'AQI=' },
    { kvlistValue: { values: [{ key: 'a', value: { stringValue: 'x' } }] } },
    { kvlistValue: { values: [{ key: 'b', value: { stringValue: 'x' } }] } },
    { arrayValue: { values: [{ intValue: '1' }] } },
  ),
)
/** Some with keys that are there twice. */
const attributes = fc.oneof(
  fc.uniqueArray(fc.record({ key, value: anyValue }), { maxLength: 4, selector: (each) => each.key }),
  fc.array(fc.record({ key, value: anyValue }), { maxLength: 4 }),
)
const resource = fc.option(fc.record({ attributes, droppedAttributesCount: fc.nat(2) }), { nil: undefined })
const scope = fc.option(fc.record({ name: word, version: word, attributes }), { nil: undefined })
const nanos = fc.constantFrom('0', '1000', '5000')
const status = fc.option(fc.record({ code: fc.integer({ min: 0, max: 2 }), message: word }), { nil: undefined })
const span = fc.record({
  name: word,
  kind: fc.integer({ min: 0, max: 5 }),
  attributes,
  startTimeUnixNano: nanos,
  endTimeUnixNano: nanos,
  status,
  events: fc.constantFrom([], [{ name: 'e' }]),
  traceId: fc.constantFrom('', '0102030405060708090a0b0c0d0e0f10'),
})
const record = fc.record({
  severityNumber: fc.integer({ min: 0, max: 24 }),
  severityText: word,
  body: anyValue,
  attributes,
  timeUnixNano: nanos,
})

export const randomTraces = fc.record({
  resourceSpans: fc.array(
    fc.record({
      resource,
      schemaUrl: word,
      scopeSpans: fc.array(fc.record({ scope, spans: fc.array(span, { maxLength: 4 }) }), { maxLength: 3 }),
    }),
    { maxLength: 3 },
  ),
})

export const randomLogs = fc.record({
  resourceLogs: fc.array(
    fc.record({
      resource,
      schemaUrl: word,
      scopeLogs: fc.array(fc.record({ scope, logRecords: fc.array(record, { maxLength: 4 }) }), { maxLength: 3 }),
    }),
    { maxLength: 3 },
  ),
})
