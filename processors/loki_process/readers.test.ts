import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { timeReader } from '#lib/go_time'

describe('times', () => {
  const now = Date.UTC(2026, 0, 5)
  const cases: [format: string, text: string, zone: string | undefined, want: string | undefined][] = [
    ['RFC3339', '2026-01-02T03:04:05+01:00', undefined, '2026-01-02T02:04:05.000Z'],
    ['RFC1123', 'Fri, 02 Jan 2026 03:04:05 GMT', undefined, '2026-01-02T03:04:05.000Z'],
    ['ANSIC', 'Fri Jan  2 03:04:05 2026', undefined, '2026-01-02T03:04:05.000Z'],
    ['UnixMs', '1767323045678', undefined, '2026-01-02T03:04:05.678Z'],
    ['Unix', '1767323045.5', undefined, '2026-01-02T03:04:05.500Z'],
    ['2006-01-02 15:04:05', '2026-07-01 12:00:00,250', 'Europe/Berlin', '2026-07-01T10:00:00.250Z'],
    ['02/Jan/2006:15:04:05 -0700', '10/Oct/2000:13:55:36 -0700', undefined, '2000-10-10T20:55:36.000Z'],
    ['Jan _2 15:04:05', 'Dec 31 23:59:59', undefined, '2025-12-31T23:59:59.000Z'],
    ['3:04PM 2006', '3:04AM 2026', undefined, '2026-01-01T03:04:00.000Z'],
    ['2006-01-02', '2026-02-30', undefined, undefined],
    ['2006-01-02', '2026-02-03x', undefined, undefined],
    ['RFC3339', '2026-01-02 03:04:05Z', undefined, undefined],
  ]
  for (const [format, text, zone, want] of cases) {
    it(`${text} as ${format} is ${want}`, () => {
      const ns = timeReader(format, zone)(text, now)
      assert.equal(ns === undefined ? undefined : new Date(Number(ns / 1_000_000n)).toISOString(), want)
    })
  }
})
