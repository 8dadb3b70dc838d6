// Adds the type and unit of a metric as labels, where its sender told them.
import { labelsFrom, noteOf, Series, SeriesBatch, SeriesLayout, setNote } from '#pdata'

export class TypeAndUnitLabels {
  /** Under this token, series and layouts keep what they became. */
  readonly #token = {}

  /** The batch with `__type__` and `__unit__` on its series; the same series and layout give the same again. */
  add(batch: SeriesBatch): SeriesBatch {
    const known = noteOf(batch.layout, this.#token) as SeriesLayout | undefined
    const layout = known ?? new SeriesLayout(batch.layout.series.map((series) => this.#labelled(series)))
    if (!known) setNote(batch.layout, this.#token, layout)
    return new SeriesBatch({ ...batch, layout })
  }

  #labelled(series: Series): Series {
    const { metadata } = series
    if (metadata === null || (metadata.type === 'unknown' && metadata.unit === '')) return series
    const known = noteOf(series, this.#token) as Series | undefined
    if (known) return known
    const pairs: [string, string][] = []
    for (let i = 0; i < series.labels.length; i += 2)
      pairs.push([series.labels[i] as string, series.labels[i + 1] as string])
    pairs.push(['__type__', metadata.type === 'unknown' ? '' : metadata.type], ['__unit__', metadata.unit])
    const labelled = new Series(labelsFrom(pairs), metadata)
    setNote(series, this.#token, labelled)
    return labelled
  }
}
