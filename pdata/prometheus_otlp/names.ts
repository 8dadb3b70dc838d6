// Names of metrics, labels and units, as OpenTelemetry's Prometheus compatibility specification translates them.

export interface NameOptions {
  /** Add units and `_total`, `_ratio`. */
  readonly suffixes: boolean
  /** Keep every character; else all but letters, digits, `_` (and `:` in names of metrics) becomes `_`. */
  readonly utf8: boolean
  /**
   * Otherwise letters and digits of every script stay, a `:` in a metric's name with suffixes does not, and of attributes
   * whose names become the same the last one counts: as the collector's older translator has it, which Alloy uses.
   */
  readonly keepsLetters: boolean
  /** Stands in front of metric names; '': none. */
  readonly namespace: string
}

/** What a name's suffix depends on. */
export type NameKind = 'counter' | 'gauge' | 'other'

/** UCUM units and Prometheus's words for them (the specification's table, and that of Prometheus's translator). */
const unitWords: ReadonlyMap<string, string> = new Map([
  ['d', 'days'],
  ['h', 'hours'],
  ['min', 'minutes'],
  ['s', 'seconds'],
  ['ms', 'milliseconds'],
  ['us', 'microseconds'],
  ['ns', 'nanoseconds'],
  ['By', 'bytes'],
  ['KiBy', 'kibibytes'],
  ['MiBy', 'mebibytes'],
  ['GiBy', 'gibibytes'],
  ['TiBy', 'tibibytes'],
  ['KBy', 'kilobytes'],
  ['MBy', 'megabytes'],
  ['GBy', 'gigabytes'],
  ['TBy', 'terabytes'],
  ['m', 'meters'],
  ['V', 'volts'],
  ['A', 'amperes'],
  ['J', 'joules'],
  ['W', 'watts'],
  ['g', 'grams'],
  ['Cel', 'celsius'],
  ['Hz', 'hertz'],
  ['1', ''],
  ['%', 'percent'],
])
const perUnitWords: ReadonlyMap<string, string> = new Map([
  ['s', 'second'],
  ['m', 'minute'],
  ['h', 'hour'],
  ['d', 'day'],
  ['w', 'week'],
  ['mo', 'month'],
  ['y', 'year'],
])
const unitsByWord: ReadonlyMap<string, string> = new Map(
  [...unitWords].filter(([, word]) => word !== '').map(([unit, word]) => [word, unit]),
)
const perUnitsByWord: ReadonlyMap<string, string> = new Map([...perUnitWords].map(([unit, word]) => [word, unit]))

/** `bytes` and `per_second` for `By/s`. What stands in braces is an annotation and gives nothing. */
function unitSuffixes(unit: string): { main: string; per: string } {
  const slash = unit.indexOf('/')
  const mainUnit = (slash < 0 ? unit : unit.slice(0, slash)).trim()
  const perUnit = slash < 0 ? '' : unit.slice(slash + 1).trim()
  const main = /[{}]/.test(mainUnit) ? '' : (unitWords.get(mainUnit) ?? mainUnit)
  const per = perUnit === '' || /[{}]/.test(perUnit) ? '' : `per_${perUnitWords.get(perUnit) ?? perUnit}`
  return { main, per }
}

const cleanUnit = (unit: string): string =>
  unit
    .replace(/[^a-zA-Z0-9:]/gu, '_')
    .replace(/__+/g, '_')
    .replace(/^_/, '')

/** Prometheus's words for a unit, for metadata: `bytes_per_second`. */
export function unitName(unit: string): string {
  const { main, per } = unitSuffixes(unit)
  return [cleanUnit(main), cleanUnit(per)].filter((word) => word !== '').join('_')
}

/** The UCUM unit of Prometheus's words: `By/s` for `bytes_per_second`; a word that is not known stays. */
export function unitFromName(words: string): string {
  const at = words.indexOf('per_')
  if (at !== 0 && (at < 0 || words[at - 1] !== '_')) return unitsByWord.get(words) ?? words
  const main = at === 0 ? '' : words.slice(0, at - 1)
  const per = words.slice(at + 4)
  return `${unitsByWord.get(main) ?? main}/${perUnitsByWord.get(per) ?? per}`
}

