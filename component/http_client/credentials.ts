// Files that hold credentials or certificates, read afresh at every use so that a changed one counts at once.
import { readFileSync, statSync } from 'node:fs'

/** Credentials and certificates are small: a larger file is something else. */
const fileBytesMax = 1024 * 1024

/**
 * The content of a file with a credential, white space around it left out. It is read at every request: as cheap as
 * finding out whether it changed, and never stale. Throws without showing content.
 */
export function readCredential(path: string): string {
  return readSmallFile(path).trim()
}

/** The content of a small file as it is. */
export function readSmallFile(path: string): string {
  const { size } = statSync(path)
  if (size > fileBytesMax) throw new Error(`Cannot read ${path}: it has ${size} bytes, ${fileBytesMax} are allowed`)
  return readFileSync(path, 'utf8')
}
