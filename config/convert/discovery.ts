// Discovery and relabelling as Prometheus's and Promtail's configurations have them, to Alloy's language.
import type { Settings } from '#component'
import { entryRange, isNull, type YamlEntry, type YamlMap } from '../yaml/tree.ts'
import {
  type AlloyBlock,
  attribute,
  block,
  concatenated,
  listLiteral,
  numbered,
  objectLiteral,
  type Statement,
  stringLiteral,
} from './document.ts'
import { clientRules, hasValue, mapOf, readClient, textOf, withEntry, without } from './http.ts'
import type { Writer } from './writer.ts'

/** Discovery that is asked for under `<kind>_sd_configs`, and whose component has another name. */
const otherNames: Readonly<Record<string, string>> = { xds: 'kuma' }

/** The rules of a relabelling component. */
export async function rulesOf(writer: Writer, component: string, entry: YamlEntry): Promise<Statement[]> {
  const schema = await writer.schema(component)
  const field = schema?.fields['rule']
  if (field?.kind !== 'blocks') return []
  return writer.maps(entry).map((one) => block('rule', undefined, ...writer.body(field.schema, one)))
}

export async function discoveryRelabel(
  writer: Writer,
  label: string,
  targets: readonly string[],
  rules: YamlEntry,
): Promise<AlloyBlock> {
  const given = attribute('targets', concatenated(targets))
  return block('discovery.relabel', label, given, ...(await rulesOf(writer, 'discovery.relabel', rules)))
}

/** Where the blocks of discovery go, and what they are called. */
export interface DiscoveryOptions {
  readonly into: AlloyBlock[]
  readonly label: string
  /** Gets the names of the components. */
  readonly made?: string[]
  /** The kinds in their order; others, and all where it is absent, stand by their names. */
  readonly order?: readonly string[]
  /** Statements beside those that the source asks for. */
  readonly extra?: (kind: string, map: YamlMap) => readonly Statement[]
}

/** The discovery components of a job, and their targets as expressions of lists. */
export async function discoveryOf(writer: Writer, job: YamlMap, options: DiscoveryOptions): Promise<string[]> {
  const { into, label, made, order = [], extra } = options
  const out: string[] = []
  const place = ({ key }: YamlEntry): number => (order.indexOf(kindOf(key)) + order.length + 1) % (order.length + 1)
  const found = [...job.entries.values()].filter(({ key }) => key.endsWith('_sd_configs'))
  for (const entry of found.sort((a, b) => place(a) - place(b) || (a.key < b.key ? -1 : 1))) {
    const kind = kindOf(entry.key)
    const component = `discovery.${otherNames[kind] ?? kind}`
    const maps = writer.maps(entry)
    const schema = await writer.schema(component, entryRange(entry))
    if (!schema) {
      writer.lacks(entryRange(entry), `"${entry.key}"`, `there is no ${component}`)
      continue
    }
    for (const [i, one] of maps.entries()) {
      const own = numbered(label, i)
      into.push(block(component, own, ...discoveryBody(writer, kind, schema, one), ...(extra?.(kind, one) ?? [])))
      out.push(`${component}.${own}.targets`)
      made?.push(`${component}.${own}`)
    }
  }
  return out
}

function kindOf(key: string): string {
  return key.slice(0, -'_sd_configs'.length)
}

function discoveryBody(writer: Writer, kind: string, schema: Settings<object>, given: YamlMap): Statement[] {
  const map = readClient(given)
  switch (kind) {
    case 'azure':
      return writer.body(schema, azure(writer, map), clientRules)
    case 'consul':
      return writer.body(schema, consul(map), clientRules)
    case 'consulagent':
      return writer.body(schema, map, { ...clientRules, allow_stale: null, node_meta: unusedByConsulAgent(writer) })
    case 'http': {
      // Alloy's own conversion writes these whatever they are.
      const body = writer.body(schema, map, clientRules)
      const always = [
        attribute('follow_redirects', 'true'),
        attribute('enable_http2', 'true'),
        attribute('refresh_interval', '"1m0s"'),
      ]
      return [...body, ...always.filter(({ name }) => !body.some((one) => one.name === name))]
    }
    case 'kuma':
    case 'xds':
      // Alloy's default is another one than Prometheus's.
      return writer.body(schema, withDefault(map, 'refresh_interval', '15s'), clientRules)
    default:
      return writer.body(schema, map, clientRules)
  }
}

