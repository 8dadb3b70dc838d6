// The flags of `solder run`: Alloy's, plus those of Solder's own.
import type { FlagSpec } from './flags.ts'

const noCluster = 'clustering is not supported yet'
const noUi = 'there is no web page yet'

const flag = (
  name: string,
  kind: FlagSpec['kind'],
  preset: FlagSpec['default'],
  doc: string,
  more: Partial<FlagSpec> = {},
) => ({ name, kind, default: preset, doc, ...more }) as FlagSpec

export const stabilityFlags: readonly FlagSpec[] = [
  flag(
    'stability.level',
    'string',
    'generally-available',
    'Least stable features allowed: experimental, public-preview or generally-available',
  ),
  flag('feature.community-components.enabled', 'bool', false, 'Enable community components'),
]

export const formatFlags: readonly FlagSpec[] = [
  flag(
    'config.format',
    'string',
    'alloy',
    'Language of the configuration: alloy, otelcol, prometheus, promtail or static',
  ),
  flag('config.bypass-conversion-errors', 'bool', false, 'Go on when a conversion has errors'),
  flag('config.extra-args', 'string', '', 'Arguments of the original program, for conversions'),
]

export const runFlags: readonly FlagSpec[] = [
  flag('server.http.listen-addr', 'string', '127.0.0.1:12345', 'Address of the admin server'),
  flag(
    'server.http.memory-addr',
    'string',
    'alloy.internal:12345',
    'Address under which targets inside this process are scraped',
  ),
  flag('server.http.ui-path-prefix', 'string', '/', 'Path of the web page', { inert: noUi }),
  flag('server.http.enable-pprof', 'bool', true, 'Serve Go profiles', { inert: 'there are no Go profiles here' }),
  flag('server.http.disable-support-bundle', 'bool', false, 'Serve no support bundle', { inert: 'there is none' }),
  flag('server.http.enable-graphql', 'bool', false, 'Serve GraphQL', { inert: 'there is none', experimental: true }),
  flag('server.http.enable-graphql-playground', 'bool', false, 'Serve the GraphQL playground', {
    inert: 'there is none',
    experimental: true,
  }),
  flag('storage.path', 'string', 'data-alloy/', 'Directory for queues and other state'),
  flag(
    'storage.durability',
    'string',
    'spill',
    'spill: write to disk only while a backend is away and at the stop; always: what is taken is on disk first',
  ),
  flag('workers', 'number', 1, 'How many processes share the ports of receivers whose pipelines keep no state'),
  ...stabilityFlags,
  flag('feature.component-shutdown-deadline', 'duration', '20s', 'How long components may take to stop'),
  flag('feature.prometheus.direct-fanout.enabled', 'bool', false, 'Fan out directly', {
    inert: 'it always does',
    experimental: true,
  }),
  flag('disable-reporting', 'bool', false, 'Send no usage report', { inert: 'none is ever sent' }),
  ...formatFlags,
  flag('cluster.enabled', 'bool', false, 'Start clustered', { inert: noCluster }),
  flag('cluster.node-name', 'string', '', 'Name in the cluster', { inert: noCluster }),
  flag('cluster.advertise-address', 'string', '', 'Address for the cluster', { inert: noCluster }),
  flag('cluster.advertise-interfaces', 'string', 'eth0,en0', 'Interfaces for the cluster', { inert: noCluster }),
  flag('cluster.join-addresses', 'string', '', 'Addresses to join', { inert: noCluster }),
  flag('cluster.discover-peers', 'string', '', 'How peers are found', { inert: noCluster }),
  flag('cluster.rejoin-interval', 'duration', '60s', 'How often to join again', { inert: noCluster }),
  flag('cluster.max-join-peers', 'number', 5, 'Peers to join', { inert: noCluster }),
  flag('cluster.name', 'string', '', 'Name of the cluster', { inert: noCluster }),
  flag('cluster.enable-tls', 'bool', false, 'TLS between peers', { inert: noCluster }),
  flag('cluster.tls-ca-path', 'string', '', 'Authority of peers', { inert: noCluster }),
  flag('cluster.tls-cert-path', 'string', '', 'Certificate for peers', { inert: noCluster }),
  flag('cluster.tls-key-path', 'string', '', 'Key for peers', { inert: noCluster }),
  flag('cluster.tls-server-name', 'string', '', 'Server name of peers', { inert: noCluster }),
  flag('cluster.wait-for-size', 'number', 0, 'Peers to wait for', { inert: noCluster }),
  flag('cluster.wait-timeout', 'duration', '0s', 'How long to wait for peers', { inert: noCluster }),
  flag('cluster.use-discovery-v1', 'bool', false, 'Deprecated', { inert: 'deprecated' }),
  flag('feature.prometheus.metric-validation-scheme', 'string', '', 'Deprecated', { inert: 'deprecated' }),
  flag('windows.priority', 'string', 'normal', 'Priority on Windows', { inert: 'Windows only' }),
]
