// Finds files by patterns: `*`, `?`, `[a-z]`, `{a,b}` and `**` for any number of directories.
import type { Dirent } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { resolve } from 'node:path'

const special = /[*?[{\\]/

/** A search ends after so many directories: a pattern like `/**` is not to walk a whole host for ever. */
const directoriesMax = 100_000

/** The pattern as a regular expression over whole paths. A pattern that cannot be read matches itself only. */
export function globExpression(pattern: string): RegExp {
  try {
    return new RegExp(`^${source(pattern)}$`, 'su')
  } catch {
    return new RegExp(`^${literal(pattern)}$`, 'su')
  }
}

export function isGlob(pattern: string): boolean {
  return special.test(pattern)
}

function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
}

function source(pattern: string): string {
  let out = ''
  let depth = 0
  for (let i = 0; i < pattern.length; i++) {
    const char = String.fromCodePoint(pattern.codePointAt(i) as number)
    if (char === '*') {
      if (pattern[i + 1] !== '*') out += '[^/]*'
      else {
        const alone = (i === 0 || pattern[i - 1] === '/') && (pattern[i + 2] === '/' || i + 2 >= pattern.length)
        if (!alone) out += '[^/]*'
        else if (pattern[i + 2] === '/') {
          out += '(?:[^/]+/)*'
          i++
        } else out += '.*'
        i++
      }
    } else if (char === '?') out += '[^/]'
    else if (char === '[') {
      const end = pattern.indexOf(']', i + 2)
      if (end < 0) throw new RangeError('a class does not end')
      const body = pattern.slice(i + 1, end)
      const not = body[0] === '^' || body[0] === '!'
      out += `(?!/)[${not ? '^' : ''}${body.slice(not ? 1 : 0).replace(/[\\[\]^&~|()/{}]/g, '\\$&')}]`
      i = end
    } else if (char === '{') {
      depth++
      out += '(?:'
    } else if (char === '}' && depth > 0) {
      depth--
      out += ')'
    } else if (char === ',' && depth > 0) out += '|'
    else if (char === '\\' && i + 1 < pattern.length) out += literal(pattern[++i] as string)
    else {
      out += literal(char)
      i += char.length - 1
    }
  }
  if (depth > 0) throw new RangeError('alternatives do not end')
  return out
}

/** What of `pattern` says nothing of wildcards: the directory where the search begins. */
function base(pattern: string): string {
  const at = pattern.search(special)
  const slash = pattern.lastIndexOf('/', at < 0 ? pattern.length : at)
  return slash < 0 ? '.' : pattern.slice(0, slash) || '/'
}

/** How many directories below the base files may be; undefined: any number. */
function depthOf(pattern: string, from: string): number | undefined {
  if (pattern.includes('**')) return undefined
  // Alternatives may hold slashes: at most as many levels as there are.
  const rest = pattern.slice(from === '.' ? 0 : from.length)
  return rest.split('/').filter((part) => part !== '').length
}

/**
 * Absolute paths of what `pattern` names, sorted; directories left out (`stat` says what a link leads to). What cannot
 * be read is as if it were not there. Links to directories are followed where the pattern names their level, not below
 * `**`, so that a circle of links does no harm.
 */
export async function findFiles(pattern: string): Promise<string[]> {
  if (!isGlob(pattern)) return (await isFile(pattern)) ? [resolve(pattern)] : []
  const from = base(pattern)
  const expression = globExpression(pattern)
  const found: string[] = []
  let left = directoriesMax
  const depthMax = depthOf(pattern, from)
  // A level's own pattern, where every level has one, keeps the search out of directories that cannot match.
  const levels = /[{\\]|\*\*/.test(pattern) ? undefined : pattern.split('/')
  const walk = async (directory: string, depth: number): Promise<void> => {
    if (left-- <= 0) return
    let entries: Dirent[]
    try {
      entries = await readdir(directory, { withFileTypes: true })
    } catch {
      return
    }
    const level = levels?.[(from === '/' ? 0 : from === '.' ? -1 : from.split('/').length - 1) + depth]
    const matches = level === undefined ? undefined : globExpression(level)
    for (const entry of entries) {
      if (matches !== undefined && !matches.test(entry.name)) continue
      const path = directory === '.' ? entry.name : directory === '/' ? `/${entry.name}` : `${directory}/${entry.name}`
      const deeper = depthMax === undefined ? entry.isDirectory() : depth < depthMax
      if (deeper && (entry.isDirectory() || entry.isSymbolicLink())) await walk(path, depth + 1)
      if (!entry.isDirectory() && expression.test(path) && (await isFile(path))) found.push(resolve(path))
    }
  }
  await walk(from, 1)
  return found.sort()
}

async function isFile(path: string): Promise<boolean> {
  try {
    return !(await stat(path)).isDirectory()
  } catch {
    return false
  }
}
