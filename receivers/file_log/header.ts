// The lines that a file begins with and that say something of it: attributes for all its entries.
import { open } from 'node:fs/promises'
import type { Host } from '#component'
import { Entry, type EntryMap, Pipeline } from '#component/stanza'
import type { LineEncoding } from '#component/tail'
import { compileRegexp, type Regexp } from '#lib/regexp'
import type { FileLogSettings } from './settings.ts'

/** A header is looked for in so many bytes. */
const headerBytesMax = 64 * 1024

export interface HeaderOptions {
  readonly settings: NonNullable<FileLogSettings['header']>
  readonly host: Host
  readonly encoding: LineEncoding
}

export class FileHeader {
  readonly attributes: EntryMap
  readonly #pattern: Regexp

  private constructor(attributes: EntryMap, pattern: Regexp) {
    this.attributes = attributes
    this.#pattern = pattern
  }

  /** From the file's first lines, where they are had already, or from the file. */
  static async read(path: string, first: readonly string[] | undefined, options: HeaderOptions): Promise<FileHeader> {
    const { settings, host, encoding } = options
    const pattern = compileRegexp(settings.pattern)
    const pipeline = new Pipeline(settings.metadata_operators, host)
    const attributes: EntryMap = {}
    for (const line of first ?? (await firstLines(path, encoding))) {
      if (!pattern.test(line)) break
      for (const entry of pipeline.run([new Entry(line, {}, {}, 0n)]).entries)
        Object.assign(attributes, entry.attributes)
    }
    return new FileHeader(attributes, pattern)
  }

  /** How many of these lines, which begin at that byte, are the header's. */
  linesIn(lines: readonly string[], offset: number): number {
    if (offset > 0) return 0
    let count = 0
    while (count < lines.length && this.#pattern.test(lines[count] as string)) count++
    return count
  }
}

async function firstLines(path: string, encoding: LineEncoding): Promise<string[]> {
  const file = await open(path, 'r').catch(() => undefined)
  if (file === undefined) return []
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(headerBytesMax), 0, headerBytesMax, 0)
    const end = encoding.lastEnd(buffer, 0, bytesRead)
    return end <= 0 ? [] : encoding.decode(buffer, 0, end).split(/\r?\n/)
  } finally {
    await file.close()
  }
}
