// Which Linux distribution this is, and which version of it, found in the order and under the names of gopsutil, which the
// collector asks.
import { readFile, stat } from 'node:fs/promises'

export interface Distribution {
  readonly name: string | undefined
  readonly version: string | undefined
}

/** Derived from Debian: they say so in lsb-release, and keep Debian's file. */
const debianChildren: ReadonlyMap<string, string> = new Map([
  ['Ubuntu', 'ubuntu'],
  ['LinuxMint', 'linuxmint'],
  ['Kylin', 'Kylin'],
  ['Cumulus Linux', 'cumuluslinux'],
  ['uos', 'uos'],
  ['Deepin', 'Deepin'],
])

interface Known {
  readonly file: string
  /** Absent: the file says it. */
  readonly name?: string
  /** How the version stands in the file: `release` behind that word, `line` its first line, `lsb` elsewhere. */
  readonly version: 'release' | 'line' | 'lsb' | 'suse'
}

/** The first of these files that is there and not empty decides. */
const releaseFiles: readonly Known[] = [
  { file: 'oracle-release', name: 'oracle', version: 'release' },
  { file: 'enterprise-release', name: 'oracle', version: 'release' },
  { file: 'slackware-version', name: 'slackware', version: 'release' },
  { file: 'debian_version', name: 'debian', version: 'line' },
  { file: 'neokylin-release', version: 'release' },
  { file: 'redhat-release', version: 'release' },
  { file: 'system-release', version: 'release' },
  { file: 'gentoo-release', name: 'gentoo', version: 'release' },
  { file: 'SuSE-release', name: 'suse', version: 'suse' },
  { file: 'arch-release', name: 'arch', version: 'lsb' },
  { file: 'alpine-release', name: 'alpine', version: 'line' },
]

/** `release` holds the fields of os-release. */
export async function distributionOf(root: string, release: ReadonlyMap<string, string>): Promise<Distribution> {
  const lsb = fieldsOf((await textOf(`${root}/etc/lsb-release`)) ?? '')
  const lsbVersion = lsb.get('DISTRIB_RELEASE')
  for (const known of releaseFiles) {
    const text = await textOf(`${root}/etc/${known.file}`)
    if (text === undefined || text === '') continue
    const child = known.file === 'debian_version' ? debianChildren.get(lsb.get('DISTRIB_ID') ?? '') : undefined
    if (child !== undefined) return { name: child, version: lsbVersion }
    const isRaspbian = known.file === 'debian_version' && (await isThere(`${root}/usr/bin/raspi-config`))
    return { name: isRaspbian ? 'raspbian' : nameIn(known, text), version: versionIn(known, text, lsbVersion) }
  }
  if (release.has('ID')) return { name: release.get('ID'), version: release.get('VERSION_ID') }
  return { name: lsb.get('DISTRIB_ID')?.toLowerCase(), version: lsbVersion }
}

function nameIn({ name }: Known, text: string): string | undefined {
  const said = text.toLowerCase()
  return name ?? (said.includes('red hat') ? 'redhat' : said.split(/\s/, 1)[0])
}

function versionIn({ version }: Known, text: string, lsbVersion: string | undefined): string | undefined {
  const said = text.toLowerCase()
  switch (version) {
    case 'line':
      return text.split('\n', 1)[0]?.trim()
    case 'lsb':
      return lsbVersion
    case 'suse':
      return /version = ([\d.]+)/.exec(said)?.[1]
    case 'release':
      return said.includes('rawhide')
        ? 'rawhide'
        : (/release (\w[\d.]*)/.exec(said)?.[1] ?? /slackware ([\d.]+)/.exec(said)?.[1])
  }
}

/** `KEY="value"` on each line. */
export function fieldsOf(text: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>()
  for (const line of text.split('\n')) {
    const at = line.indexOf('=')
    if (at > 0 && !line.startsWith('#')) fields.set(line.slice(0, at), line.slice(at + 1).replace(/^["']|["']$/g, ''))
  }
  return fields
}

const textOf = (path: string): Promise<string | undefined> => readFile(path, 'utf8').catch(() => undefined)
const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    (stats) => stats.size > 0,
    () => false,
  )
