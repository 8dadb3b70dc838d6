// What an exporter's queue holds: OTLP on the wire, with what is to be remembered of the client that sent it.
import type { Batch, Signal } from '#component'
import { anyLane, type QueuePart } from '#component/sending_queue'
import { type ClientContext, Logs, Metrics, Traces } from '#pdata'
import { logsWire, metricsWire, splitLogs, splitMetrics, splitTraces, tracesWire } from '#pdata/otlp'

const signals = ['traces', 'metrics', 'logs'] as const
/** Added to a part's kind where the client's context goes before the telemetry. */
const withContext = 16
const noBytes = new Uint8Array(0)

export interface Payload {
  readonly signal: Signal
  /** Whole top-level fields of an export request: together they are one. */
  readonly chunks: readonly Uint8Array[]
  readonly items: number
  readonly context: ClientContext | null
}

/** The batch as it travels. */
export function payloadOf(signal: Signal, batch: Batch): Payload {
  return { signal, chunks: wireOf(signal, batch), items: batch.count, context: batch.context }
}

function wireOf(signal: Signal, batch: Batch): readonly Uint8Array[] {
  switch (signal) {
    case 'traces':
      return tracesWire(batch as Traces)
    case 'metrics':
      return metricsWire(batch as Metrics)
    case 'logs':
      return logsWire(batch as Logs)
  }
}

/** The same telemetry in pieces of at most `itemsMax` items, in order. */
export function splitPayload(payload: Payload, itemsMax: number): Payload[] {
  const { signal, chunks, items, context } = payload
  const batches: Batch[] =
    signal === 'traces'
      ? splitTraces(Traces.fromWire(chunks, items, context), itemsMax)
      : signal === 'metrics'
        ? splitMetrics(Metrics.fromWire(chunks, items, context), itemsMax)
        : splitLogs(Logs.fromWire(chunks, items, context), itemsMax)
  return batches.map((batch) => payloadOf(signal, batch))
}

interface PartOptions {
  readonly mergeable: boolean
  readonly createdMs: number
  readonly settled: QueuePart['settled']
}

/** A payload for the queue, on disk too. Parts with a context are never joined: each goes with its own. */
export function partOf(payload: Payload, { mergeable, createdMs, settled }: PartOptions): QueuePart {
  const { signal, chunks, items, context } = payload
  const index = signals.indexOf(signal) + 1
  const before = context ? encodeContext(context) : undefined
  const [bytes = noBytes, ...rest] = before ? [before, ...chunks] : chunks
  return {
    kind: before ? index + withContext : index,
    bytes,
    // Joining a batch of 4 MB made a tenth of the CPU of a gateway, and a third of what its garbage collector frees.
    ...(rest.length > 0 ? { rest } : {}),
    items,
    extra: 0,
    mergeable: mergeable && !before,
    lane: anyLane,
    createdMs,
    ...(settled ? { settled } : {}),
  }
}

/** Parts of one request as one payload; undefined where they are of a kind that is not known. */
export function payloadOfParts(parts: readonly QueuePart[]): Payload | undefined {
  const kind = parts[0]?.kind ?? 0
  const signal = signals[(kind % withContext) - 1]
  if (signal === undefined) return undefined
  let items = 0
  for (const part of parts) items += part.items
  if (kind < withContext) {
    const chunks = parts.flatMap(({ bytes, rest }) => (rest ? [bytes, ...rest] : [bytes]))
    return { signal, chunks, items, context: null }
  }
  const { bytes, rest = [] } = parts[0] as QueuePart
  const length = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).readUInt32LE(0)
  const context = decodeContext(bytes.subarray(4, 4 + length))
  const first = bytes.subarray(4 + length)
  return { signal, chunks: first.length > 0 ? [first, ...rest] : rest, items, context }
}

/** Length, then JSON. Of what an authenticator said, texts are kept. */
function encodeContext({ metadata, auth, peer }: ClientContext): Uint8Array {
  const texts = auth && [...auth].filter(([, value]) => typeof value === 'string')
  const json = Buffer.from(JSON.stringify([[...metadata], texts, peer]))
  const length = Buffer.alloc(4)
  length.writeUInt32LE(json.length)
  return Buffer.concat([length, json])
}

function decodeContext(json: Uint8Array): ClientContext | null {
  try {
    const [metadata, auth, peer] = JSON.parse(Buffer.from(json).toString()) as [
      [string, string[]][],
      [string, string][] | null,
      string,
    ]
    return { metadata: new Map(metadata), auth: auth && new Map(auth), peer }
  } catch {
    return null
  }
}

/** What is kept of a context where only some keys of its metadata matter; null: nothing. */
export function contextOfKeys(context: ClientContext | null, keys: readonly string[]): ClientContext | null {
  if (!context) return null
  const metadata = new Map([...context.metadata].filter(([name]) => keys.includes(name)))
  return metadata.size === 0 ? null : { metadata, auth: null, peer: '' }
}
