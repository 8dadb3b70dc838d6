// Processes and threads by state: /proc/<pid>/stat and /proc/<pid>/task/<tid>/stat (proc_pid_stat(5)).
import { setImmediate } from 'node:timers/promises'
import { isMissing } from '../collector.ts'
import type { CollectorDefinition } from '../collector.ts'
import { gauge } from '../families.ts'
import type { HostFiles } from '../files.ts'
import { numberOf } from '../lines.ts'

const threads = gauge('node_processes_threads', 'Allocated threads in system')
const maxThreads = gauge('node_processes_max_threads', 'Limit of threads in the system')
const threadsState = gauge('node_processes_threads_state', 'Number of threads in each state.', ['thread_state'])
const state = gauge('node_processes_state', 'Number of processes in each state.', ['state'])
const pids = gauge('node_processes_pids', 'Number of PIDs')
const maxProcesses = gauge('node_processes_max_processes', 'Number of max PIDs limit')

/** Files read before other work of the process gets its turn: 256 take some 3 ms. */
const filesPerTurn = 256
const processId = /^\d+$/

interface Counts {
  pids: number
  threads: number
  readonly states: Map<string, number>
  readonly threadStates: Map<string, number>
}

export const collector: CollectorDefinition = {
  name: 'processes',
  enabledByDefault: false,
  create: () => ({
    name: 'processes',
    async collect(sink, files, signal) {
      const counts = await countProcesses(files, signal)
      sink.sample(threads, counts.threads)
      sink.sample(maxThreads, files.readUint(files.proc('sys/kernel/threads-max')))
      for (const [name, count] of counts.states) sink.sample(state, count, name)
      for (const [name, count] of counts.threadStates) sink.sample(threadsState, count, name)
      sink.sample(pids, counts.pids)
      sink.sample(maxProcesses, files.readUint(files.proc('sys/kernel/pid_max')))
    },
  }),
}

async function countProcesses(files: HostFiles, signal: AbortSignal): Promise<Counts> {
  const counts: Counts = { pids: 0, threads: 0, states: new Map(), threadStates: new Map() }
  let read = 0
  const turn = async (): Promise<void> => {
    if (++read % filesPerTurn !== 0) return
    await setImmediate()
    signal.throwIfAborted()
  }
  for (const pid of files.list(files.procfs)) {
    if (!processId.test(pid)) continue
    const process = tryStat(files, files.proc(`${pid}/stat`))
    await turn()
    if (process === undefined) continue
    counts.pids++
    counts.threads += process.threads
    addOne(counts.states, process.state)
    // The process is a thread of itself; where it is the only one there is nothing to look up.
    const tasks = process.threads > 1 ? files.tryList(files.proc(`${pid}/task`)) : [pid]
    for (const tid of tasks) {
      const thread = tid === pid ? process : tryStat(files, files.proc(`${pid}/task/${tid}/stat`))
      if (tid !== pid) await turn()
      if (thread !== undefined) addOne(counts.threadStates, thread.state)
    }
  }
  return counts
}

/** State and number of threads; undefined for what ended since it was listed. */
function tryStat(files: HostFiles, path: string): { state: string; threads: number } | undefined {
  let text: string
  try {
    text = files.readLatin1(path)
  } catch (error) {
    if (isMissing(error) || (error as NodeJS.ErrnoException).code === 'ESRCH') return undefined
    throw error
  }
  // The name before may have spaces and parentheses of its own.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return { state: fields[0] as string, threads: numberOf(fields[17], path) }
}

function addOne(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}
