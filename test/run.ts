// Runs every test file of the tree, or those given: `npm test`, `npm test -- lib/snappy.test.ts`.
import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const given = process.argv.slice(2).filter((argument) => !argument.startsWith('-'))
const options = process.argv.slice(2).filter((argument) => argument.startsWith('-'))
const found = globSync('*/**/*.test.ts', { cwd: root, exclude: ['node_modules/**', '.build/**', 'dist/**'] }).sort()
// What is built is used by the end-to-end tests: made once, before they run side by side.
const built = spawnSync(process.execPath, [join(root, 'distro/build.ts'), '--if-stale'], {
  stdio: 'inherit',
  timeout: 120_000,
})
if (built.status !== 0) process.exit(1)
const { status } = spawnSync(
  process.execPath,
  [
    '--test',
    '--test-timeout=300000',
    `--test-concurrency=${process.env['TEST_CONCURRENCY'] ?? 2}`,
    ...options,
    ...(given.length > 0 ? given : found),
  ],
  {
    cwd: root,
    stdio: 'inherit',
    timeout: 18 * 60_000,
    // Hundreds of processes load the same sources: stripped and compiled once, a start takes half the CPU.
    env: { NODE_COMPILE_CACHE: join(root, '.build/compile_cache'), ...process.env },
  },
)
process.exit(status ?? 1)
