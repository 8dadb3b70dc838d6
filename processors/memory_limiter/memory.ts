// How much memory the process uses and may use.
import { totalmem } from 'node:os'
import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

export interface Memory {
  /** Bytes in use. */
  usedBytes(): number
  /** Bytes that there are for the process. */
  totalBytes(): number
  /** Collect garbage now. Takes milliseconds per hundred megabytes, in which nothing else runs. */
  collect(): void
}

/**
 * What JavaScript objects and buffers take, garbage included until it is collected: the counterpart of Go's `Alloc`, which
 * limits in configurations were chosen for. Not the resident set: it stays high for long after a peak, and a limiter that
 * looks at it would go on refusing. Reading takes 2 µs.
 */
export const processMemory: Memory = {
  usedBytes() {
    const { used_heap_size: heap, external_memory: external, malloced_memory: malloced } = getHeapStatistics()
    return heap + external + malloced
  },
  /** The control group's limit where there is one (libuv reads memory.max and memory.limit_in_bytes), else the machine's. */
  totalBytes() {
    const machine = totalmem()
    const group = process.constrainedMemory()
    return group > 0 && group < machine ? group : machine
  },
  collect() {
    collector ??= exposedCollector()
    collector()
  },
}

let collector: (() => void) | undefined

/** V8 has its collector for whoever asks by a flag, which takes effect in contexts made afterwards. */
function exposedCollector(): () => void {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  setFlagsFromString('--no-expose-gc')
  return typeof collect === 'function' ? () => void collect() : () => {}
}
