// Components of the collector's kind that Alloy has and this build lacks.
export const absentCollector = `
otelcol.auth.sigv4 {
  region string
  service string
  assume_role {
    arn string
    session_name string
    sts_region string
  }
  debug_metrics { @debug_metrics }
}
otelcol.exporter.datadog {
  client {
    read_buffer_size string
    write_buffer_size string
    timeout duration "15s"
    max_idle_conns int 100
    max_idle_conns_per_host int 5
    max_conns_per_host int
    idle_conn_timeout duration "1m30s"
    disable_keep_alives bool
    insecure_skip_verify bool
  }
  sending_queue { @otel_queue }
  retry_on_failure { @otel_retry }
  api! {
    api_key! secret
    site string "datadoghq.com"
    fail_on_invalid_key bool
  }
  traces {
    endpoint string "https://trace.agent.datadoghq.com"
    ignore_resources list(string)
    span_name_remappings map(string)
    span_name_as_resource_name bool true
    compute_stats_by_span_kind bool true
    compute_top_level_by_span_kind bool
    peer_tags_aggregation bool
    peer_tags list(string)
    trace_buffer int 10
  }
  metrics {
    delta_ttl int 3600
    endpoint string "https://api.datadoghq.com"
    exporter {
      resource_attributes_as_tags bool
      instrumentation_scope_metadata_as_tags bool true
    }
    histograms {
      mode string "distributions"
      send_aggregation_metrics bool
    }
    sums {
      cumulative_monotonic_mode string "to_delta"
      initial_cumulative_monotonic_value string "auto"
    }
    summaries {
      mode string "gauges"
    }
  }
  logs {
    endpoint string "https://http-intake.logs.datadoghq.com"
    use_compression bool true
    compression_level int 6
    batch_wait int 5
  }
  host_metadata {
    @enabled
    hostname_source string "config_or_system"
    tags list(string)
  }
  hostname_detection_timeout duration "25s"
  only_metadata bool
  hostname string
  debug_metrics { @debug_metrics }
}
otelcol.exporter.faro {
  client! {
    endpoint! string
    proxy_url string
    compression string "gzip"
    compression_params {
      level! int
    }
    tls { @otel_tls_client }
    read_buffer_size bytes
    write_buffer_size bytes "512KiB"
    timeout duration "30s"
    headers map(string)
    max_idle_conns int 100
    max_idle_conns_per_host int
    max_conns_per_host int
    idle_conn_timeout duration "90s"
    disable_keep_alives bool
    http2_read_idle_timeout duration
    http2_ping_timeout duration "15s"
    force_attempt_http2 bool true
    auth handler
    cookies { @switched_off }
  }
  sending_queue { @otel_queue }
  retry_on_failure { @otel_retry }
  debug_metrics { @debug_metrics }
}
otelcol.exporter.googlecloud {
  sending_queue { @otel_queue }
  project string
  destination_project_quota bool
  user_agent string
  impersonate {
    target_principal string
    subject string
    delegates list(string)
  }
  metric {
    prefix string "workload.googleapis.com"
    endpoint string "monitoring.googleapis.com:443"
    compression string
    grpc_pool_size int 1
    use_insecure bool
    known_domains list(string) ["googleapis.com", "kubernetes.io", "istio.io", "knative.dev"]
    skip_create_descriptor bool
    instrumentation_library_labels bool true
    create_service_timeseries bool
    create_metric_descriptor_buffer_size int 10
    service_resource_labels bool true
    resource_filters any
    cumulative_normalization bool true
    sum_of_squared_deviation bool
    experimental_wal {
      directory string "./"
      max_backoff duration "1h"
    }
  }
  trace {
    endpoint string "cloudtrace.googleapis.com:443"
    grpc_pool_size int 1
    use_insecure bool
    attribute_mappings any
  }
  log {
    endpoint string "logging.googleapis.com:443"
    compression string
    grpc_pool_size int 1
    use_insecure bool
    default_log_name string
    resource_filters any
    service_resource_labels bool true
    error_reporting_type bool
  }
  debug_metrics { @debug_metrics }
}
otelcol.exporter.googlecloudpubsub {
  sending_queue { @otel_queue }
  retry_on_failure { @otel_retry }
  project string
  user_agent string
  topic! string
  compression string
  watermark {
    behavior string
    allowed_drift duration
  }
  endpoint string
  universe_domain string "googleapis.com"
  insecure bool
  ordering {
    @switched_off
    from_resource_attribute string
    remove_resource_attribute bool
  }
  timeout duration "12s"
  debug_metrics { @debug_metrics }
}
otelcol.exporter.kafka {
  protocol_version! string
  brokers list(string) ["localhost:9092"]
  resolve_canonical_bootstrap_servers_only bool
  client_id string "otel-collector"
  topic string
  topic_from_attribute string
  encoding string "otlp_proto"
  partition_traces_by_id bool
  partition_metrics_by_resource_attributes bool
  partition_logs_by_resource_attributes bool
  partition_logs_by_trace_id bool
  timeout duration "5s"
  conn_idle_timeout duration "9m"
  include_metadata_keys list(string)
  logs {
    topic string "otlp_logs"
    topic_from_metadata_key string
    encoding string "otlp_proto"
    message_key_from_metadata_key string
  }
  metrics {
    topic string "otlp_metrics"
    topic_from_metadata_key string
    encoding string "otlp_proto"
    message_key_from_metadata_key string
  }
  traces {
    topic string "otlp_spans"
    topic_from_metadata_key string
    encoding string "otlp_proto"
    message_key_from_metadata_key string
  }
  authentication { @kafka_authentication }
  metadata { @kafka_metadata }
  retry_on_failure { @otel_retry }
  sending_queue { @otel_queue }
  producer {
    max_message_bytes int 1000000
    max_broker_write_bytes int 104857600
    required_acks int
    compression string "none"
    compression_params {
      level int
    }
    flush_max_messages int 10000
    allow_auto_topic_creation bool
    linger duration "10ms"
  }
  record_partitioner {
    sticky_key {
      hasher string "sarama_compat"
    }
    round_robin bool
    least_backup bool
  }
  tls { @otel_tls_client }
  debug_metrics { @debug_metrics }
}
otelcol.exporter.splunkhec {
  client! {
    endpoint! string
    read_buffer_size int
    write_buffer_size int
    timeout duration "15s"
    max_idle_conns int 100
    max_idle_conns_per_host int
    max_conns_per_host int
    idle_conn_timeout duration "1m30s"
    disable_keep_alives bool
    insecure_skip_verify bool
    force_attempt_http2 bool true
  }
  sending_queue { @otel_queue }
  retry_on_failure { @otel_retry }
  splunk! {
    log_data_enabled bool true
    profiling_data_enabled bool true
    token! secret
    source string
    sourcetype string
    index string
    disable_compression bool
    max_content_length_logs uint 2097152
    max_content_length_metrics uint 2097152
    max_content_length_traces uint 2097152
    max_event_size uint 5242880
    splunk_app_name string "Alloy"
    splunk_app_version string
    otel_to_hec_fields {
      severity_text string
      severity_number string
    }
    health_path string "/services/collector/health"
    health_check_enabled bool
    export_raw bool
    use_multi_metric_format bool
    heartbeat {
      interval duration
      startup bool
    }
    telemetry {
      @switched_off
      override_metrics_names map(string)
      extra_attributes map(string)
    }
  }
  otel_attrs_to_hec_metadata {
    source string "com.splunk.source"
    sourcetype string "com.splunk.sourcetype"
    index string "com.splunk.index"
    host string "host.name"
  }
  debug_metrics { @debug_metrics }
}
otelcol.exporter.syslog {
  timeout duration "5s"
  sending_queue { @otel_queue }
  retry_on_failure { @otel_retry }
  debug_metrics { @debug_metrics }
  tls { @otel_tls_client }
  endpoint! string
  port int 514
  network string "tcp"
  protocol string "rfc5424"
  enable_octet_counting bool
}
otelcol.extension.jaeger_remote_sampling {
  grpc {
    endpoint string "0.0.0.0:14250"
    transport string "tcp"
    tls { @otel_tls_server }
    max_recv_msg_size bytes "4MiB"
    max_concurrent_streams uint
    read_buffer_size bytes "512KiB"
    write_buffer_size bytes
    keepalive { @grpc_keepalive }
    auth handler
    include_metadata bool
  }
  http {
    endpoint string "0.0.0.0:5778"
    tls { @otel_tls_server }
    cors { @cors }
    auth handler
    max_request_body_size bytes "20MiB"
    include_metadata bool
    compression_algorithms list(string) ["", "gzip", "zstd", "zlib", "snappy", "deflate", "lz4"]
    keep_alives_enabled bool true
    idle_timeout duration "1m"
    read_timeout duration
    write_timeout duration "30s"
    read_header_timeout duration "1m"
  }
  source! {
    content string
    remote {
      endpoint! string
      compression string "gzip"
      tls { @otel_tls_client }
      keepalive {
        ping_wait duration
        ping_response_timeout duration
        ping_without_stream bool
      }
      read_buffer_size bytes
      write_buffer_size bytes "512KiB"
      wait_for_ready bool
      headers map(string)
      balancer_name string "round_robin"
      authority string
      auth handler
    }
    file string
    reload_interval duration
  }
  debug_metrics { @debug_metrics }
}
otelcol.processor.k8sattributes {
  auth_type string "serviceAccount"
  passthrough bool
  extract {
    metadata list(string)
    annotation* {
      tag_name string
      key string
      key_regex string
      from string "pod"
    }
    label* {
      tag_name string
      key string
      key_regex string
      from string "pod"
    }
    otel_annotations bool
    deployment_name_from_replicaset bool true
  }
  filter {
    node string
    namespace string
    field* {
      key! string
      value! string
      op string "equals"
    }
    label* {
      key! string
      value! string
      op string "equals"
    }
  }
  pod_association* {
    source*! {
      from! string
      name string
    }
  }
  exclude {
    pod* {
      name! string
    }
  }
  wait_for_metadata bool
  wait_for_metadata_timeout duration "10s"
  watch_sync_period duration "5m"
  pod_delete_grace_period duration "120s"
  output! { @output }
  debug_metrics { @debug_metrics }
}
otelcol.receiver.awscloudwatch {
  region! string
  profile string
  imds_endpoint string
  logs {
    poll_interval duration "1m"
    max_events_per_request int 1000
    groups {
      autodiscover {
        prefix string
        limit int 50
        streams {
          prefixes list(string)
          names list(string)
        }
      }
      named* {
        group_name! string
        prefixes list(string)
        names list(string)
      }
    }
    start_from string
    initial_lookback duration
  }
  storage handler
  debug_metrics { @debug_metrics }
  output! { @output }
}
otelcol.receiver.awsecscontainermetrics {
  collection_interval duration "20s"
  debug_metrics { @debug_metrics }
  output! { @output }
}
otelcol.receiver.awss3 {
  start_time string
  end_time string
  s3downloader! {
    region string "us-east-1"
    s3_bucket! string
    s3_prefix! string
    s3_partition_format string
    s3_partition_timezone string
    file_prefix string
    endpoint string
    endpoint_partition_id string
    s3_force_path_style bool
  }
  sqs {
    queue_url string
    region string
    endpoint string
    wait_time_seconds int 20
    max_number_of_messages int 10
  }
  output! { @output }
}
otelcol.receiver.cloudflare {
  endpoint! string
  secret string
  timestamp_field string "EdgeStartTimestamp"
  timestamp_format string "rfc3339"
  separator string
  attributes map(string)
  tls { @otel_tls_server }
  output! { @output }
}
otelcol.receiver.datadog {
  endpoint string "localhost:8126"
  tls { @otel_tls_server }
  cors { @cors }
  auth handler
  max_request_body_size bytes "20MiB"
  include_metadata bool
  compression_algorithms list(string) ["", "gzip", "zstd", "zlib", "snappy", "deflate", "lz4"]
  keep_alives_enabled bool true
  idle_timeout duration "1m"
  read_timeout duration "1m"
  write_timeout duration "30s"
  read_header_timeout duration "1m"
  trace_id_cache_size int
  idle_series_timeout duration
  idle_series_cleanup_interval duration "5m"
  decode_json_message bool true
  intake {
    behavior! string
    proxy {
      api! {
        key! secret
        site string "datadoghq.com"
        fail_on_invalid_key bool
      }
    }
  }
  debug_metrics { @debug_metrics }
  output! { @output }
}
otelcol.receiver.faro {
  endpoint string "localhost:8080"
  tls { @otel_tls_server }
  cors { @cors }
  auth handler
  max_request_body_size bytes "20MiB"
  include_metadata bool
  compression_algorithms list(string) ["", "gzip", "zstd", "zlib", "snappy", "deflate", "lz4"]
  keep_alives_enabled bool true
  idle_timeout duration "1m"
  read_timeout duration
  write_timeout duration "30s"
  read_header_timeout duration "1m"
  debug_metrics { @debug_metrics }
  output! { @output }
}
otelcol.receiver.file_stats {
  include! string
  collection_interval duration "1m"
  initial_delay duration "1s"
  timeout duration
  metrics {
    file.atime { @switched_off }
    file.count { @switched_off }
    file.ctime { @switched_off }
    file.mtime { @enabled }
    file.size { @enabled }
  }
  resource_attributes {
    file.name {
      @switched_off
      metrics_include* {
        strict string
        regexp string
      }
      metrics_exclude* {
        strict string
        regexp string
      }
    }
    file.path {
      @switched_off
      metrics_include* {
        strict string
        regexp string
      }
      metrics_exclude* {
        strict string
        regexp string
      }
    }
  }
  debug_metrics { @debug_metrics }
  output! { @output }
}
otelcol.receiver.googlecloudpubsub {
  project string
  user_agent string
  endpoint string
  universe_domain string "googleapis.com"
  insecure bool
  subscription! string
  encoding string
  compression string
  ignore_encoding_error bool
  client_id string
  timeout duration "12s"
  flow_control {
    trigger_ack_batch_duration duration "10s"
    stream_ack_deadline duration "1m"
    max_outstanding_messages int
    max_outstanding_bytes int
  }
  debug_metrics { @debug_metrics }
  output! { @output }
}
otelcol.receiver.influxdb {
  endpoint string "localhost:8086"
  tls { @otel_tls_server }
  cors { @cors }
  auth handler
  max_request_body_size bytes "20MiB"
  include_metadata bool
  compression_algorithms list(string) ["", "gzip", "zstd", "zlib", "snappy", "deflate", "lz4"]
  keep_alives_enabled bool true
  idle_timeout duration "1m"
  read_timeout duration
  write_timeout duration "30s"
  read_header_timeout duration "1m"
  debug_metrics { @debug_metrics }
  output! { @output }
}
otelcol.receiver.jaeger {
  protocols! {
    grpc {
      endpoint string "0.0.0.0:14250"
      transport string "tcp"
      tls { @otel_tls_server }
      max_recv_msg_size bytes "4MiB"
      max_concurrent_streams uint
      read_buffer_size bytes "512KiB"
      write_buffer_size bytes
      keepalive { @grpc_keepalive }
      auth handler
      include_metadata bool
    }
    thrift_http {
      endpoint string "0.0.0.0:14268"
      tls { @otel_tls_server }
      cors { @cors }
      auth handler
      max_request_body_size bytes "20MiB"
      include_metadata bool
      compression_algorithms list(string) ["", "gzip", "zstd", "zlib", "snappy", "deflate", "lz4"]
      keep_alives_enabled bool true
      idle_timeout duration "1m"
      read_timeout duration
      write_timeout duration "30s"
      read_header_timeout duration "1m"
    }
    thrift_binary {
      endpoint string "0.0.0.0:6832"
      queue_size int 1000
      max_packet_size bytes "65KiB"
      workers int 10
      socket_buffer_size bytes
    }
    thrift_compact {
      endpoint string "0.0.0.0:6831"
      queue_size int 1000
      max_packet_size bytes "65KiB"
      workers int 10
      socket_buffer_size bytes
    }
  }
  debug_metrics { @debug_metrics }
  output! { @output }
}
otelcol.receiver.kafka {
  brokers! list(string) ["localhost:9092"]
  protocol_version! string
  session_timeout duration "10s"
  heartbeat_interval duration "3s"
  encoding string "otlp_proto"
  group_id string "otel-collector"
  client_id string "otel-collector"
  initial_offset string "latest"
  logs {
    topic string
    topics list(string) ["otlp_logs"]
    encoding string "otlp_proto"
    exclude_topics list(string)
  }
  metrics {
    topic string
    topics list(string) ["otlp_metrics"]
    encoding string "otlp_proto"
    exclude_topics list(string)
  }
  traces {
    topic string
    topics list(string) ["otlp_spans"]
    encoding string "otlp_proto"
    exclude_topics list(string)
  }
  resolve_canonical_bootstrap_servers_only bool
  authentication { @kafka_authentication }
  metadata { @kafka_metadata }
  autocommit {
    enable bool true
    interval duration "1s"
  }
  message_marking {
    after_execution bool
    include_unsuccessful bool
  }
  header_extraction {
    extract_headers bool
    headers list(string)
  }
  tls { @otel_tls_client }
  min_fetch_size int 1
  max_fetch_size int 1048576
  max_partition_fetch_size int 1048576
  max_fetch_wait duration "250ms"
  group_rebalance_strategy string "range"
  group_rebalance_strategies list(string)
  group_instance_id string
  rack_id string
  use_leader_epoch bool true
  conn_idle_timeout duration "9m"
  error_backoff {
    @switched_off
    initial_interval duration
    randomization_factor float
    multiplier float
    max_interval duration
    max_elapsed_time duration
  }
  debug_metrics { @debug_metrics }
  output! { @output }
}
otelcol.receiver.nginx {
  endpoint! string "cfg.ClientConfig.Endpoint"
  collection_interval duration "10s"
  initial_delay duration "1s"
  debug_metrics { @debug_metrics }
  output! { @output }
}
otelcol.receiver.solace {
  broker string "localhost:5671"
  queue! string
  max_unacknowledged int 1000
  tls { @otel_tls_client }
  flow_control {
    delayed_retry! {
      delay duration "10ms"
    }
  }
  debug_metrics { @debug_metrics }
  auth! {
    sasl_plain {
      username! string
      password! secret
    }
    sasl_xauth2 {
      username! string
      bearer! string
    }
    sasl_external {}
  }
  output! { @output }
}
otelcol.receiver.splunkhec {
  endpoint string "localhost:8088"
  tls { @otel_tls_server }
  cors { @cors }
  auth handler
  max_request_body_size bytes "20MiB"
  include_metadata bool
  compression_algorithms list(string) ["", "gzip", "zstd", "zlib", "snappy", "deflate", "lz4"]
  keep_alives_enabled bool true
  idle_timeout duration "1m"
  read_timeout duration
  write_timeout duration "30s"
  read_header_timeout duration "1m"
  raw_path string "/services/collector/raw"
  health_path string "/services/collector/health"
  splitting string "line"
  access_token_passthrough bool
  hec_metadata_to_otel_attrs {
    source string "com.splunk.source"
    sourcetype string "com.splunk.sourcetype"
    index string "com.splunk.index"
    host string "host.name"
  }
  debug_metrics { @debug_metrics }
  output! {
    metrics list(any)
    logs list(any)
  }
}
otelcol.receiver.vcenter {
  endpoint! string
  username! string
  password! secret
  metrics {
    vcenter.cluster.cpu.effective {
      enabled! bool true
    }
    vcenter.cluster.cpu.limit {
      enabled! bool true
    }
    vcenter.cluster.host.count {
      enabled! bool true
    }
    vcenter.cluster.memory.effective {
      enabled! bool true
    }
    vcenter.cluster.memory.limit {
      enabled! bool true
    }
    vcenter.cluster.vm.count {
      enabled! bool true
    }
    vcenter.cluster.vm_template.count {
      enabled! bool true
    }
    vcenter.cluster.vsan.congestions {
      enabled! bool true
    }
    vcenter.cluster.vsan.latency.avg {
      enabled! bool true
    }
    vcenter.cluster.vsan.operations {
      enabled! bool true
    }
    vcenter.cluster.vsan.throughput {
      enabled! bool true
    }
    vcenter.datacenter.cluster.count {
      enabled! bool true
    }
    vcenter.datacenter.cpu.limit {
      enabled! bool true
    }
    vcenter.datacenter.datastore.count {
      enabled! bool true
    }
    vcenter.datacenter.disk.space {
      enabled! bool true
    }
    vcenter.datacenter.host.count {
      enabled! bool true
    }
    vcenter.datacenter.memory.limit {
      enabled! bool true
    }
    vcenter.datacenter.vm.count {
      enabled! bool true
    }
    vcenter.datastore.disk.usage {
      enabled! bool true
    }
    vcenter.datastore.disk.utilization {
      enabled! bool true
    }
    vcenter.host.cpu.capacity {
      enabled! bool true
    }
    vcenter.host.cpu.reserved {
      enabled! bool true
    }
    vcenter.host.cpu.usage {
      enabled! bool true
    }
    vcenter.host.cpu.utilization {
      enabled! bool true
    }
    vcenter.host.disk.latency.avg {
      enabled! bool true
    }
    vcenter.host.disk.latency.max {
      enabled! bool true
    }
    vcenter.host.disk.throughput {
      enabled! bool true
    }
    vcenter.host.memory.capacity {
      enabled! bool
    }
    vcenter.host.memory.usage {
      enabled! bool true
    }
    vcenter.host.memory.utilization {
      enabled! bool true
    }
    vcenter.host.network.packet.rate {
      enabled! bool true
    }
    vcenter.host.network.packet.error.rate {
      enabled! bool true
    }
    vcenter.host.network.packet.drop.rate {
      enabled! bool true
    }
    vcenter.host.network.throughput {
      enabled! bool true
    }
    vcenter.host.network.usage {
      enabled! bool true
    }
    vcenter.host.vsan.cache.hit_rate {
      enabled! bool true
    }
    vcenter.host.vsan.congestions {
      enabled! bool true
    }
    vcenter.host.vsan.latency.avg {
      enabled! bool true
    }
    vcenter.host.vsan.operations {
      enabled! bool true
    }
    vcenter.host.vsan.throughput {
      enabled! bool true
    }
    vcenter.resource_pool.cpu.shares {
      enabled! bool true
    }
    vcenter.resource_pool.cpu.usage {
      enabled! bool true
    }
    vcenter.resource_pool.memory.ballooned {
      enabled! bool true
    }
    vcenter.resource_pool.memory.granted {
      enabled! bool true
    }
    vcenter.resource_pool.memory.shares {
      enabled! bool true
    }
    vcenter.resource_pool.memory.swapped {
      enabled! bool true
    }
    vcenter.resource_pool.memory.usage {
      enabled! bool true
    }
    vcenter.vm.cpu.readiness {
      enabled! bool true
    }
    vcenter.vm.cpu.time {
      enabled! bool
    }
    vcenter.vm.cpu.usage {
      enabled! bool true
    }
    vcenter.vm.cpu.utilization {
      enabled! bool true
    }
    vcenter.vm.disk.latency.avg {
      enabled! bool true
    }
    vcenter.vm.disk.latency.max {
      enabled! bool true
    }
    vcenter.vm.disk.throughput {
      enabled! bool true
    }
    vcenter.vm.disk.usage {
      enabled! bool true
    }
    vcenter.vm.disk.utilization {
      enabled! bool true
    }
    vcenter.vm.memory.ballooned {
      enabled! bool true
    }
    vcenter.vm.memory.granted {
      enabled! bool
    }
    vcenter.vm.memory.swapped {
      enabled! bool true
    }
    vcenter.vm.memory.swapped_ssd {
      enabled! bool true
    }
    vcenter.vm.memory.usage {
      enabled! bool true
    }
    vcenter.vm.memory.utilization {
      enabled! bool true
    }
    vcenter.vm.network.broadcast.packet.rate {
      enabled! bool
    }
    vcenter.vm.network.multicast.packet.rate {
      enabled! bool
    }
    vcenter.vm.network.packet.rate {
      enabled! bool true
    }
    vcenter.vm.network.packet.drop.rate {
      enabled! bool true
    }
    vcenter.vm.network.throughput {
      enabled! bool true
    }
    vcenter.vm.network.usage {
      enabled! bool true
    }
    vcenter.vm.vsan.latency.avg {
      enabled! bool true
    }
    vcenter.vm.vsan.operations {
      enabled! bool true
    }
    vcenter.vm.vsan.throughput {
      enabled! bool true
    }
  }
  resource_attributes {
    vcenter.datacenter.name {
      enabled! bool true
    }
    vcenter.cluster.name {
      enabled! bool true
    }
    vcenter.datastore.name {
      enabled! bool true
    }
    vcenter.host.name {
      enabled! bool true
    }
    vcenter.resource_pool.inventory_path {
      enabled! bool true
    }
    vcenter.resource_pool.name {
      enabled! bool true
    }
    vcenter.virtual_app.inventory_path {
      enabled! bool true
    }
    vcenter.virtual_app.name {
      enabled! bool true
    }
    vcenter.vm.id {
      enabled! bool true
    }
    vcenter.vm.name {
      enabled! bool true
    }
    vcenter.vm_template.id {
      enabled! bool true
    }
    vcenter.vm_template.name {
      enabled! bool true
    }
  }
  collection_interval duration "1m"
  initial_delay duration "1s"
  timeout duration
  tls { @otel_tls_client }
  max_query_metrics int 256
  debug_metrics { @debug_metrics }
  output! { @output }
}
`
