// Detectors of the host itself, its environment and services on it.
import { lookup, lookupService, resolveCname } from 'node:dns/promises'
import { readdir, readFile } from 'node:fs/promises'
import { arch, hostname, networkInterfaces, platform, release, type, version } from 'node:os'
import type { AnyValue } from '#pdata/otlp'
import { distributionOf, fieldsOf } from './distribution.ts'
import { type Detector, type DetectorContext, jsonObject, NotHere, orNotHere, text } from './detector.ts'

/** `key=value,…`, values percent-encoded, spaces around both left out (OTEL_RESOURCE_ATTRIBUTES). */
export const env: Detector = ({ env: variables }) => {
  const list = (variables['OTEL_RESOURCE_ATTRIBUTES'] ?? '').trim() || (variables['OTEL_RESOURCE'] ?? '').trim()
  const found: Record<string, string> = {}
  if (list === '') return Promise.resolve(found)
  const pairs = list.split(',')
  if (pairs.at(-1)?.trim() === '') pairs.pop()
  for (const pair of pairs) {
    const at = pair.indexOf('=')
    const key = pair.slice(0, Math.max(at, 0)).trim()
    if (at < 0 || key === '' || key.length > 256) {
      return Promise.reject(new Error(`Cannot read OTEL_RESOURCE_ATTRIBUTES: no key and value in "${pair}"`))
    }
    try {
      found[key] = decodeURIComponent(
        pair
          .slice(at + 1)
          .trim()
          .replaceAll('+', ' '),
      )
    } catch {
      return Promise.reject(new Error(`Cannot read OTEL_RESOURCE_ATTRIBUTES: the value of "${key}" is badly encoded`))
    }
  }
  return Promise.resolve(found)
}

const archNames: Readonly<Record<string, string>> = {
  x64: 'amd64',
  arm64: 'arm64',
  arm: 'arm32',
  ia32: 'x86',
  ppc64: 'ppc64',
  s390x: 's390x',
}

export const system: Detector = async (context) => {
  const sources = context.settings.hostnameSources
  const name = await hostnameFrom(context, sources.length === 0 ? ['dns', 'os'] : sources)
  const release = await osRelease(context)
  const distribution = await distributionOf(context.root, release)
  const interfaces = Object.entries(networkInterfaces()).filter(([, addresses]) => !addresses?.every((a) => a.internal))
  const addresses = interfaces.flatMap(([, list]) => list ?? []).filter((address) => !address.internal)
  const found: Record<string, AnyValue | undefined> = {
    'host.name': name,
    'os.type': platform() === 'win32' ? 'windows' : platform() === 'sunos' ? 'solaris' : platform(),
    'os.version': distribution.version,
    'os.name': distribution.name,
    'os.build.id': release.get('BUILD_ID') ?? kernelRelease(),
    'os.description': description(release, name),
    'host.arch': archNames[arch()] ?? arch(),
    'host.ip': addresses.map(({ address }) => address),
    'host.mac': [...new Set(addresses.map(({ mac }) => mac.toUpperCase().replaceAll(':', '-')))],
    'host.interface': await interfaceNames(context),
  }
  if (context.isEnabled('host.id')) found['host.id'] = await machineId(context)
  if (
    ['vendor.id', 'family', 'model.id', 'model.name', 'stepping', 'cache.l2.size'].some((part) =>
      context.isEnabled(`host.cpu.${part}`),
    )
  ) {
    Object.assign(found, await cpuAttributes(context))
  }
  return found
}

/**
 * The first source that has an answer: `dns` looks into the hosts file for the name's canonical one, then it and `lookup`
 * ask for the address's name, `cname` for the name's.
 */
