// Matches a call's arguments with a function's parameters.
import type { Argument, Call, Condition, Expression } from '#component/ottl_syntax'
import { camelCase } from '#lib/letter_case'
import type { KeyValueList } from '#pdata/otlp'
import type { Compiler } from './compile.ts'
import type {
  FunctionArgument,
  FunctionDefinition,
  Getter,
  GetSetter,
  GetterType,
  LambdaFunction,
  LambdaType,
  LiteralType,
  ParameterType,
} from './function.ts'
import { literalGetter, literalOf } from './function.ts'
import { OttlProblem, unknownText } from './problem.ts'
import type { OttlValue } from './value.ts'
import { exactMap, OttlError, typeName } from './value.ts'

/** What `create` is given, by parameter. Throws `OttlProblem`. */
export function bindArguments(
  compiler: Compiler,
  definition: FunctionDefinition,
  call: Call,
): Readonly<Record<string, unknown>> {
  const given = matched(definition, call)
  const bound: Record<string, unknown> = {}
  for (const [name, type] of Object.entries(definition.parameters)) {
    const argument = given.get(name)
    bound[name] = argument === undefined ? undefined : bindArgument(compiler, type, argument.value, argument.value.at)
  }
  return bound
}

/** `Concat(vals, delimiter)`; optional ones in brackets. */
function signature({ name, parameters }: FunctionDefinition): string {
  const shown = Object.entries(parameters).map(([each, type]) => (type.kind === 'optional' ? `[${each}]` : each))
  return `${name}(${shown.join(', ')})`
}

function matched(definition: FunctionDefinition, call: Call): Map<string, Argument> {
  const names = Object.keys(definition.parameters)
  const given = new Map<string, Argument>()
  let isNamed = false
  for (const [i, argument] of call.arguments.entries()) {
    if (argument.name === '' && isNamed) throw new OttlProblem('unnamed argument behind a named one', argument.at)
    isNamed ||= argument.name !== ''
    const name = argument.name === '' ? names[i] : parameterNamed(names, argument.name)
    if (name === undefined) {
      throw new OttlProblem(`too many arguments: it is ${signature(definition)}`, argument.at)
    }
    if (!Object.hasOwn(definition.parameters, name)) {
      throw new OttlProblem(`${unknownText('parameter', name, names)}: it is ${signature(definition)}`, argument.at)
    }
    if (given.has(name)) throw new OttlProblem(`the argument "${name}" is given twice`, argument.at)
    given.set(name, argument)
  }
  for (const [name, type] of Object.entries(definition.parameters)) {
    if (type.kind === 'optional' || given.has(name)) continue
    throw new OttlProblem(`the argument "${name}" is missing: it is ${signature(definition)}`, call.at)
  }
  return given
}

/** Names are told apart as upstream does it: `pair_delimiter` and `pairDelimiter` are one. What is none stays as it is. */
function parameterNamed(names: readonly string[], written: string): string {
  if (names.includes(written)) return written
  const wanted = camelCase(written)
  return names.find((name) => camelCase(name) === wanted) ?? written
}

function bindArgument(compiler: Compiler, type: ParameterType, value: Expression, at: number): unknown {
  switch (type.kind) {
    case 'optional':
      return bindArgument(compiler, type.of, value, at)
    case 'getter':
      return converted(compiler.value(value), type, at)
    case 'literal':
      return literal(compiler, type, value, at)
    case 'setter':
    case 'get_setter':
    case 'map_get_setter': {
      if (value.kind !== 'path') throw new OttlProblem('this must be a path', at)
      const path = compiler.path(value, true)
      return type.kind === 'map_get_setter' ? mapOnly(path) : path
    }
    case 'enum':
      if (value.kind !== 'word') throw new OttlProblem("this must be an enum's symbol", at)
      return compiler.enumValue(value.name, at)
    case 'function':
      return functionOf(compiler, value, at)
    case 'lambda':
      return lambdaOf(compiler, type, value, at)
    case 'list':
      if (value.kind !== 'list') throw new OttlProblem('this must be a list in brackets', at)
      return value.items.map((item) => bindArgument(compiler, type.element, item, item.at))
  }
}

