// Templates in the settings of stages: Go's language with Sprig's functions and Alloy's.
import { createHash } from 'node:crypto'
import type { Clock, Report } from '#component'
import {
  bounded,
  compileTemplate,
  intOf,
  type TemplateFunction,
  type TemplateFunctions,
  TemplateError,
  TemplateFault,
  type TemplateValue,
  textOf,
} from '#component/go_template'
import { sprigFunctions } from '#component/sprig'
import { withoutOuterSpace } from '#lib/trailing'

/** The text for `data`; undefined: it failed on it. */
export type StageTemplate = (data: ReadonlyMap<string, string>) => string | undefined

type Value = TemplateValue

const texts = (run: (...given: string[]) => Value): TemplateFunction => ({
  min: run.length,
  max: run.length,
  run: (given) => run(...given.map(textOf)),
})

const hashed = (algorithm: string, value: string): string => createHash(algorithm).update(value).digest('hex')

function trimmed(from: string, cutset: string, left: boolean, right: boolean): string {
  const characters = [...from]
  let [start, end] = [0, characters.length]
  while (left && start < end && cutset.includes(characters[start] as string)) start++
  while (right && end > start && cutset.includes(characters[end - 1] as string)) end--
  return characters.slice(start, end).join('')
}

function replaced([text, from, to, count]: readonly Value[]): string {
  const by = textOf(to)
  let left = intOf(count)
  if (left < 0) left = Infinity
  return bounded(textOf(text).replaceAll(textOf(from), (all) => (left-- > 0 ? by : all)))
}

/** Alloy's own, in the order of its source. */
const alloyFunctions: TemplateFunctions = {
  ToLower: texts((s) => s.toLowerCase()),
  ToUpper: texts((s) => s.toUpperCase()),
  Replace: { min: 4, max: 4, run: replaced },
  Trim: texts((s, cutset) => trimmed(s, cutset, true, true)),
  TrimLeft: texts((s, cutset) => trimmed(s, cutset, true, false)),
  TrimRight: texts((s, cutset) => trimmed(s, cutset, false, true)),
  TrimPrefix: texts((s, prefix) => (s.startsWith(prefix) ? s.slice(prefix.length) : s)),
  TrimSuffix: texts((s, suffix) => (suffix !== '' && s.endsWith(suffix) ? s.slice(0, -suffix.length) : s)),
  TrimSpace: texts((s) => withoutOuterSpace(s)),
  Hash: texts((salt, s) => hashed('sha3-256', salt + s)),
  Sha2Hash: texts((salt, s) => hashed('sha256', salt + s)),
}

const functionsByClock = new WeakMap<Clock, TemplateFunctions>()

function functionsOf(clock: Clock): TemplateFunctions {
  let functions = functionsByClock.get(clock)
  if (functions === undefined) {
    functions = { ...sprigFunctions(clock), ...alloyFunctions }
    functionsByClock.set(clock, functions)
  }
  return functions
}

/** Enough to know the names. */
const noClock = { now: () => 0, random: () => 0 }
let namedFunctions: TemplateFunctions | null = null

/** Reports why `text`, the setting `name`, is no template. */
export function checkTemplate(text: string, name: string, report: Report): void {
  namedFunctions ??= { ...sprigFunctions(noClock), ...alloyFunctions }
  try {
    compileTemplate(text, namedFunctions)
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error
    report(`failed to compile template: ${error.message}`, [name])
  }
}

/** `text` was checked before. */
export function stageTemplate(text: string, clock: Clock): StageTemplate {
  // Most replacements are plain text.
  if (!text.includes('{{')) return () => text
  const template = compileTemplate(text, functionsOf(clock))
  return (data) => {
    try {
      return template(data)
    } catch (error) {
      // What nests too deeply on some data fails as everything else that cannot be carried out.
      if (error instanceof TemplateFault || error instanceof RangeError) return undefined
      throw error
    }
  }
}
