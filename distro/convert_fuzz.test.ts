// Any text gives a report: the samples of the other test with parts exchanged, and texts that are no configuration at all.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { parse, stringify } from 'yaml'
import { conversionReport, convertConfiguration, parseFile, SourceFormat } from '#config'
import { registry } from './components.ts'

const cases = join(import.meta.dirname, 'testdata/convert')
const formats = Object.keys(SourceFormat) as SourceFormat[]
const words = [
  '',
  'a',
  'a b',
  '${X}',
  '$',
  '10s',
  '5MiB',
  '-1',
  'true',
  'null',
  '"',
  '{{',
  'otlp/x',
  '/',
  'é\u0000',
] as const

const leaf = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.integer(),
  fc.double(),
  fc.constantFrom(...words),
  fc.string(),
)
const tree = fc.letrec<{ node: unknown }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 3 },
    leaf,
    fc.array(tie('node'), { maxLength: 3 }),
    fc.dictionary(fc.oneof(fc.constantFrom(...words), fc.string()), tie('node'), { maxKeys: 3 }),
  ),
})).node

/** `root` with what stands at the `at`th place (counted in depth first) exchanged for `by`; `undefined` takes it away. */
function exchanged(root: unknown, at: number, by: unknown): unknown {
  let left = at
  const walk = (node: unknown): unknown => {
    if (left-- === 0) return by
    if (Array.isArray(node)) return node.map(walk).filter((one) => one !== undefined)
    if (node === null || typeof node !== 'object') return node
    const entries = Object.entries(node).map(([key, one]) => [key, walk(one)] as const)
    return Object.fromEntries(entries.filter(([, one]) => one !== undefined))
  }
  return walk(root)
}

function placesOf(node: unknown): number {
  if (Array.isArray(node)) return node.reduce((sum: number, one) => sum + placesOf(one), 1)
  if (node === null || typeof node !== 'object') return 1
  return Object.values(node).reduce((sum: number, one) => sum + placesOf(one), 1)
}

async function hasReport(format: SourceFormat, text: string, args: readonly string[]): Promise<void> {
  const result = await convertConfiguration(format, 'a.yaml', text, registry, { args, environment: {} })
  conversionReport(result.diagnostics)
  const critical = result.diagnostics.some(({ severity }) => severity === 'critical')
  assert.ok(!critical || result.text === '', 'with a critical mistake there is no result')
  assert.deepEqual(parseFile('', result.text).diagnostics, [])
}

describe('Conversions of anything', () => {
  for (const file of readdirSync(cases).filter((name) => name.endsWith('.yaml') && !name.includes('broken'))) {
    test(`${file} with parts exchanged gives a report`, async () => {
      const source = readFileSync(join(cases, file), 'utf8')
      const args = /^# arguments: (.*)/.exec(source)?.[1]?.split(' ') ?? []
      const format = file.split('.')[0] as SourceFormat
      const root: unknown = parse(source)
      const change = fc.tuple(fc.nat(placesOf(root)), fc.option(tree, { nil: undefined }))
      await fc.assert(
        fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
          const other = changes.reduce((all, [at, by]) => exchanged(all, at, by), root)
          await hasReport(format, stringify(other ?? null), args)
        }),
        { numRuns: 60 },
      )
    })
  }

  for (const format of formats) {
    test(`Texts as ${format} give a report`, async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.oneof(
            fc.string(),
            tree.map((one) => stringify(one)),
          ),
          async (text) => {
            await hasReport(format, text, format === 'static' ? ['-config.expand-env'] : [])
          },
        ),
        { numRuns: 150 },
      )
    })
  }
})
