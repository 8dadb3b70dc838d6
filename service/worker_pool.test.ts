import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { HealthState } from '#component'
import type { Plan, PlanNode } from '#config'
import { ManualClock } from '#lib/clock'
import type { WorkerProcess, WorkerRole } from './worker.ts'
import type { FromWorker, NodeState, ToWorker } from './worker_messages.ts'
import { leftoverWorkers, WorkerPool } from './worker_pool.ts'

/** Stands for a process: says what a worker says, keeps what it is told. */
class FakeProcess extends EventEmitter {
  readonly role: WorkerRole
  readonly told: ToWorker[] = []
  connected = true
  pid = 1
  problems: readonly string[] = []
  /** Never says that it is ready. */
  isSlow = false
  counted = 0
  waiting = 0

  constructor(role: WorkerRole) {
    super()
    this.role = role
    setImmediate(() => this.#say({ kind: 'hello' }))
  }

  #say(message: FromWorker): void {
    this.emit('message', message)
  }

  send(message: ToWorker): boolean {
    this.told.push(message)
    setImmediate(() => this.#answer(message))
    return true
  }

  #answer(message: ToWorker): void {
    switch (message.kind) {
      case 'load':
        if (this.isSlow && !message.alone) return
        this.#say(message.alone ? { kind: 'loaded' } : { kind: 'staged', problems: this.problems })
        return
      case 'verdict':
        this.#say({ kind: 'loaded' })
        return
      case 'state':
        this.#say({ kind: 'state', id: message.id, state: this.#state() })
        return
      case 'stop':
        this.#say({ kind: 'stopped', state: this.#state() })
        this.emit('exit', 0, null)
    }
  }

  #state() {
    const health = { state: HealthState.healthy, message: '', updatedTimeMs: 0 }
    const node: NodeState = {
      in: this.counted + this.waiting,
      out: this.counted,
      refused: 0,
      waiting: this.waiting,
      dropped: new Map(),
      health,
    }
    const series = [
      { kind: 'counter', name: 'n_total', help: '', attributes: { a: 'b' }, value: this.counted },
      { kind: 'gauge', name: 'waiting', help: '', attributes: {}, value: this.waiting },
    ] as const
    return { series, nodes: new Map([['out', node]]) }
  }

  kill(): boolean {
    return true
  }
}

const plan = {
  nodes: new Map(
    [
      { id: 'in', definition: { stateless: true }, dependsOn: new Set(['out']) },
      { id: 'out', definition: { stateless: true, consumes: ['traces'] }, dependsOn: new Set() },
    ].map((node) => [node.id, node as unknown as PlanNode]),
  ),
} as unknown as Plan
const text = { sources: [], directory: '' }

function poolOf(count: number, storagePath = '/nowhere') {
  const clock = new ManualClock()
  const all: FakeProcess[] = []
  const said: string[] = []
  const say = (message: string): void => void said.push(message)
  const pool = new WorkerPool({
    count,
    storagePath,
    clock,
    log: { debug: say, info: say, warn: say, error: say },
    spawn(role) {
      const process = new FakeProcess(role)
      all.push(process)
      return process as unknown as WorkerProcess
    },
  })
  return { pool, clock, all, said }
}

const verdicts = ({ told }: FakeProcess): boolean[] =>
  told.flatMap((message) => (message.kind === 'verdict' ? [message.take] : []))

test('what one worker cannot run, none takes over', async () => {
  const { pool, all } = poolOf(3)
  assert.deepEqual(await pool.agree(text, plan), [])
  await pool.taken(true)
  const [first, second] = all as [FakeProcess, FakeProcess]
  second.problems = ['the port is taken']
  const diagnostics = await pool.agree(text, plan)
  assert.deepEqual(
    diagnostics.map(({ message }) => message),
    ['the port is taken'],
  )
  await pool.taken(false)
  assert.deepEqual([verdicts(first), verdicts(second)], [[true, false], [true]])
  await pool.stop(0)
})

