// `solder licenses`: the licences of the program and of what is in it.
import { notices } from '#lib/packaged'
import { UsageError } from './flags.ts'

export async function licensesCommand(args: readonly string[]): Promise<number> {
  const [first] = args
  if (first === '--help' || first === '-h') {
    process.stdout.write('Usage:\n  solder licenses\n')
    return 0
  }
  if (first !== undefined) throw new UsageError(`licenses takes nothing: current value is ${first}`)
  const text = await notices()
  if (text === undefined)
    throw new UsageError('nothing is packed into this program: its libraries are in node_modules, with their licences')
  process.stdout.write(text)
  return 0
}
