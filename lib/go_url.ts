// URLs as Go's package net/url takes them apart and puts them together: nothing is normalised but the scheme's case.
import { Buffer } from 'node:buffer'
import { quote } from './go_quote.ts'
import { parseIp } from './ip_address.ts'

/** A text that is no URL; the message is that of Go's `url.Parse`. */
export class UrlError extends Error {
  override readonly name = 'UrlError'
}

export interface GoUrl {
  readonly scheme: string
  /** What stands behind the scheme where that is no path (`mailto:me@here`). */
  readonly opaque: string
  /** Null where there is no `@`. `password` is undefined where there is no colon. */
  readonly user: { readonly name: string; readonly password: string | undefined } | null
  /** With port and brackets. */
  readonly host: string
  /** Unescaped. */
  readonly path: string
  /** As it was escaped, where that is not the usual way; else empty. */
  readonly rawPath: string
  readonly isHostOmitted: boolean
  /** Ends in a question mark, with nothing behind. */
  readonly isQueryForced: boolean
  readonly query: string
  readonly fragment: string
  readonly rawFragment: string
}

/** What needs no escape, by the part that it stands in (RFC 3986, as Go has it). */
const plain = {
  path: /^[A-Za-z0-9\-_.~$&+,/:;=@]$/,
  user: /^[A-Za-z0-9\-_.~$&+,;=]$/,
  fragment: /^[A-Za-z0-9\-_.~$&+,/:;=?@!()*]$/,
  host: /^[A-Za-z0-9\-_.~!$&'()*+,;=:[\]<>"]$/,
} as const
type Part = keyof typeof plain

/** Take `text` apart. Throws `UrlError`. */
export function parseGoUrl(text: string): GoUrl {
  const [body, rawFragment] = cut(text, '#')
  const url = named(body, () => parsedBody(body))
  const fragment = named(text, () => unescaped(rawFragment, 'fragment'))
  return { ...url, fragment, rawFragment: escaped(fragment, 'fragment') === rawFragment ? '' : rawFragment }
}

/** What `read` gives; its errors with the text that was read. */
function named<T>(text: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw error instanceof UrlError ? new UrlError(`parse ${quote(text)}: ${error.message}`) : error
  }
}

function cut(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator)
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

function parsedBody(text: string): Omit<GoUrl, 'fragment' | 'rawFragment'> {
  // oxlint-disable-next-line no-control-regex
  if (/[\0-\x1f\x7f]/.test(text)) throw new UrlError('net/url: invalid control character in URL')
  const url = {
    scheme: '',
    opaque: '',
    user: null as GoUrl['user'],
    host: '',
    path: '',
    rawPath: '',
    isHostOmitted: false,
    isQueryForced: false,
    query: '',
  }
  if (text === '*') return { ...url, path: '*' }
  if (text.startsWith(':')) throw new UrlError('missing protocol scheme')
  const scheme = /^([A-Za-z][A-Za-z0-9+\-.]*):/.exec(text)
  url.scheme = scheme?.[1]?.toLowerCase() ?? ''
  let rest = text.slice(scheme?.[0].length ?? 0)
  url.isQueryForced = rest.indexOf('?') === rest.length - 1 && rest.endsWith('?')
  ;[rest, url.query] = cut(rest, '?')
  if (!rest.startsWith('/')) {
    if (url.scheme !== '') return { ...url, opaque: rest }
    if (cut(rest, '/')[0].includes(':')) throw new UrlError('first path segment in URL cannot contain colon')
  }
  if (rest.startsWith('//') && (url.scheme !== '' || !rest.startsWith('///'))) {
    const end = rest.indexOf('/', 2)
    const authority = rest.slice(2, end < 0 ? undefined : end)
    rest = end < 0 ? '' : rest.slice(end)
    const at = authority.lastIndexOf('@')
    url.host = parsedHost(authority.slice(at + 1))
    if (at >= 0) url.user = parsedUser(authority.slice(0, at))
  } else url.isHostOmitted = url.scheme !== '' && rest.startsWith('/')
  url.path = unescaped(rest, 'path')
  url.rawPath = escaped(url.path, 'path') === rest ? '' : rest
  return url
}

function parsedUser(text: string): GoUrl['user'] {
  if (!/^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$/.test(text)) throw new UrlError('net/url: invalid userinfo')
  const [name, password] = cut(text, ':')
  return {
    name: unescaped(name, 'user'),
    password: text.includes(':') ? unescaped(password, 'user') : undefined,
  }
}

const optionalPort = /^(?::\d*)?$/

function parsedHost(text: string): string {
  const open = text.lastIndexOf('[')
  if (open > 0) throw new UrlError('invalid IP-literal')
  if (open === 0) return parsedIpLiteral(text)
  const colon = text.lastIndexOf(':')
  if (colon >= 0 && !optionalPort.test(text.slice(colon))) {
    throw new UrlError(`invalid port ${quote(text.slice(colon))} after host`)
  }
  return unescaped(text, 'host')
}

