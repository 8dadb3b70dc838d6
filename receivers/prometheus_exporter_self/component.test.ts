import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { defaultSettings, MetricFamily, Target } from '#component'
import type { Host, MetricSink, MetricSource, Value } from '#component'
import { prometheusExporterSelf } from './component.ts'

const family = new MetricFamily('solder_build_info', 'gauge', 'About the build.')
const own: MetricSource = { collect: (sink) => sink.sample(family, 1) }

function hostOf(id: string, source: MetricSource | undefined) {
  const exported: Readonly<Record<string, Value>>[] = []
  const asked: string[] = []
  const host = {
    id,
    globals: { memoryAddress: 'solder.internal:12345', hostname: 'pi' },
    setExports: (exports: Readonly<Record<string, Value>>) => void exported.push(exports),
    internalSource(address: string, path: string) {
      asked.push(address + path)
      return source
    },
  }
  return { host: host as unknown as Host, exported, asked }
}

const settings = defaultSettings(prometheusExporterSelf.settings)

describe('prometheus.exporter.self', () => {
  const cases = [
    { id: 'prometheus.exporter.self.x', name: 'prometheus.exporter.self' },
    { id: 'mod.a/prometheus.exporter.self.x', name: 'mod.a/prometheus.exporter.self' },
  ]
  for (const { id, name } of cases) {
    it(`exports one target that leads back to ${id}`, async () => {
      const { host, exported } = hostOf(id, own)
      const component = await prometheusExporterSelf.create(host, settings)
      const [target, ...more] = (exported[0]?.targets ?? []) as Target[]
      assert.deepEqual(more, [])
      assert.deepEqual(Object.fromEntries(target?.labels ?? []), {
        __address__: 'solder.internal:12345',
        __scheme__: 'http',
        __metrics_path__: `/api/v0/component/${id}/metrics`,
        __meta_component_id: id,
        __meta_component_name: name,
        instance: 'pi',
        job: 'integrations/self',
      })
      await component.stop(0)
      await component.stop(0)
    })
  }

  it('reads the metrics of the process', async () => {
    const { host, asked } = hostOf('prometheus.exporter.self.x', own)
    const component = await prometheusExporterSelf.create(host, settings)
    const samples: [string, number][] = []
    const sink = { sample: (f: MetricFamily, value: number) => void samples.push([f.name, value]) }
    await component.source?.collect(sink as unknown as MetricSink, new AbortController().signal)
    assert.deepEqual(samples, [['solder_build_info', 1]])
    assert.deepEqual(asked, ['solder.internal:12345/metrics'])
  })

  it('fails the scrape where the process serves no metrics', async () => {
    const component = await prometheusExporterSelf.create(
      hostOf('prometheus.exporter.self.x', undefined).host,
      settings,
    )
    const collect = () => component.source?.collect({} as MetricSink, new AbortController().signal)
    assert.throws(collect, /^Error: Cannot read own metrics: nothing is served at solder\.internal:12345\/metrics$/)
  })
})
