// Series, symbols and layouts of the requests that came before.
import type { Labels, Metadata } from '../series.ts'
import { Series, SeriesLayout } from '../series.ts'
import { ByteInterner } from './byte_interner.ts'

/** What a series takes besides its strings and key, in bytes: objects, arrays, table entry. Estimated. */
const entryOverheadBytes = 400
/** What a string takes besides its characters, in bytes. Estimated. */
const stringOverheadBytes = 24
/** What a symbol takes besides its key, in bytes: table entry. Estimated. */
const symbolOverheadBytes = 200
/** Slots of all layouts kept, unless told otherwise: two megabytes of them. */
const layoutSlotsDefault = 262_144

export interface InternerOptions {
  /** Memory for series and symbols, in bytes, estimated. Symbols get a quarter of it. */
  readonly bytesMax: number
  /** Slots of all layouts kept, for requests that come again with the same series in the same order. */
  readonly layoutSlotsMax?: number
}

/**
 * Keeps `Series` objects by a key of bytes. Bounded: when it holds more than `bytesMax`, those least recently used are let
 * go; a series let go is simply made anew when it comes again.
 */
export class SeriesInterner {
  readonly layoutSlotsMax: number
  readonly #series: ByteInterner<Series>
  /** Numbers of symbols, never given twice: what was let go comes back under another number. */
  readonly #symbols: ByteInterner<number>
  #nextSymbol: number
  /** The last layout that began with a series, in order of use. */
  readonly #layouts: Map<Series, SeriesLayout>
  #layoutSlots: number

  constructor(options: InternerOptions) {
    this.layoutSlotsMax = options.layoutSlotsMax ?? layoutSlotsDefault
    this.#series = new ByteInterner(options.bytesMax * 0.75)
    this.#symbols = new ByteInterner(options.bytesMax * 0.25)
    this.#nextSymbol = 1
    this.#layouts = new Map()
    this.#layoutSlots = 0
  }

  /** Series held. */
  get size(): number {
    return this.#series.size
  }

  /** Memory held, in bytes, estimated. */
  get bytes(): number {
    return this.#series.bytes + this.#symbols.bytes
  }

  /** The series whose key is `source[start … end)`, or undefined. */
  find(source: Uint8Array, start: number, end: number): Series | undefined {
    return this.#series.find(source, start, end)
  }

  /** Make a series under a key that `find` did not know, and keep it. The key's bytes are copied. */
  add(source: Uint8Array, start: number, end: number, labels: Labels, metadata: Metadata | null): Series {
    const series = new Series(labels, metadata)
    let bytes = entryOverheadBytes + end - start
    for (let i = 0; i < labels.length; i++) bytes += stringOverheadBytes + (labels[i] as string).length
    this.#series.add(source, start, end, series, bytes)
    return series
  }

  /** A number (1 … 2^53) that stands for the bytes `source[start … end)` and for no others. */
  symbolOf(source: Uint8Array, start: number, end: number): number {
    const known = this.#symbols.find(source, start, end)
    if (known !== undefined) return known
    const number = this.#nextSymbol++
    this.#symbols.add(source, start, end, number, symbolOverheadBytes + end - start)
    return number
  }

  /** The layout of `series`, in that order: one given before, if it is kept. `series` becomes the layout's. */
  layoutOf(series: readonly Series[]): SeriesLayout {
    const first = series[0]
    if (first === undefined) return new SeriesLayout(series)
    const known = this.#layouts.get(first)
    if (known !== undefined) {
      this.#layouts.delete(first)
      if (sameSeries(known.series, series)) {
        this.#layouts.set(first, known)
        return known
      }
      this.#layoutSlots -= known.series.length
    }
    const layout = new SeriesLayout(series)
    if (series.length > this.layoutSlotsMax) return layout
    this.#layouts.set(first, layout)
    this.#layoutSlots += series.length
    for (const [key, oldest] of this.#layouts) {
      if (this.#layoutSlots <= this.layoutSlotsMax) break
      this.#layouts.delete(key)
      this.#layoutSlots -= oldest.series.length
    }
    return layout
  }
}

function sameSeries(a: readonly Series[], b: readonly Series[]): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
