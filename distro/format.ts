// `solder fmt`: formats a configuration file as `alloy fmt` does.
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { parseFile, printFile } from '#config'
import { type FlagSpec, flagsText, parseFlags, UsageError } from './flags.ts'

const flags: readonly FlagSpec[] = [
  { name: 'write', short: 'w', kind: 'bool', default: false, doc: 'Write the result to the file instead of standard output' },
  { name: 'test', short: 't', kind: 'bool', default: false, doc: 'Exit with 1 when the file is not formatted; write nothing' },
  { name: 'help', short: 'h', kind: 'bool', default: false, doc: 'Print this page' },
]

export async function formatCommand(args: readonly string[]): Promise<number> {
  const { values, rest } = parseFlags(args, flags)
  if (values.get('help')) {
    process.stdout.write(`Usage:\n  solder fmt [flags] [FILE]\n\nFlags:\n${flagsText(flags)}\n`)
    return 0
  }
  if (rest.length > 1) throw new UsageError(`accepts at most 1 arg, received ${rest.length}`)
  const write = values.get('write') === true
  const test = values.get('test') === true
  const [path = '-'] = rest
  if (write && test) throw new UsageError('cannot use -w/--write and -t/--test at the same time')
  if (path === '-' && write) throw new UsageError('cannot use -w with standard input')
  if (path !== '-' && statSync(path).isDirectory()) throw new UsageError('cannot format a directory')
  const name = path === '-' ? '<stdin>' : path
  const source = readFileSync(path === '-' ? 0 : path)
  const { file, diagnostics } = parseFile(name, source)
  if (diagnostics.length > 0) {
    for (const { range, message } of diagnostics) {
      process.stderr.write(`${name}:${range.start.line}:${range.start.column}: ${message}\n`)
    }
    process.stderr.write('Error: encountered errors during formatting\n')
    return 1
  }
  const formatted = Buffer.from(printFile(file))
  const unchanged = formatted.equals(source)
  if (test) {
    if (!unchanged) throw new Error(`file ${name} is not formatted correctly`)
  } else if (!write) process.stdout.write(formatted)
  else if (!unchanged) writeFileSync(path, formatted)
  return 0
}
