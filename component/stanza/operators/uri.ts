// Takes URIs apart as Go's net/url does: scheme, user, host, port, path and query.
import type { ExprValue } from '#component/expr'
import { type EntryMap, put } from '../entry.ts'
import { EntryError } from '../operator.ts'

/** What the URI has of these, and nothing else. A text that begins with `?` is a query. Throws `EntryError`. */
export function parseUri(text: string): EntryMap {
  const parts: EntryMap = {}
  if (text.startsWith('?')) {
    addQuery(parts, text.slice(1))
    return parts
  }
  const found = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?:\/\/([^/?]*))?([^?]*)(?:\?(.*))?$/s.exec(text)
  const [, scheme, authority, path = '', query] = found ?? []
  // As a request has them: absolute, or a path.
  if (found === null || text === '' || (scheme === undefined && !path.startsWith('/') && authority === undefined)) {
    throw new EntryError(`parse ${JSON.stringify(text)}: invalid URI for request`)
  }
  // oxlint-disable-next-line no-control-regex -- these are what is looked for
  if (/[\u0000-\u0020\u007f]/.test(text))
    throw new EntryError(`parse ${JSON.stringify(text)}: invalid character in URL`)
  if (scheme !== undefined) parts['scheme'] = scheme.toLowerCase()
  if (authority !== undefined) addAuthority(parts, authority, text)
  if (path !== '') parts['path'] = authority === undefined && !path.startsWith('/') ? '' : path
  if (parts['path'] === '') delete parts['path']
  if (query !== undefined) addQuery(parts, query)
  return parts
}

function addAuthority(parts: EntryMap, authority: string, text: string): void {
  const at = authority.lastIndexOf('@')
  if (at >= 0) {
    const user = unescaped(authority.slice(0, at).split(':')[0] as string, text)
    if (user !== '') parts['user'] = user
  }
  const place = authority.slice(at + 1)
  const found = /^(\[[^\]]*\]|[^:]*)(?::(\d*))?$/.exec(place)
  if (found === null) throw new EntryError(`parse ${JSON.stringify(text)}: invalid host ${JSON.stringify(place)}`)
  const host = unescaped((found[1] as string).replace(/^\[(.*)\]$/, '$1'), text)
  if (host !== '') parts['host'] = host
  if (found[2] !== undefined && found[2] !== '') parts['port'] = found[2]
}

function unescaped(text: string, whole: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new EntryError(`parse ${JSON.stringify(whole)}: invalid URL escape`)
  }
}

/** Every parameter with all its values. */
function addQuery(parts: EntryMap, query: string): void {
  const parameters: { [key: string]: ExprValue[] } = {}
  let isEmpty = true
  for (const pair of query.split('&')) {
    if (pair === '') continue
    const at = pair.indexOf('=')
    const key = unescaped((at < 0 ? pair : pair.slice(0, at)).replaceAll('+', ' '), query)
    const value = at < 0 ? '' : unescaped(pair.slice(at + 1).replaceAll('+', ' '), query)
    const known = Object.hasOwn(parameters, key) ? parameters[key] : undefined
    if (known === undefined) put(parameters, key, [value])
    else known.push(value)
    isEmpty = false
  }
  if (!isEmpty) parts['query'] = parameters
}
