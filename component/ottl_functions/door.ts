// The door of OTTL's function library: every editor and converter of the upstream collector.
import { randomBytes } from 'node:crypto'
import type { FunctionDefinition, FunctionTable } from '#component/ottl'
import { functionTable } from '#component/ottl'
import { systemClock } from '#lib/clock'
import { collectionConverters } from './collections.ts'
import { conversions } from './conversions.ts'
import { editors } from './editors.ts'
import { hashConverters } from './hashes.ts'
import { identifierConverters } from './identifiers.ts'
import { parsers } from './parsing.ts'
import { replacements } from './replacements.ts'
import { stringConverters } from './strings.ts'
import { timeConverters } from './times.ts'
import { xmlConverters } from './xml.ts'

export { isRootSpan } from './identifiers.ts'

/** What functions take from the world outside. */
export interface FunctionSources {
  /** Milliseconds since the epoch. */
  nowMs(): number
  /** Fresh random bytes, which the caller may change. */
  random(length: number): Uint8Array
}

const systemSources: FunctionSources = { nowMs: systemClock.now, random: randomBytes }

/** The converters that every context has. */
export function standardConverters({ nowMs, random } = systemSources): readonly FunctionDefinition[] {
  return [
    ...collectionConverters,
    ...conversions,
    ...hashConverters,
    ...identifierConverters(nowMs, random),
    ...parsers,
    ...stringConverters,
    ...timeConverters(nowMs),
    ...xmlConverters,
  ]
}

/** The editors and converters that every context has. `isRootSpan` is for spans besides. */
export function standardFunctions(sources = systemSources): readonly FunctionDefinition[] {
  return [...editors, ...replacements, ...standardConverters(sources)]
}

/** Editors and converters, by the system's clock and chance. */
export const allFunctions: FunctionTable = functionTable(standardFunctions())
/** Converters alone: what conditions may call. */
export const converterFunctions: FunctionTable = functionTable(standardConverters())
