import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { Capsule, type Clock, ConsumeError, defineSettings, type LogsPort, Target, type Value } from '#component'
import { relabelRuleBlocks, RelabelRules } from '#component/relabel'
import { decoded, FakeContainer, FakeDocker, problemsOf, TestHost } from '#component/test_host'
import { systemClock } from '#lib/clock'
import type { Logs } from '#pdata'
import { labelText } from '#pdata/loki'
import { lokiSourceDocker } from './component.ts'
import type { LokiSourceDocker } from './source.ts'

/** As the system's, but that nobody waits long for a container to run again. */
const hasty: Clock = { ...systemClock, setTimeout: (run, ms) => systemClock.setTimeout(run, ms === 5000 ? 10 : ms) }
const t0 = 1_700_000_000_123_456_789n

class Docker {
  readonly directory: string
  readonly daemon = new FakeDocker()
  readonly lines: string[] = []
  readonly times: bigint[] = []
  failure: Error | undefined
  host: TestHost
  source: LokiSourceDocker | undefined
  readonly #port: LogsPort = { nodeId: 'sink', signal: 'logs', consume: (batch) => this.#take(batch) }
  #tell: () => void = () => {}

  constructor(t: TestContext) {
    this.directory = mkdtempSync(join(tmpdir(), 'docker-'))
    this.host = this.#makeHost()
    t.after(async () => {
      await this.source?.stop(1000)
      this.daemon.stop()
      rmSync(this.directory, { recursive: true, force: true })
    })
  }

