// Stages that make one line of several or several of one, or unpack container formats: multiline, split_json, cri, docker.
import { attr, bool, byteSize, defineSettings, duration, int, type SettingsOf, string, uint } from '#component'
import { compileRegexp, type Regexp } from '#lib/regexp'
import { checkExpression } from './expression.ts'
import { parseObject } from './extract_stages.ts'
import { timeReader } from '#lib/go_time'
import { withoutTrailing } from '#lib/trailing'
import { cutToBytes, labelsKey, type Line } from './line.ts'
import { LineStage, type Stage, type StageContext } from './stage.ts'

export const multilineSettings = defineSettings(
  {
    firstline: attr(string, 'RE2 expression that first lines match.', { required: true }),
    max_wait_time: attr(duration, 'How long to wait for more lines.', { default: '3s' }),
    max_lines: attr(uint, 'As many lines are joined at most.', { default: 128 }),
    trim_newlines: attr(bool, 'Take line ends off before joining.', { default: true }),
  },
  {
    check({ firstline, max_wait_time: waitMs }, report) {
      if (firstline === '') report('multiline stage config must define `firstline` regular expression', ['firstline'])
      if (waitMs <= 0) report('max_wait_time must be greater than 0', ['max_wait_time'])
      checkExpression(firstline, 'firstline', report)
    },
  },
)

/** A block that fills up. Once it is handed on, lines go on to be joined for as long as the stream is remembered. */
interface Block {
  first: Line
  texts: string[]
  lastMs: number
}

export class MultilineStage implements Stage {
  readonly #settings: SettingsOf<typeof multilineSettings>
  readonly #context: StageContext
  readonly #regexp: Regexp
  readonly #blocks: Map<string, Block>

  constructor(settings: SettingsOf<typeof multilineSettings>, context: StageContext) {
    this.#settings = settings
    this.#context = context
    this.#regexp = compileRegexp(settings.firstline)
    this.#blocks = new Map()
  }

  process(lines: Line[]): Line[] {
    const out: Line[] = []
    const nowMs = this.#context.clock.monotonic()
    for (const line of lines) this.#take(line, nowMs, out)
    return out
  }

  #take(line: Line, nowMs: number, out: Line[]): void {
    const key = labelsKey(line.labels)
    const isFirst = this.#regexp.test(line.text)
    let block = this.#blocks.get(key)
    if (block !== undefined && nowMs - block.lastMs >= this.#settings.max_wait_time) this.#flush(block, out)
    if (block === undefined) {
      if (!isFirst) {
        out.push(line)
        return
      }
      block = { first: line, texts: [], lastMs: nowMs }
    } else {
      // Last in the map is what came last: the first ones are due first.
      this.#blocks.delete(key)
      if (isFirst) this.#flush(block, out)
    }
    this.#blocks.set(key, block)
    if (isFirst) block.first = line
    block.texts.push(this.#settings.trim_newlines ? withoutTrailing(line.text, '\r\n') : line.text)
    block.lastMs = nowMs
    if (block.texts.length === this.#settings.max_lines) this.#flush(block, out)
  }

  #flush(block: Block, out: Line[]): void {
    if (block.texts.length === 0) return
    // A block begun without a first line (after one that was full) has the labels and time of that one's.
    const joined = block.first.copy()
    joined.text = block.texts.join('\n')
    this.#context.join(block.texts.length - 1)
    block.texts = []
    out.push(joined)
  }

  due(nowMs: number): Line[] {
    const out: Line[] = []
    for (const [key, block] of this.#blocks) {
      if (block.lastMs + this.#settings.max_wait_time > nowMs) break
      this.#flush(block, out)
      this.#blocks.delete(key)
    }
    return out
  }

  deadlineMs(): number {
    for (const block of this.#blocks.values()) return block.lastMs + this.#settings.max_wait_time
    return Infinity
  }

  drain(): Line[] {
    const out: Line[] = []
    for (const block of this.#blocks.values()) this.#flush(block, out)
    this.#blocks.clear()
    return out
  }

  get held(): number {
    let held = 0
    for (const { texts } of this.#blocks.values()) held += texts.length
    return held
  }
}

const readTime = timeReader('RFC3339Nano', undefined)

export const criSettings = defineSettings(
  {
    max_partial_lines: attr(int, 'Streams with an unfinished line; more, and all are handed on.', { default: 100 }),
    max_partial_line_size: attr(uint, 'The longest that partial lines are joined to, in bytes.', { default: 0 }),
    max_joined_bytes: attr(
      byteSize,
      'A line whose end does not come is handed on unfinished when it is this long, in UTF-16 units. Not in Alloy.',
      { default: '1MiB' },
    ),
    max_partial_line_size_truncate: attr(bool, 'Cut joined lines at that length.', { default: false }),
  },
  {
    check: ({ max_partial_lines: lines }, report) =>
      lines <= 0 && report('max_partial_lines must be greater than 0', ['max_partial_lines']),
  },
)

/** Timestamp, stream, flag and text, as container runtimes write them to files (kubernetes CRI, log format). */
const criShape = /^(\S*) (stdout|stderr) ([PF])? ?(.*)$/s

/** A line whose rest is still to come. */
interface Partial {
  readonly line: Line
  readonly parts: number
}

export class CriStage implements Stage {
  readonly #settings: SettingsOf<typeof criSettings>
  readonly #context: StageContext
  #partials: Map<string, Partial>

  constructor(settings: SettingsOf<typeof criSettings>, context: StageContext) {
    this.#settings = settings
    this.#context = context
    this.#partials = new Map()
  }

  process(lines: Line[]): Line[] {
    const out: Line[] = []
    for (const line of lines) this.#take(line, out)
    return out
  }

  #take(line: Line, out: Line[]): void {
    const found = parseCri(line.text)
    if (found === undefined) {
      out.push(line)
      return
    }
    const { extracted } = line
    extracted.set('flags', found.isPartial ? 'P' : 'F')
    extracted.set('stream', found.stream)
    extracted.set('content', found.content)
    extracted.set('time', found.time)
    line.text = found.content
    line.timestampNs = readTime(found.time, 0) ?? line.timestampNs
    line.setLabel('stream', found.stream)
    const key = labelsKey(line.labels)
    if (found.isPartial && this.#partials.size >= this.#settings.max_partial_lines) this.#giveUp(out)
    const before = this.#partials.get(key)
    if (before !== undefined) line.text = before.line.text + line.text
    if (before !== undefined || found.isPartial) this.#cut(line)
    const parts = (before?.parts ?? 0) + 1
    const isTooLong = line.text.length >= this.#settings.max_joined_bytes
    if (found.isPartial && !isTooLong) {
      this.#partials.set(key, { line, parts })
      return
    }
    if (found.isPartial) this.#countUnfinished(1)
    this.#partials.delete(key)
    this.#context.join(parts - 1)
    out.push(line)
  }

  #giveUp(out: Line[]): void {
    this.#context.log.warn('Partial lines of too many streams: handing them on unfinished', {
      max_partial_lines: this.#settings.max_partial_lines,
    })
    this.#countUnfinished(this.#partials.size)
    out.push(...this.drain())
  }

  #countUnfinished(lines: number): void {
    const help = 'A count of partial lines that were flushed prematurely because a limit was exceeded'
    this.#context.instruments.counter('loki_process_cri_partial_lines_flushed_total', help).add(lines)
  }

  #cut(line: Line): void {
    const { max_partial_line_size: bytes, max_partial_line_size_truncate: cuts } = this.#settings
    if (!cuts || Buffer.byteLength(line.text) <= bytes) return
    line.text = cutToBytes(line.text, bytes)
    const help = 'A count of lines that were truncated due to the max_partial_line_size limit'
    this.#context.instruments.counter('loki_process_cri_lines_truncated_total', help).add(1)
  }

