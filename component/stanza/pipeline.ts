// Operators in a row, or wired by their ids: built from settings, and run on batches of entries.
import {
  type AttributeInput,
  type BlockInput,
  type BodyInput,
  type Clock,
  decodeBody,
  entriesOf,
  type Field as SettingsField,
  type Logger,
  type Settings,
  type Value,
} from '#component'
import { nearMiss } from '#lib/near_miss'
import type { Entry } from './entry.ts'
import { Operator, type OperatorContext } from './operator.ts'
import { operatorKinds } from './operators/kinds.ts'
import { outputIds, Router } from './operators/routing.ts'
import type { Problem } from './operators/settings.ts'

/** An operator as users write it: a map with a `type`. */
export type OperatorSettings = ReadonlyMap<string, Value>

export interface PipelineOptions {
  readonly clock: Clock
  readonly log: Logger
}

/** What came of a batch. */
export interface PipelineOutput {
  readonly entries: Entry[]
  /** Entries that ended in the pipeline, by reason. */
  readonly dropped: ReadonlyMap<string, number>
  /** Entries that are more than came in: copies for several outputs. */
  readonly extra: number
}

/** Everything that is wrong with the settings of operators. The path leads on from the list. */
export function checkOperators(settings: readonly OperatorSettings[], problem: Problem): void {
  build(settings, idleContext, new Sink(idleContext), problem)
}

const idleContext: OperatorContext = {
  clock: { now: () => 0, monotonic: () => 0, setTimeout: () => ({ cancel: () => {} }), random: () => 0 },
  log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
  drop: () => {},
  extra: () => {},
}

/** How often operators are asked for entries that waited too long. */
export const flushIntervalMs = 100

/** Where a batch comes out. */
class Sink extends Operator {
  entries: Entry[] = []

  constructor(context: OperatorContext) {
    super({ id: 'output', onError: 'send', condition: undefined, context })
  }

  override process(entry: Entry): void {
    this.entries.push(entry)
  }

  protected apply(): void {}
}

export class Pipeline {
  readonly #operators: readonly Operator[]
  readonly #first: Operator
  readonly #sink: Sink
  readonly #clock: Clock
  #dropped = new Map<string, number>()
  #extra = 0

