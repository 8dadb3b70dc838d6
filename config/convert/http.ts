// The settings of HTTP clients and servers in the configurations of Prometheus, Promtail and the Agent, as Alloy has them.
import type { Settings } from '#component'
import { isNull, type YamlEntry, type YamlMap, type YamlNode } from '../yaml/tree.ts'
import { type AlloyBlock, attribute, block, type Statement, stringLiteral } from './document.ts'
import type { Rules, Writer } from './writer.ts'

/** Of TLS and HTTP clients in all places. */
export const clientRules: Rules = {
  '*max_version': '! the newest version that both sides speak is taken',
  // The type of an authorization, which is written even where it is the usual one.
  '*type': ({ value }) => (value.kind === 'scalar' ? [attribute('type', stringLiteral(value.text))] : []),
}

/** The map with a node of its own under a key. */
export function withEntry(map: YamlMap, key: string, value: YamlNode): YamlMap {
  const entry = { key, keyRange: map.entries.get(key)?.keyRange ?? map.range, value }
  return { ...map, entries: new Map([...map.entries, [key, entry]]) }
}

/** The map without these keys. */
export function without(map: YamlMap, keys: readonly string[]): YamlMap {
  return { ...map, entries: new Map([...map.entries].filter(([key]) => !keys.includes(key))) }
}

/** The map with empty maps under the keys that it lacks. */
export function withEmpty(map: YamlMap, keys: readonly string[]): YamlMap {
  const lacking = keys.filter((key) => !hasValue(map.entries.get(key)))
  return lacking.reduce((all, key) => withEntry(all, key, mapOf({}, map.range)), map)
}

export function hasValue(entry: YamlEntry | undefined): entry is YamlEntry {
  return entry !== undefined && !isNull(entry.value)
}

/** A map that the source does not have, with the place of something that it has. */
export function mapOf(values: Readonly<Record<string, YamlNode | string>>, range: YamlMap['range']): YamlMap {
  const entries = Object.entries(values).map(([key, given]): [string, YamlEntry] => {
    const value = typeof given === 'string' ? textOf(given, range) : given
    return [key, { key, keyRange: range, value }]
  })
  return { kind: 'map', entries: new Map(entries), range }
}

export function textOf(text: string, range: YamlMap['range']): YamlNode {
  return { kind: 'scalar', value: text, text, range }
}

/**
 * What a client's settings are once Prometheus has read them: a bearer token is an authorization of that type, the type of an
 * authorization is `Bearer` where nobody says it, OAuth 2.0 has TLS settings.
 */
export function readClient(map: YamlMap): YamlMap {
  let out = map
  for (const [key, name] of [
    ['bearer_token', 'credentials'],
    ['bearer_token_file', 'credentials_file'],
  ] as const) {
    const token = map.entries.get(key)
    if (!hasValue(token) || hasValue(map.entries.get('authorization'))) continue
    const authorization = mapOf({ type: 'Bearer', [name]: token.value }, token.value.range)
    out = withEntry(without(out, [key]), 'authorization', authorization)
  }
  const authorization = out.entries.get('authorization')?.value
  if (authorization?.kind === 'map' && !hasValue(authorization.entries.get('type'))) {
    out = withEntry(out, 'authorization', withEntry(authorization, 'type', textOf('Bearer', authorization.range)))
  }
  const oauth2 = out.entries.get('oauth2')?.value
  return oauth2?.kind === 'map' ? withEntry(out, 'oauth2', withEmpty(oauth2, ['tls_config'])) : out
}

