// Editors: functions that change the record.
import type { FunctionDefinition } from '#component/ottl'
import { defineEditor, getter, setter } from '#component/ottl'

/** `set(target, value)`: put a value where a path leads; nil leaves everything as it is. */
const set = defineEditor({
  name: 'set',
  parameters: { target: setter, value: getter },
  create({ target, value }) {
    return (context) => {
      const given = value(context)
      if (given !== null) target.set(context, given)
      return null
    }
  },
})

export const editors: readonly FunctionDefinition[] = [set]
