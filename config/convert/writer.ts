// Writes maps of YAML as the body of a component's block, by the component's own settings schema.
import {
  type AttributeField,
  defaultAsValue,
  type DefaultValue,
  type Field,
  parseGoDuration,
  type Settings,
} from '#component'
import { parsePrometheusDuration } from '#component/scrape'
import { nearMiss } from '#lib/near_miss'
import type { Range } from '../alloy/ast.ts'
import type { ComponentRegistry } from '../plan.ts'
import {
  entryRange,
  isNull,
  kindOfNode,
  type YamlEntry,
  type YamlMap,
  type YamlNode,
  type YamlScalar,
} from '../yaml/tree.ts'
import {
  attribute,
  block,
  durationText,
  listLiteral,
  objectLiteral,
  sizeText,
  type Statement,
  stringLiteral,
} from './document.ts'

export const Severity = { critical: 'critical', error: 'error', warning: 'warning', info: 'info' } as const
/** Critical: nothing could be converted. Error: something has no counterpart and is missing in the result. */
export type Severity = (typeof Severity)[keyof typeof Severity]

export interface ConversionDiagnostic {
  readonly severity: Severity
  /** Where in the source; undefined: in no place of it. */
  readonly range?: Range
  readonly message: string
}

/**
 * What becomes of a key of the source: the name of the setting; `null`: nothing, it is taken care of elsewhere; a text that
 * begins with `!`: it has no counterpart, for this reason; or the statements themselves.
 */
export type Rule = string | null | ((entry: YamlEntry) => readonly Statement[])
export type Rules = Readonly<Record<string, Rule>>

/** A second schema, where the source has one: what it leaves unsaid there is said where Alloy's defaults are others. */
export interface SourceSchema {
  readonly schema: Settings<object>
  /** Settings whose own default is Alloy's. */
  readonly keep?: readonly string[]
  /** Settings of blocks, by `block.name`, that are written even where they are Alloy's default. */
  readonly always?: readonly string[]
  /** Those that are, where the source says them. */
  readonly said?: readonly string[]
  /** Where the body stands: `block.`; absent: in the component itself. */
  readonly path?: string
}

/** Names that the settings of TLS clients have in Alloy's language. */
const commonNames: Readonly<Record<string, string>> = {
  ca: 'ca_pem',
  cert: 'cert_pem',
  key: 'key_pem',
  relabel_configs: 'rule',
  metric_relabel_configs: 'rule',
  write_relabel_configs: 'write_relabel_config',
  filters: 'filter',
  server_name_override: 'server_name',
  k8s: 'kubernetes',
}

export interface WriterOptions {
  /** The expression for a text; a language with references in its texts has another one than the literal. */
  readonly text?: (text: string) => string
}

export class Writer {
  readonly diagnostics: ConversionDiagnostic[] = []
  /** The expression for a setting that refers to an extension, by what the source has there; undefined: reported. */
  handler: (node: YamlNode) => string | undefined = () => undefined
  readonly #registry: ComponentRegistry
  readonly #absent: ReadonlyMap<string, Settings<object>>
  readonly #options: WriterOptions

  /** `absent`: the settings of components that Alloy has and this build lacks. */
  constructor(registry: ComponentRegistry, absent: ReadonlyMap<string, Settings<object>>, options: WriterOptions = {}) {
    this.#registry = registry
    this.#absent = absent
    this.#options = options
  }

  report(severity: Severity, range: Range | undefined, message: string): void {
    this.diagnostics.push(range === undefined ? { severity, message } : { severity, range, message })
  }

  /** Something of the source that the result lacks. */
  lacks(range: Range, what: string, why = ''): void {
    this.report('error', range, `${what} has no counterpart in an Alloy configuration${why === '' ? '' : `: ${why}`}`)
  }

