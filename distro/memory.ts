// Watches over the memory of this process.
import { systemClock } from '#lib/clock'
import { memoryControl, MemoryKeeper } from '#service'

/** For as long as it runs. */
export function keepMemory(): MemoryKeeper {
  const keeper = new MemoryKeeper({
    clock: systemClock,
    cpuMs: () => {
      const { user, system } = process.cpuUsage()
      return (user + system) / 1000
    },
    rssBytes: () => process.memoryUsage.rss(),
    control: memoryControl,
  })
  keeper.start()
  return keeper
}
