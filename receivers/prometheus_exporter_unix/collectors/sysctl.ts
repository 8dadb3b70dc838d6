// Kernel parameters that users choose: /proc/sys (sysctl(8)).
import { MetricFamily } from '#component'
import type { MetricSink } from '#component'
import type { CollectorDefinition } from '../collector.ts'
import { gauge, sanitizeMetricName } from '../families.ts'
import { fieldsOf, numberOf } from '../lines.ts'

const info = gauge('node_sysctl_info', 'sysctl info', ['name', 'value', 'index'])

export const collector: CollectorDefinition = {
  name: 'sysctl',
  enabledByDefault: false,
  create(settings) {
    const numeric = settings.sysctl.include.map(numericReader)
    const textual = settings.sysctl.include_info
    return {
      name: 'sysctl',
      collect(sink, files) {
        const read = (name: string): string[] => {
          const values = fieldsOf(files.read(files.proc(`sys/${name.replaceAll('.', '/')}`)))
          if (values.length === 0) throw new Error(`Cannot read sysctl ${name}: it has no values`)
          return values
        }
        for (const { name, give } of numeric) {
          give(
            sink,
            read(name).map((value) => numberOf(value, `sysctl ${name}`)),
          )
        }
        for (const written of textual) {
          const [name, keys] = splitOnce(written)
          const values = read(name)
          if (keys !== undefined) throw new Error(`Cannot show sysctl ${name}: names for values are for numbers only`)
          for (const [i, value] of values.entries()) sink.sample(info, 1, name, value, String(i))
        }
      },
    }
  },
}

interface NumericReader {
  readonly name: string
  give(sink: MetricSink, values: readonly number[]): void
}

/** `fs.file-nr` gives values by index, `fs.file-nr:total,current,max` one metric for each. */
function numericReader(written: string): NumericReader {
  const [name, keyText] = splitOnce(written)
  const metric = `node_sysctl_${sanitizeMetricName(name)}`
  if (keyText !== undefined) {
    const keys = keyText.split(',')
    const families = keys.map((key, i) => new MetricFamily(`${metric}_${key}`, 'unknown', `sysctl ${name}, field ${i}`))
    return {
      name,
      give(sink, values) {
        if (values.length !== keys.length || values.length === 1) {
          throw new Error(`Cannot show sysctl ${name}: ${keys.length} names: current value is ${values.length} values`)
        }
        for (const [i, family] of families.entries()) sink.sample(family, values[i] as number)
      },
    }
  }
  const single = new MetricFamily(metric, 'unknown', `sysctl ${name}`)
  const indexed = new MetricFamily(metric, 'unknown', `sysctl ${name}`, ['index'])
  return {
    name,
    give(sink, values) {
      if (values.length === 1) sink.sample(single, values[0] as number)
      else for (const [i, value] of values.entries()) sink.sample(indexed, value, String(i))
    },
  }
}

function splitOnce(written: string): [string, string | undefined] {
  const colon = written.indexOf(':')
  return colon < 0 ? [written, undefined] : [written.slice(0, colon), written.slice(colon + 1)]
}
