// Measures the remote write codec and snappy: nanoseconds of CPU per sample, compression against snappyjs.
//   node bench/remote_write_codec.ts [seconds per measurement, default 0.5]
import process from 'node:process'
import snappyjs from 'snappyjs'
import { Metadata, Series, SeriesBatch, SeriesLayout } from '#pdata'
import {
  decodeLimitsDefault,
  decodeWriteRequest,
  mergeV1,
  RemoteWriteEncoder,
  SeriesInterner,
} from '#pdata/remote_write'
import { snappyCompress, snappyUncompress } from '#lib/snappy'

const secondsPerRun = Number(process.argv[2] ?? 0.5)
const seriesCount = 1000

function layoutOf(count: number): SeriesLayout {
  const modes = ['idle', 'iowait', 'irq', 'nice', 'softirq', 'steal', 'system', 'user']
  const series: Series[] = []
  for (let i = 0; i < count; i++) {
    const family = Math.floor(i / 40)
    const metadata = new Metadata(
      `node_subsystem_${family}_seconds_total`,
      'counter',
      `What subsystem ${family} took.`,
      '',
    )
    series.push(
      new Series(
        [
          '__name__',
          `node_subsystem_${family}_seconds_total`,
          'cluster',
          'prod-eu-west-1',
          'cpu',
          `${i % 5}`,
          'instance',
          '10.12.13.14:9100',
          'job',
          'integrations/node_exporter',
          'mode',
          modes[i % 8] as string,
          'namespace',
          'monitoring',
          'pod',
          'node-exporter-x7k2p',
        ],
        metadata,
      ),
    )
  }
  return new SeriesLayout(series)
}

/** Values as counters have them: a third zero, a third integers, a third fractions. */
function valueOf(i: number, round: number): number {
  if (i % 3 === 0) return 0
  if (i % 3 === 1) return i * 1000 + round
  return (i * 7919.123 + round) / 3
}

function batchOf(layout: SeriesLayout, round: number): SeriesBatch {
  return new SeriesBatch({
    layout,
    values: Float64Array.from(layout.series, (_, i) => valueOf(i, round)),
    flags: null,
    timestampMs: 1_700_000_000_000 + round * 15_000,
    timestampsMs: null,
    startsMs: null,
    exemplars: null,
    histograms: null,
  })
}

/** Run for the given CPU time, five times; print the best of them per item. CPU time, as the machine may be shared. */
function measure(name: string, items: number, run: () => void, note = ''): number {
  let best = Infinity
  for (let round = 0; round < 5; round++) {
    let runs = 0
    const start = process.cpuUsage()
    let elapsedMicros = 0
    do {
      run()
      runs++
      const used = process.cpuUsage(start)
      elapsedMicros = used.user + used.system
    } while (elapsedMicros < (secondsPerRun / 5) * 1e6)
    best = Math.min(best, (elapsedMicros * 1000) / runs / items)
  }
  console.log(`${name.padEnd(46)} ${best.toFixed(1).padStart(9)} ns/item  ${note}`)
  return best
}

function benchCodec(protocol: 'v1' | 'v2'): void {
  const options = { protocol, sendExemplars: true, sendNativeHistograms: true, samplesMax: 2000, lanes: 1 } as const
  const layout = layoutOf(seriesCount)
  const encoder = new RemoteWriteEncoder(options)
  const batches = Array.from({ length: 8 }, (_, round) => batchOf(layout, round))
  const inFull = encoder.encode(batches[0]!).requests[0]!.bytes
  encoder.encode(batches[1]!)
  const templated = encoder.encode(batches[0]!).requests[0]!.bytes
  const raw = snappyUncompress(inFull, 1e8)
  const sizes = `${(inFull.length / seriesCount).toFixed(1)} bytes/sample, template ${(templated.length / seriesCount).toFixed(1)}`
  let round = 0
  measure(
    `${protocol} encode, first sight`,
    seriesCount,
    () => {
      new RemoteWriteEncoder(options).encode(batchOf(layout, round++))
    },
    sizes,
  )
  measure(`${protocol} encode, first and second sight`, seriesCount, () => {
    const fresh = new RemoteWriteEncoder(options)
    fresh.encode(batches[0]!)
    fresh.encode(batches[1]!)
  })
  measure(`${protocol} encode, from a template`, seriesCount, () => void encoder.encode(batches[round++ & 7]!))
  const interner = new SeriesInterner({ bytesMax: 1e8 })
  measure(`${protocol} decode, known series`, seriesCount, () => {
    decodeWriteRequest(templated, protocol, decodeLimitsDefault, interner)
  })
  measure(`${protocol} decode, new series`, seriesCount, () => {
    decodeWriteRequest(templated, protocol, decodeLimitsDefault, new SeriesInterner({ bytesMax: 1e8 }))
  })
  if (protocol === 'v1')
    measure('v1 merge of four requests', seriesCount * 4, () => void mergeV1([inFull, templated, inFull, templated]))
  benchSnappy(protocol, raw)
}

function benchSnappy(name: string, raw: Uint8Array): void {
  const ours = snappyCompress(raw)
  const theirs = snappyjs.compress(raw)
  const perKiB = raw.length / 1024
  const a = measure(
    `${name} snappy compress`,
    perKiB,
    () => void snappyCompress(raw),
    `KiB; ratio ${(raw.length / ours.length).toFixed(2)}`,
  )
  const b = measure(
    `${name} snappyjs compress`,
    perKiB,
    () => void snappyjs.compress(raw),
    `KiB; ratio ${(raw.length / theirs.length).toFixed(2)}`,
  )
  const c = measure(`${name} snappy uncompress`, perKiB, () => void snappyUncompress(ours, 1e8), 'KiB')
  const d = measure(`${name} snappyjs uncompress`, perKiB, () => void snappyjs.uncompress(ours), 'KiB')
  console.log(
    `${name} snappyjs takes ${(b / a).toFixed(2)} times as long to compress, ${(d / c).toFixed(2)} to uncompress`,
  )
}

benchCodec('v1')
benchCodec('v2')
benchSnappy(
  'noise',
  Uint8Array.from({ length: 100_000 }, () => Math.floor(Math.random() * 256)),
)
const lines = Array.from(
  { length: 2000 },
  (_, i) =>
    `level=info ts=2024-01-01T00:00:${i % 60} msg="request served" path=/api/v1/query?id=${i * 7919} status=200\n`,
)
benchSnappy('log lines', Buffer.from(lines.join('')))
