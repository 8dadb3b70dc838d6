// Names of attributes to look for, found by their bytes.

interface Slot {
  readonly slot: number
  readonly bytes: Uint8Array
}

export class AttributeNames {
  /** A name's place here is its slot. */
  readonly names: readonly string[]
  /** By length of the name in bytes. */
  readonly #byLength: (readonly Slot[] | undefined)[] = []

  /** `names`: none twice. */
  constructor(names: readonly string[]) {
    this.names = names
    for (const [slot, name] of names.entries()) {
      const bytes = Buffer.from(name)
      this.#byLength[bytes.length] = [...(this.#byLength[bytes.length] ?? []), { slot, bytes }]
    }
  }

  get count(): number {
    return this.names.length
  }

  /** The slot of the name that stands in `bytes[start … end)`; -1: none of them. */
  slotOf(bytes: Uint8Array, start: number, end: number): number {
    const slots = this.#byLength[end - start]
    if (slots === undefined) return -1
    const last = end - start - 1
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i] as Slot
      const name = slot.bytes
      // From the end: names have their beginnings in common (`http.request.`).
      let at = last
      while (at >= 0 && bytes[start + at] === name[at]) at--
      if (at < 0) return slot.slot
    }
    return -1
  }
}
