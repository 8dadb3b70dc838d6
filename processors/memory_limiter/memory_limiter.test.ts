// The memory limiter: when it refuses, when it takes again, and what it counts.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { OtelOutput, TracesPort } from '#component'
import { ConsumeError } from '#component'
import type { Written } from '#component/test_host'
import { decoded, problemsOf, TestHost } from '#component/test_host'
import { ManualClock } from '#lib/clock'
import { Traces } from '#pdata'
import { memoryLimiterProcessor, otelcolProcessorMemoryLimiter } from './component.ts'
import type { LimiterSettings } from './limiter.ts'
import { Limiter } from './limiter.ts'
import { processMemory } from './memory.ts'
import type { Memory } from './memory.ts'
import { MemoryLimiter } from './memory_limiter.ts'

const mebibyte = 1 << 20

/** Memory as a test sets it; collecting leaves `live` of it. */
class FakeMemory implements Memory {
  used = 0
  live = 0
  total = 1000 * mebibyte
  collected = 0
  usedBytes(): number {
    return this.used
  }
  totalBytes(): number {
    return this.total
  }
  collect(): void {
    this.collected++
    this.used = Math.min(this.used, this.live)
  }
}

const settings: LimiterSettings = {
  checkIntervalMs: 1000,
  limitBytes: 100 * mebibyte,
  spikeLimitBytes: 20 * mebibyte,
  limitPercentage: 0,
  spikeLimitPercentage: 0,
  gcIntervalSoftMs: 10_000,
  gcIntervalHardMs: 0,
  gcIntervalSoftMsMax: 30_000,
  gcIntervalHardMsMax: 30_000,
}

/** A batch of one span that takes `bytes`. */
function batchOf(bytes: number): Traces {
  return Traces.fromWire([new Uint8Array(bytes)], 1)
}

function setUp(): {
  memory: FakeMemory
  clock: ManualClock
  host: TestHost
  processor: MemoryLimiter
  hold: (() => void)[]
} {
  const memory = new FakeMemory()
  const clock = new ManualClock()
  const host = new TestHost({ clock })
  const hold: (() => void)[] = []
  const slow: TracesPort = {
    nodeId: 'slow',
    signal: 'traces',
    consume: () => new Promise((resolve) => void hold.push(resolve)),
  }
  const output: OtelOutput = { traces: [{ nodeId: 'slow', traces: slow }], logs: [], metrics: [] }
  return { memory, clock, host, hold, processor: new MemoryLimiter(host, settings, memory, output) }
}

test('limits are bytes, or shares of the memory that there is; the soft one is below by the spike', () => {
  const cases: readonly (readonly [Partial<LimiterSettings>, hardMib: number, softMib: number])[] = [
    [{}, 100, 80],
    [{ spikeLimitBytes: 0 }, 100, 80],
    [{ spikeLimitBytes: 50 * mebibyte }, 100, 50],
    [{ limitBytes: 0, limitPercentage: 75, spikeLimitPercentage: 25 }, 750, 500],
    [{ limitBytes: 0, limitPercentage: 50 }, 500, 400],
  ]
  for (const [given, hardMib, softMib] of cases) {
    const host = new TestHost()
    const { hardLimitBytes, softLimitBytes } = new Limiter(
      { ...settings, ...given },
      new FakeMemory(),
      host.clock,
      host.log,
    )
    assert.deepEqual([hardLimitBytes / mebibyte, softLimitBytes / mebibyte], [hardMib, softMib])
  }
})

test('above the soft limit everything is refused for now, until a check finds less', async () => {
  const { memory, clock, host, processor, hold } = setUp()
  processor.start()
  memory.used = memory.live = 81 * mebibyte
  assert.ok(processor.traces.consume(batchOf(10)), 'not checked yet')
  await clock.advance(1000)
  assert.throws(
    () => processor.traces.consume(batchOf(10)),
    (error) => error instanceof ConsumeError && error.retryable && error.retryAfterMs !== undefined,
  )
  memory.used = memory.live = 80 * mebibyte
  await clock.advance(1000)
  assert.ok(processor.traces.consume(batchOf(10)))
  assert.equal(host.counts.get('otelcol_processor_memory_limiter_accepted_spans_total')?.value, 2)
  assert.equal(host.counts.get('otelcol_processor_memory_limiter_refused_spans_total')?.value, 1)
  assert.deepEqual(
    host.lines.filter((line) => !line.includes('configured')),
    [
      'warn: Memory usage is above soft limit. Refusing data.',
      'info: Memory usage back within limits. Resuming normal operation.',
    ],
  )
  for (const release of hold) release()
  processor.stop()
  processor.stop()
  assert.equal(clock.pending, 0)
})

