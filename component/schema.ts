// The settings schema: declares a component's settings once, for decoding, messages, reference pages and editors.
//
// How to use it (a component with an attribute of each kind and two blocks):
//
//   const settings = defineSettings({
//     targets: attr(list(target), 'Targets to scrape.', { required: true }),
//     forward_to: attr(list(metricsReceiver), 'Where samples go.', { required: true }),
//     scrape_interval: attr(duration, 'How often.', { default: '1m' }),          // decoded: milliseconds
//     sample_limit: attr(uint, 'Samples per scrape; 0: no limit.', { default: 0 }),
//     bearer_token: attr(secret, 'Token to send.'),                              // decoded: Secret | undefined
//     basic_auth: block(basicAuth, 'User name and password.'),                   // decoded: {...} | undefined
//     metadata_config: block(metadata, 'Metadata.', { whenAbsent: 'defaults' }), // decoded: {...}
//     endpoint: blocks(endpoint, 'Where to send.'),                              // decoded: [{...}, …]
//     ...httpClientFields,                                                       // shared fields are spread in
//   }, { check: (s, report) => { if (s.scrape_timeout > s.scrape_interval) report('…', ['scrape_timeout']) } })
//   type ScrapeSettings = SettingsOf<typeof settings>
//
// Decoded keys are as users write them. A block that is present starts from its own defaults.
import { floatText } from '#lib/go_float_text'
import { FormatLengthError, goText, type GoValues } from '#lib/go_format'
import type { LogsPort, MetricsPort, OtelConsumer, Signal } from './consumer.ts'
import type { PipelineStart } from './contract.ts'
import type { Value } from './values.ts'
import { Capsule, entriesOf, kindOf, OptionalSecret, Secret, Target, Unknown, ValueError } from './values.ts'

// ---------------------------------------------------------------------------------------------------------- types

/** A type of settings values. */
export interface Type<T> {
  /** As users read it: `list(string)`, `duration`. */
  readonly name: string
  /** What `null` stands for. */
  readonly zero: T
  /** Throws `ValueError`; a message that begins with `should be` gets the source expression put in front of it. */
  decode(value: Exclude<Value, null | Unknown>): T
  /** Is a value of the type named `from`, not known yet, acceptable? */
  accepts(from: string): boolean
  readonly element?: Type<unknown>
  /** For editors: a JSON schema. */
  readonly json: Readonly<Record<string, unknown>>
}

/**
 * Thrown inside a decode where a value is not known yet: the attribute is fine as far as can be told, but has no value.
 * Only met while a configuration is being checked.
 */
class NotKnown extends Error {}

/** Decode `value` as `type`. Throws `ValueError` with the path to what is at fault. */
function decodeValue<T>(type: Type<T>, value: Value): T {
  if (value === null) return type.zero
  if (value instanceof Unknown) {
    if (!acceptsUnknown(type, value.type)) throw new ValueError(`should be ${type.name}, got ${value.type}`)
    throw new NotKnown()
  }
  return type.decode(value)
}

function acceptsUnknown(type: Type<unknown>, from: string): boolean {
  return from === 'any' || from === type.name || type.accepts(from)
}

const mismatch = (name: string, value: Value): ValueError => new ValueError(`should be ${name}, got ${kindOf(value)}`)
const accepting =
  (...names: string[]) =>
  (from: string): boolean =>
    names.includes(from)

/** A type of a component's own: `decode` throws `ValueError`. */
export function customType<T>(type: {
  name: string
  zero: T
  decode(value: Exclude<Value, null | Unknown>): T
  accepts?: (from: string) => boolean
  json?: Readonly<Record<string, unknown>>
}): Type<T> {
  return { accepts: () => false, json: {}, ...type }
}

const utf8 = new TextDecoder()

function decodeString(value: Exclude<Value, null | Unknown>): string {
  if (typeof value === 'string') return value
  if (typeof value === 'bigint') return value.toString()
  if (typeof value === 'number') return floatText(value, 'f', -1)
  if (value instanceof Uint8Array) return utf8.decode(value)
  if (value instanceof OptionalSecret) {
    if (!value.isSecret) return value.reveal()
    throw new ValueError('secrets may not be converted into strings')
  }
  if (value instanceof Secret) throw new ValueError('secrets may not be converted into strings')
  throw mismatch('string', value)
}

