// What differs where this program is one executable file instead of a folder of sources (`npm run build`).
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
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
