// The door of what processors of metrics share: identities of streams, state by stream, adding points, dropping some.
export { addExponentialHistogram, addHistogram, addNumbers, coarser, sameNumbers } from './add.ts'
export { Drops, RestOutlet, retain, retainMetrics } from './hand_on.ts'
export { attributesKey, metricKey, scopeKey } from './identity.ts'
export { StreamTable } from './table.ts'
export type { StreamGroup, StreamState } from './table.ts'
