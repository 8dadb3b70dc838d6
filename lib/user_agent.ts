// Browsers and operating systems by user agent strings, with the expressions of uap-core, as its Go port reads them.
import { packageFile } from './packaged.ts'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Regexp } from './regexp.ts'

/** What a user agent string tells. A version is empty where none is known. */
export interface UserAgent {
  readonly name: string
  readonly version: string
  readonly osName: string
  readonly osVersion: string
}

export type UserAgentReader = (text: string) => UserAgent

/** Strings read before, oldest first. */
const knownMax = 1024
/** Longer strings are not kept. */
const knownLengthMax = 1024

/** One expression, and the templates of name and version numbers. */
class Rule {
  readonly #templates: readonly string[]
  readonly #regexp: Regexp

  constructor(source: string, templates: readonly string[]) {
    // Not compileRegexp: hundreds of expressions would drive all others out of the cache of compiled ones. To prove that
    // something like .{0,200} is fit for V8 takes 50 ms each.
    this.#regexp = new Regexp(source, false, /\{\d*,\d{2,}\}/.test(source))
    this.#templates = templates
  }

  /** Name and version; undefined where the expression does not match, or gives no name. */
  read(text: string): readonly [string, string] | undefined {
    if (!this.#regexp.test(text)) return undefined
    const match = this.#regexp.match(text)
    if (match === null) return undefined
    const regexp = this.#regexp
    const [name, ...numbers] = this.#templates.map((template) => regexp.expand(template, match)) as [
      string,
      ...string[],
    ]
    if (name === '') return undefined
    // The first number has no point before it, whether there is one or not.
    const [major = '', ...others] = numbers
    return [name, others.reduce((version, number) => (number === '' ? version : `${version}.${number}`), major)]
  }
}

/** Read and compile the expressions of the library, in slices: a second of work altogether, and 60 MB of memory. */
export async function loadUserAgentReader(): Promise<UserAgentReader> {
  const [text, { parse }] = await Promise.all([packageFile('uap-core/regexes.yaml'), import('yaml')])
  const sections = parse(text.slice(0, deviceSection(text))) as Record<string, Record<string, string>[]>
  const agents = await rulesOf(sections['user_agent_parsers'], ['family_replacement', 'v1', 'v2', 'v3'])
  const systems = await rulesOf(sections['os_parsers'], ['os_replacement', 'os_v1', 'os_v2', 'os_v3', 'os_v4'])
  const known = new Map<string, UserAgent>()
  return (subject) => {
    let found = known.get(subject)
    if (found === undefined) {
      const [name, version] = first(agents, subject)
      const [osName, osVersion] = first(systems, subject)
      found = { name, version, osName, osVersion }
      if (known.size >= knownMax) known.delete(known.keys().next().value as string)
      if (subject.length <= knownLengthMax) known.set(subject, found)
    }
    return found
  }
}

/** Devices, which nobody asks for, stand last and are most of the file. */
function deviceSection(text: string): number {
  const at = text.search(/^device_parsers:/m)
  return at < 0 ? text.length : at
}

/** Expressions that are compiled without letting anybody else go on. */
const sliceLength = 8

async function rulesOf(
  entries: readonly Record<string, string>[] | undefined,
  fields: readonly string[],
): Promise<readonly Rule[]> {
  const rules: Rule[] = []
  for (const entry of entries ?? []) {
    const flag = entry['regex_flag']
    const source = flag === undefined ? (entry['regex'] as string) : `(?${flag})${entry['regex']}`
    const templates = fields.map((field, i) => {
      const given = entry[field.endsWith('replacement') ? field : `${field}_replacement`]
      return given === undefined || given === '' ? `$${i + 1}` : String(given)
    })
    rules.push(new Rule(source, templates))
    if (rules.length % sliceLength === 0) await nextTurn()
  }
  return rules
}

function first(rules: readonly Rule[], text: string): readonly [string, string] {
  for (const rule of rules) {
    const found = rule.read(text)
    if (found !== undefined) return found
  }
  return ['Other', '']
}