/** Settings of a server whose name in Alloy's `http` and `grpc` blocks is another one. */
const serverNames: Readonly<Record<string, readonly ['http' | 'grpc', string]>> = {
  http_listen_address: ['http', 'listen_address'],
  http_listen_port: ['http', 'listen_port'],
  http_listen_conn_limit: ['http', 'conn_limit'],
  http_server_read_timeout: ['http', 'server_read_timeout'],
  http_server_write_timeout: ['http', 'server_write_timeout'],
  http_server_idle_timeout: ['http', 'server_idle_timeout'],
  http_tls_config: ['http', 'tls'],
  grpc_listen_address: ['grpc', 'listen_address'],
  grpc_listen_port: ['grpc', 'listen_port'],
  grpc_listen_conn_limit: ['grpc', 'conn_limit'],
  grpc_server_max_connection_age: ['grpc', 'max_connection_age'],
  grpc_server_max_connection_age_grace: ['grpc', 'max_connection_age_grace'],
  grpc_server_max_connection_idle: ['grpc', 'max_connection_idle'],
  grpc_server_max_recv_msg_size: ['grpc', 'server_max_recv_msg_size'],
  grpc_server_max_send_msg_size: ['grpc', 'server_max_send_msg_size'],
  grpc_server_max_concurrent_streams: ['grpc', 'server_max_concurrent_streams'],
  grpc_tls_config: ['grpc', 'tls'],
}
const tlsNames: Rules = {
  cert: 'cert_pem',
  key: 'key_pem',
  client_ca_file: 'client_ca_file',
  client_ca: 'client_ca',
}

/**
 * `http`, `grpc` and the time to stop for the server of a source that listens: all three are always there, as in Alloy's own
 * conversions. `schema`: of the component, or of the block that they stand in.
 */
export function serverStatements(
  writer: Writer,
  schema: Settings<object> | undefined,
  server: YamlMap | undefined,
): Statement[] {
  const parts = { http: new Map<string, YamlEntry>(), grpc: new Map<string, YamlEntry>() }
  let stop = '"0s"'
  for (const entry of server?.entries.values() ?? []) {
    const place = Object.hasOwn(serverNames, entry.key) ? serverNames[entry.key] : undefined
    if (place) parts[place[0]].set(place[1], { ...entry, key: place[1] })
    else if (entry.key === 'register_instrumentation' && isFalse(entry.value)) continue
    else if (hasValue(entry)) {
      writer.lacks(entry.keyRange, `"${entry.key}"`, 'a source that listens has no such setting')
      if (entry.key === 'graceful_shutdown_timeout') stop = writer.expression('duration', entry.value) ?? stop
    }
  }
  const part = (name: 'http' | 'grpc'): AlloyBlock => {
    const field = schema?.fields[name]
    const range = server?.range
    const given = parts[name]
    if (field?.kind !== 'block' || given.size === 0 || !range) return block(name, undefined)
    const rules: Rules = Object.fromEntries(
      [...given.keys()].map((key) => [key, (entry) => serverSetting(writer, field.schema, entry)]),
    )
    return block(name, undefined, ...writer.body(field.schema, { kind: 'map', entries: given, range }, rules))
  }
  return [part('http'), part('grpc'), attribute('graceful_shutdown_timeout', stop)]
}

function isFalse(node: YamlNode): boolean {
  return node.kind === 'scalar' && node.value === false
}

/** A setting of a server, written even where it is Alloy's default. */
function serverSetting(writer: Writer, schema: Settings<object>, entry: YamlEntry): Statement[] {
  if (entry.key === 'tls') return serverTls(writer, schema, entry)
  const field = schema.fields[entry.key]
  const expression = field?.kind === 'attribute' ? writer.expression(field.type.name, entry.value) : undefined
  return expression === undefined ? [] : [attribute(entry.key, expression)]
}

function serverTls(writer: Writer, schema: Settings<object>, entry: YamlEntry): Statement[] {
  const map = writer.map(entry)
  if (!map || (!hasValue(map.entries.get('cert')) && !hasValue(map.entries.get('cert_file')))) return []
  const field = schema.fields['tls']
  if (field?.kind === 'block') return [block('tls', undefined, ...writer.body(field.schema, map, tlsNames))]
  return []
}