export const string: Type<string> = {
  name: 'string',
  zero: '',
  decode: decodeString,
  accepts: accepting('number', 'int', 'float', 'optional_secret', 'string'),
  json: { type: 'string' },
}

export const bool: Type<boolean> = {
  name: 'bool',
  zero: false,
  decode(value) {
    if (typeof value === 'boolean') return value
    throw mismatch('bool', value)
  },
  accepts: () => false,
  json: { type: 'boolean' },
}

function decodeNumber(value: Exclude<Value, null | Unknown>): number {
  if (typeof value === 'number') return value
  if (typeof value === 'bigint') return Number(value)
  if (typeof value === 'string' && /^-?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/.test(value)) return Number(value)
  throw mismatch('number', value)
}

function numberType(name: string, check: (x: number, value: Value) => number): Type<number> {
  return {
    name,
    zero: 0,
    decode: (value) => check(decodeNumber(value), value),
    accepts: accepting('number', 'int', 'float', 'string'),
    json: { type: name === 'float' ? 'number' : 'integer' },
  }
}

export const float: Type<number> = numberType('float', (x) => x)
/** Floats are cut to their integer part, as in Alloy. */
export const int: Type<number> = numberType('int', (x) => Math.trunc(x))
export const uint: Type<number> = numberType('uint', (x) => {
  if (x < 0) throw new ValueError(`should be a number of 0 or more, got ${x}`)
  return Math.trunc(x)
})

const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
}

/** Milliseconds of a duration as Go writes it (`1h2m3.5s`, `-5ms`, `0`); undefined when it is none. */
export function parseGoDuration(text: string): number | undefined {
  const signed = /^([+-]?)(.+)$/s.exec(text)
  if (!signed) return undefined
  const rest = signed[2] as string
  if (rest === '0') return 0
  let ms = 0
  let at = 0
  const part = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/y
  while (at < rest.length) {
    part.lastIndex = at
    const m = part.exec(rest)
    if (!m) return undefined
    ms += Number(m[1]) * (unitMs[m[2] as string] as number)
    at = part.lastIndex
  }
  return signed[1] === '-' ? -ms : ms
}

/** A duration as Go writes it; decoded: milliseconds. */
export const duration: Type<number> = {
  name: 'duration',
  zero: 0,
  decode(value) {
    const text = decodeString(value)
    const ms = parseGoDuration(text)
    if (ms === undefined) throw new ValueError(`time: invalid duration ${JSON.stringify(text)}`)
    return ms
  },
  accepts: accepting('string', 'number'),
  json: { type: 'string', format: 'go-duration' },
}

const unitBytes: Readonly<Record<string, number>> = Object.fromEntries([
  ['B', 1],
  ...['K', 'M', 'G', 'T', 'P', 'E'].flatMap((letter, i) => [
    [`${letter}B`, 1024 ** (i + 1)],
    [`${letter}iB`, 1024 ** (i + 1)],
  ]),
])

/** A size with its unit (`5MB`, `64KiB`; both count 1024); decoded: bytes. */
export const byteSize: Type<number> = {
  name: 'bytes',
  zero: 0,
  decode(value) {
    const text = decodeString(value)
    if (text === '0') return 0
    let bytes = 0
    let at = 0
    const part = /(\d+(?:\.\d+)?)([A-Za-z]+)/y
    while (at < text.length) {
      part.lastIndex = at
      const m = part.exec(text)
      const unit = m ? unitBytes[m[2] as string] : undefined
      if (!m || unit === undefined) {
        const why = m ? `unknown unit ${JSON.stringify(m[2])}` : 'a size needs a unit, as in "5MB"'
        throw new ValueError(`invalid size ${JSON.stringify(text)}: ${why}`)
      }
      bytes += Number(m[1]) * unit
      at = part.lastIndex
    }
    if (text === '') throw new ValueError('invalid size "": a size needs a unit, as in "5MB"')
    return Math.trunc(bytes)
  },
  accepts: accepting('string'),
  json: { type: 'string', format: 'byte-size' },
}

