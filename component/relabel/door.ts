// The door of relabelling: rules, and what applies them to label sets, targets and batches of series.
export { relabel, relabelTarget } from './relabel.ts'
export {
  isLegacyLabelName,
  RelabelAction,
  RelabelRule,
  relabelRuleBlocks,
  relabelRuleFault,
  RelabelRules,
  relabelRuleSettings,
} from './rule.ts'
export type { NameScheme, RelabelRuleSettings } from './rule.ts'
export { SeriesRelabeller } from './series.ts'
export type { SeriesRelabellerOptions } from './series.ts'
