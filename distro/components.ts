// The manifest: every component by the name that users write, loaded only when a configuration names it.
import type { ComponentDefinition, YamlDefinition } from '#component'
import type { ComponentRegistry } from '#config'

type Loader = () => Promise<ComponentDefinition>

const manifest: Readonly<Record<string, Loader>> = {
  'discovery.dns': async () => (await import('../discovery/dns/component.ts')).discoveryDns,
  'discovery.docker': async () => (await import('../discovery/docker/component.ts')).discoveryDocker,
  'discovery.file': async () => (await import('../discovery/file/component.ts')).discoveryFile,
  'discovery.http': async () => (await import('../discovery/http/component.ts')).discoveryHttp,
  'discovery.relabel': async () => (await import('../discovery/relabel/component.ts')).discoveryRelabel,
  'local.file': async () => (await import('../extensions/local_file/component.ts')).localFile,
  'local.file_match': async () => (await import('../discovery/file_match/component.ts')).localFileMatch,
  'loki.echo': async () => (await import('../exporters/loki_echo/component.ts')).lokiEcho,
  'loki.enrich': async () => (await import('../processors/loki_enrich/component.ts')).lokiEnrich,
  'loki.process': async () => (await import('../processors/loki_process/component.ts')).lokiProcess,
  'loki.relabel': async () => (await import('../processors/loki_relabel/component.ts')).lokiRelabel,
  'loki.secretfilter': async () => (await import('../processors/loki_secretfilter/component.ts')).lokiSecretFilter,
  'loki.source.api': async () => (await import('../receivers/loki_source_api/component.ts')).lokiSourceApi,
  'loki.source.awsfirehose': async () =>
    (await import('../receivers/loki_source_awsfirehose/component.ts')).lokiSourceAwsFirehose,
  'loki.source.docker': async () => (await import('../receivers/loki_source_docker/component.ts')).lokiSourceDocker,
  'loki.source.file': async () => (await import('../receivers/loki_source_file/component.ts')).lokiSourceFile,
  'loki.source.gelf': async () => (await import('../receivers/loki_source_gelf/component.ts')).lokiSourceGelf,
  'loki.source.heroku': async () => (await import('../receivers/loki_source_heroku/component.ts')).lokiSourceHeroku,
  'loki.source.journal': async () => (await import('../receivers/loki_source_journal/component.ts')).lokiSourceJournal,
  'loki.source.syslog': async () => (await import('../receivers/loki_source_syslog/component.ts')).lokiSourceSyslog,
  'loki.write': async () => (await import('../exporters/loki_write/component.ts')).lokiWrite,
  'otelcol.auth.basic': async () => (await import('../extensions/auth_basic/component.ts')).otelcolAuthBasic,
  'otelcol.auth.bearer': async () => (await import('../extensions/auth_bearer/component.ts')).otelcolAuthBearer,
  'otelcol.auth.headers': async () => (await import('../extensions/auth_headers/component.ts')).otelcolAuthHeaders,
  'otelcol.auth.oauth2': async () => (await import('../extensions/auth_oauth2/component.ts')).otelcolAuthOauth2,
  'otelcol.connector.count': async () => (await import('../connectors/count/component.ts')).otelcolConnectorCount,
  'otelcol.connector.host_info': async () =>
    (await import('../connectors/host_info/component.ts')).otelcolConnectorHostInfo,
  'otelcol.connector.servicegraph': async () =>
    (await import('../connectors/service_graph/component.ts')).otelcolConnectorServicegraph,
  'otelcol.connector.signaltometrics': async () =>
    (await import('../connectors/signal_to_metrics/component.ts')).otelcolConnectorSignaltometrics,
  'otelcol.connector.spanlogs': async () =>
    (await import('../connectors/span_logs/component.ts')).otelcolConnectorSpanlogs,
  'otelcol.connector.spanmetrics': async () =>
    (await import('../connectors/span_metrics/component.ts')).otelcolConnectorSpanmetrics,
  'otelcol.exporter.debug': async () => (await import('../exporters/debug/component.ts')).otelcolExporterDebug,
  'otelcol.exporter.file': async () => (await import('../exporters/file/component.ts')).otelcolExporterFile,
  'otelcol.exporter.loadbalancing': async () =>
    (await import('../exporters/load_balancing/component.ts')).otelcolExporterLoadbalancing,
  'otelcol.exporter.loki': async () => (await import('../exporters/otelcol_loki/component.ts')).otelcolExporterLoki,
  'otelcol.exporter.otlp': async () => (await import('../exporters/otlp_grpc/component.ts')).otelcolExporterOtlp,
  'otelcol.exporter.otlphttp': async () =>
    (await import('../exporters/otlp_http/component.ts')).otelcolExporterOtlphttp,
  'otelcol.exporter.prometheus': async () =>
    (await import('../exporters/otelcol_prometheus/component.ts')).otelcolExporterPrometheus,
  'otelcol.processor.attributes': async () =>
    (await import('../processors/attributes/component.ts')).otelcolProcessorAttributes,
  'otelcol.processor.batch': async () => (await import('../processors/batch/component.ts')).otelcolProcessorBatch,
  'otelcol.processor.cumulativetodelta': async () =>
    (await import('../processors/cumulative_to_delta/component.ts')).otelcolProcessorCumulativetodelta,
  'otelcol.processor.deltatocumulative': async () =>
    (await import('../processors/delta_to_cumulative/component.ts')).otelcolProcessorDeltatocumulative,
  'otelcol.processor.discovery': async () =>
    (await import('../processors/discovery/component.ts')).otelcolProcessorDiscovery,
  'otelcol.processor.filter': async () => (await import('../processors/filter/component.ts')).otelcolProcessorFilter,
  'otelcol.processor.groupbyattrs': async () =>
    (await import('../processors/groupbyattrs/component.ts')).otelcolProcessorGroupbyattrs,
  'otelcol.processor.interval': async () =>
    (await import('../processors/interval/component.ts')).otelcolProcessorInterval,
  'otelcol.processor.memory_limiter': async () =>
    (await import('../processors/memory_limiter/component.ts')).otelcolProcessorMemoryLimiter,
  'otelcol.processor.metric_start_time': async () =>
    (await import('../processors/metric_start_time/component.ts')).otelcolProcessorMetricStartTime,
  'otelcol.processor.probabilistic_sampler': async () =>
    (await import('../processors/probabilistic_sampler/component.ts')).otelcolProcessorProbabilisticSampler,
  'otelcol.processor.redaction': async () =>
    (await import('../processors/redaction/component.ts')).otelcolProcessorRedaction,
  'otelcol.processor.resourcedetection': async () =>
    (await import('../processors/resource_detection/component.ts')).otelcolProcessorResourcedetection,
  'otelcol.processor.span': async () => (await import('../processors/span/component.ts')).otelcolProcessorSpan,
  'otelcol.processor.tail_sampling': async () =>
    (await import('../processors/tail_sampling/component.ts')).otelcolProcessorTailSampling,
  'otelcol.processor.transform': async () =>
    (await import('../processors/transform/component.ts')).otelcolProcessorTransform,
  'otelcol.receiver.filelog': async () => (await import('../receivers/file_log/component.ts')).otelcolReceiverFilelog,
  'otelcol.receiver.fluentforward': async () =>
    (await import('../receivers/fluent_forward/component.ts')).otelcolReceiverFluentforward,
  'otelcol.receiver.loki': async () => (await import('../receivers/otelcol_loki/component.ts')).otelcolReceiverLoki,
  'otelcol.receiver.otlp': async () => (await import('../receivers/otlp/component.ts')).otelcolReceiverOtlp,
  'otelcol.receiver.prometheus': async () =>
    (await import('../receivers/otelcol_prometheus/component.ts')).otelcolReceiverPrometheus,
  'otelcol.receiver.syslog': async () => (await import('../receivers/syslog/component.ts')).otelcolReceiverSyslog,
  'otelcol.receiver.tcplog': async () => (await import('../receivers/tcp_log/component.ts')).otelcolReceiverTcplog,
  'otelcol.receiver.zipkin': async () => (await import('../receivers/zipkin/component.ts')).otelcolReceiverZipkin,
  'otelcol.storage.file': async () => (await import('../extensions/file_storage/component.ts')).otelcolStorageFile,
  'prometheus.echo': async () => (await import('../exporters/prometheus_echo/component.ts')).prometheusEcho,
  'prometheus.exporter.self': async () =>
    (await import('../receivers/prometheus_exporter_self/component.ts')).prometheusExporterSelf,
  'prometheus.exporter.unix': async () =>
    (await import('../receivers/prometheus_exporter_unix/component.ts')).prometheusExporterUnix,
  'prometheus.live': async () => (await import('../exporters/prometheus_live/component.ts')).prometheusLive,
  'prometheus.receive_http': async () =>
    (await import('../receivers/prometheus_receive_http/component.ts')).prometheusReceiveHttp,
  'prometheus.relabel': async () => (await import('../processors/prometheus_relabel/component.ts')).prometheusRelabel,
  'prometheus.remote_write': async () =>
    (await import('../exporters/prometheus_remote_write/component.ts')).prometheusRemoteWrite,
  'prometheus.scrape': async () => (await import('../receivers/prometheus_scrape/component.ts')).prometheusScrape,
  'remote.http': async () => (await import('../extensions/remote_http/component.ts')).remoteHttp,
}