/** Never shown. `undefined` where the attribute is absent. */
export const secret: Type<Secret> = {
  name: 'secret',
  zero: new Secret(''),
  decode(value) {
    if (value instanceof Secret) return value
    if (value instanceof OptionalSecret) return new Secret(value.reveal())
    if (typeof value === 'string') return new Secret(value)
    if (value instanceof Uint8Array) return new Secret(utf8.decode(value))
    throw mismatch('secret', value)
  },
  accepts: accepting('string', 'optional_secret', 'secret'),
  json: { type: 'string', writeOnly: true },
}

export const optionalSecret: Type<OptionalSecret> = {
  name: 'optional_secret',
  zero: new OptionalSecret('', false),
  decode(value) {
    if (value instanceof OptionalSecret) return value
    if (value instanceof Secret) return new OptionalSecret(value.reveal(), true)
    return new OptionalSecret(decodeString(value), false)
  },
  accepts: accepting('string', 'secret', 'number'),
  json: { type: 'string' },
}

/** Anything, as it is. */
export const anyValue: Type<Value> = {
  name: 'any',
  zero: null,
  decode: (value) => value,
  accepts: () => true,
  json: {},
}

/** One of a closed set of words. */
export function oneOf<const W extends string>(...words: readonly W[]): Type<W> {
  return {
    name: 'string',
    zero: words[0] as W,
    decode(value) {
      const text = decodeString(value)
      const word = words.find((w) => w === text)
      if (word === undefined) {
        throw new ValueError(
          `should be one of ${words.map((w) => JSON.stringify(w)).join(', ')}, got ${JSON.stringify(text)}`,
        )
      }
      return word
    },
    accepts: string.accepts,
    json: { enum: words },
  }
}

export function list<T>(element: Type<T>): Type<readonly T[]> {
  return {
    name: `list(${element.name})`,
    zero: [],
    element,
    decode(value) {
      if (value instanceof Uint8Array) return [...value].map((byte) => element.decode(BigInt(byte)))
      if (!Array.isArray(value)) throw mismatch(`list(${element.name})`, value)
      return decodeEach(
        value.map((item: Value, i) => [i, item] as const),
        element,
      ).map(([, item]) => item)
    },
    accepts: (from) => from.startsWith('list(') && acceptsUnknown(element, from.slice(5, -1)),
    json: { type: 'array', items: element.json },
  }
}

export function map<T>(element: Type<T>): Type<ReadonlyMap<string, T>> {
  return {
    name: `map(${element.name})`,
    zero: new Map<string, T>(),
    element,
    decode(value) {
      const entries = entriesOf(value)
      if (!entries) throw mismatch(`map(${element.name})`, value)
      return new Map(decodeEach([...entries], element))
    },
    accepts: (from) => from === 'target' || (from.startsWith('map(') && acceptsUnknown(element, from.slice(4, -1))),
    json: { type: 'object', additionalProperties: element.json },
  }
}

/** Decode every entry, so that a wrong one is found behind one that is not known yet. */
function decodeEach<K extends string | number, T>(
  entries: readonly (readonly [K, Value])[],
  element: Type<T>,
): [K, T][] {
  const out: [K, T][] = []
  let notKnown: NotKnown | undefined
  for (const [key, item] of entries) {
    try {
      out.push([key, decodeValue(element, item)])
    } catch (error) {
      if (error instanceof ValueError) throw new ValueError(error.message, [key, ...error.path])
      if (!(error instanceof NotKnown)) throw error
      notKnown = error
    }
  }
  if (notKnown) throw notKnown
  return out
}

/** A discovered target. Objects become targets; values are shown as Go's `%v` shows them. */
export const target: Type<Target> = customType<Target>({
  name: 'target',
  zero: new Target(new Map()),
  decode(value) {
    if (value instanceof Target) return value
    if (!(value instanceof Map)) throw mismatch('target', value)
    const labels = new Map<string, string>()
    for (const [key, item] of value as ReadonlyMap<string, Value>) {
      if (item instanceof Unknown) throw new NotKnown()
      labels.set(key, targetText(item, key))
    }
    return new Target(labels)
  },
  accepts: (from) => from.startsWith('map(') || from === 'object',
  json: { type: 'object', additionalProperties: { type: 'string' } },
})

/** Go's `%v` of a label's value. */
function targetText(value: Value, key: string): string {
  if (value === null) throw new ValueError('should be string, got null', [key])
  try {
    return goText(value, goValues)
  } catch (error) {
    if (error instanceof FormatLengthError) throw new ValueError(error.message, [key])
    throw error instanceof ValueError ? new ValueError(error.message, [key]) : error
  }
}

