// Settings that several components share, for the tables beside this file.
import { readShapes } from './shape.ts'

export const groups = readShapes(`
switched_off {
  enabled bool
}
enabled {
  enabled bool true
}
authorization {
  type string
  credentials secret
  credentials_file string
}
basic_auth {
  username string
  password secret
  password_file string
}
proxy {
  proxy_url string
  no_proxy string
  proxy_from_environment bool
  proxy_connect_header map(list(secret))
}
output {
  metrics list(any)
  logs list(any)
  traces list(any)
}
debug_metrics {
  disable_high_cardinality_metrics bool true
  level string "detailed"
}
tls_client {
  ca_pem string
  ca_file string
  cert_pem string
  cert_file string
  key_pem secret
  key_file string
  server_name string
  insecure_skip_verify bool
  min_version string
}
cors {
  allowed_origins list(string)
  allowed_headers list(string) ["X-Requested-With"]
  exposed_headers list(string)
  max_age int
}
grpc_keepalive {
  server_parameters {
    max_connection_idle duration "2562047h"
    max_connection_age duration "2562047h"
    max_connection_age_grace duration "2562047h"
    time duration "2h"
    timeout duration "20s"
  }
  enforcement_policy {
    min_time duration "5m"
    permit_without_stream bool
  }
}
otel_retry {
  @enabled
  initial_interval duration "5s"
  randomization_factor float 0.5
  multiplier float 1.5
  max_interval duration "30s"
  max_elapsed_time duration "5m"
}
otel_queue {
  @enabled
  num_consumers int 10
  queue_size int 1000
  block_on_overflow bool
  sizer string "requests"
  wait_for_result bool
  batch {
    flush_timeout duration "200ms"
    min_size int 2000
    max_size int 3000
    sizer string "items"
  }
  storage handler
}
otel_tls {
  ca_pem string
  ca_file string
  cert_pem string
  cert_file string
  key_pem secret
  key_file string
  min_version string
  max_version string
  reload_interval duration
  cipher_suites list(string)
  include_insecure_cipher_suites bool
  include_system_ca_certs_pool bool
  curve_preferences list(string)
  tpm {
    @switched_off
    path string
    owner_auth string
    auth string
  }
}
otel_tls_client {
  @otel_tls
  insecure bool
  insecure_skip_verify bool
  server_name string
}
otel_tls_server {
  @otel_tls
  client_ca_file string
}
kafka_authentication {
  plaintext {
    username! string
    password! secret
  }
  sasl {
    username! string
    password! secret
    mechanism! string
    version int
    aws_msk {
      region! string
    }
  }
  tls { @otel_tls_client }
  kerberos {
    service_name string
    realm string
    use_keytab bool
    username! string
    password secret
    config_file string
    keytab_file string
    disable_fast_negotiation bool
  }
}
kafka_metadata {
  full bool true
  refresh_interval duration "10m"
  retry {
    max_retries int 3
    backoff duration "250ms"
  }
}
oauth2 {
  client_id string
  client_secret secret
  client_secret_file string
  scopes list(string)
  token_url string
  endpoint_params map(string)
  @proxy
  tls_config { @tls_client }
}
http_client_fields {
  basic_auth { @basic_auth }
  authorization { @authorization }
  oauth2 { @oauth2 }
  bearer_token secret
  bearer_token_file string
  @proxy
  tls_config { @tls_client }
  follow_redirects bool true
  enable_http2 bool true
}
http_client {
  @http_client_fields
  http_headers map(list(secret))
}
`)
