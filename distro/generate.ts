// Writes what is generated from the settings schemas: reference pages, the JSON schema, the README's component table.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type {
  ComponentDefinition,
  DefaultValue,
  Field,
  Settings,
  VariantsField,
  YamlDefinition,
  YamlKind,
} from '#component'
import { inputExports } from '#component'
import { registry } from './components.ts'

const root = join(import.meta.dirname, '..')
const reference = 'docs/reference'

async function definitions(): Promise<ComponentDefinition[]> {
  const all = await Promise.all([...registry.names()].map((name) => registry.load(name)))
  return all.filter((definition) => definition !== undefined).sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** The faces of the collector's YAML, each once, by kind and current name. */
async function yamlDefinitions(): Promise<YamlDefinition[]> {
  const found = new Map<string, YamlDefinition>()
  for (const name of registry.yamlNames()) {
    const [kind = '', type = ''] = name.split('/')
    const definition = await registry.loadYaml(kind as YamlKind, type)
    if (definition) found.set(`${kind}/${definition.types[0]}`, definition)
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, definition]) => definition)
}

// ------------------------------------------------------------------------------------------------- reference pages

const yamlPageName = ({ kind, types }: YamlDefinition): string => `yaml.${kind}.${types[0]}`

function yamlPage(definition: YamlDefinition): string {
  const { kind, types, signals, produces, stability, doc, settings } = definition
  const older = types.slice(1)
  const facts = [
    `Stability: ${stability}.`,
    older.length > 0 ? `Older names, still taken: ${older.map((name) => `\`${name}\``).join(', ')}.` : '',
    signals.length > 0 ? `Signals: ${signals.join(', ')}.` : '',
    ...Object.entries(produces ?? {}).map(([from, to]) => `Makes ${to.join(', ')} of ${from}.`),
  ]
  const lines = [
    `# ${kind} ${types[0]}`,
    '',
    '<!-- Generated from the settings schema by `npm run generate`. -->',
    '',
    `${doc} In the collector’s YAML, under \`${kind}s:\`.`,
    '',
    facts.filter((fact) => fact !== '').join(' '),
    '',
    ...bodyLines(settings, []),
  ]
  return `${lines.join('\n').trimEnd()}\n`
}

function page(definition: ComponentDefinition): string {
  const lines = [
    `# ${definition.name}`,
    '',
    '<!-- Generated from the settings schema by `npm run generate`. -->',
    '',
    definition.doc,
    '',
    `Stability: ${definition.stability}.${definition.singleton ? ' One instance in the whole configuration, without a label.' : ''}`,
    '',
    ...bodyLines(definition.settings, []),
    ...exportLines(definition),
  ]
  return `${lines.join('\n').trimEnd()}\n`
}

/** The kinds of a field of variants, and whether we stand inside one of them already: they may hold themselves. */
type Within = readonly (() => Readonly<Record<string, Settings<object>>>)[]

/** The tables of a body's attributes and of the blocks in it, blocks after one another, depth first. */
function bodyLines(settings: Settings<object>, path: readonly string[], within: Within = []): string[] {
  const fields = Object.entries(settings.fields)
  const attributes = fields.filter(([, field]) => field.kind === 'attribute')
  const lines: string[] = []
  if (attributes.length > 0) {
    lines.push('| Argument | Type | Default | |', '|---|---|---|---|')
    for (const [name, field] of attributes) lines.push(attributeRow(name, field))
    lines.push('')
  } else if (path.length === 0) lines.push('It has no arguments.', '')
  for (const [name, field] of fields) {
    if (field.kind === 'attribute') continue
    if (field.kind === 'variants') {
      lines.push(...variantLines(name, field, path, within))
      continue
    }
    const many = field.kind === 'blocks' ? ' Any number of them.' : ''
    const required = field.required ? ' Required.' : ''
    lines.push(
      `## ${[...path, name].map((part) => `\`${part}\``).join(' > ')}`,
      '',
      `${field.doc}${many}${required}`,
      '',
    )
    lines.push(...bodyLines(field.schema, [...path, name], within))
  }
  return lines
}

function variantLines(name: string, field: VariantsField<unknown>, path: readonly string[], within: Within): string[] {
  const heading = (block: string): string => `## ${[...path, block].map((part) => `\`${part}\``).join(' > ')}`
  const lines = [heading(`${name}.*`), '', `${field.doc} Any number of them; their order counts.`, '']
  if (within.includes(field.schemas)) return lines
  if (field.unsupported.length > 0) {
    lines.push(`Not supported yet: ${field.unsupported.map((kind) => `\`${name}.${kind}\``).join(', ')}.`, '')
  }
  for (const [kind, schema] of Object.entries(field.schemas())) {
    lines.push(heading(`${name}.${kind}`), '')
    lines.push(...bodyLines(schema, [...path, `${name}.${kind}`], [...within, field.schemas]))
  }
  return lines
}

function attributeRow(name: string, field: Field<unknown>): string {
  if (field.kind !== 'attribute') return ''
  const preset = field.required ? '*required*' : field.default === undefined ? '' : `\`${defaultText(field.default)}\``
  const stability = field.stability ? ` (${field.stability})` : ''
  return `| \`${name}\` | \`${field.type.name}\` | ${preset} | ${cell(field.doc)}${stability} |`
}

function defaultText(value: DefaultValue): string {
  return cell(JSON.stringify(value))
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}

