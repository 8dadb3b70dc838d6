import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { defaultSettings, SettingsError } from '#component'
import type { NtpAnswer } from '#lib/ntp'
import { collectOnce, FixtureHost } from '../fixture_host.ts'
import { SampleLines } from '../sample_lines.ts'
import { unixSettings } from '../settings.ts'
import { collector as ntp, ntpSamples } from './ntp.ts'
import { collector as runit } from './runit.ts'
import { collector as supervisord } from './supervisord.ts'

test('runit gives services that a supervisor has been at', async (t) => {
  const host = new FixtureHost({ 'root/service/web/supervise/down': '', 'root/service/new/run': '#!/bin/sh' })
  t.after(() => host.remove())
  const directory = join(host.directory, 'root/service')
  /** As runsv writes it: seconds, nanoseconds, process, paused, wanted, terminating, state. */
  const write = (name: string, seconds: number, want: string, state: number): void => {
    const status = Buffer.alloc(20)
    status.writeBigUInt64BE(4611686018427387914n + BigInt(seconds), 0)
    status.write(want, 17)
    status[19] = state
    mkdirSync(join(directory, name, 'supervise'), { recursive: true })
    writeFileSync(join(directory, name, 'supervise/status'), status)
  }
  write('web', 1_700_000_000, 'u', 1)
  write('old', 1_600_000_000, 'd', 0)
  const { lines } = await host.collector(runit, { settings: { runit: { service_dir: directory } } })()
  assert.deepEqual(lines, [
    'node_service_state{service="old",supervisor="runit"} 0',
    'node_service_desired_state{service="old",supervisor="runit"} 0',
    'node_service_state_last_change_timestamp_seconds{service="old",supervisor="runit"} 1600000000',
    'node_service_normal_state{service="old",supervisor="runit"} 1',
    'node_service_state{service="web",supervisor="runit"} 1',
    'node_service_desired_state{service="web",supervisor="runit"} 1',
    'node_service_state_last_change_timestamp_seconds{service="web",supervisor="runit"} 1700000000',
    'node_service_normal_state{service="web",supervisor="runit"} 0',
  ])
})

const processes = readFileSync(new URL('../../../lib/testdata/xml_rpc_processes.xml', import.meta.url))
const processLines = [
  'node_supervisord_state{name="web",group="shop"} 20',
  'node_supervisord_exit_status{name="web",group="shop"} 0',
  'node_supervisord_up{name="web",group="shop"} 1',
  'node_supervisord_start_time_seconds{name="web",group="shop"} 1700000000',
  'node_supervisord_state{name="worker",group="shop"} 100',
  'node_supervisord_exit_status{name="worker",group="shop"} 3',
  'node_supervisord_up{name="worker",group="shop"} 0',
]

/** A server; what it is asked goes to `asked`. */
async function serve(
  t: TestContext,
  where: { port: 0 } | { path: string },
  answer: (request: IncomingMessage, body: string, response: ServerResponse) => void,
): Promise<number> {
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => answer(request, body, response))
  })
  server.listen('port' in where ? { ...where, host: '127.0.0.1' } : where)
  t.after(() => server.close())
  await once(server, 'listening')
  return 'port' in where ? (server.address() as AddressInfo).port : 0
}

test('supervisord gives processes over HTTP, with the password of the URL', async (t) => {
  let seen = ''
  const port = await serve(t, { port: 0 }, (request, body, response) => {
    seen = `${request.method} ${request.url} ${request.headers.authorization} ${/<methodName>.*<\/methodName>/.exec(body)?.[0]}`
    response.end(processes)
  })
  const url = `http://me:p%40ss@127.0.0.1:${port}/RPC2`
  assert.deepEqual(await collectOnce(supervisord, {}, { settings: { supervisord: { url } } }), processLines)
  const credentials = Buffer.from('me:p@ss').toString('base64')
  assert.equal(seen, `POST /RPC2 Basic ${credentials} <methodName>supervisor.getAllProcessInfo</methodName>`)
})

