// The operating system's name and version: os-release(5).
import type { CollectorDefinition } from '../collector.ts'
import { isMissing, NoDataError } from '../collector.ts'
import { gauge } from '../families.ts'
import type { HostFiles } from '../files.ts'

const infoLabels = [
  'build_id',
  'id',
  'id_like',
  'image_id',
  'image_version',
  'name',
  'pretty_name',
  'variant',
  'variant_id',
  'version',
  'version_codename',
  'version_id',
]
export const osInfoFamily = gauge(
  'node_os_info',
  "A metric with a constant '1' value labeled by build_id, id, id_like, image_id, image_version, " +
    'name, pretty_name, variant, variant_id, version, version_codename, version_id.',
  infoLabels,
)
export const osVersionFamily = gauge('node_os_version', 'Metric containing the major.minor part of the OS version.', [
  'id',
  'id_like',
  'name',
])
const supportEndFamily = gauge(
  'node_os_support_end_timestamp_seconds',
  'Metric containing the end-of-life date timestamp of the OS.',
)

export const collector: CollectorDefinition = {
  name: 'os',
  enabledByDefault: true,
  create: () => ({
    name: 'os',
    collect(sink, files) {
      const release = parseOsRelease(readRelease(files))
      const get = (key: string): string => release.get(key.toUpperCase()) ?? ''
      sink.sample(osInfoFamily, 1, ...infoLabels.map(get))
      const version = /^[0-9]+\.?[0-9]*/.exec(get('version_id'))?.[0]
      if (version !== undefined && Number(version) > 0) {
        sink.sample(osVersionFamily, Number(version), get('id'), get('id_like'), get('name'))
      }
      const end = get('support_end')
      if (end === '') return
      const endMs = /^\d{4}-\d\d-\d\d$/.test(end) ? Date.parse(`${end}T00:00:00Z`) : Number.NaN
      if (Number.isNaN(endMs)) throw new Error(`Cannot read SUPPORT_END: not a date: current value is ${end}`)
      sink.sample(supportEndFamily, endMs / 1000)
    },
  }),
}

function readRelease(files: HostFiles): string {
  for (const name of ['etc/os-release', 'usr/lib/os-release']) {
    try {
      return files.read(files.root(name))
    } catch (error) {
      if (!isMissing(error)) throw error
    }
  }
  throw new NoDataError('there is no os-release file')
}

/** Assignments as a shell reads them: bare, in single quotes, or in double quotes with `\` escapes. Lines that are none are skipped. */
export function parseOsRelease(text: string): Map<string, string> {
  const values = new Map<string, string>()
  for (const line of text.split('\n')) {
    const assignment = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*?)\s*$/.exec(line)
    if (assignment) values.set(assignment[1] as string, unquote(assignment[2] as string))
  }
  return values
}

function unquote(value: string): string {
  const single = /^'([^']*)'/.exec(value)
  if (single) return single[1] as string
  const double = /^"((?:[^"\\]|\\.)*)"/.exec(value)
  if (double) return (double[1] as string).replace(/\\(["\\$`])/g, '$1')
  return value.replace(/\s+#.*$/, '')
}
