// Converters: functions that give a value.
import type { FunctionDefinition } from '#component/ottl'
import { defineConverter, list, stringGetter, stringLikeGetter } from '#component/ottl'

/** `Concat(vals, delimiter)`: the texts of the values with the delimiter between them; nil is `<nil>`. */
const concat = defineConverter({
  name: 'Concat',
  parameters: { vals: list(stringLikeGetter), delimiter: stringGetter },
  create({ vals, delimiter }) {
    return (context) => {
      const between = delimiter(context)
      let text = ''
      for (let i = 0; i < vals.length; i++) {
        if (i > 0) text += between
        text += (vals[i] as (typeof vals)[number])(context) ?? '<nil>'
      }
      return text
    }
  },
})

export const converters: readonly FunctionDefinition[] = [concat]
