// The `logging` block of Alloy's language, with a program and a Loki that takes what it is sent.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import type { LogStream } from '#pdata'
import { decodePush, labelText } from '#pdata/loki'
import { eventually, freePort, Program, temporaryDirectory } from './real.ts'

const main = join(import.meta.dirname, '..', 'distro', 'main.ts')

test('own log lines go to log receivers, but for those of the receivers', { timeout: 120_000 }, async (t) => {
  const streams: LogStream[] = []
  let refuse = 1
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray())
    if (refuse-- > 0) {
      response.writeHead(400).end('no thanks')
      return
    }
    streams.push(...decodePush(body))
    response.writeHead(204).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const directory = temporaryDirectory(t)
  const file = join(directory, 'config.alloy')
  const port = (server.address() as AddressInfo).port
  const config = (level: string): string => `
logging {
  level    = "${level}"
  format   = "json"
  write_to = [loki.process.own.receiver]
}
loki.process "own" {
  forward_to = [loki.write.own.receiver]
  stage.static_labels { values = { job = "own" } }
}
loki.write "own" {
  endpoint {
    url        = "http://127.0.0.1:${port}/loki/api/v1/push"
    batch_wait = "100ms"
  }
}
`
  writeFileSync(file, config('info'))
  const address = `--server.http.listen-addr=127.0.0.1:${await freePort()}`
  const program = new Program(process.execPath, [main, 'run', address, `--storage.path=${directory}`, file])
  t.after(() => program.child.kill('SIGKILL'))
  // The first push is refused: `loki.write` says so on standard error, and not to itself.
  await eventually('a loss is logged', () => program.output.includes('loki.write.own') || undefined)
  program.child.kill('SIGHUP')
  const lines = (): string[] => streams.flatMap((stream) => [...stream.lines])
  await eventually('the reload is there', () => lines().some((line) => line.includes('Reloaded')) || undefined)
  const line = lines().find((one) => one.includes('Reloaded')) ?? ''
  assert.equal((JSON.parse(line) as { msg: string }).msg, 'Reloaded the configuration')
  assert.ok(streams.every(({ labels }) => labelText(labels) === '{component="alloy", job="own"}'))
  assert.ok(!lines().some((one) => one.includes('loki.write.own')))
  writeFileSync(file, config('info').replace('write_to', '// write_to'))
  program.child.kill('SIGHUP')
  await eventually('the second reload', () => (program.output.match(/Reloaded/g) ?? []).length >= 2 || undefined)
  program.child.kill('SIGTERM')
  await once(program.child, 'exit')
  assert.equal(lines().filter((one) => one.includes('Reloaded')).length, 1)
})
