// Pressure stalls: /proc/pressure (kernel: accounting/psi).
import type { MetricFamily } from '#component'
import type { CollectorDefinition } from '../collector.ts'
import { isMissing, NoDataError } from '../collector.ts'
import { counter } from '../families.ts'

/** What is shown of each resource's file. The lines of the others mean nothing (`full` of the CPU) or are not there. */
const resources: readonly (readonly [string, readonly (readonly ['some' | 'full', MetricFamily])[]])[] = [
  [
    'cpu',
    [
      [
        'some',
        counter(
          'node_pressure_cpu_waiting_seconds_total',
          'Total time in seconds that processes have waited for CPU time',
        ),
      ],
    ],
  ],
  [
    'io',
    [
      [
        'some',
        counter(
          'node_pressure_io_waiting_seconds_total',
          'Total time in seconds that processes have waited due to IO congestion',
        ),
      ],
      [
        'full',
        counter(
          'node_pressure_io_stalled_seconds_total',
          'Total time in seconds no process could make progress due to IO congestion',
        ),
      ],
    ],
  ],
  [
    'memory',
    [
      [
        'some',
        counter(
          'node_pressure_memory_waiting_seconds_total',
          'Total time in seconds that processes have waited for memory',
        ),
      ],
      [
        'full',
        counter(
          'node_pressure_memory_stalled_seconds_total',
          'Total time in seconds no process could make progress due to memory congestion',
        ),
      ],
    ],
  ],
  [
    'irq',
    [
      [
        'full',
        counter(
          'node_pressure_irq_stalled_seconds_total',
          'Total time in seconds no process could make progress due to IRQ congestion',
        ),
      ],
    ],
  ],
]

export const collector: CollectorDefinition = {
  name: 'pressure',
  enabledByDefault: true,
  create: () => ({
    name: 'pressure',
    collect(sink, files) {
      let found = 0
      for (const [resource, wanted] of resources) {
        const path = files.proc(`pressure/${resource}`)
        let text: string
        try {
          text = files.readLatin1(path)
        } catch (error) {
          if (isMissing(error)) continue
          const isOff = ['EOPNOTSUPP', 'ENOTSUP'].includes((error as NodeJS.ErrnoException).code ?? '')
          throw isOff ? new NoDataError('pressure stall information is off (psi=1 turns it on)') : error
        }
        const totals = wanted.map(([line]) => totalOf(text, line))
        if (totals.includes(undefined)) throw new NoDataError(`${path} lacks a line`)
        for (const [i, [, family]] of wanted.entries()) sink.sample(family, (totals[i] as number) / 1e6)
        found++
      }
      if (found === 0) throw new NoDataError('there is no /proc/pressure: it needs Linux 4.20 and CONFIG_PSI')
    },
  }),
}

/** Microseconds of `<line> avg10=… total=<here>`. */
function totalOf(text: string, line: string): number | undefined {
  const begin = text.startsWith(`${line} `) ? 0 : text.indexOf(`\n${line} `)
  if (begin < 0) return undefined
  const total = text.indexOf('total=', begin)
  return total < 0 ? undefined : Number.parseInt(text.slice(total + 6, total + 30), 10)
}
