// The manifest: every component by the name that users write, loaded only when a configuration names it.
import type { ComponentDefinition, YamlDefinition } from '#component'
import type { ComponentRegistry } from '#config'

type Loader = () => Promise<ComponentDefinition>

const manifest: Readonly<Record<string, Loader>> = {
  'discovery.dns': async () => (await import('../discovery/dns/component.ts')).discoveryDns,
  'discovery.file': async () => (await import('../discovery/file/component.ts')).discoveryFile,
  'discovery.http': async () => (await import('../discovery/http/component.ts')).discoveryHttp,
  'discovery.relabel': async () => (await import('../discovery/relabel/component.ts')).discoveryRelabel,
  'loki.echo': async () => (await import('../exporters/loki_echo/component.ts')).lokiEcho,
  'loki.write': async () => (await import('../exporters/loki_write/component.ts')).lokiWrite,
  'local.file': async () => (await import('../extensions/local_file/component.ts')).localFile,
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
const yamlManifest: Readonly<Record<string, YamlLoader>> = {}

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
