// The door of the sending queue.
export { anyLane, decodePart, encodePart } from './part.ts'
export type { QueuePart } from './part.ts'
export { SendingQueue } from './queue.ts'
export type { SendingQueueContext, SendingQueueHandlers, SendingQueueSettings, SendOutcome } from './queue.ts'
