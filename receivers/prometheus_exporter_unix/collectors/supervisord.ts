// Processes of supervisord, over XML-RPC (supervisord.org, "XML-RPC API Documentation").
import { request } from 'node:http'
import type { RequestOptions } from 'node:http'
import { request as secureRequest } from 'node:https'
import { SettingsError } from '#component'
import { parseXmlRpc } from '#lib/xml_rpc'
import type { XmlRpcValue } from '#lib/xml_rpc'
import type { CollectorDefinition } from '../collector.ts'
import { counter, gauge } from '../families.ts'

const labels = ['name', 'group']
const up = gauge('node_supervisord_up', 'Process Up', labels)
const state = gauge('node_supervisord_state', 'Process State', labels)
const exitStatus = gauge('node_supervisord_exit_status', 'Process Exit Status', labels)
/** A time by its nature; a counter by what others have always shown. */
const startTime = counter('node_supervisord_start_time_seconds', 'Process start time', labels)

/** STARTING, RUNNING, STOPPING (supervisord.org, "Subprocess"). */
const runningStates: ReadonlySet<number> = new Set([10, 20, 40])
const call =
  "<?xml version='1.0'?><methodCall><methodName>supervisor.getAllProcessInfo</methodName><params/></methodCall>"
const answerBytesMax = 16 << 20
const timeoutMs = 10_000

export const collector: CollectorDefinition = {
  name: 'supervisord',
  enabledByDefault: false,
  create(settings) {
    const options = requestOptions(settings.supervisord.url)
    return {
      name: 'supervisord',
      async collect(sink, _files, signal) {
        const processes = parseXmlRpc(await post(options, signal))
        if (!Array.isArray(processes)) throw new Error('Cannot read processes of supervisord: no array came')
        for (const process of processes as readonly XmlRpcValue[]) {
          if (!(process instanceof Map)) continue
          const number = (key: string): number => Number(process.get(key) ?? 0)
          const names = [String(process.get('name') ?? ''), String(process.get('group') ?? '')] as const
          const isUp = runningStates.has(number('state'))
          sink.sample(state, number('state'), ...names)
          sink.sample(exitStatus, number('exitstatus'), ...names)
          sink.sample(up, isUp ? 1 : 0, ...names)
          if (isUp) sink.sample(startTime, number('start'), ...names)
        }
      },
    }
  },
}

/** `http://host:9001/RPC2`, or `unix:///run/supervisor.sock`. Throws `SettingsError`. */
function requestOptions(text: string): RequestOptions {
  const headers = { 'Content-Type': 'text/xml', 'Content-Length': Buffer.byteLength(call) }
  let url: URL
  try {
    url = new URL(text)
  } catch {
    throw new SettingsError('not a URL', ['supervisord', 'url'])
  }
  if (url.protocol === 'unix:') return { method: 'POST', socketPath: url.pathname, path: '/RPC2', headers }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new SettingsError(`http, https or unix needed: current value is ${url.protocol}`, ['supervisord', 'url'])
  }
  const auth =
    url.username === '' ? {} : { auth: `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}` }
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const { protocol } = url
  const port = url.port || (protocol === 'https:' ? 443 : 80)
  return { method: 'POST', protocol, host, port, path: url.pathname + url.search, headers, ...auth }
}

/** The answer's text. Throws for what is no 200, for one that is too long, and at the end of time. */
function post(options: RequestOptions, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const send = options.protocol === 'https:' ? secureRequest : request
    const outgoing = send({ ...options, signal, agent: false, timeout: timeoutMs }, (answer) => {
      if (answer.statusCode !== 200) {
        answer.resume()
        reject(new Error(`Cannot ask supervisord: current value is HTTP status ${answer.statusCode}`))
        return
      }
      const chunks: Buffer[] = []
      let bytes = 0
      answer.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes > answerBytesMax)
          outgoing.destroy(new Error(`Cannot ask supervisord: answer over ${answerBytesMax} bytes`))
        else chunks.push(chunk)
      })
      answer.on('end', () => resolve(Buffer.concat(chunks).toString()))
      answer.on('error', reject)
    })
    outgoing.on('timeout', () =>
      outgoing.destroy(new Error(`Cannot ask supervisord: no answer within ${timeoutMs} ms`)),
    )
    outgoing.on('error', reject)
    outgoing.end(call)
  })
}
