import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { ManualClock } from '#lib/clock'
import fc from 'fast-check'
import { anyLane, type QueuePart } from './part.ts'
import { SendingQueue, type SendingQueueSettings, type SendOutcome } from './queue.ts'

const root = await mkdtemp(join(tmpdir(), 'solder-queue-'))
after(() => rm(root, { recursive: true, force: true }))
let directories = 0

const defaults: SendingQueueSettings = {
  lanesMin: 1,
  lanesMax: 1,
  itemsPerRequestMax: 10,
  batchWaitMs: 100,
  memoryBytesMax: 1_000_000,
  diskBytesMax: 100_000_000,
  ageMaxMs: 0,
  spillAfterMs: 1000,
  syncEveryMs: 500,
  backoffMinMs: 30,
  backoffMaxMs: 1000,
  durability: 'spill',
}

const silent = { debug() {}, info() {}, warn() {}, error() {} }

/** A queue whose backend is a function of the test's. */
class Bench {
  readonly clock: ManualClock
  readonly directory: string
  readonly queue: SendingQueue
  /** Requests that arrived, each a list of the numbers its parts carry. */
  readonly requests: number[][] = []
  readonly dropped: { reason: string; items: number }[] = []
  sent = 0
  recovered = 0
  problem: string | undefined
  answer: (parts: readonly QueuePart[]) => SendOutcome | Promise<SendOutcome> = () => ({ kind: 'sent' })

  constructor(settings: Partial<SendingQueueSettings> = {}, directory?: string, clock = new ManualClock()) {
    this.clock = clock
    this.directory = directory ?? join(root, String(++directories))
    this.queue = new SendingQueue(
      { ...defaults, ...settings },
      {
        send: async (parts) => {
          const outcome = await this.answer(parts)
          if (outcome.kind === 'sent') this.requests.push(parts.map(numberOf))
          return outcome
        },
        onSent: (parts) => void (this.sent += parts.reduce((sum, p) => sum + p.items, 0)),
        onDropped: (reason, items) => void this.dropped.push({ reason, items }),
        onRecovered: (items) => void (this.recovered += items),
        onHealth: (problem) => void (this.problem = problem),
      },
      { directory: this.directory, clock, log: silent },
    )
  }

  part(n: number, options: Partial<QueuePart> = {}): QueuePart {
    const bytes = new Uint8Array(100)
    new DataView(bytes.buffer).setUint32(0, n)
    return { kind: 0, bytes, items: 1, extra: 0, mergeable: true, lane: 0, createdMs: this.clock.now(), ...options }
  }

  /** Turn the clock in small steps, giving the disk real time, until `done`. */
  async until(done: () => boolean, stepMs = 10): Promise<void> {
    const endMs = performance.now() + 30_000
    for (let i = 0; i < 1000 || performance.now() < endMs; i++) {
      if (done()) return
      await this.clock.advance(stepMs)
      // A busy machine's disk is far slower than the turned clock.
      if (i % 10 === 9 || i > 1000) await new Promise((resolve) => setTimeout(resolve, 1))
    }
    assert.fail(
      `never came true: ${done}; ${this.delivered.length} delivered, ${this.queue.waitingItems} wait, dropped ${JSON.stringify(this.dropped)}`,
    )
  }

  async stop(deadlineMs = 1000): Promise<void> {
    let stopped = false
    const stopping = this.queue.stop(deadlineMs).then(() => void (stopped = true))
    await this.until(() => stopped)
    await stopping
  }

  get delivered(): number[] {
    return this.requests.flat()
  }
}

function numberOf(part: QueuePart): number {
  return new DataView(part.bytes.buffer, part.bytes.byteOffset).getUint32(0)
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i)
}

const away: SendOutcome = { kind: 'retry', message: 'connection refused' }

test('parts wait for a full request, or for the wait to be over, and are sent in order', async () => {
  const bench = new Bench()
  await bench.queue.start()
  void bench.queue.put(range(0, 12).map((n) => bench.part(n)))
  await bench.clock.advance(0)
  assert.deepEqual(bench.requests, [range(0, 10)])
  await bench.clock.advance(99)
  assert.equal(bench.queue.waitingItems, 2)
  await bench.clock.advance(1)
  assert.deepEqual(bench.delivered, range(0, 12))
  assert.equal(bench.queue.waitingItems, 0)
  assert.equal(bench.queue.waitingBytes, 0)
  await bench.stop()
  assert.deepEqual(await readdir(bench.directory).catch(() => []), [], 'a healthy backend leaves the disk untouched')
})

