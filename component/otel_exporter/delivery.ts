// One request on its way to a backend: what was delivered, what was refused, and what is still to be sent.
import type { Payload } from './payload.ts'
import { splitPayload } from './payload.ts'

/** What a backend says to an export request. */
export type ExportOutcome =
  /** Taken, but for `rejected` items; `message` says why, or warns. */
  | { readonly kind: 'sent'; readonly rejected: number; readonly message: string }
  /** Try again later. */
  | { readonly kind: 'retry'; readonly message: string; readonly retryAfterMs?: number }
  /** The backend will never take it. */
  | { readonly kind: 'rejected'; readonly reason: string; readonly message: string }
  /** The backend does not take so much at once. */
  | { readonly kind: 'too large'; readonly message: string }

/** Sends export requests. */
export interface OtelTransport {
  /** Must end soon after `signal` is aborted. A rejected promise means: try again. */
  export(payload: Payload, signal: AbortSignal): Promise<ExportOutcome>
  /** Break off what is under way. Safe twice. */
  close(): void
}

export interface Loss {
  readonly reason: string
  readonly items: number
  readonly message: string
}

export type Retry = Extract<ExportOutcome, { kind: 'retry' }>

export class Delivery {
  /** Still to be sent, in order. */
  readonly #pending: Payload[]
  sent = 0
  readonly losses: Loss[] = []

  constructor(payload: Payload) {
    this.#pending = [payload]
  }

  get pendingItems(): number {
    let items = 0
    for (const payload of this.#pending) items += payload.items
    return items
  }

  /**
   * Send what is left. Undefined: nothing is left, all is delivered or lost; else why it has to be tried again. A request
   * that is too large is sent in halves, down to single items.
   */
  async attempt(transport: OtelTransport, signal: AbortSignal): Promise<Retry | undefined> {
    for (;;) {
      const [payload] = this.#pending
      if (!payload) return undefined
      const outcome = await attemptOnce(transport, payload, signal)
      if (outcome.kind === 'retry') return outcome
      this.#pending.shift()
      this.#take(payload, outcome)
    }
  }

  #take(payload: Payload, outcome: Exclude<ExportOutcome, Retry>): void {
    const { items } = payload
    switch (outcome.kind) {
      case 'sent': {
        const rejected = Math.min(Math.max(outcome.rejected, 0), items)
        this.sent += items - rejected
        if (rejected > 0) this.#lose('rejected by the backend', rejected, outcome.message)
        return
      }
      case 'rejected':
        this.#lose(outcome.reason, items, outcome.message)
        return
      case 'too large': {
        const halves = items > 1 ? splitPayload(payload, Math.ceil(items / 2)) : []
        if (halves.length > 1) this.#pending.unshift(...halves)
        else this.#lose('too large', items, outcome.message)
        return
      }
    }
  }

  #lose(reason: string, items: number, message: string): void {
    this.losses.push({ reason, items, message })
  }
}

async function attemptOnce(transport: OtelTransport, payload: Payload, signal: AbortSignal): Promise<ExportOutcome> {
  try {
    return await transport.export(payload, signal)
  } catch (error) {
    return { kind: 'retry', message: (error as Error).message }
  }
}
