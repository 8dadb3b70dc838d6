// Log records with a resource and a scope each, and back.
import type { LogsTree, ResourceLogs, ScopeLogs } from '#pdata/otlp'
import { anyValueText, cloneAttributes, KeyValueList } from '#pdata/otlp'

/** Each record alone below copies of its resource and scope. The records are those of `tree`. */
export function flattened(tree: LogsTree): LogsTree {
  const resourceLogs: ResourceLogs[] = []
  for (const group of tree.resourceLogs) {
    for (const inside of group.scopeLogs) {
      for (const record of inside.logRecords) {
        const resource = { ...group.resource, attributes: cloneAttributes(group.resource.attributes) }
        const scope = { ...inside.scope, attributes: cloneAttributes(inside.scope.attributes) }
        resourceLogs.push({ ...group, resource, scopeLogs: [{ ...inside, scope, logRecords: [record] }] })
      }
    }
  }
  return { resourceLogs }
}

/** Records of equal resources and scopes below one of each, in the order in which these first come. */
export function regrouped(tree: LogsTree): LogsTree {
  const groups = new Map<string, ResourceLogs>()
  const scopes = new Map<string, ScopeLogs>()
  for (const group of tree.resourceLogs) {
    const resourceKey = keyOf(group)
    let into = groups.get(resourceKey)
    if (into === undefined) groups.set(resourceKey, (into = { ...group, scopeLogs: [] }))
    for (const inside of group.scopeLogs) {
      const scopeKey = `${resourceKey}\n${scopeKeyOf(inside)}`
      let scope = scopes.get(scopeKey)
      if (scope === undefined) {
        scope = { ...inside, logRecords: [] }
        scopes.set(scopeKey, scope)
        into.scopeLogs.push(scope)
      }
      scope.logRecords.push(...inside.logRecords)
    }
  }
  return { resourceLogs: [...groups.values()] }
}

function keyOf({ resource, schemaUrl }: ResourceLogs): string {
  return `${schemaUrl}\n${resource.droppedAttributesCount}\n${anyValueText(new KeyValueList(resource.attributes))}`
}

function scopeKeyOf({ scope, schemaUrl }: ScopeLogs): string {
  const { name, version, droppedAttributesCount, attributes } = scope
  return JSON.stringify([schemaUrl, name, version, droppedAttributesCount, anyValueText(new KeyValueList(attributes))])
}
