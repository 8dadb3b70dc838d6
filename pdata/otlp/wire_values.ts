// Decodes single values out of chunks that are otherwise left as they are.
import { readResource, readScope, emptyResource, emptyScope } from './decode.ts'
import { TreeReader } from './reader.ts'
import type { AnyValue, Attributes, Resource, Scope } from './tree.ts'
import type { WireCursor } from './wire.ts'

/**
 * Keeps a view of one chunk, for decoding several parts of it. Parts are given by where their content begins and ends
 * (`start` and `end` of a `WireCursor`). What is decoded may be views of the chunk.
 */
export class WireValues {
  readonly #reader: TreeReader

  constructor(chunk: Uint8Array) {
    this.#reader = new TreeReader(chunk)
  }

  /** A string field's content. */
  text(start: number, end: number): string {
    return this.#reader.textIn(start, end)
  }

  /** An AnyValue's content. */
  anyValue(start: number, end: number): AnyValue {
    this.#reader.at = start
    return this.#reader.anyValueTo(end, null)
  }

  /** Append the KeyValue with this content. */
  keyValue(start: number, end: number, into: Attributes): void {
    this.#reader.at = start
    into.push(this.#reader.keyValueTo(end))
  }

  resource(start: number, end: number): Resource {
    const resource = emptyResource()
    this.#reader.at = start
    readResource(this.#reader, end, resource)
    return resource
  }

  scope(start: number, end: number): Scope {
    const scope = emptyScope()
    this.#reader.at = start
    readScope(this.#reader, end, scope)
    return scope
  }

  /** The attributes under `tag` of the message that `message` stands on. */
  attributes(message: WireCursor, tag: number, field: WireCursor): Attributes {
    const attributes: Attributes = []
    field.enter(message)
    while (field.next()) if (field.tag === tag) this.keyValue(field.start, field.end, attributes)
    return attributes
  }
}
