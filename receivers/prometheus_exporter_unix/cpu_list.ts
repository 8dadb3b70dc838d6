// Lists of CPUs as sysfs writes them.

/** `0-3,8` as numbers; '' is none. Throws for anything else (kernel: Documentation/core-api/cpu_hotplug). */
export function parseCpuRanges(text: string): number[] {
  const cpus: number[] = []
  for (const part of text.trim().split(',')) {
    if (part === '') continue
    const range = /^(\d+)(?:-(\d+))?$/.exec(part)
    if (!range) throw new Error(`Cannot read a list of CPUs: not a range: current value is ${JSON.stringify(part)}`)
    const last = Number(range[2] ?? range[1])
    if (last > cpuMax) throw new Error(`Cannot read a list of CPUs: number too large: current value is ${last}`)
    for (let cpu = Number(range[1]); cpu <= last; cpu++) cpus.push(cpu)
  }
  return cpus
}

/** The kernel's largest NR_CPUS is 8192 (x86), s390 and others stay below: more is no list of CPUs. */
const cpuMax = 65_535
