// Bundles the program into `.build/`, for the launcher.
import { existsSync, readdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bundleProgram } from './bundle/door.ts'

const root = join(import.meta.dirname, '..')
const out = join(root, '.build')
const folders = [
  'lib',
  'pdata',
  'component',
  'config',
  'receivers',
  'processors',
  'exporters',
  'connectors',
  'extensions',
  'discovery',
  'service',
  'distro',
]

/** When any source that ends up in the bundle was last changed, in milliseconds. */
function newestSourceMs(): number {
  let newest = statSync(join(root, 'package.json')).mtimeMs
  for (const folder of folders) {
    if (!existsSync(join(root, folder))) continue
    for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !entry.name.endsWith('.ts') || entry.name.endsWith('.test.ts')) continue
      newest = Math.max(newest, statSync(join(entry.parentPath, entry.name)).mtimeMs)
    }
  }
  return newest
}

const stamp = join(out, 'stamp')
const before = newestSourceMs()
const fresh = existsSync(join(out, 'solder.cjs')) && existsSync(stamp) && statSync(stamp).mtimeMs >= before
if (!process.argv.includes('--if-stale') || !fresh) {
  const staging = join(out, `staging-${process.pid}`)
  await bundleProgram(staging)
  // The new chunks first, the entry last: a process that starts meanwhile finds one or the other whole.
  const chunks = join(out, 'chunks')
  const old = join(out, `old-${process.pid}`)
  if (existsSync(chunks)) renameSync(chunks, old)
  if (existsSync(join(staging, 'chunks'))) renameSync(join(staging, 'chunks'), chunks)
  renameSync(join(staging, 'solder.cjs'), join(out, 'solder.cjs'))
  rmSync(old, { recursive: true, force: true })
  rmSync(staging, { recursive: true, force: true })
  writeFileSync(stamp, '')
  utimesSync(stamp, before / 1000, before / 1000)
}
