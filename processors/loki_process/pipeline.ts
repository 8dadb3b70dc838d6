// Stages one after another, themselves a stage.
import type { Line } from './line.ts'
import type { Stage } from './stage.ts'

export class Pipeline implements Stage {
  readonly #stages: readonly Stage[]

  constructor(stages: readonly Stage[]) {
    this.#stages = stages
  }

  process(lines: Line[]): Line[] {
    let moving = lines
    for (const stage of this.#stages) {
      if (moving.length === 0) break
      moving = stage.process(moving)
    }
    return moving
  }

  due(nowMs: number): Line[] {
    return this.#collect((stage) => stage.due?.(nowMs))
  }

  deadlineMs(): number {
    let deadline = Infinity
    for (const stage of this.#stages) deadline = Math.min(deadline, stage.deadlineMs?.() ?? Infinity)
    return deadline
  }

  /** What an earlier stage lets go is held by a later one again: in order, so that nothing is left. */
  drain(): Line[] {
    return this.#collect((stage) => stage.drain?.())
  }

  get held(): number {
    let held = 0
    for (const stage of this.#stages) held += stage.held ?? 0
    return held
  }

  get isCongested(): boolean {
    return this.#stages.some((stage) => stage.isCongested === true)
  }

  stop(): void {
    for (const stage of this.#stages) stage.stop?.()
  }

  /** Let go what each stage gives, first to last, and what comes out at the end. */
  #collect(give: (stage: Stage) => Line[] | undefined): Line[] {
    let moving: Line[] = []
    for (const stage of this.#stages) {
      const before = moving.length > 0 ? stage.process(moving) : moving
      const given = give(stage) ?? []
      moving = given.length === 0 ? before : [...before, ...given]
    }
    return moving
  }
}
