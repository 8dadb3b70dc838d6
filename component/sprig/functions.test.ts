import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import fc from 'fast-check'
import { compileTemplate, TemplateFault, type TemplateValue } from '#component/go_template'
import { sprigFunctions } from './door.ts'

const data = new Map<string, TemplateValue>([
  ['msg', 'Hello "World"'],
  ['n', '5'],
  ['json', '{"a":[1,2.5,"x",null,true],"b":{"c":1}}'],
])
const now = Date.UTC(2026, 0, 2, 3, 4, 5)
const functions = sprigFunctions({ now: () => now, random: () => 0.5 })
const shown = (text: string): string => compileTemplate(text, functions)(data)

/** A template and, below it, what Sprig 3.3 makes of it: a text, or `fails`. */
const cases = [
  ...readFileSync(join(import.meta.dirname, 'testdata/functions.txt'), 'utf8').matchAll(/^(".*")\n {4}(.*)$/gm),
]

describe("Sprig's functions", () => {
  before(() => void (process.env['TZ'] = 'UTC'))

  for (const [, written = '', want = ''] of cases) {
    it(written, () => {
      const text = JSON.parse(written) as string
      if (want === 'fails') assert.throws(() => shown(text), TemplateFault)
      else assert.equal(shown(text), JSON.parse(want))
    })
  }

  it('take time and chance from outside', () => {
    const made: [text: string, want: string][] = [
      ['{{ now | date "2006-01-02T15:04:05Z07:00" }}', '2026-01-02T03:04:05Z'],
      ['{{ ago (toDate "2006-01-02" "2026-01-01") }}', '27h4m5s'],
      ['{{ duration 95 }} {{ randInt 0 10 }} {{ randAlpha 2 }} {{ randNumeric 1 }}', '1m35s 5 aa 5'],
      ['{{ len (shuffle "abc") }}', '3'],
      ['{{ dateInZone "15:04" (now) "Europe/Berlin" }}', '04:04'],
    ]
    for (const [text, want] of made) assert.equal(shown(text), want)
  })

  it('refuse what would fill the memory', () => {
    for (const text of [
      '{{ repeat 1000000000 "a" }}',
      '{{ until 1000000000 }}',
      '{{ indent 1000000000 "a" }}',
      '{{ randAlpha 1000000000 }}',
    ]) {
      assert.throws(() => shown(text), TemplateFault)
    }
  })

  it('fail on what they cannot take, never worse', () => {
    const value = fc.constantFrom(
      '.msg',
      '.none',
      '1',
      '-1',
      '2.5',
      '"a"',
      '""',
      '(list 1 "b")',
      '(dict "k" 1)',
      '(now)',
      'true',
    )
    const slow = new Set(['derivePassword', 'genPrivateKey', 'env', 'expandenv'])
    const name = fc.constantFrom(...Object.keys(functions).filter((one) => !slow.has(one)))
    fc.assert(
      fc.property(name, fc.array(value, { maxLength: 5 }), (word, given) => {
        const { min, max } = functions[word] as { min: number; max: number }
        const fitting = [...given, '"a"', '"b"', '"c"', '"d"', '"e"'].slice(
          0,
          Math.min(max, Math.max(min, given.length)),
        )
        try {
          shown(`{{ ${word} ${fitting.join(' ')} }}`)
        } catch (error) {
          assert.ok(error instanceof TemplateFault, `${word} ${fitting.join(' ')}: ${(error as Error).stack}`)
        }
      }),
      { numRuns: 4000 },
    )
  })
})