const goValues: GoValues<Value> = {
  typeName: kindOf,
  entries: (value) => (typeof value === 'object' && value !== null ? entriesOf(value) : undefined),
  items(value) {
    if (value instanceof Uint8Array) return [...value].map(BigInt)
    return Array.isArray(value) ? value : undefined
  },
  special(value, verb, out) {
    if (Array.isArray(value) || value instanceof Uint8Array) return false
    if (typeof value === 'object' && value !== null && entriesOf(value)) return false
    if (value instanceof OptionalSecret && !value.isSecret) {
      out.string(value.reveal(), verb)
      return true
    }
    if (value instanceof Secret || value instanceof OptionalSecret) {
      throw new ValueError('secrets may not be converted into strings')
    }
    throw new ValueError(`should be string, got ${kindOf(value)}`)
  },
  isPointer: () => false,
}

/** An opaque value of the named kind; decoded: what is inside. */
export function capsule<T extends object>(type: string): Type<T> {
  return {
    name: type,
    zero: undefined as unknown as T, // null capsules are refused below, by `receivers`
    decode(value) {
      if (value instanceof Capsule && value.type === type) return value.value as T
      throw new ValueError(`should be capsule("${type}"), got ${kindOf(value)}`)
    },
    accepts: () => false,
    json: { type: 'string', format: type },
  }
}

/** Where metrics go: another component's `receiver` export. */
export const metricsReceiver: Type<MetricsPort> = capsule<MetricsPort>('MetricsReceiver')
/** Where lines go: a Loki component's `receiver` export. */
export const logsReceiver: Type<LogsPort> = capsule<LogsPort>('LogsReceiver')
/** Where OTLP telemetry goes: another component's `input` export. */
export const otelConsumer: Type<OtelConsumer> = capsule<OtelConsumer>('otelcol.Consumer')

const pipelineType = 'otelcol.Pipeline'

/**
 * A setting of a connector that names a pipeline which begins with it, by id. For the collector's YAML alone: the compiler
 * puts a map of the pipeline's id, signal and consumers in its place.
 */
export const otelPipeline: Type<PipelineStart> = customType<PipelineStart>({
  name: pipelineType,
  // What the compiler reported as wrong: no pipeline has an empty id.
  zero: { id: '', signal: 'traces', consumers: [] },
  decode(value) {
    const entries = entriesOf(value)
    const [id, signal, consumers] = ['id', 'signal', 'consumers'].map((key) => entries?.get(key))
    if (typeof id !== 'string' || typeof signal !== 'string' || !Array.isArray(consumers)) {
      throw mismatch(pipelineType, value)
    }
    return { id, signal: signal as Signal, consumers: consumers.map((one: Value) => decodeValue(otelConsumer, one)) }
  },
  json: { type: 'string' },
})

// --------------------------------------------------------------------------------------------------------- fields

/** A default as users would write it (durations as text, numbers plain). */
export type DefaultValue =
  | string
  | number
  | boolean
  | null
  | readonly DefaultValue[]
  | { readonly [k: string]: DefaultValue }

export type Field<T> = AttributeField<T> | BlockField<T> | BlocksField<T> | VariantsField<T>

export interface AttributeField<T> {
  readonly kind: 'attribute'
  readonly type: Type<unknown>
  readonly doc: string
  readonly required: boolean
  readonly default?: DefaultValue | undefined
  readonly stability?: 'experimental' | 'public-preview' | undefined
  /** Never set: carries the decoded type. */
  readonly decoded?: T
}

export interface BlockField<T> {
  readonly kind: 'block'
  readonly schema: Settings<object>
  readonly doc: string
  readonly required: boolean
  readonly whenAbsent: 'defaults' | 'undefined'
  /** Languages that can write a section as null: whether that is the section with its defaults, or none. */
  readonly whenNull: 'defaults' | 'absent'
  readonly decoded?: T
}

export interface BlocksField<T> {
  readonly kind: 'blocks'
  readonly schema: Settings<object>
  readonly doc: string
  readonly required: boolean
  readonly decoded?: T
}

