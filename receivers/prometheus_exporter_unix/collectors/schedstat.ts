// What the scheduler did on each CPU: /proc/schedstat (kernel: scheduler/sched-stats).
import type { CollectorDefinition } from '../collector.ts'
import { isMissing, NoDataError } from '../collector.ts'
import { counter } from '../families.ts'

const runningFamily = counter(
  'node_schedstat_running_seconds_total',
  'Number of seconds CPU spent running a process.',
  ['cpu'],
)
const waitingFamily = counter(
  'node_schedstat_waiting_seconds_total',
  'Number of seconds spent by processing waiting for this CPU.',
  ['cpu'],
)
const timeslicesFamily = counter('node_schedstat_timeslices_total', 'Number of timeslices executed by CPU.', ['cpu'])

const cpuLine = /^cpu(\d+) (?:\d+ ){6}(\d+) (\d+) (\d+)/gm

export const collector: CollectorDefinition = {
  name: 'schedstat',
  enabledByDefault: true,
  create: () => ({
    name: 'schedstat',
    collect(sink, files) {
      let text: string
      try {
        text = files.readLatin1(files.proc('schedstat'))
      } catch (error) {
        throw isMissing(error) ? new NoDataError('there is no /proc/schedstat: it needs CONFIG_SCHEDSTATS') : error
      }
      for (const [, cpu = '', running, waiting, timeslices] of text.matchAll(cpuLine)) {
        sink.sample(runningFamily, Number(running) / 1e9, cpu)
        sink.sample(waitingFamily, Number(waiting) / 1e9, cpu)
        sink.sample(timeslicesFamily, Number(timeslices), cpu)
      }
    },
  }),
}
