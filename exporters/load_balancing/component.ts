// otelcol.exporter.loadbalancing, in YAML the exporter load_balancing: shares telemetry out over OTLP backends.
import {
  attr,
  block,
  bool,
  type ComponentDefinition,
  customType,
  defineSettings,
  duration,
  type Host,
  int,
  list,
  type Report,
  type SettingsOf,
  string,
  type Type,
  ValueError,
  type YamlDefinition,
} from '#component'
import { debugMetricsField } from '#component/debug_metrics'
import { alloyGrpcClient, alloyGrpcClientFields, yamlGrpcClient, yamlGrpcClientFields } from '#component/otel_client'
import {
  alloyExporterFields,
  alloyQueue,
  alloyRetry,
  otelExporterSettings,
  yamlExporterFields,
} from '#component/otel_exporter'
import { LoadBalancer, type LoadBalancerSettings } from './balancer.ts'
import { dnsResolver, KubernetesResolver, podAccess, type Resolver, staticResolver } from './resolvers.ts'
import { type RoutingKey, routingKeys } from './split.ts'

const routingKey: Type<RoutingKey | ''> = customType<RoutingKey | ''>({
  name: 'string',
  zero: '',
  decode(value) {
    const text = string.decode(value)
    if (text === '') return ''
    const found = routingKeys.find((key) => key === text)
    if (found === undefined) throw new ValueError(`unsupported routing_key: ${JSON.stringify(text)}`)
    return found
  },
  accepts: string.accepts,
  json: { enum: ['', ...routingKeys] },
})

const timeout = attr(duration, 'How long one attempt may take; 0: no limit.', { default: '5s' })

const staticSettings = defineSettings(
  { hostnames: attr(list(string), 'The backends: host or host:port.', { required: true }) },
  {
    check: (s, report) => {
      if (s.hostnames.length === 0) report('no hostnames specified to resolve the backends', ['hostnames'])
    },
  },
)
const dnsSettings = defineSettings({
  hostname: attr(string, 'The name whose addresses are the backends.', { required: true }),
  interval: attr(duration, 'How often it is looked up.', { default: '5s' }),
  port: attr(string, 'The port of the backends.', { default: '4317' }),
  timeout: attr(duration, 'How long looking up may take.', { default: '1s' }),
})
const kubernetesSettings = defineSettings({
  service: attr(string, 'The service: name or name.namespace.', { required: true }),
  ports: attr(list(int), 'The ports of each backend.', { default: [4317] }),
  return_hostnames: attr(bool, 'Reach the pods by name (StatefulSets).', { default: false }),
  timeout: attr(duration, 'How long the API server may take to answer.', { default: '1m' }),
})
const cloudMap = defineSettings(
  {
    namespace: attr(string, 'Not supported.', { default: '' }),
    service_name: attr(string, 'Not supported.', { default: '' }),
    health_status: attr(string, 'Not supported.', { default: 'HEALTHY' }),
    interval: attr(duration, 'Not supported.', { default: '30s' }),
    owner_account: attr(string, 'Not supported.', { default: '' }),
    port: attr(int, 'Not supported.'),
    timeout: attr(duration, 'Not supported.', { default: '5s' }),
  },
  { check: (_, report) => report('Cannot find backends by AWS Cloud Map: that is not supported', ['namespace']) },
)

const alloyResolver = defineSettings(
  {
    static: block(staticSettings, 'A list.'),
    dns: block(dnsSettings, 'The addresses of a name.'),
    kubernetes: block(kubernetesSettings, 'The endpoints of a Kubernetes service.'),
    aws_cloud_map: block(cloudMap, 'Not supported.'),
  },
  { check: (s, report) => checkResolver([s.static, s.dns, s.kubernetes, s.aws_cloud_map], report) },
)
const yamlResolver = defineSettings(
  {
    static: block(staticSettings, 'A list.'),
    dns: block(dnsSettings, 'The addresses of a name.'),
    k8s: block(kubernetesSettings, 'The endpoints of a Kubernetes service.'),
    aws_cloud_map: block(cloudMap, 'Not supported.'),
  },
  { check: (s, report) => checkResolver([s.static, s.dns, s.k8s, s.aws_cloud_map], report) },
)

function checkResolver(all: readonly unknown[], report: Report): void {
  const count = all.filter((one) => one !== undefined).length
  if (count === 0) report('no resolvers specified')
  if (count > 1) report('only one resolver should be specified')
}

const alloyOtlp = defineSettings({
  timeout,
  client: block(defineSettings(alloyGrpcClientFields), 'The clients of the backends.', { required: true }),
  queue: block(alloyQueue, 'What waits for each backend.', { whenAbsent: 'defaults' }),
  retry: block(alloyRetry, 'Trying again.', { whenAbsent: 'defaults' }),
})
const yamlOtlp = defineSettings({
  timeout,
  endpoint: attr(string, 'Not used: the resolver finds the endpoints.', { default: '' }),
  ...yamlGrpcClientFields,
  ...yamlExporterFields,
})

