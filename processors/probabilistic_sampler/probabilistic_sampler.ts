// The probabilistic sampler: passes on a share of spans and log records.
import type { Component, Consumer, Host, LogsConsumer, OtelOutput, TracesConsumer } from '#component'
import { ConsumeError, outputPorts } from '#component'
import { Logs, Traces } from '#pdata'
import { ownLogsTree, ownTracesTree } from '#pdata/otlp'
import type { SamplerSettings } from './decision.ts'
import { Sampler } from './decision.ts'
import { hasPriority, SpanSieve } from './span_sieve.ts'

/** What is left out counts as dropped once the rest was taken: a batch that is refused is refused as a whole. */
export class ProbabilisticSampler implements Component {
  readonly traces: TracesConsumer
  readonly logs: LogsConsumer
  readonly #host: Host
  /** Left out of batches whose rest is on its way. */
  #undecided = 0

  constructor(host: Host, settings: SamplerSettings, output: OtelOutput) {
    const ports = outputPorts(output)
    const nextTraces = host.outlet(ports.traces)
    const nextLogs = host.outlet(ports.logs)
    const spans = new Sampler(settings, 'traces', host.instruments)
    const records = new Sampler(settings, 'logs', host.instruments)
    this.#host = host
    host.counters.observeWaiting(() => this.#undecided)
    this.traces = { consume: (batch) => this.#handOn(nextTraces, sampledTraces(spans, batch), batch.count) }
    this.logs = { consume: (batch) => this.#handOn(nextLogs, sampledLogs(records, batch), batch.count) }
  }

  stop(): void {}

  #handOn<B extends Traces | Logs>(next: Consumer<B>, kept: B, items: number): void | Promise<void> {
    const left = items - kept.count
    const done = kept.count === 0 ? undefined : next.consume(kept)
    if (done) return this.#settle(done, left)
    this.#host.counters.drop('not sampled', left)
    return undefined
  }

  async #settle(done: Promise<void>, left: number): Promise<void> {
    this.#undecided += left
    try {
      await done
      this.#host.counters.drop('not sampled', left)
    } finally {
      this.#undecided -= left
    }
  }
}

function sampledTraces(sampler: Sampler, batch: Traces): Traces {
  if (batch.wire !== null && !batch.wire.some(hasPriority)) {
    const sieve = new SpanSieve(sampler)
    const chunks = batch.wire.map((chunk) => sieve.sift(chunk)).filter((chunk) => chunk.length > 0)
    return Traces.fromWire(chunks, sieve.kept, batch.context)
  }
  const tree = ownTracesTree(batch)
  for (const group of tree.resourceSpans) {
    for (const scope of group.scopeSpans) scope.spans = scope.spans.filter((span) => sampler.keepsSpan(span))
    group.scopeSpans = group.scopeSpans.filter(({ spans }) => spans.length > 0)
  }
  tree.resourceSpans = tree.resourceSpans.filter(({ scopeSpans }) => scopeSpans.length > 0)
  return Traces.fromTree(tree, batch.context)
}

function sampledLogs(sampler: Sampler, batch: Logs): Logs {
  if (batch.wire === null && batch.tree === null) {
    throw new ConsumeError('Cannot sample logs that are not OTLP: a bridge has to convert them', { retryable: false })
  }
  const tree = ownLogsTree(batch)
  for (const group of tree.resourceLogs) {
    for (const scope of group.scopeLogs) {
      scope.logRecords = scope.logRecords.filter((record) => sampler.keepsRecord(record))
    }
    group.scopeLogs = group.scopeLogs.filter(({ logRecords }) => logRecords.length > 0)
  }
  tree.resourceLogs = tree.resourceLogs.filter(({ scopeLogs }) => scopeLogs.length > 0)
  return Logs.fromTree(tree, batch.context)
}
