// gRPC's reflection service (v1 and v1alpha): tells tools such as grpcurl which services and messages there are.
import { inflateRawSync } from 'node:zlib'
import { ByteWriter } from '#lib/byte_writer'
import { type GrpcMethod, type StreamHandler } from './method.ts'
import { type ProtobufField, readFields } from './protobuf_fields.ts'
import { GrpcCode } from '#component/grpc_status'
import { GrpcError } from './status.ts'

/** Gives a `FileDescriptorSet`, deflated (raw) and in base64, with all that it imports. Asked once, at the first question. */
export type DescriptorSource = () => Promise<string>

const versions = ['grpc.reflection.v1.ServerReflection', 'grpc.reflection.v1alpha.ServerReflection'] as const
const text = new TextDecoder()

interface DescriptorFile {
  readonly name: string
  readonly bytes: Uint8Array
  readonly imports: readonly string[]
}

interface DescriptorIndex {
  readonly files: ReadonlyMap<string, DescriptorFile>
  /** By the full name of a message, enum, service or method. */
  readonly bySymbol: ReadonlyMap<string, DescriptorFile>
}

/** The methods of both versions, which are the same but for their name. */
export function reflectionMethods(services: readonly string[], source: DescriptorSource): [string, GrpcMethod][] {
  const listed = [...services, ...versions].sort()
  let index: Promise<DescriptorIndex> | undefined
  const load = (): Promise<DescriptorIndex> => (index ??= loadIndex(source))
  return versions.map((service) => [
    `/${service}/ServerReflectionInfo`,
    { kind: 'stream', open: (send, end) => reflect(listed, load, send, end) },
  ])
}

async function loadIndex(source: DescriptorSource): Promise<DescriptorIndex> {
  const { serverDescriptors } = await import('./descriptors.ts')
  const sets = [serverDescriptors, await source()].map((packed) => inflateRawSync(Buffer.from(packed, 'base64')))
  // `FileDescriptorSet.file = 1`.
  return indexOf(sets.flatMap((set) => readFields(set).flatMap(({ bytes }) => bytes ?? [])))
}

function reflect(
  services: readonly string[],
  load: () => Promise<DescriptorIndex>,
  send: (message: Uint8Array) => void,
  end: (error?: Error) => void,
): StreamHandler {
  // What a client has got once on this call it is not sent again.
  const sent = new Set<string>()
  return {
    async message(message) {
      send(answer(message, services, await load(), sent))
    },
    ended: () => end(),
    closed() {},
  }
}

/** `ServerReflectionRequest`: file_by_filename = 3, file_containing_symbol = 4, list_services = 7, and extensions (5, 6). */
function answer(
  request: Uint8Array,
  services: readonly string[],
  index: DescriptorIndex,
  sent: Set<string>,
): Uint8Array {
  const writer = new ByteWriter(1024)
  const fields = readFields(request)
  const host = fields.find(({ number }) => number === 1)
  if (host?.bytes) field(writer, 1, host.bytes)
  field(writer, 2, request)
  const question = fields.findLast(({ number }) => number >= 3 && number <= 7)
  if (question?.number === 7) {
    inside(writer, 6, () => {
      for (const name of services) inside(writer, 1, () => stringField(writer, 1, name))
    })
    return writer.take()
  }
  const file = found(question, index)
  if (!file) {
    inside(writer, 7, () => {
      writer.byte(0x08)
      writer.varint(GrpcCode.NOT_FOUND)
      stringField(writer, 2, 'not found')
    })
    return writer.take()
  }
  inside(writer, 4, () => {
    for (const bytes of withImports(file, index, sent)) field(writer, 1, bytes)
  })
  return writer.take()
}

function found(question: ProtobufField | undefined, index: DescriptorIndex): DescriptorFile | undefined {
  if (question === undefined) throw new GrpcError(GrpcCode.INVALID_ARGUMENT, 'the request asks nothing')
  const name = text.decode(question.bytes ?? new Uint8Array())
  if (question.number === 3) return index.files.get(name)
  if (question.number === 4) return index.bySymbol.get(name)
  return undefined // Extensions: there are none.
}

function withImports(file: DescriptorFile, index: DescriptorIndex, sent: Set<string>): Uint8Array[] {
  const out: Uint8Array[] = []
  const queue = [file]
  for (const next of queue) {
    // The file asked for goes out in any case.
    if (sent.has(next.name) && next !== file) continue
    if (next === file && out.length > 0) continue
    sent.add(next.name)
    out.push(next.bytes)
    for (const name of next.imports) {
      const imported = index.files.get(name)
      if (imported && !sent.has(name)) queue.push(imported)
    }
  }
  return out
}

/** `FileDescriptorProto`: name = 1, package = 2, dependency = 3, message_type = 4, enum_type = 5, service = 6. */
function indexOf(descriptors: readonly Uint8Array[]): DescriptorIndex {
  const files = new Map<string, DescriptorFile>()
  const bySymbol = new Map<string, DescriptorFile>()
  for (const bytes of descriptors) {
    const fields = readFields(bytes)
    const file: DescriptorFile = {
      name: nameOf(fields),
      bytes,
      imports: fields.flatMap((f) => (f.number === 3 && f.bytes ? [text.decode(f.bytes)] : [])),
    }
    files.set(file.name, file)
    const scope = nameOf(fields, 2)
    for (const { number, bytes: body } of fields) {
      if (!body) continue
      if (number === 4) addMessage(body, scope, file, bySymbol)
      if (number === 5) bySymbol.set(join(scope, nameOf(readFields(body))), file)
      if (number === 6) addService(body, scope, file, bySymbol)
    }
  }
  return { files, bySymbol }
}

/** `DescriptorProto`: name = 1, nested_type = 3, enum_type = 4. */
function addMessage(body: Uint8Array, scope: string, file: DescriptorFile, into: Map<string, DescriptorFile>): void {
  const fields = readFields(body)
  const name = join(scope, nameOf(fields))
  into.set(name, file)
  for (const { number, bytes } of fields) {
    if (number === 3 && bytes) addMessage(bytes, name, file, into)
    if (number === 4 && bytes) into.set(join(name, nameOf(readFields(bytes))), file)
  }
}

/** `ServiceDescriptorProto`: name = 1, method = 2. */
function addService(body: Uint8Array, scope: string, file: DescriptorFile, into: Map<string, DescriptorFile>): void {
  const fields = readFields(body)
  const name = join(scope, nameOf(fields))
  into.set(name, file)
  for (const { number, bytes } of fields) {
    if (number === 2 && bytes) into.set(join(name, nameOf(readFields(bytes))), file)
  }
}

function nameOf(fields: readonly ProtobufField[], number = 1): string {
  const bytes = fields.find((f) => f.number === number)?.bytes
  return bytes ? text.decode(bytes) : ''
}

const join = (scope: string, name: string): string => (scope === '' ? name : `${scope}.${name}`)

function field(writer: ByteWriter, number: number, bytes: Uint8Array): void {
  writer.byte((number << 3) | 2)
  writer.varint(bytes.length)
  writer.bytes(bytes)
}

function stringField(writer: ByteWriter, number: number, value: string): void {
  writer.byte((number << 3) | 2)
  writer.string(value)
}

function inside(writer: ByteWriter, number: number, write: () => void): void {
  writer.byte((number << 3) | 2)
  const start = writer.beginLength()
  write()
  writer.endLength(start)
}
