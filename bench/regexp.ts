// What each engine behind a regular expression costs, on the expressions that collector configurations hold.
//
//   node bench/regexp.ts
import { compileRegexp } from '#lib/regexp'

const cases: { pattern: string; text: string; anchored: boolean }[] = [
  { pattern: 'up', text: 'node_cpu_seconds_total', anchored: true },
  { pattern: 'node_scrape_collector_.+', text: 'node_scrape_collector_success', anchored: true },
  { pattern: 'node_.*|(go|process)_.+|up', text: 'process_cpu_seconds_total', anchored: true },
  { pattern: '.*_bucket', text: 'http_request_duration_seconds_bucket', anchored: true },
  { pattern: '(.*);(.*)', text: 'node_cpu_seconds_total;idle', anchored: true },
  { pattern: 'node_(.+)@(.+)', text: 'node_cpu_seconds_total@idle', anchored: true },
  { pattern: '([^:]+)(?::\\d+)?;(\\d+)', text: '192.168.178.20:9100;8080', anchored: true },
  {
    pattern: '^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+)($|/)',
    text: '/var/lib/docker/overlay2/x',
    anchored: false,
  },
  { pattern: '(\\d+)ms', text: 'request served in 1234ms', anchored: false },
  {
    pattern: '.*level=([a-z]+).*ts=([0-9T:.Z-]*).*component=([a-z]+)',
    text: 'caller=main.go:12 level=info ts=2026-11-28T20:00:00Z msg="tables loaded" component=ingester took=12ms',
    anchored: false,
  },
]

/** Nanoseconds per call: the best of rounds within 100 ms. */
function nanoseconds(run: () => unknown): number {
  const calls = 2000
  let best = Infinity
  const end = performance.now() + 100
  do {
    const started = performance.now()
    for (let i = 0; i < calls; i++) run()
    best = Math.min(best, performance.now() - started)
  } while (performance.now() < end)
  return (best * 1e6) / calls
}

console.log('engine  test  groups | re2js: test  groups (ns)')
for (const { pattern, text, anchored } of cases) {
  const [ours, re2] = [compileRegexp(pattern, { anchored }), compileRegexp(pattern, { anchored, engine: 're2' })]
  const columns = [ours, re2].flatMap((r) => [nanoseconds(() => r.test(text)), nanoseconds(() => r.match(text))])
  const [test, groups, re2Test, re2Groups] = columns.map((ns) => ns.toFixed(0).padStart(6))
  console.log(`${ours.engine.padEnd(6)} ${test} ${groups} | ${re2Test} ${re2Groups}   ${pattern}`)
}
