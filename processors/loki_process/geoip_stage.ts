// The stage that looks addresses up in a MaxMind database.
import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { attr, defineSettings, map, oneOf, SettingsError, type SettingsOf, string } from '#component'
import { compileJmesPath, type JmesPath, JmesPathError, JmesPathFault, type Json } from '#lib/jmespath'
import type { Extracted, Line } from './line.ts'
import { LineStage } from './stage.ts'

export const geoIpSettings = defineSettings(
  {
    db: attr(string, 'Path of the database (`.mmdb`).', { required: true }),
    source: attr(string, 'The extracted value that is the address.', { required: true }),
    db_type: attr(oneOf('', 'city', 'asn', 'country'), 'What is extracted as `geoip_*`.', { default: '' }),
    custom_lookups: attr(map(string), 'JMESPath expressions on the record, by the name of what they extract.'),
  },
  {
    check({ db, source, db_type: type, custom_lookups: lookups }, report) {
      if (db === '') report('db path cannot be empty', ['db'])
      if (source === '') report('source cannot be empty', ['source'])
      if (type === '' && lookups === undefined) report('db type or values need to be set')
      for (const [name, expression] of lookups ?? []) {
        try {
          compileJmesPath(expression || name)
        } catch (error) {
          if (!(error instanceof JmesPathError)) throw error
          report(`could not compile JMES expression: ${error.message}`, ['custom_lookups', name])
        }
      }
    },
  },
)
export type GeoIpSettings = SettingsOf<typeof geoIpSettings>

/** A database: what it has on an address; null: nothing. */
export type GeoDatabase = (address: string) => Json

/** Reads a database whole into memory. Throws `SettingsError` where it cannot. */
export async function openDatabase(path: string): Promise<GeoDatabase> {
  try {
    const [bytes, { Reader }] = await Promise.all([readFile(path), import('mmdb-lib')])
    const reader = new Reader(bytes)
    return (address) => {
      try {
        return (reader.get(address) as Json) ?? null
      } catch {
        // A version 6 address in a database of version 4.
        return null
      }
    }
  } catch (error) {
    throw new SettingsError(
      `Cannot read the database ${path}: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
}

export class GeoIpStage extends LineStage {
  readonly #settings: GeoIpSettings
  readonly #database: GeoDatabase
  readonly #lookups: readonly (readonly [name: string, path: JmesPath])[]

  constructor(settings: GeoIpSettings, database: GeoDatabase) {
    super()
    this.#settings = settings
    this.#database = database
    this.#lookups = [...(settings.custom_lookups ?? [])].map(([name, path]) => [name, compileJmesPath(path || name)])
  }

  change(line: Line): void {
    const address = line.extractedText(this.#settings.source)
    if (address === undefined || isIP(address) === 0 || address.includes('%')) return
    const record = this.#database(address)
    const set = (name: string, value: Json | undefined): void => {
      if (value !== undefined && value !== null && value !== '' && value !== 0)
        line.extracted.set(name, value as Extracted)
    }
    if (this.#settings.db_type === 'city') setCity(record, set)
    else if (this.#settings.db_type === 'asn') {
      set('geoip_autonomous_system_number', at(record, 'autonomous_system_number'))
      set('geoip_autonomous_system_organization', at(record, 'autonomous_system_organization'))
    } else if (this.#settings.db_type === 'country') setCountry(record, set)
    for (const [name, path] of this.#lookups) {
      const value = found(path, record)
      // Lists and objects are no texts: later stages would find nothing there.
      if (value !== null) line.extracted.set(name, typeof value === 'object' ? null : value)
    }
  }
}

type Set = (name: string, value: Json | undefined) => void

function setCountry(record: Json, set: Set): void {
  set('geoip_country_name', at(record, 'country', 'names', 'en'))
  set('geoip_country_code', at(record, 'country', 'iso_code'))
  set('geoip_continent_name', at(record, 'continent', 'names', 'en'))
  set('geoip_continent_code', at(record, 'continent', 'code'))
}

function setCity(record: Json, set: Set): void {
  setCountry(record, set)
  set('geoip_city_name', at(record, 'city', 'names', 'en'))
  set('geoip_postal_code', at(record, 'postal', 'code'))
  set('geoip_timezone', at(record, 'location', 'time_zone'))
  const [latitude, longitude] = [at(record, 'location', 'latitude') ?? 0, at(record, 'location', 'longitude') ?? 0]
  if (latitude !== 0 || longitude !== 0) {
    set('geoip_location_latitude', latitude)
    set('geoip_location_longitude', longitude)
  }
  // The last one is the most specific.
  const subdivisions = at(record, 'subdivisions')
  const smallest = Array.isArray(subdivisions) ? (subdivisions.at(-1) ?? null) : null
  set('geoip_subdivision_name', at(smallest, 'names', 'en'))
  set('geoip_subdivision_code', at(smallest, 'iso_code'))
}

function at(record: Json, ...names: readonly string[]): Json | undefined {
  let value: Json | undefined = record
  for (const name of names) {
    if (value === undefined || value === null || typeof value !== 'object' || Array.isArray(value)) return undefined
    value = Object.hasOwn(value, name) ? value[name] : undefined
  }
  return value
}

function found(path: JmesPath, record: Json): Json {
  try {
    return path(record)
  } catch (error) {
    if (error instanceof JmesPathFault) return null
    throw error
  }
}
