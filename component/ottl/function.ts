// What an OTTL function is: a value with a name, typed parameters and a way to make a closure of its arguments.
//
// How to write one (the file's name is the function's; the group lists it):
//
//   export const replaceFirst = defineEditor({
//     name: 'replace_first',
//     parameters: {
//       target: getSetter,                   // names as users write them in `name = value`; the order is that of the call
//       pattern: stringGetter,
//       count: optional(intGetter),          // optional ones stand last
//     },
//     create({ target, pattern, count }) {
//       const regexp = compiledOnce(pattern)  // `literalOf` says what is known before the first record
//       return (context) => { target.set(context, …pattern(context)…); return null }
//     },
//   })
//
// `create` runs once for each call in a statement, when a configuration is read or checked. It throws `OttlError` for
// arguments that can never work (a regular expression that does not compile): that is a configuration error at the
// call's place. The closure runs for each record, so it should allocate little, and throws `OttlError` for what is wrong
// with one record. Nothing else is ever thrown on purpose.
//
// Values that a getter gives belong to the record. A map from a path (`span.attributes`) is a view: its `entries` array is
// the record's own, so an editor that takes `mapGetSetter` or `mapGetter` changes `entries` in place (`splice`, `length`,
// assignment to elements, `setAttribute`, `deleteAttribute`) and needs no `set`. What a converter gives may go into the
// record: never give a list or map that the record (or a literal) still holds; `cloneAnyValue` first. Setters of paths clone
// nothing but what they get from `set`, which clones.
import type { AnyValue, KeyValueList } from '#pdata/otlp'
import type { TransformContext } from './transform_context.ts'
import type { Duration, OttlValue, Time } from './value.ts'
import {
  exactBool,
  exactDuration,
  exactFloat,
  exactInt,
  exactMap,
  exactSlice,
  exactString,
  exactTime,
  likeBool,
  likeBytes,
  likeFloat,
  likeInt,
  likeString,
} from './value.ts'

/** Gives a value for the record that the context stands at. Throws `OttlError`. */
export type Getter<T = OttlValue> = (context: TransformContext) => T

/** Puts a value where a path leads. Throws `OttlError` where the path cannot hold it. */
export interface Setter {
  set(context: TransformContext, value: OttlValue): void
}

/** A path that can be read and written. */
export interface GetSetter<T = OttlValue> extends Setter {
  get(context: TransformContext): T
  /** As `get`, for who changes a map in place; only where `get` gives a copy of what the record holds. */
  readonly getOwn?: (context: TransformContext) => T
  /** Shorter ways to the commonest questions, where there are some: is it this text, is it nil? */
  readonly isText?: (text: string) => (context: TransformContext) => boolean
  readonly isNil?: (context: TransformContext) => boolean
  /** Of maps, where the record is not decoded: remove a key; has every text that is a value at most so many bytes? */
  readonly deleteKey?: (key: string) => (context: TransformContext) => void
  /** May say no where it is so. */
  readonly areTextsWithin?: (bytesMax: number) => (context: TransformContext) => boolean
}

/** A converter that was given by its name alone (`SHA256`). */
export interface FunctionArgument {
  readonly name: string
  /**
   * Its closure with `input` for its first parameter, and nothing for the others. Throws `OttlError` where it takes more.
   * For `create`, not for each record: let `input` read a variable that the caller sets.
   */
  bind(input: Getter): Getter
}

/**
 * A lambda as a function calls it, with as many values as its type says. Values of parameters are the record's own, as those
 * of getters are. Throws `OttlError`.
 */
export type LambdaFunction<T = OttlValue> = (
  context: TransformContext,
  first?: OttlValue,
  second?: OttlValue,
  third?: OttlValue,
) => T

// -------------------------------------------------------------------------------------------------- parameter types

/** A parameter's type. `T` is what `create` is given. */
export type ParameterType<T = unknown> =
  | GetterType<T>
  | LiteralType<T>
  | LambdaType<T>
  | {
      readonly kind: 'setter' | 'get_setter' | 'map_get_setter' | 'function' | 'enum'
      readonly name: string
      readonly given?: T
    }
  | { readonly kind: 'list'; readonly name: string; readonly element: ParameterType; readonly given?: T }
  | { readonly kind: 'optional'; readonly name: string; readonly of: ParameterType; readonly given?: T }

/** Any value expression; `convert` turns what it gives into what the function wants, or throws `OttlError`. */
export interface GetterType<T = unknown> {
  readonly kind: 'getter'
  readonly name: string
  readonly convert: ((value: OttlValue) => unknown) | null
  /** Never set: carries the type. */
  readonly given?: T
}

