// What a discovered target becomes: an address to ask, labels for its series, and when it is asked.
import { createHash } from 'node:crypto'
import type { Labels } from '#pdata'
import { labelsFrom } from '#pdata'
import { parsePrometheusDuration } from './duration.ts'

export interface TargetDefaults {
  readonly jobName: string
  readonly metricsPath: string
  readonly scheme: string
  readonly params: ReadonlyMap<string, readonly string[]>
  readonly intervalMs: number
  readonly timeoutMs: number
  readonly nativeHistograms: boolean
  readonly classicHistograms: boolean
  readonly classicToNative: boolean
}

/** A target ready to be scraped. Immutable. */
export interface ScrapeTarget {
  /** The same for the same labels and URL: tells whether a target is another one. */
  readonly key: string
  /** `__address__`, as given. */
  readonly address: string
  /** `__metrics_path__`. */
  readonly path: string
  readonly url: string
  /** What its series carry: the labels without two underscores in front, `job` and `instance` among them. */
  readonly labels: Labels
  readonly intervalMs: number
  readonly timeoutMs: number
  readonly nativeHistograms: boolean
  readonly classicHistograms: boolean
  readonly classicToNative: boolean
  /** Spreads the scrapes over the interval: a number below 2^48 that depends on the labels and the URL. */
  readonly spread: number
}

/**
 * The target behind `discovered` labels. Throws an `Error` that says what is wrong with it
 * (Prometheus scrape/target.go, PopulateLabels).
 */
export function scrapeTarget(discovered: ReadonlyMap<string, string>, defaults: TargetDefaults): ScrapeTarget {
  const labels = new Map<string, string>()
  for (const [name, value] of discovered) if (value !== '' && !name.startsWith('__meta_')) labels.set(name, value)
  const orElse = (name: string, value: string): string => {
    const given = labels.get(name)
    if (given !== undefined) return given
    if (value !== '') labels.set(name, value)
    return value
  }
  orElse('job', defaults.jobName)
  const path = orElse('__metrics_path__', defaults.metricsPath)
  const scheme = orElse('__scheme__', defaults.scheme)
  const address = labels.get('__address__') ?? ''
  if (address === '') throw new Error('no address')
  if (address.includes('/')) throw new Error(`${JSON.stringify(address)} is not a valid hostname`)
  const intervalMs = duration(labels, '__scrape_interval__', 'scrape interval', defaults.intervalMs)
  const timeoutMs = duration(labels, '__scrape_timeout__', 'scrape timeout', defaults.timeoutMs)
  if (timeoutMs > intervalMs) {
    throw new Error(`scrape timeout cannot be greater than scrape interval (${timeoutMs}ms > ${intervalMs}ms)`)
  }
  orElse('instance', address)
  const url = targetUrl(scheme, address, path, labels, defaults.params)
  const all = labelsFrom(labels)
  const nativeHistograms = flag(labels, '__scrape_native_histograms__', defaults.nativeHistograms)
  const classicHistograms = flag(labels, '__always_scrape_classic_histograms__', defaults.classicHistograms)
  const classicToNative = flag(labels, '__convert_classic_histograms_to_nhcb__', defaults.classicToNative)
  const identity = [all, url, intervalMs, timeoutMs, nativeHistograms, classicHistograms, classicToNative]
  const digest = createHash('sha1').update(JSON.stringify(identity)).digest()
  return {
    key: digest.toString('base64'),
    address,
    path,
    url,
    labels: labelsFrom([...labels].filter(([name]) => !name.startsWith('__'))),
    intervalMs,
    timeoutMs,
    nativeHistograms,
    classicHistograms,
    classicToNative,
    spread: digest.readUIntBE(0, 6),
  }
}

function duration(labels: ReadonlyMap<string, string>, name: string, what: string, otherwise: number): number {
  const text = labels.get(name)
  const ms = text === undefined ? otherwise : parsePrometheusDuration(text)
  if (ms === undefined) throw new Error(`error parsing ${what}: not a valid duration string: ${JSON.stringify(text)}`)
  if (ms === 0) throw new Error(`${what} cannot be 0`)
  return ms
}

const booleans: Readonly<Record<string, boolean>> = {
  ...Object.fromEntries(['1', 't', 'T', 'true', 'TRUE', 'True'].map((text) => [text, true])),
  ...Object.fromEntries(['0', 'f', 'F', 'false', 'FALSE', 'False'].map((text) => [text, false])),
}

function flag(labels: ReadonlyMap<string, string>, name: string, otherwise: boolean): boolean {
  const text = labels.get(name)
  if (text === undefined) return otherwise
  if (!Object.hasOwn(booleans, text)) throw new Error(`error parsing ${name}: ${JSON.stringify(text)} is no boolean`)
  return booleans[text] as boolean
}

/** Parameters in the order of their names, as Go's `url.Values` writes them. */
function targetUrl(
  scheme: string,
  address: string,
  path: string,
  labels: ReadonlyMap<string, string>,
  params: ReadonlyMap<string, readonly string[]>,
): string {
  const all = new Map([...params].map(([name, values]) => [name, [...values]]))
  for (const [label, value] of labels) {
    if (!label.startsWith('__param_')) continue
    const name = label.slice('__param_'.length)
    const values = all.get(name)
    if (values && values.length > 0) values[0] = value
    else all.set(name, [value])
  }
  const query = [...all]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, values]) => values.map((value) => `${encode(name)}=${encode(value)}`))
    .join('&')
  const rooted = path === '' || path.startsWith('/') ? path : `/${path}`
  const encoded = rooted.replace(/[^A-Za-z0-9\-._~!$&'()*+,;=:@/]/gu, (c) =>
    encodeURIComponent(c.isWellFormed() ? c : '\ufffd'),
  )
  return `${scheme}://${address}${encoded}${query === '' ? '' : `?${query}`}`
}

function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed())
    .replaceAll('%20', '+')
    .replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
}

/**
 * Milliseconds from `nowMs` to the target's next turn: turns come every interval, at a place in it that depends on the
 * target, whatever the time the process started.
 */
export function offsetMs(target: ScrapeTarget, nowMs: number): number {
  const interval = target.intervalMs
  const next = interval - (nowMs % interval) + (target.spread % interval)
  return next > interval ? next - interval : next
}