test('a worker that is not ready in time is told so, and holds up nothing after', async () => {
  const { pool, clock, all } = poolOf(2)
  await pool.agree(text, plan)
  await pool.taken(true)
  const [first] = all as [FakeProcess]
  first.isSlow = true
  const agreed = pool.agree({ ...text }, plan)
  await clock.advance(60_000)
  assert.deepEqual(
    (await agreed).map(({ message }) => message),
    ['worker 1 is not ready after 60 s'],
  )
  await pool.taken(false)
  assert.deepEqual(verdicts(first), [true, false])
  await pool.stop(0)
})

test('a worker that is started again during a reload runs the new configuration', async () => {
  const { pool, clock, all } = poolOf(3)
  await pool.agree(text, plan)
  await pool.taken(true)
  ;(all[0] as FakeProcess).emit('exit', 1, null)
  const next = { ...text, directory: 'next' }
  const slow = all[1] as FakeProcess
  slow.isSlow = true
  // The reload starts another in the place of the one that ended: it ends too, and comes again with what still runs.
  const agreed = pool.agree(next, plan)
  ;(all[2] as FakeProcess).emit('exit', 1, null)
  await clock.advance(10_000)
  const again = all.at(-1) as FakeProcess
  slow.emit('message', { kind: 'staged', problems: [] })
  await agreed
  await pool.taken(true)
  await clock.advance(1)
  const loads = again.told.flatMap((message) => (message.kind === 'load' ? [message.text.directory] : []))
  assert.deepEqual(loads, ['', 'next'])
  await pool.stop(0)
})

test('a worker that ends is started again after a wait that grows, and what it counted stays', async () => {
  const { pool, clock, all, said } = poolOf(2)
  await pool.agree(text, plan)
  await pool.taken(true)
  const [first] = all as [FakeProcess]
  first.counted = 7
  first.waiting = 2
  await pool.state()
  first.emit('exit', null, 'SIGKILL')
  assert.deepEqual(said, ['A worker ended; it is started again'])
  const state = await pool.state()
  assert.deepEqual(
    state.series.map(({ name, value }) => [name, value]),
    [['n_total', 7]],
  )
  const node = state.nodes.get('out') as NodeState
  assert.deepEqual([node.in, node.out, node.waiting], [9, 7, 0])
  assert.deepEqual([...node.dropped], [['lost with a worker that ended', 2]])

  await clock.advance(1000)
  assert.equal(all.length, 2)
  ;(all[1] as FakeProcess).emit('exit', 1, null)
  await clock.advance(900)
  assert.equal(all.length, 2)
  await clock.advance(1100)
  assert.equal(all.length, 3)
  assert.deepEqual(
    (all[2] as FakeProcess).told.map(({ kind }) => kind),
    ['load'],
  )
  await pool.stop(0)
  await pool.stop(0)
  assert.equal(clock.pending, 0)
})

test('queues of workers that are no more are sent by processes that end then', async (t) => {
  const storage = mkdtempSync(join(tmpdir(), 'solder-pool-'))
  t.after(() => rmSync(storage, { recursive: true }))
  for (const [name, file] of [
    ['worker-1', 'segment'],
    ['worker-4', 'segment'],
    ['worker-5', undefined],
    ['worker-x', 'segment'],
  ]) {
    mkdirSync(join(storage, name as string, 'exporter'), { recursive: true })
    if (file) writeFileSync(join(storage, name as string, 'exporter', file), 'x')
  }
  assert.deepEqual(leftoverWorkers(storage), [1, 4])
  const { pool, clock, all } = poolOf(2, storage)
  await pool.agree(text, plan)
  await pool.taken(true)
  assert.deepEqual(
    all.map(({ role }) => role),
    [
      { index: 1, leftovers: false },
      { index: 4, leftovers: true },
    ],
  )
  const leftovers = all[1] as FakeProcess
  leftovers.waiting = 3
  await clock.advance(3000)
  assert.ok(!leftovers.told.some(({ kind }) => kind === 'stop'))
  leftovers.waiting = 0
  await clock.advance(3000)
  assert.ok(leftovers.told.some(({ kind }) => kind === 'stop'))
  assert.deepEqual(leftoverWorkers(storage), [1])
  await pool.stop(0)
})
