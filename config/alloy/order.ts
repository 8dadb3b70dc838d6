// Orders a graph given as names and edges: cycles, and an order in which everything comes after what it depends on.

/** The groups of names that reach each other (Tarjan), single names only where they refer to themselves. Input order. */
export function cyclesOf(edges: ReadonlyMap<string, ReadonlySet<string>>): string[][] {
  const index = new Map<string, number>()
  const low = new Map<string, number>()
  const stack: string[] = []
  const onStack = new Set<string>()
  const cycles: string[][] = []
  const position = new Map([...edges.keys()].map((id, i) => [id, i]))

  const visit = (id: string): void => {
    index.set(id, index.size)
    low.set(id, index.get(id) as number)
    stack.push(id)
    onStack.add(id)
    for (const to of edges.get(id) ?? []) {
      if (!edges.has(to)) continue
      if (!index.has(to)) {
        visit(to)
        low.set(id, Math.min(low.get(id) as number, low.get(to) as number))
      } else if (onStack.has(to)) {
        low.set(id, Math.min(low.get(id) as number, index.get(to) as number))
      }
    }
    if (low.get(id) !== index.get(id)) return
    const group: string[] = []
    let popped: string
    do {
      popped = stack.pop() as string
      onStack.delete(popped)
      group.push(popped)
    } while (popped !== id)
    if (group.length > 1 || edges.get(id)?.has(id)) {
      cycles.push(group.sort((a, b) => (position.get(a) as number) - (position.get(b) as number)))
    }
  }
  for (const id of edges.keys()) if (!index.has(id)) visit(id)
  return cycles
}

/** `ids` with everything after what it depends on; otherwise as given. Unknown dependencies are passed over. */
export function topologicalOrder(ids: readonly string[], dependsOn: (id: string) => Iterable<string>): string[] {
  const known = new Set(ids)
  const done = new Set<string>()
  const order: string[] = []
  const visit = (id: string): void => {
    if (done.has(id) || !known.has(id)) return
    done.add(id)
    for (const dependency of dependsOn(id)) visit(dependency)
    order.push(id)
  }
  for (const id of ids) visit(id)
  return order
}
