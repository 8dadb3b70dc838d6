// One relabelling rule: its settings, their validation, and what it makes of a value (with results remembered).
import { hash } from 'node:crypto'
import { compileRegexp, RegexpError } from '#lib/regexp'
import type { Regexp, RegexpTemplate } from '#lib/regexp'
import { attr, blocks, customType, defineSettings, list, string, uint, ValueError } from '#component'
import type { BlocksField, SettingsOf } from '#component'

export const RelabelAction = {
  replace: 'replace',
  lowercase: 'lowercase',
  uppercase: 'uppercase',
  keep: 'keep',
  drop: 'drop',
  keepequal: 'keepequal',
  dropequal: 'dropequal',
  hashmod: 'hashmod',
  labelmap: 'labelmap',
  labeldrop: 'labeldrop',
  labelkeep: 'labelkeep',
} as const
export type RelabelAction = (typeof RelabelAction)[keyof typeof RelabelAction]

/** Which label names `replace` may make: Prometheus's old character set, or anything but ''. */
export type NameScheme = 'legacy' | 'utf8'

const defaultRegex = '(.*)'
const defaultReplacement = '$1'
const defaultSeparator = ';'

const actionType = customType<RelabelAction>({
  name: 'string',
  zero: 'replace',
  decode(value) {
    const text = string.decode(value)
    if (!Object.hasOwn(RelabelAction, text)) throw new ValueError(`unrecognized action type ${JSON.stringify(text)}`)
    return text as RelabelAction
  },
  accepts: string.accepts,
  json: { enum: Object.keys(RelabelAction) },
})

const regexType = customType<Regexp>({
  name: 'string',
  zero: compileRegexp('', { anchored: true }),
  decode(value) {
    try {
      return compileRegexp(string.decode(value), { anchored: true })
    } catch (error) {
      if (error instanceof RegexpError) throw new ValueError(error.message)
      throw error
    }
  },
  accepts: string.accepts,
  json: { type: 'string', format: 're2' },
})

const modulusMax = 2n ** 64n - 1n

/** A divisor of all 64 bits; floats are cut to their integer part. */
const modulusType = customType<bigint>({
  name: 'uint',
  zero: 0n,
  decode(value) {
    const given = typeof value === 'bigint' ? value : uint.decode(value)
    if (given < 0n || given > modulusMax) throw new ValueError(`should be a number from 0 to 2^64-1, got ${given}`)
    return BigInt(given)
  },
  accepts: uint.accepts,
  json: uint.json,
})

/** The settings of a `rule` or `write_relabel_config` block. */
export const relabelRuleSettings = defineSettings(
  {
    source_labels: attr(list(string), 'Labels whose values are joined and matched.'),
    separator: attr(string, 'What the values are joined with.', { default: defaultSeparator }),
    regex: attr(regexType, 'RE2 expression that the whole joined value must match.', { default: defaultRegex }),
    modulus: attr(modulusType, 'Divisor of the hash, for `hashmod`.', { default: 0 }),
    target_label: attr(string, 'Label that the result is written to; may hold `$1`.', { default: '' }),
    replacement: attr(string, 'What is written; `$1` is a group of the expression.', { default: defaultReplacement }),
    action: attr(actionType, 'What the rule does.', { default: 'replace' }),
  },
  {
    check(settings, report) {
      const wrong = relabelRuleFault(settings)
      if (wrong !== undefined) report(wrong)
    },
  },
)
export type RelabelRuleSettings = SettingsOf<typeof relabelRuleSettings>

/** The field for the blocks that hold rules: `rule: relabelRuleBlocks('…')`. */
export function relabelRuleBlocks(doc: string): BlocksField<readonly RelabelRuleSettings[]> {
  return blocks(relabelRuleSettings, doc)
}

/**
 * A target with variables in it: letters, digits after the first, `$1`, `${name}`. What follows the first character of
 * `$name` is read as plain text: there is one way of reading, and nothing to come back to.
 */
const targetTemplate = /^(?:[a-zA-Z_]|\$(?:\{\w+\}|\w))(?:\w|\$(?:\{\w+\}|\w))*$/

/** Why Alloy refuses such a rule, in its words; undefined: it does not. */
export function relabelRuleFault(settings: RelabelRuleSettings): string | undefined {
  const { action, target_label: target } = settings
  const writesTarget = !['keep', 'drop', 'labelmap', 'labeldrop', 'labelkeep'].includes(action)
  if (action === 'hashmod' && settings.modulus === 0n) {
    return 'relabel configuration for hashmod requires non-zero modulus'
  }
  if (writesTarget && target === '') return `relabel configuration for ${action} action requires 'target_label' value`
  if (action === 'replace' && target.includes('$') && !targetTemplate.test(target)) {
    return `${JSON.stringify(target)} is invalid 'target_label' for ${action} action`
  }
  const hasReplacement = settings.replacement !== defaultReplacement
  if (['lowercase', 'uppercase', 'keepequal', 'dropequal'].includes(action) && hasReplacement) {
    return `'replacement' can not be set for ${action} action`
  }
  if (action === 'labelmap' && !targetTemplate.test(settings.replacement)) {
    return `${JSON.stringify(settings.replacement)} is invalid 'replacement' for ${action} action`
  }
  const hasMore = settings.modulus !== 0n || settings.separator !== defaultSeparator || hasReplacement
  if ((action === 'labeldrop' || action === 'labelkeep') && (hasMore || settings.source_labels || target !== '')) {
    return `${action} action requires only 'regex', and no other fields`
  }
  if ((action === 'keepequal' || action === 'dropequal') && (hasMore || settings.regex.source !== defaultRegex)) {
    return `${action} action requires only 'source_labels' and 'target_label', and no other fields`
  }
  return undefined
}

