// The door of what discovery components share.
export { Refresher, TargetPublisher, updateIntervalMs } from './publisher.ts'
export { readTargetGroups, targetsOf } from './target_groups.ts'
export type { TargetGroup } from './target_groups.ts'
