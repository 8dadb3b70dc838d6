// The standard library: the functions and constants that Alloy expressions can name.
import {
  entriesOf,
  FunctionValue,
  isObjectValue,
  kindOf,
  OptionalSecret,
  Secret,
  Stability,
  Target,
  Unknown,
  type Value,
  ValueError,
  valuesEqual,
} from '#component'
import { floatText } from '#lib/go_float_text'
import { sprintf } from './format.ts'
import { selectJson } from './json_path.ts'
import { jsonFromValue, valueFromJson } from './json_text.ts'
import {
  checkedLength,
  fromBase64,
  join,
  joinPath,
  replaceAll,
  split,
  toBase64,
  toLower,
  toUpper,
  trim,
  trimSpace,
  urlDecode,
  urlEncode,
} from './text_functions.ts'
import { couldBe, elementType, isKnown } from './unknowns.ts'
import { valueFromYaml } from './yaml_values.ts'

/** Elements that a function may put into one list: joins of lists multiply. */
export const listLengthMax = 4_000_000

export interface LibraryOptions {
  readonly hostname: string
  /** With or without its `v`. */
  readonly version: string
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Functions less stable than this are refused. */
  readonly stability: Stability
}

/** What each name at the top stands for: a function, or an object of them. */
export type StandardLibrary = ReadonlyMap<string, Value>

/**
 * Functions whose arguments are not known yet give `Unknown` of the type of their result, after their arguments were
 * checked as far as that is possible. Functions throw `ValueError`; its path begins with the index of the argument at
 * fault and is empty where the function itself is (a wrong count, an undecodable text).
 */
export function standardLibrary(options: LibraryOptions): StandardLibrary {
  const strings = new Map(stringFunctions.map((f) => [f.name.slice('string.'.length), f] as const))
  const concat = define('array.concat', [], 'any', concatenated, { raw: true })
  const nonsensitive = define('convert.nonsensitive', ['secret'], 'string', ([value]) => value as string)
  const env = define('sys.env', ['string'], 'string', ([name]) => {
    const { environment } = options
    return Object.hasOwn(environment, name as string) ? (environment[name as string] ?? '') : ''
  })
  const object = (...functions: FunctionValue[]): Value => {
    return new Map(functions.map((f) => [f.name.slice(f.name.indexOf('.') + 1), f] as const))
  }
  const experimental = (f: FunctionValue): FunctionValue => gated(f, options.stability)
  return new Map<string, Value>([
    ['constants', constants(options)],
    ['coalesce', define('coalesce', [], 'any', coalesced, { raw: true })],
    ['json_path', define('json_path', ['string', 'string'], 'list(any)', jsonPath)],
    ['sys', object(env)],
    ['convert', object(nonsensitive)],
    ['array', object(concat, experimental(combineMaps), experimental(groupBy))],
    ['encoding', object(...encodingFunctions)],
    ['string', strings],
    ['file', object(define('file.path_join', ['string...'], 'string', (parts) => joinPath(parts as string[])))],
    ['env', env],
    ['nonsensitive', nonsensitive],
    ['concat', concat],
    ...deprecatedAliases.flatMap(([alias, name]) => {
      const f = [...stringFunctions, ...encodingFunctions].find((each) => each.name === name)
      return f ? [[alias, f] as const] : []
    }),
  ])
}

const deprecatedAliases: readonly (readonly [string, string])[] = [
  ['env', 'sys.env'],
  ['nonsensitive', 'convert.nonsensitive'],
  ['concat', 'array.concat'],
  ['json_decode', 'encoding.from_json'],
  ['yaml_decode', 'encoding.from_yaml'],
  ['base64_decode', 'encoding.from_base64'],
  ...[
    'format',
    'join',
    'replace',
    'split',
    'to_lower',
    'to_upper',
    'trim',
    'trim_prefix',
    'trim_suffix',
    'trim_space',
  ].map((name) => [name, `string.${name}`] as const),
]

const standardNames: ReadonlySet<string> = new Set(
  ['constants', 'coalesce', 'json_path', 'sys', 'convert', 'array', 'encoding', 'string', 'file'].concat(
    deprecatedAliases.map(([alias]) => alias),
  ),
)

/** Is this a name at the top of the standard library? */
export function isStandardName(name: string): boolean {
  return standardNames.has(name)
}

/** The name that the function has now; undefined: it is not an old one. */
export function nameForDeprecated(name: string): string | undefined {
  return deprecatedAliases.find(([alias]) => alias === name)?.[1]
}

