// A call with messages in both directions, for the server's own services (health, reflection): small, few and uncompressed.
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import { endWithStatus } from './call.ts'
import { acceptedEncodings, decompress, encodingOf, framed, prefixBytes, tooLarge } from './message.ts'
import type { CallServices, StreamHandler, StreamMethod } from './method.ts'
import { GrpcCode, GrpcError, statusHeaders } from './status.ts'

/** A question to one of these services is a few names. */
const questionBytesMax = 64 * 1024
/** Answers that a client does not read: beyond that the call is ended. */
const unreadBytesMax = 4 * 1024 * 1024

export function startStreamCall(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  method: StreamMethod,
  services: CallServices,
): void {
  let pending = Buffer.alloc(0)
  let over = false
  let handler: StreamHandler | undefined
  const finish = (error?: Error): void => {
    if (over) return
    over = true
    handler?.closed()
    if (stream.destroyed || stream.closed) return
    const known =
      error === undefined || error instanceof GrpcError ? error : new GrpcError(GrpcCode.unknown, error.message)
    if (!stream.headersSent && known) {
      endWithStatus(stream, known)
      return
    }
    if (!stream.headersSent) respond(stream)
    stream.on('wantTrailers', () => stream.sendTrailers(known ? statusHeaders(known) : { 'grpc-status': '0' }))
    stream.end()
  }
  const send = (message: Uint8Array): void => {
    if (over || stream.destroyed) return
    if (!stream.headersSent) respond(stream)
    stream.write(framed(message))
    if (stream.writableLength > unreadBytesMax)
      finish(new GrpcError(GrpcCode.resourceExhausted, 'answers are not read'))
  }
  stream.on('error', () => {})
  stream.on('close', () => finish())
  const begin = (): void => {
    handler = method.open(send, finish)
    let waiting = Promise.resolve()
    stream.on('data', (chunk: Buffer) => {
      if (over) return
      pending = Buffer.concat([pending, chunk])
      for (;;) {
        if (pending.length < prefixBytes) return
        const length = pending.readUInt32BE(1)
        if (length > questionBytesMax) {
          finish(tooLarge(length, questionBytesMax))
          return
        }
        if (pending.length < prefixBytes + length) return
        const compressed = pending[0] !== 0
        const message = Uint8Array.from(pending.subarray(prefixBytes, prefixBytes + length))
        pending = pending.subarray(prefixBytes + length)
        stream.pause()
        waiting = waiting
          .then(async () => {
            const encoding = encodingOf(headers['grpc-encoding'] as string | undefined)
            const plain = compressed ? await decompress(message, encoding, questionBytesMax) : message
            if (!over) await handler?.message(plain)
            stream.resume()
          })
          .catch((error: Error) => finish(error))
      }
    })
    stream.on('end', () => void waiting.then(() => over || handler?.ended()))
  }
  if (services.authenticate === undefined) begin()
  else services.authenticate(headers).then(() => over || begin(), finish)
}

function respond(stream: ServerHttp2Stream): void {
  stream.respond(
    { ':status': 200, 'content-type': 'application/grpc', 'grpc-accept-encoding': acceptedEncodings },
    { waitForTrailers: true },
  )
}
