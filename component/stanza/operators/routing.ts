// Operators that decide where entries go: filter, router, noop.
import { attr, defineSettings, float, list, map, anyValue, type SettingsOf, string, type Value } from '#component'
import { compileCondition, compileTemplate, type Template } from '#component/expr'
import { type Entry, entryVariables, put } from '../entry.ts'
import { type Condition, EntryError, Operator, type OperatorBase } from '../operator.ts'
import { compiled, type Problem } from './settings.ts'

export const noopSettings = defineSettings({})

export class Noop extends Operator {
  protected apply(): void {}
}

// --------------------------------------------------------------------------------------------------------- filter

export const filterSettings = defineSettings({
  expr: attr(string, 'An expression: entries for which it is true are dropped.', { required: true }),
  drop_ratio: attr(float, 'The share of these that is dropped.', { default: 1 }),
})

export class Filter extends Operator {
  readonly #matches: Condition | undefined
  readonly #ratio: number

  constructor(base: OperatorBase, settings: SettingsOf<typeof filterSettings>, problem: Problem) {
    super(base)
    const { expr, drop_ratio: ratio } = settings
    this.#matches = compiled(() => compileCondition(expr, entryVariables), problem, ['expr'])
    this.#ratio = ratio
    if (ratio < 0 || ratio > 1)
      problem(`drop_ratio must be a number between 0 and 1: current value is ${ratio}`, ['drop_ratio'])
  }

  protected apply(): void {}

  protected override after(entry: Entry): void {
    let isDropped = false
    try {
      isDropped = this.#matches?.(entry) === true && (this.#ratio >= 1 || this.context.clock.random() < this.#ratio)
    } catch (error) {
      this.fail(entry, error as Error)
      return
    }
    if (isDropped) this.context.drop('filtered', 1)
    else this.write(entry)
  }
}

// --------------------------------------------------------------------------------------------------------- router

export const routerSettings = defineSettings({
  routes: attr(list(map(anyValue)), 'Where entries go: the first whose `expr` is true has it.', { required: true }),
  default: attr(anyValue, 'Where the others go; absent: nowhere.'),
})

export interface Route {
  readonly matches: Condition
  /** Ids of the operators that get the entry. */
  readonly outputIds: readonly string[]
  readonly attributes: readonly (readonly [string, Template<Entry>])[]
}

/** One id, or several. */
export function outputIds(
  value: Value | undefined,
  problem: Problem,
  path: readonly (string | number)[],
): readonly string[] {
  if (value === undefined || value === null) return []
  const given = Array.isArray(value) ? (value as readonly Value[]) : [value]
  const ids = given.filter((id) => typeof id === 'string')
  if (ids.length < given.length) problem('an output is the id of an operator, or a list of them', path)
  return ids
}

export function routesOf(settings: SettingsOf<typeof routerSettings>, problem: Problem): readonly Route[] {
  const routes = settings.routes.map((route, i): Route => {
    const path = ['routes', i]
    const inside: Problem = (message, more = []) => problem(message, [...path, ...more])
    for (const key of route.keys()) {
      if (!['expr', 'output', 'attributes'].includes(key))
        inside(`unrecognized attribute name ${JSON.stringify(key)}`, [key])
    }
    const expr = route.get('expr')
    const text = typeof expr === 'string' ? expr : ''
    if (text === '') inside('missing required attribute "expr"')
    const matches = text === '' ? undefined : compiled(() => compileCondition(text, entryVariables), inside, ['expr'])
    const ids = outputIds(route.get('output'), inside, ['output'])
    if (ids.length === 0) inside('missing required attribute "output"')
    return {
      matches: matches ?? (() => false),
      outputIds: ids,
      attributes: templatesOf(route.get('attributes'), inside),
    }
  })
  if (routes.length === 0) problem('a router needs routes', ['routes'])
  const others = outputIds(settings.default, problem, ['default'])
  return others.length === 0 ? routes : [...routes, { matches: () => true, outputIds: others, attributes: [] }]
}

function templatesOf(value: Value | undefined, problem: Problem): readonly (readonly [string, Template<Entry>])[] {
  if (value === undefined || value === null) return []
  if (!(value instanceof Map)) {
    problem('should be a map', ['attributes'])
    return []
  }
  return [...(value as ReadonlyMap<string, Value>)].flatMap(([key, text]) => {
    const template = compiled(() => compileTemplate(String(text), entryVariables), problem, ['attributes', key])
    return template === undefined ? [] : [[key, template] as const]
  })
}

export class Router extends Operator {
  readonly routes: readonly Route[]
  /** By route; set by the pipeline. */
  routeOutputs: readonly (readonly Operator[])[] = []

  constructor(base: OperatorBase, routes: readonly Route[]) {
    super(base)
    this.routes = routes
  }

  protected apply(): void {}

  protected override after(entry: Entry): void {
    for (let i = 0; i < this.routes.length; i++) {
      const route = this.routes[i] as Route
      try {
        if (!route.matches(entry)) continue
        for (const [key, template] of route.attributes) put(entry.attributes, key, template(entry))
      } catch (error) {
        // As upstream: an expression that fails does not match.
        if (!(error instanceof EntryError) && (error as Error).name !== 'ExprError') throw error
        this.errors++
        continue
      }
      this.outputs = this.routeOutputs[i] as readonly Operator[]
      this.write(entry)
      return
    }
    this.context.drop('no route', 1)
  }
}
