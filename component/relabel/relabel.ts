// Applies relabelling rules to label sets and targets, as Prometheus's model/relabel does.
import type { Labels } from '#pdata'
import { lowerCase, upperCase } from './letter_case.ts'
import { isLegacyLabelName } from './rule.ts'
import type { NameScheme, RelabelRule } from './rule.ts'

/**
 * `labels` after `rules`; null: a rule dropped them. The same object comes back when nothing changed. Names that `replace`
 * would make and that are not of the legacy character set are skipped. May come out empty.
 */
export function relabel(labels: Labels, rules: readonly RelabelRule[]): Labels | null {
  const builder = scratch.reset(labels)
  for (const rule of rules) if (!apply(rule, builder, 'legacy')) return null
  return builder.labels()
}

/**
 * A target's labels after `rules`, any name allowed; null: dropped. Labels without a value are left out, as Alloy does.
 * The same map comes back when nothing changed. May come out empty.
 */
export function relabelTarget(
  labels: ReadonlyMap<string, string>,
  rules: readonly RelabelRule[],
): ReadonlyMap<string, string> | null {
  const flat: string[] = []
  for (const [name, value] of labels) flat.push(name, value)
  const builder = scratch.reset(flat)
  for (let i = 0; i < flat.length; i += 2) if (flat[i + 1] === '') builder.delete(flat[i] as string)
  for (const rule of rules) if (!apply(rule, builder, 'utf8')) return null
  return builder.changed(labels)
}

/** One rule on `builder`. False: dropped. */
function apply(rule: RelabelRule, builder: LabelsBuilder, names: NameScheme): boolean {
  switch (rule.action) {
    case 'drop':
      return !rule.matches(builder.joined(rule))
    case 'keep':
      return rule.matches(builder.joined(rule))
    case 'dropequal':
      return builder.get(rule.targetLabel) !== builder.joined(rule)
    case 'keepequal':
      return builder.get(rule.targetLabel) === builder.joined(rule)
    case 'replace': {
      const replacement = rule.replace(builder.joined(rule))
      if (replacement === null) return true
      const valid = names === 'legacy' ? isLegacyLabelName(replacement.target) : replacement.target !== ''
      if (valid) builder.set(replacement.target, replacement.value)
      return true
    }
    case 'lowercase':
      builder.set(rule.targetLabel, lowerCase(builder.joined(rule)))
      return true
    case 'uppercase':
      builder.set(rule.targetLabel, upperCase(builder.joined(rule)))
      return true
    case 'hashmod':
      builder.set(rule.targetLabel, rule.hashmod(builder.joined(rule)))
      return true
    case 'labelmap':
      for (const [name, value] of builder.entries()) {
        if (!rule.matches(name)) continue
        const renamed = rule.rename(name)
        if (renamed !== '') builder.set(renamed, value) // Prometheus makes a label without a name, which nobody takes
      }
      return true
    case 'labeldrop':
      for (const [name] of builder.entries()) if (rule.matches(name)) builder.delete(name)
      return true
    case 'labelkeep':
      for (const [name] of builder.entries()) if (!rule.matches(name)) builder.delete(name)
      return true
  }
}

/**
 * Labels being changed: a base that stays as it is, names deleted and pairs added since. Looks through short arrays, no
 * map: label sets have a dozen labels.
 */
class LabelsBuilder {
  #base: Labels = []
  readonly #deleted: string[] = []
  /** Names and values in turn, in the order in which names were first added. */
  readonly #added: string[] = []

