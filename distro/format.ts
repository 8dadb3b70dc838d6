// `solder fmt`: formats a configuration file as `alloy fmt` does.
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { parseFile, printFile } from '#config'
import { type FlagSpec, flagsText, parseFlags, UsageError } from './flags.ts'

export const formatCommandFlags: readonly FlagSpec[] = [
  {
    name: 'write',
    short: 'w',
    kind: 'bool',
    default: false,
    doc: 'Write the result to the file instead of standard output',
  },
  {
    name: 'test',
    short: 't',
    kind: 'bool',
    default: false,
    doc: 'Exit with 1 when the file is not formatted; write nothing',
  },
  { name: 'help', short: 'h', kind: 'bool', default: false, doc: 'Print this page' },
]

const standardInput = '-'

/** Exit status 1 for a file with errors, which are listed, and with `--test` for one that is not formatted (thrown). */
export async function formatCommand(args: readonly string[]): Promise<number> {
  const { values, rest } = parseFlags(args, formatCommandFlags)
  if (values.get('help')) {
    process.stdout.write(`Usage:\n  solder fmt [flags] [FILE]\n\nFlags:\n${flagsText(formatCommandFlags)}\n`)
    return 0
  }
  if (rest.length > 1) throw new UsageError(`accepts at most 1 arg(s), received ${rest.length}`)
  const write = values.get('write') === true
  const test = values.get('test') === true
  const [path = standardInput] = rest
  if (write && test) throw new UsageError('cannot use -w/--write and -t/--test at the same time')
  if (write && path === standardInput) throw new UsageError('cannot use -w with standard input')

  const name = path === standardInput ? '<stdin>' : path
  const source = await read(path)
  const { file, diagnostics } = parseFile(name, source)
  if (diagnostics.length > 0) {
    for (const { range, message } of diagnostics) {
      process.stderr.write(`${name}:${range.start.line}:${range.start.column}: ${message}\n`)
    }
    throw new Error('encountered errors during formatting')
  }
  const formatted = Buffer.from(printFile(file))
  const unchanged = formatted.equals(source)
  if (test) {
    if (!unchanged) throw new Error(`file ${name} is not formatted correctly`)
  } else if (!write) {
    process.stdout.write(formatted)
  } else if (!unchanged) {
    // In place: a link stays a link, and owner and mode stay as they are.
    writeFileSync(path, formatted)
  }
  return 0
}

async function read(path: string): Promise<Buffer> {
  if (path === standardInput) return Buffer.concat(await Array.fromAsync(process.stdin as AsyncIterable<Buffer>))
  try {
    if (!statSync(path).isDirectory()) return readFileSync(path)
  } catch (error) {
    throw new Error(`Cannot format ${path}: ${(error as Error).message}`, { cause: error })
  }
  throw new UsageError('cannot format a directory')
}
