// The door of include and exclude matching: which spans, log records and metrics a processor works on.
export {
  alloyMatch,
  alloyMatchFields,
  matchAttributeOf,
  matchOfAlloy,
  matchOfYaml,
  yamlMatch,
  yamlMatchFields,
} from './settings.ts'
export { LogFilter, MetricFilter, SpanFilter } from './match.ts'
export type { MatchAttribute, MatchProperties, MatchSettings } from './match.ts'