type YamlLoader = () => Promise<YamlDefinition>

/**
 * The faces of the collector's YAML, by kind and type. An older name of a type has a line of its own with the same loader.
 */
const yamlManifest: Readonly<Record<string, YamlLoader>> = {
  'connector/count': async () => (await import('../connectors/count/component.ts')).countConnector,
  'connector/exceptions': async () => (await import('../connectors/exceptions/component.ts')).exceptionsConnector,
  'connector/failover': async () => (await import('../connectors/failover/component.ts')).failoverConnector,
  'connector/forward': async () => (await import('../connectors/forward/component.ts')).forwardConnector,
  'connector/grafanacloud': async () => (await import('../connectors/host_info/component.ts')).grafanacloudConnector,
  'connector/round_robin': async () => (await import('../connectors/round_robin/component.ts')).roundRobinConnector,
  'connector/roundrobin': async () => (await import('../connectors/round_robin/component.ts')).roundRobinConnector,
  'connector/routing': async () => (await import('../connectors/routing/component.ts')).routingConnector,
  'connector/service_graph': async () =>
    (await import('../connectors/service_graph/component.ts')).serviceGraphConnector,
  'connector/servicegraph': async () =>
    (await import('../connectors/service_graph/component.ts')).serviceGraphConnector,
  'connector/signal_to_metrics': async () =>
    (await import('../connectors/signal_to_metrics/component.ts')).signalToMetricsConnector,
  'connector/signaltometrics': async () =>
    (await import('../connectors/signal_to_metrics/component.ts')).signalToMetricsConnector,
  'connector/span_metrics': async () => (await import('../connectors/span_metrics/component.ts')).spanMetricsConnector,
  'connector/spanmetrics': async () => (await import('../connectors/span_metrics/component.ts')).spanMetricsConnector,
  'connector/sum': async () => (await import('../connectors/sum/component.ts')).sumConnector,
  'exporter/debug': async () => (await import('../exporters/debug/component.ts')).debugExporter,
  'exporter/file': async () => (await import('../exporters/file/component.ts')).fileExporter,
  'exporter/load_balancing': async () =>
    (await import('../exporters/load_balancing/component.ts')).loadBalancingExporter,
  'exporter/loadbalancing': async () =>
    (await import('../exporters/load_balancing/component.ts')).loadBalancingExporter,
  'exporter/nop': async () => (await import('../exporters/nop/component.ts')).nopExporter,
  'exporter/otlp': async () => (await import('../exporters/otlp_grpc/component.ts')).otlpGrpcExporter,
  'exporter/otlp_grpc': async () => (await import('../exporters/otlp_grpc/component.ts')).otlpGrpcExporter,
  'exporter/otlp_http': async () => (await import('../exporters/otlp_http/component.ts')).otlpHttpExporter,
  'exporter/otlphttp': async () => (await import('../exporters/otlp_http/component.ts')).otlpHttpExporter,
  'exporter/prometheus': async () => (await import('../exporters/prometheus_pull/component.ts')).prometheusExporter,
  'exporter/prometheus_remote_write': async () =>
    (await import('../exporters/otel_prometheus_remote_write/component.ts')).prometheusRemoteWriteExporter,
  'exporter/prometheusremotewrite': async () =>
    (await import('../exporters/otel_prometheus_remote_write/component.ts')).prometheusRemoteWriteExporter,
  'extension/basicauth': async () => (await import('../extensions/auth_basic/component.ts')).basicAuthExtension,
  'extension/bearertokenauth': async () =>
    (await import('../extensions/auth_bearer/component.ts')).bearerTokenAuthExtension,
  'extension/file_storage': async () => (await import('../extensions/file_storage/component.ts')).fileStorageExtension,
  'extension/headers_setter': async () =>
    (await import('../extensions/auth_headers/component.ts')).headersSetterExtension,
  'extension/health_check': async () => (await import('../extensions/health_check/component.ts')).healthCheckExtension,
  'extension/oauth2client': async () => (await import('../extensions/auth_oauth2/component.ts')).oauth2ClientExtension,
  'processor/attributes': async () => (await import('../processors/attributes/component.ts')).attributesProcessor,
  'processor/batch': async () => (await import('../processors/batch/component.ts')).batchProcessor,
  'processor/cumulative_to_delta': async () =>
    (await import('../processors/cumulative_to_delta/component.ts')).cumulativeToDeltaProcessor,
  'processor/cumulativetodelta': async () =>
    (await import('../processors/cumulative_to_delta/component.ts')).cumulativeToDeltaProcessor,
  'processor/delta_to_cumulative': async () =>
    (await import('../processors/delta_to_cumulative/component.ts')).deltaToCumulativeProcessor,
  'processor/deltatocumulative': async () =>
    (await import('../processors/delta_to_cumulative/component.ts')).deltaToCumulativeProcessor,
  'processor/filter': async () => (await import('../processors/filter/component.ts')).filterProcessor,
  'processor/groupbyattrs': async () => (await import('../processors/groupbyattrs/component.ts')).groupbyattrsProcessor,
  'processor/interval': async () => (await import('../processors/interval/component.ts')).intervalProcessor,
  'processor/memory_limiter': async () =>
    (await import('../processors/memory_limiter/component.ts')).memoryLimiterProcessor,
  'processor/metric_start_time': async () =>
    (await import('../processors/metric_start_time/component.ts')).metricStartTimeProcessor,
  'processor/metricstarttime': async () =>
    (await import('../processors/metric_start_time/component.ts')).metricStartTimeProcessor,
  'processor/probabilistic_sampler': async () =>
    (await import('../processors/probabilistic_sampler/component.ts')).probabilisticSamplerProcessor,
  'processor/redaction': async () => (await import('../processors/redaction/component.ts')).redactionProcessor,
  'processor/resource': async () => (await import('../processors/resource/component.ts')).resourceProcessor,
  'processor/resource_detection': async () =>
    (await import('../processors/resource_detection/component.ts')).resourceDetectionProcessor,
  'processor/resourcedetection': async () =>
    (await import('../processors/resource_detection/component.ts')).resourceDetectionProcessor,
  'processor/span': async () => (await import('../processors/span/component.ts')).spanProcessor,
  'processor/tail_sampling': async () =>
    (await import('../processors/tail_sampling/component.ts')).tailSamplingProcessor,
  'processor/transform': async () => (await import('../processors/transform/component.ts')).transformProcessor,
  'receiver/file_log': async () => (await import('../receivers/file_log/component.ts')).fileLogReceiver,
  'receiver/filelog': async () => (await import('../receivers/file_log/component.ts')).fileLogReceiver,
  'receiver/fluent_forward': async () =>
    (await import('../receivers/fluent_forward/component.ts')).fluentForwardReceiver,
  'receiver/fluentforward': async () =>
    (await import('../receivers/fluent_forward/component.ts')).fluentForwardReceiver,
  'receiver/host_metrics': async () => (await import('../receivers/host_metrics/component.ts')).hostMetricsReceiver,
  'receiver/hostmetrics': async () => (await import('../receivers/host_metrics/component.ts')).hostMetricsReceiver,
  'receiver/journald': async () => (await import('../receivers/journald/component.ts')).journaldReceiver,
  'receiver/nop': async () => (await import('../receivers/nop/component.ts')).nopReceiver,
  'receiver/otlp': async () => (await import('../receivers/otlp/component.ts')).otlpReceiver,
  'receiver/prometheus': async () => (await import('../receivers/otel_prometheus/component.ts')).prometheusReceiver,
  'receiver/syslog': async () => (await import('../receivers/syslog/component.ts')).syslogReceiver,
  'receiver/tcp_log': async () => (await import('../receivers/tcp_log/component.ts')).tcpLogReceiver,
  'receiver/tcplog': async () => (await import('../receivers/tcp_log/component.ts')).tcpLogReceiver,
  'receiver/udp_log': async () => (await import('../receivers/udp_log/component.ts')).udpLogReceiver,
  'receiver/udplog': async () => (await import('../receivers/udp_log/component.ts')).udpLogReceiver,
  'receiver/zipkin': async () => (await import('../receivers/zipkin/component.ts')).zipkinReceiver,
}

export const registry: ComponentRegistry = {
  yamlNames: () => Object.keys(yamlManifest),
  async loadYaml(kind, type) {
    const name = `${kind}/${type}`
    return Object.hasOwn(yamlManifest, name) ? yamlManifest[name]?.() : undefined
  },
  names: () => Object.keys(manifest),
  async load(name) {
    return Object.hasOwn(manifest, name) ? manifest[name]?.() : undefined
  },
}
