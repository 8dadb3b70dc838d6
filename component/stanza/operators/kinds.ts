// Every kind of operator: its settings, and how it is made.
import { attr, defineSettings, type Fields, type Settings, string } from '#component'
import { compileCondition } from '#component/expr'
import { entryVariables } from '../entry.ts'
import { OnError, type Operator, type OperatorBase, type OperatorContext } from '../operator.ts'
import { Container, containerSettings } from './container.ts'
import {
  type Reader,
  scopeFields,
  scopeReaderOf,
  severityFields,
  severityReaderOf,
  timeFields,
  timeReaderOf,
  traceFields,
  traceReaderOf,
} from './embedded.ts'
import {
  csvParse,
  csvSettings,
  jsonArrayParse,
  jsonArraySettings,
  jsonParse,
  jsonSettings,
  keyValueParse,
  keyValueSettings,
  Parser,
  type Parse,
  type ParserSettings,
  ReadingOperator,
  regexParse,
  regexSettings,
  uriParse,
  uriSettings,
} from './parsers.ts'
import { Recombine, recombineOptions, recombineSettings } from './recombine.ts'
import { Filter, filterSettings, Noop, noopSettings, Router, routerSettings, routesOf } from './routing.ts'
import { compiled, type Problem } from './settings.ts'
import { SyslogParser, syslogSettings } from './syslog.ts'
import {
  addSettings,
  addTransform,
  assignKeysSettings,
  assignKeysTransform,
  copyTransform,
  fieldSettings,
  flattenTransform,
  moveSettings,
  moveTransform,
  regexReplaceSettings,
  regexReplaceTransform,
  removeSettings,
  removeTransform,
  retainSettings,
  retainTransform,
  sanitizeSettings,
  sanitizeTransform,
  type Transform,
  Transformer,
  unquoteTransform,
} from './transformers.ts'

/** What every operator has. `output` is read by the pipeline. */
const baseFields = {
  on_error: attr(string, 'What becomes of an entry that cannot be worked on.', { default: 'send' }),
  if: attr(string, 'An expression: the operator leaves other entries alone.', { default: '' }),
}
interface BaseSettings {
  readonly on_error: string
  readonly if: string
}

/** Decodes settings of the kind, and makes the operator; problems go to `problem`. */
export interface OperatorKind {
  readonly settings: Settings<object>
  make(id: string, settings: object, context: OperatorContext, problem: Problem): Operator
}

function kind<S extends object>(
  settings: Settings<S>,
  make: (base: OperatorBase, settings: S, problem: Problem) => Operator,
): OperatorKind {
  const withBase = { fields: { ...settings.fields, ...baseFields } as Fields, check: settings.check.bind(settings) }
  return {
    settings: withBase as Settings<object>,
    make: (id, given, context, problem) =>
      make(baseOf(id, given as BaseSettings, context, problem), given as S, problem),
  }
}

function baseOf(id: string, settings: BaseSettings, context: OperatorContext, problem: Problem): OperatorBase {
  const onError = Object.values(OnError).find((one) => one === settings.on_error)
  if (onError === undefined) {
    const known = Object.values(OnError).join(', ')
    problem(`invalid on_error ${JSON.stringify(settings.on_error)}: should be one of ${known}`, ['on_error'])
  }
  const condition =
    settings.if === '' ? undefined : compiled(() => compileCondition(settings.if, entryVariables), problem, ['if'])
  return { id, onError: onError ?? 'send', condition, context }
}

const parser = <S extends ParserSettings>(
  settings: Settings<S>,
  parse: (settings: S, problem: Problem) => Parse,
): OperatorKind => kind(settings, (base, s, problem) => new Parser(base, s, problem, parse(s, problem)))

const transformer = <S extends object>(
  settings: Settings<S>,
  transform: (settings: S, problem: Problem) => Transform,
): OperatorKind => kind(settings, (base, s, problem) => new Transformer(base, transform(s, problem)))

const reading = <S extends object>(
  settings: Settings<S>,
  reader: (settings: S, problem: Problem) => Reader,
): OperatorKind => kind(settings, (base, s, problem) => new ReadingOperator(base, reader(s, problem)))

export const operatorKinds: Readonly<Record<string, OperatorKind>> = {
  add: transformer(addSettings, addTransform),
  assign_keys: transformer(assignKeysSettings, assignKeysTransform),
  container: kind(containerSettings, (base, s, problem) => new Container(base, s, problem)),
  copy: transformer(moveSettings, copyTransform),
  csv_parser: parser(csvSettings, csvParse),
  filter: kind(filterSettings, (base, s, problem) => new Filter(base, s, problem)),
  flatten: transformer(fieldSettings, flattenTransform),
  json_array_parser: parser(jsonArraySettings, jsonArrayParse),
  json_parser: parser(jsonSettings, jsonParse),
  key_value_parser: parser(keyValueSettings, keyValueParse),
  move: transformer(moveSettings, moveTransform),
  noop: kind(noopSettings, (base) => new Noop(base)),
  recombine: kind(recombineSettings, (base, s, problem) => new Recombine(base, recombineOptions(s, problem))),
  regex_parser: parser(regexSettings, regexParse),
  regex_replace: transformer(regexReplaceSettings, regexReplaceTransform),
  remove: transformer(removeSettings, removeTransform),
  retain: transformer(retainSettings, retainTransform),
  router: kind(routerSettings, (base, s, problem) => new Router(base, routesOf(s, problem))),
  sanitize_utf8: transformer(sanitizeSettings, sanitizeTransform),
  scope_name_parser: reading(defineSettings(scopeFields), scopeReaderOf),
  severity_parser: reading(defineSettings(severityFields), severityReaderOf),
  syslog_parser: kind(syslogSettings, (base, s, problem) => new SyslogParser(base, s, problem)),
  time_parser: reading(defineSettings(timeFields), timeReaderOf),
  trace_parser: reading(defineSettings(traceFields), traceReaderOf),
  unquote: transformer(fieldSettings, unquoteTransform),
  uri_parser: parser(uriSettings, uriParse),
}
