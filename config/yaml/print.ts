// Shows a configuration as it is after merging and expanding, without its secrets.
import { createRequire } from 'node:module'
import type { Settings, Type, YamlKind } from '#component'
import type * as Yaml from 'yaml'
import type { ComponentRegistry } from '../plan.ts'
import { parseId } from './ids.ts'
import type { YamlMap, YamlNode } from './tree.ts'

const require = createRequire(import.meta.url)

/** What stands in the place of a secret, as upstream prints it. */
const redacted = '[REDACTED]'

type Plain = null | boolean | number | bigint | string | readonly Plain[] | { readonly [key: string]: Plain }

const kinds: Readonly<Record<string, YamlKind>> = {
  receivers: 'receiver',
  processors: 'processor',
  exporters: 'exporter',
  connectors: 'connector',
  extensions: 'extension',
}

/**
 * The configuration as YAML or JSON. Settings that are secrets are left out of it; so are texts of components whose schema
 * is not known, and headers of the process's own telemetry.
 */
export async function redactedYaml(
  root: YamlMap,
  registry: ComponentRegistry,
  format: 'yaml' | 'json' = 'yaml',
): Promise<string> {
  const out: Record<string, Plain> = {}
  for (const [name, entry] of root.entries) {
    const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined
    out[name] = kind ? await componentsOf(kind, entry.value, registry) : serviceOf(entry.value, [name])
  }
  if (format === 'json')
    return `${JSON.stringify(out, (_, v: unknown) => (typeof v === 'bigint' ? Number(v) : v), 2)}\n`
  const yaml = require('yaml') as typeof Yaml
  return yaml.stringify(out, { lineWidth: 0 })
}

async function componentsOf(kind: YamlKind, node: YamlNode, registry: ComponentRegistry): Promise<Plain> {
  if (node.kind !== 'map') return plain(node)
  const out: Record<string, Plain> = {}
  for (const [id, entry] of node.entries) {
    const definition = await registry.loadYaml(kind, typeOf(id))
    out[id] = definition ? bodyOf(definition.settings, entry.value) : hidden(entry.value)
  }
  return out
}

function typeOf(id: string): string {
  try {
    return parseId(id).type
  } catch {
    return id
  }
}

function bodyOf(schema: Settings<object>, node: YamlNode): Plain {
  if (node.kind !== 'map') return node.kind === 'scalar' && node.value === null ? null : hidden(node)
  const out: Record<string, Plain> = {}
  for (const [key, { value }] of node.entries) {
    const field = Object.hasOwn(schema.fields, key) ? schema.fields[key] : undefined
    if (!field) out[key] = hidden(value)
    else if (field.kind === 'attribute') out[key] = attributeOf(field.type, value)
    else if (field.kind === 'block') out[key] = bodyOf(field.schema, value)
    else if (field.kind === 'variants') out[key] = hidden(value)
    else out[key] = value.kind === 'list' ? value.items.map((item) => bodyOf(field.schema, item)) : hidden(value)
  }
  return out
}

function attributeOf(type: Type<unknown>, node: YamlNode): Plain {
  if (type.name.includes('secret')) return hidden(node)
  return plain(node)
}

/** Everything but its shape is left out. */
function hidden(node: YamlNode): Plain {
  switch (node.kind) {
    case 'scalar':
      return node.value === null || node.value === '' ? node.value : redacted
    case 'list':
      return node.items.map(hidden)
    case 'map':
      return Object.fromEntries([...node.entries].map(([key, entry]) => [key, hidden(entry.value)]))
  }
}

function serviceOf(node: YamlNode, path: readonly string[]): Plain {
  if (path.includes('telemetry') && path.at(-1)?.startsWith('headers')) return hidden(node)
  if (node.kind === 'list') return node.items.map((item) => serviceOf(item, path))
  if (node.kind !== 'map') return plain(node)
  return Object.fromEntries([...node.entries].map(([key, entry]) => [key, serviceOf(entry.value, [...path, key])]))
}

function plain(node: YamlNode): Plain {
  switch (node.kind) {
    case 'scalar':
      return node.value
    case 'list':
      return node.items.map(plain)
    case 'map':
      return Object.fromEntries([...node.entries].map(([key, entry]) => [key, plain(entry.value)]))
  }
}
