// Promtail's pipeline stages as the blocks of loki.process.
import { parseGoDuration, type Settings, type VariantsField } from '#component'
import { entryRange, isNull, kindOfNode, type YamlEntry, type YamlMap, type YamlNode } from '../yaml/tree.ts'
import { type AlloyBlock, attribute, block, objectLiteral, type Statement, stringLiteral } from './document.ts'
import type { Rules, Writer } from './writer.ts'

const stageNames: Readonly<Record<string, string>> = {
  labeldrop: 'label_drop',
  labelallow: 'label_keep',
}
/** Stages whose whole setting is a map or a list. */
const valueStages = ['labels', 'labeldrop', 'labelallow', 'static_labels', 'structured_metadata']
/** Those in whose map a name without a value has that of the same name. */
const nullableStages = ['labels', 'structured_metadata']

/** The list of stages under `entry`, as `stage.*` blocks. */
export function convertStages(writer: Writer, field: VariantsField<unknown>, entry: YamlEntry): AlloyBlock[] {
  return writer.maps(entry).flatMap((stage) => {
    const [one, ...more] = stage.entries.values()
    if (!one || more.length > 0) {
      writer.report('critical', stage.range, `a stage is a map with one key, this one has ${stage.entries.size}`)
      return []
    }
    const name = stageNames[one.key] ?? one.key
    const schema = Object.hasOwn(field.schemas(), name) ? field.schemas()[name] : undefined
    if (!schema) {
      writer.lacks(one.keyRange, `the stage "${one.key}"`)
      return []
    }
    if (one.key === 'drop' && one.value.kind === 'map' && !isSoundDrop(writer, one.value)) return []
    return [block(`stage.${name}`, undefined, ...stageBody(writer, schema, one))]
  })
}

/** Promtail leaves out what it cannot read of a stage that drops lines; the whole stage is left out here, and reported. */
function isSoundDrop(writer: Writer, { entries }: YamlMap): boolean {
  const isText = (node: YamlNode): boolean => node.kind === 'scalar'
  const checks: readonly (readonly [string, string, (node: YamlNode) => boolean])[] = [
    ['source', 'a name or a list of names', (node) => (node.kind === 'list' ? node.items.every(isText) : isText(node))],
    ['older_than', 'a duration', (node) => node.kind === 'scalar' && parseGoDuration(node.text) !== undefined],
    [
      'longer_than',
      'a size',
      (node) => node.kind === 'scalar' && /^(\d+(\.\d+)?)\s*(B|[kmgtKMGT]i?[bB]?)?$/.test(node.text),
    ],
  ]
  const wrong = checks.filter(([key, , isSound]) => {
    const entry = entries.get(key)
    return entry !== undefined && !isSound(entry.value)
  })
  for (const [key, what] of wrong) {
    const entry = entries.get(key) as YamlEntry
    const found = entry.value.kind === 'scalar' ? JSON.stringify(entry.value.text) : kindOfNode(entry.value)
    writer.report(
      'error',
      entryRange(entry),
      `the stage is left out: "${key}" should be ${what}: current value is ${found}`,
    )
  }
  return wrong.length === 0
}

function stageBody(writer: Writer, schema: Settings<object>, entry: YamlEntry): Statement[] {
  if (nullableStages.includes(entry.key) && entry.value.kind === 'map') {
    const values = [...entry.value.entries.values()].map(({ key, value }): [string, string] => {
      return [key, isNull(value) ? 'null' : (writer.expression('string', value) ?? '""')]
    })
    return [attribute('values', objectLiteral(values))]
  }
  if (valueStages.includes(entry.key)) {
    const values = schema.fields['values']
    const expression = values?.kind === 'attribute' ? writer.expression(values.type.name, entry.value) : undefined
    return expression === undefined ? [] : [attribute('values', expression)]
  }
  if (entry.key === 'metrics') return writer.map(entry) ? metrics(writer, schema, entry) : []
  const map = writer.map(entry)
  if (!map) return []
  const rules: Record<string, Rules> = {
    match: {
      stages: (inside) => {
        const field = schema.fields['stage']
        return field?.kind === 'variants' ? convertStages(writer, field, inside) : []
      },
    },
    drop: {
      source: ({ value }) => {
        const expression = writer.expression('list(string)', value) ?? '[]'
        const names: unknown = JSON.parse(expression)
        const joined = Array.isArray(names) ? names.join(',') : ''
        return joined === '' ? [] : [attribute('source', stringLiteral(joined))]
      },
    },
    // Written as it is said, the default too.
    timestamp: {
      action_on_failure: ({ value }) => {
        const expression = writer.expression('string', value)
        return expression === undefined ? [] : [attribute('action_on_failure', expression)]
      },
    },
  }
  return writer.body(schema, map, rules[entry.key] ?? {})
}

/** Metrics by name: `type`, and what is said of that type under `config`. */
function metrics(writer: Writer, schema: Settings<object>, entry: YamlEntry): Statement[] {
  const field = schema.fields['metric']
  const all = writer.map(entry)
  if (field?.kind !== 'variants' || !all) return []
  const sorted = [...all.entries.values()].sort((a, b) => (a.key < b.key ? -1 : 1))
  return sorted.flatMap((one) => {
    const map = writer.map(one)
    const type = map?.entries.get('type')?.value
    const kind = type?.kind === 'scalar' ? type.text.toLowerCase() : ''
    const inner = field.schemas()[kind]
    if (!map || !Object.hasOwn(field.schemas(), kind) || !inner) {
      const found = type ? `${kindOfNode(type)} ${JSON.stringify(kind)}` : 'nothing'
      writer.report('critical', one.keyRange, `the type of a metric is counter, gauge or histogram, got ${found}`)
      return []
    }
    const config = writer.map(map.entries.get('config'))
    const entries = new Map([...map.entries, ...(config?.entries ?? [])])
    const body = writer.body(inner, { ...map, entries }, { type: null, config: null })
    return [block(`metric.${kind}`, undefined, attribute('name', stringLiteral(one.key)), ...body)]
  })
}
