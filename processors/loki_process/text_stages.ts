// Stages that change the text of lines: output, replace, decolorize, pack, truncate, luhn.
import {
  attr,
  blocks,
  bool,
  byteSize,
  type Clock,
  defineSettings,
  int,
  list,
  oneOf,
  type SettingsOf,
  string,
} from '#component'
import { compileRegexp, type Regexp } from '#lib/regexp'
import { checkExpression } from './expression.ts'
import { goJson } from '#lib/go_json'
import { cutToBytes, type Line, withoutLabels } from './line.ts'
import { LineStage, type StageContext } from './stage.ts'
import { checkTemplate, type StageTemplate, stageTemplate } from './templates.ts'

export const outputSettings = defineSettings(
  { source: attr(string, 'The extracted value that becomes the line.', { required: true }) },
  {
    check: ({ source }, report) =>
      source === '' && report('output source value is required if output is specified', ['source']),
  },
)

export class OutputStage extends LineStage {
  readonly #source: string

  constructor({ source }: SettingsOf<typeof outputSettings>) {
    super()
    this.#source = source
  }

  change(line: Line): void {
    line.text = line.extractedText(this.#source) ?? line.text
  }
}

export const templateSettings = defineSettings(
  {
    source: attr(string, 'The extracted value that is set; its value before is `.Value`.', { required: true }),
    template: attr(string, 'A template in the language of Go’s text/template.', { required: true }),
  },
  {
    check({ source, template }, report) {
      if (source === '') report('template source value is required', ['source'])
      checkTemplate(template, 'template', report)
    },
  },
)

export class TemplateStage extends LineStage {
  readonly #source: string
  readonly #template: StageTemplate

  constructor(settings: SettingsOf<typeof templateSettings>, { clock }: StageContext) {
    super()
    this.#source = settings.source
    this.#template = stageTemplate(settings.template, clock)
  }