async function hostnameFrom(context: DetectorContext, sources: readonly string[]): Promise<string> {
  for (const source of sources) {
    try {
      if (source === 'os') return hostname()
      if (source === 'cname') return ((await resolveCname(hostname()))[0] ?? '').replace(/\.$/, '') || hostname()
      const canonical = source === 'dns' ? await inHostsFile(context, hostname()) : undefined
      if (canonical !== undefined) return canonical
      const { address } = await lookup(hostname())
      const { hostname: name } = await lookupService(address, 0)
      // An address without a name comes back as it is.
      if (name !== '' && name !== address && name !== 'localhost') return name.replace(/\.$/, '')
    } catch {
      // The next source may know.
    }
  }
  throw new Error('all hostname sources failed to get hostname')
}

async function inHostsFile({ root }: DetectorContext, name: string): Promise<string | undefined> {
  const text = await readFile(`${root}/etc/hosts`, 'utf8').catch(() => '')
  for (const line of text.split('\n')) {
    const [, canonical, ...aliases] = (line.split('#', 1)[0] as string).trim().split(/[ \t]+/)
    if (canonical === name || aliases.includes(name)) return canonical
  }
  return undefined
}

async function osRelease({ root }: DetectorContext): Promise<ReadonlyMap<string, string>> {
  for (const path of ['/etc/os-release', '/usr/lib/os-release']) {
    const file = await readFile(root + path, 'utf8').catch(() => undefined)
    if (file !== undefined) return fieldsOf(file)
  }
  return new Map()
}

/** In the kernel's order, also those that are down, which the platform does not tell of. */
async function interfaceNames({ root }: DetectorContext): Promise<string[]> {
  const directory = `${root}/sys/class/net`
  const found: { readonly name: string; readonly index: number }[] = []
  for (const name of await readdir(directory).catch(() => [])) {
    const index = Number(await readFile(`${directory}/${name}/ifindex`, 'utf8').catch(() => NaN))
    if (Number.isInteger(index)) found.push({ name, index })
  }
  if (found.length === 0) return Object.keys(networkInterfaces())
  return found.sort((a, b) => a.index - b.index).map(({ name }) => name)
}

function kernelRelease(): string {
  return release()
}

/** As `uname` tells it, behind the distribution's name: `Ubuntu 24.04 (Noble) (Linux host 6.8 … x86_64)`. */
function description(release: ReadonlyMap<string, string>, name: string): string {
  const kernel = `${type()} ${name} ${kernelRelease()} ${version()} ${arch() === 'x64' ? 'x86_64' : arch()}`
  const os = release.get('NAME')
  if (os === undefined) return kernel
  const number = release.get('VERSION') ?? release.get('VERSION_ID') ?? ''
  return `${number === '' ? os : `${os} ${number}`} (${kernel})`
}

async function machineId({ root }: DetectorContext): Promise<string | undefined> {
  for (const path of ['/etc/machine-id', '/var/lib/dbus/machine-id']) {
    const id = (await readFile(root + path, 'utf8').catch(() => '')).trim()
    if (id !== '') return id
  }
  return undefined
}

/** Of the first processor in /proc/cpuinfo. */
async function cpuAttributes({ root }: DetectorContext): Promise<Record<string, AnyValue | undefined>> {
  const file = await readFile(`${root}/proc/cpuinfo`, 'utf8').catch(() => '')
  const fields = new Map<string, string>()
  for (const line of (file.split('\n\n')[0] ?? '').split('\n')) {
    const at = line.indexOf(':')
    if (at > 0) fields.set(line.slice(0, at).trim(), line.slice(at + 1).trim())
  }
  const cache = fields.get('cache size')
  return {
    'host.cpu.vendor.id': fields.get('vendor_id'),
    'host.cpu.family': fields.get('cpu family'),
    'host.cpu.model.id': fields.get('model'),
    'host.cpu.model.name': fields.get('model name'),
    'host.cpu.stepping': fields.get('stepping'),
    'host.cpu.cache.l2.size': cache === undefined ? undefined : BigInt(Number.parseInt(cache, 10) || 0),
  }
}

