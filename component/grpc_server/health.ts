// gRPC's health service (grpc.health.v1): Check and Watch, for load balancers and probes.
import { type GrpcMethod, type StreamHandler } from './method.ts'
import { readFields } from './protobuf_fields.ts'
import { GrpcCode } from '#component/grpc_status'
import { GrpcError } from './status.ts'

/** `HealthCheckResponse.ServingStatus`. */
const serving = 1
const notServing = 2
const serviceUnknown = 3

const text = new TextDecoder()

export class Health {
  static readonly service = 'grpc.health.v1.Health'
  readonly #names: ReadonlySet<string>
  readonly #watchers = new Set<() => void>()
  #stopping = false

  /** `names`: the services that are served. */
  constructor(names: ReadonlySet<string>) {
    this.#names = new Set([...names, Health.service])
  }

  /** From now on nothing is served: those who watch are told. */
  stop(): void {
    this.#stopping = true
    for (const tell of this.#watchers) tell()
  }

  #status(name: string): number | undefined {
    if (name !== '' && !this.#names.has(name)) return undefined
    return this.#stopping ? notServing : serving
  }

  methods(): [string, GrpcMethod][] {
    return [
      [
        `/${Health.service}/Check`,
        {
          kind: 'unary',
          handle: (message) => {
            const status = this.#status(nameIn(message))
            if (status === undefined) throw new GrpcError(GrpcCode.NOT_FOUND, 'unknown service')
            return response(status)
          },
        },
      ],
      [`/${Health.service}/Watch`, { kind: 'stream', open: (send) => this.#watch(send) }],
    ]
  }

  #watch(send: (message: Uint8Array) => void): StreamHandler {
    let name: string | undefined
    const tell = (): void => {
      if (name !== undefined) send(response(this.#status(name) ?? serviceUnknown))
    }
    return {
      message: (message) => {
        name = nameIn(message)
        this.#watchers.add(tell)
        tell()
      },
      ended: () => {},
      closed: () => void this.#watchers.delete(tell),
    }
  }
}

/** `HealthCheckRequest.service = 1`. */
function nameIn(message: Uint8Array): string {
  let name = ''
  for (const { number, bytes } of readFields(message)) if (number === 1 && bytes) name = text.decode(bytes)
  return name
}

const response = (status: number): Uint8Array => Uint8Array.of(0x08, status)
