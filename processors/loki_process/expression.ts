// Regular expressions in the settings of stages.
import type { Report } from '#component'
import { compileRegexp, RegexpError } from '#lib/regexp'

/** Reports why `pattern`, the setting `name`, is no expression. */
export function checkExpression(pattern: string, name: string, report: Report): void {
  try {
    compileRegexp(pattern)
  } catch (error) {
    if (!(error instanceof RegexpError)) throw error
    report(`could not compile regular expression: ${error.message}`, [name])
  }
}

/** A regular expression that matches `text` and nothing else, where it stands. */
export function quoteMeta(text: string): string {
  return text.replace(/[\\.+*?()|[\]{}^$]/g, '\\$&')
}

/** Reports names that are none of labels'. */
export function checkLabelNames(names: Iterable<string>, setting: string, report: Report): void {
  for (const name of names) {
    if (name === '') report('invalid label name: ""', [setting])
  }
}
