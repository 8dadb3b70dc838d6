// The door of OTTL's functions: the table that every component with statements hands to the compiler.
import type { FunctionTable } from '#component/ottl'
import { functionTable } from '#component/ottl'
import { converters } from './converters.ts'
import { editors } from './editors.ts'

/** Editors and converters. */
export const allFunctions: FunctionTable = functionTable(editors, converters)
/** Converters alone: what conditions may call. */
export const converterFunctions: FunctionTable = functionTable(converters)
