// The door of what bridges between kinds of batches share.
export { handOn } from './bridge.ts'
