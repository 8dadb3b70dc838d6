// All functions by name, and what they need from outside.
import type { TemplateFunctions } from '#component/go_template'
import { cryptoFunctions } from './crypto.ts'
import { dataFunctions } from './data.ts'
import { numberFunctions } from './numbers.ts'
import { textFunctions } from './texts.ts'
import { timeFunctions } from './times.ts'

export interface SprigEnvironment {
  /** Milliseconds since the epoch. */
  now(): number
  /** A number in [0, 1). */
  random(): number
}

/** Made once for all templates of a node: the functions hold no state but the environment. */
export function sprigFunctions(environment: SprigEnvironment): TemplateFunctions {
  return {
    ...textFunctions(environment),
    ...numberFunctions(environment),
    ...dataFunctions,
    ...timeFunctions(environment),
    ...cryptoFunctions(environment),
  }
}
