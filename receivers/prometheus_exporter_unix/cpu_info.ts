// /proc/cpuinfo, which every architecture writes in its own words.

/** One logical CPU. Texts are '' where the architecture does not tell them. */
export interface CpuInfo {
  processor: string
  package: string
  core: string
  vendor: string
  family: string
  model: string
  modelName: string
  microcode: string
  stepping: string
  cacheSize: string
  megahertz: number
  flags: string[]
  bugs: string[]
}

const textFields: Readonly<Record<string, keyof CpuInfo>> = {
  'physical id': 'package',
  'core id': 'core',
  vendor: 'vendor',
  vendor_id: 'vendor',
  'cpu family': 'family',
  model: 'model',
  'model name': 'modelName',
  microcode: 'microcode',
  stepping: 'stepping',
  'cache size': 'cacheSize',
}

/** Blocks that begin with `processor` (x86, ARM, RISC-V, POWER). ARM's `Features` are flags, its last ones those of all. */
export function parseCpuInfo(text: string): CpuInfo[] {
  const all: CpuInfo[] = []
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':')
    if (colon < 0) continue
    const key = line.slice(0, colon).trim()
    const value = line.slice(colon + 1).replace(/^ /, '')
    if (key === 'processor') all.push(emptyInfo(String(Number(value))))
    const current = all.at(-1)
    if (!current) continue
    const field = textFields[key]
    if (field !== undefined) (current as unknown as Record<string, string>)[field] = value
    else if (key === 'cpu MHz') current.megahertz = Number(value)
    else if (key === 'flags') current.flags = words(value)
    else if (key === 'bugs') current.bugs = words(value)
    else if (key === 'Features') for (const each of all) each.flags = words(value)
  }
  return all
}

function words(value: string): string[] {
  return value.split(/\s+/).filter((word) => word !== '')
}

function emptyInfo(processor: string): CpuInfo {
  return {
    processor,
    package: '',
    core: '',
    vendor: '',
    family: '',
    model: '',
    modelName: '',
    microcode: '',
    stepping: '',
    cacheSize: '',
    megahertz: 0,
    flags: [],
    bugs: [],
  }
}
