// The labels of what sources read: relabelled, without the internal ones, and kept by what they were made of.
import { relabel, type RelabelRule, type RelabelRules } from '#component/relabel'
import { type Labels, labelsFrom } from '#pdata'

/** What rules drop is counted under this reason. */
export const relabelledReason = 'relabel rules'

/** Label sets that are kept, at most twice. */
const setsMaxDefault = 5000

/**
 * `pairs` after `rules`, without labels whose names begin with `__`; null: the rules dropped them. May come out empty: the
 * components behind may add labels. Of labels that come twice the later one counts; an empty value is none.
 */
export function sourceLabels(
  pairs: Iterable<readonly [string, string]>,
  rules: RelabelRules | undefined,
): Labels | null {
  const given = labelsFrom(pairs)
  const relabelled = rules === undefined ? given : relabel(given, rules.rules)
  if (relabelled === null) return null
  const kept: string[] = []
  for (let i = 0; i < relabelled.length; i += 2) {
    const name = relabelled[i] as string
    if (!name.startsWith('__')) kept.push(name, relabelled[i + 1] as string)
  }
  return kept
}

/**
 * Label sets by a text of what they depend on. What was not asked for while as many others were is forgotten: two
 * generations instead of an order of use, which would cost two changes of a map for every line.
 */
export class LabelSets {
  readonly #setsMax: number
  #young = new Map<string, Labels | null>()
  #old = new Map<string, Labels | null>()
  /** Sets by their content: what differs in labels that rules leave out ends in one stream. */
  #same = new Map<string, Labels>()

  constructor(setsMax = setsMaxDefault) {
    this.#setsMax = setsMax
  }

  /** Undefined: not known (any more). */
  get(key: string): Labels | null | undefined {
    const young = this.#young.get(key)
    if (young !== undefined) return young
    const old = this.#old.get(key)
    return old === undefined ? undefined : this.set(key, old)
  }

  /** Gives `labels`, or the same set as an object that was given before. */
  set(key: string, labels: Labels | null): Labels | null {
    if (this.#young.size >= this.#setsMax) {
      this.#old = this.#young
      this.#young = new Map()
      this.#same = new Map()
    }
    const kept = labels === null ? null : this.#interned(labels)
    this.#young.set(key, kept)
    return kept
  }

  #interned(labels: Labels): Labels {
    const text = JSON.stringify(labels)
    const same = this.#same.get(text)
    if (same === undefined) this.#same.set(text, labels)
    return same ?? labels
  }

  clear(): void {
    this.#young = new Map()
    this.#old = new Map()
    this.#same = new Map()
  }
}

/**
 * Which labels can make a difference to what rules give: those that they read, and those that stay. A journal entry has
 * dozens of others, whose values differ from line to line.
 */
export class UsedLabels {
  readonly #rules: RelabelRules | undefined
  readonly #known = new Map<string, boolean>()

  constructor(rules: RelabelRules | undefined) {
    this.#rules = rules
  }

  has(name: string): boolean {
    let used = this.#known.get(name)
    if (used === undefined) {
      used = !name.startsWith('__') || (this.#rules?.rules.some((rule) => isRead(rule, name)) ?? false)
      if (this.#known.size >= namesMax) this.#known.clear()
      this.#known.set(name, used)
    }
    return used
  }
}

const namesMax = 10_000

function isRead(rule: RelabelRule, name: string): boolean {
  switch (rule.action) {
    case 'labelmap':
      return rule.matches(name)
    case 'labeldrop':
    case 'labelkeep':
      return false
    case 'dropequal':
    case 'keepequal':
      return rule.targetLabel === name || rule.sourceLabels.includes(name)
    default:
      return rule.sourceLabels.includes(name)
  }
}
