// The functions of expressions that evaluate a predicate for each item: `filter`, `any`, `map` and so on.
import type { Compiler, Run, Scope } from './compile.ts'
import type { Node } from './syntax.ts'
import { arithmetic, compare, equal, ExprError, type ExprValue, textOf, typeName } from './value.ts'

/** Of functions that can do without a predicate: items are taken as they are. */
const optionalPredicate = new Set(['count', 'sum'])

/** Throws `ExprError` where arguments are missing. */
export function compilePredicateCall<S>({ name, args, at }: Node & { kind: 'call' }, compiler: Compiler<S>): Run<S> {
  const [list, predicate, third] = args
  if (list === undefined || (predicate === undefined && !optionalPredicate.has(name))) {
    throw compiler.fail(`not enough arguments to call ${name}`, at)
  }
  if (args.length > 2 && name !== 'reduce' && name !== 'sortBy')
    throw compiler.fail(`too many arguments to call ${name}`, at)
  const items = compiler.compile(list)
  const test: Run<S> = predicate?.kind === 'predicate' ? compiler.compile(predicate.body) : (scope) => scope.item
  const extra = third === undefined ? undefined : compiler.compile(third)
  const isReduce = name === 'reduce'
  return (scope) => {
    const all = items(scope)
    if (!Array.isArray(all)) throw new ExprError(`builtin ${name} takes only array (got ${typeName(all)})`)
    const { item, index, acc } = scope
    const run = new Items(name, all, scope, test)
    const value = isReduce ? run.reduce(extra?.(scope)) : name === 'sortBy' ? run.sorted(extra?.(scope)) : run.value()
    scope.item = item
    scope.index = index
    scope.acc = acc
    return value
  }
}

class Items<S> {
  readonly #name: string
  readonly #items: readonly ExprValue[]
  readonly #scope: Scope<S>
  readonly #run: Run<S>

  constructor(name: string, items: readonly ExprValue[], scope: Scope<S>, run: Run<S>) {
    this.#name = name
    this.#items = items
    this.#scope = scope
    this.#run = run
  }

  #at(index: number): ExprValue {
    this.#scope.item = this.#items[index] as ExprValue
    this.#scope.index = index
    return this.#run(this.#scope)
  }

  #is(index: number): boolean {
    const value = this.#at(index)
    if (typeof value !== 'boolean')
      throw new ExprError(`predicate of ${this.#name} should be bool, got ${typeName(value)}`)
    return value
  }

  #count(): number {
    let count = 0
    for (let i = 0; i < this.#items.length; i++) if (this.#is(i)) count++
    return count
  }

  #find(fromEnd: boolean): number {
    const { length } = this.#items
    for (let i = 0; i < length; i++) {
      const index = fromEnd ? length - 1 - i : i
      if (this.#is(index)) return index
    }
    return -1
  }

  value(): ExprValue {
    const { length } = this.#items
    switch (this.#name) {
      case 'all':
        return this.#count() === length
      case 'none':
        return this.#find(false) < 0
      case 'any':
        return this.#find(false) >= 0
      case 'one':
        return this.#count() === 1
      case 'count':
        return BigInt(this.#count())
      case 'filter':
        return this.#items.filter((_, i) => this.#is(i))
      case 'map':
        return this.#items.map((_, i) => this.#at(i))
      case 'sum':
        return this.#items.reduce<ExprValue>((sum, _, i) => arithmetic('+', sum, this.#at(i)), 0n)
      case 'find':
      case 'findLast':
        return this.#items[this.#find(this.#name === 'findLast')] ?? null
      case 'findIndex':
      case 'findLastIndex': {
        const index = this.#find(this.#name === 'findLastIndex')
        return index < 0 ? null : BigInt(index)
      }
      default:
        return this.#groups()
    }
  }

  #groups(): ExprValue {
    const groups = Object.create(null) as { [key: string]: ExprValue[] }
    for (let i = 0; i < this.#items.length; i++) {
      const key = textOf(this.#at(i))
      ;(groups[key] ??= []).push(this.#items[i] as ExprValue)
    }
    return groups
  }

  sorted(order: ExprValue | undefined): ExprValue {
    if (order !== undefined && order !== 'asc' && order !== 'desc') {
      throw new ExprError(`invalid order ${textOf(order)}, expected asc or desc`)
    }
    const sign = order === 'desc' ? -1 : 1
    const keyed = this.#items.map((item, i) => ({ item, key: this.#at(i) }))
    keyed.sort((a, b) => (equal(a.key, b.key) ? 0 : sign * compare(a.key, b.key, '<')))
    return keyed.map(({ item }) => item)
  }

  /** Without a start value the first item is it. */
  reduce(start: ExprValue | undefined): ExprValue {
    const [first] = this.#items
    if (start === undefined && first === undefined) throw new ExprError('reduce of empty array with no initial value')
    this.#scope.acc = start ?? (first as ExprValue)
    for (let i = start === undefined ? 1 : 0; i < this.#items.length; i++) this.#scope.acc = this.#at(i)
    return this.#scope.acc
  }
}