test('supervisord gives processes over its unix socket', async (t) => {
  const host = new FixtureHost({})
  t.after(() => host.remove())
  const path = join(host.directory, 'supervisor.sock')
  await serve(t, { path }, (request, _body, response) => response.end(request.url === '/RPC2' ? processes : ''))
  const settings = { supervisord: { url: `unix://${path}` } }
  assert.deepEqual((await host.collector(supervisord, { settings })()).lines, processLines)
})

test('supervisord that says no is a failure', async (t) => {
  const port = await serve(t, { port: 0 }, (_request, _body, response) => {
    response.statusCode = 401
    response.end('<html/>')
  })
  const settings = { supervisord: { url: `http://127.0.0.1:${port}/RPC2` } }
  await assert.rejects(collectOnce(supervisord, {}, { settings }), /HTTP status 401/)
})

test('settings that do not work are refused', async () => {
  const cases = [
    [supervisord, { supervisord: { url: 'nowhere' } }, 'supervisord.url'],
    [supervisord, { supervisord: { url: 'ftp://x/' } }, 'supervisord.url'],
    [ntp, { ntp: { server: 'pool.ntp.org' } }, 'ntp.server'],
    [ntp, { ntp: { server: '192.0.2.1' } }, 'ntp.server'],
    [ntp, { ntp: { protocol_version: 5 } }, 'ntp.protocol_version'],
    [ntp, { ntp: { local_offset_tolerance: -1 } }, 'ntp.local_offset_tolerance'],
  ] as const
  for (const [collector, settings, path] of cases) {
    await assert.rejects(collectOnce(collector, {}, { settings }), (error) => {
      return error instanceof SettingsError && error.path.join('.') === path
    })
  }
})

const good: NtpAnswer = {
  leap: 0,
  stratum: 2,
  time: 1_700_000_000,
  referenceTime: 1_699_999_990.5,
  rtt: 0.001,
  offset: -0.25,
  rootDelay: 0.5,
  rootDispersion: 0.125,
  rootDistance: 0.4,
  errorMin: 0.0005,
}

test('ntp gives what the server says, and whether it makes sense', () => {
  const settings = defaultSettings(unixSettings).ntp
  const sane = (...answers: Partial<NtpAnswer>[]): string => {
    const give = ntpSamples(settings)
    let last = ''
    for (const answer of answers) {
      const sink = new SampleLines()
      give(sink, { ...good, ...answer })
      last = sink.lines.at(-1) ?? ''
    }
    return last
  }
  const sink = new SampleLines()
  ntpSamples(settings)(sink, good)
  assert.deepEqual(sink.lines, [
    'node_ntp_stratum 2',
    'node_ntp_leap 0',
    'node_ntp_rtt_seconds 0.001',
    'node_ntp_offset_seconds -0.25',
    'node_ntp_reference_timestamp_seconds 1699999990.5',
    'node_ntp_root_delay_seconds 0.5',
    'node_ntp_root_dispersion_seconds 0.125',
    'node_ntp_sanity 1',
  ])
  assert.equal(sane({ stratum: 16 }), 'node_ntp_sanity 0')
  assert.equal(sane({ rootDistance: 3.5 }), 'node_ntp_sanity 0')
  assert.equal(sane({ errorMin: 0.002 }), 'node_ntp_sanity 0')
  // A second more is tolerated on the day before and the day after an announced leap second, and then no more.
  assert.equal(sane({ leap: 1, errorMin: 0.9 }), 'node_ntp_sanity 1')
  const dayAfter = { time: good.time + 86_400, referenceTime: good.time + 86_399 }
  assert.equal(sane({ leap: 1 }, { ...dayAfter, errorMin: 0.9 }), 'node_ntp_sanity 1')
  const later = { time: good.time + 3 * 86_400, referenceTime: good.time + 3 * 86_400 }
  assert.equal(sane({ leap: 1 }, { ...later, errorMin: 0.9 }), 'node_ntp_sanity 0')
})
