// The JSON schema of the components' settings as TypeScript types, for who writes configurations in a program.

/** The part of JSON Schema (2020-12) that docs/reference/schema.json uses. */
export interface JsonSchema {
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | JsonSchema
  readonly items?: JsonSchema
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly JsonSchema[]
  readonly oneOf?: readonly JsonSchema[]
}

const plainTypes: Readonly<Record<string, string>> = {
  string: 'string',
  integer: 'number',
  number: 'number',
  boolean: 'boolean',
  null: 'null',
}

/** One interface, `Settings`, with a property for each name in `definitions`. Throws for a type that it does not know. */
export function settingsTypes(definitions: Readonly<Record<string, JsonSchema>>): string {
  const lines = ["/** Settings of Solder's components, by name. */", 'export interface Settings {']
  for (const [name, schema] of Object.entries(definitions)) {
    lines.push(...comment(schema, '  '), `  ${JSON.stringify(name)}: ${typeOf(schema, '  ')}`)
  }
  return `${lines.join('\n')}\n}\n`
}

function comment({ description }: JsonSchema, indent: string): string[] {
  if (description === undefined) return []
  return [`${indent}/** ${description.replaceAll('*/', '*\\/').replaceAll(/\s+/g, ' ')} */`]
}

function typeOf(schema: JsonSchema, indent: string): string {
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ') || 'never'
  const either = schema.anyOf ?? schema.oneOf
  if (either) return either.map((one) => typeOf(one, indent)).join(' | ')
  if (schema.type === undefined) return 'unknown'
  const types = typeof schema.type === 'string' ? [schema.type] : schema.type
  return types.map((type) => typed(type, schema, indent)).join(' | ')
}

function typed(type: string, schema: JsonSchema, indent: string): string {
  if (type === 'array') return `readonly (${schema.items ? typeOf(schema.items, indent) : 'unknown'})[]`
  if (type === 'object') return objectType(schema, indent)
  const plain = plainTypes[type]
  if (plain === undefined) throw new Error(`Cannot write a type: current value is ${type}`)
  return plain
}

function objectType({ properties, required, additionalProperties }: JsonSchema, indent: string): string {
  const inside = `${indent}  `
  const lines = Object.entries(properties ?? {}).flatMap(([name, schema]) => [
    ...comment(schema, inside),
    `${inside}${JSON.stringify(name)}${required?.includes(name) ? '' : '?'}: ${typeOf(schema, inside)}`,
  ])
  // Beside named properties an index signature would have to fit them all.
  if (lines.length === 0) {
    if (additionalProperties === false) return '{ readonly [name: string]: never }'
    return `{ readonly [name: string]: ${typeof additionalProperties === 'object' ? typeOf(additionalProperties, indent) : 'unknown'} }`
  }
  if (additionalProperties !== false) lines.push(`${inside}readonly [name: string]: unknown`)
  return `{\n${lines.join('\n')}\n${indent}}`
}
