// Evaluates the body of a block and decodes it by its schema; what is wrong comes back with its place in the source.
import type { AttributeInput, BlockInput, BodyInput, Issue, Settings, Value } from '#component'
import { decodeBody, Unknown } from '#component'
import { nearMiss } from '#lib/near_miss'
import type { Diagnostic } from '../diagnostics.ts'
import type { Attribute, Block, Body, Expression, Range } from './ast.ts'
import { evaluate, EvaluationError, type Scope } from './evaluator.ts'

export interface EvaluatedBody {
  readonly input: BodyInput
  /** The whole as one value, for comparing two evaluations. */
  readonly value: Value
  /** Where each input stands in the source. */
  readonly places: ReadonlyMap<object, Attribute | Block>
}

/** Evaluate every attribute of `body`, nested blocks included. Errors are reported and leave the value undefined. */
export function evaluateBody(body: Body, scope: Scope, report: (diagnostic: Diagnostic) => void): EvaluatedBody {
  const places = new Map<object, Attribute | Block>()
  const walk = (statements: Body): { input: BodyInput; value: Value } => {
    const attributes: AttributeInput[] = []
    const blocks: BlockInput[] = []
    const shape: Value[] = []
    for (const statement of statements) {
      if (statement.kind === 'attribute') {
        const input: AttributeInput = { name: statement.name.name, value: tryEvaluate(statement, scope, report) }
        places.set(input, statement)
        attributes.push(input)
        shape.push([input.name, input.value ?? null])
      } else {
        const inside = walk(statement.body)
        const input: BlockInput = { name: statement.name.join('.'), body: inside.input }
        places.set(input, statement)
        places.set(inside.input, statement)
        blocks.push(input)
        shape.push([input.name, inside.value])
      }
    }
    return { input: { attributes, blocks }, value: shape }
  }
  return { ...walk(body), places }
}

function tryEvaluate(attribute: Attribute, scope: Scope, report: (d: Diagnostic) => void): Value | undefined {
  try {
    return evaluate(attribute.value, scope)
  } catch (error) {
    if (!(error instanceof EvaluationError)) throw error
    report({ severity: 'error', range: error.range, message: error.message })
    return knownOf(attribute.value, scope)
  }
}

/** What is known of a list or an object that has errors in it, so that its type is checked all the same. */
function knownOf(expression: Expression, scope: Scope): Value | undefined {
  const inside = (part: Expression): Value => {
    try {
      return evaluate(part, scope)
    } catch (error) {
      if (!(error instanceof EvaluationError)) throw error
      return knownOf(part, scope) ?? new Unknown('any')
    }
  }
  if (expression.kind === 'array') return expression.elements.map(inside)
  if (expression.kind === 'object') return new Map(expression.fields.map(({ key, value }) => [key, inside(value)]))
  return expression.kind === 'paren' ? knownOf(expression.inner, scope) : undefined
}

/**
 * Evaluate and decode the body of `block` (its own place is where something missing is reported).
 * `source` is the text that the ranges point into.
 */
export function decodeBlock<S extends object>(
  schema: Settings<S>,
  block: Block,
  body: Body,
  scope: Scope,
  source: (file: string) => string,
  report: (diagnostic: Diagnostic) => void,
): { settings: S | undefined; value: Value } {
  let failed = false
  const fail = (diagnostic: Diagnostic): void => {
    failed = true
    report(diagnostic)
  }
  const evaluated = evaluateBody(body, scope, fail)
  const settings = decodeBody(schema, evaluated.input, (issue) => {
    fail(issueDiagnostic(issue, evaluated.places, block, source))
  })
  return { settings: failed ? undefined : settings, value: evaluated.value }
}

function issueDiagnostic(
  issue: Issue,
  places: ReadonlyMap<object, Attribute | Block>,
  whole: Block,
  source: (file: string) => string,
): Diagnostic {
  const place = places.get(issue.input) ?? whole
  const hint = issue.candidates && 'name' in issue.input ? nearMiss(issue.input.name, issue.candidates) : undefined
  const diagnostic: Diagnostic = {
    severity: 'error',
    range: placeOf(place, issue),
    message: issue.message,
    ...(hint === undefined ? {} : { hint: `did you mean ${hint}?` }),
  }
  if (place.kind !== 'attribute' || !issue.message.startsWith('should be')) return diagnostic
  return {
    ...diagnostic,
    message: `${excerpt(source(diagnostic.range.start.file), diagnostic.range)} ${issue.message}`,
  }
}

function placeOf(place: Attribute | Block, issue: Issue): Range {
  if (place.kind === 'block') return place.range
  if (issue.kind === 'value' || issue.kind === 'check') {
    const part = locate(place.value, issue.path)
    // As in Alloy, which looks at the literal behind the sign.
    if (issue.kind === 'value' && part.kind === 'unary' && part.operand.kind === 'literal') return part.operand.range
    return part.range
  }
  return place.range
}

/** The sub-expression that a path into the value leads to, as far as it is written out. */
export function locate(expression: Expression, path: readonly (string | number)[]): Expression {
  if (expression.kind === 'paren') return locate(expression.inner, path)
  const [step, ...rest] = path
  if (step === undefined) return expression
  if (expression.kind === 'array' && typeof step === 'number') {
    const element = expression.elements[step]
    return element ? locate(element, rest) : expression
  }
  if (expression.kind === 'object') {
    const field = expression.fields.findLast((f) => f.key === String(step))
    return field ? locate(field.value, rest) : expression
  }
  return expression
}

/** Of a longer expression a message shows the beginning; all of it stands in the excerpt below the message. */
const excerptLengthMax = 120

/** The source of a range, on one line. */
function excerpt(source: string, range: Range): string {
  const text = Buffer.from(source)
    .subarray(range.start.offset, range.end.offset + 1)
    .toString()
  const line = text.replace(/\s*\n\s*/g, ' ')
  const chars = Array.from(line.slice(0, 2 * excerptLengthMax))
  return chars.length <= excerptLengthMax ? line : `${chars.slice(0, excerptLengthMax).join('')}...`
}
