// Parses lines that container runtimes write: Docker's JSON, and the CRI format of CRI-O and containerd.
import { attr, bool, defineSettings, oneOf, type SettingsOf } from '#component'
import { goTimeReader } from '#lib/go_time'
import { type Entry, type EntryMap, isEntryMap, put } from '../entry.ts'
import { Field } from '../field.ts'
import { EntryError, Operator, type OperatorBase } from '../operator.ts'
import { size } from '../size.ts'
import { Parser, parserFields } from './parsers.ts'
import { Recombine } from './recombine.ts'
import { describe, type Problem } from './settings.ts'

export const containerSettings = defineSettings({
  ...parserFields,
  format: attr(oneOf('', 'docker', 'crio', 'containerd'), 'The format; empty: found out for each line.', {
    default: '',
  }),
  add_metadata_from_filepath: attr(bool, "Takes the pod from the file's path, in `log.file.path`.", { default: true }),
  max_log_size: attr(size, 'Bytes of parts put together at most; 0: no limit.', { default: 0 }),
})
type ContainerSettings = SettingsOf<typeof containerSettings>

/** Time, stream, tag (`P`: more follows) and text. */
const criLine = /^(\S+) (stdout|stderr) ([^ ]*) ?(.*)$/s
/** `/var/log/pods/<namespace>_<pod>_<uid>/<container>/<restarts>.log`. */
const podPath = /^.*[/\\]([^_/\\]+)_([^_/\\]+)_([a-f0-9-]+)[/\\]([^._/\\]+)[/\\](\d+)\.log$/
const podAttributes = [
  'k8s.namespace.name',
  'k8s.pod.name',
  'k8s.pod.uid',
  'k8s.container.name',
  'k8s.container.restart_count',
] as const
const pathAttribute = 'log.file.path'
const readTime = goTimeReader('2006-01-02T15:04:05.999999999Z07:00', 'UTC')
/** Paths whose pods are remembered. */
const podsMax = 1024

/** Gives the parts to the recombining operator behind it. */
class ContainerParser extends Parser {
  readonly #settings: ContainerSettings
  readonly #pods = new Map<string, readonly string[]>()

  constructor(base: OperatorBase, settings: ContainerSettings, problem: Problem) {
    super(base, settings, problem, (value) => parseLine(value, settings.format))
    this.#settings = settings
  }

  protected override parsed(entry: Entry): void {
    const { attributes } = entry
    const time = take(attributes, 'time')
    if (typeof time !== 'string') throw new EntryError('failed to get the time')
    const ns = readTime(time, this.context.clock.now())
    if (ns === undefined) throw new EntryError(`failed to parse time: ${JSON.stringify(time)}`)
    entry.timestampNs = ns
    const log = take(attributes, 'log')
    if (log === undefined) throw new EntryError('move: field log does not exist')
    entry.body = log
    const stream = take(attributes, 'stream')
    if (stream === undefined) throw new EntryError('move: field stream does not exist')
    attributes['log.iostream'] = stream
    if (this.#settings.add_metadata_from_filepath) this.#addPod(entry)
  }

  #addPod(entry: Entry): void {
    const path = entry.attributes[pathAttribute]
    if (typeof path !== 'string') throw new EntryError(`type ${describe(path)} cannot be parsed as log path field`)
    let pod = this.#pods.get(path)
    if (pod === undefined) {
      pod = podPath.exec(path)?.slice(1)
      if (pod === undefined) throw new EntryError(`failed to detect a valid log path: ${path}`)
      if (this.#pods.size >= podsMax) this.#pods.clear()
      this.#pods.set(path, pod)
    }
    for (let i = 0; i < podAttributes.length; i++) entry.resource[podAttributes[i] as string] = pod[i] as string
  }
}

function take(map: EntryMap, key: string): EntryMap[string] | undefined {
  if (!Object.hasOwn(map, key)) return undefined
  const value = map[key]
  delete map[key]
  return value
}

function parseLine(value: EntryMap[string], format: string): EntryMap {
  if (typeof value !== 'string') throw new EntryError(`type ${describe(value)} cannot be parsed as container logs`)
  if (format === 'docker' || (format === '' && value.startsWith('{'))) return parseDocker(value)
  const found = criLine.exec(value)
  if (found === null) throw new EntryError('entry cannot be parsed as container logs')
  const [, time, stream, logtag, log] = found as unknown as [string, string, string, string, string]
  if (format === 'containerd' && !time.endsWith('Z')) throw new EntryError('entry cannot be parsed as containerd logs')
  return { time, stream, logtag, log }
}

function parseDocker(text: string): EntryMap {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw new EntryError(`cannot parse JSON: ${error.message}`)
  }
  if (!isEntryMap(parsed as EntryMap[string])) throw new EntryError('entry cannot be parsed as docker container logs')
  const map: EntryMap = {}
  for (const [key, item] of Object.entries(parsed as EntryMap)) put(map, key, item)
  return map
}

/** Docker's lines are whole; the parts of CRI's are put together, by file. */
export class Container extends Operator {
  readonly #parser: ContainerParser
  readonly #recombine: Recombine

  constructor(base: OperatorBase, settings: ContainerSettings, problem: Problem) {
    super(base)
    if (settings.parse_to.toString() !== 'attributes') {
      problem('the container operator parses to attributes', ['parse_to'])
    }
    this.#parser = new ContainerParser({ ...base, condition: undefined }, settings, problem)
    this.#recombine = new Recombine(
      { ...base, condition: undefined },
      {
        isFirst: false,
        matches: ({ attributes }) => attributes['logtag'] !== 'P',
        field: new Field('body', []),
        joinedWith: '',
        entriesMax: 1000,
        unmatchedMax: 100,
        keepsNewest: true,
        flushMs: 5000,
        source: new Field('attributes', [pathAttribute]),
        sourcesMax: 1000,
        bytesMax: settings.max_log_size,
      },
    )
    this.#parser.outputs = [new Route(base, (entry) => this.#route(entry))]
    this.#recombine.outputs = [new Route(base, (entry) => this.write(entry))]
  }

  #route(entry: Entry): void {
    if (entry.attributes['logtag'] === undefined || typeof entry.body !== 'string') this.write(entry)
    else this.#recombine.process(entry)
    this.held = this.#recombine.held
  }

  protected apply(entry: Entry): void {
    this.#parser.process(entry)
    this.errors = this.#parser.errors
  }

  protected override after(): void {}

  override flush(nowMs: number): void {
    this.#recombine.flush(nowMs)
    this.held = this.#recombine.held
  }
}

class Route extends Operator {
  readonly #to: (entry: Entry) => void

  constructor(base: OperatorBase, to: (entry: Entry) => void) {
    super({ ...base, condition: undefined })
    this.#to = to
  }

  protected apply(entry: Entry): void {
    this.#to(entry)
  }

  protected override after(): void {}
}
