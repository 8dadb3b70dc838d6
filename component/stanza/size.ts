// Sizes as the collector's operators take them: a number of bytes, or a text with a unit.
import { customType, string, type Type, ValueError } from '#component'

const units: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 1000,
  kb: 1000,
  kib: 1024,
  m: 1000 ** 2,
  mb: 1000 ** 2,
  mib: 1024 ** 2,
  g: 1000 ** 3,
  gb: 1000 ** 3,
  gib: 1024 ** 3,
  t: 1000 ** 4,
  tb: 1000 ** 4,
  tib: 1024 ** 4,
}

/** `1048576`, `1MiB`, `1mb` (1000000): upper and lower case are one. Decoded: bytes. */
export const size: Type<number> = customType<number>({
  name: 'bytes',
  zero: 0,
  decode(value) {
    const text = string.decode(value)
    const found = /^(\d+(?:\.\d+)?)\s*([A-Za-z]*)$/.exec(text.trim())
    const unit = found === null ? undefined : units[(found[2] as string).toLowerCase()]
    if (found === null || unit === undefined) throw new ValueError(`invalid size ${JSON.stringify(text)}`)
    return Math.trunc(Number(found[1]) * unit)
  },
  accepts: (from) => ['number', 'int', 'float', 'string'].includes(from),
  json: { type: ['integer', 'string'] },
})
