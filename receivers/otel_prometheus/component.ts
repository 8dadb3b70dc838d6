// The receiver prometheus of the collector's YAML: scrapes what a Prometheus configuration says.
import { type Component, HealthState, type Host, type OtelOutput, outputPorts, type YamlDefinition } from '#component'
import { ScrapeJob } from './job.ts'
import { prometheusReceiverSettings, type PrometheusReceiverSettings } from './settings.ts'

export const prometheusReceiver: YamlDefinition<PrometheusReceiverSettings> = {
  kind: 'receiver',
  types: ['prometheus'],
  stability: 'generally-available',
  doc: 'Scrapes targets for metrics in the Prometheus formats.',
  signals: ['metrics'],
  settings: prometheusReceiverSettings,
  create: (host, settings, output) => new PrometheusReceiver(host, settings, output),
}

class PrometheusReceiver implements Component<PrometheusReceiverSettings> {
  readonly #jobs: readonly ScrapeJob[]

  constructor(host: Host, settings: PrometheusReceiverSettings, output: OtelOutput) {
    const next = host.outlet(outputPorts(output).metrics)
    const tellHealth = (): void => {
      const problems = this.#jobs.flatMap((job) => job.problems)
      if (problems.length === 0) host.setHealth(HealthState.healthy, 'started component')
      else host.setHealth(HealthState.unhealthy, problems.join('; '))
    }
    let made = false
    this.#jobs = settings.config.scrape_configs.map(
      (job) => new ScrapeJob(host, job, settings, next, () => made && tellHealth()),
    )
    made = true
  }

  async start(): Promise<void> {
    await Promise.all(this.#jobs.map((job) => job.start()))
  }

  async stop(): Promise<void> {
    await Promise.all(this.#jobs.map((job) => job.stop()))
  }

  debug(): unknown {
    return this.#jobs.map((job) => job.debug())
  }
}
