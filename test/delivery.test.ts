// Lines of files to Loki while files are rotated and the collector is reloaded, stopped and killed: with
// `--storage.durability=always` none is missing, and what comes twice after a kill is one batch, and counted.
import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { decodePush } from '#pdata/loki'
import { eventually, freePort, type Program, startSolder, temporaryDirectory } from './real.ts'

/** Two minutes where it is to be thorough. */
const durationMs = Number(process.env['SOLDER_TORTURE_MS'] ?? 12_000)
const bytesMax = 400_000_000
const bytesPerSecond = Math.min(20_000_000, (bytesMax / durationMs) * 1000)
/** Lines are read and handed on in chunks of so many bytes. */
const chunkBytes = 128 * 1024

/** What came of one file. */
class Got {
  readonly times = new Uint8Array(8_000_000)
  readonly firstNs = new BigInt64Array(8_000_000)
  distinct = 0
  /** Lines that came again with another time: Loki has them twice. */
  doubled = 0
  /** Lines that came again as they were: Loki takes them for one. */
  resent = 0
  foreign = 0

  take(line: string, ns: bigint): void {
    const number = /^n=(\d+) x*$/.exec(line)?.[1]
    if (number === undefined) {
      this.foreign++
      return
    }
    const n = Number(number)
    if (this.times[n] === 0) {
      this.distinct++
      this.firstNs[n] = ns
    } else if (this.firstNs[n] === ns) this.resent++
    else this.doubled++
    ;(this.times[n] as number)++
  }

  /** The first and last number of every run of lines that did not come. */
  missing(total: number): [first: number, last: number][] {
    const runs: [number, number][] = []
    for (let n = 0; n < total; n++) {
      if (this.times[n] !== 0) continue
      const run = runs.at(-1)
      if (run !== undefined && run[1] === n - 1) run[1] = n
      else runs.push([n, n])
    }
    return runs
  }
}

/** A Loki that takes everything, but while it is told not to. */
class Sink {
  readonly got: Record<string, Got> = { 'renamed.log': new Got(), 'truncated.log': new Got() }
  isAway = false
  largestRequest = 0
  readonly #server = createServer()