function withDefault(map: YamlMap, key: string, text: string): YamlMap {
  return hasValue(map.entries.get(key)) ? map : withEntry(map, key, textOf(text, map.range))
}

function unusedByConsulAgent(writer: Writer): (entry: YamlEntry) => [] {
  return (entry) => {
    writer.report('warning', entry.keyRange, '"node_meta" is left out: Promtail never used it for consulagent')
    return []
  }
}

/** User and password of Consul are those of its HTTP client, too. */
function consul(map: YamlMap): YamlMap {
  const [username, password] = ['username', 'password'].map((key) => map.entries.get(key))
  if (!hasValue(username) && !hasValue(password)) return map
  if (hasValue(map.entries.get('basic_auth'))) return map
  const given = [
    ...(hasValue(username) ? [['username', username.value] as const] : []),
    ...(hasValue(password) ? [['password', password.value] as const] : []),
  ]
  return withEntry(map, 'basic_auth', mapOf(Object.fromEntries(given), map.range))
}

const azureMethods: Readonly<Record<string, readonly [string, ...string[]]>> = {
  '': ['oauth', 'client_id', 'tenant_id', 'client_secret'],
  OAuth: ['oauth', 'client_id', 'tenant_id', 'client_secret'],
  ManagedIdentity: ['managed_identity', 'client_id'],
  SDK: ['sdk_auth', 'tenant_id'],
  WorkloadIdentity: ['workload_identity'],
}

const azureKeys = ['authentication_method', 'client_id', 'tenant_id', 'client_secret']

/** How to authenticate is a setting of Prometheus's, and a block of Alloy's for each way. */
function azure(writer: Writer, map: YamlMap): YamlMap {
  const given = map.entries.get('authentication_method')
  const text = given?.value.kind === 'scalar' ? String(given.value.value ?? '') : ''
  const method = Object.hasOwn(azureMethods, text) ? azureMethods[text] : undefined
  if (!method) {
    const known = Object.keys(azureMethods).slice(1).join(', ')
    const place = given?.value.range ?? map.range
    writer.report('critical', place, `unknown authentication_method ${JSON.stringify(text)}: it is one of ${known}`)
    return without(map, azureKeys)
  }
  const [name, ...keys] = method
  const rest = without(map, azureKeys)
  const inner = [...map.entries].filter(([key]) => keys.includes(key))
  return withEntry(rest, name, { ...map, entries: new Map(inner) })
}

/**
 * The targets under `static_configs`: their labels by name, in order, as expressions. `otherwise`: the addresses of groups
 * without any.
 */
export function staticTargets(
  writer: Writer,
  job: YamlMap,
  otherwise: readonly string[],
): (readonly (readonly [string, string])[])[] {
  return writer.maps(job.entries.get('static_configs')).flatMap((group) => {
    writer.unknownKeys(group, ['targets', 'labels'], 'static_configs')
    const targets = group.entries.get('targets')
    const addresses: string[] = []
    if (targets && targets.value.kind === 'list') {
      for (const item of targets.value.items) addresses.push(writer.expression('string', item) ?? '""')
    } else if (targets && !isNull(targets.value)) writer.expression('list(string)', targets.value)
    if (addresses.length === 0) addresses.push(...otherwise.map(stringLiteral))
    const labels: [string, string][] = []
    for (const { key, value } of writer.map(group.entries.get('labels'))?.entries.values() ?? []) {
      labels.push([key, writer.expression('string', value) ?? '""'])
    }
    return addresses.map((address) => {
      const all: [string, string][] = [['__address__', address], ...labels]
      return all.sort(([a], [b]) => (a < b ? -1 : 1))
    })
  })
}

/** The expression of one list of the targets of all groups. */
export function targetsLiteral(targets: readonly (readonly (readonly [string, string])[])[]): string {
  return listLiteral(targets.map((labels) => objectLiteral(labels)))
}
