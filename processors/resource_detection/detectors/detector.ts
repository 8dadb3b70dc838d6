// What a detector is given and what it gives.
import type { Regexp } from '#lib/regexp'
import type { AnyValue } from '#pdata/otlp'
import type { GetOptions } from './http_get.ts'

/** Where metadata services are; tests put fakes in their places. */
export const defaultEndpoints = {
  linkLocal: 'http://169.254.169.254',
  scaleway: 'http://169.254.42.42',
  alibaba: 'http://100.100.100.200',
  tencent: 'http://metadata.tencentyun.com',
  gcp: 'http://metadata.google.internal',
  ibmVpc: 'http://api.metadata.cloud.ibm.com',
  ibmClassic: 'https://api.service.softlayer.com',
  kubernetes: '',
}
export type Endpoints = typeof defaultEndpoints

/** A detector's own settings, those that it has. */
export interface DetectorSettings {
  readonly tags: readonly Regexp[]
  readonly labels: readonly Regexp[]
  readonly hostnameSources: readonly string[]
  readonly tagsFromImds: boolean
  readonly maxAttempts: number
  readonly nodeFromEnvVar: string
  readonly address: string
  readonly datacenter: string
  readonly namespace: string
  readonly token: string
  readonly tokenFile: string
  readonly meta: ReadonlySet<string>
  readonly caFile: string
  readonly insecureSkipVerify: boolean
  /** `http` or `https`. */
  readonly protocol: string
}

export interface DetectorContext {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Put in front of the paths of files that are read; '' on a real host. */
  readonly root: string
  readonly endpoints: Endpoints
  readonly settings: DetectorSettings
  /** Is the attribute wanted? A detector need not ask for what nobody wants. */
  isEnabled(attribute: string): boolean
  get(url: string, options?: GetOptions): Promise<string>
}

/**
 * What was found, by attribute; those not wanted are left out by the caller, those that are no attributes of the detector
 * (tags, variables) are kept. Undefined values are left out. Rejects with `NotHere` where the platform is another one.
 */
export type Detector = (context: DetectorContext) => Promise<Record<string, AnyValue | undefined>>

/** This is not the place: nothing to say, and no failure unless `fail_on_missing_metadata` makes it one. */
export class NotHere extends Error {
  override readonly name = 'NotHere'
}

/** Any failure to reach a metadata service says that this is another platform. */
export async function orNotHere<T>(what: string, asked: Promise<T>): Promise<T> {
  try {
    return await asked
  } catch (error) {
    throw new NotHere(`${what} metadata unavailable: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
}

/** A JSON object, empty where the text holds something else. */
export function jsonObject(text: string): Record<string, unknown> {
  const value: unknown = JSON.parse(text)
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
}

/** A member that is a string or a number, as text; else undefined. */
export function text(from: unknown, ...path: readonly string[]): string | undefined {
  let value = from
  for (const name of path) {
    if (value === null || typeof value !== 'object') return undefined
    value = (value as Record<string, unknown>)[name]
  }
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : undefined
}

/** As `text`; undefined for the empty text, too. */
export function filled(from: unknown, ...path: readonly string[]): string | undefined {
  return text(from, ...path) || undefined
}
