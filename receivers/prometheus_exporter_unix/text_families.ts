// Metric families in Prometheus's text format 0.0.4, whole, for the textfile collector: strict, as its files are written by hand.

export type TextType = 'counter' | 'gauge' | 'untyped' | 'histogram' | 'summary'

/** One series, or one histogram or summary with all of its parts. */
export interface TextMetric {
  /** In the order written, without `le` and `quantile`. */
  readonly labels: ReadonlyMap<string, string>
  /** Of a counter, gauge or untyped metric. */
  value: number
  /** Of a histogram or summary, with `bounds` (upper bounds or quantiles) and `values` parallel, in the order written. */
  count: number
  sum: number
  readonly bounds: number[]
  readonly values: number[]
}

export interface TextFamily {
  readonly name: string
  type: TextType
  /** undefined where there is none, or an empty one. */
  help: string | undefined
  readonly metrics: TextMetric[]
}

export interface ParsedText {
  readonly families: readonly TextFamily[]
  readonly hasTimestamps: boolean
}

const types: ReadonlySet<string> = new Set(['counter', 'gauge', 'untyped', 'histogram', 'summary'])
const namePattern = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/

class TextParser {
  readonly #families = new Map<string, TextFamily>()
  readonly #typed = new Set<string>()
  readonly #helped = new Set<string>()
  /** Histograms and summaries by family and labels: their lines come one by one. */
  readonly #grouped = new Map<string, TextMetric>()
  #hasTimestamps = false

  parse(text: string): ParsedText {
    if (text !== '' && !text.endsWith('\n')) throw new Error('the last line has no end')
    const lines = text.split('\n')
    for (const [i, line] of lines.entries()) {
      try {
        this.#readLine(line.trim())
      } catch (error) {
        throw new Error(`line ${i + 1}: ${(error as Error).message}`, { cause: error })
      }
    }
    const families = [...this.#families.values()].filter((family) => family.metrics.length > 0)
    return { families, hasTimestamps: this.#hasTimestamps }
  }

  #readLine(line: string): void {
    if (line === '') return
    if (!line.startsWith('#')) {
      this.#readSample(line)
      return
    }
    const comment = /^#\s+(HELP|TYPE)\s+(\S+)(?:\s(.*))?$/s.exec(line)
    if (!comment) return
    const [, kind, name = '', rest = ''] = comment
    checkName(name)
    if (kind === 'HELP') this.#readHelp(name, rest)
    else this.#readType(name, rest.trim())
  }

  #readHelp(name: string, text: string): void {
    if (this.#helped.has(name)) throw new Error(`second HELP line for ${name}`)
    this.#helped.add(name)
    const help = text.replace(/\\([\\n])/g, (_, escaped: string) => (escaped === 'n' ? '\n' : '\\'))
    if (help !== '') this.#family(name).help = help
  }

  #readType(name: string, text: string): void {
    const family = this.#family(name)
    if (this.#typed.has(name)) throw new Error(`second TYPE line for ${name}`)
    if (family.metrics.length > 0) throw new Error(`TYPE line for ${name} after its samples`)
    if (!types.has(text.toLowerCase())) throw new Error(`unknown type ${JSON.stringify(text)}`)
    this.#typed.add(name)
    family.type = text.toLowerCase() as TextType
  }

  #family(name: string): TextFamily {
    let family = this.#families.get(name)
    if (!family) {
      family = { name, type: 'untyped', help: undefined, metrics: [] }
      this.#families.set(name, family)
    }
    return family
  }

  #readSample(line: string): void {
    const name = /^[^\s{]+/.exec(line)?.[0] ?? ''
    checkName(name)
    const { labels, end } = readLabels(line, name.length)
    const [valueText = '', timestamp, surplus] = line.slice(end).trim().split(/\s+/)
    if (surplus !== undefined) throw new Error(`surplus text ${JSON.stringify(surplus)}`)
    if (timestamp !== undefined) {
      if (!/^[+-]?\d+$/.test(timestamp)) throw new Error(`not a timestamp: ${JSON.stringify(timestamp)}`)
      this.#hasTimestamps = true
    }
    this.#addSample(name, labels, parseNumber(valueText))
  }

