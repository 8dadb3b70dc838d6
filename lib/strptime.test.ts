import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { goTimeReader } from './go_time.ts'
import { strftime, strptime, StrptimeError } from './strptime.ts'

/** ISO with nanoseconds. */
function iso(ns: bigint | undefined): string | undefined {
  if (ns === undefined) return undefined
  const seconds = (ns - (((ns % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n)) / 1_000_000_000n
  const fraction = String(ns - seconds * 1_000_000_000n).padStart(9, '0')
  return `${new Date(Number(seconds) * 1000).toISOString().slice(0, 19)}.${fraction}Z`
}

const now = Date.UTC(2026, 0, 5, 12)

describe('strptime', () => {
  const cases: [format: string, text: string, location: string | undefined, want: string | undefined][] = [
    ['%Y-%m-%dT%H:%M:%SZ', '2026-01-02T03:04:05Z', undefined, '2026-01-02T03:04:05.000000000Z'],
    ['%Y-%m-%d %H:%M:%S', '2026-07-01 12:00:00', 'Europe/Berlin', '2026-07-01T10:00:00.000000000Z'],
    ['%Y-%m-%d %H:%M:%S,%L', '2026-01-02 03:04:05,678', 'UTC', '2026-01-02T03:04:05.678000000Z'],
    ['%Y-%m-%d %H:%M:%S.%f', '2026-01-02 03:04:05.000123', 'UTC', '2026-01-02T03:04:05.000123000Z'],
    ['%Y-%m-%d %H:%M:%S.%s', '2026-01-02 03:04:05.123456789', 'UTC', '2026-01-02T03:04:05.123456789Z'],
    ['%Y-%m-%d %H:%M:%S', '2026-01-02 03:04:05.5', 'UTC', '2026-01-02T03:04:05.500000000Z'],
    ['%Y-%m-%dT%H:%M:%S%z', '2026-01-02T03:04:05+0100', undefined, '2026-01-02T02:04:05.000000000Z'],
    ['%Y-%m-%dT%H:%M:%S%z', '2026-01-02T03:04:05+01:00', undefined, '2026-01-02T02:04:05.000000000Z'],
    ['%Y-%m-%dT%H:%M:%S%z', '2026-01-02T03:04:05-05', undefined, '2026-01-02T08:04:05.000000000Z'],
    ['%Y-%m-%dT%H:%M:%S%z', '2026-01-02T03:04:05Z', undefined, '2026-01-02T03:04:05.000000000Z'],
    ['%d/%b/%Y:%H:%M:%S %z', '10/Oct/2000:13:55:36 -0700', undefined, '2000-10-10T20:55:36.000000000Z'],
    ['%a %b %e %H:%M:%S %Y', 'Fri Jan  2 03:04:05 2026', 'UTC', '2026-01-02T03:04:05.000000000Z'],
    ['%c', 'Fri Jan  2 03:04:05 2026', 'UTC', '2026-01-02T03:04:05.000000000Z'],
    ['%A, %d. %B %Y', 'friday, 2. JANUARY 2026', 'UTC', '2026-01-02T00:00:00.000000000Z'],
    ['%D %R', '1/2/26 3:04', 'UTC', '2026-01-02T03:04:00.000000000Z'],
    ['%x %X', '01/02/2026 03:04:05', 'UTC', '2026-01-02T03:04:05.000000000Z'],
    ['%F %T', '2026-1-2 3:4:5', 'UTC', '2026-01-02T03:04:05.000000000Z'],
    ['%y%m%d %I:%M%p', '260102 03:04PM', 'UTC', '2026-01-02T15:04:00.000000000Z'],
    ['%m/%d/%Y %r', '01/02/2026 12:04:05 am', 'UTC', '2026-01-02T00:04:05.000000000Z'],
    ['%Y-%m-%d %H:%M:%S %Z', '2026-07-01 12:00:00 PDT', 'America/Los_Angeles', '2026-07-01T19:00:00.000000000Z'],
    ['%Y-%m-%d %H:%M:%S %Z', '2026-07-01 12:00:00 CEST', 'Europe/Berlin', '2026-07-01T10:00:00.000000000Z'],
    ['%Y-%m-%d %H:%M:%S %Z', '2026-01-01 12:00:00 EST', 'UTC', '2026-01-01T17:00:00.000000000Z'],
    ['%Y-%m-%d %H:%M:%S %Z', '2026-01-01 12:00:00 GMT', 'UTC', '2026-01-01T12:00:00.000000000Z'],
    ['%Y-%m-%d %H:%M:%S %Z', '2026-01-01 12:00:00 GMT+3', 'UTC', '2026-01-01T09:00:00.000000000Z'],
    ['%Y-%m-%d %H:%M:%S %Z', '2026-01-01 12:00:00 XYZT', 'UTC', undefined],
    ['%Y-%m-%d %H:%M:%S %i', '2026-01-01 12:00:00 +02', undefined, '2026-01-01T10:00:00.000000000Z'],
    ['%Y-%m-%d %H:%M:%S %j', '2026-01-01 12:00:00 +02:30', undefined, '2026-01-01T09:30:00.000000000Z'],
    // Without a year: this one's, or the last where it were more than a week ahead.
    ['%b %d %H:%M:%S', 'Jan 12 03:04:05', 'UTC', '2026-01-12T03:04:05.000000000Z'],
    ['%b %d %H:%M:%S', 'Feb 12 03:04:05', 'UTC', '2025-02-12T03:04:05.000000000Z'],
    ['%H:%M:%S', '03:04:05', 'UTC', '2026-01-01T03:04:05.000000000Z'],
    ['%Y%t%%', '2026\t%', 'UTC', '2026-01-01T00:00:00.000000000Z'],
    ['%Y-%m-%d', '2026-02-30', 'UTC', undefined],
    ['%Y-%m-%d', '2026-02-03x', 'UTC', undefined],
    ['%Y-%m-%d', '', 'UTC', undefined],
    ['%H:%M', '24:00', 'UTC', undefined],
    ['%Y', '26', 'UTC', undefined],
  ]
  for (const [format, text, location, want] of cases) {
    it(`${JSON.stringify(text)} by ${JSON.stringify(format)} is ${want ?? 'refused'}`, () => {
      assert.equal(iso(strptime(format, { location })(text, now)), want)
    })
  }

  const languages: [locale: string, format: string, text: string][] = [
    ['fr', '%d %B %Y', '2 janvier 2026'],
    ['de', '%A, %d. %B %Y', 'Freitag, 2. Januar 2026'],
    ['pt-BR', '%d de %B de %Y', '2 de janeiro de 2026'],
    ['en', '%d %b %Y', '2 Jan 2026'],
    ['es-ES', '%d de %B de %Y, %I:%M %p', '2 de enero de 2026, 12:00 a.m.'],
    ['es-ES', '%d de %B de %Y, %I:%M %p', '2 de enero de 2026, 12:00 a. m.'],
    ['es-ES', '%d de %B de %Y, %I:%M %p', '2 de enero de 2026, 12:00 a.\u202fm.'],
  ]
  for (const [locale, format, text] of languages) {
    it(`${text} is read in ${locale}`, () => {
      assert.equal(iso(strptime(format, { location: 'UTC', locale })(text, now)), '2026-01-02T00:00:00.000000000Z')
    })
  }

  const wrong: [format: string, options: { location?: string; locale?: string }, want: RegExp][] = [
    ['%C-%m %E', {}, /unsupported directive: %C, %E/],
    ['%Y-%', {}, /unsupported directive: %$/],
    ['2006-%m', {}, /should not contain decimals/],
    ['%S:%L', {}, /':%L'.*preceded/],
    ['%Y', { location: 'Mars/Olympus' }, /unknown time zone Mars\/Olympus/],
    ['%Y', { locale: 'no such' }, /unsupported locale 'no such'/],
  ]
  for (const [format, options, want] of wrong) {
    it(`${format} ${JSON.stringify(options)} is refused`, () => assert.throws(() => strptime(format, options), want))
  }
})

describe('strftime', () => {
  const ns = 1_767_323_045_006_007_008n
  const cases: [format: string, location: string, want: string][] = [
    ['%Y-%m-%dT%H:%M:%S.%s%z', 'UTC', '2026-01-02T03:04:05.006007008Z'],
    ['%Y-%m-%d %H:%M:%S.%L %z', 'Europe/Berlin', '2026-01-02 04:04:05.006 +0100'],
    ['%a %A %b %B %e %g %o %q %y', 'UTC', 'Fri Friday Jan January  2 2  1 1 26'],
    ['%I:%M %p %l %P', 'America/New_York', '10:04 PM 10 pm'],
    ['%S.%L', 'UTC', '05.006'],
    ['%D %T %R %F %j', 'Asia/Kolkata', '01/02/2026 08:34:05 08:34 2026-01-02 +05:30'],
    ['%H %Z', 'Europe/Berlin', '04 CET'],
    ['%H %Z', 'UTC', '03 UTC'],
    ['100', 'UTC', ''],
    ['at %f', 'UTC', ''],
    ['%%%n%t,%f', 'UTC', '%\n\t,006007'],
  ]
  for (const [format, location, want] of cases) {
    it(`${JSON.stringify(format)} in ${location}`, () => {
      if (want === '') assert.throws(() => strftime(format, location), StrptimeError)
      else assert.equal(strftime(format, location)(ns), want)
    })
  }

  it('leaves out the last zeros of a fraction, and its point where none of it is left', () => {
    assert.equal(strftime('%S.%s', 'UTC')(1_500_000_000n), '01.5')
    assert.equal(strftime('%S.%LZ', 'UTC')(1_000_400_000n), '01Z')
  })

  it('writes what strptime reads back', () => {
    const formats = ['%Y-%m-%dT%H:%M:%S.%s%z', '%c.%s %j', '%A %d %B %Y %I:%M:%S,%s %p %z', '%Y-%o-%e %T.%s %w']
    const zones = ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata']
    const anyTime = fc.bigInt({ min: 0n, max: 4_102_444_800_000_000_000n })
    fc.assert(
      fc.property(anyTime, fc.constantFrom(...formats), fc.constantFrom(...zones), (time, format, zone) => {
        assert.equal(strptime(format)(strftime(format, zone)(time), now), time)
      }),
      { numRuns: 300 },
    )
  })

  it('reads or refuses any format and text', () => {
    const piece = fc.constantFrom(
      '%Y',
      '%m',
      '%d',
      '%H',
      '%z',
      '%D',
      '.%L',
      '%b',
      '%Z',
      '%',
      ' ',
      'T',
      '%p',
      '%Q',
      'MST',
    )
    const format = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''))
    const text = fc.string({ unit: fc.constantFrom(...'0123456789-:.+ TZJanPMCEST'), maxLength: 30 })
    fc.assert(
      fc.property(format, text, (f, t) => {
        try {
          const ns = strptime(f, { location: 'UTC' })(t, now)
          assert.ok(ns === undefined || typeof ns === 'bigint')
        } catch (error) {
          assert.ok(error instanceof StrptimeError, String(error))
        }
      }),
      { numRuns: 500 },
    )
  })
})

