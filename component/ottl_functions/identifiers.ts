// Converters that make or judge identifiers: of traces, of network flows, and UUIDs.
import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'
import {
  bytesLikeGetter,
  defineConverter,
  type FunctionDefinition,
  type Getter,
  intGetter,
  list,
  literalOf,
  optional,
  OttlError,
  stringGetter,
} from '#component/ottl'
import { type IpNetwork, parseIp, parseNetwork } from '#lib/ip_address'
import { uuid4, uuid7 } from '#lib/uuid'

/** An id of `length` bytes, from so many bytes or from as many hexadecimal digits as spell them. */
function idConverter(name: string, length: number): FunctionDefinition {
  return defineConverter({
    name,
    parameters: { target: bytesLikeGetter },
    create({ target }) {
      const known = literalOf(target)
      if (known === undefined) return (context) => idOf(name, target(context), length)
      const id = idOf(name, known.value, length)
      return () => id
    },
  })
}

function idOf(name: string, bytes: Uint8Array | null, length: number): Uint8Array {
  if (bytes?.length === length) return bytes
  if (bytes?.length !== 2 * length) {
    throw new OttlError(
      `${name}: could not decode ID: invalid length: expected ${length} or ${2 * length} bytes, got ${bytes?.length ?? 0}`,
    )
  }
  const digits = Buffer.from(bytes).toString('latin1')
  if (!/^[0-9a-fA-F]*$/.test(digits)) throw new OttlError(`${name}: could not decode ID: invalid hex: ${digits}`)
  return Buffer.from(digits, 'hex')
}

/** Upstream has it for spans only. */
export const isRootSpan: FunctionDefinition = defineConverter({
  name: 'IsRootSpan',
  parameters: {},
  create() {
    return ({ span }) => span !== null && span.parentSpanId.every((byte) => byte === 0)
  },
})

// -------------------------------------------------------------------------------------------------------- networks

const isInCidr = defineConverter({
  name: 'IsInCIDR',
  parameters: { target: stringGetter, networks: list(stringGetter) },
  create({ target, networks }) {
    const given = networks.map(networkOf)
    return (context) => {
      const address = parseIp(target(context))
      if (address === undefined) return false
      for (let i = 0; i < given.length; i++) if ((given[i] as Getter<IpNetwork>)(context).contains(address)) return true
      return false
    }
  },
})

function networkOf(text: Getter<string>): Getter<IpNetwork> {
  const known = literalOf(text)
  if (known === undefined) return (context) => network(text(context))
  const parsed = network(known.value)
  return () => parsed
}

function network(text: string): IpNetwork {
  const parsed = parseNetwork(text)
  if (parsed === undefined) throw new OttlError(`invalid CIDR address: ${text}`)
  return parsed
}

/** IANA's numbers of the protocols that flows are told apart by. */
const protocols: Readonly<Record<string, number>> = { ICMP: 1, TCP: 6, UDP: 17, RSVP: 46, ICMP6: 58, SCTP: 132 }
const uint16Max = 65_535n

const communityId = defineConverter({
  name: 'CommunityID',
  parameters: {
    source_ip: stringGetter,
    source_port: intGetter,
    destination_ip: stringGetter,
    destination_port: intGetter,
    protocol: optional(stringGetter),
    seed: optional(intGetter),
  },
  create({ source_ip, source_port, destination_ip, destination_port, protocol, seed }) {
    return (context) => {
      const source = endpoint('source', source_ip(context), source_port(context))
      const destination = endpoint('destination', destination_ip(context), destination_port(context))
      const name = protocol === undefined ? 'TCP' : protocol(context)
      if (!Object.hasOwn(protocols, name)) throw new OttlError(`unsupported protocol: ${name}`)
      const salt = seed === undefined ? 0n : seed(context)
      if (salt < 0n || salt > uint16Max) throw new OttlError(`seed must be between 0 and 65535, got ${salt}`)
      return flowHash(source, destination, protocols[name] as number, Number(salt))
    }
  },
})

interface Endpoint {
  readonly address: Uint8Array
  readonly port: number
}

function endpoint(which: string, ip: string, port: bigint): Endpoint {
  if (port < 0n || port > uint16Max) throw new OttlError(`${which} port must be between 0 and 65535, got ${port}`)
  const address = parseIp(ip)
  if (address === undefined) throw new OttlError(`invalid ${which} IP: ${ip}`)
  return { address, port: Number(port) }
}

/** Community ID, version 1: the same for both directions of a flow. */
function flowHash(source: Endpoint, destination: Endpoint, protocol: number, seed: number): string {
  const isSwapped = compareEndpoints(source, destination) > 0
  const [from, to] = isSwapped ? [destination, source] : [source, destination]
  const ports = Buffer.alloc(4)
  ports.writeUInt16BE(from.port, 0)
  ports.writeUInt16BE(to.port, 2)
  const hash = createHash('sha1')
  hash.update(Uint8Array.of(seed >> 8, seed & 0xff))
  hash.update(from.address).update(to.address).update(Uint8Array.of(protocol, 0)).update(ports)
  return `1:${hash.digest('base64')}`
}

function compareEndpoints(a: Endpoint, b: Endpoint): number {
  if (a.address.length !== b.address.length) return a.address.length - b.address.length
  return Buffer.compare(a.address, b.address) || a.port - b.port
}

// ----------------------------------------------------------------------------------------------------------- UUIDs

/** `random` gives fresh bytes, `nowMs` what time it is in milliseconds since the epoch. */
export function identifierConverters(
  nowMs: () => number,
  random: (length: number) => Uint8Array,
): readonly FunctionDefinition[] {
  return [
    communityId,
    isInCidr,
    idConverter('ProfileID', 16),
    idConverter('SpanID', 8),
    idConverter('TraceID', 16),
    defineConverter({ name: 'UUID', parameters: {}, create: () => () => uuid4(random(16)) }),
    defineConverter({ name: 'UUIDv7', parameters: {}, create: () => () => uuid7(random(16), nowMs()) }),
  ]
}