  reset(base: Labels): this {
    this.#base = base
    if (this.#deleted.length > 0) this.#deleted.length = 0
    if (this.#added.length > 0) this.#added.length = 0
    return this
  }

  get(name: string): string {
    const added = this.#added
    for (let i = 0; i < added.length; i += 2) if (added[i] === name) return added[i + 1] as string
    if (this.#deleted.length > 0 && this.#deleted.includes(name)) return ''
    const base = this.#base
    for (let i = 0; i < base.length; i += 2) if (base[i] === name) return base[i + 1] as string
    return ''
  }

  /** The values of a rule's source labels, with its separator between them. */
  joined(rule: RelabelRule): string {
    const names = rule.sourceLabels
    if (names.length === 0) return ''
    let out = this.get(names[0] as string)
    for (let i = 1; i < names.length; i++) out += rule.separator + this.get(names[i] as string)
    return out
  }

  /** An empty value deletes. */
  set(name: string, value: string): void {
    if (value === '') {
      this.delete(name)
      return
    }
    const added = this.#added
    for (let i = 0; i < added.length; i += 2) {
      if (added[i] === name) {
        added[i + 1] = value
        return
      }
    }
    added.push(name, value)
  }

  delete(name: string): void {
    const added = this.#added
    for (let i = 0; i < added.length; i += 2) {
      if (added[i] === name) {
        added.splice(i, 2)
        break
      }
    }
    this.#deleted.push(name)
  }

  /** A copy of what there is now: first what the base still has, then what was added, in that order. */
  entries(): [string, string][] {
    const out: [string, string][] = []
    const base = this.#base
    for (let i = 0; i < base.length; i += 2) {
      const name = base[i] as string
      if (!this.#isReplaced(name)) out.push([name, base[i + 1] as string])
    }
    for (let i = 0; i < this.#added.length; i += 2) out.push([this.#added[i] as string, this.#added[i + 1] as string])
    return out
  }

  #isReplaced(name: string): boolean {
    if (this.#deleted.includes(name)) return true
    for (let i = 0; i < this.#added.length; i += 2) if (this.#added[i] === name) return true
    return false
  }

  /** Sorted. The base itself when it comes out the same. */
  labels(): Labels {
    const base = this.#base
    if (this.#added.length === 0 && this.#deleted.length === 0) return base
    const added = sortedPairs(this.#added)
    const out: string[] = []
    let a = 0
    for (let i = 0; i < base.length; i += 2) {
      const name = base[i] as string
      while (a < added.length && (added[a] as string) < name) out.push(added[a++] as string, added[a++] as string)
      if (a < added.length && added[a] === name) out.push(added[a++] as string, added[a++] as string)
      else if (!this.#deleted.includes(name)) out.push(name, base[i + 1] as string)
    }
    while (a < added.length) out.push(added[a++] as string, added[a++] as string)
    // The copy has no room to spare: label sets are kept for as long as their series.
    return isSame(base, out) ? base : out.slice()
  }

  /** `base` (the map that this was reset to) with the changes made. The same map when it comes out the same. */
  changed(base: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
    let out: Map<string, string> | undefined
    for (const name of this.#deleted) {
      if (base.has(name) && !this.#isAdded(name)) (out ??= new Map(base)).delete(name)
    }
    for (let i = 0; i < this.#added.length; i += 2) {
      const name = this.#added[i] as string
      const value = this.#added[i + 1] as string
      if (base.get(name) !== value) (out ??= new Map(base)).set(name, value)
    }
    return out ?? base
  }

  #isAdded(name: string): boolean {
    for (let i = 0; i < this.#added.length; i += 2) if (this.#added[i] === name) return true
    return false
  }
}

/** One for all: relabelling calls nothing that could come back here. */
const scratch = new LabelsBuilder()

/** By insertion: there are hardly ever more than a few. Sorts in place. */
function sortedPairs(pairs: string[]): readonly string[] {
  for (let i = 2; i < pairs.length; i += 2) {
    const name = pairs[i] as string
    const value = pairs[i + 1] as string
    let j = i
    for (; j > 0 && (pairs[j - 2] as string) > name; j -= 2) {
      pairs[j] = pairs[j - 2] as string
      pairs[j + 1] = pairs[j - 1] as string
    }
    pairs[j] = name
    pairs[j + 1] = value
  }
  return pairs
}

function isSame(a: Labels, b: Labels): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
