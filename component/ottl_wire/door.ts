// The door of OTTL over bytes: dropping records by conditions without decoding them.
export { wireSieve, WireSieve } from './sieve.ts'
export type { Sifted, WireRule } from './sieve.ts'
export type { WireSignal } from './wire_contexts.ts'
export { wireEditor, WireEditor } from './editor.ts'
export type { WireGroup } from './editor.ts'
