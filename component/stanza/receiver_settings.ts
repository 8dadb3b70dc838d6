// The settings that all receivers of the collector's log entries have: attributes, resource, operators, retries, storage.
import { anyValue, attr, block, defineSettings, list, map, type Report, type SettingsOf, string } from '#component'
import { compileTemplate, ExprError, type Template } from '#component/expr'
import { otelHandler } from '#component/otel_extension'
import { retrySettings } from './delivery.ts'
import { Entry, type EntryMap, entryVariables, put } from './entry.ts'
import { checkOperators } from './pipeline.ts'

export const stanzaFields = {
  attributes: attr(map(string), 'Attributes to add to entries; texts may hold expressions, `EXPR(…)`.', {
    default: {},
  }),
  resource: attr(map(string), 'Attributes of the resource of entries, in the same way.', { default: {} }),
  operators: attr(
    list(map(anyValue)),
    'Operators that work on entries, each a map with a `type`: json_parser, json_array_parser, regex_parser, ' +
      'key_value_parser, csv_parser, uri_parser, syslog_parser, severity_parser, time_parser, trace_parser, ' +
      'scope_name_parser, container, add, copy, move, remove, retain, flatten, unquote, assign_keys, regex_replace, ' +
      'sanitize_utf8, filter, router, recombine, noop.',
    { default: [] },
  ),
  storage: attr(otelHandler, 'Where positions are kept over restarts.'),
  retry_on_failure: block(retrySettings, 'What to do when the next component cannot take entries.', {
    whenAbsent: 'defaults',
  }),
}
const stanzaSettings = defineSettings(stanzaFields)
export type StanzaSettings = SettingsOf<typeof stanzaSettings>

export function checkStanza(settings: StanzaSettings, report: Report): void {
  checkOperators(settings.operators, (message, path = []) => report(message, ['operators', ...path]))
  for (const name of ['attributes', 'resource'] as const) {
    for (const [key, text] of settings[name]) {
      try {
        compileTemplate(text, entryVariables)
      } catch (error) {
        if (!(error instanceof ExprError)) throw error
        report(error.message, [name, key])
      }
    }
  }
  const { storage } = settings
  if (storage && !storage.storage) report('Cannot keep positions there: the extension stores nothing', ['storage'])
}

/** Makes entries with the attributes and the resource that settings say. */
export class EntryMaker {
  readonly #attributes: EntryMap = {}
  readonly #resource: EntryMap = {}
  readonly #templates: {
    readonly to: 'attributes' | 'resource'
    readonly key: string
    readonly text: Template<Entry>
  }[] = []
  readonly #isPlain: boolean

  constructor({ attributes, resource }: Pick<StanzaSettings, 'attributes' | 'resource'>) {
    for (const [to, from] of [['attributes', attributes] as const, ['resource', resource] as const]) {
      for (const [key, text] of from) {
        if (text.includes('EXPR(')) this.#templates.push({ to, key, text: compileTemplate(text, entryVariables) })
        else put(to === 'attributes' ? this.#attributes : this.#resource, key, text)
      }
    }
    this.#isPlain = attributes.size === 0
  }

  /** Expressions that fail leave their attribute out. `own` are attributes of the entry; they are copied. */
  make(body: string | Uint8Array | EntryMap, own: EntryMap, observedNs: bigint): Entry {
    const attributes = this.#isPlain ? { ...own } : { ...this.#attributes, ...own }
    const entry = new Entry(body, attributes, { ...this.#resource }, observedNs)
    for (const { to, key, text } of this.#templates) {
      try {
        put(entry[to], key, text(entry))
      } catch (error) {
        if (!(error instanceof ExprError)) throw error
      }
    }
    return entry
  }
}
