// Where the endpoints of a load balancer come from: a list, a name, or a Kubernetes service.
import { lookup } from 'node:dns/promises'
import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { type Clock, defaultSettings, type Host, type Timer } from '#component'
import { createHttpClient, type HttpClient, httpClientSettings } from '#component/http_client'

/** Finds the endpoints there are now. Rejects where they cannot be found out: those known before stay. */
export interface Resolver {
  /** 0: they never change. */
  readonly everyMs: number
  resolve(): Promise<readonly string[]>
  close(): void
}

export function staticResolver(hostnames: readonly string[]): Resolver {
  return { everyMs: 0, resolve: async () => hostnames, close: () => {} }
}

export interface DnsSettings {
  readonly hostname: string
  /** '': the exporter's default. */
  readonly port: string
  readonly everyMs: number
  readonly timeoutMs: number
}

export function dnsResolver({ hostname, port, everyMs, timeoutMs }: DnsSettings, clock: Clock): Resolver {
  return {
    everyMs,
    resolve: async () => {
      const addresses = await withTimeout(lookup(hostname, { all: true }), timeoutMs, clock)
      return addresses.map(({ address }) => withPort(address, port))
    },
    close: () => {},
  }
}

function withPort(address: string, port: string): string {
  const host = isIP(address) === 6 ? `[${address}]` : address
  return port === '' ? host : `${host}:${port}`
}

async function withTimeout<T>(promise: Promise<T>, ms: number, clock: Clock): Promise<T> {
  let timer: Timer | undefined
  const late = new Promise<never>((_, reject) => {
    timer = clock.setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    timer?.cancel()
  }
}

export interface KubernetesSettings {
  /** `name` or `name.namespace`. */
  readonly service: string
  readonly ports: readonly number[]
  readonly timeoutMs: number
  readonly returnHostnames: boolean
}

/** Where a pod finds its API server and who it is there. */
export interface KubernetesAccess {
  readonly url: string
  readonly directory: string
}

const accountDirectory = '/var/run/secrets/kubernetes.io/serviceaccount'
/** How often the service's endpoints are asked for. */
const kubernetesEveryMs = 5000
const answerBytesMax = 16 * 1024 * 1024

export function podAccess(environment: Readonly<Record<string, string | undefined>> = process.env): KubernetesAccess {
  const host = environment['KUBERNETES_SERVICE_HOST'] ?? 'kubernetes.default.svc'
  const port = environment['KUBERNETES_SERVICE_PORT'] ?? '443'
  return { url: `https://${isIP(host) === 6 ? `[${host}]` : host}:${port}`, directory: accountDirectory }
}

interface EndpointSlices {
  readonly items?: readonly {
    readonly endpoints?: readonly {
      readonly addresses?: readonly string[]
      readonly hostname?: string
      readonly conditions?: { readonly ready?: boolean }
    }[]
  }[]
}

/** The ready addresses in the service's EndpointSlices (discovery.k8s.io/v1), asked for with the pod's service account. */
export class KubernetesResolver implements Resolver {
  readonly everyMs = kubernetesEveryMs
  readonly #settings: KubernetesSettings
  readonly #access: KubernetesAccess
  readonly #client: HttpClient

  constructor(settings: KubernetesSettings, access: KubernetesAccess, host: Host) {
    this.#settings = settings
    this.#access = access
    const defaults = defaultSettings(httpClientSettings)
    this.#client = createHttpClient(
      {
        ...defaults,
        bearer_token_file: `${access.directory}/token`,
        tls_config: {
          ca_pem: '',
          ca_file: `${access.directory}/ca.crt`,
          cert_pem: '',
          cert_file: '',
          key_pem: undefined,
          key_file: '',
          server_name: '',
          insecure_skip_verify: false,
          min_version: '',
        },
      },
      { userAgent: host.globals.userAgent, log: host.log, clock: host.clock },
    )
  }

  async resolve(): Promise<readonly string[]> {
    const { service, ports, timeoutMs, returnHostnames } = this.#settings
    const [name = '', named] = service.split('.')
    const namespace = named ?? (await this.#namespace())
    const selector = encodeURIComponent(`kubernetes.io/service-name=${name}`)
    const path = `/apis/discovery.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/endpointslices`
    const url = `${this.#access.url}${path}?labelSelector=${selector}`
    const response = await this.#client.request({ method: 'GET', url, timeoutMs, acceptEncoding: true })
    if (response.status !== 200) {
      void response.discard()
      throw new Error(`the API server answered ${response.status} for the endpoints of ${service}`)
    }
    const slices = JSON.parse((await response.bytes(answerBytesMax)).toString()) as EndpointSlices
    const hosts: string[] = []
    for (const { endpoints } of slices.items ?? []) {
      for (const { addresses, hostname, conditions } of endpoints ?? []) {
        if (conditions?.ready === false) continue
        if (!returnHostnames) hosts.push(...(addresses ?? []))
        else if (hostname !== undefined) hosts.push(`${hostname}.${name}.${namespace}`)
      }
    }
    return [...new Set(hosts)].flatMap((host) => ports.map((port) => withPort(host, String(port))))
  }

  async #namespace(): Promise<string> {
    try {
      return (await readFile(`${this.#access.directory}/namespace`, 'utf8')).trim() || 'default'
    } catch {
      return 'default'
    }
  }

  close(): void {
    this.#client.close()
  }
}
