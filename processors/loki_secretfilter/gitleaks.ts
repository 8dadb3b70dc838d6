// Rule sets in gitleaks's format (TOML), compiled, and what they find in a line.
import { readFile } from 'node:fs/promises'
import { SettingsError } from '#component'
import { compileRegexp, type Regexp, RegexpError } from '#lib/regexp'
import { builtInRules } from './rules.ts'

/** What is no secret although a rule found it. */
export interface AllowDefinition {
  readonly condition?: string
  readonly regexTarget?: string
  readonly regexes?: readonly string[]
  readonly stopwords?: readonly string[]
}

export interface RuleDefinition {
  readonly id: string
  readonly regex: string
  /** Which group is the secret; absent: the first one that took part, or all of what matches. */
  readonly secretGroup?: number
  /** Bits per character that a secret has to have more of. */
  readonly entropy?: number
  /** Lines without any of them, whatever their case, are not looked at. */
  readonly keywords?: readonly string[]
  readonly allowlists?: readonly AllowDefinition[]
}

export interface Finding {
  readonly rule: string
  readonly secret: string
}

interface Allow {
  readonly needsAll: boolean
  readonly target: 'secret' | 'match' | 'line'
  readonly regexes: readonly Regexp[]
  readonly stopwords: readonly string[]
}

interface Rule {
  readonly id: string
  readonly regexp: Regexp
  readonly secretGroup: number
  readonly entropy: number
  readonly keywords: readonly string[]
  readonly allows: readonly Allow[]
}

/** What a comment on a line says to have it left alone, as in gitleaks. */
const allowMark = 'gitleaks:allow'

/** Rules ready to be run. */
export class Detector {
  readonly #rules: readonly Rule[]
  readonly #allows: readonly Allow[]

  /** Throws `RegexpError`, whose message is put behind the rule's id. */
  constructor(rules: readonly RuleDefinition[], allows: readonly AllowDefinition[] = []) {
    this.#rules = rules.map((rule) => compiled(rule))
    this.#allows = allows.map((allow) => compiledAllow(allow))
  }

  get rules(): number {
    return this.#rules.length
  }

