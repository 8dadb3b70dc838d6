// Includes and excludes by name, exact or by expression.
import { attr, block, bool, type BlockField, defineSettings, int, list, type Settings, string } from '#component'
import { compileRegexp } from '#lib/regexp'

export interface NameMatch {
  readonly match_type: string
  readonly names: readonly string[]
}

/** A block with `match_type` and the list of names under the name that users know it by. */
export function matchBlock(listName: string, doc: string): BlockField<Readonly<Record<string, unknown>> | undefined> {
  const schema = defineSettings({
    match_type: attr(string, '`strict` or `regexp`.', { default: 'strict' }),
    [listName]: attr(list(string), 'Names or expressions.', { default: [] }),
    regexp: block(
      defineSettings({
        cacheenabled: attr(bool, 'Accepted.', { default: false }),
        cachemaxnumentries: attr(int, 'Accepted.', { default: 0 }),
      }),
      'Accepted.',
    ),
  })
  return block(schema as unknown as Settings<Readonly<Record<string, unknown>>>, doc)
}

/** What a decoded `matchBlock` says; undefined where it is absent or names nothing. */
export function nameMatch(settings: unknown, listName: string): NameMatch | undefined {
  if (settings === undefined || settings === null) return undefined
  const { match_type: type, [listName]: names } = settings as Record<string, unknown>
  const all = (names ?? []) as readonly string[]
  return all.length === 0 ? undefined : { match_type: String(type), names: all }
}

/** Throws `RegexpError` for an expression that is none. */
function matcher({ match_type: type, names }: NameMatch): (name: string) => boolean {
  if (type !== 'regexp') {
    const set = new Set(names)
    return (name) => set.has(name)
  }
  const patterns = names.map((pattern) => compileRegexp(pattern))
  return (name) => patterns.some((pattern) => pattern.test(name))
}

/** Is a name included, if there is a list to include, and not excluded? */
export function nameFilter(include: NameMatch | undefined, exclude: NameMatch | undefined): (name: string) => boolean {
  const isIn = include === undefined ? () => true : matcher(include)
  const isOut = exclude === undefined ? () => false : matcher(exclude)
  return (name) => isIn(name) && !isOut(name)
}
