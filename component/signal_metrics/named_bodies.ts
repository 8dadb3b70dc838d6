// A map of bodies by name, as the collector's YAML has them where a list of blocks would not do.
import {
  type AttributeInput,
  type BlockInput,
  type BodyInput,
  customType,
  decodeBody,
  type Issue,
  type Settings,
  type Type,
  type Value,
  ValueError,
} from '#component'

export interface NamedBody<S extends object> {
  readonly name: string
  readonly settings: S
}

/** Decoded: in the order written. A name without a body has its defaults. */
export function namedBodies<S extends object>(schema: Settings<S>): Type<readonly NamedBody<S>[]> {
  return customType<readonly NamedBody<S>[]>({
    name: 'map(object)',
    zero: [],
    decode(value) {
      if (!(value instanceof Map)) throw new ValueError('should be a map of settings by name')
      return [...(value as ReadonlyMap<string, Value>)].map(([name, body]) => {
        const settings = decodeBody(schema, bodyOf(schema, body, [name]), (issue) => {
          throw new ValueError(messageOf(issue), [name, ...pathOf(issue)])
        })
        return { name, settings: settings as S }
      })
    },
    json: { type: 'object', additionalProperties: { type: 'object' } },
  })
}

type Path = readonly (string | number)[]

function bodyOf(schema: Settings<object>, value: Value, path: Path): BodyInput {
  const attributes: AttributeInput[] = []
  const blocks: BlockInput[] = []
  if (value === null) return { attributes, blocks }
  if (!(value instanceof Map)) throw new ValueError('should be a map', path)
  for (const [name, entry] of value as ReadonlyMap<string, Value>) {
    const kind = schema.fields[name]?.kind
    const field = schema.fields[name]
    if (field === undefined || kind === 'attribute' || kind === 'variants') {
      if (entry !== null || field === undefined) attributes.push({ name, value: entry })
    } else if (field.kind === 'block') {
      blocks.push({ name, body: bodyOf(field.schema, entry, [...path, name]) })
    } else if (Array.isArray(entry) && field.kind === 'blocks') {
      for (const [i, item] of (entry as readonly Value[]).entries()) {
        blocks.push({ name, body: bodyOf(field.schema, item, [...path, name, i]) })
      }
    } else if (entry !== null) throw new ValueError('should be a list of maps', [...path, name])
  }
  return { attributes, blocks }
}

function pathOf({ input, path }: Issue): Path {
  return 'name' in input ? [input.name, ...path] : path
}

function messageOf({ message }: Issue): string {
  return message.replace(/^missing required attribute/, 'missing required key').replace('attribute name', 'key')
}
