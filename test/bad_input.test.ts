// What users and the world do wrong, against the program as it is run: it says so, and the rest goes on.
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import {
  assertBalance,
  eventually,
  freePort,
  launcher,
  type NodeState,
  nodeState,
  Program,
  residentPeak,
  startSolder,
  temporaryDirectory,
} from './real.ts'

const residentBytesMax = 400 * 1024 * 1024
const text = { 'content-type': 'text/plain; version=0.0.4' }

async function serve(t: TestContext, answer: (request: IncomingMessage, r: ServerResponse) => void): Promise<string> {
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('Cannot listen')
  return `127.0.0.1:${address.port}`
}

/** A backend that takes everything, and how many requests it took. */
async function backend(t: TestContext): Promise<{ readonly address: string; readonly taken: { count: number } }> {
  const taken = { count: 0 }
  const address = await serve(t, (request, response) => {
    request.resume()
    request.on('end', () => {
      taken.count++
      response.writeHead(204).end()
    })
  })
  return { address, taken }
}

const remoteWrite = (label: string, address: string, more = ''): string => `
prometheus.remote_write "${label}" {
  endpoint {
    url = "http://${address}/api/v1/write"
    ${more}
    queue_config {
      batch_send_deadline = "100ms"
      min_backoff         = "100ms"
      max_backoff         = "200ms"
      spill_after         = "300ms"
    }
  }
}
`

const scrape = (targets: readonly string[], receivers: readonly string[], more = ''): string => `
prometheus.scrape "all" {
  targets         = [${targets.map((address) => `{ "__address__" = "${address}" }`).join(', ')}]
  forward_to      = [${receivers.map((name) => `prometheus.remote_write.${name}.receiver`).join(', ')}]
  scrape_interval = "500ms"
  scrape_timeout  = "400ms"
  ${more}
}
`

test('what cannot be run is said whole, ends with status 1, and starts nothing', async (t) => {
  const directory = temporaryDirectory(t)
  const file = (name: string, body: string): string => {
    writeFileSync(join(directory, name), body)
    return join(directory, name)
  }
  const storage = join(directory, 'storage')
  const broken =
    'prometheus.scrap "x" { }\n' +
    'prometheus.scrape "a" {\n  targets = []\n  forward_to = [nowhere.receiver]\n  scrape_interval = "5 minutes"\n}\n' +
    'prometheus.relabel "r" {\n  forward_to = []\n  rule {\n    regex = "("\n  }\n}\n'
  const cases: readonly [string, readonly RegExp[]][] = [
    [join(directory, 'absent.alloy'), [/Cannot read the configuration .*absent\.alloy/]],
    [directory, [/no \.alloy file is in it/]],
    [
      file('broken.txt', broken),
      [
        /broken\.txt:1:1: .*prometheus\.scrap"[^]*did you mean prometheus\.scrape\?/,
        /broken\.txt:4:17: .*nowhere/,
        /broken\.txt:5:21: .*5 minutes/,
        /broken\.txt:10:13: .*missing closing \)/,
      ],
    ],
    [file('cut.txt', 'prometheus.scrape "a" {'), [/cut\.txt:1:24: expected }, got EOF/]],
    [file('binary.txt', '\0\u0001\ufffd{'), [/binary\.txt:1:1: /]],
  ]
  for (const [path, wanted] of cases) {
    const admin = `--server.http.listen-addr=127.0.0.1:${await freePort()}`
    const program = new Program(launcher, ['run', admin, `--storage.path=${storage}`, path])
    t.after(() => program.stop('SIGKILL'))
    await eventually(`the end with ${path}`, () => (program.child.exitCode === null ? undefined : true))
    assert.equal(program.child.exitCode, 1, path)
    for (const pattern of wanted) assert.match(program.output, pattern)
    assert.equal(existsSync(storage), false, path)
  }
})

