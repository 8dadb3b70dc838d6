// Types of settings that operators share, and how problems with them are told.
import { customType, string, type Type, ValueError } from '#component'
import { ExprError, type ExprValue } from '#component/expr'
import { type Field, FieldError, parseField } from '../field.ts'

/** Tells what is wrong with an operator's settings; the path leads on from there. */
export type Problem = (message: string, path?: readonly (string | number)[]) => void

function fieldType(rootable: boolean): Type<Field> {
  return customType<Field>({
    name: 'field',
    zero: parseField('body'),
    decode(value) {
      const text = string.decode(value)
      try {
        return parseField(text, rootable)
      } catch (error) {
        if (error instanceof FieldError) throw new ValueError(error.message)
        throw error
      }
    },
    accepts: string.accepts,
    json: { type: 'string' },
  })
}

/** `body`, `body.x`, `attributes.x`, `resource["x.y"]`. */
export const field: Type<Field> = fieldType(false)
/** Also `attributes` and `resource` as a whole. */
export const rootableField: Type<Field> = fieldType(true)

/** Compile what may be wrong; undefined, and a problem, where it is. */
export function compiled<T>(compile: () => T, problem: Problem, path: readonly (string | number)[]): T | undefined {
  try {
    return compile()
  } catch (error) {
    if (!(error instanceof ExprError) && (error as Error).name !== 'RegexpError') throw error
    problem((error as Error).message, path)
    return undefined
  }
}

/** As Go names the type of a value. */
export function describe(value: ExprValue | undefined): string {
  if (value === undefined || value === null) return '<nil>'
  switch (typeof value) {
    case 'string':
      return 'string'
    case 'boolean':
      return 'bool'
    case 'bigint':
      return 'int64'
    case 'number':
      return 'float64'
    default:
      return Array.isArray(value)
        ? '[]interface {}'
        : value instanceof Uint8Array
          ? '[]uint8'
          : 'map[string]interface {}'
  }
}