  /**
   * The schema of a component of Alloy's; undefined: there is none of this name. That this build cannot run it is reported at
   * `range`.
   */
  async schema(name: string, range?: Range): Promise<Settings<object> | undefined> {
    const own = (await this.#registry.load(name))?.settings
    if (own) return own
    const absent = this.#absent.get(name)
    if (absent && range) this.onlyAlloy(name, range)
    return absent
  }

  /** A component of the result that this build lacks. */
  onlyAlloy(name: string, range: Range): void {
    this.report('warning', range, `only Alloy runs ${name}: this build lacks it, and refuses the result as it is`)
  }

  /** The map under a key; nothing for a null, and for what is no map, which is reported. */
  map(entry: YamlEntry | undefined): YamlMap | undefined {
    if (!entry || isNull(entry.value)) return undefined
    if (entry.value.kind === 'map') return entry.value
    this.report('critical', entry.value.range, `"${entry.key}" should be a map, got ${kindOfNode(entry.value)}`)
    return undefined
  }

  /** The maps of the list under a key. */
  maps(entry: YamlEntry | undefined): readonly YamlMap[] {
    if (!entry || isNull(entry.value)) return []
    const { value } = entry
    if (value.kind !== 'list') {
      this.report('critical', value.range, `"${entry.key}" should be a list of maps, got ${kindOfNode(value)}`)
      return []
    }
    return value.items.flatMap((item) => {
      if (item.kind === 'map') return [item]
      this.report('critical', item.range, `"${entry.key}" should hold maps, got ${kindOfNode(item)}`)
      return []
    })
  }

  /** Keys that are not known, of a map whose keys are handled one by one. */
  unknownKeys(map: YamlMap, known: readonly string[], where: string): void {
    for (const entry of map.entries.values()) {
      if (known.includes(entry.key)) continue
      const near = nearMiss(entry.key, known)
      const hint = near === undefined ? '' : ` (did you mean ${near}?)`
      this.report('critical', entry.keyRange, `unrecognized key "${entry.key}" in ${where}${hint}`)
    }
  }

  /**
   * The statements for the entries of `map`, in the schema's order; settings that are what they would be anyway are left out.
   * What the schema has in a `client` block only goes there.
   */
  body(schema: Settings<object>, map: YamlMap, rules: Rules = {}, source?: SourceSchema): Statement[] {
    const found: { at: number; statement: Statement }[] = []
    const names = Object.keys(schema.fields)
    const add = (statements: readonly Statement[]): void => {
      for (const statement of statements) {
        found.push({ at: names.indexOf(statement.name.split('.', 1)[0] as string), statement })
      }
    }
    const client = schema.fields['client']
    const inClient = new Map<string, YamlEntry>()
    const clientRules: Record<string, Rule> = {}
    const isClients = (key: string): boolean =>
      client?.kind === 'block' &&
      nameIn(schema, key, true) === undefined &&
      nameIn(client.schema, key, true) !== undefined
    for (const entry of map.entries.values()) {
      const rule = Object.hasOwn(rules, entry.key) ? rules[entry.key] : undefined
      if (rule === undefined && isClients(entry.key)) inClient.set(entry.key, entry)
      else add(this.#entry(schema, entry, rule, rules, source))
    }
    if (source) add(this.#defaults(schema, map, rules, source, isClients))
    if (source && client?.kind === 'block') {
      const fields = Object.entries(source.schema.fields).filter(([key]) => isClients(key))
      const inside = { ...map, entries: inClient }
      const inner = { ...source, schema: { ...source.schema, fields: Object.fromEntries(fields) } }
      const body = this.body(client.schema, inside, clientRules, inner)
      if (fields.length > 0) add([block('client', undefined, ...body)])
    }
    if (!source && client?.kind === 'block' && inClient.size > 0) {
      add([block('client', undefined, ...this.body(client.schema, { ...map, entries: inClient }, inner(rules)))])
    }
    return found.sort((a, b) => a.at - b.at).map(({ statement }) => statement)
  }

  #entry(
    schema: Settings<object>,
    entry: YamlEntry,
    rule: Rule | undefined,
    rules: Rules,
    source: SourceSchema | undefined,
  ): readonly Statement[] {
    if (source && rule === undefined && !Object.hasOwn(source.schema.fields, entry.key)) {
      const near = nearMiss(entry.key, Object.keys(source.schema.fields))
      const hint = near === undefined ? '' : ` (did you mean ${near}?)`
      this.report('critical', entry.keyRange, `unrecognized key "${entry.key}"${hint}`)
      return []
    }
    if (rule === null) return []
    if (typeof rule === 'function') return rule(entry)
    if (rule?.startsWith('!')) {
      if (!isNull(entry.value)) this.lacks(entryRange(entry), `"${entry.key}"`, rule.slice(1).trim())
      return []
    }
    const name = rule ?? nameIn(schema, entry.key, source !== undefined)
    const field = name === undefined ? undefined : schema.fields[name]
    if (name === undefined || !field) {
      const near = nearMiss(entry.key, Object.keys(schema.fields))
      this.lacks(entry.keyRange, `"${entry.key}"`, near === undefined ? '' : `did you mean ${near}?`)
      return []
    }
    return this.#field(name, field, entry, rules, source)
  }

  /** What the source leaves unsaid, where its default is another than Alloy's. */
  #defaults(
    schema: Settings<object>,
    map: YamlMap,
    rules: Rules,
    source: SourceSchema,
    isClients: (key: string) => boolean,
  ): Statement[] {
    return Object.entries(source.schema.fields).flatMap(([key, theirs]): Statement[] => {
      const given = map.entries.get(key)
      if ((given && !isNull(given.value)) || source.keep?.includes(key) || isClients(key)) return []
      const rule = rules[key]
      const name =
        typeof rule === 'string' && !rule.startsWith('!')
          ? rule
          : rule === undefined
            ? nameIn(schema, key, true)
            : undefined
      const ours = name === undefined ? undefined : schema.fields[name]
      if (name === undefined || !ours) return []
      if (ours.kind === 'attribute' && theirs.kind === 'attribute') {
        const always = source.always?.includes(`${source.path ?? ''}${name}`) && theirs.default !== undefined
        const expression = always ? literal(ours.type.name, theirs.default ?? null) : differingDefault(ours, theirs)
        return expression === undefined ? [] : [attribute(name, expression)]
      }
      if (given || ours.kind !== 'block' || theirs.kind !== 'block') return []
      if (ours.whenAbsent !== 'defaults' || theirs.whenAbsent !== 'defaults') return []
      const empty: YamlMap = { ...map, entries: new Map() }
      const path = `${source.path ?? ''}${name}.`
      const body = this.body(ours.schema, empty, inner(rules), { ...source, schema: theirs.schema, path })
      return body.length === 0 ? [] : [block(name, undefined, ...body)]
    })
  }

  #field(
    name: string,
    field: Field<unknown>,
    entry: YamlEntry,
    rules: Rules,
    source: SourceSchema | undefined,
  ): Statement[] {
    const { value: node } = entry
    const theirs = source?.schema.fields[entry.key]
    const path = source?.path ?? ''
    const below =
      theirs && 'schema' in theirs ? { ...source, schema: theirs.schema, path: `${path}${name}.` } : undefined
    switch (field.kind) {
      case 'attribute': {
        const given = this.attributeOf(name, field, node, isWritten(source, `${path}${name}`))
        return given ? [given] : []
      }
      case 'block': {
        if (isNull(node)) {
          if (theirs?.kind !== 'block' || theirs.whenNull === 'absent') return []
          const empty: YamlMap = { kind: 'map', entries: new Map(), range: node.range }
          return [block(name, undefined, ...this.body(field.schema, empty, inner(rules), below))]
        }
        const inside = this.map(entry)
        const rest = inside && source ? switched(field.schema, inside) : inside
        if (!rest) return []
        const body = this.body(field.schema, rest, inner(rules), below)
        // What is left of a section when all of it was reported, or is as it would be anyway.
        const isSwitch = name === 'tls_config' || name.includes('.')
        if (isSwitch && body.length === 0 && rest.entries.size > 0) return []
        return [block(name, undefined, ...body)]
      }
      case 'blocks':
        if (node.kind === 'map') {
          return [...node.entries.values()].map((one) => {
            const inside = this.map(one)
            const body = inside ? this.body(field.schema, inside, inner(rules), below) : []
            return block(name, undefined, attribute('name', stringLiteral(one.key)), ...body)
          })
        }
        return this.maps(entry).map((one) =>
          block(name, undefined, ...this.body(field.schema, one, inner(rules), below)),
        )
      case 'variants':
        this.lacks(entry.keyRange, `"${entry.key}"`)
        return []
    }
  }