const shared = {
  routing_attributes: attr(list(string), 'With the routing key `attributes`: those that decide.', { default: [] }),
  timeout: attr(duration, 'Accepted; every backend has its own.', { default: '0s' }),
}

const alloySettings = defineSettings({
  ...shared,
  routing_key: attr(routingKey, 'What belongs together: traceID, service, resource, metric, streamID.', {
    default: 'traceID',
  }),
  protocol: block(defineSettings({ otlp: block(alloyOtlp, 'OTLP over gRPC.', { required: true }) }), 'How to send.', {
    required: true,
  }),
  resolver: block(alloyResolver, 'Where the backends are found.', { required: true }),
  // Upstream's queue before the backends'; here each backend has one that survives its absence.
  retry_on_failure: block(alloyRetry, 'Accepted; every backend has its own.'),
  sending_queue: alloyExporterFields.sending_queue,
  ...debugMetricsField,
})
type AlloySettings = SettingsOf<typeof alloySettings>

const yamlSettings = defineSettings(
  {
    ...shared,
    routing_key: attr(routingKey, 'What belongs together: traceID, service, resource, metric, streamID, attributes.', {
      default: '',
    }),
    protocol: block(
      defineSettings({ otlp: block(yamlOtlp, 'OTLP over gRPC.', { whenAbsent: 'defaults' }) }),
      'How to send.',
      { whenAbsent: 'defaults' },
    ),
    resolver: block(yamlResolver, 'Where the backends are found.', { required: true }),
    ...yamlExporterFields,
  },
  {
    check: (s, report) => {
      if (s.routing_key === 'attributes' && s.routing_attributes.length === 0) {
        report('routing_attributes must be set where the routing_key is attributes', ['routing_attributes'])
      }
    },
  },
)
type YamlSettings = SettingsOf<typeof yamlSettings>

export const otelcolExporterLoadbalancing: ComponentDefinition<AlloySettings> = {
  name: 'otelcol.exporter.loadbalancing',
  stability: 'generally-available',
  doc: 'Shares telemetry out over OTLP backends, so that what belongs together meets at one of them.',
  consumes: ['metrics', 'logs', 'traces'],
  input: 'otelcol',
  stateless: true,
  settings: alloySettings,
  create: (host, s) => {
    const { otlp } = s.protocol
    const settings: LoadBalancerSettings = {
      routing: { key: s.routing_key || 'traceID', attributes: s.routing_attributes },
      client: alloyGrpcClient({ ...otlp.client, endpoint: '' }),
      timeoutMs: otlp.timeout,
      exporter: otelExporterSettings({ retry_on_failure: otlp.retry, sending_queue: otlp.queue }),
    }
    return new LoadBalancer(host, settings, resolverOf(s.resolver, s.resolver.kubernetes, host))
  },
}

export const loadBalancingExporter: YamlDefinition<YamlSettings> = {
  kind: 'exporter',
  types: ['load_balancing', 'loadbalancing'],
  stability: 'public-preview',
  doc: 'Shares telemetry out over OTLP backends, so that what belongs together meets at one of them.',
  signals: ['metrics', 'logs', 'traces'],
  stateless: true,
  settings: yamlSettings,
  create: (host, s) => {
    const { otlp } = s.protocol
    const settings: LoadBalancerSettings = {
      routing: { key: s.routing_key || 'traceID', attributes: s.routing_attributes },
      client: yamlGrpcClient(otlp),
      timeoutMs: otlp.timeout,
      exporter: otelExporterSettings(otlp),
    }
    return new LoadBalancer(host, settings, resolverOf(s.resolver, s.resolver.k8s, host))
  },
}

function resolverOf(
  s: {
    readonly static: SettingsOf<typeof staticSettings> | undefined
    readonly dns: SettingsOf<typeof dnsSettings> | undefined
  },
  kubernetes: SettingsOf<typeof kubernetesSettings> | undefined,
  host: Host,
): Resolver {
  if (s.dns) {
    const { hostname, port, interval, timeout: timeoutMs } = s.dns
    return dnsResolver({ hostname, port, everyMs: interval || 5000, timeoutMs: timeoutMs || 1000 }, host.clock)
  }
  if (!kubernetes) return staticResolver(s.static?.hostnames ?? [])
  const { service, ports, return_hostnames: returnHostnames, timeout: timeoutMs } = kubernetes
  return new KubernetesResolver({ service, ports, timeoutMs, returnHostnames }, podAccess(), host)
}