  /** A template that fails on a line changes nothing of it. */
  change(line: Line): void {
    const data = templateData(line)
    const value = data.get(this.#source)
    if (value !== undefined) data.set('Value', value)
    data.set('Entry', line.text)
    const text = this.#template(data)
    if (text === undefined) return
    if (text === '') line.extracted.delete(this.#source)
    else line.extracted.set(this.#source, text)
  }
}

function templateData(line: Line): Map<string, string> {
  const data = new Map<string, string>()
  for (const name of line.extracted.keys()) {
    const text = line.extractedText(name)
    if (text !== undefined) data.set(name, text)
  }
  return data
}

export const replaceSettings = defineSettings(
  {
    expression: attr(string, 'RE2 expression; what its groups capture is replaced.', { required: true }),
    source: attr(string, 'The extracted value to change; "": the line.', { default: '' }),
    replace: attr(string, 'What stands in place of a group: text, or a template whose `.Value` is the group.', {
      default: '',
    }),
  },
  {
    check({ expression, replace }, report) {
      if (expression === '') report('expression is required', ['expression'])
      checkExpression(expression, 'expression', report)
      checkTemplate(replace, 'replace', report)
    },
  },
)

export class ReplaceStage extends LineStage {
  readonly #source: string
  readonly #regexp: Regexp
  readonly #template: StageTemplate

  constructor(settings: SettingsOf<typeof replaceSettings>, { clock }: StageContext) {
    super()
    this.#source = settings.source
    this.#regexp = compileRegexp(settings.expression)
    this.#template = stageTemplate(settings.replace, clock)
  }

  /** Groups inside groups that were replaced are left; named groups are extracted, as replaced. */
  change(line: Line): void {
    const input = line.input(this.#source)
    if (input === undefined || !this.#regexp.test(input)) return
    const data = templateData(line)
    const replaced = new Map<string, string>()
    const matches = this.#regexp.placeAll(input)
    let out = ''
    let copied = 0
    for (const { offsets } of matches) {
      for (let i = 2; i < offsets.length; i += 2) {
        const [start, end] = [offsets[i] as number, offsets[i + 1] as number]
        if (start < 0) continue
        const captured = input.slice(start, end)
        data.set('Value', captured)
        const text = this.#template(data)
        if (text === undefined) return
        replaced.set(captured, text)
        if (copied > start) continue
        out += input.slice(copied, start) + text
        copied = end
      }
    }
    out += input.slice(copied)
    if (this.#source === '') line.text = out
    else line.extracted.set(this.#source, out)
    const names = this.#regexp.subexpNames
    for (let i = 1; i < names.length; i++) {
      const text = replaced.get(matches[0]?.groups[i] ?? '')
      if (names[i] !== '' && text !== undefined) line.extracted.set(names[i] as string, text)
    }
  }
}

export const decolorizeSettings = defineSettings({})

/** The escape sequences of terminals: colours, styles, titles, cursor movements. */
const escapeSequences =
  '[\\x{1b}\\x{9b}][\\[\\]()#;?]*(?:(?:[a-zA-Z\\d]*(?:;[a-zA-Z\\d]*)*)?\\x{7}|(?:\\d{1,4}(?:;\\d{0,4})*)?[\\dA-PRZcf-ntqry=><~])'

export class DecolorizeStage extends LineStage {
  readonly #regexp: Regexp

  constructor() {
    super()
    this.#regexp = compileRegexp(escapeSequences)
  }

  change(line: Line): void {
    if (line.text.includes('\u001b') || line.text.includes('\u009b')) {
      line.text = this.#regexp.replaceAll(line.text, '')
    }
  }
}

export const packSettings = defineSettings({
  labels: attr(list(string), 'Extracted values and labels to pack into the line; labels are taken away.', {
    required: true,
  }),
  ingest_timestamp: attr(bool, 'Give the line the time of now.', { default: true }),
})

export class PackStage extends LineStage {
  readonly #settings: SettingsOf<typeof packSettings>
  readonly #clock: Clock

  constructor(settings: SettingsOf<typeof packSettings>, { clock }: StageContext) {
    super()
    this.#settings = settings
    this.#clock = clock
  }

  change(line: Line): void {
    const packed: string[] = []
    for (const name of [...new Set(this.#settings.labels)].sort()) {
      const text = line.extractedText(name)
      if (text === undefined) continue
      packed.push(`${goJson(name)}:${goJson(text)}`)
      line.labels = withoutLabels(line.labels, (label) => label === name)
    }
    packed.push(`"_entry":${goJson(line.text)}`)
    line.text = `{${packed.join(',')}}`
    if (this.#settings.ingest_timestamp) line.timestampNs = BigInt(Math.trunc(this.#clock.now() * 1000)) * 1000n
  }
}

const noSources: readonly string[] = []

const truncateRule = defineSettings(
  {
    limit: attr(byteSize, 'The longest that stays as it is, suffix included.', { required: true }),
    suffix: attr(string, 'What is put behind what was cut.', { default: '' }),
    sources: attr(list(string), 'Names; none: all there are.', { default: noSources }),
    source_type: attr(oneOf('line', 'label', 'structured_metadata', 'extracted'), 'What is cut.', { default: 'line' }),
  },
  {
    check({ limit, suffix, sources, source_type: type }, report) {
      if (limit <= 0) report('limit must be greater than zero', ['limit'])
      if (type === 'line' && sources.length > 0) {
        report("sources cannot be set when source_type is 'line'", ['sources'])
      }
      if (suffix !== '' && limit > 0 && limit <= Buffer.byteLength(suffix)) {
        report('suffix length cannot be greater than or equal to limit', ['suffix'])
      }
    },
  },
)
type TruncateRule = SettingsOf<typeof truncateRule>

export const truncateSettings = defineSettings({ rule: blocks(truncateRule, 'What to cut.', { required: true }) })

export class TruncateStage extends LineStage {
  readonly #rules: readonly TruncateRule[]
  readonly #context: StageContext

  constructor(settings: SettingsOf<typeof truncateSettings>, context: StageContext) {
    super()
    this.#rules = settings.rule
    this.#context = context
  }

  /** What was cut is told by the extracted value `truncated`. */
  change(line: Line): void {
    const cut = new Set<string>()
    for (const rule of this.#rules) {
      this.#apply(rule, line, cut)
      if (cut.size === 0) continue
      const before = line.extracted.get('truncated')
      if (typeof before === 'string') for (const field of before.split(',')) cut.add(field)
      line.extracted.set('truncated', [...cut].sort().join(','))
    }
  }

  #apply(rule: TruncateRule, line: Line, cut: Set<string>): void {
    const limit = rule.limit - Buffer.byteLength(rule.suffix)
    const shorter = (text: string): string => {
      if (Buffer.byteLength(text) <= limit) return text
      cut.add(rule.source_type)
      const help =
        'A count of all log lines, labels, extracted values, or structured_metadata truncated as a result of a pipeline stage'
      const field = { field: rule.source_type }
      this.#context.instruments.counter('loki_process_truncated_fields_total', help, field).add(1)
      return cutToBytes(text, limit) + rule.suffix
    }
    const isMeant = (name: string): boolean => rule.sources.length === 0 || rule.sources.includes(name)
    if (rule.source_type === 'line') line.text = shorter(line.text)
    else if (rule.source_type === 'extracted') {
      for (const [name, value] of line.extracted) {
        if (typeof value === 'string' && isMeant(name)) line.extracted.set(name, shorter(value))
      }
    } else {
      const isLabel = rule.source_type === 'label'
      const from = isLabel ? line.labels : (line.metadata ?? [])
      const to = from.map((text, i) => (i % 2 === 1 && isMeant(from[i - 1] as string) ? shorter(text) : text))
      if (isLabel) line.labels = to
      else if (line.metadata !== null) line.metadata = to
    }
  }
}

export const luhnSettings = defineSettings(
  {
    replacement: attr(string, 'What numbers are replaced by.', { default: '**REDACTED**' }),
    source: attr(string, 'The extracted value that is looked at; absent: the line.'),
    min_length: attr(int, 'Digits that a number has at least.', { default: 13 }),
    delimiters: attr(string, 'Characters that may stand between digits.', { default: '' }),
    skip_regex: attr(string, 'Numbers inside of what this matches stay.', { default: '' }),
  },
  {
    check({ source, skip_regex: skip }, report) {
      if (source === '') report('empty source', ['source'])
      checkExpression(skip, 'skip_regex', report)
    },
  },
)

const int64Max = 2n ** 63n - 1n
const defaultReplacement = '**REDACTED**'
const defaultLengthMin = 13

/** Replaces what passes the check of card numbers. The result becomes the line, whatever the source, as in Alloy. */
export class LuhnStage extends LineStage {
  readonly #source: string | undefined
  readonly #replacement: string
  readonly #lengthMin: number
  readonly #delimiters: ReadonlySet<string>
  readonly #skip: Regexp | null
  readonly #numbers: RegExp

  constructor(settings: SettingsOf<typeof luhnSettings>) {
    super()
    this.#source = settings.source
    this.#replacement = settings.replacement || defaultReplacement
    this.#lengthMin = settings.min_length < 1 ? defaultLengthMin : settings.min_length
    this.#delimiters = new Set(settings.delimiters)
    this.#skip = settings.skip_regex === '' ? null : compileRegexp(settings.skip_regex)
    const among = [...this.#delimiters].map((c) => `\\u{${(c.codePointAt(0) as number).toString(16)}}`).join('')
    this.#numbers = new RegExp(`\\p{Nd}[\\p{Nd}${among}]*`, 'gu')
  }

  change(line: Line): void {
    const value = this.#source === undefined ? line.text : line.extracted.get(this.#source)
    if (typeof value !== 'string') return
    let skipped: readonly (readonly [number, number])[] | undefined
    line.text = value.replace(this.#numbers, (run, start: number) => {
      const characters = [...run]
      const digits = characters.filter((c) => !this.#delimiters.has(c)).join('')
      if (digits.length < this.#lengthMin || !isLuhn(digits)) return run
      let end = run.length
      while (end > 0 && this.#delimiters.has(run[end - 1] as string)) end--
      skipped ??= this.#skip?.execAll(value).map((match) => [match.index, match.end] as const) ?? []
      if (skipped.some(([from, to]) => from <= start && start + end <= to)) return run
      const last = characters.at(-1) as string
      return this.#replacement + (this.#delimiters.has(last) ? last : '')
    })
  }
}

/** Luhn's check digit. Numbers above 64 bits are none, as in Alloy. */
function isLuhn(digits: string): boolean {
  if (!/^0*[0-9]{1,19}$/.test(digits) || BigInt(digits) > int64Max) return false
  let sum = 0
  for (let i = 0; i < digits.length; i++) {
    const digit = Number(digits[digits.length - 1 - i])
    const doubled = i % 2 === 1 ? digit * 2 : digit
    sum += doubled > 9 ? doubled - 9 : doubled
  }
  return sum % 10 === 0
}