  /** `name = …` for what the source has; undefined for the default, and for what cannot be, which is reported. */
  attributeOf(
    name: string,
    field: AttributeField<unknown>,
    node: YamlNode,
    always: boolean | undefined = false,
  ): Statement | undefined {
    const expression = this.expression(field.type.name, node)
    if (expression === undefined || (!always && expression === defaultExpression(field))) return undefined
    return attribute(name, expression)
  }

  /** The expression for a value of the type of this name; undefined: null, or reported. */
  expression(type: string, node: YamlNode): string | undefined {
    if (isNull(node)) return undefined
    const [, kind, element = 'any'] = /^(list|map)\((.*)\)$/s.exec(type) ?? []
    if (kind === 'list') {
      if (node.kind === 'map') return this.#wrong(type, node)
      const items = node.kind === 'list' ? node.items : [node]
      return listLiteral(items.flatMap((item) => this.expression(element, item) ?? []))
    }
    if (kind === 'map') {
      if (node.kind !== 'map') return this.#wrong(type, node)
      return objectLiteral(
        [...node.entries.values()].flatMap((entry) => {
          // A name without a value has an empty one.
          const text = isNull(entry.value) ? '""' : this.expression(element, entry.value)
          return text === undefined ? [] : [[entry.key, text] as const]
        }),
      )
    }
    if (type === 'otelcol.Handler') return this.handler(node)
    if (type === 'any') return this.#anything(node)
    return node.kind === 'scalar' ? this.#scalar(type, node) : this.#wrong(type, node)
  }

