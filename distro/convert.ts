// `solder convert`: configurations of other programs in Alloy's language, with a report of what has no counterpart there.
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import {
  type Conversion,
  type ConversionDiagnostic,
  conversionReport,
  convertConfiguration,
  SourceFormat,
  withAbsentComponents,
} from '#config'
import type { ConfigurationText } from '#service'
import { registry } from './components.ts'
import { type FlagSpec, flagsText, type FlagValues, parseFlags, UsageError } from './flags.ts'
import { checkAlloy } from './validate.ts'

const text = (name: string, short: string, doc: string): FlagSpec => ({ name, short, kind: 'string', default: '', doc })

export const convertFlags: readonly FlagSpec[] = [
  text('output', 'o', 'Write the result to this file instead of standard output'),
  text('report', 'r', 'Write a report of the conversion to this file'),
  text('source-format', 'f', `What is converted: ${Object.keys(SourceFormat).join(', ')}`),
  {
    name: 'bypass-errors',
    short: 'b',
    kind: 'bool',
    default: false,
    doc: 'Give the result even if something of the source is missing in it',
  },
  text('extra-args', 'e', 'Arguments that the original program was given'),
  { name: 'help', short: 'h', kind: 'bool', default: false, doc: 'Print this page' },
]

const standardInput = '-'

/** Exit status 1 with errors: they are listed, and there is a result only with `--bypass-errors`. Throws `UsageError`. */
export async function convertCommand(args: readonly string[]): Promise<number> {
  const { values, rest } = parseFlags(args, convertFlags)
  if (values.get('help')) {
    process.stdout.write(`Usage:\n  solder convert [flags] [FILE]\n\nFlags:\n${flagsText(convertFlags)}\n`)
    return 0
  }
  if (rest.length > 1) throw new UsageError(`accepts at most 1 arg(s), received ${rest.length}`)
  const path = rest[0] ?? standardInput
  if (values.get('source-format') === '') throw new UsageError('source-format is a required flag')
  const format = formatOf(String(values.get('source-format')))
  const extra = extraArguments(String(values.get('extra-args')))
  if (path !== standardInput && statSync(path).isDirectory()) throw new UsageError('cannot convert a directory')
  const source = readFileSync(path === standardInput ? 0 : path, 'utf8')
  const result = await convert(format, path === standardInput ? 'stdin' : path, source, extra)
  const bypass = values.get('bypass-errors') === true
  const report = String(values.get('report'))
  if (report !== '') writeFileSync(report, `${conversionReport(result.diagnostics)}\n${verdict(result, bypass)}\n`)
  if (!isUsable(result, bypass)) {
    process.stderr.write(conversionReport(result.diagnostics.filter(isError)))
    throw new Error(verdict(result, bypass))
  }
  const output = String(values.get('output'))
  if (output === '') process.stdout.write(result.text)
  else writeFileSync(output, result.text)
  // What somebody should know who did not ask for a report.
  if (report === '')
    process.stderr.write(conversionReport(result.diagnostics.filter(({ severity }) => severity !== 'info')))
  return 0
}

/** The configuration of another program at `path`, converted, for `--config.format`. Throws where it cannot be. */
export async function convertedConfiguration(path: string, values: FlagValues): Promise<ConfigurationText> {
  const format = formatOf(String(values.get('config.format')))
  const extra = extraArguments(String(values.get('config.extra-args')))
  if (statSync(path).isDirectory()) throw new UsageError(`--config.format=${format} takes a file, not a directory`)
  const result = await convert(format, path, readFileSync(path, 'utf8'), extra)
  if (!isUsable(result, values.get('config.bypass-conversion-errors') === true)) {
    throw new Error(`Cannot convert ${path} from ${format}:\n${conversionReport(result.diagnostics.filter(isError))}`)
  }
  return { sources: [{ name: path, text: result.text }], directory: dirname(resolve(path)) }
}

function formatOf(word: string): SourceFormat {
  if (Object.hasOwn(SourceFormat, word)) return word as SourceFormat
  const known = Object.keys(SourceFormat).join(', ')
  throw new UsageError(`unsupported source format ${JSON.stringify(word)}: it is one of ${known}`)
}

/** Arguments are separated by spaces. */
function extraArguments(text: string): string[] {
  return text.split(/\s+/).filter((one) => one !== '')
}

/** Converts, and reports what `validate` would say of the result. */
export async function convert(
  format: SourceFormat,
  name: string,
  source: string,
  args: readonly string[] = [],
): Promise<Conversion> {
  const result = await convertConfiguration(format, name, source, registry, { args, environment: process.env })
  if (result.text === '') return result
  const storagePath = mkdtempSync(join(tmpdir(), 'solder-convert-'))
  try {
    const sources = [{ name: 'converted.alloy', text: result.text }]
    const plan = await checkAlloy(
      { sources, directory: '.' },
      'experimental',
      storagePath,
      await withAbsentComponents(registry),
    )
    // Warnings: the source may be wrong itself, or say what Alloy runs and this build does not.
    const wrong = plan.diagnostics.map(({ message, range }): ConversionDiagnostic => {
      const line = result.text.split('\n')[range.start.line - 1] ?? ''
      // The line without its value, which may be a secret.
      const place = JSON.stringify(line.replace(/=.*$/, '= …').trim())
      // The environment of the service may be another than that of this process.
      const why = line.includes('sys.env(') ? 'with the environment as it is here' : message
      return { severity: 'warning', message: `this build refuses the result as it is: ${why} (at ${place})` }
    })
    return { ...result, diagnostics: [...result.diagnostics, ...wrong] }
  } finally {
    rmSync(storagePath, { recursive: true, force: true })
  }
}

function isError({ severity }: ConversionDiagnostic): boolean {
  return severity === 'error' || severity === 'critical'
}

function isUsable({ diagnostics }: Conversion, bypass: boolean): boolean {
  return !diagnostics.some((one) => one.severity === 'critical' || (one.severity === 'error' && !bypass))
}

/** What came of it, for people. */
function verdict(result: Conversion, bypass: boolean): string {
  if (isUsable(result, bypass)) return 'The configuration was converted.'
  const critical = result.diagnostics.some(({ severity }) => severity === 'critical')
  if (critical) return 'Nothing was converted: the configuration has mistakes'
  return 'Nothing was written: something has no counterpart; --bypass-errors leaves it out'
}
