// A second Solder as Loki: takes what the first one pushes, and pushes it on, whole and in order.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { decodePush } from '#pdata/loki'
import { eventually, freePort, startSolder, temporaryDirectory } from './real.ts'

const lines = 20_000

test(
  'lines, labels, times and structured metadata come through a second Solder as they were',
  { timeout: 240_000 },
  async (t) => {
    const directory = temporaryDirectory(t)
    const got: { labels: string; line: string; ns: bigint; metadata: string; tenant: string }[] = []
    const server = createServer(async (request, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      for (const stream of decodePush(Buffer.concat(chunks))) {
        for (const [i, line] of stream.lines.entries()) {
          got.push({
            labels: JSON.stringify(stream.labels),
            line,
            ns: stream.timestampsNs[i] as bigint,
            metadata: JSON.stringify(stream.metadata?.[i] ?? null),
            tenant: String(request.headers['x-scope-orgid'] ?? ''),
          })
        }
      }
      response.writeHead(204).end()
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => {
      server.closeAllConnections()
      server.close()
    })
    const sinkPort = (server.address() as AddressInfo).port
    const apiPort = await freePort()
    writeFileSync(
      join(directory, 'second.alloy'),
      `loki.source.api "in" {
  http {
    listen_address = "127.0.0.1"
    listen_port    = ${apiPort}
  }
  use_incoming_timestamp = true
  forward_to             = [loki.write.out.receiver]
}
loki.write "out" {
  endpoint {
    url        = "http://127.0.0.1:${sinkPort}/loki/api/v1/push"
    batch_wait = "200ms"
  }
}
`,
    )
    writeFileSync(
      join(directory, 'first.alloy'),
      `loki.source.file "f" {
  targets    = [{"__path__" = "${directory}/app.log", "job" = "app"}]
  forward_to = [loki.process.p.receiver]
}
loki.process "p" {
  stage.json {
    expressions = {"n" = "", "ts" = "", "level" = ""}
  }
  stage.timestamp {
    source = "ts"
    format = "UnixNs"
  }
  stage.labels {
    values = {"level" = ""}
  }
  stage.structured_metadata {
    values = {"n" = ""}
  }
  stage.label_drop {
    values = ["filename"]
  }
  forward_to = [loki.write.second.receiver]
}
loki.write "second" {
  endpoint {
    url        = "http://127.0.0.1:${apiPort}/loki/api/v1/push"
    tenant_id  = "team"
    batch_wait = "200ms"
  }
}
`,
    )
    const startNs = 1_700_000_000_000_000_000n
    const text: string[] = []
    for (let n = 0; n < lines; n++)
      text.push(JSON.stringify({ n, ts: String(startNs + BigInt(n) * 1001n), level: n % 3 === 0 ? 'warn' : 'info' }))
    writeFileSync(join(directory, 'app.log'), `${text.join('\n')}\n`)
    const start = async (name: string): ReturnType<typeof startSolder> => {
      const program = await startSolder(await freePort(), [
        `--storage.path=${join(directory, name)}`,
        join(directory, `${name}.alloy`),
      ])
      t.after(() => program.stop('SIGKILL'))
      return program
    }
    const second = await start('second')
    const first = await start('first')
    await eventually('every line comes', () => (got.length >= lines ? true : undefined), 120_000)
    assert.equal(await first.stop(), 0)
    assert.equal(await second.stop(), 0)
    assert.equal(got.length, lines, 'once')
    assert.ok(
      got.every(({ tenant }) => tenant === 'team'),
      'for the same tenant',
    )
    for (const level of ['warn', 'info']) {
      const stream = got.filter(({ labels }) => labels === JSON.stringify(['job', 'app', 'level', level]))
      const numbers = stream.map(({ line }) => (JSON.parse(line) as { n: number }).n)
      assert.deepEqual(
        numbers,
        numbers.toSorted((a, b) => a - b),
        'in the order of the file',
      )
      assert.ok(stream.every(({ line, ns }) => ns === BigInt((JSON.parse(line) as { ts: string }).ts)))
      assert.ok(
        stream.every(
          ({ line, metadata }) => metadata === JSON.stringify(['n', String((JSON.parse(line) as { n: number }).n)]),
        ),
      )
    }
    const written = new Set(text)
    assert.ok(got.every(({ line }) => written.has(line)))
  },
)
