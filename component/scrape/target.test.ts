import assert from 'node:assert/strict'
import { test } from 'node:test'
import { labelsText } from '#pdata'
import type { TargetDefaults } from './target.ts'
import { offsetMs, scrapeTarget } from './target.ts'

const defaults: TargetDefaults = {
  jobName: 'prometheus.scrape.x',
  metricsPath: '/metrics',
  scheme: 'http',
  params: new Map([['collect[]', ['a b', 'c']]]),
  intervalMs: 60_000,
  timeoutMs: 10_000,
  nativeHistograms: false,
  classicHistograms: false,
  classicToNative: false,
}

const good: readonly {
  name: string
  labels: Record<string, string>
  url: string
  want: string
  intervalMs?: number
}[] = [
  {
    name: 'job and instance are made where they are not given',
    labels: { __address__: 'pi:9100' },
    url: 'http://pi:9100/metrics?collect%5B%5D=a+b&collect%5B%5D=c',
    want: '{instance="pi:9100", job="prometheus.scrape.x"}',
  },
  {
    name: 'labels with two underscores direct the scrape and are left out',
    labels: {
      __address__: 'pi',
      __scheme__: 'https',
      __metrics_path__: 'probe',
      '__param_collect[]': 'z',
      __param_module: 'http_2xx',
      __scrape_interval__: '1m30s',
      __scrape_timeout__: '500ms',
      __meta_x: 'y',
      __tmp: 'z',
      job: 'j',
      instance: 'i',
      team: 'a',
      empty: '',
    },
    url: 'https://pi/probe?collect%5B%5D=z&collect%5B%5D=c&module=http_2xx',
    want: '{instance="i", job="j", team="a"}',
    intervalMs: 90_000,
  },
]

for (const { name, labels, url, want, intervalMs = 60_000 } of good) {
  test(name, () => {
    const target = scrapeTarget(new Map(Object.entries(labels)), defaults)
    assert.equal(target.url, url)
    assert.equal(labelsText(target.labels), want)
    assert.equal(target.intervalMs, intervalMs)
  })
}

const bad: readonly (readonly [Record<string, string>, RegExp])[] = [
  [{}, /no address/],
  [{ __address__: 'http://pi' }, /"http:\/\/pi" is not a valid hostname/],
  [{ __address__: 'pi', __scrape_interval__: 'x' }, /error parsing scrape interval: not a valid duration string: "x"/],
  [{ __address__: 'pi', __scrape_interval__: '0' }, /scrape interval cannot be 0/],
  [{ __address__: 'pi', __scrape_timeout__: '0s' }, /scrape timeout cannot be 0/],
  [{ __address__: 'pi', __scrape_timeout__: '2m' }, /scrape timeout cannot be greater than scrape interval/],
  [{ __address__: 'pi', __scrape_native_histograms__: 'yes' }, /"yes" is no boolean/],
]

for (const [labels, message] of bad) {
  test(`a target of ${JSON.stringify(labels)} is refused`, () => {
    assert.throws(() => scrapeTarget(new Map(Object.entries(labels)), defaults), message)
  })
}

test('targets are spread over the interval, each at a place of its own that stays', () => {
  const places = new Set<number>()
  for (let i = 0; i < 20; i++) {
    const target = scrapeTarget(new Map([['__address__', `pi${i}`]]), defaults)
    const place = (1_700_000_000_000 + offsetMs(target, 1_700_000_000_000)) % 60_000
    const later = (1_700_000_034_567 + offsetMs(target, 1_700_000_034_567)) % 60_000
    assert.equal(place, later)
    places.add(place)
  }
  assert.equal(places.size, 20)
})
