// Endpoints of servers as the collector's configurations write them.
import { hostAndPort, type ListenAddress } from '#component/listener'

const transports = ['tcp', 'tcp4', 'tcp6', 'unix'] as const

/** What is wrong with an endpoint, and which setting it is. */
export function endpointProblem(
  endpoint: string,
  transport: string,
): { readonly field: 'endpoint' | 'transport'; readonly message: string } | undefined {
  if (!transports.some((known) => known === transport)) {
    const message = `Cannot listen: the transport is one of ${transports.join(', ')}: current value is ${JSON.stringify(transport)}`
    return { field: 'transport', message }
  }
  if (transport === 'unix') {
    return endpoint === ''
      ? { field: 'endpoint', message: 'Cannot listen: the path of the socket is empty' }
      : undefined
  }
  if (hostAndPort(endpoint)) return undefined
  const message = `Cannot listen: the endpoint is written host:port: current value is ${JSON.stringify(endpoint)}`
  return { field: 'endpoint', message }
}

/** Where to listen. Only for endpoints that `endpointProblem` finds nothing wrong with. */
export function listenAddress(endpoint: string, transport: string): ListenAddress {
  if (transport === 'unix') return { path: endpoint }
  const { host, port } = hostAndPort(endpoint) ?? { host: '', port: 0 }
  // A name that stands for both families listens on IPv4, as in Go; Node would take whichever the resolver gives first.
  if (host === 'localhost') return { host: transport === 'tcp6' ? '::1' : '127.0.0.1', port }
  if (host === '' && transport === 'tcp4') return { host: '0.0.0.0', port }
  return { host, port }
}
