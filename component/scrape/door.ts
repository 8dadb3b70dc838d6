// The door of the scrape engine: targets scraped on a schedule, and this process's own metrics as text.
export { ScrapeProtocol } from './config.ts'
export { parsePrometheusDuration } from './duration.ts'
export type { ScrapeConfig } from './config.ts'
export { ScrapePool } from './pool.ts'
export type { PoolSettings, ScrapeTargetState } from './pool.ts'
export { textContentType, TextSink } from './text_sink.ts'