function converted(get: Getter, { convert }: GetterType, at: number): Getter<unknown> {
  if (convert === null) return get
  const known = literalOf(get)
  if (known === undefined) return (context) => convert(get(context))
  try {
    return literalGetter(convert(known.value))
  } catch (error) {
    if (error instanceof OttlError) throw new OttlProblem(error.message, at)
    throw error
  }
}

const literalTypes = { string: 'string', int: 'int64', float: 'float64', bool: 'bool', bytes: '[]uint8' } as const

function literal(compiler: Compiler, type: LiteralType, value: Expression, at: number): OttlValue {
  const known = value.kind === 'literal' ? literalOf(compiler.value(value)) : undefined
  if (known === undefined) throw new OttlProblem(`this must be a ${type.literal} literal`, at)
  if (typeName(known.value) === literalTypes[type.literal]) return known.value
  throw new OttlProblem(`this must be a ${type.literal} literal, got ${typeName(known.value)}`, at)
}

/** Who takes a map changes it in place. */
function mapOnly({ getOwn, isText: _isText, isNil: _isNil, ...path }: GetSetter): GetSetter<KeyValueList> {
  const get = getOwn ?? path.get
  return { ...path, get: (context) => exactMap(get(context)) }
}

function functionOf(compiler: Compiler, value: Expression, at: number): FunctionArgument {
  if (value.kind !== 'word') throw new OttlProblem("this must be a converter's name", at)
  const definition = compiler.function(value.name, 'converter', at)
  const [first, ...others] = Object.entries(definition.parameters)
  if (first === undefined || first[1].kind !== 'getter' || others.some(([, type]) => type.kind !== 'optional')) {
    throw new OttlProblem(`${signature(definition)} does not take exactly one value`, at)
  }
  const [name, type] = first as [string, GetterType]
  return {
    name: definition.name,
    bind(input) {
      const { convert } = type
      const argument = convert === null ? input : (context: Parameters<Getter>[0]) => convert(input(context))
      return compiler.create(definition, { [name]: argument }, at)
    },
  }
}

// --------------------------------------------------------------------------------------------------------- lambdas

function lambdaOf(compiler: Compiler, { takes, gives }: LambdaType, value: Expression, at: number): LambdaFunction {
  const example = `(${takes.map((each) => each.slice(0, 1)).join(', ')}) => …`
  if (value.kind !== 'lambda') throw new OttlProblem(`this must be a lambda, as in "${example}"`, at)
  const { parameters, body } = value
  if (parameters.length !== takes.length) {
    const wanted = takes.length === 0 ? 'no parameters' : `${takes.length} parameters (${takes.join(', ')})`
    throw new OttlProblem(`the lambda must have ${wanted}, as in "${example}", it has ${parameters.length}`, at)
  }
  const run = compiler.lambda(value)
  if (gives === 'any') return run
  const kind = knownKind(compiler, body)
  if (kind === gives) return run
  if (kind !== undefined) throw new OttlProblem(`the lambda must give a ${gives}, got ${kind}`, body.at)
  return (context, first, second, third) => {
    const given = run(context, first, second, third)
    if (typeof given === (gives === 'bool' ? 'boolean' : 'string')) return given
    const error = new OttlError(`the lambda must give a ${gives}, got ${typeName(given)}`)
    error.at = body.at
    throw error
  }
}

/** The type of what a lambda's body gives, where that is known before there is a record. */
function knownKind(compiler: Compiler, body: Expression | Condition): string | undefined {
  switch (body.kind) {
    case 'literal':
      return typeName(body.value)
    case 'word':
      return typeName(compiler.enumValue(body.name, body.at))
    case 'list':
      return 'pcommon.Slice'
    case 'map':
      return 'pcommon.Map'
    case 'math':
    case 'negation':
      return 'a number or time'
    case 'path':
    case 'call':
    case 'lambda':
      return undefined
    default:
      return 'bool'
  }
}
