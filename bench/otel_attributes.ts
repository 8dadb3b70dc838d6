// Measures attribute actions: nanoseconds of CPU per span of ten attributes, on the wire and on trees.
//   node bench/otel_attributes.ts [seconds per measurement, default 0.5]
// Figures for the wire begin and end with encoded spans, as in a gateway; those for trees say what they include.
import type { ActionSettings } from '#component/otel_attributes'
import { AttributeActions, editAttributes, editResources, LiteralEdits } from '#component/otel_attributes'
import { Traces } from '#pdata'
import { ownTracesTree, readTracesRequest, tracesWire } from '#pdata/otlp'
import { measureSpans, spanCount, spansOf } from './spans.ts'

const wire = tracesWire(Traces.fromTree(spansOf(['shop'])))
const request = Buffer.concat(wire)

const noSettings = { value: undefined, pattern: '', from_attribute: '', from_context: '', converted_type: '' }
function actionsOf(...given: readonly (Partial<ActionSettings> & { key: string; action: string })[]): AttributeActions {
  return new AttributeActions(given.map((one) => ({ ...noSettings, ...one })))
}

const upsert = actionsOf({ action: 'upsert', key: 'deployment.environment', value: 'production' })
const several = actionsOf(
  { action: 'upsert', key: 'deployment.environment', value: 'production' },
  { action: 'delete', key: 'user_agent.original' },
  { action: 'update', key: 'url.scheme', value: 'http' },
)
const hashing = actionsOf({ action: 'hash', key: 'client.address' })

function onWire(actions: AttributeActions): () => void {
  const edits = new LiteralEdits(actions).for(null)
  if (edits === null) throw new Error('Cannot measure: the actions are not for the wire')
  return () => void editAttributes('traces', wire, edits)
}

function onTree(actions: AttributeActions): () => void {
  return () => {
    const tree = ownTracesTree(Traces.fromWire(wire, spanCount))
    for (const { scopeSpans: scopes } of tree.resourceSpans) {
      for (const scope of scopes) for (const span of scope.spans) actions.apply(span.attributes, null)
    }
    tracesWire(Traces.fromTree(tree))
  }
}

console.log(`${spanCount} spans, ${request.length} bytes`)
await measureSpans('validate the request, change nothing', () => void readTracesRequest(request))
await measureSpans('attributes: one upsert, on the wire', onWire(upsert))
await measureSpans('attributes: upsert, update and delete, on the wire', onWire(several))
const edits = new LiteralEdits(upsert).for(null)
if (edits !== null) await measureSpans('resource: one upsert, on the wire', () => void editResources(wire, edits))
await measureSpans('attributes: one upsert, decoded and encoded again', onTree(upsert))
await measureSpans('attributes: one hash, decoded and encoded again', onTree(hashing))
