// Metric families whose names are only known when the kernel's file has been read.
import { MetricFamily } from '#component'

/** Keeps the one object per family that sinks ask for. Names come from the kernel, so there are not many. */
export class FamilyTable {
  readonly #families: Map<string, MetricFamily>
  constructor() {
    this.#families = new Map()
  }

  /** The family `name`, made with what `make` gives at the first call. */
  get(name: string, make: () => MetricFamily): MetricFamily {
    let family = this.#families.get(name)
    if (!family) {
      family = make()
      this.#families.set(name, family)
    }
    return family
  }
}

/** A gauge or counter of a fixed name: short for a `MetricFamily` of one line. */
export function gauge(name: string, help: string, labelNames: readonly string[] = []): MetricFamily {
  return new MetricFamily(name, 'gauge', help, labelNames)
}

export function counter(name: string, help: string, labelNames: readonly string[] = []): MetricFamily {
  return new MetricFamily(name, 'counter', help, labelNames)
}

/** What is not a letter, digit or underscore, with underscores around it, becomes one underscore. */
export function sanitizeMetricName(name: string): string {
  return name.replace(/_*[^0-9A-Za-z_]+_*/g, '_')
}
