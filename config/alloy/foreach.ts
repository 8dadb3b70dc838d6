// Names the instances of a foreach: stable over changes of the collection, so that unchanged items keep running.
import { createHash } from 'node:crypto'
import type { Value } from '#component'
import { entriesOf, OptionalSecret, Secret } from '#component'

/**
 * The part of an instance's id that comes from its item: the text of strings and numbers with everything but letters and
 * digits as `_`, a SHA-256 of anything else. `idField` names a field of the item to take instead of the whole.
 */
export function foreachItemId(item: Value, idField: string, hashStrings: boolean): string {
  const entries = entriesOf(item)
  const value = idField !== '' && entries?.has(idField) ? (entries.get(idField) as Value) : item
  if (typeof value === 'string') return hashStrings ? sha256(value) : value.replace(/[^\p{L}\p{Nd}]/gu, '_')
  if (typeof value === 'bigint' || typeof value === 'boolean') return String(value)
  if (typeof value === 'number') return value.toFixed(6).replaceAll('.', '_')
  return sha256(canonical(value))
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function canonical(value: Value): string {
  if (value instanceof Secret || value instanceof OptionalSecret) return sha256(value.reveal())
  const entries = entriesOf(value)
  if (entries) {
    const parts = [...entries].sort(([a], [b]) => (a < b ? -1 : 1)).map(([k, v]) => `${JSON.stringify(k)}:${canonical(v)}`)
    return `{${parts.join(',')}}`
  }
  if (Array.isArray(value)) return `[${value.map((v: Value) => canonical(v)).join(',')}]`
  if (typeof value === 'bigint') return `${value}n`
  return JSON.stringify(value) ?? 'null'
}
