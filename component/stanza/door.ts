// The door of the collector's operators: entries, pipelines that work on them, and what receivers of entries share.
export { Delivery } from './delivery.ts'
export { Entry, logsOf } from './entry.ts'
export type { EntryMap } from './entry.ts'
export { checkOperators, Pipeline } from './pipeline.ts'
export type { OperatorSettings } from './pipeline.ts'
export { checkStanza, EntryMaker, stanzaFields } from './receiver_settings.ts'
export type { StanzaSettings } from './receiver_settings.ts'
export { size } from './size.ts'
export {
  checkRegexp,
  encodingProblem,
  entryEncoding,
  entryPattern,
  multilineSettings,
  trimmer,
  whitespaceFields,
} from './splitting.ts'
export { checkSyslog, syslogFields } from './operators/syslog.ts'
export type { SyslogFields } from './operators/syslog.ts'
export { retrySettings } from './delivery.ts'
