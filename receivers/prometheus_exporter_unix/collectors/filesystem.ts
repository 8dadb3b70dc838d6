// File systems: /proc/1/mountinfo (proc_pid_mountinfo(5)) and statfs(2) of every mount.
import { statfsSync } from 'node:fs'
import type { StatsFs } from 'node:fs'
import { statfs } from 'node:fs/promises'
import type { Clock, MetricSink } from '#component'
import type { Collector, CollectorDefinition } from '../collector.ts'
import { isMissing } from '../collector.ts'
import { gauge } from '../families.ts'
import { NameFilter } from '../filter.ts'
import { TimeoutError, within } from '../files.ts'
import type { HostFiles } from '../files.ts'

const labels = ['device', 'mountpoint', 'fstype', 'device_error']
const sizeFamily = gauge('node_filesystem_size_bytes', 'Filesystem size in bytes.', labels)
const freeFamily = gauge('node_filesystem_free_bytes', 'Filesystem free space in bytes.', labels)
const availFamily = gauge(
  'node_filesystem_avail_bytes',
  'Filesystem space available to non-root users in bytes.',
  labels,
)
const filesFamily = gauge('node_filesystem_files', 'Filesystem total file nodes.', labels)
const filesFreeFamily = gauge('node_filesystem_files_free', 'Filesystem total free file nodes.', labels)
const readonlyFamily = gauge('node_filesystem_readonly', 'Filesystem read-only status.', labels)
const errorFamily = gauge(
  'node_filesystem_device_error',
  'Whether an error occurred while getting statistics for the given device.',
  labels,
)

/** File systems whose statfs reads numbers that the kernel has in memory: asked on the spot, since they cannot hang. */
const promptTypes: ReadonlySet<string> = new Set(['ext2', 'ext3', 'ext4', 'xfs', 'tmpfs', 'ramfs', 'vfat', 'devtmpfs'])

/**
 * How many of the others may be asked at the same time. A mount that hangs keeps its thread of Node's pool (4 by default)
 * until it answers: with 2, the pool keeps working whatever hangs.
 */
const askedMax = 2

/** One line of mountinfo. */
export interface Mount {
  readonly device: string
  /** Below `rootfs_path`. */
  readonly mountPoint: string
  readonly fsType: string
  /** undefined: not told. */
  readonly isReadonly: boolean | undefined
  /** What statfs(2) is asked for; without it the mount point below `rootfs_path`. */
  readonly path?: string
}

/** Where the mounts come from. */
export interface MountSource {
  read(files: HostFiles): readonly Mount[] | Promise<readonly Mount[]>
}

const kernelMounts: MountSource = {
  read: (files) => parseMounts(readMounts(files), files.rootfs),
}

type Answer = StatsFs | { readonly error: string }

class FilesystemCollector implements Collector {
  readonly name = 'filesystem'
  readonly waits = true
  readonly #mountPoints: NameFilter
  readonly #fsTypes: NameFilter
  readonly #timeoutMs: number
  readonly #clock: Clock
  readonly #statfs: (path: string) => Promise<StatsFs>
  readonly #source: MountSource
  /** Asked and not answered yet, by path: not asked again until it has answered. */
  readonly #asked: Set<string>

  constructor(
    mountPoints: NameFilter,
    fsTypes: NameFilter,
    timeoutMs: number,
    clock: Clock,
    ask: (path: string) => Promise<StatsFs>,
    source: MountSource,
  ) {
    this.#mountPoints = mountPoints
    this.#fsTypes = fsTypes
    this.#timeoutMs = timeoutMs
    this.#clock = clock
    this.#statfs = ask
    this.#source = source
    this.#asked = new Set()
  }

