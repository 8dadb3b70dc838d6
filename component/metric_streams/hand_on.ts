// Hands on what a processor left of a batch, and counts what it took out once the rest was taken.
import type { Consumer, Host } from '#component'
import { Metrics } from '#pdata'
import type { MetricsTree } from '#pdata/otlp'

/**
 * A refused batch counts as refused whole, at the port; drops must not count then, or they would count twice. So they are
 * counted when the next consumer took the rest, and wait until then.
 */
export class RestOutlet {
  readonly #host: Host
  readonly #next: Consumer<Metrics>
  #undecided = 0

  constructor(host: Host, next: Consumer<Metrics>) {
    this.#host = host
    this.#next = next
    host.counters.observeWaiting(() => this.#undecided)
  }

  /** `drops`: data points taken out, by reason. Nothing is sent where none are left. */
  handOn(batch: Metrics, tree: MetricsTree, drops: Drops): void | Promise<void> {
    const rest = Metrics.fromTree(tree, batch.context)
    const dropped = drops.total
    if (rest.count === 0 && dropped > 0) {
      this.#count(drops)
      return undefined
    }
    const done = this.#next.consume(rest)
    if (dropped === 0) return done
    if (done) return this.#wait(done, drops, dropped)
    this.#count(drops)
    return undefined
  }

  async #wait(done: Promise<void>, drops: Drops, dropped: number): Promise<void> {
    this.#undecided += dropped
    try {
      await done
      this.#count(drops)
    } finally {
      this.#undecided -= dropped
    }
  }

  #count(drops: Drops): void {
    for (const [reason, items] of drops.byReason) this.#host.counters.drop(reason, items)
  }
}

/** Data points taken out of one batch, by reason. */
export class Drops {
  readonly byReason = new Map<string, number>()
  total = 0

  add(reason: string, items = 1): void {
    this.byReason.set(reason, (this.byReason.get(reason) ?? 0) + items)
    this.total += items
  }
}

/** Keep the items that `keep` says, in place; gives how many went. */
export function retain<T>(items: T[], keep: (item: T) => boolean): number {
  let kept = 0
  for (let i = 0; i < items.length; i++) {
    const item = items[i] as T
    if (keep(item)) items[kept++] = item
  }
  const gone = items.length - kept
  items.length = kept
  return gone
}

/** Leave out metrics that `keep` refuses, then scopes and resources that have none left. */
export function retainMetrics(
  tree: MetricsTree,
  keep: (
    metric: MetricsTree['resourceMetrics'][number]['scopeMetrics'][number]['metrics'][number],
    scope: MetricsTree['resourceMetrics'][number]['scopeMetrics'][number],
    resource: MetricsTree['resourceMetrics'][number],
  ) => boolean,
): void {
  retain(tree.resourceMetrics, (resource) => {
    retain(resource.scopeMetrics, (scope) => {
      retain(scope.metrics, (metric) => keep(metric, scope, resource))
      return scope.metrics.length > 0
    })
    return resource.scopeMetrics.length > 0
  })
}