function constants(options: LibraryOptions): Value {
  const os = process.platform === 'win32' ? 'windows' : process.platform
  const arches: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', ppc64: 'ppc64le' }
  const version = options.version.trim().replace(/^v(?=\d)/, '')
  return new Map<string, Value>([
    ['hostname', options.hostname],
    ['os', os],
    ['arch', arches[process.arch] ?? process.arch],
    ['version', version === '' ? 'v0.0.0' : /^\d/.test(version) ? `v${version}` : version],
  ])
}

// ------------------------------------------------------------------------------------------------------ definition

/** What an argument is turned into; `...`: the last, any number of times. */
type Parameter = 'string' | 'string...' | 'strings' | 'secret' | 'any' | 'any...'

/** Define a function. `raw`: it takes its arguments as they are, unknown ones included, and counts them itself. */
function define(
  name: string,
  parameters: readonly Parameter[],
  result: string,
  run: (args: readonly unknown[]) => unknown,
  options: { readonly raw?: boolean } = {},
): FunctionValue {
  if (options.raw) return new FunctionValue(name, (args) => run(args) as Value)
  const last = parameters.at(-1)
  const variadic = last?.endsWith('...') === true
  const least = parameters.length - (variadic ? 1 : 0)
  return new FunctionValue(name, (args) => {
    if (variadic ? args.length < least : args.length !== least) {
      throw new ValueError(`expected ${variadic ? 'at least ' : ''}${least} args, got ${args.length}`)
    }
    let known = true
    const decoded = args.map((arg, i) => {
      const parameter = (i < least ? parameters[i] : last) as Parameter
      if (!isKnown(arg)) known = false
      return decodeArgument(parameter, arg, i)
    })
    return known ? (run(decoded) as Value) : new Unknown(result)
  })
}

function decodeArgument(parameter: Parameter, value: Value, index: number): unknown {
  switch (parameter) {
    case 'any':
    case 'any...':
      return value
    case 'string':
    case 'string...':
      return stringFrom(value, [index])
    case 'strings':
      return stringsFrom(value, index)
    case 'secret':
      if (value instanceof Secret || value instanceof OptionalSecret) return value.reveal()
      if (typeof value === 'string') return value
      if (value === null) return ''
      if (value instanceof Unknown && couldBe(value, 'secret')) return ''
      throw mismatch('secret', value, [index])
  }
}

function mismatch(expected: string, value: Value, path: readonly (string | number)[]): ValueError {
  return new ValueError(`should be ${expected}, got ${kindOf(value)}`, path)
}

/** As the language turns values into strings: numbers by their digits, secrets never. Unknown values are empty for now. */
function stringFrom(value: Value, path: readonly (string | number)[]): string {
  if (typeof value === 'string') return value
  if (value === null) return ''
  if (typeof value === 'bigint' || typeof value === 'number')
    return typeof value === 'bigint' ? String(value) : floatText(value, 'f', -1)
  if (value instanceof Uint8Array) return Buffer.from(value).toString()
  if (value instanceof OptionalSecret && !value.isSecret) return value.reveal()
  if (value instanceof Secret || value instanceof OptionalSecret) {
    throw new ValueError('secrets may not be converted into strings', path)
  }
  if (value instanceof Unknown && couldBe(value, 'string')) return ''
  throw mismatch('string', value, path)
}

function stringsFrom(value: Value, index: number): string[] {
  if (value === null) return []
  if (value instanceof Unknown && couldBe(value, 'array')) return []
  if (value instanceof Uint8Array) return Array.from(value, String)
  if (!Array.isArray(value)) throw mismatch('array', value, [index])
  return value.map((item: Value, i) => stringFrom(item, [index, i]))
}

/** A function that needs the process to allow experimental features. */
function gated(f: FunctionValue, stability: Stability): FunctionValue {
  if (stability === Stability.experimental) return f
  return new FunctionValue(f.name, () => {
    throw new ValueError(
      `is at stability level "experimental", which is below the minimum allowed stability level "${stability}": ` +
        'use --stability.level command-line flag to enable "experimental" features',
    )
  })
}

// --------------------------------------------------------------------------------------------- strings, encodings