test('bytes on their way count between two checks, so that a burst does not go past the limit', async () => {
  const { memory, clock, processor, hold } = setUp()
  memory.used = 70 * mebibyte
  processor.start()
  const first = processor.traces.consume(batchOf(20 * mebibyte))
  assert.throws(() => processor.traces.consume(batchOf(11 * mebibyte)), { name: 'ConsumeError', retryable: true })
  const second = processor.traces.consume(batchOf(10 * mebibyte))
  hold[0]?.()
  await first
  // The first is done with: there is room for as much.
  const third = processor.traces.consume(batchOf(20 * mebibyte))
  hold[1]?.()
  hold[2]?.()
  await Promise.all([second, third])
  await clock.advance(1000)
  processor.stop()
})

test('garbage is collected when the limit is met, and more and more seldom while that does not help', async () => {
  const { memory, clock, processor } = setUp()
  processor.start()
  memory.used = 95 * mebibyte
  memory.live = 30 * mebibyte
  await clock.advance(1000)
  assert.equal(memory.collected, 1)
  assert.ok(processor.traces.consume(batchOf(10)), 'it was all garbage')
  memory.live = memory.used = 95 * mebibyte
  await clock.advance(10_000)
  assert.equal(memory.collected, 2, 'at most every ten seconds above the soft limit')
  await clock.advance(19_000)
  assert.equal(memory.collected, 2, 'it was in vain: after twice the time')
  await clock.advance(1000)
  assert.equal(memory.collected, 3)
  processor.stop()
})

test('garbage that nobody collects does not keep it refusing', async () => {
  const { memory, clock, processor } = setUp()
  processor.start()
  memory.live = memory.used = 90 * mebibyte
  await clock.advance(1000)
  assert.throws(() => processor.traces.consume(batchOf(1)))
  memory.live = 10 * mebibyte
  await clock.advance(40_000)
  assert.ok(processor.traces.consume(batchOf(1)))
  processor.stop()
})

test("the process's own memory is read and collected", () => {
  let held: Uint8Array | null = new Uint8Array(64 * mebibyte).fill(1)
  const before = processMemory.usedBytes()
  assert.ok(before > held.length)
  held = null
  processMemory.collect()
  assert.ok(processMemory.usedBytes() < before - 32 * mebibyte, String(held))
  assert.ok(processMemory.totalBytes() > 0)
})

test('settings that cannot work are reported, in each language in its words', () => {
  const alloy: readonly (readonly [Written, string])[] = [
    [{ check_interval: '0s', limit: '1GiB' }, 'check_interval must be greater than zero'],
    [
      { check_interval: '1s', limit: '1GiB', limit_percentage: 50n },
      'either limit or limit_percentage must be set, but not both',
    ],
    [{ check_interval: '1s', limit: '1GiB', spike_limit: '1GiB' }, 'spike_limit must be less than limit'],
    [{ check_interval: '1s' }, 'either limit or limit_percentage must be set to greater than zero'],
    [
      { check_interval: '1s', limit_percentage: 101n, spike_limit_percentage: 10n },
      'limit_percentage and spike_limit_percentage must be greater than 0 and and less or equal than 100',
    ],
    [
      { check_interval: '1s', limit_percentage: 50n, spike_limit_percentage: 60n },
      'spike_limit_percentage must be less than limit_percentage',
    ],
  ]
  for (const [written, problem] of alloy) {
    assert.deepEqual(problemsOf(otelcolProcessorMemoryLimiter.settings, { ...written, output: {} }), [problem])
  }
  const yaml: readonly (readonly [Written, string])[] = [
    [{ limit_mib: 10n }, "'check_interval' must be greater than zero"],
    [{ check_interval: '1s' }, "'limit_mib' or 'limit_percentage' must be greater than zero"],
    [
      { check_interval: '1s', limit_mib: 10n, spike_limit_mib: 10n },
      "'spike_limit_mib' must be smaller than 'limit_mib'",
    ],
    [
      { check_interval: '1s', limit_percentage: 10n, spike_limit_percentage: 20n },
      "'spike_limit_percentage' must be smaller than 'limit_percentage'",
    ],
    [
      { check_interval: '1s', limit_mib: 10n, min_gc_interval_when_hard_limited: '11s' },
      "'min_gc_interval_when_soft_limited' should be larger than 'min_gc_interval_when_hard_limited'",
    ],
  ]
  for (const [written, problem] of yaml)
    assert.deepEqual(problemsOf(memoryLimiterProcessor.settings, written), [problem])
  assert.equal(decoded(memoryLimiterProcessor.settings, { check_interval: '1s', limit_mib: 512n }).limit_mib, 512)
})