/** Results that a rule remembers by value or label name: more distinct ones than this, and it starts over. */
const rememberedMax = 1024

/** What `replace` writes where; '' is written as no label at all. */
export class Replacement {
  readonly target: string
  readonly value: string
  constructor(target: string, value: string) {
    this.target = target
    this.value = value
  }
}

/** A rule ready for use. Make it from settings that `relabelRuleFault` has nothing against. */
export class RelabelRule {
  readonly action: RelabelAction
  readonly sourceLabels: readonly string[]
  readonly separator: string
  readonly regex: Regexp
  readonly modulus: bigint
  readonly targetLabel: string
  readonly replacement: string
  readonly #target: RegexpTemplate
  readonly #value: RegexpTemplate
  /** `(.*)`: matches whatever there is. */
  readonly #matchesAll: boolean
  /** Is asking the expression dearer than asking a map? */
  readonly #remembers: boolean
  readonly #matches = new Map<string, boolean>()
  readonly #replacements = new Map<string, Replacement | null>()
  readonly #renamed = new Map<string, string>()
  #lastValue: string | undefined
  #lastMatch: boolean
  #lastReplacement: Replacement | null

  constructor(settings: RelabelRuleSettings) {
    this.action = settings.action
    this.sourceLabels = settings.source_labels ?? []
    this.separator = settings.separator
    this.regex = settings.regex
    this.modulus = settings.modulus
    this.targetLabel = settings.target_label
    this.replacement = settings.replacement
    this.#target = this.regex.template(this.targetLabel)
    this.#value = this.regex.template(this.replacement)
    this.#matchesAll = this.regex.source === defaultRegex
    this.#remembers = this.regex.engine !== 'plain'
    this.#lastValue = undefined
    this.#lastMatch = false
    this.#lastReplacement = null
  }

  /** Does the expression match `value`? Series come family by family: the value before is often the same. */
  matches(value: string): boolean {
    if (!this.#remembers) return this.regex.test(value)
    if (value === this.#lastValue) return this.#lastMatch
    let matched = this.#matches.get(value)
    if (matched === undefined) {
      matched = this.regex.test(value)
      if (this.#matches.size >= rememberedMax) this.#matches.clear()
      this.#matches.set(value, matched)
    }
    this.#lastValue = value
    this.#lastMatch = matched
    return matched
  }

  /** What `replace` does for `value`; null: nothing, since the expression does not match. */
  replace(value: string): Replacement | null {
    if (this.#lastValue === value) return this.#lastReplacement
    let found = this.#matchesAll ? undefined : this.#replacements.get(value)
    if (found === undefined) {
      const match = this.regex.match(value)
      found = match === null ? null : new Replacement(this.#target.expand(match), this.#value.expand(match))
      if (!this.#matchesAll) {
        if (this.#replacements.size >= rememberedMax) this.#replacements.clear()
        this.#replacements.set(value, found)
      }
    }
    this.#lastValue = value
    this.#lastReplacement = found
    return found
  }

  /** The name that `labelmap` copies a label of this name to, a name that matches. */
  rename(name: string): string {
    let renamed = this.#renamed.get(name)
    if (renamed === undefined) {
      renamed = this.regex.replaceAll(name, this.replacement)
      if (this.#renamed.size >= rememberedMax) this.#renamed.clear()
      this.#renamed.set(name, renamed)
    }
    return renamed
  }

  /** The last eight bytes of the MD5 of `value`, modulo `modulus`. */
  hashmod(value: string): string {
    return (hash('md5', value, 'buffer').readBigUInt64BE(8) % this.modulus).toString()
  }
}

/** What the `rules` exports carry: rules for others to use. */
export class RelabelRules {
  readonly rules: readonly RelabelRule[]
  /** The same text for the same rules. */
  readonly text: string
  constructor(settings: readonly RelabelRuleSettings[]) {
    this.rules = settings.map((rule) => new RelabelRule(rule))
    this.text = JSON.stringify(
      settings.map((rule) => ({ ...rule, regex: rule.regex.source, modulus: String(rule.modulus) })),
    )
  }

  /** These rules, or `before` where that says the same: exports with equal values keep their identity. */
  unlessEqual(before: RelabelRules | undefined): RelabelRules {
    return before !== undefined && before.text === this.text ? before : this
  }
}

/** A label name of Prometheus's old character set. */
export function isLegacyLabelName(name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    const c = name.charCodeAt(i)
    const letter = (c | 0x20) >= 0x61 && (c | 0x20) <= 0x7a
    if (!(letter || c === 0x5f || (i > 0 && c >= 0x30 && c <= 0x39))) return false
  }
  return name !== ''
}