const stringFunctions: readonly FunctionValue[] = [
  define('string.format', ['string', 'any...'], 'string', ([template, ...args]) => {
    const values = args as Value[]
    const text = sprintf(template as string, values)
    // Alloy writes secrets into plain text here; what has one in it stays a secret.
    return values.some(holdsSecret) ? new Secret(text) : text
  }),
  define('string.join', ['strings', 'string'], 'string', ([parts, separator]) =>
    join(parts as string[], separator as string),
  ),
  define('string.replace', ['string', 'string', 'string'], 'string', ([text, from, to]) =>
    replaceAll(text as string, from as string, to as string),
  ),
  define('string.split', ['string', 'string'], 'list(string)', ([text, separator]) =>
    split(text as string, separator as string),
  ),
  define('string.to_lower', ['string'], 'string', ([text]) => toLower(text as string)),
  define('string.to_upper', ['string'], 'string', ([text]) => toUpper(text as string)),
  define('string.trim', ['string', 'string'], 'string', ([text, cutset]) => trim(text as string, cutset as string)),
  define('string.trim_prefix', ['string', 'string'], 'string', ([text, prefix]) =>
    (text as string).startsWith(prefix as string) ? (text as string).slice((prefix as string).length) : text,
  ),
  define('string.trim_suffix', ['string', 'string'], 'string', ([text, suffix]) =>
    (text as string).endsWith(suffix as string)
      ? (text as string).slice(0, (text as string).length - (suffix as string).length)
      : text,
  ),
  define('string.trim_space', ['string'], 'string', ([text]) => trimSpace(text as string)),
]

const encodingFunctions: readonly FunctionValue[] = [
  define('encoding.from_json', ['string'], 'any', ([text]) => valueFromJson(text as string, 'floats')),
  define('encoding.from_yaml', ['string'], 'any', ([text]) => valueFromYaml(text as string)),
  define('encoding.from_base64', ['string'], 'bytes', ([text]) => fromBase64(text as string, 'base64')),
  define('encoding.from_URLbase64', ['string'], 'bytes', ([text]) => fromBase64(text as string, 'base64url')),
  define('encoding.to_json', ['any'], 'string', ([value]) => {
    if (!isObjectValue(value as Value)) {
      const got = value instanceof Target ? 'target' : kindOf(value as Value)
      throw new ValueError(`only takes an object, got ${got}`)
    }
    const text = jsonFromValue(value as Value)
    checkedLength(text.length)
    return holdsSecret(value as Value) ? new Secret(text) : text
  }),
  define('encoding.to_base64', ['string'], 'string', ([text]) => toBase64(text as string, 'base64')),
  define('encoding.to_URLbase64', ['string'], 'string', ([text]) => toBase64(text as string, 'base64url')),
  define('encoding.url_encode', ['string'], 'string', ([text]) => urlEncode(text as string)),
  define('encoding.url_decode', ['string'], 'string', ([text]) => urlDecode(text as string)),
]

function holdsSecret(value: Value): boolean {
  if (value instanceof Secret) return true
  if (value instanceof OptionalSecret) return value.isSecret
  if (Array.isArray(value)) return value.some((item: Value) => holdsSecret(item))
  if (value instanceof Map) return [...value.values()].some((item: Value) => holdsSecret(item))
  return false
}

function jsonPath(args: readonly unknown[]): Value {
  const [text, path] = args as [string, string]
  // An empty text is no error here.
  return selectJson(/^\s*$/.test(text) ? null : valueFromJson(text, 'integers'), path)
}

// -------------------------------------------------------------------------------------------------- lists, objects

function listFrom(value: Value, path: readonly (string | number)[]): readonly Value[] {
  if (Array.isArray(value)) return value
  if (value instanceof Uint8Array) return Array.from(value, BigInt)
  throw mismatch('array', value, path)
}

function concatenated(args: readonly unknown[]): Value {
  const lists = args as readonly Value[]
  for (const [i, list] of lists.entries()) {
    const isList =
      Array.isArray(list) || list instanceof Uint8Array || (list instanceof Unknown && couldBe(list, 'array'))
    if (!isList) throw mismatch('array', list, [i])
  }
  const [only] = lists
  if (only !== undefined && lists.length === 1) return only
  const unknown = lists.filter((list) => list instanceof Unknown)
  if (unknown.length > 0) {
    // One type for all that is not known, where what is known could be of it too.
    const types = new Set(unknown.map((list) => list.type))
    const type = types.size === 1 ? (unknown[0]?.type ?? 'any') : 'any'
    return new Unknown(lists.every((list) => list instanceof Unknown || (list as Value[]).length === 0) ? type : 'any')
  }
  const length = lists.reduce<number>((sum, list) => sum + (list as readonly Value[]).length, 0)
  checkedCount(length)
  return lists.flatMap((list) => listFrom(list, []))
}

function checkedCount(length: number): void {
  if (length > listLengthMax) throw new ValueError(`makes a list of more than ${listLengthMax} elements`)
}

