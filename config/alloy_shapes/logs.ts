// Sources of log lines, and of telemetry from browsers, that Alloy has and this build lacks.
export const absentSources = `
loki.source.azure_event_hubs {
  fully_qualified_namespace! string
  event_hubs! list(string)
  authentication! {
    mechanism! string
    scopes list(string)
    connection_string secret
  }
  group_id string "loki.source.azure_event_hubs"
  use_incoming_timestamp bool
  disallow_custom_messages bool
  relabel_rules any
  labels map(string)
  assignor string "range"
  forward_to! list(any)
}
loki.source.cloudflare {
  api_token! secret
  zone_id! string
  labels map(string)
  workers int 3
  pull_range duration "1m"
  fields_type string "default"
  additional_fields list(string)
  forward_to! list(any)
}
loki.source.gcplog {
  pull {
    project_id! string
    subscription! string
    labels map(string)
    use_incoming_timestamp bool
    use_full_line bool
    limit {
      max_outstanding_bytes bytes "1GiB"
      max_outstanding_messages int 1000
    }
  }
  push {
    http {
      listen_address string
      listen_port int 8080
      conn_limit int
      server_read_timeout duration "30s"
      server_write_timeout duration "30s"
      server_idle_timeout duration "2m"
      tls {
        cert_pem string
        key_pem secret
        cert_file string
        key_file string
        client_auth_type string "NoClientCert"
        client_ca_file string
        client_ca string
        cipher_suites string
        min_version string
      }
      http2 {
        @switched_off
        max_handlers int
        max_concurrent_streams uint 100
        max_decoder_header_table_size uint 4096
        max_encoder_header_table_size uint 4096
        max_read_frame_size uint
        permit_prohibited_ciphers bool
        idle_timeout duration
        read_idle_timeout duration
        ping_timeout duration "15s"
        write_byte_timeout duration
        max_upload_buffer_per_connection int
        max_upload_buffer_per_stream int
      }
    }
    grpc {
      listen_address string
      listen_port int
      conn_limit int
      max_connection_age duration "2562047h"
      max_connection_age_grace duration "2562047h"
      max_connection_idle duration "2562047h"
      server_max_recv_msg_size int 4194304
      server_max_send_msg_size int 4194304
      server_max_concurrent_streams uint 100
      tls {
        cert_pem string
        key_pem secret
        cert_file string
        key_file string
        client_auth_type string "NoClientCert"
        client_ca_file string
        client_ca string
        cipher_suites string
        min_version string
      }
    }
    graceful_shutdown_timeout duration "30s"
    push_timeout duration
    labels map(string)
    use_incoming_timestamp bool
    use_full_line bool
  }
  forward_to! list(any)
  relabel_rules any
}
loki.source.kafka {
  brokers! list(string)
  topics! list(string)
  group_id string "loki.source.kafka"
  assignor string "range"
  version string "2.2.1"
  authentication {
    type string "none"
    tls_config { @tls_client }
    sasl_config {
      mechanism string
      user string
      password secret
      use_tls bool
      tls_config { @tls_client }
      oauth_config {
        token_provider! string
        scopes! list(string)
      }
    }
  }
  use_incoming_timestamp bool
  labels map(string)
  forward_to! list(any)
  relabel_rules any
}
loki.source.kubernetes_events {
  forward_to! list(any)
  job_name string "loki.source.kubernetes_events"
  namespaces list(string)
  log_format string "logfmt"
  client {
    api_server string
    kubeconfig_file string
    @http_client
  }
  clustering {
    enabled! bool
  }
}
loki.source.windowsevent {
  locale int
  eventlog_name string
  xpath_query string "*"
  bookmark_path string
  poll_interval duration "3s"
  exclude_event_data bool
  exclude_user_data bool
  exclude_event_message bool
  use_incoming_timestamp bool
  forward_to! list(any)
  labels map(string)
  legacy_bookmark_path string
}
faro.receiver {
  extra_log_labels map(string)
  log_format string "logfmt"
  server {
    listen_address string "127.0.0.1"
    listen_port int 12347
    cors_allowed_origins list(string)
    api_key secret
    max_allowed_payload_size bytes "5MiB"
    rate_limiting {
      @enabled
      strategy string "global"
      rate float 50
      burst_size float 100
    }
    include_metadata bool
  }
  sourcemaps {
    download bool true
    download_from_origins list(string) ["*"]
    download_timeout duration "1s"
    cache {
      ttl duration "2562047h"
      error_cleanup_interval duration "1h"
      cleanup_check_interval duration "30s"
    }
    location* {
      path! string
      minified_path_prefix! string
    }
  }
  output! {
    logs list(any)
    traces list(any)
  }
}
`