  async listen(t: TestContext): Promise<string> {
    this.#server.on('request', async (request, response) => {
      const body = Buffer.concat(await request.toArray().catch(() => []))
      if (this.isAway) {
        response.writeHead(503).end('not now')
        return
      }
      let items = 0
      for (const { labels, lines, timestampsNs } of decodePush(body)) {
        const got = this.got[labels[labels.indexOf('file') + 1] ?? '']
        for (const [i, line] of lines.entries()) got?.take(line, timestampsNs[i] as bigint)
        items += lines.length
      }
      this.largestRequest = Math.max(this.largestRequest, items)
      response.writeHead(204).end()
    })
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    t.after(() => {
      this.#server.closeAllConnections()
      this.#server.close()
    })
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/loki/api/v1/push`
  }
}

const configText = (directory: string, url: string): string => `
loki.source.file "f" {
  targets = [
    {"__path__" = "${directory}/renamed.log", "file" = "renamed.log"},
    {"__path__" = "${directory}/truncated.log", "file" = "truncated.log"},
  ]
  forward_to = [loki.process.p.receiver]
}
loki.process "p" {
  stage.static_labels {
    values = { "by" = "test" }
  }
  forward_to = [loki.write.w.receiver]
}
loki.write "w" {
  endpoint {
    url = "${url}"
    min_backoff_period = "50ms"
    max_backoff_period = "200ms"
    max_backoff_retries = 0
  }
}
`

async function metric(port: number, name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  let sum = 0
  for (const [, value] of text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))) sum += Number(value)
  return sum
}

test(
  'no line is missing after rotations, reloads, stops and kills; doubles come after kills only, one batch, counted',
  { timeout: durationMs * 3 + 200_000 },
  async (t) => {
    const directory = temporaryDirectory(t)
    const sink = new Sink()
    const url = await sink.listen(t)
    const port = await freePort()
    const config = join(directory, 'config.alloy')
    writeFileSync(config, configText(directory, url))
    for (const name of Object.keys(sink.got)) writeFileSync(join(directory, name), '')
    let solder: Program
    let repeated = 0
    let dropped = 0
    let said = ''
    const start = async (): Promise<void> => {
      const args = ['--storage.durability=always', `--storage.path=${join(directory, 'storage')}`, config]
      solder = await startSolder(port, args)
    }
    const end = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
      repeated += await metric(port, 'solder_loki_source_file_repeated_lines_total')
      dropped += await metric(port, 'loki_write_dropped_entries_total')
      const code = await solder.stop(signal)
      said += solder.output
        .split('\n')
        .filter((line) => /level=(warn|error)/.test(line))
        .join('\n')
      if (signal === 'SIGTERM') assert.equal(code, 0, solder.output)
    }
    await start()
    t.after(() => solder.stop('SIGKILL'))

    const writer = fork(join(import.meta.dirname, 'log_writer.ts'), [
      directory,
      String(durationMs),
      String(bytesPerSecond),
    ])
    t.after(() => writer.kill('SIGKILL'))
    const written = once(writer, 'exit')
    const beginMs = performance.now()
    const until = (share: number): Promise<void> =>
      new Promise((resolve) => setTimeout(resolve, Math.max(0, beginMs + share * durationMs - performance.now())))
    const reload = async (comment: string): Promise<void> => {
      writeFileSync(config, `// ${comment}\n${configText(directory, url).replace('"test"', `"${comment}"`)}`)
      assert.equal((await fetch(`http://127.0.0.1:${port}/-/reload`, { method: 'POST' })).status, 200)
    }
    let kills = 0
    const steps: [share: number, step: () => Promise<void>][] = [
      [0.15, () => reload('once')],
      [0.25, () => end('SIGTERM')],
      [0.3, () => start()],
      [0.4, () => (kills++, end('SIGKILL'))],
      [0.45, () => start()],
      [0.55, async () => void (sink.isAway = true)],
      [0.65, async () => void (sink.isAway = false)],
      [0.7, () => (kills++, end('SIGKILL'))],
      [0.7, () => start()],
      [0.8, () => reload('twice')],
      [0.9, () => (kills++, end('SIGKILL'))],
      [0.95, () => start()],
    ]
    for (const [share, step] of steps) {
      await until(share)
      await step()
    }
    await written
    const { lines, cuts, bytes } = JSON.parse(readFileSync(join(directory, 'written.json'), 'utf8')) as {
      lines: { renamed: number; truncated: number }
      cuts: { renamed: number[]; truncated: number[] }
      bytes: number
    }
    const renamed = sink.got['renamed.log'] as Got
    const truncated = sink.got['truncated.log'] as Got
    const lastCame = (): true | undefined =>
      renamed.distinct === lines.renamed && truncated.times[lines.truncated - 1] !== 0 ? true : undefined
    await eventually('the last lines come', async () => lastCame(), durationMs + 100_000).catch(() => {})
    await end('SIGTERM')

    t.diagnostic(
      `${lines.renamed + lines.truncated} lines, ${Math.round(bytes / 1e6)} MB, ${cuts.renamed.length} rotations, ` +
        `${cuts.truncated.length} truncations, ${kills} kills: ${renamed.doubled + truncated.doubled} doubled, ` +
        `${repeated} counted as repeated, ${renamed.resent + truncated.resent} sent again as they were, ` +
        `${lines.truncated - truncated.distinct} lost by truncation`,
    )
    const lost = truncated.missing(lines.truncated).map(([first, last]) => `${first} to ${last}`)
    const facts = `${dropped} dropped; of the other file: ${lost.join(', ')}; cuts after ${cuts.renamed.join(', ')}; said: ${said.slice(-4000)}`
    if (renamed.missing(lines.renamed).length > 0) t.diagnostic(facts)
    assert.deepEqual(renamed.missing(lines.renamed), [], 'no line of the file that is renamed is missing')
    assert.equal(renamed.foreign + truncated.foreign, 0, 'every line came as it was written')
    // Truncating loses what was not read yet, and nothing else.
    const before = new Set(cuts.truncated.map((n) => n - 1))
    for (const [first, last] of truncated.missing(lines.truncated)) {
      assert.ok(before.has(last), `lines ${first} to ${last} are missing and not those before a truncation`)
    }
    assert.ok(renamed.doubled + truncated.doubled <= repeated, 'lines that came twice are counted')
    // A chunk of each file for each kill. The shortest lines are four bytes.
    for (const got of [renamed, truncated])
      assert.ok(got.doubled <= (kills * chunkBytes) / 50, `${got.doubled} doubled`)
    assert.ok(
      renamed.resent + truncated.resent <= kills * sink.largestRequest,
      'one request is sent again after a kill',
    )
  },
)
