// What entries say of the file that they come from: its name, path, owner, permissions.
import { readFile, realpath, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import type { EntryMap } from '#component/stanza'
import type { FileLogSettings } from './settings.ts'

/** What cannot be found out is left out. */
export async function fileAttributes(path: string, settings: FileLogSettings): Promise<EntryMap> {
  const attributes: EntryMap = {}
  if (settings.include_file_name) attributes['log.file.name'] = basename(path)
  if (settings.include_file_path) attributes['log.file.path'] = path
  if (settings.include_file_name_resolved || settings.include_file_path_resolved) {
    const resolved = await realpath(path).catch(() => path)
    if (settings.include_file_name_resolved) attributes['log.file.name_resolved'] = basename(resolved)
    if (settings.include_file_path_resolved) attributes['log.file.path_resolved'] = resolved
  }
  const {
    include_file_owner_name: owner,
    include_file_owner_group_name: group,
    include_file_permissions: mode,
  } = settings
  if (!owner && !group && !mode) return attributes
  const stats = await stat(path).catch(() => undefined)
  if (stats === undefined) return attributes
  if (owner) attributes['log.file.owner.name'] = (await nameOf('/etc/passwd', stats.uid)) ?? String(stats.uid)
  if (group) attributes['log.file.owner.group.name'] = (await nameOf('/etc/group', stats.gid)) ?? String(stats.gid)
  if (mode) attributes['log.file.permissions'] = (stats.mode & 0o777).toString(8).padStart(3, '0')
  return attributes
}

/** The name of a number in one of these files: `name:password:number:…`. */
async function nameOf(path: string, id: number): Promise<string | undefined> {
  const text = await readFile(path, 'utf8').catch(() => '')
  for (const line of text.split('\n')) {
    const [name, , number] = line.split(':')
    if (number === String(id)) return name
  }
  return undefined
}