  /** Secrets in `line`, rule by rule. `isOver` is asked before each rule: true ends the search. */
  find(line: string, isOver: () => boolean): Finding[] {
    const findings: Finding[] = []
    if (line.includes(allowMark)) return findings
    const lower = line.toLowerCase()
    for (const rule of this.#rules) {
      if (isOver()) break
      if (rule.keywords.length > 0 && !rule.keywords.some((word) => lower.includes(word))) continue
      for (const { groups } of rule.regexp.execAll(line)) {
        const match = groups[0] as string
        const secret = secretOf(rule, groups)
        if (secret === '' || (rule.entropy > 0 && entropyOf(secret) <= rule.entropy)) continue
        const isAllowed = (allow: Allow): boolean => allows(allow, { secret, match, line })
        if (!this.#allows.some(isAllowed) && !rule.allows.some(isAllowed)) findings.push({ rule: rule.id, secret })
      }
    }
    return findings
  }
}

function compiled(rule: RuleDefinition): Rule {
  try {
    return {
      id: rule.id,
      regexp: compileRegexp(rule.regex),
      secretGroup: rule.secretGroup ?? 0,
      entropy: rule.entropy ?? 0,
      keywords: (rule.keywords ?? []).map((word) => word.toLowerCase()),
      allows: (rule.allowlists ?? []).map((allow) => compiledAllow(allow)),
    }
  } catch (error) {
    if (error instanceof RegexpError) throw new RegexpError(`rule ${rule.id}: ${error.message}`, rule.regex)
    throw error
  }
}

function compiledAllow({ condition, regexTarget, regexes, stopwords }: AllowDefinition): Allow {
  return {
    needsAll: /^(?:and|&&)$/i.test(condition ?? ''),
    target: regexTarget === 'match' || regexTarget === 'line' ? regexTarget : 'secret',
    regexes: (regexes ?? []).map((regex) => compileRegexp(regex)),
    stopwords: (stopwords ?? []).map((word) => word.toLowerCase()),
  }
}

function allows(
  { needsAll, target, regexes, stopwords }: Allow,
  found: Readonly<Record<Allow['target'], string>>,
): boolean {
  const checks: boolean[] = []
  if (regexes.length > 0) checks.push(regexes.some((regexp) => regexp.test(found[target])))
  if (stopwords.length > 0) {
    const lower = found.secret.toLowerCase()
    checks.push(stopwords.some((word) => lower.includes(word)))
  }
  return needsAll ? checks.length > 0 && checks.every(Boolean) : checks.some(Boolean)
}

function secretOf({ secretGroup }: Rule, groups: readonly (string | undefined)[]): string {
  if (secretGroup > 0) return groups[secretGroup] ?? ''
  return groups.slice(1).find((group) => group !== undefined && group !== '') ?? (groups[0] as string)
}

/** Shannon's, in bits per character. */
function entropyOf(text: string): number {
  const counts = new Map<string, number>()
  const characters = [...text]
  for (const character of characters) counts.set(character, (counts.get(character) ?? 0) + 1)
  let bits = 0
  for (const count of counts.values()) bits -= (count / characters.length) * Math.log2(count / characters.length)
  return bits
}

// ------------------------------------------------------------------------------------------------------ reading

type Table = { readonly [key: string]: unknown }

/** The rules in the file at `path`, or the built-in ones where it is ''. Throws `SettingsError`. */
export async function loadDetector(path: string): Promise<Detector> {
  if (path === '') return new Detector(builtInRules)
  try {
    const [text, { parse }] = await Promise.all([readFile(path, 'utf8'), import('smol-toml')])
    return detectorOf(parse(text) as Table)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new SettingsError(`Cannot read the rules in ${path}: ${why}`, ['gitleaks_config'])
  }
}

/** `[extend] useDefault` takes the built-in rules; rules of the same id take their place. */
export function detectorOf(config: Table): Detector {
  const extend = (config['extend'] ?? {}) as Table
  if (typeof extend['path'] === 'string' && extend['path'] !== '') throw new Error('extend.path is not supported')
  const rules = new Map<string, RuleDefinition>()
  const disabled = textsOf(extend['disabledRules'])
  if (extend['useDefault'] === true) {
    for (const rule of builtInRules) if (!disabled.includes(rule.id)) rules.set(rule.id, rule)
  }
  for (const table of tablesOf(config['rules'])) {
    const rule = ruleOf(table)
    // Rules for names of files find nothing in lines.
    if (rule !== undefined) rules.set(rule.id, rule)
  }
  if (rules.size === 0) throw new Error('it has no rules')
  return new Detector([...rules.values()], allowsOf(config))
}

function ruleOf(table: Table): RuleDefinition | undefined {
  const { id, regex, secretGroup, entropy } = table
  if (typeof id !== 'string' || id === '') throw new Error('a rule has no id')
  if (typeof regex !== 'string' || regex === '') {
    if (typeof table['path'] === 'string') return undefined
    throw new Error(`rule ${id} has no regex`)
  }
  return {
    id,
    regex,
    ...(secretGroup === undefined ? {} : { secretGroup: numberOf(secretGroup, `rule ${id}: secretGroup`) }),
    ...(entropy === undefined ? {} : { entropy: numberOf(entropy, `rule ${id}: entropy`) }),
    keywords: textsOf(table['keywords']),
    allowlists: allowsOf(table),
  }
}

/** `[allowlist]` is the older name of one of `[[allowlists]]`. */
function allowsOf(table: Table): AllowDefinition[] {
  return [...tablesOf(table['allowlist']), ...tablesOf(table['allowlists'])].map((allow) => ({
    ...(typeof allow['condition'] === 'string' ? { condition: allow['condition'] } : {}),
    ...(typeof allow['regexTarget'] === 'string' ? { regexTarget: allow['regexTarget'] } : {}),
    regexes: textsOf(allow['regexes']),
    stopwords: textsOf(allow['stopwords']),
  }))
}

function tablesOf(value: unknown): Table[] {
  if (value === undefined) return []
  return (Array.isArray(value) ? value : [value]) as Table[]
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []
}

function numberOf(value: unknown, name: string): number {
  const number = typeof value === 'bigint' ? Number(value) : value
  if (typeof number !== 'number' || number < 0) throw new Error(`${name} should be a number`)
  return number
}
