// Paths whose last part may hold wildcards.
import { readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

/** The files that the patterns name, in the order of the patterns, those of one pattern by name. Each file once. */
export function matchingFiles(patterns: readonly string[]): Set<string> {
  const files = new Set<string>()
  for (const pattern of patterns) {
    if (!/[*?[]/.test(basename(pattern))) {
      files.add(pattern)
      continue
    }
    const matches = nameMatcher(basename(pattern))
    const directory = dirname(pattern)
    for (const name of namesIn(directory).sort()) {
      if (matches.test(name)) files.add(directory === '.' && !pattern.startsWith('./') ? name : join(directory, name))
    }
  }
  return files
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch {
    return [] // As a directory without files: it may come.
  }
}

/** `*`, `?`, `[a-z]` and `[^a-z]`, as Go's path/filepath has them. */
function nameMatcher(pattern: string): RegExp {
  let source = ''
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern[i] as string
    const end = char === '[' ? pattern.indexOf(']', i + 2) : -1
    if (char === '*') source += '[^/]*'
    else if (char === '?') source += '[^/]'
    else if (end > 0) {
      source += `[${pattern
        .slice(i + 1, end)
        .replaceAll('\\', '\\\\')
        .replaceAll('[', '\\[')}]`
      i = end
    } else source += char.replace(/[.+^${}()|[\]\\]/, '\\$&')
  }
  return new RegExp(`^${source}$`, 's')
}
