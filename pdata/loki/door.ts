// The door of Loki's push codec: requests out of log streams, and log streams out of requests.
export { decodePush, decodePushJson, PushError, pushLimitsDefault } from './decode.ts'
export type { PushLimits, RefusedStream } from './decode.ts'
export { encodePush } from './encode.ts'
export { LineTimes } from './line_times.ts'
export { LabelTextError, labelText, parseLabelText } from './label_text.ts'