  /** The settings must have passed `checkOperators`. */
  constructor(settings: readonly OperatorSettings[], { clock, log }: PipelineOptions) {
    this.#clock = clock
    const context: OperatorContext = {
      clock,
      log,
      drop: (reason, entries) => {
        if (entries > 0) this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + entries)
      },
      extra: (entries) => {
        this.#extra += entries
      },
    }
    this.#sink = new Sink(context)
    this.#operators = build(settings, context, this.#sink, (message, path = []) => {
      throw new Error(`Cannot build operators: ${message} (${path.join('.')})`)
    })
    this.#first = this.#operators[0] ?? this.#sink
  }

  /** Entries that wait in operators for others. */
  get held(): number {
    let held = 0
    for (const operator of this.#operators) held += operator.held
    return held
  }

  /** Entries that operators could not work on, by operator. */
  get errors(): ReadonlyMap<string, number> {
    return new Map(this.#operators.map(({ id, errors }) => [id, errors]))
  }

  /** Run a batch: the entries are the pipeline's from now on. */
  run(entries: readonly Entry[]): PipelineOutput {
    for (let i = 0; i < entries.length; i++) this.#first.process(entries[i] as Entry)
    return this.#take()
  }

  /** What waited too long; `all`: everything that waits. */
  flush(all = false): PipelineOutput {
    const nowMs = all ? Infinity : this.#clock.monotonic()
    for (const operator of this.#operators) if (operator.held > 0) operator.flush(nowMs)
    return this.#take()
  }

  #take(): PipelineOutput {
    const output = { entries: this.#sink.entries, dropped: this.#dropped, extra: this.#extra }
    this.#sink.entries = []
    this.#dropped = new Map()
    this.#extra = 0
    return output
  }
}

// ---------------------------------------------------------------------------------------------------------- building

interface Built {
  readonly operator: Operator
  readonly outputs: readonly string[] | undefined
  readonly index: number
}

function build(
  settings: readonly OperatorSettings[],
  context: OperatorContext,
  sink: Sink,
  problem: Problem,
): readonly Operator[] {
  const built: Built[] = []
  const ids = new Set<string>()
  for (const [index, one] of settings.entries()) {
    const inside: Problem = (message, path = []) => problem(message, [index, ...path])
    const made = makeOperator(one, ids, context, inside)
    if (made === undefined) continue
    built.push({ ...made, index })
  }
  // Operators that could not be made are not there to be referred to: that would be a second message for one mistake.
  if (built.length === settings.length) connect(built, sink, problem)
  return built.map(({ operator }) => operator)
}

function makeOperator(
  settings: OperatorSettings,
  ids: Set<string>,
  context: OperatorContext,
  problem: Problem,
): { operator: Operator; outputs: readonly string[] | undefined } | undefined {
  const type = settings.get('type')
  if (typeof type !== 'string' || type === '') {
    problem('missing required field "type"')
    return undefined
  }
  const kind = Object.hasOwn(operatorKinds, type) ? operatorKinds[type] : undefined
  if (kind === undefined) {
    const near = nearMiss(type, Object.keys(operatorKinds))
    problem(`unsupported operator type ${JSON.stringify(type)}${near === undefined ? '' : `; did you mean ${near}?`}`, [
      'type',
    ])
    return undefined
  }
  const given = settings.get('id')
  if (given !== undefined && typeof given !== 'string') problem('an id is a text', ['id'])
  const id = uniqueId(typeof given === 'string' && given !== '' ? given : undefined, type, ids, problem)
  const outputs = settings.has('output') ? outputIds(settings.get('output'), problem, ['output']) : undefined
  const rest = new Map([...settings].filter(([key]) => !['type', 'id', 'output'].includes(key)))
  let isSound = true
  const tell: Problem = (message, path) => {
    isSound = false
    problem(message, path)
  }
  const decoded = decode(kind.settings, rest, tell)
  if (decoded === undefined) return undefined
  const operator = kind.make(id, decoded, context, tell)
  return isSound ? { operator, outputs } : undefined
}

/** The type, with a number behind it where there are several without an id. */
function uniqueId(given: string | undefined, type: string, ids: Set<string>, problem: Problem): string {
  if (given !== undefined && ids.has(given)) problem(`duplicate operator id ${JSON.stringify(given)}`, ['id'])
  let id = given ?? type
  for (let n = 1; given === undefined && ids.has(id); n++) id = `${type}${n}`
  ids.add(id)
  return id
}

function connect(built: readonly Built[], sink: Sink, problem: Problem): void {
  const byId = new Map(built.map(({ operator }) => [operator.id, operator]))
  let isSound = true
  const find = (id: string, path: readonly (string | number)[], self: Operator): Operator[] => {
    const found = byId.get(id)
    if (found !== undefined && found !== self) return [found]
    isSound = false
    const near = nearMiss(id, byId.keys())
    const hint = near === undefined || near === self.id ? '' : `; did you mean ${near}?`
    problem(
      found === self
        ? `operator ${id} cannot be its own output`
        : `operator ${JSON.stringify(id)} does not exist${hint}`,
      path,
    )
    return []
  }
  for (const [i, { operator, outputs, index }] of built.entries()) {
    if (operator instanceof Router) {
      operator.routeOutputs = operator.routes.map((route, r) =>
        route.outputIds.flatMap((id) => find(id, [index, 'routes', r, 'output'], operator)),
      )
      operator.outputs = operator.routeOutputs.flat()
    } else if (outputs !== undefined && outputs.length > 0) {
      operator.outputs = outputs.flatMap((id) => find(id, [index, 'output'], operator))
    } else operator.outputs = [built[i + 1]?.operator ?? sink]
  }
  if (isSound) refuseCircles(built, problem)
}

/** An entry must not come to the same operator again. */
function refuseCircles(built: readonly Built[], problem: Problem): void {
  const done = new Set<Operator>()
  const visit = (operator: Operator, path: readonly Operator[]): boolean => {
    if (path.includes(operator)) return true
    if (done.has(operator)) return false
    done.add(operator)
    return operator.outputs.some((next) => visit(next, [...path, operator]))
  }
  for (const { operator, index } of built) {
    if (!visit(operator, [])) continue
    problem(`circular dependency: entries of ${operator.id} come back to it`, [index])
    return
  }
}

/** Decode a map by a schema. Undefined, and problems, where it does not fit. */
function decode<S extends object>(
  schema: Settings<S>,
  given: ReadonlyMap<string, Value>,
  problem: Problem,
): S | undefined {
  const paths = new Map<object, readonly (string | number)[]>()
  const body = bodyOf(schema, given, [], paths)
  return decodeBody(schema, body, ({ input, path, message, candidates }) => {
    const near = candidates !== undefined && 'name' in input ? nearMiss(input.name, candidates) : undefined
    problem(message + (near === undefined ? '' : `; did you mean ${near}?`), [...(paths.get(input) ?? []), ...path])
  })
}

function bodyOf(
  schema: Settings<object>,
  given: ReadonlyMap<string, Value>,
  path: readonly (string | number)[],
  paths: Map<object, readonly (string | number)[]>,
): BodyInput {
  const attributes: AttributeInput[] = []
  const blocks: BlockInput[] = []
  for (const [name, value] of given) {
    const field: SettingsField<unknown> | undefined = Object.hasOwn(schema.fields, name)
      ? schema.fields[name]
      : undefined
    const inside = entriesOf(value)
    if (field?.kind === 'block' && (inside !== undefined || value === null)) {
      const input = { name, body: bodyOf(field.schema, inside ?? new Map(), [...path, name], paths) }
      paths.set(input, [...path, name])
      blocks.push(input)
    } else {
      const input = { name, value }
      paths.set(input, [...path, name])
      attributes.push(input)
    }
  }
  const body = { attributes, blocks }
  paths.set(body, path)
  return body
}