export const docker: Detector = async (context) => {
  const host = context.env['DOCKER_HOST'] || 'unix:///var/run/docker.sock'
  const isSocket = host.startsWith('unix://')
  const base = isSocket ? 'http://docker' : host.replace(/^tcp:/, 'http:')
  const options = isSocket ? { socketPath: host.slice('unix://'.length) } : {}
  const info = jsonObject(await orNotHere('docker', context.get(`${base}/info`, options)))
  const found: Record<string, string | undefined> = {
    'os.type': text(info, 'OSType'),
    'host.name': text(info, 'Name'),
  }
  if (context.isEnabled('container.name') || context.isEnabled('container.image.name')) {
    // In a container the host's name is the container's id.
    const container = jsonObject(
      await orNotHere('docker', context.get(`${base}/containers/${encodeURIComponent(hostname())}/json`, options)),
    )
    found['container.name'] = text(container, 'Name')?.replace(/^\//, '')
    found['container.image.name'] = text(container, 'Config', 'Image')
  }
  return found
}

export const heroku: Detector = ({ env: variables }) => {
  const app = variables['HEROKU_APP_ID']
  const dyno = variables['HEROKU_DYNO_ID']
  if (app === undefined && dyno === undefined) {
    return Promise.reject(new NotHere('heroku metadata unavailable: HEROKU_DYNO_ID and HEROKU_APP_ID env vars not set'))
  }
  return Promise.resolve({
    'service.instance.id': dyno,
    'heroku.app.id': app,
    'cloud.provider': app === undefined ? undefined : 'heroku',
    'service.name': variables['HEROKU_APP_NAME'],
    'heroku.release.creation_timestamp': variables['HEROKU_RELEASE_CREATED_AT'],
    'service.version': variables['HEROKU_RELEASE_VERSION'],
    'heroku.release.commit': variables['HEROKU_SLUG_COMMIT'],
  })
}

export const consul: Detector = async (context) => {
  const { settings, env: variables } = context
  const address = settings.address || variables['CONSUL_HTTP_ADDR'] || '127.0.0.1:8500'
  const base = /^https?:\/\//.test(address) ? address : `http://${address}`
  const token =
    settings.token ||
    (settings.tokenFile === '' ? '' : (await readFile(settings.tokenFile, 'utf8')).trim()) ||
    variables['CONSUL_HTTP_TOKEN']
  const query = new URLSearchParams()
  if (settings.datacenter !== '') query.set('dc', settings.datacenter)
  if (settings.namespace !== '') query.set('ns', settings.namespace)
  const headers = token ? { 'X-Consul-Token': token } : {}
  const url = `${base}/v1/agent/self${query.size === 0 ? '' : `?${query}`}`
  const self = jsonObject(await orNotHere('consul', context.get(url, { headers })))
  const found: Record<string, string | undefined> = {
    'host.name': text(self, 'Config', 'NodeName'),
    'cloud.region': text(self, 'Config', 'Datacenter'),
    'host.id': text(self, 'Config', 'NodeID'),
  }
  const meta = self['Meta']
  if (meta !== null && typeof meta === 'object') {
    for (const key of Object.keys(meta)) if (settings.meta.has(key)) found[key] = text(meta, key)
  }
  return found
}

const dynatraceFile = '/var/lib/dynatrace/enrichment/dt_host_metadata.properties'
const dynatraceKeys = ['dt.entity.host', 'host.name', 'dt.smartscape.host']

export const dynatrace: Detector = async ({ root }) => {
  const file = await readFile(root + dynatraceFile, 'utf8').catch(() => '')
  const found: Record<string, string> = {}
  for (const line of file.split('\n')) {
    const at = line.indexOf('=')
    const key = line.slice(0, Math.max(at, 0)).trim()
    const value = line.slice(at + 1).trim()
    if (dynatraceKeys.includes(key) && value !== '') found[key] = value
  }
  return found
}
