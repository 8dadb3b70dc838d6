// Several configurations as one: maps are joined, everything else is replaced by what comes later.
import type { YamlEntry, YamlMap, YamlNode } from './tree.ts'

/** Keys of the first level may lead deeper: `processors::batch::timeout`. */
const pathDelimiter = '::'

/** `later` over `earlier`. A list, a text or a null takes the place of what was there, whatever it was. */
export function mergeMaps(earlier: YamlMap, later: YamlMap): YamlMap {
  const entries = new Map(earlier.entries)
  for (const [key, entry] of later.entries) {
    const before = entries.get(key)
    if (before?.value.kind === 'map' && entry.value.kind === 'map') {
      entries.set(key, { ...entry, value: mergeMaps(before.value, entry.value) })
    } else entries.set(key, entry)
  }
  return { kind: 'map', entries, range: earlier.entries.size === 0 ? later.range : earlier.range }
}

/** Keys with `::` become maps in maps. */
export function unfoldKeys(map: YamlMap): YamlMap {
  let whole: YamlMap = { kind: 'map', entries: new Map(), range: map.range }
  for (const [key, entry] of map.entries) {
    const { keyRange } = entry
    let value: YamlNode = entry.value
    const path = key.split(pathDelimiter)
    for (const name of path.slice(1).reverse()) {
      const inner: YamlEntry = { key: name, keyRange, value }
      value = { kind: 'map', entries: new Map([[name, inner]]), range: value.range }
    }
    const first = path[0] as string
    whole = mergeMaps(whole, {
      kind: 'map',
      entries: new Map([[first, { key: first, keyRange, value }]]),
      range: map.range,
    })
  }
  return whole
}
