// The gate: types, lint, format, generated files, tests. Everything runs; the exit status says whether all went well.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const bin = (name: string): string => join(root, 'node_modules/.bin', name)
const steps: readonly (readonly [name: string, command: string, ...args: string[]])[] = [
  ['types', bin('tsc'), '--noEmit', '-p', '.'],
  ['lint', bin('oxlint'), '--type-aware', '--deny-warnings'],
  ['format', bin('oxfmt'), '--check', '.'],
  ['generated files', process.execPath, join(root, 'distro/generate.ts'), '--check'],
  ['tests', process.execPath, join(root, 'test/run.ts')],
]
const wanted = process.argv.slice(2)
const failed: string[] = []
for (const [name, command, ...args] of steps) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  process.stdout.write(`== ${name}\n`)
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit', timeout: 16 * 60_000 })
  if (status !== 0) failed.push(name)
}
process.stdout.write(failed.length === 0 ? 'All well.\n' : `Failed: ${failed.join(', ')}\n`)
process.exit(failed.length === 0 ? 0 : 1)