  drain(): Line[] {
    const out: Line[] = []
    for (const { line, parts } of this.#partials.values()) {
      this.#context.join(parts - 1)
      out.push(line)
    }
    this.#partials = new Map()
    return out
  }

  get held(): number {
    let held = 0
    for (const { parts } of this.#partials.values()) held += parts
    return held
  }
}

interface CriLine {
  readonly time: string
  readonly stream: string
  readonly isPartial: boolean
  readonly content: string
}

/** Undefined: not in the format. A flag that is missing stands for a full line. */
function parseCri(text: string): CriLine | undefined {
  const found = criShape.exec(text)
  if (found === null || found[2] === undefined) return undefined
  return { time: found[1] ?? '', stream: found[2], isPartial: found[3] === 'P', content: found[4] ?? '' }
}

export const dockerSettings = defineSettings({})

export class DockerStage extends LineStage {
  change(line: Line): void {
    const { log, stream = '', time = '' } = parseObject(line.text) ?? {}
    if (typeof log !== 'string' || log === '' || typeof stream !== 'string' || typeof time !== 'string') return
    const { extracted } = line
    extracted.set('output', log)
    extracted.set('stream', stream)
    extracted.set('timestamp', time)
    line.text = log
    line.setLabel('stream', stream)
    line.timestampNs = readTime(time, 0) ?? line.timestampNs
  }
}

export const splitJsonSettings = defineSettings(
  { source: attr(string, 'The extracted value that holds the list; absent: the line.') },
  { check: ({ source }, report) => source === '' && report('empty source', ['source']) },
)

const emptyListReason = 'empty_json_list'

/** A line that is a JSON list becomes one line for each element, as it was written. */
export class SplitJsonStage implements Stage {
  readonly #source: string | undefined
  readonly #context: StageContext

  constructor(settings: SettingsOf<typeof splitJsonSettings>, context: StageContext) {
    this.#source = settings.source
    this.#context = context
  }

  process(lines: Line[]): Line[] {
    const out: Line[] = []
    for (const line of lines) {
      const input = line.input(this.#source)
      const elements = input === undefined ? undefined : jsonElements(input)
      if (elements === undefined) out.push(line)
      else if (elements.length === 0) this.#context.drop(emptyListReason)
      else {
        for (const [i, element] of elements.entries()) {
          const child = i < elements.length - 1 ? line.copy() : line
          child.text = element
          out.push(child)
        }
        this.#context.split(elements.length - 1)
      }
    }
    return out
  }
}

/** The elements of a JSON list as they are written; undefined: the text is none. */
function jsonElements(text: string): string[] | undefined {
  if (!/^[ \t\r\n]*\[/.test(text)) return undefined
  try {
    JSON.parse(text)
  } catch {
    return undefined
  }
  const elements: string[] = []
  const start = text.indexOf('[') + 1
  const end = text.lastIndexOf(']')
  let from = start
  let depth = 0
  for (let i = start; i < end; i++) {
    const char = text[i]
    if (char === '"') i = closingQuote(text, i)
    else if (char === '[' || char === '{') depth++
    else if (char === ']' || char === '}') depth--
    else if (char === ',' && depth === 0) {
      elements.push(text.slice(from, i).trim())
      from = i + 1
    }
  }
  const last = text.slice(from, end).trim()
  if (last !== '') elements.push(last)
  return elements
}

function closingQuote(text: string, open: number): number {
  for (let i = open + 1; i < text.length; i++) {
    if (text[i] === '\\') i++
    else if (text[i] === '"') return i
  }
  return text.length
}
