// For tests: a host made of files in a temporary directory, and what a collector makes of it.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { defaultSettings } from '#component'
import type { Clock, Logger } from '#component'
import { systemClock } from '#lib/clock'
import type { CollectorDefinition } from './collector.ts'
import { HostFiles } from './files.ts'
import { SampleLines } from './sample_lines.ts'
import { unixSettings } from './settings.ts'
import type { UnixSettings } from './settings.ts'

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} }

/** Content by path below the host's root (`proc/stat`, `sys/class/…`, `udev/b8:0`, `root/etc/os-release`); `-> x`: a link. */
export type FixtureFiles = Readonly<Record<string, string>>

export interface FixtureOptions {
  /** Laid over the default settings, block by block. */
  readonly settings?: { readonly [K in keyof UnixSettings]?: Partial<UnixSettings[K]> | UnixSettings[K] }
  readonly clock?: Clock
  readonly log?: Logger
  readonly enabled?: readonly string[]
}

/** A directory with `files`, to be removed with `remove`. */
export class FixtureHost {
  readonly directory: string
  constructor(files: FixtureFiles) {
    this.directory = mkdtempSync(join(tmpdir(), 'unix-exporter-'))
    for (const name of ['proc', 'sys', 'udev', 'root']) mkdirSync(join(this.directory, name))
    for (const [path, content] of Object.entries(files)) this.write(path, content)
  }

  write(path: string, content: string): void {
    const full = join(this.directory, path)
    mkdirSync(path.endsWith('/') ? full : dirname(full), { recursive: true })
    if (path.endsWith('/')) return
    if (content.startsWith('-> ')) symlinkSync(content.slice(3), full)
    else writeFileSync(full, content)
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true })
  }

  settings(overrides: FixtureOptions['settings'] = {}): UnixSettings {
    const merged: Record<string, unknown> = {
      ...defaultSettings(unixSettings),
      procfs_path: join(this.directory, 'proc'),
      sysfs_path: join(this.directory, 'sys'),
      rootfs_path: join(this.directory, 'root'),
      udev_data_path: join(this.directory, 'udev'),
    }
    for (const [key, value] of Object.entries(overrides)) {
      const isBlock = typeof value === 'object' && value !== null && !Array.isArray(value)
      merged[key] = isBlock ? { ...(merged[key] as object), ...value } : value
    }
    return merged as unknown as UnixSettings
  }

  /** A collector of this host: each call of the result is one scrape's samples. */
  collector(definition: CollectorDefinition, options: FixtureOptions = {}): () => Promise<SampleLines> {
    const settings = this.settings(options.settings)
    const { clock = systemClock, log = silent } = options
    const collector = definition.create(settings, {
      clock,
      log,
      enabled: new Set(options.enabled ?? [definition.name]),
    })
    const files = new HostFiles(settings)
    return async () => {
      const sink = new SampleLines()
      await collector.collect(sink, files, new AbortController().signal)
      return sink
    }
  }
}

/** One scrape's lines of a host made for it. */
export async function collectOnce(
  definition: CollectorDefinition,
  files: FixtureFiles,
  options: FixtureOptions = {},
): Promise<string[]> {
  const host = new FixtureHost(files)
  try {
    return (await host.collector(definition, options)()).lines
  } finally {
    host.remove()
  }
}