  async collect(sink: MetricSink, files: HostFiles, signal: AbortSignal): Promise<void> {
    const mounts = this.#wanted(await this.#source.read(files))
    const answers = mounts.map((mount) => (promptTypes.has(mount.fsType) ? askNow(pathOf(mount, files)) : undefined))
    let next = 0
    /** Asks one mount after the other, and ends with the first that hangs: that one keeps its thread. */
    const askOneByOne = async (): Promise<void> => {
      while (next < mounts.length) {
        const i = next++
        if (answers[i] !== undefined) continue
        const path = pathOf(mounts[i] as Mount, files)
        if (this.#asked.has(path)) continue
        answers[i] = await this.#ask(path, signal)
        if (this.#asked.has(path)) return
      }
    }
    const threads = Math.max(askedMax - this.#asked.size, 0)
    await Promise.all(Array.from({ length: threads }, askOneByOne))
    for (const [i, mount] of mounts.entries()) addMount(sink, mount, answers[i] ?? timedOut)
  }

  /** One per place and device: where one was mounted over another, the upper one is what statfs sees. */
  #wanted(mounts: readonly Mount[]): Mount[] {
    const wanted = new Map<string, Mount>()
    for (const mount of mounts) {
      if (this.#mountPoints.ignores(mount.mountPoint) || this.#fsTypes.ignores(mount.fsType)) continue
      wanted.set(`${mount.device}\n${mount.mountPoint}\n${mount.fsType}`, mount)
    }
    return [...wanted.values()]
  }

  async #ask(path: string, signal: AbortSignal): Promise<Answer> {
    this.#asked.add(path)
    const work = this.#statfs(path).finally(() => this.#asked.delete(path))
    // When nobody waits any more, its failure is nobody's either.
    work.catch(() => {})
    try {
      return await within(work, this.#timeoutMs, this.#clock, signal)
    } catch (error) {
      return error instanceof TimeoutError || signal.aborted ? timedOut : { error: goErrorText(error) }
    }
  }
}

const timedOut: Answer = { error: 'mountpoint timeout' }

function pathOf(mount: Mount, files: HostFiles): string {
  return mount.path ?? files.root(mount.mountPoint)
}

function askNow(path: string): Answer {
  try {
    return statfsSync(path)
  } catch (error) {
    return { error: goErrorText(error) }
  }
}

/** Go's texts for the errors that statfs(2) gives where Node has other ones: dashboards show them. */
const goTexts: Readonly<Record<number, string>> = {
  1: 'operation not permitted',
  2: 'no such file or directory',
  5: 'input/output error',
  13: 'permission denied',
  20: 'not a directory',
  40: 'too many levels of symbolic links',
  107: 'transport endpoint is not connected',
  112: 'host is down',
  116: 'stale NFS file handle',
}

function goErrorText(error: unknown): string {
  const { errno, code, message } = error as NodeJS.ErrnoException
  return goTexts[Math.abs(errno ?? 0)] ?? code ?? message
}

function addMount(sink: MetricSink, mount: Mount, answer: Answer): void {
  const { device, mountPoint, fsType } = mount
  const failure = 'error' in answer ? answer.error : ''
  sink.sample(errorFamily, failure === '' ? 0 : 1, device, mountPoint, fsType, failure)
  const { isReadonly } = mount
  if (isReadonly !== undefined) sink.sample(readonlyFamily, isReadonly ? 1 : 0, device, mountPoint, fsType, failure)
  if ('error' in answer) return
  const { blocks, bfree, bavail, bsize, files, ffree } = answer
  sink.sample(sizeFamily, blocks * bsize, device, mountPoint, fsType, '')
  sink.sample(freeFamily, bfree * bsize, device, mountPoint, fsType, '')
  sink.sample(availFamily, bavail * bsize, device, mountPoint, fsType, '')
  sink.sample(filesFamily, files, device, mountPoint, fsType, '')
  sink.sample(filesFreeFamily, ffree, device, mountPoint, fsType, '')
}

/** Of the first process: its mounts are the host's. Its own ones where /proc hides other processes (hidepid). */
function readMounts(files: HostFiles): string {
  try {
    return files.read(files.proc('1/mountinfo'))
  } catch (error) {
    if (!isMissing(error) && (error as NodeJS.ErrnoException).code !== 'EACCES') throw error
    return files.read(files.proc('self/mountinfo'))
  }
}

/** Throws for a line that is none of mountinfo. */
export function parseMounts(text: string, rootfs: string): Mount[] {
  const mounts: Mount[] = []
  for (const line of text.split('\n')) {
    if (line === '') continue
    const fields = line.split(' ')
    const separator = fields.indexOf('-', 6)
    const [fsType, device, superOptions] = fields.slice(separator + 1)
    if (separator < 0 || superOptions === undefined || !fields[2]?.includes(':')) {
      throw new Error(`Cannot read mountinfo: not a mount: current value is ${JSON.stringify(line)}`)
    }
    const options = [...(fields[5] as string).split(','), ...superOptions.split(',')]
    mounts.push({
      device: unescapeField(device as string),
      mountPoint: belowRoot(unescapeField(fields[4] as string), rootfs),
      fsType: fsType as string,
      isReadonly: options.includes('ro'),
    })
  }
  return mounts
}

/** Space, tab, newline and backslash stand there as octal numbers (`\040`). */
function unescapeField(field: string): string {
  return field.includes('\\')
    ? field.replace(/\\(0[0-7]{2}|1[0-7]{2})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
    : field
}

function belowRoot(path: string, rootfs: string): string {
  if (rootfs === '/' || !path.startsWith(rootfs)) return path
  const below = path.slice(rootfs.length)
  return below === '' ? '/' : below
}

/** `ask` is statfs(2), for tests to make it hang; `source` the mounts of a system without procfs. */
export function createFilesystem(
  ask: (path: string) => Promise<StatsFs>,
  source: MountSource = kernelMounts,
): CollectorDefinition {
  return {
    name: 'filesystem',
    enabledByDefault: true,
    create({ filesystem }, { clock }) {
      const only = (exclude: string, name: string): NameFilter => new NameFilter(exclude, '', 'filesystem', name, '')
      return new FilesystemCollector(
        only(filesystem.mount_points_exclude, 'mount_points_exclude'),
        only(filesystem.fs_types_exclude, 'fs_types_exclude'),
        filesystem.mount_timeout,
        clock,
        ask,
        source,
      )
    },
  }
}

export const collector: CollectorDefinition = createFilesystem((path) => statfs(path))
