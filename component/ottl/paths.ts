// How paths are declared, and those that every context has: resource, scope, cache, the client that sent a batch.
import type { ClientContext } from '#pdata'
import type { AnyValue, KeyValue } from '#pdata/otlp'
import { KeyValueList } from '#pdata/otlp'
import type { Key } from './access.ts'
import { expectId, expectInt, expectString, expectTime, mapPath } from './access.ts'
import type { GetSetter } from './function.ts'
import type { ResourceHolder, ScopeHolder, TransformContext } from './transform_context.ts'
import type { OttlValue } from './value.ts'
import { hexText, OttlError, Time } from './value.ts'

/** A path behind its context: `attributes`, `status.code`. */
export interface PathDefinition {
  /** May it have keys: none, one, or as many as the value has levels? */
  readonly keys: 'none' | 'one' | 'any'
  /** Refused where an editor wants to write. */
  readonly isReadOnly?: true
  bind(keys: readonly Key[]): GetSetter
}

/** By the names with dots between them. */
export type PathTable = Readonly<Record<string, PathDefinition>>

type Read<T> = (context: TransformContext) => T
type Write<T> = (context: TransformContext, value: T) => void

function plain(path: GetSetter): PathDefinition {
  return { keys: 'none', bind: () => path }
}

/** Small numbers as int64, made once: kinds, codes, severities, counts of nothing. */
const smallInts: readonly bigint[] = Array.from({ length: 256 }, (_, i) => BigInt(i))

export function intOf(value: number): bigint {
  return smallInts[value] ?? BigInt(value)
}

export function custom(get: Read<OttlValue>, set: Write<OttlValue>): PathDefinition {
  return plain({ get, set })
}

export function text(get: Read<string>, write: Write<string>): PathDefinition {
  return plain({ get, set: (context, value) => write(context, expectString(value)) })
}

/** A field of 32 bits; what is set is cut to them. */
export function int32(read: Read<number>, write: Write<number>): PathDefinition {
  return plain({
    get: (context) => intOf(read(context)),
    set: (context, value) => write(context, Number(BigInt.asIntN(32, expectInt(value)))),
  })
}

/** As `int32`, without a sign. */
export function uint32(read: Read<number>, write: Write<number>): PathDefinition {
  return plain({
    get: (context) => intOf(read(context)),
    set: (context, value) => write(context, Number(BigInt.asUintN(32, expectInt(value)))),
  })
}

/** Nanoseconds since the epoch, as int64. */
export function nanos(read: Read<bigint>, write: Write<bigint>): PathDefinition {
  return plain({
    get: (context) => BigInt.asIntN(64, read(context)),
    set: (context, value) => write(context, BigInt.asUintN(64, expectInt(value))),
  })
}

export function time(read: Read<bigint>, write: Write<bigint>): PathDefinition {
  return plain({
    get: (context) => new Time(BigInt.asIntN(64, read(context))),
    set: (context, value) => write(context, BigInt.asUintN(64, expectTime(value).unixNano)),
  })
}

export function attributes(read: Read<KeyValue[]>, write: Write<KeyValue[]>): PathDefinition {
  return { keys: 'any', bind: (keys) => mapPath(read, write, keys) }
}

const zeroIds = { 16: new Uint8Array(16), 8: new Uint8Array(8) } as const

/** An id and its form as hexadecimal text: two paths. An id that is not there is one of zeros. */
export function id(name: string, length: 16 | 8, read: Read<Uint8Array>, write: Write<Uint8Array>): PathTable {
  const get = (context: TransformContext): Uint8Array => {
    const bytes = read(context)
    return bytes.length === 0 ? zeroIds[length] : bytes
  }
  const put = (context: TransformContext, bytes: Uint8Array): void =>
    write(context, bytes.every((byte) => byte === 0) ? bytes.subarray(0, 0) : bytes)
  return {
    [name]: custom(get, (context, value) => put(context, expectId(value, length))),
    [`${name}.string`]: text(
      (context) => hexText(get(context)),
      (context, value) => put(context, idFromText(value, length)),
    ),
  }
}