/** Blocks of several kinds, `stage.json { }` and `stage.regex { }` under the field `stage`, whose order counts. */
export interface VariantsField<T> {
  readonly kind: 'variants'
  /** By what stands behind the dot. A function, so that a variant may hold variants of the same kinds. */
  readonly schemas: () => Readonly<Record<string, Settings<object>>>
  /** Kinds that exist elsewhere and are refused as not supported yet. */
  readonly unsupported: readonly string[]
  readonly doc: string
  readonly required: boolean
  readonly decoded?: T
}

export type Fields = Readonly<Record<string, Field<unknown>>>
export type SettingsOfFields<F extends Fields> = { readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never }
export type SettingsOf<S> = S extends Settings<infer T> ? T : never

interface AttributeOptions {
  readonly required?: boolean
  readonly default?: DefaultValue
  readonly stability?: 'experimental' | 'public-preview'
}

export function attr<T>(type: Type<T>, doc: string, options: { required: true } & AttributeOptions): AttributeField<T>
export function attr<T>(
  type: Type<T>,
  doc: string,
  options: { default: DefaultValue } & AttributeOptions,
): AttributeField<T>
export function attr<T>(type: Type<T>, doc: string, options?: AttributeOptions): AttributeField<T | undefined>
export function attr<T>(type: Type<T>, doc: string, options: AttributeOptions = {}): AttributeField<T> {
  return {
    kind: 'attribute',
    type,
    doc,
    required: options.required ?? false,
    ...(options.default === undefined ? {} : { default: options.default }),
    ...(options.stability === undefined ? {} : { stability: options.stability }),
  }
}

export function block<S extends object>(
  schema: Settings<S>,
  doc: string,
  options: { required: true } | { whenAbsent: 'defaults' },
): BlockField<S>
export function block<S extends object>(
  schema: Settings<S>,
  doc: string,
  options?: { whenNull: 'absent' },
): BlockField<S | undefined>
export function block<S extends object>(
  schema: Settings<S>,
  doc: string,
  options: { required?: boolean; whenAbsent?: 'defaults'; whenNull?: 'absent' } = {},
): BlockField<S> {
  return {
    kind: 'block',
    schema: schema as Settings<object>,
    doc,
    required: options.required ?? false,
    whenAbsent: options.whenAbsent ?? 'undefined',
    whenNull: options.whenNull ?? 'defaults',
  }
}

/** A block that may be written any number of times; decoded in the order written. */
export function blocks<S extends object>(
  schema: Settings<S>,
  doc: string,
  options: { required?: boolean } = {},
): BlocksField<readonly S[]> {
  return { kind: 'blocks', schema: schema as Settings<object>, doc, required: options.required ?? false }
}

/** One block of a `variants` field, as decoded. */
export type VariantOf<V> = {
  readonly [K in keyof V]: { readonly name: K; readonly settings: SettingsOf<V[K]> }
}[keyof V]

/**
 * Blocks named `<field>.<kind>` of any of the kinds, any number of them; decoded: `{ name, settings }` in the order written
 * across all kinds. `name` is the kind.
 */
export function variants<V extends Readonly<Record<string, Settings<object>>>>(
  schemas: () => V,
  doc: string,
  options: { unsupported?: readonly string[] } = {},
): VariantsField<readonly VariantOf<V>[]> {
  return { kind: 'variants', schemas, unsupported: options.unsupported ?? [], doc, required: false }
}

/** Says that settings cannot work together. The path leads from the checked body to the setting at fault. */
export type Report = (message: string, path?: readonly (string | number)[]) => void

export interface Settings<S extends object> {
  readonly fields: Fields
  /** Cross-field checks, on decoded settings. */
  check(settings: S, report: Report): void
}

export function defineSettings<F extends Fields>(
  fields: F,
  options: { check?: (settings: SettingsOfFields<F>, report: Report) => void } = {},
): Settings<SettingsOfFields<F>> {
  return { fields, check: options.check ?? (() => {}) }
}

/**
 * The `output` block of components in Alloy's language; where pipelines of the collector's YAML are compiled, it is filled
 * in. Decoded: `{ metrics, logs, traces }`, each a list of `OtelConsumer`.
 */
export const otelOutput = defineSettings({
  metrics: attr(list(otelConsumer), 'Where metrics go.', { default: [] }),
  logs: attr(list(otelConsumer), 'Where logs go.', { default: [] }),
  traces: attr(list(otelConsumer), 'Where traces go.', { default: [] }),
})