describe("Go's layouts with the collector's rules", () => {
  const cases: [layout: string, text: string, location: string | undefined, want: string | undefined][] = [
    ['2006-01-02T15:04:05.999Z', '2026-01-02T03:04:05.25Z', undefined, '2026-01-02T03:04:05.250000000Z'],
    ['Jan 2 15:04:05', 'Dec 31 23:59:59', 'UTC', '2025-12-31T23:59:59.000000000Z'],
    ['15:04', '7:04', 'UTC', '2026-01-01T07:04:00.000000000Z'],
    ['2006-01-02 15:04:05 MST', '2026-07-01 12:00:00 CEST', 'Europe/Berlin', '2026-07-01T10:00:00.000000000Z'],
    ['2006 002', '2026 033', 'UTC', '2026-02-02T00:00:00.000000000Z'],
    ['2006-01-02', '2026-1-2', 'UTC', undefined],
  ]
  for (const [layout, text, location, want] of cases) {
    it(`${text} by ${layout} is ${want ?? 'refused'}`, () => {
      assert.equal(iso(goTimeReader(layout, location)(text, now)), want)
    })
  }
  it('refuses a fraction that no point stands before', () => {
    assert.throws(() => goTimeReader('15:04:05:999', undefined), /fractional seconds directive: ':999'/)
  })
})
