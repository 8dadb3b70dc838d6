// What differs where this program is one executable file instead of a folder of sources (`npm run build`).
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { getAsset, isSea } from 'node:sea'

/** Is this program one executable file? */
export function isSingleExecutable(): boolean {
  return isSea()
}

/**
 * The text of a file that a package of npm brings (`uap-core/regexes.yaml`): out of the executable, which has it under
 * `data/` (distro/bundle lists these files), or out of node_modules.
 */
export async function packageFile(name: string): Promise<string> {
  if (isSea()) return getAsset(`data/${name}`, 'utf8')
  return readFile(createRequire(import.meta.url).resolve(name), 'utf8')
}

/** The file with the licences of what is shipped: in the executable, and at the top of npm's package. */
export const noticesAsset = 'notices.txt'

/** Its text; undefined where this runs from its sources, and the libraries stand in node_modules with their licences. */
export async function notices(): Promise<string | undefined> {
  if (isSea()) return getAsset(noticesAsset, 'utf8')
  // The bundle is `bundle/solder.cjs` in npm's package.
  const path = join(dirname(process.argv[1] ?? ''), '..', noticesAsset)
  return readFile(path, 'utf8').catch(() => undefined)
}