/** `default` as the value that a user's expression would have given. */
export function defaultAsValue(value: DefaultValue): Value {
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : value
  if (Array.isArray(value)) return value.map((v: DefaultValue) => defaultAsValue(v))
  if (value !== null && typeof value === 'object') {
    return new Map(Object.entries(value).map(([k, v]) => [k, defaultAsValue(v as DefaultValue)]))
  }
  return value as Value
}

// -------------------------------------------------------------------------------------------------------- decoding

/** One attribute as a front end found it. */
export interface AttributeInput {
  readonly name: string
  /** Evaluated; `undefined`: evaluation failed and was reported already. */
  readonly value: Value | undefined
}

export interface BlockInput {
  readonly name: string
  readonly body: BodyInput
}

/** A body of settings as a front end found it, names not yet checked, in the order written. */
export interface BodyInput {
  readonly attributes: readonly AttributeInput[]
  readonly blocks: readonly BlockInput[]
}

/** What is wrong with a body. `input` tells where: the front end knows the place. */
export interface Issue {
  readonly kind: 'unknown' | 'missing' | 'twice' | 'wrong-form' | 'value' | 'check'
  /** The attribute or block at fault, or the body that lacks something. */
  readonly input: AttributeInput | BlockInput | BodyInput
  /** Leads on from there into the value. */
  readonly path: readonly (string | number)[]
  readonly message: string
  /** For near misses: what would have been known here. */
  readonly candidates?: readonly string[]
}

/**
 * Decode a body. Reports every issue; the result is undefined when there was one, or when something is not known yet
 * (no issue then).
 */
export function decodeBody<S extends object>(
  schema: Settings<S>,
  body: BodyInput,
  report: (issue: Issue) => void,
): S | undefined {
  let complete = true
  const fail = (issue: Issue): void => {
    complete = false
    report(issue)
  }
  const seen = sortOut(schema, body, fail)
  const out: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(schema.fields)) {
    const given = seen.get(name)
    const decoded = decodeField(name, field, given, body, fail)
    if (decoded === notKnown) complete = false
    else out[name] = decoded
  }
  if (!complete) return undefined
  const settings = out as S
  schema.check(settings, (message, path = []) => fail(checkIssue(body, message, path)))
  return complete ? settings : undefined
}

const notKnown = Symbol('not known')

/** The attributes and blocks by name; whatever is unknown, doubled or of the wrong form is reported and left out. */
function sortOut(
  schema: Settings<object>,
  body: BodyInput,
  fail: (issue: Issue) => void,
): Map<string, (AttributeInput | BlockInput)[]> {
  const seen = new Map<string, (AttributeInput | BlockInput)[]>()
  const doubled = new Set<string>()
  const names = Object.keys(schema.fields)
  for (const input of [...body.attributes, ...body.blocks]) {
    const isAttribute = 'value' in input
    const variant = isAttribute ? undefined : variantOf(schema, input.name)
    const key = variant?.key ?? input.name
    const field = schema.fields[key]
    const what = isAttribute ? 'attribute' : 'block'
    if (variant !== undefined && variant.field.unsupported.includes(variant.name)) {
      fail({ kind: 'unknown', input, path: [], message: `block "${input.name}" is not supported yet` })
    } else if (!field || !Object.hasOwn(schema.fields, key) || (variant && !isVariant(variant))) {
      const candidates = names
        .filter((n) => (schema.fields[n]?.kind === 'attribute') === isAttribute)
        .flatMap((n) => namesOf(n, schema.fields[n] as Field<unknown>))
      fail({ kind: 'unknown', input, path: [], message: `unrecognized ${what} name "${input.name}"`, candidates })
    } else if ((field.kind === 'attribute') !== isAttribute) {
      const message = isAttribute
        ? `"${input.name}" must be a block, but is used as an attribute`
        : `"${input.name}" must be an attribute, but is used as a block`
      fail({ kind: 'wrong-form', input, path: [], message })
    } else {
      const given = seen.get(key)
      if (!given) seen.set(key, [input])
      else if (field.kind === 'blocks' || field.kind === 'variants') given.push(input)
      else {
        const may = isAttribute ? 'provided' : 'specified'
        const message = `${what} "${input.name}" may only be ${may} once`
        // Of attributes the first counts; of blocks none is the right one.
        const [first] = given
        if (!isAttribute && first !== undefined && !doubled.has(key)) {
          fail({ kind: 'twice', input: first, path: [], message })
        }
        doubled.add(key)
        fail({ kind: 'twice', input, path: [], message })
      }
    }
  }
  return seen
}

