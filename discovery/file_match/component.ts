// `local.file_match`: finds files by patterns.
import { stat } from 'node:fs/promises'
import {
  attr,
  type Component,
  type ComponentDefinition,
  defineSettings,
  duration,
  HealthState,
  type Host,
  list,
  type SettingsOf,
  Target,
  target,
  type Timer,
} from '#component'
import { findFiles, globExpression } from '#component/tail'

const settings = defineSettings({
  path_targets: attr(list(target), 'Patterns in `__path__`, of files to leave out in `__path_exclude__`, and labels.', {
    required: true,
  }),
  sync_period: attr(duration, 'How often to look for files.', { default: '10s' }),
  ignore_older_than: attr(duration, 'Leave out files that did not change for so long; 0: none.', { default: '0s' }),
})
type FileMatchSettings = SettingsOf<typeof settings>

export const localFileMatch: ComponentDefinition<FileMatchSettings> = {
  name: 'local.file_match',
  stability: 'generally-available',
  doc: 'Finds files by patterns with `*`, `**` and `{a,b}`.',
  exports: { targets: { type: 'list(target)', doc: 'The files, each with the labels of its pattern.' } },
  settings,
  async create(host, decoded) {
    const component = new FileMatch(host, decoded)
    await component.refresh()
    return component
  },
}

class FileMatch implements Component<FileMatchSettings> {
  readonly #host: Host
  #settings: FileMatchSettings
  #timer: Timer | undefined
  #running = false
  #round = 0

  constructor(host: Host, decoded: FileMatchSettings) {
    this.#host = host
    this.#settings = decoded
  }

  start(): void {
    this.#running = true
    this.#host.setHealth(HealthState.healthy, 'started component')
    this.#wait()
  }

  async update(decoded: FileMatchSettings): Promise<void> {
    this.#settings = decoded
    await this.refresh()
    if (this.#running) this.#wait()
  }

  /** Look for files now. A look that a later one has overtaken changes nothing. */
  async refresh(): Promise<void> {
    const round = ++this.#round
    const found: Target[] = []
    for (const one of this.#settings.path_targets) found.push(...(await this.#match(one)))
    if (round === this.#round) this.#host.setExports({ targets: found })
  }

  async #match(one: Target): Promise<Target[]> {
    const { ignore_older_than: ageMsMax } = this.#settings
    const exclude = one.labels.get('__path_exclude__') ?? ''
    const excluded = exclude === '' ? undefined : globExpression(exclude)
    const found: Target[] = []
    for (const path of await findFiles(one.labels.get('__path__') ?? '')) {
      if (excluded?.test(path)) continue
      if (ageMsMax > 0) {
        const stats = await stat(path).catch(() => undefined)
        if (stats === undefined || stats.mtimeMs < this.#host.clock.now() - ageMsMax) continue
      }
      found.push(new Target(new Map([...one.labels, ['__path__', path]])))
    }
    return found
  }

  #wait(): void {
    this.#timer?.cancel()
    this.#timer = this.#host.clock.setTimeout(() => {
      void this.refresh().then(() => {
        if (this.#running) this.#wait()
      })
    }, this.#settings.sync_period)
  }

  stop(): void {
    this.#running = false
    this.#round++
    this.#timer?.cancel()
  }
}