  #addSample(name: string, labels: Map<string, string>, value: number): void {
    const suffix = /_(bucket|sum|count)$/.exec(name)?.[1]
    const owner = suffix === undefined ? undefined : this.#families.get(name.slice(0, -suffix.length - 1))
    if (owner?.type === 'histogram' || (owner?.type === 'summary' && suffix !== 'bucket')) {
      this.#addPart(owner, labels, suffix as string, value)
      return
    }
    const family = this.#family(name)
    if (family.type === 'histogram') throw new Error(`${name} is a histogram, which has no sample of that name`)
    if (family.type === 'summary') this.#addPart(family, labels, 'quantile', value)
    else family.metrics.push({ labels, value, count: 0, sum: 0, bounds: [], values: [] })
  }

  #addPart(family: TextFamily, labels: Map<string, string>, part: string, value: number): void {
    const boundName = part === 'bucket' ? 'le' : part === 'quantile' ? 'quantile' : undefined
    const bound = boundName === undefined ? undefined : labels.get(boundName)
    if (boundName !== undefined && bound === undefined) throw new Error(`${family.name} lacks the label ${boundName}`)
    if (boundName !== undefined) labels.delete(boundName)
    const key = `${family.name}\n${labelKey(labels)}`
    let metric = this.#grouped.get(key)
    if (!metric) {
      metric = { labels, value: 0, count: 0, sum: 0, bounds: [], values: [] }
      this.#grouped.set(key, metric)
      family.metrics.push(metric)
    }
    if (part === 'sum') metric.sum = value
    else if (part === 'count') metric.count = value
    else {
      metric.bounds.push(parseNumber(bound as string))
      metric.values.push(value)
    }
  }
}

/** Throws an error that says the line and what is wrong. Families without a sample are left out. */
export function parseTextFamilies(text: string): ParsedText {
  return new TextParser().parse(text)
}

/** The same for the same labels in whatever order. */
export function labelKey(labels: ReadonlyMap<string, string>): string {
  return JSON.stringify([...labels].filter(([, value]) => value !== '').sort(([a], [b]) => (a < b ? -1 : 1)))
}

function checkName(name: string): void {
  if (!namePattern.test(name)) throw new Error(`not a metric name: ${JSON.stringify(name)}`)
}

const labelPattern = /\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\["\\n])*)"\s*(,?)/y

/** `{name="value",…}` from `at`; nothing there is no label. */
function readLabels(line: string, at: number): { labels: Map<string, string>; end: number } {
  const labels = new Map<string, string>()
  const open = /\s*\{/y
  open.lastIndex = at
  if (!open.test(line)) return { labels, end: at }
  let end = open.lastIndex
  let mayGoOn = true
  for (;;) {
    const close = /\s*\}/y
    close.lastIndex = end
    if (close.test(line)) return { labels, end: close.lastIndex }
    labelPattern.lastIndex = end
    const label: RegExpExecArray | null = mayGoOn ? labelPattern.exec(line) : null
    if (!label) throw new Error(`not a label: ${JSON.stringify(line.slice(end, end + 40))}`)
    const [, name = '', value = '', comma]: (string | undefined)[] = label
    if (labels.has(name)) throw new Error(`label ${name} stands there twice`)
    if (name === '__name__') throw new Error('a label must not be named __name__')
    labels.set(name, unescapeValue(value))
    end = labelPattern.lastIndex
    mayGoOn = comma === ','
  }
}

function unescapeValue(value: string): string {
  return value.includes('\\')
    ? value.replace(/\\(["\\n])/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped))
    : value
}

function parseNumber(text: string): number {
  if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text)) return Number(text)
  const word = /^([+-]?)(inf|infinity|nan)$/i.exec(text)
  if (!word) throw new Error(`not a number: ${JSON.stringify(text)}`)
  if (/^nan$/i.test(word[2] as string)) return Number.NaN
  return word[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
}