test('a reload that cannot be answers 400 with everything that is wrong, and what runs goes on', async (t) => {
  const directory = temporaryDirectory(t)
  const target = await serve(t, (_, response) => void response.writeHead(200, text).end('fine 1\n'))
  const { address, taken } = await backend(t)
  const path = join(directory, 'config.alloy')
  const good = scrape([target], ['good']) + remoteWrite('good', address)
  writeFileSync(path, good)
  const port = await freePort()
  const solder = await startSolder(port, [`--storage.path=${join(directory, 'storage')}`, path])
  t.after(() => solder.stop('SIGKILL'))
  await eventually('samples arrive', () => taken.count > 0 || undefined)
  const reload = (): Promise<Response> => fetch(`http://127.0.0.1:${port}/-/reload`, { method: 'POST' })

  writeFileSync(path, `${good}\nprometheus.scrap "x" { }\nprometheus.relabel "r" { forward_to = [nowhere.receiver] }\n`)
  const refused = await reload()
  assert.equal(refused.status, 400)
  const said = await refused.text()
  assert.match(said, /did you mean prometheus\.scrape\?/)
  assert.match(said, /nowhere/)
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  assert.match(metrics, /^alloy_config_last_load_successful(\{.*\})? 0$/m)
  assert.match(metrics, /^prometheus_remote_storage_highest_timestamp_in_seconds\{[^}]*\} 1\.\d+e\+09$/m)
  assert.match(metrics, /^prometheus_remote_write_wal_samples_appended_total\{[^}]*\} [1-9]/m)
  assert.equal((await nodeState(port, 'prometheus.scrape.all')).health.state, 'healthy')
  const before = taken.count
  await eventually('samples go on', () => taken.count > before + 2 || undefined)

  writeFileSync(path, good)
  assert.equal((await reload()).status, 200)
  assert.equal(await solder.stop(), 0)
})

test('backends that refuse, are away, or whose password is missing say so in health and counters', async (t) => {
  const directory = temporaryDirectory(t)
  const target = await serve(t, (_, response) => void response.writeHead(200, text).end('fine 1\n'))
  const { address, taken } = await backend(t)
  let status = 401
  const login = await serve(t, (request, response) => {
    request.resume()
    request.on('end', () => void response.writeHead(status).end('no such user: anna\n'))
  })
  const nobody = `127.0.0.1:${await freePort()}`
  const password = join(directory, 'password')
  const path = join(directory, 'config.alloy')
  const auth = `basic_auth {\n username = "anna"\n password_file = "${password}"\n }`
  writeFileSync(
    path,
    scrape([target], ['good', 'login', 'away', 'secret']) +
      remoteWrite('good', address) +
      remoteWrite('login', login) +
      remoteWrite('away', nobody) +
      remoteWrite('secret', address, auth),
  )
  const port = await freePort()
  const solder = await startSolder(port, [`--storage.path=${join(directory, 'storage')}`, path])
  t.after(() => solder.stop('SIGKILL'))
  const state = (name: string): Promise<NodeState> => nodeState(port, `prometheus.remote_write.${name}`)
  const unhealthy = (name: string, message: RegExp): Promise<NodeState> =>
    eventually(`${name} says ${message}`, async () => {
      const now = await state(name)
      return now.health.state === 'unhealthy' && message.test(now.health.message) ? now : undefined
    })

  assert.ok(((await unhealthy('login', /401: no such user: anna/)).counters.dropped['refused with 401'] ?? 0) > 0)
  assert.ok((await unhealthy('away', /ECONNREFUSED/)).counters.waiting > 0)
  assert.ok((await unhealthy('secret', /ENOENT.*password/)).counters.waiting > 0)
  for (const name of ['good', 'login', 'away', 'secret']) assertBalance(await state(name), name)
  assert.match(solder.output, /Samples were dropped.*no such user: anna/)
  const healthy = await fetch(`http://127.0.0.1:${port}/-/healthy`)
  assert.equal(healthy.status, 500)
  assert.match(await healthy.text(), /remote_write\.login.*remote_write\.away.*remote_write\.secret/)
  assert.equal((await state('good')).health.state, 'healthy')
  assert.ok(taken.count > 0)

  status = 200
  writeFileSync(password, 'hunter2\n')
  for (const name of ['login', 'secret']) {
    await eventually(`${name} is well again`, async () => (await state(name)).health.state === 'healthy' || undefined)
  }
  await eventually('what waited for the password is sent', async () => (await state('secret')).counters.out > 2)
  assert.doesNotMatch(solder.output, /hunter2/)
  assert.equal(await solder.stop(), 0)
})

