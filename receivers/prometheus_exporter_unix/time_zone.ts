// The time zone's abbreviation (`CET`, `UTC`), which JavaScript does not give: read from its file (RFC 9636, TZif).
import { readFileSync } from 'node:fs'

const zoneDirectory = '/usr/share/zoneinfo'

interface Zone {
  /** Abbreviation by offset from UTC in seconds; the one in use now where several were. */
  readonly byOffset: ReadonlyMap<number, string>
}

const zones = new Map<string, Zone>()
/** TZ may be changed while the process runs, but hardly more often than this. */
const zonesMax = 16

/** The abbreviation in use at `offsetSeconds` in the zone that `tz` (the variable TZ) names; `UTC` where nothing is known. */
export function zoneAbbreviation(offsetSeconds: number, tz: string | undefined): string {
  const name = tz?.replace(/^:/, '')
  if (name === '') return 'UTC'
  const path = name === undefined ? '/etc/localtime' : name.startsWith('/') ? name : `${zoneDirectory}/${name}`
  let zone = zones.get(path)
  if (!zone) {
    zone = readZone(path)
    if (zones.size >= zonesMax) zones.clear()
    zones.set(path, zone)
  }
  return zone.byOffset.get(offsetSeconds) ?? 'UTC'
}

function readZone(path: string): Zone {
  try {
    return parseZone(readFileSync(path))
  } catch {
    return { byOffset: new Map() }
  }
}

/** Throws for anything that is not a TZif file. */
export function parseZone(file: Buffer): Zone {
  if (file.toString('latin1', 0, 4) !== 'TZif') throw new Error('Cannot read a time zone: not a TZif file')
  const byOffset = new Map<number, string>()
  const version = file[4] as number
  const first = blockSize(file, 0, 4)
  if (version === 0) {
    addTypes(file, 0, 4, byOffset)
    return { byOffset }
  }
  addTypes(file, first, 8, byOffset)
  // The footer is the rule for today, so it wins: `\n<POSIX TZ>\n`.
  const footer = file.toString('latin1', first + blockSize(file, first, 8)).trim()
  for (const [offset, name] of footerNames(footer)) byOffset.set(offset, name)
  return { byOffset }
}

/** Header counts, in the file's order: isutcnt, isstdcnt, leapcnt, timecnt, typecnt, charcnt. */
function counts(file: Buffer, at: number): number[] {
  return [20, 24, 28, 32, 36, 40].map((offset) => file.readUInt32BE(at + offset))
}

function blockSize(file: Buffer, at: number, timeBytes: number): number {
  const [isut, isstd, leap, time, type, char] = counts(file, at) as [number, number, number, number, number, number]
  return 44 + time * timeBytes + time + type * 6 + char + leap * (timeBytes + 4) + isstd + isut
}

/** The local time types in the order of their last use, so that later ones win. */
function addTypes(file: Buffer, at: number, timeBytes: number, byOffset: Map<number, string>): void {
  const [, , , time, type] = counts(file, at) as [number, number, number, number, number, number]
  const indexes = at + 44 + time * timeBytes
  const types = indexes + time
  const names = types + type * 6
  const order = [0, ...file.subarray(indexes, types)]
  for (const index of order) {
    const record = types + index * 6
    const begin = names + (file[record + 5] as number)
    byOffset.set(file.readInt32BE(record), file.toString('latin1', begin, file.indexOf(0, begin)))
  }
}

/** Names and offsets of a POSIX TZ string: `CET-1CEST,M3.5.0,M10.5.0/3`, `<+0330>-3:30`. Its offsets count westwards. */
function* footerNames(footer: string): Generator<[number, string]> {
  const name = '(<[^>]+>|[A-Za-z]+)'
  const offset = '([+-]?\\d+(?::\\d+)*)'
  const rule = new RegExp(`^${name}${offset}(?:${name}${offset}?)?`).exec(footer)
  if (!rule) return
  const standard = -seconds(rule[2] as string)
  yield [standard === 0 ? 0 : standard, bare(rule[1] as string)]
  if (rule[3] === undefined) return
  yield [rule[4] === undefined ? standard + 3600 : -seconds(rule[4]), bare(rule[3])]
}

function bare(name: string): string {
  return name.replace(/[<>]/g, '')
}

function seconds(offset: string): number {
  const [hours = '0', minutes = '0', rest = '0'] = offset.replace(/^[+-]/, '').split(':')
  const total = Number(hours) * 3600 + Number(minutes) * 60 + Number(rest)
  return offset.startsWith('-') ? -total : total
}
