// Takes values out of database statements: what remains is their shape.
import { withoutSqlValues } from './sql.ts'

export const databases = ['sql', 'redis', 'valkey', 'memcached', 'mongo', 'opensearch', 'es'] as const
export type Database = (typeof databases)[number]

/** Values of `db.system.name` (or `db.system`) by the setting that they fall under. */
const systems: Readonly<Record<Database, readonly string[]>> = {
  sql: ['other_sql', 'mysql', 'postgresql', 'mariadb', 'sqlite'],
  redis: ['redis'],
  valkey: ['valkey'],
  memcached: ['memcached'],
  mongo: ['mongodb'],
  opensearch: ['opensearch'],
  es: ['elasticsearch'],
}

export interface DatabaseOption {
  readonly database: Database
  /** Attributes that hold statements. */
  readonly attributes: ReadonlySet<string>
}

/** `system`: as in `systems`, '' where it is not known. */
const obfuscate: Readonly<Record<Database, (statement: string, system: string) => string>> = {
  sql: (statement, system) => withoutSqlValues(statement, system === 'mysql' || system === 'mariadb'),
  redis: withoutRedisValues,
  valkey: withoutRedisValues,
  memcached: (text) => (text.split('\r\n', 1)[0] as string).trim(),
  mongo: withoutJsonValues,
  opensearch: withoutJsonValues,
  es: withoutJsonValues,
}

/** Those of the databases that are switched on, in a fixed order. */
export class DatabaseSanitizer {
  readonly #options: readonly DatabaseOption[]
  readonly #withoutSystem: boolean

  /** `withoutSystem`: also where no attribute says which database it is (log records). */
  constructor(options: readonly DatabaseOption[], withoutSystem: boolean) {
    this.#options = options
    this.#withoutSystem = withoutSystem
  }

  /** A text of which nothing is known: a log's body. */
  text(value: string): string {
    let text = value
    for (const { database } of this.#options) text = obfuscate[database](text, '')
    return text
  }

  /** `system`: in lower case, '' where it is not known. */
  attribute(value: string, key: string, system: string): string {
    let text = value
    for (const { database, attributes } of this.#options) {
      if (!attributes.has(key)) continue
      if (system === '') {
        if (this.#withoutSystem) text = obfuscate[database](text, '')
      } else if (systems[database].includes(system)) return obfuscate[database](text, system)
    }
    return text
  }

  /** A span's name. */
  name(value: string, system: string): string {
    for (const { database } of this.#options) {
      if (systems[database].includes(system)) return obfuscate[database](value, system)
    }
    return value
  }
}

/**
 * Which arguments of a Redis command are values: one (`one`), all from one on (`rest`, shown as a single `?`), or from one on
 * the last of every so many (`step`).
 */
type ValueRule =
  | { readonly kind: 'one' | 'rest'; readonly from: number }
  | { readonly kind: 'step'; readonly from: number; readonly every: number }

const redisRules: ReadonlyMap<string, ValueRule> = new Map(
  (
    [
      ['AUTH HELLO MIGRATE', { kind: 'rest', from: 0 }],
      ['ACL GEOHASH GEOPOS GEODIST LPUSH RPUSH SREM ZREM SADD', { kind: 'rest', from: 1 }],
      [
        'APPEND GETSET LPUSHX GEORADIUSBYMEMBER RPUSHX SET SETNX SISMEMBER ZRANK ZREVRANK ZSCORE',
        { kind: 'one', from: 1 },
      ],
      ['HSETNX LREM LSET SETBIT SETEX PSETEX SETRANGE ZINCRBY SMOVE RESTORE', { kind: 'one', from: 2 }],
      ['LINSERT', { kind: 'one', from: 3 }],
      ['GEOADD', { kind: 'step', from: 1, every: 3 }],
      ['HSET HMSET', { kind: 'step', from: 1, every: 2 }],
      ['MSET MSETNX', { kind: 'step', from: 0, every: 2 }],
    ] satisfies [string, ValueRule][]
  ).flatMap(([names, rule]) => names.split(' ').map((name): [string, ValueRule] => [name, rule])),
)

/** Commands whose arguments say themselves where the value is. */
function ruleOf(command: string, args: readonly string[]): ValueRule | undefined {
  const upper = (at: number): string => (args[at] ?? '').toUpperCase()
  switch (command.toUpperCase()) {
    case 'CONFIG':
      return upper(0) === 'SET' ? { kind: 'one', from: 2 } : undefined
    case 'BITFIELD': {
      const set = args.findIndex((_, at) => at > 0 && upper(at) === 'SET')
      return set < 0 ? undefined : { kind: 'one', from: set + 3 }
    }
    case 'ZADD': {
      let score = 1
      while (['NX', 'XX', 'CH', 'INCR'].includes(args[score] ?? '')) score++
      return { kind: 'step', from: score, every: 2 }
    }
    default:
      return redisRules.get(command.toUpperCase())
  }
}

/** Arguments that are values become `?`, each command on its own line. Keys stay. */
export function withoutRedisValues(statement: string): string {
  return redisCommands(statement)
    .map(([command = '', ...args]) => {
      const rule = ruleOf(command, args)
      if (rule === undefined) return [command, ...args].join(' ')
      const masked = args.map((arg, at) => (isValue(rule, at) ? '?' : arg))
      if (rule.kind === 'rest') masked.length = Math.min(masked.length, rule.from + 1)
      return [command, ...masked].join(' ')
    })
    .join('\n')
}

function isValue(rule: ValueRule, at: number): boolean {
  if (rule.kind === 'step') return at >= rule.from && (at - rule.from + 1) % rule.every === 0
  return rule.kind === 'one' ? at === rule.from : at >= rule.from
}

/** The words of each line; what stands in double quotes is one, also over lines. */
function redisCommands(text: string): string[][] {
  const lines: string[][] = [[]]
  let word = ''
  let isQuoted = false
  let isEscaped = false
  const end = (): void => {
    if (word !== '') lines.at(-1)?.push(word)
    word = ''
  }
  for (const char of text.trim()) {
    if (!isQuoted && (char === ' ' || char === '\n')) {
      end()
      if (char === '\n') lines.push([])
      isEscaped = false
      continue
    }
    word += char
    if (char === '"' && !isEscaped) isQuoted = !isQuoted
    isEscaped = char === '\\' && !isEscaped
  }
  end()
  return lines.filter((line) => line.length > 0)
}

/**
 * Values become "?", keys and structure stay, white space goes but for what follows the end. A text that is no JSON stays
 * as it is.
 */
export function withoutJsonValues(text: string): string {
  try {
    JSON.parse(text)
  } catch {
    return text
  }
  // Of what is JSON, tokens are told by their first character; keys are the strings before a colon.
  const token = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?|[-+.\w]+|\s+/g
  const end = text.trimEnd().length
  const isWhole = /[}\]]/.test(text[end - 1] ?? '')
  return text.replace(token, (found: string, colon: string | undefined, at: number) => {
    if (colon !== undefined) return found.replace(/\s*:$/, ':')
    if (found.trim() === '') return isWhole && at >= end ? found : ''
    return '"?"'
  })
}