test('targets that lie cost themselves only, and memory stays bounded', async (t) => {
  const directory = temporaryDirectory(t)
  const million = Array.from({ length: 1_000_000 }, (_, i) => `s{i="${i}"} 1\n`).join('')
  const bomb = gzipSync(Buffer.from('a 1\n'.repeat(25_000_000)))
  const endless = (response: ServerResponse): void => {
    const lines = Buffer.from('a 1\n'.repeat(16_000))
    const more = (): void => {
      while (!response.destroyed && response.write(lines));
      if (!response.destroyed) response.once('drain', more)
    }
    more()
  }
  const answers: Readonly<Record<string, (response: ServerResponse) => void>> = {
    good: (r) => void r.writeHead(200, text).end('fine 1\n'),
    endless,
    line: (r) => {
      const more = (): void => {
        while (!r.destroyed && r.write(Buffer.alloc(65_536, 'a')));
        if (!r.destroyed) r.once('drain', more)
      }
      more()
    },
    bomb: (r) => void r.writeHead(200, { ...text, 'content-encoding': 'gzip' }).end(bomb),
    million: (r) => void r.writeHead(200, text).end(million),
    drip: (r) => void r.writeHead(200, text).write('a 1\n'),
    utf8: (r) => void r.writeHead(200, text).end(Buffer.from([97, 123, 98, 61, 34, 0xc3, 34, 125, 32, 49, 10])),
    page: (r) => void r.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
  }
  const addresses = new Map<string, string>()
  for (const [name, answer] of Object.entries(answers)) addresses.set(name, await serve(t, (_, r) => answer(r)))
  const { address, taken } = await backend(t)
  const path = join(directory, 'config.alloy')
  const limits = 'sample_limit = 10000\n  body_size_limit = "8MiB"'
  writeFileSync(path, scrape([...addresses.values()], ['good'], limits) + remoteWrite('good', address))
  const port = await freePort()
  const solder = await startSolder(port, [`--storage.path=${join(directory, 'storage')}`, path])
  t.after(() => solder.stop('SIGKILL'))

  const targets = await eventually('every target has been scraped often', async () => {
    const { debugInfo } = await nodeState(port, 'prometheus.scrape.all')
    const found = debugInfo?.targets ?? []
    return found.length === addresses.size && taken.count >= 8 ? found : undefined
  })
  const one = (name: string): Record<string, unknown> =>
    targets.find((target) => JSON.stringify(target).includes(addresses.get(name) as string)) ?? {}
  assert.equal(one('good')['health'], 'up')
  for (const name of addresses.keys()) {
    if (name !== 'good') assert.equal(one(name)['health'], 'down', `${name}: ${JSON.stringify(one(name))}`)
  }
  for (const id of ['prometheus.scrape.all', 'prometheus.remote_write.good']) {
    assertBalance(await nodeState(port, id), id)
  }
  const peak = residentPeak(solder)
  t.diagnostic(`${((peak ?? 0) / 1048576).toFixed(0)} MiB resident at most`)
  assert.ok((peak ?? 0) < residentBytesMax, `${peak} bytes were resident`)
  assert.equal(await solder.stop(), 0)
})

