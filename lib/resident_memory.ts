// How much memory the system holds for this process.

/**
 * Resident memory in bytes; undefined where nothing tells (on Linux /proc does, and a container or chroot may be without).
 */
export function residentBytes(): number | undefined {
  try {
    return process.memoryUsage.rss()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === 'uv_resident_set_memory') return undefined
    throw error
  }
}
