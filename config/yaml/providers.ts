// Where texts of configurations come from: file:, env:, yaml:, http: and https:.
import { readFile } from 'node:fs/promises'

export interface Location {
  readonly scheme: string
  /** What stands behind the scheme and its colon. */
  readonly value: string
}

const schemes: readonly string[] = ['env', 'file', 'http', 'https', 'yaml']
const environmentName = /^[a-zA-Z_][a-zA-Z0-9_]*$/
/** A server that does not answer within this time fails the load. */
const httpTimeoutMs = 30_000
/** Larger texts are no configurations. */
const textBytesMax = 64 * 1024 * 1024

export type Environment = Readonly<Record<string, string | undefined>>

/** `scheme:rest`; undefined where it has no scheme (two characters at least). */
export function parseLocation(uri: string): Location | undefined {
  const match = /^([A-Za-z][A-Za-z0-9+.-]+):(.*)$/s.exec(uri)
  return match ? { scheme: match[1] as string, value: match[2] as string } : undefined
}

/** What `--config` takes: a plain path (with a drive letter too) is a file. Throws where the scheme is not known. */
export function configLocation(uri: string): Location {
  if (/^[A-Za-z]:/.test(uri) || !uri.includes(':')) return { scheme: 'file', value: uri }
  const location = parseLocation(uri)
  if (!location || !schemes.includes(location.scheme)) {
    throw new Error(`Cannot read the configuration ${uri}: its scheme is none of ${schemes.join(', ')}`)
  }
  return location
}

export interface Retrieved {
  readonly text: string
  /** The text is a value as it is, not to be looked at as YAML. */
  readonly verbatim?: boolean
  /** Worth a word. */
  readonly warning?: string
}

/** The text at a location. Rejects with a message that names the location and the cause, never showing the text. */
export async function retrieve(location: Location, environment: Environment): Promise<Retrieved> {
  const { scheme, value } = location
  switch (scheme) {
    case 'env':
      return environmentText(value, environment)
    case 'yaml':
      return { text: value }
    case 'file':
      try {
        return { text: (await readFile(value)).toString() }
      } catch (error) {
        throw new Error(`Cannot read the file ${value}: ${(error as Error).message}`, { cause: error })
      }
    case 'http':
    case 'https':
      return { text: await download(`${scheme}:${value}`) }
    default:
      throw new Error(`scheme "${scheme}" is not supported: it is one of ${schemes.join(', ')}`)
  }
}

/** `NAME` or `NAME:-default`: the default stands in where the variable is not set (an empty one is set). */
function environmentText(value: string, environment: Environment): Retrieved {
  const cut = value.indexOf(':-')
  const name = cut < 0 ? value : value.slice(0, cut)
  if (!environmentName.test(name)) {
    throw new Error(`environment variable "${name}" has an invalid name: it must match ${environmentName.source}`)
  }
  const text = environment[name]
  if (text !== undefined) return { text }
  if (cut >= 0) return { text: value.slice(cut + 2), verbatim: value.length === cut + 2 }
  return { text: '', warning: `environment variable "${name}" is not set` }
}

async function download(url: string): Promise<string> {
  const failed = (why: string, cause?: unknown): Error =>
    new Error(`Cannot download ${shownUrl(url)}: ${why}`, { cause })
  let response: Response
  try {
    response = await fetch(url, { signal: AbortSignal.timeout(httpTimeoutMs) })
  } catch (error) {
    const { cause, message } = error as Error
    throw failed(cause instanceof Error ? cause.message : message, error)
  }
  if (response.status !== 200) {
    await response.body?.cancel()
    throw failed(`the server answered ${response.status}`)
  }
  const bytes = Buffer.from(await response.arrayBuffer())
  if (bytes.length > textBytesMax) throw failed(`it is larger than ${textBytesMax} bytes: it has ${bytes.length}`)
  return bytes.toString()
}

/** Without user, password and query. */
export function shownUrl(url: string): string {
  try {
    const { protocol, host, pathname } = new URL(url)
    return `${protocol}//${host}${pathname}`
  } catch {
    return 'an invalid URL'
  }
}