function parsedIpLiteral(text: string): string {
  const close = text.lastIndexOf(']')
  if (close < 0) throw new UrlError("missing ']' in host")
  const port = text.slice(close + 1)
  if (!optionalPort.test(port)) throw new UrlError(`invalid port ${quote(port)} after host`)
  const name = text.slice(1, close)
  const zone = name.indexOf('%25')
  const address = unescaped(zone < 0 ? name : name.slice(0, zone), 'host')
  if (!address.includes(':') || parseIp(address) === undefined) {
    throw new UrlError(`invalid host: ParseAddr(${quote(address)}): unable to parse IP`)
  }
  return `[${address}${zone < 0 ? '' : unescaped(name.slice(zone), 'user')}]${port}`
}

/** Throws `UrlError` for percent signs without two digits, and for what may not stand in a host. */
function unescaped(text: string, part: Part): string {
  if (part === 'host') {
    for (const found of text.matchAll(/%(?![0-7])(?:(?!25)..)?|%[0-7].|[^%]/gsu)) {
      const char = found[0]
      if (char.startsWith('%') && char !== '%25') throw invalidEscape(text, found.index)
      // oxlint-disable-next-line no-control-regex
      if (/^[\0-\x7f]$/.test(char) && !plain.host.test(char)) {
        throw new UrlError(`invalid character ${quote(char)} in host name`)
      }
    }
  }
  if (!text.includes('%')) return text
  const wrong = /%(?![0-9a-fA-F]{2})/.exec(text)
  if (wrong !== null) throw invalidEscape(text, wrong.index)
  return percentDecoded(text)
}

function invalidEscape(text: string, at: number): UrlError {
  return new UrlError(`invalid URL escape ${quote(text.slice(at, at + 3))}`)
}

/** Every `%xx` as the byte that it is; the rest stays. */
function percentDecoded(text: string): string {
  return Buffer.concat(
    text.split(/((?:%[0-9a-fA-F]{2})+)/).map((piece, i) => {
      return i % 2 === 0 ? Buffer.from(piece) : Buffer.from(piece.replaceAll('%', ''), 'hex')
    }),
  ).toString()
}

function escaped(text: string, part: Part): string {
  let out = ''
  for (const char of text) {
    if (plain[part].test(char)) out += char
    else for (const byte of Buffer.from(char)) out += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return out
}

/** `raw` where it is a way to escape `text`, else the usual way. */
function kept(raw: string, text: string, part: 'path' | 'fragment'): string {
  const isValid = part === 'path' ? /^[A-Za-z0-9\-_.~!$&'()*+,;=:@[\]%/]*$/ : /^[A-Za-z0-9\-_.~!$&'()*+,;=:@[\]%/?]*$/
  return raw !== '' && isValid.test(raw) ? raw : escaped(text, part)
}

/** The URL as a text again. */
export function goUrlText(url: GoUrl): string {
  let out = url.scheme === '' ? '' : `${url.scheme}:`
  if (url.opaque !== '') out += url.opaque
  else {
    const hasAuthority = url.host !== '' || url.user !== null
    if ((url.scheme !== '' && !(url.isHostOmitted && !hasAuthority)) || hasAuthority) {
      if (hasAuthority || url.path !== '') out += '//'
      if (url.user !== null) out += `${userText(url.user)}@`
      out += escapedHost(url.host)
    }
    const path = url.path === '*' ? '*' : kept(url.rawPath, url.path, 'path')
    if (path !== '' && !path.startsWith('/') && url.host !== '') out += '/'
    if (out === '' && cut(path, '/')[0].includes(':')) out += './'
    out += path
  }
  if (url.isQueryForced || url.query !== '') out += `?${url.query}`
  if (url.fragment !== '') out += `#${kept(url.rawFragment, url.fragment, 'fragment')}`
  return out
}

function escapedHost(host: string): string {
  return escaped(host, 'host')
}

/** `name`, or `name:password`, escaped. */
export function userText(user: NonNullable<GoUrl['user']>): string {
  const name = escaped(user.name, 'user')
  return user.password === undefined ? name : `${name}:${escaped(user.password, 'user')}`
}

/** The host without port and brackets, and the port's digits, if any. */
export function hostAndPort(host: string): { readonly name: string; readonly port: string } {
  const colon = host.lastIndexOf(':')
  const hasPort = colon >= 0 && optionalPort.test(host.slice(colon))
  const name = hasPort ? host.slice(0, colon) : host
  return {
    name: name.startsWith('[') && name.endsWith(']') ? name.slice(1, -1) : name,
    port: hasPort ? host.slice(colon + 1) : '',
  }
}

/** The values of each key of a query, in the order of their first places. Throws `UrlError`. */
export function parseGoQuery(query: string): ReadonlyMap<string, readonly string[]> {
  const values = new Map<string, string[]>()
  let fault: UrlError | undefined
  for (const pair of query.split('&')) {
    if (pair === '') continue
    try {
      if (pair.includes(';')) throw new UrlError('invalid semicolon separator in query')
      const [key, value] = cut(pair, '=').map((text) => unescaped(text.replaceAll('+', ' '), 'fragment')) as [
        string,
        string,
      ]
      const known = values.get(key)
      if (known === undefined) values.set(key, [value])
      else known.push(value)
    } catch (error) {
      fault ??= error as UrlError
    }
  }
  if (fault !== undefined) throw fault
  return values
}
