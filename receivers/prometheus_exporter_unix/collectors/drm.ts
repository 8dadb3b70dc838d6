// Graphics cards of AMD: /sys/class/drm/card?/device (Documentation/gpu/amdgpu of the kernel).
import type { CollectorDefinition } from '../collector.ts'
import { gauge } from '../families.ts'

const info = gauge('node_drm_card_info', 'Card information', [
  'card',
  'memory_vendor',
  'power_performance_level',
  'unique_id',
  'vendor',
])
const card = (name: string, help: string) => gauge(`node_drm_${name}`, help, ['card'])
const values = [
  { file: 'gpu_busy_percent', family: card('gpu_busy_percent', 'How busy the GPU is as a percentage.') },
  {
    file: 'mem_info_gtt_total',
    family: card('memory_gtt_size_bytes', 'The size of the graphics translation table (GTT) block in bytes.'),
  },
  {
    file: 'mem_info_gtt_used',
    family: card('memory_gtt_used_bytes', 'The used amount of the graphics translation table (GTT) block in bytes.'),
  },
  { file: 'mem_info_vram_total', family: card('memory_vram_size_bytes', 'The size of VRAM in bytes.') },
  { file: 'mem_info_vram_used', family: card('memory_vram_used_bytes', 'The used amount of VRAM in bytes.') },
  { file: 'mem_info_vis_vram_total', family: card('memory_vis_vram_size_bytes', 'The size of visible VRAM in bytes.') },
  {
    file: 'mem_info_vis_vram_used',
    family: card('memory_vis_vram_used_bytes', 'The used amount of visible VRAM in bytes.'),
  },
]

export const collector: CollectorDefinition = {
  name: 'drm',
  enabledByDefault: false,
  create: () => ({
    name: 'drm',
    collect(sink, files) {
      const base = files.sys('class/drm')
      for (const name of files.tryList(base)) {
        const device = `${base}/${name}/device`
        // Not `card0-DP-1`, which is a connector.
        if (!/^card\d$/.test(name) || !files.tryRead(`${device}/uevent`)?.includes('DRIVER=amdgpu')) continue
        const text = (file: string): string => files.tryTrimmed(`${device}/${file}`) ?? ''
        const vendor = text('mem_info_vram_vendor')
        sink.sample(info, 1, name, vendor, text('power_dpm_force_performance_level'), text('unique_id'), 'amd')
        for (const { file, family } of values) sink.sample(family, files.tryUint(`${device}/${file}`) ?? 0, name)
      }
    },
  }),
}
