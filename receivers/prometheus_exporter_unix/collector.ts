// What a collector is: one subsystem of the host, read afresh at every scrape.
import type { Clock, Logger, MetricSink } from '#component'
import type { HostFiles } from './files.ts'
import type { UnixSettings } from './settings.ts'

/** One subsystem's reader. Calls do not overlap. Keeps no descriptor, timer or file open between calls. */
export interface Collector {
  /** As in `enable_collectors` and in the label `collector`. */
  readonly name: string
  /**
   * Set where `collect` waits (for a mount, a socket): it is then started before the others, and its samples are held until
   * it is done. A collector that still waits at the next scrape sits that one out and counts as failed.
   */
  readonly waits?: true
  /**
   * Read and give every sample. Whatever was given before a failure stays. Throws (or rejects with) `NoDataError` where
   * the host has nothing of the kind, any other error where reading failed. `signal` is aborted at the scrape's timeout.
   */
  collect(sink: MetricSink, files: HostFiles, signal: AbortSignal): void | Promise<void>
}

/** The host has nothing for this collector: `node_scrape_collector_success` is 0, and it is logged at debug only. */
export class NoDataError extends Error {
  override readonly name = 'NoDataError'
  constructor(message = 'collector returned no data') {
    super(message)
  }
}

/** What a collector is given besides its settings. */
export interface CollectorHost {
  readonly log: Logger
  readonly clock: Clock
  /** The names of all collectors that run. */
  readonly enabled: ReadonlySet<string>
}

/** Every file in collectors/ exports one of these as `collector`, and registry.ts has one line that loads it. */
export interface CollectorDefinition {
  readonly name: string
  readonly enabledByDefault: boolean
  /** Reads nothing yet. Throws `SettingsError` for settings that do not work (a regular expression that does not compile). */
  create(settings: UnixSettings, host: CollectorHost): Collector
}

/** Does the file or directory not exist? The usual cause to throw `NoDataError`. */
export function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | undefined)?.code
  return code === 'ENOENT' || code === 'ENOTDIR'
}
