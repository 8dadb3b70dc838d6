import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { SettingsError } from '#component'
import { decoded } from '#component/test_host'
import { GeoIpStage, geoIpSettings, openDatabase } from './geoip_stage.ts'
import { Line } from './line.ts'

// A MaxMind database as its specification has it (maxmind.github.io/MaxMind-DB): the first byte of an address decides.

type Data = string | number | { readonly double: number } | readonly Data[] | { readonly [key: string]: Data }

function encoded(data: Data): Buffer {
  if (typeof data === 'string') return Buffer.concat([head(2, Buffer.byteLength(data)), Buffer.from(data)])
  if (typeof data === 'number') {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32BE(data)
    return Buffer.concat([head(6, 4), bytes])
  }
  if (Array.isArray(data)) return Buffer.concat([head(11, data.length), ...data.map(encoded)])
  if ('double' in data && typeof data['double'] === 'number') {
    const bytes = Buffer.alloc(8)
    bytes.writeDoubleBE(data['double'])
    return Buffer.concat([head(3, 8), bytes])
  }
  const entries = Object.entries(data as { [key: string]: Data })
  return Buffer.concat([head(7, entries.length), ...entries.flatMap(([key, one]) => [encoded(key), encoded(one)])])
}

/** Sizes below 285. */
function head(type: number, size: number): Buffer {
  const first = (type > 7 ? 0 : type) << 5
  const more = type > 7 ? [type - 7] : []
  return size < 29 ? Buffer.from([first | size, ...more]) : Buffer.from([first | 29, ...more, size - 29])
}

/** 255 nodes of 24-bit records, eight levels; `networks` by first byte of version 4 addresses. */
function database(networks: Readonly<Record<number, Data>>): Buffer {
  const nodes = Buffer.alloc(255 * 6)
  const data: Buffer[] = []
  let size = 0
  const pointers = new Map<number, number>()
  for (const [byte, record] of Object.entries(networks)) {
    pointers.set(Number(byte), 255 + 16 + size)
    const bytes = encoded(record)
    data.push(bytes)
    size += bytes.length
  }
  // A complete binary tree: node i has the children 2i + 1 and 2i + 2, the last level leads to records.
  for (let node = 0; node < 255; node++) {
    for (const side of [0, 1]) {
      const child = 2 * node + 1 + side
      nodes.writeUIntBE(child < 255 ? child : (pointers.get(child - 255) ?? 255), node * 6 + side * 3, 3)
    }
  }
  const metadata = encoded({
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: 1,
    database_type: 'Test',
    description: {},
    ip_version: 4,
    languages: ['en'],
    node_count: 255,
    record_size: 24,
  })
  const marker = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1')
  return Buffer.concat([nodes, Buffer.alloc(16), ...data, marker, metadata])
}

const bytes = database({
  1: {
    city: { names: { en: 'Zürich', de: 'Zürich' } },
    country: { iso_code: 'CH', names: { en: 'Switzerland' } },
    continent: { code: 'EU', names: { en: 'Europe' } },
    location: { latitude: { double: 47.4 }, longitude: { double: 8.5 }, time_zone: 'Europe/Zurich' },
    postal: { code: '8000' },
    subdivisions: [
      { iso_code: 'X', names: { en: 'Large' } },
      { iso_code: 'ZH', names: { en: 'Zurich' } },
    ],
  },
  2: { autonomous_system_number: 64_500, autonomous_system_organization: 'Example' },
})

describe('stage.geoip', () => {
  const folder = mkdtempSync(join(tmpdir(), 'solder-geoip-'))
  const db = join(folder, 'test.mmdb')
  writeFileSync(db, bytes)
  after(() => rmSync(folder, { recursive: true }))

  const cases: { name: string; settings: Record<string, string | Map<string, string>>; ip: string; want: unknown }[] = [
    {
      name: 'a city',
      settings: { db_type: 'city' },
      ip: '1.2.3.4',
      want: {
        geoip_city_name: 'Zürich',
        geoip_continent_code: 'EU',
        geoip_continent_name: 'Europe',
        geoip_country_code: 'CH',
        geoip_country_name: 'Switzerland',
        geoip_location_latitude: 47.4,
        geoip_location_longitude: 8.5,
        geoip_postal_code: '8000',
        geoip_subdivision_code: 'ZH',
        geoip_subdivision_name: 'Zurich',
        geoip_timezone: 'Europe/Zurich',
      },
    },
    {
      name: 'a country',
      settings: { db_type: 'country' },
      ip: '1.0.0.1',
      want: {
        geoip_continent_code: 'EU',
        geoip_continent_name: 'Europe',
        geoip_country_code: 'CH',
        geoip_country_name: 'Switzerland',
      },
    },
    {
      name: 'a network',
      settings: { db_type: 'asn' },
      ip: '2.0.0.1',
      want: { geoip_autonomous_system_number: 64_500, geoip_autonomous_system_organization: 'Example' },
    },
    {
      name: 'what expressions find',
      settings: {
        custom_lookups: new Map([
          ['where', 'city.names.de'],
          ['n', 'length(subdivisions)'],
          ['none', 'abs(city)'],
        ]),
      },
      ip: '1.0.0.1',
      want: { where: 'Zürich', n: 2 },
    },
    { name: 'nothing of an address that is not there', settings: { db_type: 'city' }, ip: '3.0.0.1', want: {} },
    { name: 'nothing of an address of version 6', settings: { db_type: 'city' }, ip: '2001:db8::1', want: {} },
    { name: 'nothing of what is no address', settings: { db_type: 'city' }, ip: 'localhost', want: {} },
  ]
  for (const { name, settings, ip, want } of cases) {
    it(`extracts ${name}`, async () => {
      const stage = new GeoIpStage(decoded(geoIpSettings, { db, source: 'ip', ...settings }), await openDatabase(db))
      const line = new Line([], 0n, '', null)
      line.extracted.set('ip', ip)
      stage.change(line)
      line.extracted.delete('ip')
      assert.deepEqual(Object.fromEntries([...line.extracted].sort(([a], [b]) => (a < b ? -1 : 1))), want)
    })
  }

  it('says which database it cannot read', async () => {
    await assert.rejects(openDatabase(join(folder, 'none.mmdb')), (error: unknown) => {
      return error instanceof SettingsError && error.message.startsWith(`Cannot read the database ${folder}`)
    })
    writeFileSync(join(folder, 'bad.mmdb'), 'no database')
    await assert.rejects(openDatabase(join(folder, 'bad.mmdb')), SettingsError)
  })
})
