// SELinux: /sys/fs/selinux and /etc/selinux/config.
import { MetricFamily } from '#component'
import type { CollectorDefinition } from '../collector.ts'
import type { HostFiles } from '../files.ts'

const configFamily = new MetricFamily('node_selinux_config_mode', 'gauge', 'Configured SELinux enforcement mode')
const currentFamily = new MetricFamily('node_selinux_current_mode', 'gauge', 'Current SELinux enforcement mode')
const enabledFamily = new MetricFamily('node_selinux_enabled', 'gauge', 'SELinux is enabled, 1 is true, 0 is false')

/** enforcing 1, permissive 0, disabled (or nothing said) -1. */
const modes: Readonly<Record<string, number>> = { enforcing: 1, permissive: 0 }

export const collector: CollectorDefinition = {
  name: 'selinux',
  enabledByDefault: true,
  create: () => ({
    name: 'selinux',
    collect(sink, files) {
      const enforce = files.tryUint(files.sys('fs/selinux/enforce'))
      sink.sample(enabledFamily, enforce === undefined ? 0 : 1)
      if (enforce === undefined) return
      sink.sample(configFamily, configuredMode(files))
      sink.sample(currentFamily, enforce)
    },
  }),
}

function configuredMode(files: HostFiles): number {
  const path = files.root('etc/selinux/config')
  const text = files.exists(path) ? files.tryRead(path) : undefined
  const mode = /^\s*SELINUX=\s*(\w+)/m.exec(text ?? '')?.[1]?.toLowerCase() ?? ''
  return modes[mode] ?? -1
}