/** A lambda expression with that many parameters (LambdaExpression). */
export interface LambdaType<T = unknown> {
  readonly kind: 'lambda'
  readonly name: string
  /** What its parameters are, in their order: up to three. */
  readonly takes: readonly string[]
  readonly gives: 'any' | 'bool' | 'string'
  readonly given?: T
}

/** A literal in the statement's text; anything else is a configuration error. */
export interface LiteralType<T = unknown> {
  readonly kind: 'literal'
  readonly name: string
  /** Which literals it takes. */
  readonly literal: 'string' | 'int' | 'float' | 'bool' | 'bytes'
  readonly given?: T
}

function getterType<T>(name: string, convert: ((value: OttlValue) => T) | null): GetterType<Getter<T>> {
  return { kind: 'getter', name, convert }
}

/** Anything, as it is (upstream: Getter). Never throws by itself. */
export const getter: GetterType<Getter> = getterType<OttlValue>('Getter', null)
/** A string; all else, nil too, throws "expected string but got int64" (StringGetter). */
export const stringGetter: GetterType<Getter<string>> = getterType('StringGetter', exactString)
/** An int64; else throws (IntGetter). */
export const intGetter: GetterType<Getter<bigint>> = getterType('IntGetter', exactInt)
/** A float64, and no int64; else throws (FloatGetter). */
export const floatGetter: GetterType<Getter<number>> = getterType('FloatGetter', exactFloat)
/** A bool; else throws (BoolGetter). */
export const boolGetter: GetterType<Getter<boolean>> = getterType('BoolGetter', exactBool)
/** A map, which may be the record's own: see the file's head; else throws (PMapGetter). */
export const mapGetter: GetterType<Getter<KeyValueList>> = getterType('PMapGetter', exactMap)
/** A list, which may be the record's own; else throws (PSliceGetter). */
export const sliceGetter: GetterType<Getter<AnyValue[]>> = getterType('PSliceGetter', exactSlice)
/** A time; else throws "expected time but got …" (TimeGetter). */
export const timeGetter: GetterType<Getter<Time>> = getterType('TimeGetter', exactTime)
/** A duration; else throws "expected duration but got …" (DurationGetter). */
export const durationGetter: GetterType<Getter<Duration>> = getterType('DurationGetter', exactDuration)
/** The text of anything, nil for nil: see `likeString` (StringLikeGetter). */
export const stringLikeGetter: GetterType<Getter<string | null>> = getterType('StringLikeGetter', likeString)
/** See `likeInt`: nil for nil and for texts that are no int; throws for maps, lists, bytes (IntLikeGetter). */
export const intLikeGetter: GetterType<Getter<bigint | null>> = getterType('IntLikeGetter', likeInt)
/** See `likeFloat`: nil for nil; throws for texts that are no float, maps, lists, bytes (FloatLikeGetter). */
export const floatLikeGetter: GetterType<Getter<number | null>> = getterType('FloatLikeGetter', likeFloat)
/** See `likeBool`: nil for nil; throws for texts that are no bool, maps, lists, bytes (BoolLikeGetter). */
export const boolLikeGetter: GetterType<Getter<boolean | null>> = getterType('BoolLikeGetter', likeBool)
/** See `likeBytes`: nil for nil; throws for maps, lists, times (ByteSliceLikeGetter). */
export const bytesLikeGetter: GetterType<Getter<Uint8Array | null>> = getterType('ByteSliceLikeGetter', likeBytes)

/** A path to write to (Setter). */
export const setter: ParameterType<Setter> = { kind: 'setter', name: 'Setter' }
/** A path to read and write (GetSetter). */
export const getSetter: ParameterType<GetSetter> = { kind: 'get_setter', name: 'GetSetter' }
/** A path to a map to read and write; `get` throws "expected pcommon.Map but got …" for others (PMapGetSetter). */
export const mapGetSetter: ParameterType<GetSetter<KeyValueList>> = { kind: 'map_get_setter', name: 'PMapGetSetter' }
/** The bare name of a converter (FunctionGetter). */
export const functionArgument: ParameterType<FunctionArgument> = { kind: 'function', name: 'FunctionGetter' }
/** An enum's symbol (`SPAN_KIND_SERVER`), and nothing else; decoded: its number (Enum). */
export const enumArgument: ParameterType<bigint> = { kind: 'enum', name: 'Enum' }

/** A string literal. */
export const stringLiteral: LiteralType<string> = { kind: 'literal', name: 'string', literal: 'string' }
/** An int literal. */
export const intLiteral: LiteralType<bigint> = { kind: 'literal', name: 'int64', literal: 'int' }
/** A float literal. */
export const floatLiteral: LiteralType<number> = { kind: 'literal', name: 'float64', literal: 'float' }
/** `true` or `false`. */
export const boolLiteral: LiteralType<boolean> = { kind: 'literal', name: 'bool', literal: 'bool' }
/** A byte literal `0x0a`. */
export const bytesLiteral: LiteralType<Uint8Array> = { kind: 'literal', name: '[]byte', literal: 'bytes' }

