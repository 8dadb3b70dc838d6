// The search path of resolv.conf: under which names a short name is looked up.
import { readFileSync } from 'node:fs'

export interface SearchPath {
  readonly domains: readonly string[]
  /** A name with so many dots is tried as it is first. */
  readonly dots: number
}

/** Reads `/etc/resolv.conf` (resolv.conf(5)): the last `search` or `domain`, and `options ndots:`. None: no search. */
export function readSearchPath(path = '/etc/resolv.conf'): SearchPath {
  let text = ''
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    // A machine without the file has no search path.
  }
  let domains: string[] = []
  let dots = 1
  for (const line of text.split('\n')) {
    const words = line
      .replace(/[#;].*/, '')
      .trim()
      .split(/\s+/)
    if (words[0] === 'search') domains = words.slice(1)
    else if (words[0] === 'domain' && words[1] !== undefined) domains = [words[1]]
    else if (words[0] === 'options') {
      const option = words.find((word) => /^ndots:\d+$/.test(word))
      if (option !== undefined) dots = Number(option.slice(6))
    }
  }
  return { domains, dots }
}

/** The names to try for `name`, in their order. One that ends with a dot is whole. */
export function searchNames(name: string, path: SearchPath): string[] {
  if (name.endsWith('.')) return [name]
  const searched = path.domains.map((domain) => `${name}.${domain.replace(/\.$/, '')}`)
  return name.split('.').length - 1 >= path.dots ? [name, ...searched] : [...searched, name]
}