interface Variant {
  readonly key: string
  readonly field: VariantsField<unknown>
  /** The kind as written; '' where there is none. */
  readonly name: string
}

/** The field of variants that a block's name belongs to, whether there is such a kind or not. */
function variantOf(schema: Settings<object>, written: string): Variant | undefined {
  const dot = written.indexOf('.')
  const key = dot < 0 ? written : written.slice(0, dot)
  const field = Object.hasOwn(schema.fields, key) ? schema.fields[key] : undefined
  return field?.kind === 'variants' ? { key, field, name: dot < 0 ? '' : written.slice(dot + 1) } : undefined
}

function isVariant({ field, name }: Variant): boolean {
  return Object.hasOwn(field.schemas(), name)
}

/** What users can write for a field. */
function namesOf(name: string, field: Field<unknown>): string[] {
  return field.kind === 'variants' ? Object.keys(field.schemas()).map((kind) => `${name}.${kind}`) : [name]
}

function decodeField(
  name: string,
  field: Field<unknown>,
  given: readonly (AttributeInput | BlockInput)[] | undefined,
  body: BodyInput,
  fail: (issue: Issue) => void,
): unknown {
  if (!given) {
    if (field.required) {
      const what = field.kind === 'attribute' ? 'attribute' : 'block'
      fail({ kind: 'missing', input: body, path: [], message: `missing required ${what} "${name}"` })
      return notKnown
    }
    return absentValue(field)
  }
  switch (field.kind) {
    case 'attribute':
      return decodeAttribute(field, given[0] as AttributeInput, fail)
    case 'block':
      return decodeBody(field.schema, (given[0] as BlockInput).body, fail) ?? notKnown
    case 'blocks': {
      const all = given.map((input) => decodeBody(field.schema, (input as BlockInput).body, fail))
      return all.includes(undefined) ? notKnown : all
    }
    case 'variants': {
      const schemas = field.schemas()
      const all = given.map((input) => {
        const kind = input.name.slice(name.length + 1)
        const settings = decodeBody(schemas[kind] as Settings<object>, (input as BlockInput).body, fail)
        return settings && { name: kind, settings }
      })
      return all.includes(undefined) ? notKnown : all
    }
  }
}

function decodeAttribute(field: AttributeField<unknown>, input: AttributeInput, fail: (issue: Issue) => void): unknown {
  if (input.value === undefined) return notKnown
  try {
    return decodeValue(field.type, input.value)
  } catch (error) {
    if (error instanceof NotKnown) return notKnown
    if (!(error instanceof ValueError)) throw error
    fail({ kind: 'value', input, path: error.path, message: error.message })
    return notKnown
  }
}

function absentValue(field: Field<unknown>): unknown {
  switch (field.kind) {
    case 'attribute':
      return field.default === undefined ? undefined : decodeValue(field.type, defaultAsValue(field.default))
    case 'block':
      return field.whenAbsent === 'defaults' ? defaultSettings(field.schema) : undefined
    case 'blocks':
    case 'variants':
      return []
  }
}

/** The settings of an empty body. Throws where something is required: only for schemas that need nothing. */
export function defaultSettings<S extends object>(schema: Settings<S>): S {
  const settings = decodeBody(schema, { attributes: [], blocks: [] }, (issue) => {
    throw new Error(`Cannot make default settings: ${issue.message}`)
  })
  return settings as S
}

/** Where in the input a check's path leads. */
function checkIssue(body: BodyInput, message: string, path: readonly (string | number)[]): Issue {
  let here: BodyInput | BlockInput = body
  let rest = path
  for (;;) {
    const [name, index] = rest
    const inside: BodyInput = 'body' in here ? here.body : here
    const attribute = inside.attributes.find((a) => a.name === name)
    if (attribute) return { kind: 'check', input: attribute, path: rest.slice(1), message }
    const found = inside.blocks.filter((b) => b.name === name)
    const next = found[typeof index === 'number' ? index : 0]
    if (!next) return { kind: 'check', input: here, path: [], message }
    here = next
    rest = rest.slice(typeof index === 'number' ? 2 : 1)
  }
}