function idFromText(value: string, length: 16 | 8): Uint8Array {
  if (value.length !== length * 2) {
    throw new OttlError(`${length === 16 ? 'trace' : 'span'} ids must be ${length * 2} hex characters`)
  }
  if (!/^[0-9a-fA-F]*$/.test(value)) throw new OttlError(`${JSON.stringify(value)} is not hexadecimal`)
  return Uint8Array.from(Buffer.from(value, 'hex'))
}

// ------------------------------------------------------------------------------------------------- shared contexts

const resourceOf = (context: TransformContext): ResourceHolder => context.resource as ResourceHolder
const scopeOf = (context: TransformContext): ScopeHolder => context.scope as ScopeHolder

export const resourcePaths: PathTable = {
  attributes: attributes(
    (context) => resourceOf(context).resource.attributes,
    (context, value) => (resourceOf(context).resource.attributes = value),
  ),
  dropped_attributes_count: uint32(
    (context) => resourceOf(context).resource.droppedAttributesCount,
    (context, value) => (resourceOf(context).resource.droppedAttributesCount = value),
  ),
  schema_url: text(
    (context) => resourceOf(context).schemaUrl,
    (context, value) => (resourceOf(context).schemaUrl = value),
  ),
}

export const scopePaths: PathTable = {
  name: text(
    (context) => scopeOf(context).scope.name,
    (context, value) => (scopeOf(context).scope.name = value),
  ),
  version: text(
    (context) => scopeOf(context).scope.version,
    (context, value) => (scopeOf(context).scope.version = value),
  ),
  attributes: attributes(
    (context) => scopeOf(context).scope.attributes,
    (context, value) => (scopeOf(context).scope.attributes = value),
  ),
  dropped_attributes_count: uint32(
    (context) => scopeOf(context).scope.droppedAttributesCount,
    (context, value) => (scopeOf(context).scope.droppedAttributesCount = value),
  ),
  schema_url: text(
    (context) => scopeOf(context).schemaUrl,
    (context, value) => (scopeOf(context).schemaUrl = value),
  ),
}

/** A place for values between statements; made when it is first asked for. */
export const cachePaths: PathTable = {
  cache: attributes(
    (context) => (context.cache ??= new KeyValueList([])).entries,
    (context, value) => (context.cache = new KeyValueList(value)),
  ),
}

// ------------------------------------------------------------------------------------------------------ the client

function readOnly(name: string, read: (client: ClientContext | null) => KeyValue[]): PathDefinition {
  const refuse = (): void => {
    throw new OttlError(`${name} cannot be set`)
  }
  const entries: Read<KeyValue[]> = (context) => read(context.client)
  return {
    keys: 'any',
    bind(keys) {
      const { get } = mapPath(entries, refuse, keys)
      return { get, set: refuse }
    },
  }
}

function metadataEntries(client: ClientContext | null): KeyValue[] {
  if (client === null) return []
  return [...client.metadata].map(([key, values]) => ({
    key,
    value: values.length === 1 ? (values[0] as string) : [...values],
  }))
}

function authEntries(client: ClientContext | null): KeyValue[] {
  return [...(client?.auth ?? [])].map(([key, value]) => ({ key, value: authValue(value) }))
}

/** Values that have no place among OTLP's are empty. */
function authValue(value: unknown): AnyValue {
  switch (typeof value) {
    case 'string':
    case 'boolean':
    case 'bigint':
      return value
    case 'number':
      return Number.isInteger(value) ? BigInt(value) : value
    default:
      return Array.isArray(value) ? value.map(authValue) : ''
  }
}

/** What a receiver knows of the client, where it is told to include metadata. Only for reading. */
export const otelcolPaths: PathTable = {
  'client.addr': custom(
    (context) => context.client?.peer ?? '',
    () => {
      throw new OttlError('otelcol.client.addr cannot be set')
    },
  ),
  'client.metadata': readOnly('otelcol.client.metadata', metadataEntries),
  'client.auth.attributes': readOnly('otelcol.client.auth.attributes', authEntries),
  'grpc.metadata': readOnly('otelcol.grpc.metadata', metadataEntries),
}
