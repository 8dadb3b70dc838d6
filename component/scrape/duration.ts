// Durations as Prometheus writes them in the labels `__scrape_interval__` and `__scrape_timeout__`.

const unitMs = { y: 31_536_000_000, w: 604_800_000, d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const
const form = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/

/** Milliseconds of `1h30m`, `15s`, `0`; undefined when it is none (prometheus/common model.ParseDuration). */
export function parsePrometheusDuration(text: string): number | undefined {
  if (text === '0') return 0
  const match = form.exec(text)
  if (text === '' || !match) return undefined
  return Object.values(unitMs).reduce((sum, ms, i) => sum + Number(match[i + 1] ?? 0) * ms, 0)
}