  #makeHost(): TestHost {
    return new TestHost({ clock: hasty, dataDir: join(this.directory, 'data') })
  }

  container(id: string, tty = false): FakeContainer {
    const made = new FakeContainer(tty)
    this.daemon.containers.set(id, made)
    return made
  }

  get socket(): string {
    return join(this.directory, 'docker.sock')
  }

  settings(ids: readonly string[], more: Record<string, Value> = {}) {
    const targets = ids.map((id) => new Target(new Map([['__meta_docker_container_id', id], ['job', 'x']]))) // prettier-ignore
    const forward_to = [new Capsule('LogsReceiver', this.#port)]
    return decoded(lokiSourceDocker.settings, { host: `unix://${this.socket}`, targets, forward_to, ...more })
  }

  async start(ids: readonly string[], more: Record<string, Value> = {}): Promise<void> {
    this.host = this.#makeHost()
    this.source = (await lokiSourceDocker.create(this.host, this.settings(ids, more))) as LokiSourceDocker
    await this.source.start()
  }

  #take(batch: Logs): void {
    if (this.failure) throw this.failure
    for (const { labels, lines, timestampsNs } of batch.streams ?? []) {
      for (const [i, line] of lines.entries()) {
        this.lines.push(`${labelText(labels)} ${line}`)
        this.times.push(timestampsNs[i] as bigint)
      }
    }
    this.#tell()
  }

  async expect(...want: string[]): Promise<void> {
    while (this.lines.length < want.length) await new Promise<void>((resolve) => (this.#tell = resolve))
    assert.deepEqual(this.lines, want)
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

function rules(...rule: Record<string, Value>[]): Capsule {
  const schema = defineSettings({ rule: relabelRuleBlocks('Rules.') })
  return new Capsule('RelabelRules', new RelabelRules(decoded(schema, { rule }).rule))
}

const streamRule = { source_labels: ['__meta_docker_container_log_stream'], target_label: 'stream' }

test('Both streams of a container come with their labels and times, as they are written', async (t) => {
  const d = new Docker(t)
  await d.daemon.start(d.socket)
  const container = d.container('c1')
  container.log('stdout', t0, 'one')
  container.log('stderr', t0 + 1n, 'two é')
  await d.start(['c1'], { relabel_rules: rules(streamRule), labels: new Map([['job', 'own']]) })
  await d.expect('{job="own", stream="stdout"} one', '{job="own", stream="stderr"} two é')
  container.log('stdout', t0 + 2n, '')
  container.log('stdout', t0 + 3n, 'three')
  await d.expect('{job="own", stream="stdout"} one', '{job="own", stream="stderr"} two é', '{job="own", stream="stdout"} three') // prettier-ignore
  assert.deepEqual(d.times, [t0, t0 + 1n, t0 + 3n])
  await d.until(() => d.host.counts.get('loki_source_docker_target_entries_total')?.value === 3)
  assert.equal(d.host.health.state, 'healthy')
})

test('A long line comes in one piece; a terminal has one stream', async (t) => {
  const d = new Docker(t)
  await d.daemon.start(d.socket)
  const long = 'x'.repeat(40_000)
  d.container('c1').log('stdout', t0, long)
  d.container('c2', true).log('stdout', t0, 'on a terminal')
  await d.start(['c1'])
  await d.expect(`{job="x"} ${long}`)
  d.source?.update(d.settings(['c1', 'c2']))
  await d.expect(`{job="x"} ${long}`, '{job="x"} on a terminal')
})

test('A restart goes on behind the last line that was taken, also among lines of the same time', async (t) => {
  const d = new Docker(t)
  await d.daemon.start(d.socket)
  const container = d.container('c1')
  for (const text of ['one', 'two', 'three']) container.log('stdout', t0, text)
  await d.start(['c1'])
  await d.expect('{job="x"} one', '{job="x"} two', '{job="x"} three')
  await d.source?.stop(1000)
  const positions = readFileSync(join(d.directory, 'data', 'positions.yml'), 'utf8')
  assert.match(
    positions,
    /path: "cursor-c1"\n {4}labels: "\{__meta_docker_container_id=\\"c1\\", job=\\"x\\"\}"\n {2}: "1700000000"\n/,
  )
  container.log('stderr', t0, 'four')
  container.log('stdout', t0 + 1n, 'five')
  d.lines.length = 0
  await d.start(['c1'])
  await d.expect('{job="x"} four', '{job="x"} five')
})

test('Other labels begin with the next line, and not with the whole log again', async (t) => {
  const d = new Docker(t)
  await d.daemon.start(d.socket)
  const container = d.container('c1')
  container.log('stdout', t0, 'one')
  await d.start(['c1'])
  await d.expect('{job="x"} one')
  d.source?.update(d.settings(['c1'], { labels: new Map([['job', 'other']]) }))
  container.log('stdout', t0 + 1n, 'two')
  await d.expect('{job="x"} one', '{job="other"} two')
})

test('An update does not wait for lines that nobody takes; they come before those under other labels', async (t) => {
  const d = new Docker(t)
  await d.daemon.start(d.socket)
  const container = d.container('c1')
  container.log('stdout', t0, 'one')
  d.failure = new ConsumeError('Cannot take lines: full', { retryable: true })
  await d.start(['c1'])
  await d.until(() => d.host.counters.waiting === 1)
  d.source?.update(d.settings(['c1'], { labels: new Map([['job', 'other']]) }))
  assert.deepEqual([d.lines, d.host.counters.waiting], [[], 1])
  container.log('stdout', t0 + 1n, 'two')
  d.failure = undefined
  await d.expect('{job="x"} one', '{job="other"} two')
})

test('A container that ends and runs again is followed again', async (t) => {
  const d = new Docker(t)
  await d.daemon.start(d.socket)
  const container = d.container('c1')
  container.log('stdout', t0, 'one')
  await d.start(['c1'])
  await d.expect('{job="x"} one')
  container.exit('2020-01-01T00:00:00Z')
  container.running = true
  container.log('stdout', t0 + 5n, 'two')
  await d.expect('{job="x"} one', '{job="x"} two')
  d.daemon.containers.delete('c1')
  container.exit('2020-01-01T00:00:00Z')
  await d.until(() => d.host.lines.includes('info: A container is no more'))
})

test('A daemon that is not there makes the source unhealthy until it is', async (t) => {
  const d = new Docker(t)
  d.container('c1').log('stdout', t0, 'one')
  await d.start(['c1'])
  await d.host.until(() => d.host.health.state === 'unhealthy')
  assert.match(d.host.health.message, /Cannot ask Docker at unix:.*ENOENT/)
  await d.daemon.start(d.socket)
  await d.expect('{job="x"} one')
  await d.host.until(() => d.host.health.state === 'healthy')
})

test('Lines that were not taken before the stop are read again after the start', async (t) => {
  const d = new Docker(t)
  await d.daemon.start(d.socket)
  d.container('c1').log('stdout', t0, 'one')
  d.failure = new ConsumeError('Cannot take lines: full', { retryable: true })
  await d.start(['c1'])
  await d.until(() => d.host.counters.waiting === 1)
  await d.source?.stop(20)
  assert.deepEqual([d.host.counters.in, d.host.counters.out, d.host.counters.dropped], [0, 0, 0])
  d.failure = undefined
  await d.start(['c1'])
  await d.expect('{job="x"} one')
})

test('Lines that rules drop are counted; the position of a container that goes is forgotten', async (t) => {
  const d = new Docker(t)
  await d.daemon.start(d.socket)
  const container = d.container('c1')
  container.log('stdout', t0, 'no')
  container.log('stderr', t0 + 1n, 'yes')
  const drop = { source_labels: ['__meta_docker_container_log_stream'], regex: 'stdout', action: 'drop' }
  await d.start(['c1'], { relabel_rules: rules(drop) })
  await d.expect('{job="x"} yes')
  await d.until(() => d.host.counters.dropped === 1)
  d.source?.update(d.settings([], { relabel_rules: rules(drop) }))
  await d.source?.stop(1000)
  assert.equal(readFileSync(join(d.directory, 'data', 'positions.yml'), 'utf8'), 'positions: {}\n')
})

test('Settings that cannot work are told', () => {
  const base = { targets: [], forward_to: [] }
  assert.match(problemsOf(lokiSourceDocker.settings, { ...base, host: 'ftp://x' })[0] as string, /begins with unix:/)
  assert.equal(problemsOf(lokiSourceDocker.settings, { ...base, host: 'tcp://x:1', refresh_interval: '0s' }).length, 1)
})