test('a full disk and a storage path that takes nothing are said, and samples go on once the backend is back', async (t) => {
  const directory = temporaryDirectory(t)
  const target = await serve(t, (_, response) => void response.writeHead(200, text).end('fine 1\n'))
  const blocked = join(directory, 'blocked')
  writeFileSync(blocked, 'a file where the directory should be')
  // A limit on the size of files stands in for the disk: it is full after 1 KiB.
  const limited = ['-c', 'trap "" XFSZ; ulimit -f 2; exec "$@"', 'sh', launcher]
  const cases: readonly [string, string, readonly string[], RegExp][] = [
    [launcher, blocked, [], /Cannot keep the queue in .*(ENOTDIR|EEXIST)/],
    ['sh', join(directory, 'full'), limited, /Cannot write the queue to .*EFBIG/],
  ]
  for (const [command, storage, before, problem] of cases) {
    let isBack = false
    let takenCount = 0
    const address = await serve(t, (request, response) => {
      request.resume()
      request.on('end', () => {
        if (isBack) takenCount++
        response.writeHead(isBack ? 204 : 503).end('in maintenance\n')
      })
    })
    const path = join(directory, 'config.alloy')
    writeFileSync(path, scrape([target], ['one']) + remoteWrite('one', address))
    const port = await freePort()
    const admin = `--server.http.listen-addr=127.0.0.1:${port}`
    const solder = new Program(command, [...before, 'run', admin, `--storage.path=${storage}`, path])
    t.after(() => solder.stop('SIGKILL'))
    const state = (): Promise<NodeState> => nodeState(port, 'prometheus.remote_write.one')
    await eventually(`health says ${problem}`, async () => problem.test((await state()).health.message) || undefined)
    assert.equal((await fetch(`http://127.0.0.1:${port}/-/healthy`)).status, 500)
    assertBalance(await state(), storage)
    assert.match(solder.output, problem)
    isBack = true
    await eventually(
      'what waited arrives',
      async () => (takenCount > 0 && (await state()).counters.waiting < 30) || undefined,
    )
    await eventually('the drain', async () => (await state()).counters.out > 10 || undefined)
    assertBalance(await state(), storage)
    assert.equal(await solder.stop(), 0)
  }
})

test('a queue whose segments were damaged is read as far as it goes, and said', async (t) => {
  const directory = temporaryDirectory(t)
  const storage = join(directory, 'storage')
  const target = await serve(t, (_, response) => void response.writeHead(200, text).end('fine 1\n'))
  let isBack = false
  const address = await serve(t, (request, response) => {
    request.resume()
    request.on('end', () => void response.writeHead(isBack ? 204 : 503).end())
  })
  const path = join(directory, 'config.alloy')
  writeFileSync(path, scrape([target], ['one']) + remoteWrite('one', address))
  const port = await freePort()
  const start = async (): Promise<Program> => {
    const program = await startSolder(port, ['--storage.durability=always', `--storage.path=${storage}`, path])
    t.after(() => program.stop('SIGKILL'))
    return program
  }
  const state = (): Promise<NodeState> => nodeState(port, 'prometheus.remote_write.one')
  let solder = await start()
  await eventually('samples wait', async () => (await state()).counters.waiting > 30 || undefined)
  await solder.stop('SIGKILL')

  const files = readdirSync(storage, { recursive: true, withFileTypes: true }).filter((file) => file.isFile())
  const segments = files.filter((file) => /\d/.test(file.name)).map((file) => join(file.parentPath, file.name))
  const [first] = segments
  assert.ok(first !== undefined, files.map((file) => file.name).join())
  const bytes = readFileSync(first)
  for (let i = bytes.length >> 1; i < (bytes.length >> 1) + 64; i++) bytes[i] = (bytes[i] as number) ^ 0xff
  writeFileSync(first, bytes)
  writeFileSync(join(first, '..', 'foreign.txt'), 'not a segment')
  writeFileSync(`${first}.old`, Buffer.alloc(100_000, 7))
  isBack = true

  solder = await start()
  await eventually('all that can be read is sent', async () => {
    const { counters, health } = await state()
    return (counters.out > 10 && health.state === 'healthy') || undefined
  })
  assert.match(solder.output, /Found damage in a queue on disk/)
  assertBalance(await state(), 'after the damage')
  assert.equal((await fetch(`http://127.0.0.1:${port}/-/healthy`)).status, 200)
  assert.equal(await solder.stop(), 0)
})
