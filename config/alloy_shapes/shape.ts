// Reads tables of components that Alloy has and this build lacks: their settings, as far as a conversion has to write them.
import {
  anyValue,
  attr,
  block,
  blocks,
  bool,
  byteSize,
  type DefaultValue,
  defineSettings,
  duration,
  type Field,
  float,
  int,
  list,
  map,
  secret,
  type Settings,
  string,
  type Type,
  uint,
} from '#component'
import { otelHandler } from '#component/otel_extension'

const types: Readonly<Record<string, Type<unknown>>> = {
  any: anyValue,
  bool,
  bytes: byteSize,
  duration,
  float,
  handler: otelHandler,
  int,
  secret,
  string,
  uint,
}

function typeOf(name: string): Type<unknown> {
  const [, kind, element] = /^(list|map)\((.*)\)$/.exec(name) ?? []
  if (kind === 'list') return list(typeOf(element as string))
  if (kind === 'map') return map(typeOf(element as string))
  const found = types[name]
  if (!found) throw new Error(`Cannot read a shape: there is no type ${JSON.stringify(name)}`)
  return found
}

/**
 * The settings by the names of a table's outermost blocks, in Alloy's order. Of a table, a line is one of
 *
 *   name string            an attribute; `name! string` is required; `name int 80` has a default, written as JSON
 *   name {                 a block until the line `}`; `name* {` may be written several times; `name {}` is empty
 *   name { @group }        a block of what a group holds
 *   @group                 what a group holds: `groups` are outermost blocks of another table
 */
export function readShapes(
  table: string,
  groups: ReadonlyMap<string, Settings<object>> = new Map(),
): Map<string, Settings<object>> {
  const lines = table.split('\n').map((line) => line.trim())
  const found = new Map<string, Settings<object>>(groups)
  let at = 0
  const fields = (): Record<string, Field<unknown>> => {
    const out: Record<string, Field<unknown>> = {}
    for (; at < lines.length && lines[at] !== '}'; at++) {
      const line = lines[at] as string
      const head = /^([\w.]+)(\*?)(!?) \{(?: ?(?:@(\w+) )?\})?$/.exec(line)
      if (line.startsWith('@')) Object.assign(out, groupOf(found, line.slice(1)).fields)
      else if (head) {
        const [, name, many, required] = head as unknown as [string, string, string, string]
        if (line.endsWith('{')) at++
        const body = line.endsWith('{')
          ? defineSettings(fields())
          : head[4] === undefined
            ? defineSettings({})
            : groupOf(found, head[4])
        out[name] = many ? blocks(body, '') : required ? block(body, '', { required: true }) : block(body, '')
      } else if (line !== '') Object.assign(out, attributeOf(line))
    }
    return out
  }
  const own = new Map<string, Settings<object>>()
  for (; at < lines.length; at++) {
    const name = /^([\w.]+) \{$/.exec(lines[at] as string)?.[1]
    if (name === undefined) continue
    at++
    const settings = defineSettings(fields())
    found.set(name, settings)
    own.set(name, settings)
  }
  return own
}

function groupOf(found: ReadonlyMap<string, Settings<object>>, name: string): Settings<object> {
  const group = found.get(name)
  if (!group) throw new Error(`Cannot read a shape: there is no group ${JSON.stringify(name)}`)
  return group
}

function attributeOf(line: string): Record<string, Field<unknown>> {
  const [, name, required, type, preset] = /^([\w.]+)(!?) (\S+)(?: (.+))?$/.exec(line) ?? []
  if (name === undefined || type === undefined) throw new Error(`Cannot read a shape: what is ${JSON.stringify(line)}?`)
  const given = preset === undefined ? presetOf(type) : (JSON.parse(preset) as DefaultValue)
  return {
    [name]: attr(typeOf(type), '', required ? { required: true } : given === undefined ? {} : { default: given }),
  }
}

/** What an attribute is where nobody says it: nothing of its kind. */
function presetOf(type: string): DefaultValue | undefined {
  if (type === 'bool') return false
  if (type === 'int' || type === 'uint' || type === 'float') return 0
  if (type === 'string' || type === 'secret') return ''
  if (type === 'duration') return '0s'
  if (type === 'bytes') return '0B'
  if (type.startsWith('list(')) return []
  return type.startsWith('map(') ? {} : undefined
}
