// The door of what sources of log lines share: labels, lines gathered into streams, and their delivery.
export { LogDelivery, refusedReason, stoppedReason } from './delivery.ts'
export type { LogDeliveryOptions } from './delivery.ts'
export { GatheredLines } from './gathered.ts'
export { LogIntake } from './intake.ts'
export { LabelSets, relabelledReason, sourceLabels, UsedLabels } from './labels.ts'
