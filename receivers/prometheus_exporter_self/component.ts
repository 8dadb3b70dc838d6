// prometheus.exporter.self: the metrics of this process, as a target to scrape.
import type { Component, ComponentDefinition, Host, SettingsOf } from '#component'
import { defineSettings, Target } from '#component'

const settings = defineSettings({})
type SelfSettings = SettingsOf<typeof settings>

export const prometheusExporterSelf: ComponentDefinition<SelfSettings> = {
  name: 'prometheus.exporter.self',
  stability: 'generally-available',
  doc: "Exposes this process's own metrics for a scraper.",
  exports: { targets: { type: 'list(target)', doc: 'The one target under which the metrics are found.' } },
  settings,
  create: (host) => new SelfExporter(host),
}

class SelfExporter implements Component<SelfSettings> {
  readonly source: NonNullable<Component['source']>

  constructor(host: Host) {
    const address = host.globals.memoryAddress
    this.source = {
      collect(sink, signal) {
        const own = host.internalSource(address, '/metrics')
        if (own === undefined) throw new Error(`Cannot read own metrics: nothing is served at ${address}/metrics`)
        return own.collect(sink, signal)
      },
    }
    host.setExports({ targets: [new Target(selfLabels(host, address))] })
  }

  update(): void {}

  stop(): void {}
}

/** The labels that Alloy's exporters give their targets; the job is `integrations/self`. */
function selfLabels(host: Host, address: string): ReadonlyMap<string, string> {
  return new Map([
    ['__address__', address],
    ['__scheme__', 'http'],
    ['__metrics_path__', `/api/v0/component/${host.id}/metrics`],
    ['__meta_component_id', host.id],
    ['__meta_component_name', host.id.slice(0, host.id.lastIndexOf('.'))],
    ['instance', host.globals.hostname],
    ['job', 'integrations/self'],
  ])
}