/** The objects of a list; undefined where not all is known. */
function objectsFrom(value: Value, index: number): readonly ReadonlyMap<string, Value>[] | undefined {
  if (value instanceof Unknown && couldBe(value, 'array')) {
    const element = new Unknown(elementType(value.type))
    if (!couldBe(element, 'object')) throw mismatch('object', element, [index])
    return undefined
  }
  let complete = true
  const objects = listFrom(value, [index]).map((item, i) => {
    if (item instanceof Unknown && couldBe(item, 'object')) {
      complete = false
      return new Map<string, Value>()
    }
    const entries = entriesOf(item)
    if (!entries) throw mismatch('object', item, [index, i])
    return entries
  })
  return complete ? objects : undefined
}

const combineMaps = define('array.combine_maps', [], 'any', combinedMaps, { raw: true })

function combinedMaps(args: readonly unknown[]): Value {
  const values = args as readonly Value[]
  if (values.length !== 3 && values.length !== 4) {
    throw new ValueError(`expected 3 or 4 arguments, got ${values.length}`)
  }
  const [leftValue = null, rightValue = null, keysValue = null, passValue = false] = values
  const left = objectsFrom(leftValue, 0)
  const right = objectsFrom(rightValue, 1)
  const keysUnknown = keysValue instanceof Unknown && couldBe(keysValue, 'array')
  const keys = keysUnknown ? undefined : listFrom(keysValue, [2]).map((key, i) => stringFrom(key, [2, i]))
  if (keys?.length === 0) throw new ValueError('should be a list of keys that is not empty', [2])
  const passUnknown = passValue instanceof Unknown && couldBe(passValue, 'bool')
  if (!passUnknown && typeof passValue !== 'boolean') throw mismatch('bool', passValue, [3])
  if (!left || !right || !keys || passUnknown || !values.every(isKnown)) return new Unknown('list(map(any))')
  const out: Value[] = []
  for (const [i, a] of left.entries()) {
    for (const b of right) {
      const joined = keys.every(
        (key) => a.has(key) && b.has(key) && valuesEqual(a.get(key) as Value, b.get(key) as Value),
      )
      if (joined) out.push(new Map([...a, ...b]))
      // Once for each that it does not match, as in Alloy.
      else if (passValue === true) out.push((leftValue as readonly Value[])[i] as Value)
      checkedCount(out.length)
    }
  }
  return out
}

const groupBy = define('array.group_by', [], 'any', groupedBy, { raw: true })

function groupedBy(args: readonly unknown[]): Value {
  const values = args as readonly Value[]
  if (values.length !== 3) throw new ValueError(`expected 3 arguments, got ${values.length}`)
  const [itemsValue = null, key = null, drop = null] = values
  const items = objectsFrom(itemsValue, 0)
  const keyUnknown = key instanceof Unknown && couldBe(key, 'string')
  if (!keyUnknown && typeof key !== 'string') throw mismatch('string', key, [1])
  const dropUnknown = drop instanceof Unknown && couldBe(drop, 'bool')
  if (!dropUnknown && typeof drop !== 'boolean') throw mismatch('bool', drop, [2])
  if (!items || keyUnknown || dropUnknown || !values.every(isKnown)) return new Unknown('list(map(any))')
  const groups = new Map<string, Value[]>()
  for (const [i, item] of items.entries()) {
    const value = item.get(key as string)
    if (value === undefined && drop === true) continue
    if (value !== undefined && typeof value !== 'string') throw mismatch('string', value, [0, i, key as string])
    const group = groups.get(value ?? '')
    if (group) group.push(item)
    else groups.set(value ?? '', [item])
  }
  return [...groups].map(([value, group]): Value => {
    return new Map<string, Value>([
      [key as string, value],
      ['items', group],
    ])
  })
}

function coalesced(args: readonly unknown[]): Value {
  const values = args as readonly Value[]
  for (const value of values) {
    if (value instanceof Unknown) return new Unknown(values.length === 1 ? value.type : 'any')
    if (!isEmpty(value)) return value
  }
  return values.at(-1) ?? null
}

function isEmpty(value: Value): boolean {
  if (value === null || value === false || value === '' || value === 0n || value === 0) return true
  if (Array.isArray(value) || value instanceof Uint8Array) return value.length === 0
  if (value instanceof Map) return value.size === 0
  if (value instanceof Target) return value.labels.size === 0
  if (value instanceof Secret) return value.reveal() === ''
  return value instanceof OptionalSecret && !value.isSecret && value.reveal() === ''
}