/** `lambda('any', 'key', 'value')`: what it gives, then what its parameters are. */
export function lambda(gives: 'any', ...takes: readonly string[]): LambdaType<LambdaFunction>
export function lambda(gives: 'bool', ...takes: readonly string[]): LambdaType<LambdaFunction<boolean>>
export function lambda(gives: 'string', ...takes: readonly string[]): LambdaType<LambdaFunction<string>>
export function lambda(gives: LambdaType['gives'], ...takes: readonly string[]): LambdaType<never> {
  return { kind: 'lambda', name: 'LambdaExpression', takes, gives }
}

/** A list literal whose elements are each of the type: `list(stringLikeGetter)` for `[name, 1, "x"]` ([]StringLikeGetter). */
export function list<T>(element: ParameterType<T>): ParameterType<readonly T[]> {
  return { kind: 'list', name: `[]${element.name}`, element }
}

/** May be left out; `create` is given undefined then. `nil` written out is a value, not absence. */
export function optional<T>(of: ParameterType<T>): ParameterType<T | undefined> {
  return { kind: 'optional', name: `Optional[${of.name}]`, of }
}

// -------------------------------------------------------------------------------------------------------- functions

/** In the order of the call, by the name that named arguments use. */
export type Parameters = Readonly<Record<string, ParameterType>>
export type ArgumentsOf<P extends Parameters> = {
  readonly [K in keyof P]: P[K] extends { readonly given?: infer T } ? T : never
}

export interface FunctionDefinition {
  /** Editors begin with a small letter (`set`), converters with a capital one (`Concat`). */
  readonly name: string
  readonly kind: 'editor' | 'converter'
  readonly parameters: Parameters
  /** Does its closure look at the context itself, not only through its arguments? Then records must be decoded for it. */
  readonly readsContext: boolean
  /** What must be loaded before `create`: done once, only when a statement names the function. */
  readonly load: (() => Promise<unknown>) | null
  /** `argumentsGiven` as the parameters say; `loaded` is what `load` gave. Throws `OttlError`. */
  create(argumentsGiven: Readonly<Record<string, unknown>>, loaded: unknown): Getter
}

interface Definition<P extends Parameters, L> {
  readonly name: string
  readonly parameters: P
  /** See `FunctionDefinition`; by default those without parameters do (`IsRootSpan()`): say false for `Now()`. */
  readonly readsContext?: boolean
  /** A heavy library: `() => import('…')`. While a configuration is only checked, `create` is not called then. */
  readonly load?: () => Promise<L>
  create(argumentsGiven: ArgumentsOf<P>, loaded: L): Getter
}

function definition<P extends Parameters, L>(
  kind: FunctionDefinition['kind'],
  { name, parameters, readsContext, load, create }: Definition<P, L>,
): FunctionDefinition {
  return {
    name,
    kind,
    parameters,
    readsContext: readsContext ?? Object.keys(parameters).length === 0,
    load: load ?? null,
    create: (given, loaded) => create(given as ArgumentsOf<P>, loaded as L),
  }
}

/** An editor: changes the record; its closure gives null. */
export function defineEditor<P extends Parameters, L = undefined>(given: Definition<P, L>): FunctionDefinition {
  return definition('editor', given)
}

/** A converter: gives a value and changes nothing. */
export function defineConverter<P extends Parameters, L = undefined>(given: Definition<P, L>): FunctionDefinition {
  return definition('converter', given)
}

/** The functions that statements may call, by name. */
export type FunctionTable = ReadonlyMap<string, FunctionDefinition>

export function functionTable(...groups: readonly (readonly FunctionDefinition[])[]): FunctionTable {
  return new Map(groups.flat().map((each) => [each.name, each]))
}

// --------------------------------------------------------------------------------------------------------- literals

const literals = new WeakMap<Getter<unknown>, { readonly value: unknown }>()

/** A getter that gives the same value for every record. Lists and maps in it must not be changed: setters clone them. */
export function literalGetter<T>(value: T): Getter<T> {
  const get: Getter<T> = () => value
  literals.set(get, { value })
  return get
}

/**
 * What `get` gives for every record, or undefined where that depends on the record. For `create`: compile a pattern once,
 * check a format. What `literalOf` finds has passed the parameter's type.
 */
export function literalOf<T>(get: Getter<T>): { readonly value: T } | undefined {
  return literals.get(get) as { readonly value: T } | undefined
}
