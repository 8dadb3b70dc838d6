// The door of what receivers do with HTTP requests: read them within bounds, answer them, count them.
export { answerError, answerText } from './answers.ts'
export { BodyReader, ContentEncoding, RequestRefused } from './body.ts'
export type { BodyLimits } from './body.ts'
export { RequestMetrics } from './request_metrics.ts'
