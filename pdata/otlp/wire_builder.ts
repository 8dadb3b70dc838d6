// Writes chunks out of parts of others: what processors that edit on the wire build with.
import type { AnyValue } from './tree.ts'
import type { WireCursor } from './wire.ts'
import { TreeWriter } from './writer.ts'

/**
 * Fields that are copied one after the other from one chunk go as one range, so that leaving most as it is costs little.
 * To drop an attribute of every span: walk with cursors, `open` and `close` the messages around it, `copy` every field but
 * that one. What is built has to keep to what `WireCursor` says of chunks: singular fields at most once.
 *
 *   builder.open(0x0a)                                     // ResourceSpans
 *   while (group.next()) {
 *     if (group.tag === 0x12) …                            // its scopes: open, walk, close
 *     else builder.copy(group)
 *   }
 *   builder.close()
 */
export class WireBuilder {
  readonly #writer = new TreeWriter(4096)
  /** Where the contents of the open messages begin in the writer. */
  readonly #open: number[] = []
  #source: Uint8Array = new Uint8Array(0)
  /** A range of the source that is still to be copied. */
  #start = 0
  #end = 0

  /** Begin a length-delimited field; `tag` is field << 3 | 2, of fields below 16. */
  open(tag: number): void {
    this.#flush()
    this.#open.push(this.#writer.open(tag))
  }

  /** End what was begun last. */
  close(): void {
    this.#flush()
    const start = this.#open.pop()
    if (start === undefined) throw new Error('Cannot close a field: none is open')
    this.#writer.close(start)
  }

  /** The field that the cursor stands on, whole. */
  copy(field: WireCursor): void {
    this.copyRange(field.bytes, field.fieldStart, field.end)
  }

  /** Whole fields that stand in `source[start … end)`. */
  copyRange(source: Uint8Array, start: number, end: number): void {
    if (source !== this.#source || start !== this.#end) {
      this.#flush()
      this.#source = source
      this.#start = start
    }
    this.#end = end
  }

  /** A KeyValue, under the tag that attributes have in the open message. */
  attribute(tag: number, key: string, value: AnyValue): void {
    this.#flush()
    this.#writer.attributes(tag, [{ key, value }])
  }

  /** A string; nothing where it is empty. */
  text(tag: number, text: string): void {
    this.#flush()
    this.#writer.text(tag, text)
  }

  /** For fields of other kinds, written behind what was copied so far; not for messages: `open` them. */
  get writer(): TreeWriter {
    this.#flush()
    return this.#writer
  }

  /** Bytes written so far, in open messages too. */
  get length(): number {
    return this.#writer.length + this.#end - this.#start
  }

  /** What was built, in memory of its own; begins anew. Every field has to be closed. */
  take(): Uint8Array {
    this.#flush()
    if (this.#open.length > 0) throw new Error(`Cannot take what was built: ${this.#open.length} fields are open`)
    const bytes = this.#writer.take()
    this.#writer.reset()
    return bytes
  }

  /** Begin anew, whatever was built or left open. */
  discard(): void {
    this.#writer.reset()
    this.#open.length = 0
    this.#start = this.#end
  }

  #flush(): void {
    if (this.#end > this.#start) this.#writer.range(this.#source, this.#start, this.#end)
    this.#start = this.#end
  }
}
