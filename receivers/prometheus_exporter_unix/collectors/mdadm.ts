// Software RAID: /proc/mdstat and /sys/block/md*/md (Documentation/admin-guide/md.rst of the kernel).
import type { MetricSink } from '#component'
import { isMissing, NoDataError } from '../collector.ts'
import type { CollectorDefinition } from '../collector.ts'
import { gauge } from '../families.ts'
import type { HostFiles } from '../files.ts'
import { fieldsOf, numberOf } from '../lines.ts'

const device = ['device']
const state = gauge('node_md_state', 'Indicates the state of md-device.', ['device', 'state'])
const disks = gauge('node_md_disks', 'Number of active/failed/spare disks of device.', ['device', 'state'])
const disksRequired = gauge('node_md_disks_required', 'Total number of disks of device.', device)
const blocks = gauge('node_md_blocks', 'Total number of blocks on device.', device)
const blocksSynced = gauge('node_md_blocks_synced', 'Number of blocks synced on device.', device)
const raidDisks = gauge('node_md_raid_disks', 'Number of raid disks on device.', device)
const degraded = gauge('node_md_degraded', 'Number of degraded disks on device.', device)
const states = ['active', 'inactive', 'recovering', 'resync', 'check']

interface RaidArray {
  readonly name: string
  readonly state: string
  readonly active: number
  readonly failed: number
  readonly spare: number
  readonly required: number
  readonly blocks: number
  readonly blocksSynced: number
}

export const collector: CollectorDefinition = {
  name: 'mdadm',
  enabledByDefault: true,
  create: () => ({
    name: 'mdadm',
    collect(sink, files) {
      for (const array of parseMdstat(readMdstat(files))) {
        sink.sample(disksRequired, array.required, array.name)
        sink.sample(disks, array.active, array.name, 'active')
        sink.sample(disks, array.failed, array.name, 'failed')
        sink.sample(disks, array.spare, array.name, 'spare')
        for (const name of states) sink.sample(state, array.state === name ? 1 : 0, array.name, name)
        sink.sample(blocks, array.blocks, array.name)
        sink.sample(blocksSynced, array.blocksSynced, array.name)
      }
      giveSysfs(sink, files)
    },
  }),
}

function giveSysfs(sink: MetricSink, files: HostFiles): void {
  const base = files.sys('block')
  for (const name of files.tryList(base)) {
    const directory = `${base}/${name}/md`
    if (!name.startsWith('md') || !files.exists(directory)) continue
    sink.sample(raidDisks, files.readUint(`${directory}/raid_disks`), name)
    // Levels without redundancy have no such file, and nothing that could be missing.
    sink.sample(degraded, files.tryUint(`${directory}/degraded`) ?? 0, name)
  }
}

/** Throws `NoDataError` where the module is not loaded. */
function readMdstat(files: HostFiles): string {
  try {
    return files.readLatin1(files.proc('mdstat'))
  } catch (error) {
    if (isMissing(error)) throw new NoDataError()
    throw error
  }
}

/**
 * An array is a line `md3 : active raid6 sda1[8] sdh1[7](F)`, a line `5853468288 blocks super 1.2 … [8/8] [UUUUUUUU]` and,
 * perhaps after one with `bitmap`, a line about what is being done: `[=>..] recovery = 8.5% (16775552/195310144) …`.
 */
function parseMdstat(text: string): RaidArray[] {
  const lines = text.split('\n')
  const arrays: RaidArray[] = []
  for (const [i, line] of lines.entries()) {
    if (line.trim() === '' || line.startsWith(' ') || line.startsWith('unused') || line.startsWith('Personalities'))
      continue
    const [name = '', , activity = ''] = fieldsOf(line)
    if (activity === '') throw new Error(`Cannot read mdstat: no array: current value is ${JSON.stringify(line)}`)
    const status = lines[i + 1] ?? ''
    const size = numberOf(fieldsOf(status)[0], 'mdstat')
    const [required, active] = diskCounts(line, status)
    const after = lines[i + 2] ?? ''
    const sync = parseSync(after.includes('bitmap') ? (lines[i + 3] ?? '') : after)
    arrays.push({
      name,
      state: sync?.state ?? activity,
      active,
      failed: line.split('(F)').length - 1,
      spare: line.split('(S)').length - 1,
      required,
      blocks: size,
      blocksSynced: sync === undefined ? size : sync.blocks,
    })
  }
  return arrays
}

/** Disks that the array should have, and that work. */
function diskCounts(line: string, status: string): [number, number] {
  if (line.includes('raid0') || line.includes('linear')) {
    const count = line.split('[').length - 1
    return [count, count]
  }
  if (line.includes('inactive')) return [0, 0]
  const found = /\[(\d+)\/(\d+)\] \[[U_]+\]/.exec(status)
  if (found === null) throw new Error(`Cannot read mdstat: no disks: current value is ${JSON.stringify(status)}`)
  return [Number(found[1]), Number(found[2])]
}

/** What is being done and how many blocks of it are done; undefined: nothing. */
function parseSync(line: string): { state: string; blocks: number } | undefined {
  const state = line.includes('recovery')
    ? 'recovering'
    : line.includes('reshape')
      ? 'reshaping'
      : line.includes('check')
        ? 'check'
        : line.includes('resync')
          ? 'resync'
          : undefined
  if (state === undefined) return undefined
  if (line.includes('PENDING') || line.includes('DELAYED')) return { state, blocks: 0 }
  const found = /\((\d+)\/\d+\)/.exec(line)
  if (found === null) throw new Error(`Cannot read mdstat: no progress: current value is ${JSON.stringify(line)}`)
  return { state, blocks: Number(found[1]) }
}