/** Undefined: nothing is left of the name. */
export function metricName(name: string, unit: string, kind: NameKind, options: NameOptions): string | undefined {
  const built = options.utf8 ? utf8Name(name, unit, kind, options) : legacyName(name, unit, kind, options)
  return built === '' || (built !== name && /^_*$/.test(built)) ? undefined : built
}

function legacyName(name: string, unit: string, kind: NameKind, options: NameOptions): string {
  const { namespace, keepsLetters } = options
  if (!options.suffixes) {
    const join = (text: string): string =>
      text
        .split(keepsLetters ? /[^\p{L}\p{Nd}:_]/u : /[^a-zA-Z0-9:_]/u)
        .filter((token) => token !== '')
        .join('_')
    const plain = join(name)
    if (namespace !== '') return `${join(namespace)}_${plain}`
    return /^\d/.test(plain) ? `_${plain}` : plain
  }
  const separator = keepsLetters ? /[^\p{L}\p{Nd}]/u : /[^a-zA-Z0-9:]/u
  let tokens = name.split(separator).filter((token) => token !== '')
  const suffixes = unitSuffixes(unit)
  let main = cleanUnit(suffixes.main)
  let per = cleanUnit(suffixes.per)
  if (tokens.includes(main)) main = ''
  per = per === 'per_' ? '' : per.replace(/_$/, '')
  if (tokens.includes(per)) per = ''
  if (per !== '') main = main.replace(/_$/, '')
  if (main !== '') tokens.push(main)
  if (per !== '') tokens.push(per)
  const last = kind === 'counter' ? 'total' : kind === 'gauge' && unit === '1' ? 'ratio' : ''
  if (last !== '') tokens = [...tokens.filter((token) => token !== last), last]
  if (namespace !== '') tokens.unshift(namespace)
  const joined = tokens.join('_')
  return /^\d/.test(joined) ? `_${joined}` : joined
}

function utf8Name(name: string, unit: string, kind: NameKind, options: NameOptions): string {
  let built = options.namespace === '' ? name : `${options.namespace}_${name}`
  if (!options.suffixes) return built
  const trim = (suffix: string): void => {
    // The character in front of the suffix counts as the delimiter, whichever it is.
    if (built.endsWith(suffix) && built.length > suffix.length + 1) built = built.slice(0, -suffix.length - 1)
  }
  const last = kind === 'counter' ? 'total' : kind === 'gauge' && unit === '1' ? 'ratio' : ''
  if (last !== '') trim(last)
  const { main, per } = unitSuffixes(unit)
  if (per !== '') trim(per)
  if (main !== '' && !built.endsWith(main)) built += `_${main}`
  if (per !== '') built += `_${per}`
  return last === '' ? built : `${built}_${last}`
}

/**
 * A label's name for an attribute's: other characters become `_`; a name that begins with a digit gets `key_`, one that
 * begins with a single `_` gets `key` in front. '' where nothing is left.
 */
export function labelName(key: string, { utf8, keepsLetters }: Pick<NameOptions, 'utf8' | 'keepsLetters'>): string {
  if (utf8 || key === '') return key
  const name = key.replace(keepsLetters ? /[^\p{L}\p{Nd}_]/gu : /[^a-zA-Z0-9_]/gu, '_')
  if (name !== key && !keepsLetters && /^_*$/.test(name)) return ''
  if (/^\d/.test(name)) return `key_${name}`
  return name.startsWith('_') && !name.startsWith('__') ? `key${name}` : name
}

/** A bound or quantile as Go's `strconv.FormatFloat(x, 'f', -1, 64)` writes it: no exponent. */
export function boundText(x: number): string {
  if (x === Infinity) return '+Inf'
  if (!Number.isFinite(x)) return Number.isNaN(x) ? 'NaN' : '-Inf'
  const text = Object.is(x, -0) ? '-0' : String(x)
  if (!text.includes('e')) return text
  const [, sign = '', digits = '', exponentText = '0'] = /^(-?)([\d.]+)e([+-]\d+)$/.exec(text) ?? []
  const exponent = Number(exponentText)
  const plain = digits.replace('.', '')
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${plain}`
  return `${sign}${plain.padEnd(exponent + 1, '0')}`
}
