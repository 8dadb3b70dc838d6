// Target groups as files and HTTP servers give them: targets with the labels they share.
import { Target } from '#component'

export interface TargetGroup {
  readonly targets: readonly string[]
  readonly labels: ReadonlyMap<string, string>
}

/**
 * Reads a list of groups (`[{"targets": [...], "labels": {...}}]`) from parsed JSON or YAML. Strict, as Prometheus is:
 * throws an error that says what is wrong where a field is unknown or no text.
 */
export function readTargetGroups(parsed: unknown): TargetGroup[] {
  if (parsed === null || parsed === undefined) return []
  if (!Array.isArray(parsed)) throw new Error('Cannot read target groups: the document is no list')
  return parsed.map((group: unknown, i) => readGroup(group, i))
}

function readGroup(group: unknown, i: number): TargetGroup {
  if (group === null) throw new Error('nil target group item found')
  if (!isObject(group)) throw new Error(`Cannot read target group ${i}: it is no object`)
  for (const name of Object.keys(group)) {
    if (name !== 'targets' && name !== 'labels') {
      throw new Error(`Cannot read target group ${i}: unknown field ${JSON.stringify(name)}`)
    }
  }
  const targets = group['targets'] ?? []
  const labels = group['labels'] ?? {}
  if (!Array.isArray(targets) || !targets.every((target) => typeof target === 'string')) {
    throw new Error(`Cannot read target group ${i}: "targets" is no list of strings`)
  }
  if (!isObject(labels)) throw new Error(`Cannot read target group ${i}: "labels" is no object`)
  const read = new Map<string, string>()
  for (const [name, value] of Object.entries(labels)) {
    if (typeof value !== 'string') {
      throw new Error(`Cannot read target group ${i}: label ${JSON.stringify(name)} is no string`)
    }
    if (name === '') throw new Error(`Cannot read target group ${i}: a label has no name`)
    read.set(name, value)
  }
  return { targets, labels: read }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}

/** The targets of groups, each with its group's labels and `more`; a group's own labels give way to `more`. */
export function targetsOf(groups: readonly TargetGroup[], more: readonly (readonly [string, string])[]): Target[] {
  const targets: Target[] = []
  for (const group of groups) {
    for (const address of group.targets) {
      targets.push(new Target(new Map([...group.labels, ...more, ['__address__', address]])))
    }
  }
  return targets
}