test('a part that was made before the wall clock was set back waits no longer than others', async () => {
  const bench = new Bench()
  await bench.queue.start()
  void bench.queue.put([bench.part(1, { createdMs: bench.clock.now() + 3_600_000 })])
  await bench.clock.advance(100)
  assert.deepEqual(bench.delivered, [1])
  await bench.stop()
})

test('parts of different kinds, or that do not merge, are requests of their own', async () => {
  const bench = new Bench()
  void bench.queue.put([
    bench.part(1),
    bench.part(2, { kind: 1 }),
    bench.part(3, { kind: 1 }),
    bench.part(4, { mergeable: false }),
  ])
  await bench.clock.advance(200)
  assert.deepEqual(bench.requests, [[1], [2, 3], [4]])
  await bench.stop()
})

test('a retry waits for the backoff, or for as long as the backend asks', async () => {
  const bench = new Bench()
  const answers: SendOutcome[] = [away, { kind: 'retry', message: 'busy', retryAfterMs: 5000 }, { kind: 'sent' }]
  const times: number[] = []
  bench.answer = () => {
    times.push(bench.clock.monotonic())
    return answers.shift() ?? { kind: 'sent' }
  }
  void bench.queue.put(range(0, 10).map((n) => bench.part(n)))
  await bench.clock.advance(0)
  assert.equal(bench.problem, 'connection refused')
  await bench.clock.advance(6000)
  assert.equal(times.length, 3)
  const [a, b, c] = times as [number, number, number]
  assert.ok(b - a >= 15 && b - a <= 30, `the first backoff was ${b - a} ms`)
  assert.ok(c - b >= 5000, `Retry-After was kept: ${c - b} ms`)
  assert.equal(bench.problem, undefined)
  await bench.stop()
})

test('what the backend will never take is dropped under its reason and holds nothing up', async () => {
  const bench = new Bench()
  bench.answer = (parts) =>
    numberOf(parts[0] as QueuePart) === 0 ? { kind: 'rejected', reason: 'refused', message: '400' } : { kind: 'sent' }
  void bench.queue.put(range(0, 20).map((n) => bench.part(n)))
  await bench.clock.advance(10)
  assert.deepEqual(bench.dropped, [{ reason: 'refused', items: 10 }])
  assert.deepEqual(bench.delivered, range(10, 20))
  await bench.stop()
})

test('an outage moves the queue to disk; afterwards everything arrives once, in order, and the disk is left', async () => {
  const bench = new Bench()
  await bench.queue.start()
  bench.answer = () => away
  void bench.queue.put(range(0, 25).map((n) => bench.part(n)))
  await bench.until(() => bench.queue.isOnDisk && bench.queue.bytesWrittenToDisk > 2500)
  for (let n = 25; n < 125; n += 5) {
    void bench.queue.put(range(n, n + 5).map((i) => bench.part(i)))
    await bench.clock.advance(50)
  }
  assert.equal(bench.queue.waitingItems, 125)
  bench.answer = () => ({ kind: 'sent' })
  await bench.until(() => bench.sent === 125 && !bench.queue.isOnDisk)
  assert.deepEqual(bench.delivered, range(0, 125))
  const written = bench.queue.bytesWrittenToDisk
  void bench.queue.put(range(125, 150).map((n) => bench.part(n)))
  await bench.until(() => bench.sent === 150)
  assert.equal(bench.queue.bytesWrittenToDisk, written, 'back in memory')
  assert.deepEqual(bench.delivered, range(0, 150))
  assert.equal(bench.queue.waitingItems, 0)
  await bench.stop()
  assert.deepEqual(await readdir(bench.directory), [])
})

test('a stop during an outage keeps everything for the next process', async () => {
  const first = new Bench()
  await first.queue.start()
  first.answer = () => away
  void first.queue.put(range(0, 33).map((n) => first.part(n)))
  await first.clock.advance(200)
  await first.stop()
  assert.deepEqual(first.dropped, [])

  const second = new Bench({}, first.directory, first.clock)
  await second.queue.start()
  void second.queue.put(range(33, 50).map((n) => second.part(n)))
  await second.until(() => second.sent === 50)
  assert.deepEqual(second.delivered, range(0, 50))
  assert.equal(second.recovered, 33)
  assert.equal(second.queue.waitingItems, 0)
  await second.stop()
})