function exportLines(definition: ComponentDefinition): string[] {
  const rows: string[] = []
  if (definition.consumes) {
    const { name, type } = inputExports[definition.input ?? 'prometheus']
    rows.push(`| \`${name}\` | \`${type}\` | Where others send ${definition.consumes.join(', ')}. |`)
  }
  for (const [name, { type, doc }] of Object.entries(definition.exports ?? {})) {
    rows.push(`| \`${name}\` | \`${type}\` | ${cell(doc)} |`)
  }
  return rows.length === 0 ? [] : ['## Exports', '', '| Export | Type | |', '|---|---|---|', ...rows, '']
}

function yamlRows(yaml: readonly YamlDefinition[]): string {
  const rows = yaml.map(
    (d) => `| [${d.kind} \`${d.types[0]}\`](${yamlPageName(d)}.md) | ${d.stability} | ${cell(d.doc)} |`,
  )
  return `## In the collector's YAML\n\n| Component | Stability | |\n|---|---|---|\n${rows.join('\n')}\n`
}

function indexPage(all: readonly ComponentDefinition[], yaml: readonly YamlDefinition[]): string {
  const rows = all.map(({ name, stability, doc }) => `| [${name}](${name}.md) | ${stability} | ${cell(doc)} |`)
  return `# Components\n\n<!-- Generated by \`npm run generate\`. -->\n\n| Component | Stability | |\n|---|---|---|\n${rows.join('\n')}\n\n${yamlRows(yaml)}`
}

// ----------------------------------------------------------------------------------------------------- JSON schema

function bodySchema(settings: Settings<object>, within: Within = []): object {
  const properties: Record<string, object> = {}
  const required: string[] = []
  for (const [name, field] of Object.entries(settings.fields)) {
    if (field.required) required.push(name)
    const description = field.doc
    if (field.kind === 'attribute') {
      properties[name] = {
        description,
        ...field.type.json,
        ...(field.default === undefined ? {} : { default: field.default }),
      }
    } else if (field.kind === 'block') properties[name] = { description, ...bodySchema(field.schema, within) }
    else if (field.kind === 'blocks') {
      properties[name] = { description, type: 'array', items: bodySchema(field.schema, within) }
    } else if (within.includes(field.schemas)) properties[name] = { description, type: 'array' }
    else {
      const inside = [...within, field.schemas]
      const kinds = Object.entries(field.schemas()).map(([kind, schema]) => ({
        type: 'object',
        properties: { [`${name}.${kind}`]: bodySchema(schema, inside) },
        additionalProperties: false,
      }))
      properties[name] = { description, type: 'array', items: { oneOf: kinds } }
    }
  }
  return { type: 'object', properties, additionalProperties: false, ...(required.length > 0 ? { required } : {}) }
}

function jsonSchema(all: readonly ComponentDefinition[], yaml: readonly YamlDefinition[]): string {
  const $defs = Object.fromEntries([
    ...all.map((d) => [d.name, { description: d.doc, ...bodySchema(d.settings) }]),
    ...yaml.map((d) => [yamlPageName(d), { description: d.doc, ...bodySchema(d.settings) }]),
  ])
  const schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Settings of Solder’s components, by name',
    $defs,
  }
  return `${JSON.stringify(schema, null, 1)}\n`
}

// ---------------------------------------------------------------------------------------------------------- README

const begin = '<!-- components: generated by `npm run generate` -->'
const end = '<!-- /components -->'

function readme(text: string, all: readonly ComponentDefinition[], yaml: readonly YamlDefinition[]): string {
  const from = text.indexOf(begin)
  const to = text.indexOf(end)
  if (from < 0 || to < from) throw new Error('Cannot write the component table: README.md has lost its marks')
  const rows = all.map(({ name, doc }) => `| [\`${name}\`](${reference}/${name}.md) | ${cell(doc)} |`)
  const kinds = Map.groupBy(yaml, ({ kind }) => kind)
  const kindRows = [...kinds].map(([kind, those]) => {
    const links = those.map((d) => `[\`${d.types[0]}\`](${reference}/${yamlPageName(d)}.md)`)
    return `| ${kind}s | ${links.join(', ')} |`
  })
  const table = `| Component | What it does |\n|---|---|\n${rows.join('\n')}`
  const yamlTable = `In the collector's YAML:\n\n| | |\n|---|---|\n${kindRows.join('\n')}`
  return `${text.slice(0, from)}${begin}\n\n${table}\n\n${yamlTable}\n\n${text.slice(to)}`
}

async function main(): Promise<number> {
  const all = await definitions()
  const yaml = await yamlDefinitions()
  const files = new Map<string, string>(all.map((d) => [`${reference}/${d.name}.md`, page(d)]))
  for (const d of yaml) files.set(`${reference}/${yamlPageName(d)}.md`, yamlPage(d))
  files.set(`${reference}/README.md`, indexPage(all, yaml))
  files.set(`${reference}/schema.json`, jsonSchema(all, yaml))
  files.set('README.md', readme(readFileSync(join(root, 'README.md'), 'utf8'), all, yaml))
  mkdirSync(join(root, reference), { recursive: true })
  const surplus = readdirSync(join(root, reference)).filter((name) => !files.has(`${reference}/${name}`))
  if (process.argv.includes('--check')) {
    const stale = [...files].filter(
      ([path, text]) => !existsSync(join(root, path)) || readFileSync(join(root, path), 'utf8') !== text,
    )
    const names = [...stale.map(([path]) => path), ...surplus.map((name) => `${reference}/${name}`)]
    for (const name of names) process.stderr.write(`${name} is stale: run npm run generate\n`)
    return names.length === 0 ? 0 : 1
  }
  for (const [path, text] of files) writeFileSync(join(root, path), text)
  for (const name of surplus) rmSync(join(root, reference, name))
  process.stdout.write(`Wrote ${files.size} files.\n`)
  return 0
}

process.exitCode = await main()