  #wrong(type: string, node: YamlNode): undefined {
    this.report('critical', node.range, `should be ${type}, got ${kindOfNode(node)}`)
    return undefined
  }

  text(text: string): string {
    return (this.#options.text ?? stringLiteral)(text)
  }

  #scalar(type: string, node: YamlScalar): string | undefined {
    const { value, text } = node
    if (typeof value === 'string' && text.includes('${') && this.#options.text) {
      const other = /(?<!\$)\$\{(?!env:)([a-z][a-z0-9+.-]*):(?!-)/.exec(text)
      if (other)
        this.report('critical', node.range, `"${other[1]}:" cannot be read: only the environment is, with "env:"`)
      return this.text(text)
    }
    switch (type) {
      case 'bool':
        return typeof value === 'boolean' ? String(value) : this.#wrong(type, node)
      case 'int':
      case 'uint':
      case 'float':
      case 'number':
        return typeof value === 'bigint' || typeof value === 'number' ? String(value) : this.#wrong(type, node)
      case 'duration': {
        if (typeof value === 'bigint') return stringLiteral(durationText(Number(value) / 1e6))
        const ms = parseGoDuration(text) ?? parsePrometheusDuration(text)
        return ms === undefined ? this.#wrong(type, node) : stringLiteral(durationText(ms))
      }
      case 'bytes':
        return stringLiteral(typeof value === 'bigint' ? sizeText(Number(value)) : sizeWithUnit(text))
      default:
        return this.text(text)
    }
  }

  #anything(node: YamlNode): string {
    switch (node.kind) {
      case 'list':
        return listLiteral(node.items.map((item) => this.#anything(item)))
      case 'map':
        return objectLiteral([...node.entries.values()].map(({ key, value }) => [key, this.#anything(value)] as const))
      case 'scalar':
        return typeof node.value === 'string' ? this.text(node.text) : String(node.value)
    }
  }
}

function isWritten(source: SourceSchema | undefined, place: string): boolean {
  return source?.always?.includes(place) === true || source?.said?.includes(place) === true
}

/** `256kb` and `256KB` as Alloy writes it, `256KiB`; other texts are left as they are. */
export function sizeWithUnit(text: string): string {
  const match = /^(\d+) ?([kmgtKMGT])i?[bB]?$/.exec(text)
  return match ? `${match[1]}${(match[2] as string).toUpperCase()}iB` : text
}

/** Rules for all levels have names that begin with `*`. */
function inner(rules: Rules): Rules {
  return Object.fromEntries(
    Object.entries(rules).flatMap(([key, rule]) =>
      key.startsWith('*')
        ? [
            [key, rule],
            [key.slice(1), rule],
          ]
        : [],
    ),
  )
}

/** A section that `enabled` switches on and off, where the block itself has no such setting. */
function switched(schema: Settings<object>, map: YamlMap): YamlMap | undefined {
  const given = map.entries.get('enabled')?.value
  if (given?.kind !== 'scalar' || Object.hasOwn(schema.fields, 'enabled')) return map
  if (given.value === false) return undefined
  return { ...map, entries: new Map([...map.entries].filter(([key]) => key !== 'enabled')) }
}

/** The default of the source as an expression of ours; undefined where both are the same, or the source has none. */
function differingDefault(ours: AttributeField<unknown>, theirs: AttributeField<unknown>): string | undefined {
  if (theirs.default === undefined || theirs.default === null) return undefined
  const value = decodedDefault(theirs)
  if (ours.default !== undefined && sameText(value) === sameText(decodedDefault(ours))) return undefined
  const isEmpty = ['', 0, false].includes(theirs.default as never) || sameText(theirs.default) === '[]'
  if (ours.default === undefined && (isEmpty || sameText(theirs.default) === '{}')) return undefined
  if (ours.type.name === 'bytes' && typeof value === 'number') return stringLiteral(sizeText(value))
  return literal(ours.type.name, theirs.default)
}

function decodedDefault({ type, default: preset }: AttributeField<unknown>): unknown {
  try {
    return type.decode(defaultAsValue(preset as DefaultValue) as never)
  } catch {
    return preset
  }
}

function sameText(value: unknown): string {
  return JSON.stringify(value, (_, one: unknown) =>
    one instanceof Map ? [...one] : typeof one === 'bigint' ? Number(one) : one,
  )
}

/**
 * The setting that a key of the source means: of the same name, of the usual other name, or, with `singular`, of the name in
 * the singular (blocks that are written several times, where the source has a list).
 */
export function nameIn(schema: Settings<object>, key: string, singular = false): string | undefined {
  const has = (name: string | undefined): name is string => name !== undefined && Object.hasOwn(schema.fields, name)
  const one = key.endsWith('ies') ? `${key.slice(0, -3)}y` : key.replace(/s$/, '')
  return [key, commonNames[key], singular ? one : undefined].find(has)
}

function defaultExpression(field: AttributeField<unknown>): string | undefined {
  return field.default === undefined ? undefined : literal(field.type.name, field.default)
}

/** A default as an expression, written as those of the source are. */
export function literal(type: string, value: DefaultValue): string {
  if (type === 'duration') return stringLiteral(durationText(parseGoDuration(String(value)) ?? 0))
  if (typeof value === 'string') return stringLiteral(value)
  if (Array.isArray(value)) return listLiteral(value.map((one: DefaultValue) => literal('any', one)))
  if (value !== null && typeof value === 'object') {
    return objectLiteral(Object.entries(value).map(([key, one]) => [key, literal('any', one as DefaultValue)] as const))
  }
  return String(value)
}
