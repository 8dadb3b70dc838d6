// Names the instances of a foreach: stable over changes of the collection, so that unchanged items keep running.
import { createHash } from 'node:crypto'
import type { Value } from '#component'
import { entriesOf, OptionalSecret, Secret, Target } from '#component'
import { floatText } from '#lib/go_float_text'
import { sprintf } from './format.ts'

/**
 * The part of an instance's id that comes from its item: the text of strings and numbers with everything but letters and
 * digits as `_`, a SHA-256 of anything else. `idField` names a field of the item to take instead of the whole.
 */
export function foreachItemId(item: Value, idField: string, hashStrings: boolean): string {
  const entries = entriesOf(item)
  const value = idField !== '' && entries?.has(idField) ? (entries.get(idField) as Value) : item
  if (typeof value === 'string') return hashStrings ? sha256(value) : value.replace(/[^\p{L}\p{Nd}]/gu, '_')
  if (typeof value === 'bigint' || typeof value === 'boolean') return String(value)
  if (typeof value === 'number') return floatText(value, 'f', 6).replaceAll('.', '_')
  // What Go's %#v shows of it. Of a target it shows pointers there: here its labels.
  return sha256(sprintf('%#v', [plain(value)]))
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** Targets as objects, so that they can be written out; secrets as the hash of what they hide. */
function plain(value: Value): Value {
  if (value instanceof Target) return new Map(value.labels)
  if (value instanceof Secret || value instanceof OptionalSecret) return sha256(value.reveal())
  if (Array.isArray(value)) return value.map((item: Value) => plain(item))
  const entries = entriesOf(value)
  return entries ? new Map([...entries].map(([key, item]) => [key, plain(item)] as const)) : value
}
