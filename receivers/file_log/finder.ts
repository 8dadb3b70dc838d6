// Finds the files to read: patterns, those left out, ages, and the first of an order.
import { stat } from 'node:fs/promises'
import { basename, isAbsolute, resolve } from 'node:path'
import { findFiles, globExpression } from '#component/tail'
import { compileRegexp } from '#lib/regexp'
import { strptime } from '#lib/strptime'
import type { FileLogSettings, Ordering, SortRule } from './settings.ts'

/** A file with what it is sorted by. */
interface Ranked {
  readonly path: string
  readonly keys: readonly (number | string)[]
}

/** Absolute paths. `isRead` says what is being read: that goes on, however old it becomes. */
export async function filesToRead(
  settings: Pick<FileLogSettings, 'include' | 'exclude' | 'exclude_older_than' | 'ordering_criteria'>,
  nowMs: number,
  isRead: (path: string) => boolean,
): Promise<string[]> {
  const excluded = settings.exclude.map((pattern) => globExpression(isAbsolute(pattern) ? pattern : resolve(pattern)))
  const found = new Set<string>()
  for (const pattern of settings.include) {
    for (const path of await findFiles(pattern)) if (!excluded.some((one) => one.test(path))) found.add(path)
  }
  const { exclude_older_than: ageMsMax, ordering_criteria: ordering } = settings
  let paths = [...found]
  if (ageMsMax > 0) {
    const young = await Promise.all(
      paths.map(async (path) => isRead(path) || (await mtimeOf(path)) >= nowMs - ageMsMax),
    )
    paths = paths.filter((_, i) => young[i])
  }
  return ordering === undefined ? paths : ordered(paths, ordering, nowMs)
}

async function mtimeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.mtimeMs ?? -Infinity
}

/** Of each group the first files. Files whose names do not match are left out. */
async function ordered(paths: readonly string[], ordering: Ordering, nowMs: number): Promise<string[]> {
  const { regex, group_by: groupBy, top_n: topN, sort_by: rules } = ordering
  const regexp = regex === '' ? undefined : compileRegexp(regex)
  const groups = new Map<string, Ranked[]>()
  const groupOf = groupBy === '' ? undefined : compileRegexp(groupBy)
  for (const path of paths) {
    const named = regexp?.exec(basename(path)) ?? regexp?.exec(path)
    if (regexp !== undefined && !named) continue
    const keys: (number | string)[] = []
    for (const rule of rules) keys.push(await sortKey(path, rule, named?.named ?? new Map<string, string>(), nowMs))
    const grouped = groupOf?.exec(path)?.groups.slice(1).join('\0') ?? ''
    const group = groups.get(grouped)
    if (group === undefined) groups.set(grouped, [{ path, keys }])
    else group.push({ path, keys })
  }
  const signs = rules.map((rule) => (rule.ascending ? 1 : -1))
  return [...groups.values()].flatMap((group) => {
    group.sort((a, b) => compareKeys(a, b, signs))
    return group.slice(0, topN === 0 ? 1 : topN).map(({ path }) => path)
  })
}

async function sortKey(
  path: string,
  { sort_type: type, regex_key: key, layout, location }: SortRule,
  named: ReadonlyMap<string, string>,
  nowMs: number,
): Promise<number | string> {
  const value = named.get(key) ?? ''
  switch (type) {
    case 'numeric':
      return /^[+-]?\d+$/.test(value) ? Number(value) : -Infinity
    case 'timestamp': {
      const ns = strptime(layout, { location: location === '' ? 'UTC' : location })(value, nowMs)
      return ns === undefined ? -Infinity : Number(ns)
    }
    case 'mtime':
      return mtimeOf(path)
    default:
      return value
  }
}

function compareKeys(a: Ranked, b: Ranked, signs: readonly number[]): number {
  for (const [i, sign] of signs.entries()) {
    const [x, y] = [a.keys[i] as number | string, b.keys[i] as number | string]
    if (x !== y) return x < y ? -sign : sign
  }
  return 0
}
