// Takes values out of database statements: what remains is their shape.

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

const obfuscate: Readonly<Record<Database, (statement: string) => string>> = {
  sql: withoutSqlValues,
  redis: withoutRedisValues,
  valkey: withoutRedisValues,
  memcached: (text) => text.split('\r\n', 1)[0] as string,
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
    for (const { database } of this.#options) text = obfuscate[database](text)
    return text
  }

  /** `system`: in lower case, '' where it is not known. */
  attribute(value: string, key: string, system: string): string {
    let text = value
    for (const { database, attributes } of this.#options) {
      if (!attributes.has(key)) continue
      if (system === '') {
        if (this.#withoutSystem) text = obfuscate[database](text)
      } else if (systems[database].includes(system)) return obfuscate[database](text)
    }
    return text
  }

  /** A span's name. */
  name(value: string, system: string): string {
    for (const { database } of this.#options) {
      if (systems[database].includes(system)) return obfuscate[database](value)
    }
    return value
  }
}

/**
 * Tokens of SQL: comments, strings ('…' with '' and \ inside, $tag$…$tag$), quoted names, numbers that stand alone, other
 * words, anything else. Unfinished strings reach to the end.
 */
const sqlToken =
  /--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|\$(\w*)\$[\s\S]*?(?:\$\1\$|$)|'(?:[^'\\]|''|\\[\s\S])*(?:'|$)|"(?:[^"]|"")*(?:"|$)|`[^`]*(?:`|$)|\$\d+|0[xX][\da-fA-F]+|(?<![\w$])[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?!\w)|[A-Za-z_@#\u0080-\uffff][\w$@#.\u0080-\uffff]*/g

/**
 * Literals become `?`, digits in names too; comments are left out, since they may hold anything. The rest stays as it is.
 */
export function withoutSqlValues(statement: string): string {
  return statement.replace(sqlToken, (token: string, _tag, at: number) => {
    if (token.startsWith('--') || token.startsWith('/*')) return ''
    const first = token[0] as string
    if (first === '"' || first === '`') return token.replace(/\d+/g, '?')
    if (first === "'" || first === '$') return '?'
    // A sign behind an operand is an operator.
    if ((first === '-' || first === '+') && /[\w)'"]\s*$/.test(statement.slice(0, at))) return `${first}?`
    if (/^[-+.\d]/.test(token)) return '?'
    if (/^(?:true|false|null)$/i.test(token)) return '?'
    return token.replace(/\d+/g, '?')
  })
}

/** Which arguments of a Redis command are values: from an index on, and every how many. */
type ValueRule = { readonly from: number; readonly only?: true; readonly every?: number }
const redisRules: ReadonlyMap<string, ValueRule> = new Map(
  (
    [
      ['AUTH', { from: 0 }],
      ['HELLO', { from: 0 }],
      [
        'APPEND GETSET LPUSHX GEORADIUSBYMEMBER RPUSHX SET SETNX SISMEMBER ZRANK ZREVRANK ZSCORE',
        { from: 1, only: true },
      ],
      ['HSETNX LREM LSET SETBIT SETEX PSETEX SETRANGE ZINCRBY SMOVE RESTORE', { from: 2, only: true }],
      ['LINSERT', { from: 3, only: true }],
      ['GEOHASH GEOPOS GEODIST LPUSH RPUSH SREM ZREM SADD', { from: 1 }],
      ['GEOADD', { from: 3, every: 3 }],
      ['HSET HMSET', { from: 2, every: 2 }],
      ['MSET MSETNX', { from: 1, every: 2 }],
      ['CONFIG', { from: 2, only: true }],
      ['ZADD', { from: 2, every: 2 }],
      ['BITFIELD', { from: 1 }],
    ] satisfies [string, ValueRule][]
  ).flatMap(([names, rule]) => names.split(' ').map((name): [string, ValueRule] => [name, rule])),
)

/** Arguments that are values become `?`, each command on its own line. Keys stay. */
export function withoutRedisValues(statement: string): string {
  return statement
    .split('\n')
    .map((line) => {
      const words = line.match(/"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|\S+/g)
      const rule = redisRules.get((words?.[0] ?? '').toUpperCase())
      if (!words || !rule) return line
      const [command, ...args] = words
      const masked = args.map((arg, i) => {
        if (i < rule.from) return arg
        if (rule.only && i > rule.from) return arg
        return (i - rule.from) % (rule.every ?? 1) === 0 ? '?' : arg
      })
      // A value of several words is one value all the same: nothing of it may be left.
      if (rule.only && command?.toUpperCase() === 'SET') {
        return [command, args[0], ...(args.length > 1 ? ['?'] : [])].filter((word) => word !== undefined).join(' ')
      }
      return [command, ...masked].join(' ')
    })
    .join('\n')
}

/** Values become "?", keys and structure stay, white space goes. A text that is no JSON stays as it is. */
export function withoutJsonValues(text: string): string {
  if (!/^\s*[{["\d\-tfn]/.test(text)) return text
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return text
  }
  return JSON.stringify(value, (_key, item: unknown) => (item !== null && typeof item === 'object' ? item : '?'))
}
