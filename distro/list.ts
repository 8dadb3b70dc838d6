// `solder components`: the components of this build, as a table or as JSON.
import { registry } from './components.ts'
import { parseFlags, UsageError } from './flags.ts'

export async function componentsCommand(args: readonly string[]): Promise<number> {
  const { values, rest } = parseFlags(args, [
    { name: 'json', kind: 'bool', default: false, doc: 'As JSON' },
    { name: 'help', short: 'h', kind: 'bool', default: false, doc: 'Print this page' },
  ])
  if (rest.length > 0) throw new UsageError(`accepts 0 arg(s), received ${rest.length}`)
  if (values.get('help')) {
    process.stdout.write('Usage:\n  solder components [--json]\n')
    return 0
  }
  const rows: { name: string; stability: string; doc: string }[] = []
  for (const name of registry.names()) {
    const definition = await registry.load(name)
    if (definition) rows.push({ name, stability: definition.stability, doc: definition.doc })
  }
  if (values.get('json')) {
    process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`)
    return 0
  }
  const width = Math.max(...rows.map((row) => row.name.length))
  for (const { name, stability, doc } of rows) {
    process.stdout.write(`${name.padEnd(width)}  ${stability.padEnd(19)}  ${doc}\n`)
  }
  return 0
}
