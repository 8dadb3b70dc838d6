// Service discovery that Alloy has and this build lacks.
export const absentDiscovery = `
discovery.azure {
  environment string "AzurePublicCloud"
  port int 80
  subscription_id string
  oauth {
    client_id! string
    tenant_id! string
    client_secret! secret
  }
  managed_identity {
    client_id! string
  }
  sdk_auth {
    tenant_id string
  }
  workload_identity {}
  refresh_interval duration "5m"
  resource_group string
  @proxy
  follow_redirects bool true
  enable_http2 bool true
  tls_config { @tls_client }
  http_headers map(list(secret))
}
discovery.consul {
  server string "localhost:8500"
  token secret
  datacenter string
  namespace string
  partition string
  tag_separator string ","
  scheme string "http"
  username string
  password secret
  allow_stale bool true
  services list(string)
  tags list(string)
  node_meta map(string)
  refresh_interval duration "30s"
  @http_client
}
discovery.consulagent {
  server string "localhost:8500"
  token secret
  datacenter string
  tag_separator string ","
  scheme string "http"
  username string
  password secret
  refresh_interval duration "30s"
  services list(string)
  tags list(string)
  tls_config { @tls_client }
}
discovery.digitalocean {
  refresh_interval duration "1m"
  port int 80
  bearer_token secret
  bearer_token_file string
  @proxy
  follow_redirects bool true
  enable_http2 bool true
  http_headers map(list(secret))
}
discovery.dockerswarm {
  host! string
  role! string
  port int 80
  filter* {
    name! string
    values! list(string)
  }
  refresh_interval duration "1m"
  @http_client
}
discovery.ec2 {
  endpoint string
  region string
  access_key string
  secret_key secret
  profile string
  role_arn string
  refresh_interval duration "1m"
  port int 80
  filter* {
    name! string
    values! list(string)
  }
  @http_client
}
discovery.gce {
  project! string
  zone! string
  filter string
  refresh_interval duration "1m"
  port int 80
  tag_separator string ","
}
discovery.ionos {
  datacenter_id! string
  @http_client
  refresh_interval duration "1m"
  port int 80
}
discovery.kubernetes {
  api_server string
  role! string
  kubeconfig_file string
  @http_client
  namespaces {
    own_namespace bool
    names list(string)
  }
  selectors* {
    role! string
    label string
    field string
  }
  attach_metadata {
    node bool
    namespace bool
  }
}
discovery.kuma {
  server! string
  refresh_interval duration "30s"
  fetch_timeout duration "2m"
  @http_client
}
discovery.lightsail {
  endpoint string
  region string
  access_key string
  secret_key secret
  profile string
  role_arn string
  refresh_interval duration "1m"
  port int 80
  @http_client
}
discovery.linode {
  refresh_interval duration "1m"
  port int 80
  tag_separator string ","
  region string
  @http_client
}
discovery.marathon {
  servers! list(string)
  refresh_interval duration "30s"
  auth_token secret
  auth_token_file string
  @http_client
}
discovery.nerve {
  servers! list(string)
  paths! list(string)
  timeout duration "10s"
}
discovery.openstack {
  identity_endpoint string
  username string
  userid string
  password secret
  project_name string
  project_id string
  domain_name string
  domain_id string
  application_credential_name string
  application_credential_id string
  application_credential_secret secret
  role! string
  region! string
  refresh_interval duration "1m"
  port int 80
  all_tenants bool
  tls_config { @tls_client }
  availability string "public"
}
discovery.ovhcloud {
  endpoint string "ovh-eu"
  application_key! string
  application_secret! secret
  consumer_key! secret
  refresh_interval duration "1m"
  service! string
}
discovery.scaleway {
  project_id! string
  role! string
  api_url string "https://api.scaleway.com"
  zone string "fr-par-1"
  access_key! string
  secret_key secret
  secret_key_file string
  name_filter string
  tags_filter list(string)
  refresh_interval duration "1m"
  port int 80
  @proxy
  tls_config { @tls_client }
  follow_redirects bool true
  enable_http2 bool true
  http_headers map(list(secret))
}
discovery.serverset {
  servers! list(string)
  paths! list(string)
  timeout duration "10s"
}
discovery.triton {
  account! string
  role string "container"
  dns_suffix! string
  endpoint! string
  groups list(string)
  port int 9163
  refresh_interval duration "1m"
  version int 1
  tls_config { @tls_client }
}
`
