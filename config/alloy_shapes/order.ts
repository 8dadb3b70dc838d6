// In which order Alloy's own conversion writes the settings of a block, for the blocks whose schema here has another.

/** `component > block > block: names`; `* > block` for such a block anywhere. A line that begins with spaces goes on. */
export const alloyOrder = `
* > and_sub_policy: name type latency numeric_attribute probabilistic status_code string_attribute rate_limiting
  bytes_limiting span_count boolean_attribute ottl_condition trace_state
* > exclude: match_type regexp services span_names log_bodies log_severity_texts log_severity metric_names attribute
  resource library span_kinds
* > include: match_type regexp services span_names log_bodies log_severity_texts log_severity metric_names attribute
  resource library span_kinds
* > metric.counter: name description source prefix max_idle_duration value action match_all count_entry_bytes
* > metric.gauge: name description source prefix max_idle_duration value action
* > metric.histogram: name description source prefix max_idle_duration value buckets
* > probabilistic: hash_salt sampling_percentage
* > retry_on_failure: enabled initial_interval randomization_factor multiplier max_interval max_elapsed_time
* > sending_queue: enabled num_consumers queue_size block_on_overflow sizer wait_for_result batch storage
* > stage.drop: drop_counter_reason source value separator expression older_than longer_than
* > stage.logfmt: mapping source regex
* > stage.match: selector stage action pipeline_name drop_counter_reason
* > stage.multiline: firstline max_lines max_wait_time trim_newlines
* > stage.sampling: drop_counter_reason rate
* > tls: ca_pem ca_file cert_pem cert_file key_pem key_file min_version max_version reload_interval cipher_suites
  include_insecure_cipher_suites include_system_ca_certs_pool curve_preferences tpm client_ca_file
* > tpm: enabled path owner_auth auth
discovery.docker: host port host_networking_host refresh_interval match_first_network filter @http_client
discovery.http: @http_client refresh_interval url
loki.source.api: http grpc graceful_shutdown_timeout forward_to labels relabel_rules use_incoming_timestamp
  max_send_message_size
loki.source.api > grpc > tls: cert_pem key_pem cert_file key_file client_auth_type client_ca_file client_ca
  cipher_suites min_version
loki.source.api > http > tls: cert_pem key_pem cert_file key_file client_auth_type client_ca_file client_ca
  cipher_suites min_version
loki.source.docker: host targets forward_to labels relabel_rules http_client_config refresh_interval
loki.source.docker > http_client_config: @http_client
loki.source.file: targets forward_to encoding decompression file_watch file_match tail_from_end
  legacy_positions_file on_positions_file_error
loki.source.file > decompression: enabled initial_delay format
loki.source.gelf: listen_address use_incoming_timestamp relabel_rules forward_to
loki.source.heroku: http grpc graceful_shutdown_timeout labels use_incoming_timestamp forward_to relabel_rules
loki.source.heroku > grpc > tls: cert_pem key_pem cert_file key_file client_auth_type client_ca_file client_ca
  cipher_suites min_version
loki.source.heroku > http > tls: cert_pem key_pem cert_file key_file client_auth_type client_ca_file client_ca
  cipher_suites min_version
loki.source.journal: format_as_json max_age path relabel_rules matches forward_to labels legacy_position
loki.source.syslog: listener forward_to relabel_rules
loki.source.syslog > listener: address protocol idle_timeout label_structured_data labels use_incoming_timestamp
  use_rfc5424_message rfc3164_default_to_current_year rfc5424_allow_empty_msg max_message_length tls_config
  syslog_format raw_format_options rfc3164_cisco_components udp_queue_size udp_host_cache_size
loki.write: endpoint external_labels max_streams wal
loki.write > endpoint: name url batch_wait batch_size remote_timeout headers min_backoff_period max_backoff_period
  max_backoff_retries tenant_id retry_on_http_429 @http_client queue_config
otelcol.auth.bearer: scheme token header debug_metrics
otelcol.auth.headers > header: key value from_context from_attribute action
otelcol.auth.oauth2: client_id client_id_file client_secret client_secret_file client_certificate_key_id
  client_certificate_key client_certificate_key_file grant_type signature_algorithm iss audience claims token_url
  endpoint_params scopes tls timeout expiry_buffer debug_metrics
otelcol.auth.oauth2 > tls: ca_pem ca_file cert_pem cert_file key_pem key_file min_version max_version
  reload_interval cipher_suites include_insecure_cipher_suites include_system_ca_certs_pool curve_preferences tpm
  insecure insecure_skip_verify server_name
otelcol.connector.servicegraph: latency_histogram_buckets dimensions store cache_loop store_expiration_loop
  virtual_node_peer_attributes virtual_node_extra_label metrics_flush_interval database_name_attributes
  exponential_histogram_max_size output debug_metrics
otelcol.connector.signaltometrics > datapoints: name description unit include_resource_attributes attributes
  conditions histogram exponential_histogram sum gauge
otelcol.connector.signaltometrics > logs: name description unit include_resource_attributes attributes conditions
  histogram exponential_histogram sum gauge
otelcol.connector.signaltometrics > spans: name description unit include_resource_attributes attributes conditions
  histogram exponential_histogram sum gauge
otelcol.connector.spanmetrics: dimension calls_dimension exclude_dimensions dimensions_cache_size
  resource_metrics_cache_size resource_metrics_key_attributes aggregation_cardinality_limit aggregation_temporality
  histogram metrics_flush_interval metrics_expiration series_expiration metric_timestamp_cache_size namespace
  exemplars events output debug_metrics include_instrumentation_scope include_collector_instance_id
otelcol.connector.spanmetrics > histogram: disable dimension unit exponential explicit
otelcol.exporter.file: path append rotation format encoding compression compression_params flush_interval group_by
  debug_metrics
otelcol.exporter.file > group_by: enabled resource_attribute max_open_files
otelcol.exporter.file > rotation: max_megabytes max_days max_backups localtime
otelcol.exporter.loadbalancing: protocol resolver routing_key timeout retry_on_failure sending_queue debug_metrics
otelcol.exporter.loadbalancing > protocol > otlp: timeout queue retry client
otelcol.exporter.loadbalancing > protocol > otlp > client: compression tls keepalive read_buffer_size
  write_buffer_size wait_for_ready headers balancer_name authority auth
otelcol.exporter.loadbalancing > protocol > otlp > client > tls: ca_pem ca_file cert_pem cert_file key_pem key_file
  min_version max_version reload_interval cipher_suites include_insecure_cipher_suites include_system_ca_certs_pool
  curve_preferences tpm insecure insecure_skip_verify server_name
otelcol.exporter.loadbalancing > protocol > otlp > queue: enabled num_consumers queue_size block_on_overflow sizer
  wait_for_result batch storage
otelcol.exporter.loadbalancing > protocol > otlp > retry: enabled initial_interval randomization_factor multiplier
  max_interval max_elapsed_time
otelcol.exporter.loadbalancing > resolver > aws_cloud_map: namespace service_name health_status interval timeout
  port owner_account
otelcol.exporter.loadbalancing > resolver > dns: hostname port interval timeout
otelcol.exporter.loadbalancing > resolver > kubernetes: service ports timeout return_hostnames
otelcol.exporter.otlp: timeout sending_queue retry_on_failure debug_metrics client
otelcol.exporter.otlp > client: endpoint compression tls keepalive read_buffer_size write_buffer_size wait_for_ready
  headers balancer_name authority auth
otelcol.exporter.otlp > client > tls: ca_pem ca_file cert_pem cert_file key_pem key_file min_version max_version
  reload_interval cipher_suites include_insecure_cipher_suites include_system_ca_certs_pool curve_preferences tpm
  insecure insecure_skip_verify server_name
otelcol.exporter.otlphttp: client sending_queue retry_on_failure debug_metrics traces_endpoint metrics_endpoint
  logs_endpoint encoding
otelcol.exporter.otlphttp > client: endpoint proxy_url compression compression_params tls read_buffer_size
  write_buffer_size timeout headers max_idle_conns max_idle_conns_per_host max_conns_per_host idle_conn_timeout
  disable_keep_alives http2_read_idle_timeout http2_ping_timeout force_attempt_http2 auth cookies
otelcol.exporter.otlphttp > client > tls: ca_pem ca_file cert_pem cert_file key_pem key_file min_version max_version
  reload_interval cipher_suites include_insecure_cipher_suites include_system_ca_certs_pool curve_preferences tpm
  insecure insecure_skip_verify server_name
otelcol.processor.attributes > action: key value pattern from_attribute from_context converted_type action
otelcol.processor.batch: timeout send_batch_size send_batch_max_size metadata_keys metadata_cardinality_limit output
  debug_metrics
otelcol.processor.cumulativetodelta > exclude: metrics match_type metric_types
otelcol.processor.cumulativetodelta > include: metrics match_type metric_types
otelcol.processor.probabilistic_sampler: sampling_percentage hash_seed mode fail_closed sampling_precision
  attribute_source from_attribute sampling_priority output debug_metrics
otelcol.processor.redaction: allow_all_keys allowed_keys ignored_keys blocked_key_patterns ignored_key_patterns
  allowed_values blocked_values hash_function hmac_key redact_all_types summary url_sanitizer db_sanitizer output
  debug_metrics
otelcol.processor.redaction > db_sanitizer: sanitize_span_name sql redis valkey memcached mongo opensearch es
otelcol.processor.span > name > to_attributes: rules break_after_match keep_original_name
otelcol.processor.tail_sampling: policy decision_wait decision_wait_after_root_received num_traces block_on_overflow
  expected_new_traces_per_sec sample_on_first_match drop_pending_traces_on_shutdown maximum_trace_size_bytes
  decision_cache output debug_metrics
otelcol.processor.tail_sampling > policy: name type latency numeric_attribute probabilistic status_code
  string_attribute rate_limiting bytes_limiting span_count boolean_attribute ottl_condition trace_state composite
  and not drop
otelcol.processor.tail_sampling > policy > composite > composite_sub_policy: name type latency numeric_attribute
  probabilistic status_code string_attribute rate_limiting bytes_limiting span_count boolean_attribute
  ottl_condition trace_state and
otelcol.processor.tail_sampling > policy > drop > drop_sub_policy: name type latency numeric_attribute probabilistic
  status_code string_attribute rate_limiting bytes_limiting span_count boolean_attribute ottl_condition trace_state
otelcol.processor.tail_sampling > policy > not > not_sub_policy: name type latency numeric_attribute probabilistic
  status_code string_attribute rate_limiting bytes_limiting span_count boolean_attribute ottl_condition trace_state
otelcol.processor.transform: error_mode statements trace_statements metric_statements log_statements output
  debug_metrics
otelcol.processor.transform > log_statements: context conditions statements error_mode
otelcol.processor.transform > metric_statements: context conditions statements error_mode
otelcol.processor.transform > trace_statements: context conditions statements error_mode
otelcol.receiver.filelog: include exclude exclude_older_than ordering_criteria poll_interval max_concurrent_files
  max_batches start_at fingerprint_size max_log_size encoding force_flush_period delete_after_read
  include_file_record_number compression acquire_fs_lock file_cache_advise multiline preserve_leading_whitespaces
  preserve_trailing_whitespaces header include_file_name include_file_path include_file_name_resolved
  include_file_path_resolved include_file_owner_name include_file_owner_group_name include_file_permissions
  attributes resource operators retry_on_failure storage debug_metrics output
otelcol.receiver.otlp > http: endpoint tls cors auth max_request_body_size include_metadata compression_algorithms
  keep_alives_enabled idle_timeout read_timeout write_timeout read_header_timeout traces_url_path metrics_url_path
  logs_url_path
otelcol.receiver.syslog: protocol location enable_octet_counting max_octets allow_skip_pri_header
  non_transparent_framing_trailer retry_on_failure tcp udp on_error debug_metrics output
otelcol.receiver.syslog > tcp: max_log_size listen_address tls add_attributes one_log_per_packet encoding multiline
  preserve_leading_whitespaces preserve_trailing_whitespaces
otelcol.receiver.syslog > udp: listen_address one_log_per_packet add_attributes encoding multiline
  preserve_leading_whitespaces preserve_trailing_whitespaces async
otelcol.receiver.tcplog: listen_address max_log_size tls add_attributes one_log_per_packet encoding multiline
  retry_on_failure debug_metrics output
otelcol.receiver.zipkin: parse_string_tags endpoint tls cors auth max_request_body_size include_metadata
  compression_algorithms keep_alives_enabled idle_timeout read_timeout write_timeout read_header_timeout
  debug_metrics output
otelcol.storage.file: directory timeout compaction fsync create_directory directory_permissions debug_metrics
otelcol.storage.file > compaction: on_start on_rebound directory rebound_needed_threshold_mib
  rebound_trigger_threshold_mib max_transaction_size check_interval cleanup_on_start
prometheus.exporter.unix: include_exporter_metrics procfs_path sysfs_path rootfs_path udev_data_path
  enable_collectors disable_collectors set_collectors arp bcache cpu disk ethtool filesystem hwmon ipvs ntp netclass
  netdev netstat perf powersupply runit supervisord sysctl systemd tapestats textfile vmstat
prometheus.exporter.unix > cpu: bugs_include guest info flags_include
prometheus.exporter.unix > hwmon: chip_exclude chip_include
prometheus.exporter.unix > netdev: address_info device_exclude device_include
prometheus.exporter.unix > ntp: ip_ttl local_offset_tolerance max_distance protocol_version server server_is_local
prometheus.exporter.unix > perf: cpus tracepoint disable_hardware_profilers disable_software_profilers
  disable_cache_profilers hardware_profilers software_profilers cache_profilers
prometheus.remote_write > endpoint: name url remote_timeout headers send_exemplars send_native_histograms
  protobuf_message @http_client queue_config metadata_config write_relabel_config sigv4 azuread google_iam
  round_robin_dns
prometheus.remote_write > endpoint > azuread: managed_identity workload_identity oauth sdk cloud scope
prometheus.remote_write > endpoint > queue_config: capacity max_shards min_shards max_samples_per_send
  batch_send_deadline min_backoff max_backoff retry_on_http_429 sample_age_limit
prometheus.remote_write > endpoint > sigv4: region access_key secret_key profile role_arn external_id
  use_fips_sts_endpoint service_name
prometheus.scrape: targets forward_to job_name honor_labels honor_timestamps track_timestamps_staleness params
  scrape_classic_histograms scrape_native_histograms scrape_failure_log_file scrape_interval scrape_timeout
  scrape_protocols metrics_path scheme body_size_limit sample_limit target_limit label_limit label_name_length_limit
  label_value_length_limit @http_client extra_metrics enable_protobuf_negotiation metric_name_validation_scheme
  metric_name_escaping_scheme scrape_fallback_protocol convert_classic_histograms_to_nhcb enable_compression
  native_histogram_bucket_limit native_histogram_min_bucket_factor honor_metadata enable_type_and_unit_labels
  start_timestamp_zero_ingestion clustering
`

/** What `@http_client` stands for. */
export const httpClientOrder = `
basic_auth authorization oauth2 bearer_token bearer_token_file proxy_url no_proxy proxy_from_environment
proxy_connect_header tls_config follow_redirects enable_http2 http_headers
`
