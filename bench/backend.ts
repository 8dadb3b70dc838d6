// A process for the benchmarks: serves scrape targets, and takes whatever is sent to it.
// Usage: backend.ts TARGETS SERIES; prints {"port"} and answers /stats.
import { createServer } from 'node:http'
import { gzipSync } from 'node:zlib'

const [targets = 1, series = 1] = process.argv.slice(2).map(Number)
/** Bodies prepared for each target; a scrape gets the next, so that values change. */
const bodiesEach = 8
/** Values change in this part of the series from one scrape to the next, as counters of a busy host do. */
const changing = 0.7

const stats = { scrapes: 0, requests: 0, bytes: 0 }

function exposition(target: number, round: number): string {
  const lines: string[] = []
  for (let family = 0; family < series / 10; family++) {
    const name = `bench_family_${family}_requests_total`
    lines.push(`# HELP ${name} Requests of kind ${family} that the service has answered.`, `# TYPE ${name} counter`)
    for (let i = 0; i < 10; i++) {
      const n = family * 10 + i
      const value = ((n * 7919 + target * 104_729) % 1_000_003) + (n % 10 < changing * 10 ? round * (n % 17) : 0)
      const text = n % 4 === 0 ? (value / 997).toPrecision(12) : String(value)
      lines.push(
        `${name}{method="${i % 2 ? 'GET' : 'POST'}",path="/api/v1/resource/${i}",code="${200 + (i % 5)}",zone="zone-${n % 3}"} ${text}`,
      )
    }
  }
  return `${lines.join('\n')}\n`
}

// Half of the targets share their bodies with another one: memory of this process does not matter, time to make them does.
const bodies = Array.from({ length: Math.min(targets, 4) }, (_, target) =>
  Array.from({ length: bodiesEach }, (_, round) => gzipSync(exposition(target, round), { level: 1 })),
)

const server = createServer((request, response) => {
  const url = request.url ?? '/'
  if (url.startsWith('/metrics/')) {
    const of = bodies[Number(url.slice(9)) % bodies.length] as Buffer[]
    const body = of[stats.scrapes++ % bodiesEach] as Buffer
    response.writeHead(200, {
      'content-type': 'text/plain; version=0.0.4; charset=utf-8',
      'content-encoding': 'gzip',
      'content-length': body.length,
    })
    response.end(body)
  } else if (url === '/stats') {
    response.end(JSON.stringify(stats))
  } else {
    stats.requests++
    request.on('data', (data: Buffer) => void (stats.bytes += data.length))
    request.on('end', () => response.writeHead(204).end())
  }
})
server.keepAliveTimeout = 120_000
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (address !== null && typeof address === 'object')
    process.stdout.write(`${JSON.stringify({ port: address.port })}\n`)
})
