// Exporters that Alloy has and this build lacks.
export const absentExporters = `
prometheus.exporter.apache {
  scrape_uri string "http://localhost/server-status?auto"
  host_override string
  insecure bool
}
prometheus.exporter.azure {
  subscriptions! list(string)
  resource_graph_query_filter string
  resource_type! string
  metrics! list(string)
  metric_aggregations list(string)
  timespan string "PT5M"
  interval string "PT1M"
  included_dimensions list(string)
  included_resource_tags list(string) ["owner"]
  metric_namespace string
  metric_name_template string "azure_{type}_{metric}_{aggregation}_{unit}"
  metric_help_template string "Azure metric {metric} for {type} with aggregation {aggregation} as {unit}"
  azure_cloud_environment string "azurecloud"
  validate_dimensions bool
  regions list(string)
}
prometheus.exporter.blackbox {
  config_file string
  config string
  target* {
    name! string
    address! string
    module string
    labels map(string)
  }
  probe_timeout_offset duration "500ms"
  targets list(map(string))
}
prometheus.exporter.cadvisor {
  store_container_labels bool true
  allowlisted_container_labels list(string) [""]
  env_metadata_allowlist list(string) [""]
  raw_cgroup_prefix_allowlist list(string) [""]
  perf_events_config string
  resctrl_interval duration
  disabled_metrics list(string)
  enabled_metrics list(string)
  storage_duration duration "2m"
  containerd_host string "/run/containerd/containerd.sock"
  containerd_namespace string "k8s.io"
  docker_host string "unix:///var/run/docker.sock"
  use_docker_tls bool
  docker_tls_cert string "cert.pem"
  docker_tls_key string "key.pem"
  docker_tls_ca string "ca.pem"
  docker_only bool
  disable_root_cgroup_stats bool
}
prometheus.exporter.cloudwatch {
  sts_region! string
  fips_disabled bool true
  discovery_exported_tags map(list(string))
  discovery* {
    regions! list(string)
    role* {
      role_arn! string
      external_id string
    }
    custom_tags map(string)
    search_tags map(string)
    type! string
    dimension_name_requirements list(string)
    recently_active_only bool
    metric*! {
      name! string
      statistics! list(string)
      period duration
      length duration
      nil_to_zero bool
      add_cloudwatch_timestamp bool
    }
    period duration "5m"
    length duration
    delay duration
    add_cloudwatch_timestamp bool
    nil_to_zero bool true
  }
  static* {
    regions! list(string)
    role* {
      role_arn! string
      external_id string
    }
    custom_tags map(string)
    namespace! string
    dimensions! map(string)
    metric*! {
      name! string
      statistics! list(string)
      period duration
      length duration
      nil_to_zero bool
      add_cloudwatch_timestamp bool
    }
    period duration
    length duration
    delay duration
    nil_to_zero bool true
  }
  custom_namespace* {
    regions! list(string)
    role* {
      role_arn! string
      external_id string
    }
    custom_tags map(string)
    dimension_name_requirements list(string)
    namespace! string
    recently_active_only bool
    metric*! {
      name! string
      statistics! list(string)
      period duration
      length duration
      nil_to_zero bool
      add_cloudwatch_timestamp bool
    }
    delay duration
    period duration "5m"
    length duration
    add_cloudwatch_timestamp bool
    nil_to_zero bool true
  }
  decoupled_scraping {
    @switched_off
    scrape_interval duration "5m"
  }
  labels_snake_case bool
  aws_sdk_version_v2 bool true
  debug bool
}
prometheus.exporter.consul {
  server string "http://localhost:8500"
  ca_file string
  cert_file string
  key_file string
  server_name string
  timeout duration "500ms"
  insecure_skip_verify bool
  concurrent_request_limit string
  allow_stale bool true
  require_consistent bool
  kv_prefix string
  kv_filter string ".*"
  generate_health_summary bool true
}
prometheus.exporter.dnsmasq {
  address string "localhost:53"
  leases_file string "/var/lib/misc/dnsmasq.leases"
  expose_leases bool
}
prometheus.exporter.elasticsearch {
  address string "http://localhost:9200"
  timeout duration "5s"
  all bool
  node string "_local"
  indices bool
  indices_settings bool
  cluster_settings bool
  shards bool
  aliases bool true
  snapshots bool
  clusterinfo_interval duration "5m"
  ca string
  client_private_key string
  client_cert string
  ssl_skip_verify bool
  data_stream bool
  slm bool
  basic_auth { @basic_auth }
}
prometheus.exporter.gcp {
  project_ids! list(string)
  metrics_prefixes! list(string)
  extra_filters list(string)
  request_interval duration "5m"
  request_offset duration
  ingest_delay bool
  drop_delegated_projects bool
  gcp_client_timeout duration "15s"
}
prometheus.exporter.github {
  api_url string "https://api.github.com"
  repositories list(string)
  organizations list(string)
  users list(string)
  api_token secret
  api_token_file string
  github_app_key_path string
  github_app_id int
  github_app_installation_id int
  github_rate_limit float 15000
}
prometheus.exporter.kafka {
  instance string
  kafka_uris list(string)
  use_sasl bool
  use_sasl_handshake bool true
  sasl_username string
  sasl_password secret
  sasl_mechanism string
  sasl_disable_pafx_fast bool
  use_tls bool
  tls_server_name string
  ca_file string
  cert_file string
  key_file string
  insecure_skip_verify bool
  kafka_version string "2.0.0"
  use_zookeeper_lag bool
  zookeeper_uris list(string)
  kafka_cluster_name string
  metadata_refresh_interval string "1m"
  gssapi_service_name string
  gssapi_kerberos_config_path string
  gssapi_realm string
  gssapi_key_tab_path string
  gssapi_kerberos_auth_type string
  offset_show_all bool true
  topic_workers int 100
  allow_concurrency bool true
  allow_auto_topic_creation bool
  max_offsets int 1000
  prune_interval_seconds int 30
  topics_filter_regex string ".*"
  topics_exclude_regex string "^$"
  groups_filter_regex string ".*"
  groups_exclude_regex string "^$"
}
prometheus.exporter.memcached {
  address string "localhost:11211"
  timeout duration "1s"
  tls_config { @tls_client }
}
prometheus.exporter.mongodb {
  mongodb_uri! secret
  compatible_mode bool true
  collect_all bool true
  direct_connect bool
  discovering_mode bool
  currentop_slow_time duration "1m"
  enable_db_stats bool
  enable_db_stats_free_storage bool
  enable_diagnostic_data bool
  enable_replicaset_status bool
  enable_replicaset_config bool
  enable_currentop_metrics bool
  enable_top_metrics bool
  enable_index_stats bool
  enable_coll_stats bool
  enable_profile bool
  enable_shards bool
  enable_fcv bool
  enable_pbm_metrics bool
}
prometheus.exporter.mssql {
  connection_string! secret
  connection_name string
  max_idle_connections int 3
  max_open_connections int 3
  max_connection_lifetime duration
  timeout duration "10s"
  query_config string
}
prometheus.exporter.mysql {
  data_source_name secret
  enable_collectors list(string)
  disable_collectors list(string)
  set_collectors list(string)
  enable_lock_wait_timeout bool true
  lock_wait_timeout int 2
  log_slow_filter bool
  info_schema.processlist {
    min_time int
    processes_by_user bool true
    processes_by_host bool true
  }
  info_schema.tables {
    databases string "*"
  }
  perf_schema.eventsstatements {
    limit int 250
    time_limit int 86400
    text_limit int 120
    exclude_schemas list(string)
  }
  perf_schema.file_instances {
    filter string ".*"
    remove_prefix string "/var/lib/mysql"
  }
  perf_schema.memory_events {
    remove_prefix string "memory/"
  }
  heartbeat {
    database string "heartbeat"
    table string "heartbeat"
    utc bool
  }
  mysql.user {
    privileges bool
  }
}
prometheus.exporter.oracledb {
  connection_string secret
  max_idle_conns int
  max_open_conns int 10
  query_timeout int 5
  default_metrics string
  custom_metrics list(string)
  username string
  password secret
  database* {
    name! string
    connection_string! secret
    username string
    password secret
    labels map(string)
  }
}
prometheus.exporter.postgres {
  data_source_names list(secret)
  disable_settings_metrics bool
  disable_default_metrics bool
  custom_queries_config_path string
  enabled_collectors list(string)
  autodiscovery {
    @switched_off
    database_allowlist list(string)
    database_denylist list(string)
  }
  stat_statements {
    include_query bool
    query_length uint
    limit uint
    exclude_databases list(string)
    exclude_users list(string)
  }
}
prometheus.exporter.process {
  matcher* {
    name string
    comm list(string)
    exe list(string)
    cmdline list(string)
  }
  procfs_path string "/proc"
  track_children bool true
  track_threads bool true
  gather_smaps bool true
  recheck_on_scrape bool
  remove_empty_groups bool
}
prometheus.exporter.redis {
  include_exporter_metrics bool
  redis_addr! string
  redis_user string
  redis_password secret
  redis_password_file string
  redis_password_map_file string
  namespace string "redis"
  config_command string "CONFIG"
  check_keys list(string)
  check_key_groups list(string)
  check_key_groups_batch_size int 10000
  max_distinct_key_groups int 100
  check_single_keys list(string)
  check_streams list(string)
  check_single_streams list(string)
  export_key_values bool true
  count_keys list(string)
  script_path string
  script_paths list(string)
  connection_timeout duration "15s"
  tls_client_key_file string
  tls_client_cert_file string
  tls_ca_cert_file string
  set_client_name bool true
  is_tile38 bool
  is_cluster bool
  export_client_list bool
  export_client_port bool
  redis_metrics_only bool
  ping_on_connect bool
  incl_system_metrics bool
  skip_tls_verification bool
}
prometheus.exporter.snmp {
  config_file string
  concurrency int 1
  config string
  config_merge_strategy string "replace"
  target* {
    address! string
    module string
    auth string
    walk_params string
    snmp_context string
    labels map(string)
  }
  walk_param* {
    max_repetitions uint 25
    retries int 3
    timeout duration
    use_unconnected_udp_socket bool
  }
  targets list(map(string))
}
prometheus.exporter.snowflake {
  account_name! string
  username! string
  password secret
  private_key_path string
  private_key_password secret
  role string "ACCOUNTADMIN"
  warehouse! string
  exclude_deleted_tables bool
  enable_tracing bool
}
prometheus.exporter.squid {
  address! string
  username string
  password secret
}
prometheus.exporter.statsd {
  listen_udp string ":9125"
  listen_tcp string ":9125"
  listen_unixgram string
  unix_socket_mode string "755"
  mapping_config_path string
  read_buffer int
  cache_size int 1000
  cache_type string "lru"
  event_queue_size int 10000
  event_flush_threshold int 1000
  event_flush_interval duration "200ms"
  parse_dogstatsd_tags bool true
  parse_influxdb_tags bool true
  parse_librato_tags bool true
  parse_signalfx_tags bool true
  relay_addr string
  relay_packet_length int 1400
}
prometheus.exporter.windows {
  enabled_collectors list(string) ["cpu","logical_disk","net","os","service","system"]
  dfsr {
    sources_enabled list(string) ["connection","folder","volume"]
  }
  exchange {
    enabled_list list(string) ["ADAccessProcesses", "TransportQueues", "HttpProxy", "ActiveSync", "AvailabilityService", "OutlookWebAccess", "Autodiscover", "WorkloadManagement", "RpcClientAccess", "MapiHttpEmsmdb"]
  }
  iis {
    app_blacklist string
    app_whitelist string
    site_blacklist string
    site_whitelist string
    app_exclude string "^$"
    app_include string "^.+$"
    site_exclude string "^$"
    site_include string "^.+$"
  }
  logical_disk {
    enabled_list list(string) ["metrics"]
    blacklist string
    whitelist string
    include string "^.+$"
    exclude string "^$"
  }
  msmq {
    where_clause string
  }
  mssql {
    enabled_classes list(string) ["accessmethods", "availreplica", "bufman", "databases", "dbreplica", "genstats", "info", "locks", "memmgr", "sqlerrors", "sqlstats", "transactions", "waitstats"]
  }
  network {
    blacklist string
    whitelist string
    exclude string "^$"
    include string "^.+$"
  }
  physical_disk {
    include string "^.+$"
    exclude string "^$"
  }
  printer {
    exclude string "^$"
    include string "^.+$"
  }
  process {
    blacklist string
    whitelist string
    exclude string "^$"
    include string "^.+$"
    enable_iis_worker_process bool
    counter_version uint
  }
  scheduled_task {
    exclude string "^$"
    include string "^.+$"
  }
  service {
    include string "^.+$"
    exclude string "^$"
    use_api string
    where_clause string
    enable_v2_collector string
  }
  smb {
    enabled_list list(string)
  }
  smb_client {
    enabled_list list(string)
  }
  smtp {
    blacklist string
    whitelist string
    exclude string "^$"
    include string "^.+$"
  }
  text_file {
    text_file_directory string
    directories list(string)
  }
  textfile {
    text_file_directory string
    directories list(string)
  }
  tcp {
    enabled_list list(string) ["metrics","connections_state"]
  }
  update {
    online bool
    scrape_interval duration "6h"
  }
  filetime {
    file_patterns list(string)
  }
  performancecounter {
    objects string
  }
  mscluster {
    enabled_list list(string) ["cluster","network","node","resource","resourcegroup"]
  }
  netframework {
    enabled_list list(string) ["clrexceptions","clrinterop","clrjit","clrloading","clrlocksandthreads","clrmemory","clrremoting","clrsecurity"]
  }
  dns {
    enabled_list list(string) ["metrics", "wmi_stats"]
  }
  net {
    enabled_list list(string) ["metrics", "nic_info"]
    exclude string "^$"
    include string "^.+$"
  }
  time {
    enabled_list list(string) ["system_time","clock_source","ntp"]
  }
}
`
