// Watches over the memory of this process.
import { systemClock } from '#lib/clock'
import { residentBytes } from '#lib/resident_memory'
import { memoryControl, MemoryKeeper } from '#service'

/** For as long as it runs. */
export function keepMemory(): MemoryKeeper {
  const keeper = new MemoryKeeper({
    clock: systemClock,
    cpuMs: () => {
      const { user, system } = process.cpuUsage()
      return (user + system) / 1000
    },
    rssBytes: () => residentBytes() ?? 0,
    control: memoryControl,
  })
  keeper.start()
  return keeper
}