test('parts that come while the queue takes up what was left are neither lost nor sent twice', async () => {
  const first = new Bench({ memoryBytesMax: 0 })
  await first.queue.start()
  first.answer = () => away
  void first.queue.put(range(0, 40).map((n) => first.part(n)))
  await first.until(() => first.queue.isOnDisk)
  await first.stop()
  const second = new Bench({ memoryBytesMax: 500 }, first.directory, first.clock)
  second.answer = () => away
  const starting = second.queue.start()
  for (let n = 40; n < 100; n++) {
    void second.queue.put([second.part(n)])
    if (n % 10 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  await starting
  second.answer = () => ({ kind: 'sent' })
  await second.until(() => second.queue.waitingItems === 0 && second.sent >= 100)
  assert.deepEqual(
    second.delivered.toSorted((a, b) => a - b),
    range(0, 100),
  )
  await second.stop()
  const third = new Bench({}, first.directory, first.clock)
  await third.queue.start()
  await third.stop()
  assert.deepEqual(third.delivered, [])
})

test('a damaged segment is set aside and counted, what is whole is sent', async () => {
  const first = new Bench()
  await first.queue.start()
  first.answer = () => away
  void first.queue.put(range(0, 5).map((n) => first.part(n)))
  await first.clock.advance(200)
  await first.stop()
  await writeFile(join(first.directory, '0000000000009999.seg'), 'not one of ours')
  const second = new Bench({}, first.directory, first.clock)
  await second.queue.start()
  await second.until(() => second.sent === 5)
  assert.equal(second.queue.damages, 1)
  assert.deepEqual(second.delivered, range(0, 5))
  await second.stop()
})

test('a stop with a healthy backend sends what waits', async () => {
  const bench = new Bench({ batchWaitMs: 60_000 })
  await bench.queue.start()
  void bench.queue.put(range(0, 7).map((n) => bench.part(n)))
  await bench.stop()
  assert.deepEqual(bench.delivered, range(0, 7))
  await bench.stop()
})

test('a stop cuts a hanging request short and keeps its parts', async () => {
  const bench = new Bench()
  await bench.queue.start()
  bench.queue.put([bench.part(1)])
  const hanging = new Bench({ batchWaitMs: 0 }, join(root, 'hanging'))
  hanging.answer = () => new Promise((_, reject) => setTimeout(() => reject(new Error('aborted')), 50))
  void hanging.queue.put([hanging.part(1), hanging.part(2)])
  await hanging.stop(300)
  assert.deepEqual(hanging.dropped, [])
  const next = new Bench({ batchWaitMs: 0 }, hanging.directory, hanging.clock)
  await next.queue.start()
  await next.until(() => next.sent === 2)
  assert.deepEqual(next.delivered, [1, 2])
  await next.stop()
  await bench.stop()
})

test('with durability always a part is taken when it is on disk, and a death loses nothing', async () => {
  const first = new Bench({ durability: 'always' })
  await first.queue.start()
  first.answer = () => away
  let taken = 0
  for (let n = 0; n < 40; n++) void (first.queue.put([first.part(n)]) as Promise<void>).then(() => taken++)
  assert.equal(taken, 0)
  await first.until(() => taken === 40)
  // The process dies here: nobody calls stop (but at the end, for the open files).
  const second = new Bench({ durability: 'always' }, first.directory, first.clock)
  await second.queue.start()
  await second.until(() => second.sent === 40)
  assert.deepEqual(second.delivered, range(0, 40))
  await second.queue.put(range(40, 45).map((n) => second.part(n)))
  await second.until(() => second.sent === 45)
  assert.deepEqual(second.delivered, range(0, 45))
  await second.stop()
  await first.stop()
})

test('with durability always a disk that refuses makes the put fail', async () => {
  const file = join(root, 'a-file')
  await writeFile(file, '')
  const bench = new Bench({ durability: 'always' }, join(file, 'queue'))
  await bench.queue.start()
  await assert.rejects(async () => bench.queue.put([bench.part(1)]), /Cannot keep the queue in/)
  assert.equal(bench.queue.waitingItems, 0)
  assert.match(bench.problem ?? '', /Cannot keep the queue/)
  await bench.stop()
})

test('memory that runs short moves the queue to disk before the backend counts as away', async () => {
  const bench = new Bench({ memoryBytesMax: 2000, spillAfterMs: 1e9 })
  await bench.queue.start()
  bench.answer = () => away
  for (let n = 0; n < 200; n++) {
    let taken = false
    void Promise.resolve(bench.queue.put([bench.part(n)])).then(() => void (taken = true))
    await bench.until(() => taken)
  }
  assert.deepEqual(bench.dropped, [], 'who brings more than the disk takes is made to wait')
  await bench.until(() => bench.queue.bytesWrittenToDisk > 100 * 200)
  bench.answer = () => ({ kind: 'sent' })
  await bench.until(() => bench.sent === 200)
  assert.deepEqual(bench.delivered, range(0, 200))
  await bench.stop()
})

test('a full disk bound drops the oldest and counts it; what was put is delivered, dropped or waits', async () => {
  const bench = new Bench({ diskBytesMax: 5_000_000, memoryBytesMax: 1000 })
  await bench.queue.start()
  bench.answer = () => away
  let put = 0
  for (let n = 0; n < 100; n++) {
    void bench.queue.put([bench.part(n, { bytes: new Uint8Array(100_000) })])
    put++
    await bench.until(() => bench.queue.bytesWrittenToDisk >= put * 100_000)
  }
  await bench.clock.advance(100)
  const dropped = bench.dropped.reduce((sum, d) => sum + d.items, 0)
  assert.ok(dropped > 0)
  assert.equal(bench.queue.waitingItems + dropped, put)
  assert.ok(bench.queue.waitingBytes < 7_000_000, `${bench.queue.waitingBytes} bytes wait`)
  bench.answer = () => ({ kind: 'sent' })
  await bench.until(() => bench.queue.waitingItems === 0)
  const droppedAll = bench.dropped.reduce((sum, d) => sum + d.items, 0)
  assert.equal(bench.sent + droppedAll, put)
  await bench.stop()
})

test('without a usable disk the queue stays within its memory, counts what it drops and says so', async () => {
  const file = join(root, 'not-a-directory')
  await writeFile(file, '')
  const bench = new Bench({ memoryBytesMax: 2000 }, join(file, 'queue'))
  await bench.queue.start()
  bench.answer = () => away
  for (let n = 0; n < 100; n++) {
    void bench.queue.put([bench.part(n)])
    await bench.clock.advance(10)
  }
  // The disk says no in its own time, which the clock does not turn.
  await bench.until(() => /Cannot keep the queue in/.test(bench.problem ?? ''))
  for (let n = 100; n < 300; n++) {
    void bench.queue.put([bench.part(n)])
    await bench.clock.advance(10)
  }
  const dropped = bench.dropped.reduce((sum, d) => sum + d.items, 0)
  assert.ok(dropped > 200)
  assert.equal(dropped + bench.queue.waitingItems, 300)
  bench.answer = () => ({ kind: 'sent' })
  await bench.until(() => bench.queue.waitingItems === 0)
  assert.equal(bench.dropped.reduce((sum, d) => sum + d.items, 0) + bench.sent, 300)
  await bench.stop()
})

test('parts that are too old when their turn comes are dropped', async () => {
  const bench = new Bench({ ageMaxMs: 2000, spillAfterMs: 1e9 })
  bench.answer = () => away
  void bench.queue.put(range(0, 10).map((n) => bench.part(n)))
  await bench.clock.advance(4000)
  assert.deepEqual(bench.dropped, [{ reason: 'too old', items: 10 }])
  await bench.stop()
})

test('a request that has been tried for long enough is dropped, and what follows it is not', async () => {
  const bench = new Bench({ retryElapsedMaxMs: 200, backoffMultiplier: 1.5, backoffRandomization: 0.5 })
  await bench.queue.start()
  bench.answer = (parts) => (numberOf(parts[0] as QueuePart) === 1 ? away : { kind: 'sent' })
  const settled: (string | undefined)[] = []
  const options = { mergeable: false, settled: (problem: string | undefined) => void settled.push(problem) }
  void bench.queue.put([bench.part(1, options), bench.part(2, options)])
  await bench.until(() => bench.queue.waitingParts === 0)
  assert.deepEqual(bench.dropped, [{ reason: 'retries exhausted', items: 1 }])
  assert.deepEqual(bench.delivered, [2])
  assert.deepEqual(settled, ['connection refused', undefined])
  await bench.stop()
})

test('parts of no lane of their own are shared out: a request that hangs holds up none of them', async () => {
  const bench = new Bench({ lanesMin: 3, lanesMax: 3 })
  await bench.queue.start()
  let release: () => void = () => {}
  const hanging = new Promise<void>((resolve) => (release = resolve))
  bench.answer = async (parts) => {
    if (numberOf(parts[0] as QueuePart) === 0) await hanging
    return { kind: 'sent' }
  }
  void bench.queue.put(range(0, 12).map((n) => bench.part(n, { lane: anyLane, mergeable: false })))
  await bench.until(() => bench.delivered.length === 11)
  assert.deepEqual(
    bench.delivered.toSorted((a, b) => a - b),
    range(1, 12),
  )
  release()
  await bench.until(() => bench.queue.waitingParts === 0)
  await bench.stop()
})

test('parts of no lane of their own fill one request together, counted in bytes where asked to', async () => {
  const bench = new Bench({
    lanesMin: 3,
    lanesMax: 3,
    requestSizer: 'bytes',
    itemsPerRequestMin: 400,
    itemsPerRequestMax: 500,
  })
  await bench.queue.start()
  for (const n of range(0, 9)) void bench.queue.put([bench.part(n, { lane: anyLane })])
  await bench.until(() => bench.queue.waitingParts === 0)
  assert.deepEqual(
    bench.requests.map((request) => request.length),
    [4, 4, 1],
  )
  await bench.stop()
})

test('lanes grow under load, shrink without, and no lane overtakes itself', async () => {
  const bench = new Bench({ lanesMax: 4, batchWaitMs: 1000 })
  await bench.queue.start()
  bench.answer = () => new Promise((resolve) => void bench.clock.setTimeout(() => resolve({ kind: 'sent' }), 500))
  let n = 0
  for (let i = 0; i < 300; i++) {
    void bench.queue.put(range(n, n + 10).map((k) => bench.part(k, { lane: k % 8 })))
    n += 10
    await bench.clock.advance(100)
  }
  assert.equal(bench.queue.lanes, 4)
  await bench.until(() => bench.sent === n, 100)
  for (let lane = 0; lane < 8; lane++) {
    const got = bench.delivered.filter((k) => k % 8 === lane)
    assert.deepEqual(
      got,
      range(0, n).filter((k) => k % 8 === lane),
      `lane ${lane}`,
    )
  }
  await bench.clock.advance(30_000)
  assert.equal(bench.queue.lanes, 1)
  await bench.stop()
})

test('whatever fails when, and however often the process restarts, each part is delivered in order or accounted for', async () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('put' as const), count: fc.integer({ min: 1, max: 30 }) }),
    fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 3000 }) }),
    fc.constant({ kind: 'away' as const }),
    fc.constant({ kind: 'back' as const }),
    fc.constant({ kind: 'restart' as const }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), fc.boolean(), async (steps, always) => {
      const directory = join(root, String(++directories))
      const settings: Partial<SendingQueueSettings> = {
        lanesMax: 3,
        memoryBytesMax: 5000,
        durability: always ? 'always' : 'spill',
      }
      let bench = new Bench(settings, directory)
      await bench.queue.start()
      const delivered: number[] = []
      let next = 0
      let isAway = false
      for (const s of steps) {
        bench.answer = () => (isAway ? away : { kind: 'sent' })
        if (s.kind === 'put') {
          void bench.queue.put(range(next, next + s.count).map((k) => bench.part(k, { lane: k % 5 })))
          next += s.count
        } else if (s.kind === 'wait') await bench.clock.advance(s.ms)
        else if (s.kind === 'restart') {
          await bench.stop()
          assert.deepEqual(bench.dropped, [])
          delivered.push(...bench.delivered)
          bench = new Bench(settings, directory, bench.clock)
          bench.answer = () => (isAway ? away : { kind: 'sent' })
          await bench.queue.start()
        } else isAway = s.kind === 'away'
      }
      bench.answer = () => ({ kind: 'sent' })
      const before = delivered.length
      await bench.until(() => before + bench.delivered.length >= next && bench.queue.waitingItems === 0, 100)
      await bench.stop()
      delivered.push(...bench.delivered)
      for (let lane = 0; lane < 5; lane++) {
        const got = delivered.filter((k) => k % 5 === lane)
        assert.deepEqual(
          got,
          range(0, next).filter((k) => k % 5 === lane),
          `lane ${lane}`,
        )
      }
    }),
    { numRuns: 25, interruptAfterTimeLimit: 15_000 },
  )
})
